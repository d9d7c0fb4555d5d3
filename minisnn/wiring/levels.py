"""Levels of an acyclic graph, and what reaches what in it.

A node's level is the length of the longest path that ends in it. All nodes of a level are handled
at once, so that a graph takes time by its edges and by its levels, not by its paths.
"""

from __future__ import annotations

import numpy as np
import scipy

from .._support.arrays import Array


def longest_paths(n: int, sources: Array, targets: Array) -> Array:
    """Return the level of each node, int64[n]; -1 on a cycle and behind one (Kahn's algorithm)."""
    indptr, order = by_node(n, sources)
    readers = targets[order]
    waits_for = np.bincount(targets, minlength=n)
    levels = np.full(n, -1)
    ready, level = np.flatnonzero(waits_for == 0), 0
    while ready.size:
        levels[ready] = level
        read = readers[ranges(indptr[ready], indptr[ready + 1])]
        np.subtract.at(waits_for, read, 1)
        ready, level = np.unique(read[waits_for[read] == 0]), level + 1
    return levels


def shortest_cycle(n: int, sources: Array, targets: Array) -> tuple[list[int], int]:
    """Return the nodes of a short cycle, and the number of nodes that lie on cycles.

    There must be a cycle of two nodes or more. It is a shortest one through a node of the smallest
    strongly connected component.
    """
    from scipy.sparse import csgraph  # takes 60 ms to import

    ones = np.ones(sources.size, dtype=np.uint8)
    graph = scipy.sparse.csr_array((ones, (sources, targets)), shape=(n, n))
    _, components = csgraph.connected_components(graph, connection="strong")
    sizes = np.bincount(components)
    smallest = np.where(sizes > 1, sizes, n + 1).argmin()
    start = int(np.flatnonzero(components == smallest)[0])
    reached, before = csgraph.breadth_first_order(graph, start)
    closes = np.zeros(n, dtype=bool)
    closes[sources[targets == start]] = True
    node = int(reached[closes[reached]][0])  # they are in order of their distance
    path = [node]
    while node != start:
        node = int(before[node])
        path.append(node)
    return path[::-1], int(sizes[sizes > 1].sum())


def reached(n: int, sources: Array, targets: Array, marked: Array) -> Array:
    """Return which nodes the marked ones reach, themselves among them, bool[n].

    With sources and targets exchanged: which nodes reach a marked one.
    """
    from scipy.sparse import csgraph  # takes 60 ms to import

    first = np.flatnonzero(marked)
    begin = np.concatenate([sources, np.full(first.size, n)])  # one more node leads to the marked
    end = np.concatenate([targets, first])
    ones = np.ones(begin.size, dtype=np.uint8)
    graph = scipy.sparse.csr_array((ones, (begin, end)), shape=(n + 1, n + 1))
    found = np.zeros(n + 1, dtype=bool)
    found[csgraph.breadth_first_order(graph, n, return_predecessors=False)] = True
    return found[:n]


def by_node(n: int, nodes: Array) -> tuple[Array, Array]:
    """Return CSR pointers by node, int64[n + 1], and the order that sorts entries by node."""
    return counts_to_indptr(np.bincount(nodes, minlength=n)), np.argsort(nodes, kind="stable")


def counts_to_indptr(counts: Array) -> Array:
    """Return where each of some consecutive runs begins, and where the last ends, int64[n + 1]."""
    return np.concatenate([[0], np.cumsum(counts)])


def ranges(begins: Array, ends: Array) -> Array:
    """Return the whole numbers of several ranges, one range after the other."""
    lengths = ends - begins
    offsets = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(begins - offsets, lengths)
