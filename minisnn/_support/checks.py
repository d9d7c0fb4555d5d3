"""Validation of user input: numbers, choices, lists, arrays, paths.

Each check returns what it has checked, or raises an error that says what was wrong, what was given
and what to do.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, BinaryIO, TypeGuard, TypeVar

import numpy as np
import scipy

from .arrays import Array
from .messages import did_you_mean, shown

T = TypeVar("T")

MOST_BITS = 8192
"""Most bits of a whole number that is kept, such as a seed: Python prints 4300 digits at most."""

_LARGEST = 2**53  # up to here float64 holds every whole number


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number; True and False are not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_positive_integer(value: object, name: str) -> int:
    """Return a whole number of at least 1."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    number = int(value)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {shown(number)}")
    if number > _LARGEST:
        raise ValueError(f"{name} must be at most {_LARGEST}, got {shown(number)}")
    return number


def check_whole_number(value: object, name: str, low: int, high: int) -> int:
    """Return a whole number with ``low <= value <= high``."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {shown(number)}")
    return number


def check_number(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """Return a finite number with ``low <= value < high``."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 308 digits
        number = math.inf
    if not (math.isfinite(number) and low <= number < high):
        limits = "" if low == -math.inf else f", at least {low:g}"
        limits += "" if high == math.inf else f" and below {high:g}"
        raise ValueError(f"{name} must be a finite number{limits}, got {shown(value)}")
    return number


def check_dropout(dropout: float | Sequence[float] | None, n_layers: int) -> tuple[float, ...]:
    """Return one rate for the input and one for each hidden layer."""
    if dropout is None:
        return (0.0,) * n_layers
    if isinstance(dropout, Real):
        rates: list[Any] = [dropout] * n_layers
    else:
        rates = as_list(dropout, "dropout", "rates, or one rate")  # type: ignore[arg-type]
    if len(rates) != n_layers:
        raise ValueError(
            f"dropout must be one rate, or {n_layers}: for the input and each of the "
            f"{n_layers - 1} hidden layers; got {len(rates)}"
        )
    return tuple(check_number(rate, "a dropout rate", 0, 1) for rate in rates)


def check_flag(value: Any, name: str) -> bool:
    """Return True or False; raise for anything else, such as "no", which would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_choice(value: Any, name: str, allowed: Iterable[str]) -> str:
    """Return a text that is one of those allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(allowed)}, got {shown(value)}"
            f"{did_you_mean(value, allowed)}"
        )
    return value


def check_kind(value: Any, kind: type, name: str) -> Any:
    """Return an object, if it is of the kind."""
    if not isinstance(value, kind):
        given = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
        raise TypeError(f"{name} must be of type {kind.__name__}, got {given}")
    return value


def check_function(value: Any, name: str) -> Callable[..., Any]:
    """Return the value if it is callable; raise otherwise."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {shown(value)}")
    return value


def as_list(value: Iterable[T], name: str, of: str) -> list[T]:
    """Return an iterable as a list; texts, mappings and sets, which have no order, are refused."""
    if isinstance(value, (set, frozenset)):
        raise TypeError(
            f"{name} must be a list of {of}, got a set, {shown(value)}, whose order changes from "
            f"process to process; pass a list in the order that you mean, such as sorted({name})"
        )
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of {of}, got {shown(value)}")
    try:
        return list(value)
    except TypeError as error:  # an array of no dimension
        raise TypeError(f"{name} must be a list of {of}, got {shown(value)}") from error


def as_list_of(kind: type[T], value: Iterable[T], name: str) -> list[T]:
    """Return a list, if all that is in it is of one kind."""
    items = as_list(value, name, f"{kind.__name__} objects")
    for number, item in enumerate(items):
        check_kind(item, kind, f"{name}[{number}]")
    return items


def check_pair(value: Any, name: str) -> Sequence[Any]:
    """Return (X, Y)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (X, Y), got {type(value).__name__}")
    return value


def as_array(value: Any, name: str) -> Array:
    """Return the value as an array; raise if NumPy would misread it.

    NumPy forgets the mask of a masked array, and makes one object of a whole sparse matrix.
    """
    if type(value) is np.ndarray:  # a single prediction takes microseconds
        return value
    check_unmasked(value, name)
    if scipy.sparse.issparse(value):
        raise TypeError(f"{name} must be a dense array, got a sparse one; pass {name}.toarray()")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # such as rows of unlike lengths
        half = "; NumPy has no bfloat16, pass it as float32: tensor.float()"
        is_half = str(getattr(value, "dtype", "")).endswith("bfloat16")
        raise ValueError(f"{name} cannot be read as an array: {error}{half * is_half}") from error
    if array.ndim == 0 and array.dtype == object:
        raise TypeError(f"{name} must be an array, got {shown(value)}")
    return array


def check_unmasked(value: Any, name: str) -> None:
    """Raise where something is masked, in an array or in the rows of a list."""
    rows = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows):
        raise TypeError(
            f"{name} is a masked array, whose mask would be lost; fill or remove what is masked"
        )


def missing_in(values: Array) -> Array:
    """Return the places of the missing values: NaN, NaT, None, or NA of pandas."""
    if values.dtype.kind in "fcmM":
        return np.flatnonzero(np.isnan(values))
    if values.dtype != object:
        return np.empty(0, np.int64)
    kinds = ("NoneType", "NAType", "NaTType")
    return np.flatnonzero(
        [
            type(value).__name__ in kinds or (isinstance(value, float) and value != value)
            for value in values.ravel()
        ]
    )


def checked_sparse(matrix: Any) -> Any:
    """Return a SciPy sparse array, if its structure is sound: SciPy's own code trusts it."""
    try:
        sound = getattr(scipy.sparse, f"{matrix.format}_array")(matrix)
        if matrix.format in ("csr", "csc", "bsr"):  # SciPy checks the others as it makes them
            sound.check_format(full_check=True)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"the sparse array is broken: {error}; make it anew") from error
    return sound


def check_path(value: Any, name: str = "path") -> str:
    """Return the name of a file or folder; raise for a number, which would be an open file."""
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise TypeError(f"{name} must be the name of a file, a text or a Path, got {shown(value)}")
    return os.fspath(value)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading; raise if it is a pipe or a device, which might never end.

    Raises
    ------
    OSError
        If there is no such file (FileNotFoundError), or it is not a file.
    """
    name = check_path(path)
    if (
        os.path.lexists(name)
        and not stat.S_ISREG(os.stat(name).st_mode)
        and not os.path.isdir(name)
    ):
        raise OSError(f"{name} is a pipe or a device, not a file")
    return open(name, "rb")
