"""Named columns: conversion of data frames to arrays with names, and matching of names.

A frame is a DataFrame of pandas or polars, or looks like one; none of them is imported. As in
scikit-learn, names are texts: a frame with other labels, such as numbers, has no names. Only those
of a wiring may be others, see `columns_of_frame`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy

from .arrays import Array
from .checks import as_array, as_list, checked_sparse
from .messages import few, shown

Names = tuple[str, ...]
"""Different texts, one for each column; a frame whose columns have none has ()."""

_INEXACT = 2.0**53  # from here on float64 has not all whole numbers


class Known(NamedTuple):
    """Names that columns are matched by.

    Parameters
    ----------
    names : tuple of str, or None
        In the order of the inputs, or outputs.
    owner : str
        Owner of the names, for messages.
    labels : tuple of hashable, optional
        Names in their place where not all are texts, such as numbers of neurons.
    """

    names: Names | None
    owner: str
    labels: tuple[Hashable, ...] | None = None


@dataclass(frozen=True, eq=False)
class Named:
    """An array whose columns have names, which is read as a frame is.

    Parameters
    ----------
    array : array, or sparse array of SciPy's, shape (samples, columns)
        Not copied.
    names : tuple of str
        Of the columns.
    """

    array: Any
    names: Names


def read_sparse(value: Any, name: str) -> tuple[Any, Names | None] | None:
    """Return a sparse array and the names of its columns, if any; None for what is not sparse.

    A frame is sparse if all columns are, and values that are not stored are zeros.

    Raises
    ------
    TypeError
        If only some columns have text as names.
    ValueError
        If the array is broken, or two columns have the same name.
    """
    names = None
    if isinstance(value, Named):
        value, names = value.array, value.names
    elif _is_frame(value):
        if not all(getattr(dtype, "fill_value", None) == 0 for dtype in value.dtypes):
            return None
        names = texts_of(value.columns, f"{name}.columns")
        value = value.sparse.to_coo()
    return (checked_sparse(value), names) if scipy.sparse.issparse(value) else None


def read_columns(
    value: Any, name: str, *, advice: str = "turn it into numbers, or leave it out"
) -> tuple[Array, Names | None]:
    """Return an array, and the names of its columns if it is a frame.

    Columns of one dtype are not copied, where the frame has them in one block. Those of several
    become one array of the dtype that holds them, with NaN for missing values. ``advice`` says what
    to do with a column that holds no numbers.

    Raises
    ------
    TypeError
        If a column holds anything but numbers, or only some columns have text as names.
    ValueError
        If two columns have the same name.
    """
    if type(value) is np.ndarray:
        return value, None
    if isinstance(value, Named):
        return value.array, value.names
    if hasattr(value, "to_pandas") and hasattr(value, "column_names"):  # a table of Arrow
        value = value.to_pandas()
    if not _is_frame(value):
        return read_column(value, name), None
    names = texts_of(value.columns, f"{name}.columns")
    for column, dtype in zip(value.columns, value.dtypes, strict=True):
        if not _is_number(dtype):
            raise TypeError(
                f"{name} must hold numbers, got {dtype} in column {shown(column)}; {advice}"
            )
    array = value.to_numpy()
    kinds = [getattr(dtype, "kind", None) or str(dtype)[0].lower() for dtype in value.dtypes]
    if array.dtype == object:  # bools beside numbers, or numbers that may be missing
        try:
            array = value.to_numpy(dtype=np.float64, na_value=np.nan)  # pandas
        except TypeError:
            array = np.stack([column.cast(float).to_numpy() for column in value], axis=1)  # polars
    if array.dtype.kind == "f":
        for column in [column for column, kind in enumerate(kinds) if kind in "ui"]:
            largest = np.abs(array[:, column]).max(initial=0)
            if largest >= _INEXACT:
                raise ValueError(
                    f"{name} must hold whole numbers below 2**53 where columns are of several "
                    f"types, got some {largest:.3g} in column {shown(value.columns[column])}; "
                    "leave it out, or make all columns floats"
                )
    return array, names


def read_column(value: Any, name: str) -> Array:
    """Return a column of a frame as an array with NaN for missing values."""
    return as_array(_column(value), name)


def read_labelled(value: Any, known: Known, name: str) -> tuple[Array, Names | None]:
    """Return a column in the order of the known names if it has labels, as a Series; and the names.

    Raises
    ------
    TypeError
        If only some labels are texts.
    ValueError
        If they are not the known names.
    """
    array = read_column(value, name)
    labels: Any = getattr(value, "index", None)  # lists have a method of this name
    if array.ndim != 1 or labels is None or callable(labels):
        return array, known.names
    names = texts_of(labels, f"{name}.index")
    if not names and known.labels is None:
        return array, known.names
    places = columns_of_frame(known, names, tuple(labels), name)
    return array if places is None else array[places], known.names or names or None


def read_matrix(value: Any, name: str) -> tuple[Array, Names | None, Names | None]:
    """Return an array, the names of its rows, and those of its columns, where it has some."""
    array, columns = read_columns(value, name)
    labels: Any = getattr(value, "index", None)  # lists have a method of this name
    if labels is None or callable(labels):
        return array, None, columns or None
    return array, texts_of(labels, f"{name}.index") or None, columns or None


def texts_of(labels: Iterable[Any], name: str) -> Names:
    """Return labels if they are texts, none if none is; raise where only some are."""
    names = list(labels)
    texts = [label for label in names if isinstance(label, str)]
    if not texts:
        return ()
    if len(texts) < len(names):
        other = next(label for label in names if not isinstance(label, str))
        raise TypeError(
            f"{name} must be texts, or none of them, got {shown(texts[0])} and {shown(other)}; "
            "make all of them texts"
        )
    return check_names(names, len(names), name)


def check_names(value: Any, n: int, name: str) -> Names:
    """Return ``n`` different texts."""
    names = as_list(value, name, "texts")
    if len(names) != n:
        raise ValueError(f"{name} must have {n} entries, got {len(names)}")
    for label in names:
        if not isinstance(label, str):
            raise TypeError(f"{name} must be texts, got {shown(label)}")
    if len(set(names)) < n:
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(f"{name} must differ from one another, got {shown(twice)} twice")
    return tuple(map(str, names))


def if_texts(names: tuple[Hashable, ...]) -> Names | None:
    """Return names if all are texts, which columns of any frame can be matched by."""
    texts = tuple([name for name in names if isinstance(name, str)])
    return texts if len(texts) == len(names) else None


def columns_of(known: Known, given: Names | None, name: str) -> Array | None:
    """Return the position of each known name among others, as uint32; None if in order.

    Parameters
    ----------
    known : Known
        Those that are wanted, if any.
    given : tuple of str, or None
        Those that a frame has; of an array None.
    name : str
        Owner of the columns, for messages.

    Raises
    ------
    ValueError
        If the names are not the same, or the frame has none.
    """
    if known.names is None or given is None or known.names == given:
        return None
    return _places(known.names, given, known.owner, name)


def columns_of_frame(
    known: Known, given: Names | None, labels: tuple[Hashable, ...], name: str
) -> Array | None:
    """Return the same where columns may have labels that are no texts, as those of a frame.

    They are no names if they are numbers from 0 on, and the known labels are not these numbers.
    """
    if known.labels is None or given is None:
        return columns_of(known, given, name)
    labels = given or labels
    numbers = range(len(labels))
    if labels == known.labels or (labels == tuple(numbers) and set(numbers) != set(known.labels)):
        return None
    return _places(known.labels, labels, known.owner, name)


def known_of(net: Any) -> list[Known]:
    """Return the names of inputs, and of outputs, that columns of frames are matched by."""
    wiring = getattr(net, "wiring", None)
    labels = (None, None) if wiring is None else (wiring.inputs, wiring.output_neurons)
    return [
        Known(names, "the network", its if names is None else None)
        for names, its in zip((net.input_names, net.output_names), labels, strict=True)
    ]


def labels_of(value: Any) -> tuple[Hashable, ...]:
    """Return the labels of a frame's columns, texts or not; none of anything else."""
    return tuple(value.columns) if _is_frame(value) else ()


