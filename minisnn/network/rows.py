"""Selection of rows: their numbers, or a mask of True and False."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import missing_in
from .._support.columns import read_column
from .._support.messages import counted, each_of, ravel_advice


def check_rows(rows: Any, n_rows: int, name: str) -> Array | None:
    """Return the numbers of the rows that are chosen, as new int64; None: all.

    Raises
    ------
    TypeError
        If they are neither whole numbers nor True and False, or some are missing.
    ValueError
        If they do not fit so many rows, or choose none.
    """
    if rows is None:
        return None
    wanted = f"{name} must be row numbers, or a mask of True and False"
    if isinstance(rows, slice):
        raise TypeError(f"{wanted}, got {rows}; pass {range(*rows.indices(n_rows))}")
    given = read_column(rows, name)
    missing = missing_in(given)
    if len(missing):
        raise TypeError(
            f"{wanted}, got {counted(len(missing), 'missing value')}, the first in place "
            f"{missing[0]}; fill a mask, such as by fillna(False), and leave out such numbers"
        )
    if given.size and given.dtype.kind not in "bui":
        raise TypeError(f"{wanted}, got {given.dtype}")
    if given.ndim != 1 or (given.dtype == bool and len(given) != n_rows):
        raise ValueError(
            f"{name} must be a list of row numbers, or have True or False for "
            f"{each_of(n_rows, 'row')}, got shape {given.shape}{ravel_advice(given, name)}"
        )
    numbers = np.flatnonzero(given) if given.dtype == bool else given
    if len(numbers) == 0:
        raise ValueError(f"{name} chooses none of the {n_rows} rows")
    outside = numbers[(numbers < -n_rows) | (numbers >= n_rows)]
    if len(outside):
        raise ValueError(
            f"{name} must be from {-n_rows} to {n_rows - 1}, as there are {n_rows} rows, "
            f"got {outside[0]}"
        )
    numbers = numbers.astype(np.int64)
    numbers[numbers < 0] += n_rows  # as NumPy counts them, from the end
    return numbers
