"""Reads of a product, and their reuse: what a cache of some size has of them already.

In a product W X, rows of W come by one after the other, one or two at a time: a *turn*. For each of
its columns, a turn reads a row of X, in the order of the columns. Let b_t be the share of these
reads whose column none of the t turns before has read, and n their number in one turn. Then t turns
have read, on average, ::

    n (1 + b_1 + ... + b_(t-1))

different rows of X. A cache with room for so many has what the last t turns have read, and misses
b_t of all reads. If it has not even room for the n rows of one turn, each is gone before the next
turn comes, and all are missed. (The working sets of P. Denning, Communications of the ACM, 1968;
in the form of X. Xiang et al., "HOTL: a higher order theory of locality", ASPLOS 2013.)

So a regular graph, of which a turn reads what the one before has read, needs room for one turn. A
random one needs room for all columns, and any long-range graph for those of one stride. In blocks
of columns, a turn reads fewer columns in one go, and b_t stays the same.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.jit import jit
from ..machine.layout import read_only

Array = npt.NDArray[Any]

_DISTANCES, _MANY = 3, 0.2
"""Distances that are kept, and the share of the edges that each must have."""

_SAMPLE = 2**13
"""Edges of the rows from which the reads of a turn within a block are known."""


@jit
def _count_distances(indptr, indices, order, at_once, last, distances):  # type: ignore[no-untyped-def]
    """Count how many turns ago each column was read: if never, at the end.

    order : uint32[n_rows]; last : int64[n_columns], -1; distances : int64[turns + 1], zeros.
    """
    never = distances.shape[0] - 1
    for place in range(order.shape[0]):
        i, turn = np.intp(order[place]), place // at_once
        for k in range(indptr[i], indptr[i + 1]):
            before = last[indices[k]]
            distances[never if before < 0 else turn - before] += 1
            last[indices[k]] = turn


class Reads:
    """Reads of a product.

    Parameters
    ----------
    indptr, indices
        The matrix's rows, of ascending columns.
    n_columns
        Number of its columns.
    order
        The rows in the order in which they are taken two at a time: uint32[n_rows]. By default
        each is taken by itself.

    Attributes
    ----------
    indptr, indices, n_rows, n_columns, n_edges, at_once
        The matrix, its sizes, and the rows of a turn.
    number
        Reads of all turns: each reads a column once, however many of its rows have it.
    distances
        Numbers of turns ago in which many of the columns were read last, most first.
    """

    def __init__(
        self, indptr: Array, indices: Array, n_columns: int, order: Array | None = None
    ) -> None:
        self.indptr, self.indices = indptr, indices
        self.n_rows, self.n_columns, self.n_edges = len(indptr) - 1, n_columns, len(indices)
        self.at_once = 1 if order is None else 2
        order = np.arange(self.n_rows, dtype=np.uint32) if order is None else order
        distances = np.zeros(-(-self.n_rows // self.at_once) + 1, np.int64)
        last = np.full(n_columns, -1, np.int64)
        _count_distances(
            read_only(indptr), read_only(indices), order, self.at_once, last, distances
        )
        self.number = self.n_edges - int(distances[0])
        shares = distances[1:] / max(1, self.number)
        found = 1 + np.argsort(-shares[:-1], kind="stable")[:_DISTANCES]
        self.distances = found[distances[found] >= _MANY * max(1, self.n_edges)]
        # First reads are missed whatever is done: they do not count.
        self._again = shares[:-1].sum()
        self._missed = self._again - np.cumsum(shares[:-1])  # b_1, b_2, ... but for first reads
        b = self._missed + 1 - self._again
        self._rooms = 1 + np.cumsum(b) - b  # of 1, 2, ... turns, as multiples of the reads of one

    def missed(self, columns: int, rooms: Array) -> Array:
        """Return the shares of the reads that are missed, though they were made before.

        Parameters
        ----------
        columns
            Number of columns of a block.
        rooms
            Numbers of rows of X that caches hold.
        """
        if self._again == 0 or columns <= rooms.min():
            return np.zeros(len(rooms))
        row, column = self._sample
        block = row * -(-self.n_columns // columns) + column // columns
        ends = np.flatnonzero(block[1:] != block[:-1])
        counts = np.bincount(np.diff(ends, prepend=-1, append=len(block) - 1))
        lengths = np.flatnonzero(counts)  # edges of a row in a block
        share = lengths * counts[lengths] / len(block)  # of all edges
        reads = lengths * (self.at_once * self.number / self.n_edges)  # of a turn
        held = np.divide.outer(rooms, reads)
        missed = np.interp(held, self._rooms, self._missed, left=self._again, right=0.0) @ share
        return np.where(columns <= rooms, 0.0, missed)

    @cached_property
    def _sample(self) -> tuple[Array, Array]:
        """Row and column of the edges of some rows."""
        n_edges = np.diff(self.indptr)
        rows = np.flatnonzero(n_edges)[:: max(1, self.n_edges // _SAMPLE)]
        begins, counts = self.indptr[rows], n_edges[rows]
        ends = np.cumsum(counts)
        edges = np.arange(ends[-1]) + np.repeat(begins - (ends - counts), counts)
        return np.repeat(rows, counts), self.indices[edges].astype(np.int64)
