"""Components, diameter and mean path length, by breadth-first search.

Searches run from 64 vertices at a time: bit k of a vertex's word tells whether source k has
reached it, and a level of all 64 searches is one OR along the edges of the vertices reached last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._support.arrays import Array
from .._support.seeds import Seed, seed_of
from .bipartite import Bipartite, Graph, undirected
from .undirected import Undirected

_WORD = 64
_MAX_STEPS = 2**31  # sources times edges up to which all vertices are sources: seconds


def n_components(graph: Graph | Undirected) -> int:
    """Return the number of connected components; an isolated neuron is one.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.n_components(snn.topology.from_edges(3, 2, [(0, 0), (1, 1)]))
    3
    """
    return undirected(graph).components[0]


@dataclass(frozen=True)
class Distances:
    """Lengths of shortest paths, over the pairs of vertices that have a path.

    Parameters
    ----------
    diameter : int
        The longest of them; a lower bound where not exact.
    mean_path_length : float
        Their mean, over pairs of distinct vertices; an estimate where not exact.
    exact : bool
        Whether the searches went out from all vertices, or from all that differ, rather than from
        a sample.
    """

    diameter: int
    mean_path_length: float
    exact: bool


def distances(graph: Graph | Undirected, *, seed: Seed = 0) -> Distances:
    """Return the diameter and the mean path length.

    Edges are walked both ways. A disconnected graph has no finite diameter; here pairs without
    a path are left out. The searches go out from all vertices if vertices times edges are 2**30 at
    most, and from one of each side if all of a side are alike, as in a circulant. In other, larger
    graphs they go out from a sample of 64 vertices.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.
    seed : int, SeedSequence, Generator or None
        Of the sample, where one is drawn. None draws another at each call.

    Returns
    -------
    Distances

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, the widths of the layers do not fit, or the seed is invalid.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.distances(snn.topology.regular_rotating(5, 5, degree=2))  # a ring of ten
    Distances(diameter=5, mean_path_length=2.7777777777777777, exact=True)
    """
    whole, seed = undirected(graph), seed_of(seed)
    found = _by_symmetry(whole) if isinstance(whole, Bipartite) else None
    if found is not None:
        return found
    n, (indptr, neighbours) = whole.n_vertices, _neighbours(whole)
    exact = n * len(neighbours) <= _MAX_STEPS
    sources = np.arange(n) if exact else np.random.default_rng(seed).permutation(n)[:_WORD]
    pairs: list[int] = []
    for first in range(0, len(sources), _WORD):
        batch = sources[first : first + _WORD]
        for length, count in enumerate(_pairs_by_distance(indptr, neighbours, batch)):
            if length == len(pairs):
                pairs.append(0)
            pairs[length] += count
    return _summary(pairs, exact)


def _by_symmetry(whole: Bipartite) -> Distances | None:
    """Distances where all vertices of a side are alike; else None."""
    n_left, n_right = whole.n_left, whole.n_right
    if whole.is_complete:
        pairs = [n_left * n_right, math.comb(n_left, 2) + math.comb(n_right, 2)]
        return _summary(pairs, exact=True)
    if not whole.transitive:
        return None
    indptr, neighbours = _neighbours(whole)
    left = list(_pairs_by_distance(indptr, neighbours, np.array([0])))
    right = list(_pairs_by_distance(indptr, neighbours, np.array([n_left])))
    levels = max(len(left), len(right))
    left, right = (side + [0] * (levels - len(side)) for side in (left, right))
    pairs = [n_left * a + n_right * b for a, b in zip(left, right, strict=True)]
    return _summary(pairs, exact=True)


def _neighbours(whole: Undirected) -> tuple[Array, Array]:
    return whole.adjacency.indptr.astype(np.int64), whole.adjacency.indices


def _summary(pairs: list[int], exact: bool) -> Distances:
    """Distances, given the number of pairs at distance 1, 2, ..."""
    while not pairs[-1]:
        pairs.pop()
    total = sum(length * count for length, count in enumerate(pairs, start=1))
    return Distances(len(pairs), total / sum(pairs), exact)


def _pairs_by_distance(indptr: Array, neighbours: Array, sources: Array) -> Iterator[int]:
    """Yield the number of (source, vertex) pairs at distance 1, 2, ..., of up to 64 sources."""
    n = len(indptr) - 1
    degrees = np.diff(indptr)
    frontier = np.zeros(n, dtype=np.uint64)
    frontier[sources] = np.uint64(1) << np.arange(len(sources), dtype=np.uint64)
    reached = frontier.copy()
    while True:
        active = np.flatnonzero(frontier)
        lengths = degrees[active]
        ends = np.cumsum(lengths)
        edges = np.arange(ends[-1]) + np.repeat(indptr[active] - ends + lengths, lengths)
        words = np.repeat(frontier[active], lengths)
        frontier = np.zeros(n, dtype=np.uint64)
        np.bitwise_or.at(frontier, neighbours[edges], words)
        frontier &= ~reached
        reached |= frontier
        count = int(np.bitwise_count(frontier).sum(dtype=np.int64))
        if not count:
            return
        yield count
