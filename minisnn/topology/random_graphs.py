"""Random graphs without any structure."""

from __future__ import annotations

import numpy as np

from ..checks import check_seed
from ..graph import Topology
from .assembly import check_degree, from_pairs


def constant_degree(n_in: int, n_out: int, degree: int, *, seed: int = 0) -> Topology:
    """Return a random graph in which each left neuron has ``degree`` distinct right ones.

    Source: arXiv:1706.05683, "probabilistic constant left-degree expander": with high probability
    such a graph is an expander. Each left neuron draws without replacement, independently.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.
    seed : int
        Seed of the draws.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        Where the degree is not between 1 and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> set(snn.topology.constant_degree(50, 20, degree=3).out_degrees.tolist())
    {3}
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    rng = np.random.default_rng(check_seed(seed))
    targets = np.empty((n_in, degree), dtype=np.int64)
    for row in targets:
        row[:] = rng.choice(n_out, size=degree, replace=False, shuffle=False)
    sources = np.repeat(np.arange(n_in), degree)
    return from_pairs(
        n_in,
        n_out,
        sources,
        targets.ravel(),
        name="constant_degree",
        parameters={"degree": degree, "seed": seed},
    )
