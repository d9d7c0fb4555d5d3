"""Random graphs without structure: nothing held fixed, left degrees, or both sides' degrees."""

from __future__ import annotations

import numpy as np

from ..checks import check_number, check_seed
from ..graph import Array, Topology
from ..structure import check_size, check_widths
from .assembly import check_degree, even_bounds, from_pairs, from_targets


def erdos_renyi(n_in: int, n_out: int, degree: float, *, seed: int = 0) -> Topology:
    """Return a random graph in which each edge is there with probability degree / n_out.

    Every edge is drawn independently of all others, so neither degrees nor the number of edges
    are fixed. Neurons of either side that are left without an edge stay so: to help them would
    make edges depend on each other. `minisnn.MLP` warns of them; `biregular` has none where there
    are edges enough. Only a graph without any edge is drawn again.

    Source: E. N. Gilbert, "Random Graphs", 1959, doi:10.1214/aoms/1177706098; for layers, Mocanu
    et al., 2018, doi:10.1038/s41467-018-04316-3 (SET). The gaps between edges are drawn, which
    costs time by edges and not by pairs: Batagelj and Brandes, 2005,
    doi:10.1103/PhysRevE.71.036113.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : float
        Expected edges per left neuron, above 0 and up to n_out: the density times n_out.
    seed : int
        Seed of the draws.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        Where the degree is not above 0 and up to n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.erdos_renyi(100, 200, degree=7.5, seed=1)
    Topology(erdos_renyi, 100 -> 200, degree=7.5, seed=1, n_edges=755, density=3.77 %)
    """
    n_in, n_out = check_widths(n_in, n_out)
    expected = check_number(degree, "degree", 0)
    if not 0 < expected <= n_out:
        raise ValueError(
            f"degree must be above 0 and up to n_out = {n_out} edges per left neuron, got {degree}"
        )
    check_size(n_in, n_out, n_in * expected)
    rng = np.random.default_rng(check_seed(seed))
    edges = np.empty(0, dtype=np.int64)
    while not edges.size:
        edges = _bernoulli(rng, n_in * n_out, expected / n_out)
    return from_pairs(
        n_in,
        n_out,
        edges // n_out,
        edges % n_out,
        name="erdos_renyi",
        parameters={"degree": degree, "seed": seed},
    )


def _bernoulli(rng: np.random.Generator, n: int, probability: float) -> Array:
    """Return which of n independent trials succeed, ascending; from one success to the next."""
    pieces, last = [], -1
    while last < n:
        missing = (n - last) * probability
        gaps = rng.geometric(probability, size=int(missing + 5 * missing**0.5) + 10)
        places = last + np.cumsum(np.minimum(gaps, n + 1))  # a longer gap ends it all the same
        pieces.append(places)
        last = int(places[-1])
    places = np.concatenate(pieces)
    return places[places < n]


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
    parameters = {"degree": degree, "seed": seed}
    return from_targets(targets, n_out, name="constant_degree", parameters=parameters)


def biregular(n_in: int, n_out: int, degree: int, *, seed: int = 0) -> Topology:
    """Return a random graph in which left degrees are equal and right degrees differ by at most 1.

    Right degrees are equal where n_out divides n_in * degree; else chance says which neurons have
    one edge more. A random bi-regular graph is nearly Ramanujan with high probability: Brito,
    Dumitriu, Harris, 2022, doi:10.1017/S0963548321000249.

    Source: the configuration model, Bollobás, 1980, doi:10.1016/S0195-6698(80)80030-8. Edges that
    come twice exchange their right ends with random others until none does, which keeps all
    degrees and is near, not at, a uniform choice among all such graphs. Above half the density
    the complement is drawn, for which exchanges are easy to find.

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
    >>> graph = snn.topology.biregular(50, 20, degree=3)
    >>> set(graph.out_degrees.tolist()), sorted(set(graph.in_degrees.tolist()))
    ({3}, [7, 8])
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    rng = np.random.default_rng(check_seed(seed))
    targets = _biregular(rng, n_in, n_out, min(degree, n_out - degree))
    if degree > n_out - degree:
        absent = np.ones((n_in, n_out), dtype=bool)
        np.put_along_axis(absent, targets, False, axis=1)
        targets = np.nonzero(absent)[1].reshape(n_in, degree)
    parameters = {"degree": degree, "seed": seed}
    return from_targets(targets, n_out, name="biregular", parameters=parameters)


def _biregular(rng: np.random.Generator, n_in: int, n_out: int, degree: int) -> Array:
    """Return distinct right neurons of each left one, int64[n_in, degree]; 2 * degree <= n_out."""
    shares = np.diff(even_bounds(n_in * degree, n_out))
    targets = rng.permutation(np.repeat(rng.permutation(n_out), shares))
    keys = np.repeat(np.arange(n_in), degree) * n_out + targets  # one number for an edge
    while True:
        keys.sort()
        repeated = np.flatnonzero(keys[1:] == keys[:-1])
        if not repeated.size:
            return (keys % n_out).reshape(n_in, degree)
        pairs = np.stack([repeated, rng.integers(keys.size, size=repeated.size)])
        sources, targets = np.divmod(keys[pairs], n_out)
        exchanged = sources * n_out + targets[::-1]
        # All exchanges happen at once, so each must be good whatever becomes of the others: no
        # edge that another one touches or makes too, and none that the graph has.
        found = keys[np.minimum(np.searchsorted(keys, exchanged), keys.size - 1)]
        is_good = (_is_unique(pairs) & _is_unique(exchanged) & (found != exchanged)).all(axis=0)
        keys[pairs[:, is_good]] = exchanged[:, is_good]


def _is_unique(values: Array) -> Array:
    """Return which of the values come once."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[inverse] == 1
