"""Layout of a wiring: terms in the order of their levels, edges as rows of CSR matrices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._support.arrays import Array, frozen
from .._support.memory import check_fits
from .levels import by_node, counts_to_indptr, ranges
from .parts import Parts


class Rows(NamedTuple):
    """Edges in CSR by the target, each row ascending.

    Parameters
    ----------
    indptr : array of int64, shape (n + 1,)
        Where the edges of each target begin.
    indices : array of int32, shape (n_edges,)
        Source of each edge.
    """

    indptr: Array
    indices: Array


class Layout(NamedTuple):
    """Order and arrays that follow from a wiring's parts and its levels.

    Parameters
    ----------
    order : array of int64, shape (n_terms,)
        Terms, as numbered in the parts, by level.
    levels, units : array of int64, shape (n_terms,)
        Level and neurons of each term in this order.
    row_starts : array of int64, shape (n_terms + 1,)
        Row at which each term begins.
    level_starts : array of int64, shape (n_levels + 2,)
        Row at which each level begins.
    terms, neurons : Rows
        Edges between terms, and between neurons.
    weights : array of float64, shape (n_edges,), or None
        Weight of each edge.
    """

    order: Array
    levels: Array
    units: Array
    row_starts: Array
    level_starts: Array
    terms: Rows
    neurons: Rows
    weights: Array | None


def lay_out(parts: Parts, levels: Array) -> Layout:
    """Return the layout of checked parts; its arrays are read-only."""
    n = len(parts.terms)
    ranks = {name: place for place, name in enumerate(parts.outputs, start=1)}
    places = np.array([ranks.get(name, 0) for name in parts.terms])
    order = np.lexsort((places, levels))  # outputs are last
    rank = np.empty_like(order)
    rank[order] = np.arange(n)
    sources, targets = rank[parts.sources], rank[parts.targets]
    edges = np.argsort(targets * n + sources)
    terms = Rows(by_node(n, targets)[0], sources[edges].astype(np.int32))
    levels, units = levels[order], parts.units[order]
    row_starts = counts_to_indptr(units)
    first_terms = np.searchsorted(levels, np.arange(levels[-1] + 2))
    return Layout(
        frozen(order),
        frozen(levels),
        frozen(units),
        frozen(row_starts),
        frozen(row_starts[first_terms]),
        Rows(*map(frozen, terms)),
        Rows(*map(frozen, _between_neurons(terms, units, row_starts))),
        None if parts.weights is None else frozen(parts.weights[edges]),
    )


def _between_neurons(terms: Rows, units: Array, row_starts: Array) -> Rows:
    """Return the edges between neurons: each of a term's units reads all units of its sources."""
    if units.max() == 1:
        return terms
    sources = terms.indices
    widths = counts_to_indptr(units[sources])[terms.indptr]
    n_edges = int((np.diff(widths) * units).sum())
    check_fits(20 * n_edges, f"a wiring of {n_edges} edges", "take fewer units")
    read = ranges(row_starts[sources], row_starts[sources + 1]).astype(np.int32)
    begins, ends = np.repeat(widths[:-1], units), np.repeat(widths[1:], units)
    return Rows(counts_to_indptr(ends - begins), read[ranges(begins, ends)])
