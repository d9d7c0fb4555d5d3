"""Validation of user input: arrays, lists, names, paths.

Each check returns what it has checked, or raises an error that says what was wrong, what was given
and what to do. Numbers and samples have theirs in `minisnn._support.checks`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from reprlib import Repr
from typing import Any, BinaryIO, TypeGuard, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse

Array = npt.NDArray[Any]
T = TypeVar("T")


class _Repr(Repr):
    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # Python does not write out what has more than 4300 digits
            return f"a number of {x.bit_length()} bits"


MOST_BITS = 8192
"""Of a whole number that is kept, such as a seed: Python writes out 4300 digits, not more."""

_REPR = _Repr()
_REPR.maxstring = _REPR.maxother = 80


def shown(value: object) -> str:
    """Return a value as text for a message, shortened if it is long."""
    return _REPR.repr(value)


def counted(number: int, noun: str) -> str:
    """Return a number with what it counts, such as "1 epoch" or "2 epochs"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def each_of(number: int, noun: str) -> str:
    """Return a phrase for a number of things, such as "each of the 3 outputs"."""
    return f"the one {noun}" if number == 1 else f"each of the {number} {noun}s"


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
    """Return a mask of the missing values: NaN, NaT, None, or NA of pandas."""
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


def ravel_advice(array: Array, name: str) -> str:
    """Return the end of a message that says how to make a vector of a column or row."""
    if array.ndim < 2 or array.size != max(array.shape):
        return ""
    return f"; pass np.ravel({name.split()[-1]})"


def checked_sparse(matrix: Any) -> Any:
    """Return a SciPy sparse array, if its structure is sound: SciPy's own code trusts it."""
    try:
        sound = getattr(scipy.sparse, f"{matrix.format}_array")(matrix)
        if matrix.format in ("csr", "csc", "bsr"):  # SciPy checks the others as it makes them
            sound.check_format(full_check=True)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"the sparse array is broken: {error}; make it anew") from error
    return sound


def as_list(value: Iterable[T], name: str, of: str) -> list[T]:
    """Return an iterable as a list; texts and mappings are refused."""
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


def check_kind(value: Any, kind: type, name: str) -> Any:
    """Return an object, if it is of the kind."""
    if not isinstance(value, kind):
        given = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
        raise TypeError(f"{name} must be of type {kind.__name__}, got {given}")
    return value


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number; True and False are not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_choice(value: Any, name: str, allowed: Iterable[str]) -> str:
    """Return a text that is one of those allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(allowed)}, got {shown(value)}"
            f"{did_you_mean(value, allowed)}"
        )
    return value


_ELSEWHERE = {
    "logistic": "sigmoid",
    "linear": "identity",
    "squared_error": "mse",
    "mean_squared_error": "mse",
    "bce": "binary_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "log_loss": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "nll": "cross_entropy",
    "nll_loss": "cross_entropy",
    "ce": "cross_entropy",
    "mse_loss": "mse",
    "none": "identity",
    "nag": "nesterov",
    "stochastic_gradient_descent": "sgd",
    "complete": "dense",
    "full": "dense",
    "fully_connected": "dense",
    "watts_strogatz": "small_world",
    "barabasi_albert": "scale_free",
    "double": "float64",
    "single": "float32",
}
"""Names that scikit-learn, Keras, PyTorch, NetworkX and NumPy have for the same things."""


def did_you_mean(value: Any, allowed: Iterable[str]) -> str:
    """Return the end of a message that proposes a name for one that is nearly right.

    The first letter is seldom mistyped ("gelu" is not "relu"), and digits are values, not
    spelling ("float16" is not "float32").

    Parameters
    ----------
    value : object
        The given value.
    allowed : iterable of str
        The names that there are.

    Returns
    -------
    str
        Such as ``"; did you mean 'relu'?"``; empty where no name is near.

    Examples
    --------
    >>> from minisnn._support.arguments import did_you_mean
    >>> did_you_mean("ReLu", ["sigmoid", "relu"])
    "; did you mean 'relu'?"
    >>> did_you_mean("fibonacci", ["regular_rotating", "fibonacci_rotating"])
    "; did you mean 'fibonacci_rotating'?"
    """
    if not isinstance(value, str) or not 1 < len(value) <= _REPR.maxstring:
        return ""
    names = {_folded(name): name for name in allowed}
    given = _folded(value)
    given = given if given in names else _ELSEWHERE.get(given, given)
    like = [name for name in names if name[:1] == given[:1] and _digits(name) == _digits(given)]
    # of three letters each counts, "mae" is not "mse": one may lack, or two have changed places
    near = get_close_matches(given, like, 1, 0.6 if len(given) > 3 else 0.8)
    near = near or [name for name in like if sorted(name) == sorted(given)]
    near = near or [name for name in names if len(given) > 3 and name.startswith(given)]
    return f"; did you mean {names[near[0]]!r}?" if len(near) == 1 else ""


def _folded(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))


def check_flag(value: Any, name: str) -> bool:
    """Return True or False: anything else, such as "no", is not what its truth value says."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_function(value: Any, name: str) -> Callable[..., Any]:
    """Return the value if it is callable; raise otherwise."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {shown(value)}")
    return value


def check_pair(value: Any, name: str) -> Sequence[Any]:
    """Return (X, Y)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (X, Y), got {type(value).__name__}")
    return value


def check_path(value: Any, name: str = "path") -> str:
    """Return the name of a file or folder. A number is none: the system has files of that name."""
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise TypeError(f"{name} must be the name of a file, a text or a Path, got {shown(value)}")
    path = os.fspath(value)
    if "\0" in path:
        raise ValueError(f"{name} must not hold a null character, got {shown(path)}")
    return path


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
