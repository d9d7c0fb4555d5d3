"""Tables: inputs or targets in place, dense or sparse, and the check of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.columns import Names

_CHUNK = 2**18  # values looked at together
_LARGEST_WHOLE = 2**53  # float64 holds each whole number up to it
_MOST_INT32 = 2**31 - 1


class DataError(ValueError):
    """A value of the data that no network can be trained on, found as its batch was read."""


@dataclass(frozen=True, eq=False)
class Table:
    """Inputs or targets in place, one sample per row; or the label of each sample.

    Parameters
    ----------
    values : array of a dtype among `transpose.KINDS`, shape (rows, columns), any strides
        Or labels: int64, shape (rows,).
    name : str
        Of the argument that they came as.
    columns : array of uint32, shape (n,), optional
        The column of each input or output; by default they are in their order.
    names : tuple of str, optional
        Names of inputs or outputs.
    taken : array of uint32, optional
        Numbers of the inputs that are to be read; by default all.
    gaps : bool
        Whether NaN stands for a target that is missing.
    """

    values: Array
    name: str
    columns: Array | None = None
    names: Names | None = None
    taken: Array | None = None
    gaps: bool = False

    @property
    def places(self) -> Array | None:
        """The column of each value that is to be read; None: all, in their order."""
        if self.taken is None or self.columns is None:
            return self.taken if self.columns is None else self.columns
        return self.columns[self.taken]

    def of(self, rows: Array | slice) -> Array:
        """Return the values of some rows, column by column as the network has them."""
        chosen = self.values[rows]
        return chosen if self.places is None else chosen[:, self.places]

    def check(self, rows: Array, scale: float, real: np.dtype[Any]) -> None:
        """Raise unless all values of some rows, scaled, are numbers of the network's precision.

        Raises
        ------
        DataError
            If a value is not a finite number; the message names the sample and the column of the
            first one.
        """
        if self.values.ndim == 1 or self.values.dtype in (np.uint8, np.bool_):
            return
        for start in range(0, len(rows), self.chunk):
            self._check(rows[start : start + self.chunk], scale, real)

    @property
    def chunk(self) -> int:
        """Number of rows whose values are checked at once, so that this takes little memory."""
        return max(1, _CHUNK * len(self.values) // self.values.size)

    def _check(self, rows: Array, scale: float, real: np.dtype[Any]) -> None:
        values = self.of(rows)
        broken = _broken(values, scale, real)
        if self.gaps:
            broken &= ~np.isnan(values)
        if broken.any():
            sample, column = np.argwhere(broken)[0]
            number = int(column if self.taken is None else self.taken[column])
            self._refuse(values[sample, column], int(rows[sample]), number, real)

    def _refuse(self, value: Any, sample: int, number: int, real: np.dtype[Any]) -> None:
        """Raise for a value in a sample, of an input or output by its number."""
        label = number if self.names is None else repr(self.names[number])
        where = f"got {value} in sample {sample}, column {label}"
        if not np.isfinite(value):
            raise DataError(
                f"{self.name} must be finite, {where}; remove or replace such values first"
            )
        if value.dtype.kind in "iu" and abs(int(value)) > _LARGEST_WHOLE:
            raise DataError(
                f"{self.name} must hold whole numbers up to 2**53, which float64 holds exactly, "
                f"{where}; rescale it"
            )
        raise DataError(f"{self.name} must fit into the network's {real}, {where}; rescale it")

    def total(self, rows: Array | slice) -> Array:
        """Return the sum of each column over some rows, in float64."""
        return np.asarray(self.of(rows).sum(axis=0, dtype=np.float64))

    def parts(self, rows: Array | slice) -> list[Array]:
        """Return arrays that tell the values of some rows from others."""
        return [self.of(rows)]


class CSRTable(Table):
    """Inputs as a CSR array of SciPy's: only the values that it stores are looked at.

    The indices are int32, in order in each row, and each is there once; see `csr_inputs`.
    """

    values: Any

    def of(self, rows: Array | slice) -> Array:
        """Return the values of some rows as a dense array, column by column."""
        chosen = np.asarray(self.values[rows].toarray())
        return chosen if self.places is None else chosen[:, self.places]

    @property
    def chunk(self) -> int:
        """Number of rows whose values are checked at once, so that this takes little memory."""
        return max(1, _CHUNK * self.values.shape[0] // max(1, self.values.nnz))

    def _check(self, rows: Array, scale: float, real: np.dtype[Any]) -> None:
        chosen = self.values[rows]
        broken = _broken(chosen.data, scale, real)
        if broken.any() and self.taken is not None:
            broken &= np.isin(chosen.indices, self.taken)
        if broken.any():
            first = int(broken.argmax())
            row = int(np.searchsorted(chosen.indptr, first, side="right")) - 1
            self._refuse(chosen.data[first], int(rows[row]), int(chosen.indices[first]), real)

    def total(self, rows: Array | slice) -> Array:
        """Return the sum of each column over some rows, in float64."""
        chosen = self.values[rows]
        totals = np.bincount(chosen.indices, chosen.data, minlength=chosen.shape[1])
        return totals if self.places is None else totals[self.places]

    def parts(self, rows: Array | slice) -> list[Array]:
        """Return arrays that tell the values of some rows from others."""
        chosen = self.values[rows]
        return [np.diff(chosen.indptr).astype(np.int64), chosen.indices, chosen.data]


def csr_inputs(matrix: Any, columns: Array | None = None) -> Any:
    """Return a sparse array of SciPy's as a CSR array with int32 indices, as kernels read it.

    One of these is taken as it is if the indices of each row are in order and none is there twice.
    Anything else is converted, which copies it: another format, longer indices, and indices in
    another order; values of the same place are added up, as SciPy does.

    Parameters
    ----------
    matrix : sparse array, shape (rows, columns)
    columns : array of int, shape (n,), optional
        The column of each input; by default they are in their order.
    """
    csr = scipy.sparse.csr_array(matrix)
    indptr, indices = csr.indptr, csr.indices
    if columns is not None:
        places = np.empty_like(columns, dtype=np.int32)
        places[columns] = np.arange(len(columns), dtype=np.int32)
        indices = places[indices]
    if csr.nnz <= _MOST_INT32:  # kernels turn longer ones into int32 for each run
        indptr, indices = (array.astype(np.int32, copy=False) for array in (indptr, indices))
    # Anew: a flag of SciPy's that says that indices are in order is anybody's word.
    csr = scipy.sparse.csr_array((csr.data, indices, indptr), shape=csr.shape)
    if csr.has_canonical_format:
        return csr
    csr = csr.copy()
    csr.sum_duplicates()
    return csr


def _broken(values: Array, scale: float, real: np.dtype[Any]) -> Array:
    """Return where values, scaled, are no numbers of the network's precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        broken = ~np.isfinite((scale * values.astype(np.float64)).astype(real))
    if values.dtype in (np.int64, np.uint64):
        broken |= values > _LARGEST_WHOLE
        broken |= values < -_LARGEST_WHOLE
    return np.asarray(broken)
