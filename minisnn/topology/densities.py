"""Densities of layers: the edges of a network, shared out by Erdős-Rényi scaling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .._support.checks import as_list, check_number
from .validation import check_widths


def erk_densities(widths: Sequence[int], density: float) -> tuple[float, ...]:
    """Return the density of each layer by Erdős-Rényi scaling: small layers get denser.

    Layer densities are proportional to (n_in + n_out) / (n_in * n_out), so that edges are
    proportional to neurons. A layer whose density would exceed 1 becomes complete, and its surplus
    goes to the other layers. So the number of edges of the whole network is kept. The alternative,
    *uniform*, is the same ``density`` in each layer. The degree of a layer is ``density * n_out``.

    Source: Mocanu et al., 2018, doi:10.1038/s41467-018-04316-3 (SET). U. Evci et al.,
    arXiv:1911.11134 (RigL), add the limit, and kernels of convolutions: hence ERK.

    Parameters
    ----------
    widths : sequence of int
        Neurons of each level, the inputs first; at least two.
    density : float
        Edges of the whole network as a share of those of the complete one, above 0 and up to 1.

    Returns
    -------
    tuple of float
        The density of each layer, above 0 and up to 1.

    Raises
    ------
    ValueError
        If there are fewer than two widths, or the density is not above 0 and up to 1.

    Examples
    --------
    >>> import minisnn as snn
    >>> [round(density, 3) for density in snn.topology.erk_densities([784, 1000, 10], 0.05)]
    [0.038, 1.0]
    """
    levels = as_list(widths, "widths", "numbers of neurons")
    if len(levels) < 2:
        raise ValueError(f"widths must name two levels of neurons at least, got {levels}")
    share = check_number(density, "density", 0)
    if not 0 < share <= 1:
        raise ValueError(f"density must be above 0 and up to 1, got {density}")
    shapes = np.array([check_widths(*shape) for shape in pairwise(levels)], dtype=float)
    sizes, neurons = shapes.prod(axis=1), shapes.sum(axis=1)
    densities = np.ones(len(sizes))
    is_sparse = np.ones(len(sizes), dtype=bool)
    while is_sparse.any():
        n_edges = share * sizes.sum() - sizes[~is_sparse].sum()
        wanted = n_edges * neurons[is_sparse] / neurons[is_sparse].sum() / sizes[is_sparse]
        densities[is_sparse] = np.minimum(wanted, 1)
        if (wanted <= 1).all():
            break
        is_sparse &= densities < 1
    return tuple(densities.tolist())
