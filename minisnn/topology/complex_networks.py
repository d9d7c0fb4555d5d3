"""Bipartite versions of the small-world and scale-free graphs of network science."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .._support.checks import check_number
from .._support.seeds import Seed, seed_of
from .assembly import check_degree, even_bounds, from_pairs, from_targets
from .graph import Topology
from .registry import construction


@construction
def small_world(
    n_in: int, n_out: int, degree: int, *, beta: float = 0.1, seed: Seed = None
) -> Topology:
    """Return neighbourhoods with shortcuts: windows of inputs, a few of whose edges are rewired.

    Right neuron j has edges from the window of inputs around j * n_in / n_out, wrapped. Each edge
    is rewired with probability ``beta``: it moves to a random input that no other edge of its right
    neuron takes. With beta = 0 all edges are local, with beta = 1 all are random.

    Source: D. J. Watts, S. H. Strogatz, "Collective dynamics of 'small-world' networks", 1998,
    doi:10.1038/30918. Their ring of neighbours becomes a window between two layers. A window has
    degree * n_in / n_out inputs, rounded so that the sum over all windows is degree * n_in; the
    degree of left neurons is therefore a mean.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Mean edges per left neuron, 1 to n_out.
    beta : float
        Probability that an edge is rewired, 0 to 1.
    seed : int, SeedSequence or Generator, optional
        Seed of the rewiring. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the degree is not between 1 and n_out, or beta not between 0 and 1.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.small_world(4, 4, degree=3, beta=0, seed=0).to_dense()
    array([[1, 1, 0, 1],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [1, 0, 1, 1]], dtype=uint8)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    beta = check_number(beta, "beta", 0)
    if beta > 1:
        raise ValueError(f"beta is a probability, 0 to 1, got {beta}")
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    bounds = even_bounds(n_in * degree, n_out)
    counts = np.diff(bounds)
    targets = np.repeat(np.arange(n_out), counts)
    firsts = np.arange(n_out) * n_in // n_out - counts // 2
    sources = (np.repeat(firsts - bounds[:-1], counts) + np.arange(bounds[-1])) % n_in
    rewired = rng.random(sources.size) < beta
    for begin, end in pairwise(bounds):
        moving = rewired[begin:end]
        kept = np.sort(sources[begin:end][~moving])
        chosen = rng.choice(n_in - kept.size, np.count_nonzero(moving), replace=False)
        # The r-th input that is not kept comes after as many kept ones as have at most r others
        # before them.
        chosen += np.searchsorted(kept - np.arange(kept.size), chosen, side="right")
        sources[begin:end][moving] = chosen
    return from_pairs(
        n_in,
        n_out,
        sources,
        targets,
        name="small_world",
        parameters={"degree": degree, "beta": beta, "seed": seed},
    )


@construction
def scale_free(n_in: int, n_out: int, degree: int, *, seed: Seed = None) -> Topology:
    """Return a graph with hubs: right degrees follow a power law with an exponent of about 3.

    The power law holds in large sparse graphs. In dense graphs the hubs saturate: every left neuron
    has an edge to them already.

    Left neurons join one after the other, and right neurons join along with them at an even pace. A
    new right neuron gets its first edge from the left neuron that joins with it, so none is dead if
    there are enough edges. The other edges of a left neuron go to distinct right neurons, with a
    probability proportional to k + a, where k is the degree of the right neuron so far. Every left
    neuron has ``degree`` edges. Finally the neurons of both sides are numbered at random, so that
    hubs may be anywhere.

    Source: A.-L. Barabási, R. Albert, "Emergence of scaling in random networks", 1999,
    doi:10.1126/science.286.5439.509. The term k + a leads to the exponent
    2 + a / (mean right degree): S. N. Dorogovtsev, J. F. F. Mendes, A. N. Samukhin, 2000,
    doi:10.1103/PhysRevLett.85.4633. Interpretation for two layers: a is the mean right degree, so
    that the exponent is that of Barabási and Albert. The first edges and the finite size raise it a
    little.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron, 1 to n_out.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the degree is not between 1 and n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> graph = snn.topology.scale_free(1000, 1000, degree=4, seed=1)
    >>> int(graph.in_degrees.min()), int(graph.in_degrees.max())
    (1, 56)
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    attractiveness = degree * n_in / n_out
    # The first left neuron joins with as many right neurons as it has edges.
    joined = degree + np.arange(n_in) * (n_out - degree) // max(n_in - 1, 1)
    degrees = np.zeros(n_out)
    targets = np.empty((n_in, degree), dtype=np.int64)
    ends = targets.ravel()  # of all edges so far: hubs are frequent
    n_old = 0
    for i, row in enumerate(targets):
        n_edges, n_now = i * degree, joined[i]
        # By k + a: the end of some edge so far, or any neuron, in the ratio of the sums of k and a
        n_draws = 2 * degree
        share = n_edges / (n_edges + attractiveness * n_now)
        draws = rng.integers(n_now, size=n_draws)
        by_edge = rng.random(n_draws) < share
        draws[by_edge] = ends[rng.integers(max(n_edges, 1), size=n_draws)[by_edge]]
        chosen = list(dict.fromkeys([*range(n_old, n_now), *draws.tolist()]))[:degree]
        missing = degree - len(chosen)
        if missing:  # same law among the others, in time proportional to neurons, not edges
            waiting = rng.exponential(size=n_now) / (degrees[:n_now] + attractiveness)
            waiting[chosen] = np.inf
            chosen += np.argpartition(waiting, missing - 1)[:missing].tolist()
        row[:] = chosen
        degrees[row] += 1
        n_old = n_now
    targets = rng.permutation(rng.permutation(n_out)[targets])
    parameters = {"degree": degree, "seed": seed}
    return from_targets(targets, n_out, name="scale_free", parameters=parameters)
