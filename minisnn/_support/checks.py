"""Validation of numbers passed by the user."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from .arguments import as_list, is_whole, shown

_LARGEST = 2**53  # whole number that is one in float64, too


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
