"""Names of terms as JSON can hold them: texts, numbers, True and False, and tuples of these.

A name comes back as one that is equal to it and of the same type; NumPy's numbers and texts come
back as Python's own. Tuples are lists in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from .._support.checks import MOST_BITS
from .._support.messages import shown

_DEPTH = 16  # of tuples within tuples


def packed_names(names: Iterable[Hashable]) -> list[Any]:
    """Return names as JSON can hold them.

    Raises
    ------
    TypeError
        If a name is anything else, such as a date, or nested too deeply.
    ValueError
        If a number is not finite, or has too many digits.
    """
    return [_converted(name, tuple, list, name) for name in names]


def unpacked_names(value: Any) -> list[Hashable]:
    """Return the names that a list out of JSON holds; raise as `packed_names` does."""
    if type(value) is not list:
        raise TypeError(f"names must be a list, got {shown(value)}")
    return [_converted(name, list, tuple, name) for name in value]


def _converted(part: Any, kind: Any, becomes: Any, name: Any, depth: int = 0) -> Any:
    """Return a part of a name with all its tuples as lists, or the other way round."""
    if isinstance(part, (np.bool_, np.integer, np.floating, np.str_)):
        part = part.item()
    if type(part) is kind and depth < _DEPTH:
        return becomes(_converted(each, kind, becomes, name, depth + 1) for each in part)
    if type(part) not in (str, int, float, bool):
        raise TypeError(
            "names of terms in a file must be texts, numbers, True or False, or tuples of these, "
            f"up to {_DEPTH} within one another; got {shown(name)}. Make a wiring with such names"
        )
    if (type(part) is float and not math.isfinite(part)) or (
        type(part) is int and part.bit_length() > MOST_BITS
    ):
        raise ValueError(
            f"numbers in the names of terms in a file must be finite, and of {MOST_BITS} bits at "
            f"most; got {shown(name)}. Make a wiring with such names"
        )
    return part
