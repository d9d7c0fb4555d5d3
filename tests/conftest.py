"""Shared fixtures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

# Two threads can be tested on one core too. Numba reads this when it is imported.
os.environ.setdefault("NUMBA_NUM_THREADS", str(max(2, os.cpu_count() or 1)))

import numba
import numpy as np
import pytest
from hypothesis import settings

import minisnn as snn
from minisnn import kernels

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("default")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12345)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Return a function that sets Numba's threads, even for little work; restore them after."""
    monkeypatch.setattr(kernels.threads, "ENOUGH", 0)
    before = numba.get_num_threads()

    def set_threads(count: int) -> None:
        if count > numba.config.NUMBA_NUM_THREADS:
            pytest.skip(f"NUMBA_NUM_THREADS={numba.config.NUMBA_NUM_THREADS} forbids {count}")
        numba.set_num_threads(count)

    yield set_threads
    numba.set_num_threads(before)


@pytest.fixture(scope="session")
def digits() -> Any:
    return snn.datasets.load_mnist("sample")
