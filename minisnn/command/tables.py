"""Tables that a network is trained on or predicts: files of rows, by the ending of their names."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import open_file
from .._support.console import say
from .._support.delimited import DELIMITERS, number_in, read_delimited
from .._support.extras import require
from .._support.messages import counted, did_you_mean, few, shown
from ..network.base import SparseNetwork
from .names import input_texts
from .svmlight import read_svmlight

INDEX = frozenset({"", "__index_level_0__"})
"""Names of the column with numbers of rows that pandas writes."""

LEFT_OUT = ", or leave the column out: --ignore {!r}"

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""Cells of text, in small letters, that stand for no value."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs of a network: a number for each row and column.

    Parameters
    ----------
    values : array or csr_array, shape (rows, columns)
        Of real numbers, whole numbers or bools.
    names : tuple of str, or None
        Of the columns.
    """

    values: Any
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class NamedTable:
    """A table whose columns have names.

    Parameters
    ----------
    path : str
        Its file.
    columns : mapping of str to sequence
        Texts, or an array.
    """

    path: str
    columns: Mapping[str, Sequence[str] | Array]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.columns)

    def column(self, name: str) -> Array:
        """Return the values of a column: numbers if all are, else texts.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        if name not in self.columns:
            raise ValueError(
                f"{self.path} has no column {name!r}; there are {few(list(self.columns))}"
                f"{did_you_mean(name, self.columns)}"
            )
        return as_numbers_or_texts(self.columns[name])

    def inputs(self, without: Collection[str]) -> Inputs:
        """Return all other columns as inputs.

        Raises
        ------
        ValueError
            If one has anything but numbers, or there is none.
        """
        names = [name for name in self.columns if name not in (*without, *INDEX)]
        if INDEX & self.columns.keys() - without:
            say(f"{self.path}: the column without a name, an index of pandas, is left out")
        if not names:
            raise ValueError(f"{self.path} must have a column beside {few(list(without))}")
        return Inputs(self._matrix(names, LEFT_OUT), tuple(names))

    def inputs_for(self, net: SparseNetwork) -> Inputs:
        """Return the columns that a network reads, by their names if it knows any."""
        names = input_texts(net)
        if names is None:
            return Inputs(self._matrix(self.names, ", or leave the column out"), self.names)
        return self.ordered(names)

    def ordered(self, names: tuple[str, ...]) -> Inputs:
        """Return columns in an order; others may be there.

        Raises
        ------
        ValueError
            If one is not there, or has anything but numbers.
        """
        lacking = [name for name in names if name not in self.columns]
        if lacking:
            raise ValueError(
                f"{self.path} must have the columns that the network reads; it lacks {few(lacking)}"
                f"{did_you_mean(lacking[0], self.columns)}"
            )
        return Inputs(self._matrix(names, ""), names)

    def _matrix(self, names: Sequence[str], advice: str) -> Array:
        return np.stack([self._numbers(name, advice.format(name)) for name in names], axis=1)

    def _numbers(self, name: str, advice: str) -> Array:
        values = as_numbers_or_texts(self.columns[name])
        if values.dtype.kind not in "biuf":
            text, row = next(
                (text, row) for row, text in enumerate(values.tolist(), 1) if not _is_number(text)
            )
            raise ValueError(
                f"{self.path} must have numbers in column {name!r}, got {shown(text)} in row "
                f"{row}; make numbers of its texts{advice}"
            )
        gaps: Any = np.flatnonzero(np.isnan(values)) if values.dtype.kind == "f" else ()
        if len(gaps):
            raise ValueError(
                f"{self.path} lacks {counted(len(gaps), 'value')} in column {name!r}, the first in "
                f"row {gaps[0] + 1}; fill them in{advice}"
            )
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values))) + 1
            raise ValueError(
                f"{self.path} must have finite numbers in column {name!r}, got {values[row - 1]} "
                f"in row {row}; correct it{advice}"
            )
        return values


@dataclass(frozen=True, eq=False)
class Matrix:
    """A table whose columns have no names.

    Parameters
    ----------
    path : str
        Its file.
    values : array or csr_array, shape (rows, columns)
        The inputs.
    others : mapping of str to array
        Other arrays of the file, by name.
    labels : array, optional
        Targets that the format has a place for.
    """

    path: str
    values: Any
    others: Mapping[str, Array]
    labels: Array | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the other arrays."""
        return tuple(self.others)

    def column(self, name: str) -> Array:
        """Return another array of the file.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        if name not in self.others:
            raise ValueError(
                f"{self.path} has no array {name!r} beside the inputs; there "
                f"{'are ' + few(list(self.others)) if self.others else 'is none'}"
            )
        return self.others[name]

    def inputs(self, without: Collection[str]) -> Inputs:
        """Return the inputs."""
        return Inputs(self.values)

    def inputs_for(self, net: SparseNetwork) -> Inputs:
        """Return the inputs; zeros at the end of all rows may be missing where they are sparse."""
        values = self.values
        if scipy.sparse.issparse(values) and values.shape[1] < net.n_in:
            parts = values.data, values.indices, values.indptr
            values = scipy.sparse.csr_array(parts, (self.n_rows, net.n_in))
        return Inputs(values)


Table = NamedTable | Matrix


def read_table(path: str, target: str | None = None) -> Table:
    """Return the table in a file.

    Parameters
    ----------
    path : str
        Its name ends in .csv, .tsv, .parquet, .npy, .npz, .libsvm or .svmlight.
    target : str, optional
        Array of a .npz file that is not the inputs.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If its name ends otherwise, or it is no such table.
    ImportError
        If it is Parquet and pyarrow (extra ``parquet``) is missing.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        raise ValueError(
            f"the name of a table must end in {', '.join(_READERS)}, got {shown(path)}"
        )
    return _READERS[suffix](path, target)


