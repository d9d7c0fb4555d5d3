"""Conversion of scikit-learn's random states to seeds."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._support.checks import check_whole_number
from .._support.messages import shown
from .._support.seeds import seed_of

_LARGEST = 2**32 - 1  # that NumPy's RandomState takes


def random_state_of(value: Any) -> np.random.RandomState:
    """Return scikit-learn's kind of generator, also for those kinds of seed that only NumPy has.

    Raises
    ------
    TypeError
        If it is no kind of seed.
    ValueError
        If it is a number below 0 or above 2**32 - 1.
    """
    if isinstance(value, (np.random.Generator, np.random.SeedSequence)):
        return np.random.RandomState(np.random.MT19937(seed_of(value)))
    if isinstance(value, Integral):
        value = check_whole_number(int(value), "random_state", 0, _LARGEST)
    try:
        return check_random_state(value)
    except ValueError as error:
        raise TypeError(
            "random_state must be a whole number, a RandomState, a Generator, a SeedSequence or "
            f"None, got {shown(value)}"
        ) from error
