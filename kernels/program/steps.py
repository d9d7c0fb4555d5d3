"""Steps through the columns of eight rows: see `masks_times` and `places_times`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..layers.one_sample import ROWS
from ..machine.jit import jit
from ..machine.layout import read_only

Array = npt.NDArray[Any]


class Steps(NamedTuple):
    """Steps of all rows of a group."""

    begins: Array  # int64[ceil(n_rows / ROWS) + 1]: where those of each `ROWS` rows begin
    columns: Array  # of the indices' dtype [n_steps]: the first one of each
    masks: Array  # uint16[n_steps, ROWS]
    places: Array  # uint8[edges and LANES]: of each edge's column within its step; or empty


LANES = 16
"""Of a register, at most."""


@jit
def find_steps(  # type: ignore[no-untyped-def]
    starts, indices, lanes, span, nexts, begins, columns, masks, places
):
    """Fill in the steps of each `ROWS` rows; return their number.

    A step begins at the first column that one of the rows has and no step before it. It has
    ``span`` columns, or fewer: no more than ``lanes`` that the same row has. A mask has ones for
    the columns that the row has; or, where there is room for places, as many ones, the first.

    starts : uint32[n_rows + 1]; nexts : int64[ROWS], overwritten; begins, columns, masks, places :
    as in `Steps`. With no room for columns the steps are only counted.
    """
    n_rows, n_steps = starts.shape[0] - 1, 0
    for i in range(0, n_rows, ROWS):
        begins[i // ROWS] = n_steps
        for r in range(ROWS):
            nexts[r] = starts[min(i + r, n_rows - 1)]
        while True:
            first, stop = _stretch(starts, indices, lanes, span, nexts, i)
            if first == stop:
                break
            for r in range(ROWS):
                k, end, mask = nexts[r], np.int64(starts[min(i + r, n_rows - 1) + 1]), 0
                while k < end and np.int64(indices[k]) < stop:
                    column = np.int64(indices[k]) - first
                    if places.shape[0] > 0:
                        places[k] = column
                        mask = mask << 1 | 1
                    else:
                        mask |= 1 << column
                    k += 1
                nexts[r] = k
                if columns.shape[0] > 0:
                    masks[n_steps, r] = mask
            if columns.shape[0] > 0:
                columns[n_steps] = first
            n_steps += 1
    begins[-1] = n_steps
    return n_steps


@jit
def _stretch(starts, indices, lanes, span, nexts, i):  # type: ignore[no-untyped-def]
    """Return the first column of a step, and the one where it stops; the same if all are done."""
    n_rows, first, stop = starts.shape[0] - 1, np.int64(-1), np.int64(-1)
    for r in range(ROWS):
        if nexts[r] < starts[min(i + r, n_rows - 1) + 1]:
            column = np.int64(indices[nexts[r]])
            first = column if first < 0 else min(first, column)
    if first >= 0:
        stop = first + span
        for r in range(ROWS):
            if nexts[r] + lanes < starts[min(i + r, n_rows - 1) + 1]:
                stop = min(stop, np.int64(indices[nexts[r] + lanes]))
    return first, stop


def count_steps(starts: Array, indices: Array, lanes: int, span: int) -> int:
    """Return the number of steps of all rows."""
    return int(_find(starts, indices, lanes, span, _empty(starts, indices, 0, 0)))


def steps_of(starts: Array, indices: Array, lanes: int, span: int) -> Steps:
    """Return the steps of all rows, with places if a step may have more columns than lanes."""
    n_places = len(indices) + LANES if span > lanes else 0
    found = _empty(starts, indices, count_steps(starts, indices, lanes, span), n_places)
    _find(starts, indices, lanes, span, found)
    return found


def _empty(starts: Array, indices: Array, n_steps: int, n_places: int) -> Steps:
    n_begins = -(-(len(starts) - 1) // ROWS) + 1
    return Steps(
        np.empty(n_begins, np.int64),
        np.empty(n_steps, indices.dtype),
        np.empty((n_steps, ROWS), np.uint16),
        np.zeros(n_places, np.uint8),
    )


def _find(starts: Array, indices: Array, lanes: int, span: int, steps: Steps) -> Any:
    nexts = np.empty(ROWS, np.int64)
    return find_steps(read_only(starts), read_only(indices), lanes, span, nexts, *steps)
