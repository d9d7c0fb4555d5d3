"""Runs of columns that two neighbouring rows share: see `two_rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..layers.two_rows import BOTH, FIRST, SECOND, SHIFT
from ..machine.jit import jit
from ..machine.layout import read_only

Array = npt.NDArray[Any]

TWO_FROM = 0.5
"""Share of the edges from which on rows are taken two at a time. On Zen 5 the forward product takes
0.55 to 0.9 times as long at 0.8 and more, about as long at 0.45, and 1.1 times at 0."""

FEWEST = 12
"""Edges of a row from which on that is so: runs of fewer columns gain no more than they cost."""

_LONGEST = 2 ** (32 - SHIFT) - 1

_RUN = 4
"""Shared columns that pay for one run more: its length is hard to predict."""


@jit
def _next_run(indices, p, stop, q, end):  # type: ignore[no-untyped-def]
    """Return who has the next columns, and how many: of edges p to stop and q to end."""
    n = 0
    if p < stop and q < end and indices[p] == indices[q]:
        while p + n < stop and q + n < end and indices[p + n] == indices[q + n]:
            n += 1
        return BOTH, n
    if q == end or (p < stop and indices[p] < indices[q]):
        while p + n < stop and (q == end or indices[p + n] < indices[q]):
            n += 1
        return FIRST, n
    while q + n < end and (p == stop or indices[q + n] < indices[p]):
        n += 1
    return SECOND, n


@jit
def _compare(indices, p, stop, q, end):  # type: ignore[no-untyped-def]
    """Return how many runs edges p to stop and q to end have, and how many columns in common.

    Nothing branches by the columns, which would take three times as long: they are hard to predict.
    """
    n_runs, n_both, before = 0, 0, 0
    while p < stop and q < end:
        first, second = indices[p] <= indices[q], indices[q] <= indices[p]
        who = first * FIRST + second * SECOND
        n_runs += who != before
        n_both += who == BOTH
        p += first
        q += second
        before = who
    n_runs += (p < stop and before != FIRST) or (q < end and before != SECOND)
    return n_runs, n_both


@jit
def _merge(indices, starts, run_starts, runs):  # type: ignore[no-untyped-def]
    """Fill in the runs of each block and two rows; return how many there are, and edges shared.

    The rows are taken one after the other where they share too little. With no room for runs they
    are only counted.
    """
    total, shared = 0, 0
    for k in range(run_starts.shape[1]):
        for block in range(run_starts.shape[0] - 1):
            run_starts[block, k] = total
            p, stop = np.intp(starts[block, 2 * k]), np.intp(starts[block + 1, 2 * k])
            q, end = np.intp(starts[block, 2 * k + 1]), np.intp(starts[block + 1, 2 * k + 1])
            n_runs, n_both = _compare(indices, p, stop, q, end)
            merges = n_both > _RUN * (n_runs - 2)
            if merges:
                shared += n_both
            while p < stop or q < end:
                if merges:
                    who, n = _next_run(indices, p, stop, q, end)
                elif p < stop:
                    who, n = FIRST, stop - p
                else:
                    who, n = SECOND, end - q
                n = min(n, _LONGEST)
                if runs.shape[0] > 0:
                    runs[total] = np.uint32(n << SHIFT | who)
                total += 1
                if who & FIRST:
                    p += n
                if who & SECOND:
                    q += n
        run_starts[-1, k] = total
    return total, shared


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of the columns of each two rows: see `two_rows`."""

    starts: Array  # uint32[blocks + 1, rows // 2]
    runs: Array  # uint32[...]
    shared: float  # share of the edges whose column the other row has, too


def runs_of(indices: Array, starts: Array, shared: float) -> Runs:
    """Return the runs of each two rows in each block; ``starts`` are those of their edges."""
    run_starts, total, _ = _merged(indices, starts, _NONE)
    runs = np.empty(total, np.uint32)
    if total > 0:
        run_starts, _, _ = _merged(indices, starts, runs)
    return Runs(run_starts, runs, shared)


def share_of_two(indptr: Array, indices: Array) -> float:
    """Return the share of all edges whose column the other of two rows has, too."""
    starts = np.stack([indptr[:-1], indptr[1:]]).astype(np.uint32)
    _, _, shared = _merged(indices, starts, _NONE)
    return 2 * shared / max(1, len(indices))


def _merged(indices: Array, starts: Array, runs: Array) -> tuple[Array, int, int]:
    """Return where the runs of each two rows begin, their number, and that of shared columns."""
    run_starts = np.zeros((len(starts), starts.shape[1] // 2), np.uint32)
    total, shared = _merge(read_only(indices), starts, run_starts, runs)
    return run_starts, int(total), int(shared)


_NONE = np.empty(0, np.uint32)
