"""Shared fixtures, and the processes in which tests run."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import settings

import minisnn as snn
from minisnn import kernels
from minisnn._support import seeds
from minisnn._support.compile_notice import compile_notice
from minisnn.compile import DTYPES, compile_kernels
from minisnn.kernels.program import plan
from minisnn.network import execution

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("default")

gc.set_threshold(100_000, 50, 1000)  # compilation makes many objects, next to no cycles of them


if "NUMBA_THREADING_LAYER" in os.environ:  # by .ci/matrix
    numba.get_num_threads()  # starts that pool of Numba's, as a user's own code may have done


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what ends with an &
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that tests start inherit it


os.environ["MINISNN_COSTS"] = "36,250,0.5,5"  # those of one CPU, so that plans are the same on all


_fresh_seed = seeds.fresh_seed
seeds.fresh_seed = lambda: 0  # a seed that a test does not give: what fails does so each time


ALL_TILES = plan.TILES
plan.TILES = (max(ALL_TILES),)  # of a tile's size only sums depend, and it costs compilation


MOST_WORKERS = 4  # more would wait for the kernels, and each takes half a GiB


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Have several processes run the whole suite, and this one what is named of it."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    n_cores = snn.get_num_threads()
    if not whole or n_cores < 2:
        return 0
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of workers: they share the cores
    return min(n_cores + 1, MOST_WORKERS)  # one more: now and then, one waits


def pytest_collection_finish() -> None:
    """Have what was imported and collected be no garbage that is looked for."""
    gc.freeze()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have each worker compile the kernels of one precision, for all to load from the cache.

    A third one compiles those of structures, which the others come to last.
    No test begins before all workers have collected them, which they do after this.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        share = DTYPES[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]
        with compile_notice(False):
            compile_kernels(share)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12345)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Return a function that sets the number of threads, also for little work; restore it after."""
    monkeypatch.setattr(kernels.program.plan, "THREAD_CYCLES", 1)
    monkeypatch.setattr(kernels.program.plan, "START_CYCLES", 1)
    monkeypatch.setattr(kernels.program.effort, "TASK_CYCLES", 1)
    before = snn.get_num_threads()
    yield snn.set_num_threads
    snn.set_num_threads(before)


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> tuple[int, ...]:
    """Let plans have tiles of all sizes, as they have elsewhere; return these."""
    monkeypatch.setattr(plan, "TILES", ALL_TILES)
    return ALL_TILES


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
        context = arguments[-1]
        seen.add((len(context.tile), str(context.memory.parameters.dtype)))
        run(*arguments)

    monkeypatch.setattr(execution, "run", note)
    return seen


@pytest.fixture(scope="session")
def digits() -> Any:
    return snn.datasets.load_mnist("sample")
