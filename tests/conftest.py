"""Shared fixtures, and in which order tests run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import settings

import minisnn as snn
from minisnn import kernels
from minisnn._support import seeds
from minisnn.network import execution

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("default")


if "NUMBA_THREADING_LAYER" in os.environ:  # by .ci/matrix
    numba.get_num_threads()  # starts that pool of Numba's, as a user's own code may have done


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what ends with an &
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that tests start inherit it


_fresh_seed = seeds.fresh_seed
seeds.fresh_seed = lambda: 0  # a seed that a test does not give: what fails does so each time


NEED_NO_KERNELS = (
    "test_packaging", "test_site", "test_measures", "test_paths", "test_solvers", "test_topology",
    "test_topology_registry", "test_topology_expanders", "test_topology_random",
    "test_topology_structured", "test_archive", "test_datasets", "test_idx", "test_configuration",
    "test_grid", "test_store",
)  # fmt: skip
_compiling: list[subprocess.Popen[bytes]] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in NEED_NO_KERNELS)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have another core compile what takes a minute, while the suite is at what needs it not."""
    if len(session.items) > 1000 and not session.config.option.collectonly:
        root = str(Path(snn.__file__).parents[1])
        command = [sys.executable, "-m", "minisnn.compile"]
        _compiling.append(
            subprocess.Popen(
                command, env={**os.environ, "PYTHONPATH": root}, stdout=subprocess.DEVNULL
            )
        )


def pytest_sessionfinish() -> None:
    for process in _compiling:
        process.kill()
        process.wait()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12345)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Return a function that sets the number of threads, also for little work; restore it after."""
    monkeypatch.setattr(kernels.program.plan, "THREAD_CYCLES", 1)
    monkeypatch.setattr(kernels.program.plan, "START_CYCLES", 1)
    monkeypatch.setattr(kernels.program.phases, "TASK_CYCLES", 1)
    before = snn.get_num_threads()
    yield snn.set_num_threads
    snn.set_num_threads(before)


@pytest.fixture
def fresh_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let seeds that are not given be fresh, as they are elsewhere."""
    monkeypatch.setattr(seeds, "fresh_seed", _fresh_seed)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> set[tuple[int, str]]:
    """Return the registers of a tile and the precision of all that the engine runs."""
    seen: set[tuple[int, str]] = set()
    run = execution.run

    def note(*arguments: Any) -> None:
        _, _, tile, _, _, memory, _ = arguments
        seen.add((len(tile), str(memory.parameters.dtype)))
        run(*arguments)

    monkeypatch.setattr(execution, "run", note)
    return seen


@pytest.fixture(scope="session")
def digits() -> Any:
    return snn.datasets.load_mnist("sample")
