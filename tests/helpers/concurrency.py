"""Small trainings for tests that run them in other threads and processes, and wait for them."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import minisnn as snn
from minisnn.kernels.program import effort, plan

SECONDS = 100
"""Nothing here takes a tenth of that, unless it never ends."""


def always_threads(n_threads: int) -> None:
    """Have this process use so many threads, for little work too, from now on."""
    plan.THREAD_CYCLES = plan.START_CYCLES = effort.TASK_CYCLES = 1
    snn.set_num_threads(n_threads)


def make(seed: int, *, on_blas: bool = False) -> snn.MLP:
    first = (
        snn.topology.dense(20, 60) if on_blas else snn.topology.constant_degree(20, 60, 20, seed=0)
    )
    return snn.MLP([first, snn.topology.dense(60, 3)], seed=seed)


def train_and_predict(seed: int, *, on_blas: bool = False) -> str:
    """Return a hash over the outputs of a network, and what it has learnt."""
    rng = np.random.default_rng(seed)
    X, labels = rng.random((120, 20), dtype=np.float32), rng.integers(0, 3, 120)
    net = make(seed, on_blas=on_blas)
    snn.train(net, X, labels, optimizer=snn.NesterovSGD(2.0), epochs=4, batch_size=16, seed=0)
    parts = net.parameters, net.predict(X), net.predict(X[:1])
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Return what the calls return, each made in a thread of its own; fail if one never ends."""
    results: dict[int, Any] = {}
    start = threading.Barrier(len(calls))

    def work(number: int) -> None:
        try:
            start.wait(SECONDS)
            results[number] = calls[number]()
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(len(calls))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return [results[number] for number in range(len(calls))]


def forked(call: Callable[[], bool]) -> bool:
    """Return whether the call is true in a forked process; fail if that never ends."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if call() else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            assert code in (0, 1), f"the forked process failed: {code}"
            return code == 0
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError("the forked process hangs")
        time.sleep(0.005)


def first_act(seeds: tuple[int, int]) -> tuple[list[str], str]:
    """Train in two threads at once, as the first thing that a process does.

    Return hashes, and which of Numba's pools of threads was started by that.
    """
    hashes = at_once(*[lambda seed=seed: train_and_predict(seed) for seed in seeds])
    try:
        return hashes, numba.threading_layer()
    except ValueError:  # Numba's answer where none was
        return hashes, "none"
