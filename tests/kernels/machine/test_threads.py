"""Threads that share a run's tasks: each task runs once, even if a thread is late or missing."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from compiled import COMPILED_ONLY
from concurrency import at_once

import minisnn as snn
from minisnn.kernels.machine import threads as team
from minisnn.kernels.machine.jit import DISABLED, jit_with_arrays


@jit_with_arrays
def count(rank, claims, done, counts, order):  # type: ignore[no-untyped-def]
    """Count how often each task of each phase is done, and see that phases follow one another."""
    n_threads = team.n_threads_of(claims)
    n_phases, n_tasks = counts.shape
    target = 0
    for phase in range(n_phases):
        target += n_tasks
        performed = 0
        for turn in range(n_threads):
            owner = (rank + turn) % n_threads
            first, last = team.share(n_tasks, owner, n_threads)
            number = team.claim(claims, owner, phase + 1, last - first)
            while number >= 0:
                counts[phase, first + number] += 1
                if phase > 0 and counts[phase - 1].min() == 0:
                    order[0] = 1  # something of the phase before has not been done
                performed += 1
                number = team.claim(claims, owner, phase + 1, last - first)
        team.finish(done, performed, target)


def counted(n_threads: int, n_phases: int, n_tasks: int) -> tuple[Any, int]:
    counts, order = np.zeros((n_phases, n_tasks), np.int64), np.zeros(1, np.int64)
    team.run(count, 1, counts[:0], order)
    team.run(count, n_threads, counts, order)
    return counts, int(order[0])


@pytest.mark.parametrize("n_tasks", [1, 2, 7, 100])
@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_each_task_is_done_once_and_phases_in_order(n_threads: int, n_tasks: int) -> None:
    counts, order = counted(1 if DISABLED else n_threads, 300, n_tasks)
    assert (counts == 1).all()
    assert order == 0


def test_work_is_done_though_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(team, "Thread", NoThread)
    counts, _ = counted(1 if DISABLED else 4, 10, 9)
    assert (counts == 1).all()


@COMPILED_ONLY
def test_a_thread_that_comes_late_finds_nothing_to_do() -> None:
    counts, order = np.zeros((50, 9), np.int64), np.zeros(1, np.int64)
    claims, done = np.zeros(2 * 8, np.int64), np.zeros(8, np.int64)
    for rank in (0, 1):
        count(rank, claims, done, counts, order)
    assert (counts == 1).all()


@jit_with_arrays
def fail(rank, claims, done, failing):  # type: ignore[no-untyped-def]
    """Raise on one thread, on the others wait for what it would have done."""
    if rank == failing:
        raise IndexError("out of bounds")
    team.finish(done, 0, 1)


@COMPILED_ONLY
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_thread_that_fails_ends_the_run(failing: int) -> None:
    fail(0, np.zeros(8, np.int64), np.ones(8, np.int64), 1)
    with pytest.raises(IndexError, match="out of bounds"):
        at_once(lambda: team.run(fail, 3, failing))


def test_shares_are_all_there_is() -> None:
    for n_tasks in (0, 1, 5, 12):
        for n_threads in (1, 2, 5):
            shares = [team.share(n_tasks, owner, n_threads) for owner in range(n_threads)]
            assert [k for share in shares for k in range(*share)] == list(range(n_tasks))


# The number of threads


@COMPILED_ONLY
def test_the_number_of_threads_can_be_set() -> None:
    before = snn.get_num_threads()
    try:
        for n_threads in (1, 2, np.int64(3)):
            snn.set_num_threads(n_threads)
            assert snn.get_num_threads() == n_threads
    finally:
        snn.set_num_threads(before)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, "n_threads must be between 1 and 1024, got 0"),
        (1.5, TypeError, r"n_threads must be a whole number, got 1\.5"),
        (True, TypeError, "n_threads must be a whole number, got True"),
    ],
)
def test_a_number_of_threads_that_is_none(value: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        snn.set_num_threads(value)