def as_numbers_or_texts(values: Sequence[str] | Array) -> Array:
    """Return an array of numbers with NaN for no value, or of texts where some are no numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "UO":
        return array
    texts = [
        text.strip() if isinstance(text, str) else "" if text is None else str(text)
        for text in values
    ]
    try:
        return np.array([_number(text) for text in texts], dtype=np.float64)
    except ValueError:
        return np.array(texts)


def _number(text: str) -> float:
    return np.nan if text.lower() in MISSING else number_in(text)


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True


def _read_csv(path: str, target: str | None) -> NamedTable:
    return NamedTable(path, dict(read_delimited(path, "a row")))


def _read_parquet(path: str, target: str | None) -> NamedTable:
    parquet = require("pyarrow.parquet", "parquet", "a table in Parquet")
    arrow = require("pyarrow", "parquet", "a table in Parquet")
    with open_file(path) as file:
        try:
            table = parquet.read_table(file)
        except arrow.ArrowException as error:
            raise ValueError(f"{path} is not a table in Parquet: {error}") from error
    names = [name.strip() for name in table.column_names]
    if not names or not table.num_rows or len(set(names)) < len(names):
        raise ValueError(
            f"{path} must have rows, and columns of different names, got "
            f"{counted(table.num_rows, 'row')} of {few(names) or 'no columns'}"
        )
    return NamedTable(
        path, {name: table.column(place).to_numpy() for place, name in enumerate(names)}
    )


def _read_npy(path: str, target: str | None) -> Matrix:
    return Matrix(path, _checked(path, _loaded(path)), {})


def read_values(path: str) -> Array:
    """Return the values in a file of one column, .csv, .tsv or .parquet, or of one array, .npy.

    Raises
    ------
    OSError, ValueError, ImportError
        As by `read_table`, or if there are several columns.
    """
    if Path(path).suffix.lower() == ".npy":
        return _loaded(path)
    table = read_table(path)
    if not isinstance(table, NamedTable) or len(table.columns) != 1:
        raise ValueError(f"{path} must have one column, the target of each row")
    return table.column(table.names[0])


def _loaded(path: str) -> Array:
    with open_file(path) as file:
        try:
            values: Array = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f"{path} is not an array of NumPy's: {error}") from error
    return values


def _read_npz(path: str, target: str | None) -> Matrix:
    with open_file(path) as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
        except (ValueError, EOFError, OSError, AttributeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is not arrays of NumPy's: {error}") from error
    inputs = [name for name in found if name != target]
    name = "X" if "X" in inputs else inputs[0] if len(inputs) == 1 else None
    if name is None:
        raise ValueError(
            f"{path} must have its inputs in an array X, or have one array beside the target, got "
            f"{few(inputs) or 'none'}"
        )
    values = found.pop(name)
    return Matrix(path, _checked(path, values), found)


def _read_svmlight(path: str, target: str | None) -> Matrix:
    values, labels = read_svmlight(path)
    return Matrix(path, values, {}, labels)


def _checked(path: str, values: Array) -> Array:
    if values.ndim < 2 or not values.size or values.dtype.kind not in "biuf":
        raise ValueError(
            f"{path} must have inputs of shape (rows, columns), numbers, got {values.shape} of "
            f"{values.dtype}"
        )
    values = values.reshape(len(values), -1)  # of images
    rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(rows):
        raise ValueError(f"{path} must have finite inputs, got NaN or inf in row {rows[0] + 1}")
    return values


_READERS: dict[str, Callable[[str, str | None], Table]] = {
    **dict.fromkeys(DELIMITERS, _read_csv),
    ".parquet": _read_parquet,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".libsvm": _read_svmlight,
    ".svmlight": _read_svmlight,
}
