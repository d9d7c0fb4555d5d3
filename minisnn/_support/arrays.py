"""Arrays: their type, and those that stay as they are."""

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


def frozen(array: Array) -> Array:
    """Return the same array, read-only."""
    array.flags.writeable = False
    return array
