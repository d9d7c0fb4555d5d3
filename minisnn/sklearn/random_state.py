"""Conversion of scikit-learn's random states to seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._support.seeds import seed_of


def random_state_of(value: Any) -> np.random.RandomState:
    """Return scikit-learn's kind of generator, also for those kinds of seed that only NumPy has."""
    if isinstance(value, (np.random.Generator, np.random.SeedSequence)):
        return np.random.RandomState(np.random.MT19937(seed_of(value)))
    return check_random_state(value)
