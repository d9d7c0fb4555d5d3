"""Rows that are taken two at a time, and the runs of columns that both have: see `two_rows`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..layers.complete import COLUMNS
from ..layers.two_rows import BOTH, FIRST, SECOND, SHIFT
from ..machine.jit import jit
from ..machine.layout import read_only

Array = npt.NDArray[Any]

TWO_FROM = 0.5
"""Share of the edges from which on rows are taken two at a time. On Zen 5 the forward product takes
0.55 to 0.9 times as long at 0.8 and more, about as long at 0.45, and 1.1 times at 0."""

FEWEST = 12
"""Edges of a row from which on that is so: runs of fewer columns gain no more than they cost."""

UPDATE_FROM = 12
"""Edges of a run, on average, from which on updates go by two as well: what is left of a run, less
than two columns or four edges, costs as much as these. On Zen 4 steps of 784-1000 take 0.83 to 0.85
of the time at 13 edges, 1.02 to 1.04 at 8 and 1.07 to 1.1 at 6."""

_RUN = 4
"""Columns that make a run of both rows: its length is hard to predict."""

_STRIDES = 4
"""At least so many are in a group, so that few rows are left over."""

_GROUP = COLUMNS
"""Ranges of rows begin at a multiple of it, as those of a complete reader's inputs do."""

_SAMPLE = 32
"""Pairs of rows from which the share of an order is known."""

_LONGEST = 2 ** (32 - SHIFT) - 1


def pairs_of(n_rows: int, distance: int) -> tuple[Array, int]:
    """Return an order in which rows so far apart are taken two at a time: uint32[n_rows].

    And a number: each range of rows from one multiple of it to another holds the same rows in this
    order. What is left of a range, less than two strides, is in order of where it stands in one.
    """
    rows = np.arange(n_rows, dtype=np.uint32)
    if distance == 1:
        return rows, 2
    group = math.ceil(_STRIDES * distance / _GROUP) * _GROUP
    stride, at = np.divmod(rows % group, 2 * distance)
    return np.lexsort((at, at % distance, stride, rows // group)).astype(np.uint32), group


@jit
def _merge(indices, starts, order, run_starts, runs):  # type: ignore[no-untyped-def]
    """Fill in the runs of each block and two rows; return how many there are, and edges shared.

    Between runs of columns of both rows, those of the first come before those of the second: so
    there are few runs, and each row has its own edges in their order.
    """
    total, shared = 0, 0
    for k in range(run_starts.shape[1]):
        i, j = np.intp(order[2 * k]), np.intp(order[2 * k + 1])
        for block in range(run_starts.shape[0] - 1):
            run_starts[block, k] = total
            p, stop = np.intp(starts[block, i]), np.intp(starts[block + 1, i])
            q, end = np.intp(starts[block, j]), np.intp(starts[block + 1, j])
            first, second = p, q  # the first edges that are in no run yet
            while first < stop or second < end:
                n = 0
                while p + n < stop and q + n < end and indices[p + n] == indices[q + n]:
                    n += 1
                if n < _RUN and p < stop and q < end:
                    less = n == 0 and indices[p] < indices[q]
                    more = n == 0 and indices[p] > indices[q]
                    p += n + less
                    q += n + more
                    continue
                if n < _RUN:
                    p, q, n = stop, end, 0
                if p > first:
                    runs[total] = np.uint32((p - first) << SHIFT | FIRST)
                    total += 1
                if q > second:
                    runs[total] = np.uint32((q - second) << SHIFT | SECOND)
                    total += 1
                if n > 0:
                    runs[total] = np.uint32(n << SHIFT | BOTH)
                    total += 1
                p, q, shared = p + n, q + n, shared + n
                first, second = p, q
        run_starts[-1, k] = total
    return total, shared


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of the columns of each two rows: see `two_rows`."""

    order: Array  # uint32[rows]
    multiple: int  # ranges of rows begin at multiples of it
    starts: Array  # uint32[blocks + 1, rows // 2]
    runs: Array  # uint32[...]
    shared: float  # share of the edges whose column the other row has in the same run
    n_edges: int

    @property
    def for_updates(self) -> bool:
        """True if they are long enough for updates."""
        return self.n_edges >= UPDATE_FROM * len(self.runs)


def runs_of(indices: Array, starts: Array, order: Array, multiple: int) -> Runs:
    """Return the runs of each two rows in each block; ``starts`` are those of their edges.

    Parameters
    ----------
    indices, starts
        Of the rows' edges, see `two_rows`.
    order, multiple
        See `pairs_of`; of some of the rows, if only the others are of interest.
    """
    n_blocks, n_pairs = len(starts) - 1, len(order) // 2
    n_edges = int((starts[-1, order].astype(np.int64) - starts[0, order]).sum())
    run_starts = np.zeros((n_blocks + 1, n_pairs), np.uint32)
    # Each run of both rows has edges of both, and two others before it.
    runs = np.empty(3 * n_edges // (2 * _RUN) + 2 * n_blocks * n_pairs, np.uint32)
    total, shared = _merge(read_only(indices), starts, order, run_starts, runs)
    share = 2 * shared / max(1, n_edges)
    return Runs(order, multiple, run_starts, runs[:total].copy(), share, n_edges)


def best_pairs(indptr: Array, indices: Array, distances: Array) -> tuple[Array, int] | None:
    """Return the order of rows in which they share most columns, if that pays; see `pairs_of`.

    Parameters
    ----------
    indptr, indices
        The rows.
    distances
        Numbers of rows between two that are taken together, to choose from.
    """
    starts, n_rows = np.stack([indptr[:-1], indptr[1:]]).astype(np.uint32), len(indptr) - 1
    best, most = None, TWO_FROM
    for distance in distances:
        order, multiple = pairs_of(n_rows, int(distance))
        some = order[: n_rows // 2 * 2].reshape(-1, 2)[:: max(1, n_rows // 2 // _SAMPLE)]
        shared = runs_of(indices, starts, some.ravel(), multiple).shared
        if shared >= most:
            best, most = (order, multiple), shared
    return best
