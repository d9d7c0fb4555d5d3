"""Phrases of error messages: values, counts, names that may have been meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from reprlib import Repr
from typing import Any

from .arrays import Array

_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 80
_FEW = 3  # things in a list


def shown(value: object) -> str:
    """Return a value as text for a message, shortened if it is long."""
    return _REPR.repr(value)


def counted(number: int, noun: str) -> str:
    """Return a number with what it counts, such as "1 epoch" or "2 epochs"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def few(things: Sequence[Any] | Array, text: Callable[[Any], str] = shown) -> str:
    """Return the first of some things, and how many more there are."""
    rest = f" and {len(things) - _FEW:,} more" * (len(things) > _FEW)
    return ", ".join(map(text, things[:_FEW])) + rest


def each_of(number: int, noun: str) -> str:
    """Return a phrase for a number of things, such as "each of the 3 outputs"."""
    return f"the one {noun}" if number == 1 else f"each of the {number} {noun}s"


def ravel_advice(array: Array, name: str) -> str:
    """Return the end of a message that says how to make a vector of a column or row."""
    if array.ndim < 2 or array.size != max(array.shape):
        return ""
    return f"; pass np.ravel({name.split()[-1]})"


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
    >>> from minisnn._support.messages import did_you_mean
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
    # in three letters each counts ("mae" is not "mse"): one may be missing, or two swapped
    near = get_close_matches(given, like, 1, 0.6 if len(given) > 3 else 0.8)
    near = near or [name for name in like if sorted(name) == sorted(given)]
    near = near or [name for name in names if len(given) > 3 and name.startswith(given)]
    return f"; did you mean {names[near[0]]!r}?" if len(near) == 1 else ""


def _folded(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))
