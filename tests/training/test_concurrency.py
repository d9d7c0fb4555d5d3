"""Networks in several threads and processes with any start method: always the same bits.

Processes of joblib are in experiments/test_sweeps.py, those of Dask in experiments/test_cluster.py.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer

import numba
import numpy as np
import pytest
from concurrency import (
    SECONDS,
    always_threads,
    at_once,
    first_act,
    forked,
    make,
    train_and_predict,
)
from numba.core.compiler_lock import global_compiler_lock

import minisnn as snn

START_METHODS = multiprocessing.get_all_start_methods()
NEEDS_FORK = pytest.mark.skipif("fork" not in START_METHODS, reason="the system has no fork")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"),  # JAX's, where peers were tested
]


@pytest.fixture
def _eager() -> Iterator[None]:
    """Let Python change from thread to thread a thousand times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


# Threads


@pytest.mark.usefixtures("_eager")
def test_networks_train_in_threads_at_once(threads: Callable[[int], None]) -> None:
    threads(2)
    alone = [train_and_predict(seed) for seed in range(4)]
    assert len(set(alone)) == 4
    assert at_once(*[lambda seed=seed: train_and_predict(seed) for seed in range(4)]) == alone


@pytest.mark.usefixtures("_eager")
def test_one_network_predicts_in_threads_at_once(threads: Callable[[int], None]) -> None:
    """In batches of more sizes than plans are kept for, so that plans come and go meanwhile."""
    threads(2)
    net, X = make(0), np.random.default_rng(0).random((32, 20))
    sizes = range(2, 32, 3)
    expected = [make(0).predict(X[:size]) for size in sizes]

    def predict() -> None:
        for size, outputs in zip(sizes, expected, strict=True):
            np.testing.assert_array_equal(net.predict(X[:size]), outputs)
            net.loss_and_gradients(X[:size], np.zeros(size, int))

    at_once(*[predict] * 4)


def test_the_number_of_threads_changes_while_networks_train(
    threads: Callable[[int], None],
) -> None:
    threads(2)
    expected, trained = train_and_predict(1), threading.Event()

    def train() -> list[str]:
        try:
            return [train_and_predict(1) for _ in range(5)]
        finally:
            trained.set()

    def change() -> int:
        changes = 0
        while not trained.wait(0.001):
            snn.set_num_threads(1 + changes % 3)
            changes += 1
        return changes

    hashes, changes = at_once(train, change)
    assert hashes == [expected] * 5
    assert changes > 1


# Processes


@NEEDS_FORK
@pytest.mark.parametrize("on_blas", [False, True])
def test_forked_after_training(threads: Callable[[int], None], on_blas: bool) -> None:
    threads(2)
    expected = train_and_predict(1, on_blas=on_blas)
    assert forked(lambda: train_and_predict(1, on_blas=on_blas) == expected)


@NEEDS_FORK
def test_forked_while_another_thread_trains(threads: Callable[[int], None]) -> None:
    threads(2)
    expected, enough, net = train_and_predict(1), threading.Event(), make(1)
    X = np.random.default_rng(1).random((9, 20))
    outputs = net.predict(X)

    def train() -> set[str]:
        hashes = set()
        while not enough.is_set():
            hashes.add(train_and_predict(1))
            assert (net.predict(X) == outputs).all()
        return hashes

    def fork() -> list[bool]:
        def same() -> bool:
            return train_and_predict(1) == expected and bool((net.predict(X) == outputs).all())

        try:
            return [forked(same) for _ in range(5)]
        finally:
            enough.set()

    assert at_once(train, fork) == [{expected}, [True] * 5]


@NEEDS_FORK
def test_forked_while_another_thread_compiles() -> None:
    """Numba's lock would never be let go in the child, by a thread that is not there."""
    compiling = threading.Event()

    def compile_long() -> None:
        with global_compiler_lock:
            compiling.set()
            time.sleep(0.5)

    def fork() -> bool:
        assert compiling.wait(SECONDS)
        return forked(lambda: numba.njit(lambda x: x + 1)(1) == 2)

    assert at_once(compile_long, fork) == [None, True]
    with global_compiler_lock:
        assert forked(lambda: numba.njit(lambda x: x + 1)(1) == 2), "by the thread that compiles"


@pytest.mark.slow
@pytest.mark.parametrize("method", START_METHODS)
def test_pools_of_processes(threads: Callable[[int], None], method: str) -> None:
    threads(2)
    expected = [train_and_predict(seed) for seed in (1, 2)]
    pool = ProcessPoolExecutor(
        1, multiprocessing.get_context(method), initializer=always_threads, initargs=(2,)
    )
    future = pool.submit(first_act, (1, 2))
    try:
        hashes, layer = future.result(SECONDS)
    except NoAnswer:
        for process in pool._processes.values():
            process.kill()
        pytest.fail(f"a process that was started by {method} hangs")
    finally:
        pool.shutdown()
    assert hashes == expected
    if method != "fork":  # where it may be known from the parent
        assert layer == "none", "Numba's threads are not to be started"
