"""Shared fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
    """Return a function that sets the number of threads, also for little work; restore it after."""
    monkeypatch.setattr(kernels.plan, "THREAD_CYCLES", 1)
    monkeypatch.setattr(kernels.plan, "START_CYCLES", 1)
    monkeypatch.setattr(kernels.schedule, "TASK_CYCLES", 1)
    before = snn.get_num_threads()
    yield snn.set_num_threads
    snn.set_num_threads(before)


@pytest.fixture(scope="session")
def digits() -> Any:
    return snn.datasets.load_mnist("sample")
