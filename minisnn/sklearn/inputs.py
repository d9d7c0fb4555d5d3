"""Conversion of an estimator's input to arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from .._support.arrays import Array
from .._support.checks import check_unmasked, checked_sparse
from .._support.memory import check_fits
from ..kernels.machine.transpose import KINDS

NUMBERS = (np.float64, *(np.dtype(kind) for kind in KINDS))
"""Dtypes that are trained on without conversion; scikit-learn converts others to the first."""

_ROWS = 1024  # of sparse X made dense at a time, to predict


class Named:
    """An array whose columns have names, which a network reads as it reads a frame.

    Parameters
    ----------
    array : array, shape (samples, columns)
        Not copied.
    names : sequence of str
        Of the columns.
    """

    def __init__(self, array: Array, names: Sequence[str]) -> None:
        self.columns, self.dtypes = names, [array.dtype] * len(names)
        self._array = array

    def to_numpy(self) -> Array:
        """Return the array."""
        return self._array


def readable(value: Any, name: str) -> Any:
    """Return input that is safe for scikit-learn: no masked array, no invalid sparse array."""
    if scipy.sparse.issparse(value):
        return checked_sparse(value)
    check_unmasked(value, name)
    return value


def made_dense(array: Any, name: str) -> Array:
    """Return an array as it is, or the dense one of a sparse one, if there is memory for it."""
    if not scipy.sparse.issparse(array):
        return array
    check_fits(
        math.prod(array.shape) * array.dtype.itemsize,
        f"sparse {name} of shape {array.shape}, which is made dense,",
        "take fewer columns, or train on some rows at a time by partial_fit",
    )
    return array.toarray()


def by_rows(X: Array) -> Array:
    """Return X; if it lies column by column, as those of a frame do, a copy that does not.

    To gather rows from such columns in each of many passes takes longer than to turn them once.
    """
    return np.ascontiguousarray(X) if X.strides[0] < X.strides[1] else X


def dense_blocks(X: Any) -> Iterator[Array]:
    """Yield the rows of an array: all at once if it is dense, some at a time if it is sparse."""
    if not scipy.sparse.issparse(X):
        yield X
        return
    rows = X.tocsr()
    for start in range(0, rows.shape[0], _ROWS):
        yield rows[start : start + _ROWS].toarray()
