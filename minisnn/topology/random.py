"""Random graphs: independent edges, or a fixed number of edges, left degrees or both degrees."""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_number, check_positive_integer
from .._support.seeds import Seed, seed_of
from .assembly import check_degree, even_bounds, from_pairs, from_targets, subset
from .graph import Topology
from .registry import construction
from .validation import check_size, check_widths


@construction
def constant_degree(n_in: int, n_out: int, degree: int, *, seed: Seed = None) -> Topology:
    """Return a random graph in which each left neuron has ``degree`` distinct right ones.

    Each left neuron draws without replacement, independently of the others.

    Source: arXiv:1706.05683, "probabilistic constant left-degree expander": with high probability
    such a graph is an expander.

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
    >>> set(snn.topology.constant_degree(50, 20, degree=3, seed=0).out_degrees.tolist())
    {3}
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    targets = np.empty((n_in, degree), dtype=np.int64)
    for row in targets:
        row[:] = rng.choice(n_out, size=degree, replace=False, shuffle=False)
    parameters = {"degree": degree, "seed": seed}
    return from_targets(targets, n_out, name="constant_degree", parameters=parameters)


@construction
def erdos_renyi(n_in: int, n_out: int, degree: float, *, seed: Seed = None) -> Topology:
    """Return a random graph in which each edge exists with probability degree / n_out.

    Every edge is drawn independently of all others, so the number of edges and the degrees are
    random. The number of edges has the mean n_in * degree and a standard deviation of at most the
    square root of that; `scattered` has exactly the number asked for. Neurons of either side may
    have no edge, and stay so: to repair them would make edges depend on each other. `minisnn.MLP`
    warns of them; `biregular` has none if there are enough edges. A graph without any edge is never
    returned: the distribution is conditional on at least one edge.

    Source: E. N. Gilbert, "Random Graphs", 1959, doi:10.1214/aoms/1177706098; for layers, Mocanu
    et al., 2018, doi:10.1038/s41467-018-04316-3 (SET). The gaps between edges are drawn, so time is
    proportional to edges, not pairs: Batagelj and Brandes, 2005, doi:10.1103/PhysRevE.71.036113.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : float
        Expected edges per left neuron, above 0 and up to n_out: the density times n_out.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the degree is not above 0 and up to n_out.

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
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
    n, probability = n_in * n_out, max(expected / n_out, float(np.finfo(float).tiny))
    edges = _bernoulli(rng, n, probability)
    if not edges.size:
        first = _first_success(rng, n, probability)
        others = first + 1 + _bernoulli(rng, n - first - 1, probability)
        edges = np.array([first, *others])
    return from_pairs(
        n_in,
        n_out,
        edges // n_out,
        edges % n_out,
        name="erdos_renyi",
        parameters={"degree": degree, "seed": seed},
    )


def _bernoulli(rng: np.random.Generator, n: int, probability: float) -> Array:
    """Return which of n independent trials succeed, ascending; draws the gaps between successes."""
    pieces: list[Array] = []
    last = -1
    while True:
        missing = (n - last) * probability
        gaps = rng.geometric(probability, size=int(missing + 5 * missing**0.5) + 10)
        places = last + np.cumsum(np.minimum(gaps, n + 1))  # a longer gap ends the series, too
        beyond = np.flatnonzero(places >= n)
        if beyond.size:  # later places may have overflowed
            return np.concatenate([*pieces, places[: beyond[0]]])
        pieces.append(places)
        last = int(places[-1])


def _first_success(rng: np.random.Generator, n: int, probability: float) -> int:
    """Return the first of n independent trials to succeed, given that one does.

    The inverse of P(first < k) = (1 - q^k) / (1 - q^n), where q = 1 - probability < 1.
    """
    log_q = np.log1p(-probability)
    first = np.log1p(rng.random() * np.expm1(n * log_q)) / log_q
    return min(int(first), n - 1)  # rounding may reach n


@construction
def scattered(n_in: int, n_out: int, n_edges: int, *, seed: Seed = None) -> Topology:
    """Return a random graph of exactly ``n_edges`` edges, uniform among all such graphs.

    This is `erdos_renyi` conditional on its number of edges. Degrees are random, and neurons of
    either side may have no edge; `minisnn.MLP` warns of those.

    Source: P. Erdős, A. Rényi, "On random graphs I", Publicationes Mathematicae 6, 1959, whose
    graphs of n vertices and N edges become graphs between two layers. Edges are drawn until enough
    are distinct; for a dense graph, the missing edges are drawn. Time and memory are proportional
    to edges.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    n_edges : int
        Number of edges, 1 to n_in * n_out.
    seed : int, SeedSequence or Generator, optional
        Seed of the draws. By default fresh; kept in ``parameters["seed"]``.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the number of edges is not between 1 and n_in * n_out.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.scattered(100, 200, n_edges=750, seed=1)
    Topology(scattered, 100 -> 200, seed=1, n_edges=750, density=3.75 %)
    """
    n_in, n_out = check_widths(n_in, n_out)
    n, n_edges = n_in * n_out, check_positive_integer(n_edges, "n_edges")
    if n_edges > n:
        raise ValueError(f"n_edges must be between 1 and n_in * n_out = {n}, got {n_edges}")
    check_size(n_in, n_out, n_edges)
    seed = seed_of(seed)
    edges = subset(np.random.default_rng(seed), n, n_edges)
    return from_pairs(
        n_in, n_out, edges // n_out, edges % n_out, name="scattered", parameters={"seed": seed}
    )


@construction
def biregular(n_in: int, n_out: int, degree: int, *, seed: Seed = None) -> Topology:
    """Return a random graph in which left degrees are equal and right degrees differ by at most 1.

    Right degrees are equal if n_out divides n_in * degree; otherwise neurons with one edge more are
    chosen at random. A random bi-regular graph is nearly Ramanujan with high probability: Brito,
    Dumitriu, Harris, 2022, doi:10.1017/S0963548321000249.

    Source: the configuration model, Bollobás, 1980, doi:10.1016/S0195-6698(80)80030-8. Repeated
    edges exchange their right ends with random other edges until none is repeated. This keeps all
    degrees, and is close to a uniform choice among all such graphs, but not exactly uniform. Above
    half the density the complement is drawn, for which exchanges are easy to find.

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
    >>> graph = snn.topology.biregular(50, 20, degree=3, seed=0)
    >>> set(graph.out_degrees.tolist()), sorted(set(graph.in_degrees.tolist()))
    ({3}, [7, 8])
    """
    n_in, n_out, degree = check_degree(n_in, n_out, degree)
    seed = seed_of(seed)
    rng = np.random.default_rng(seed)
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
        # All exchanges happen at once, so each must be valid independently of the others: its edges
        # are not touched or made by another one, and not in the graph.
        found = keys[np.minimum(np.searchsorted(keys, exchanged), keys.size - 1)]
        is_good = (_is_unique(pairs) & _is_unique(exchanged) & (found != exchanged)).all(axis=0)
        keys[pairs[:, is_good]] = exchanged[:, is_good]


def _is_unique(values: Array) -> Array:
    """Return a mask of the values that are not repeated."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[inverse] == 1