def _places(known: Sequence[Hashable], given: Sequence[Hashable], owner: str, name: str) -> Array:
    wanted, there = set(known), set(given)
    faults = [
        f"{verb} {few(labels)}"
        for verb, labels in (
            ("lacks", [label for label in known if label not in there]),
            ("also has", [label for label in given if label not in wanted]),
        )
        if labels
    ]
    if not given:
        faults.append("has no names that are texts")
    if faults:
        raise ValueError(
            f"the columns of {name} must be those of {owner}, in any order; it "
            f"{' and '.join(faults)}. An array, such as its to_numpy(), is taken by position"
        )
    places = {label: place for place, label in enumerate(given)}
    return np.array([places[label] for label in known], dtype=np.uint32)


def _is_frame(value: Any) -> bool:
    return all(hasattr(value, attribute) for attribute in ("columns", "dtypes", "to_numpy"))


def _is_number(dtype: Any) -> bool:
    """True if a column's dtype is numeric or bool: only pandas' dtypes have a kind."""
    kind = getattr(dtype, "kind", None)
    if kind is not None:
        return kind in "buif"
    return dtype.is_numeric() or str(dtype) == "Boolean"


def _column(value: Any) -> Any:
    """Return a column by itself: numbers that may be missing as floats, if some are."""
    kind = getattr(getattr(value, "dtype", None), "kind", "O")
    if not hasattr(value, "isna") or np.asarray(value).dtype != object or kind not in "buif":
        return value
    if value.isna().any():
        return value.to_numpy(dtype=np.float64, na_value=np.nan)
    return value.to_numpy(dtype={"b": np.bool_, "f": np.float64}.get(kind, np.int64))
