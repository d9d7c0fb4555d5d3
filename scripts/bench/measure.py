"""Timing of contestants in turn, and records of the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import minisnn as snn

PAUSE = 0.25  # seconds until the threads of a library's pool have stopped spinning


def interleaved(
    contestants: Mapping[str, Callable[[int], Any]],
    *,
    limits: Mapping[str, Callable[[], AbstractContextManager[Any]]] | None = None,
    rounds: int = 7,
    seconds: float = 0.15,
    pause: float = PAUSE,
) -> dict[str, list[float]]:
    """Return how long each contestant takes for one piece of work, measured in turn.

    In every round each contestant has one turn of about so many seconds, after a pause and half
    as long untimed: a processor that has slept takes tenths of a second to reach its speed. So
    whatever else the machine does meanwhile falls on all of them.

    Parameters
    ----------
    contestants
        Functions that do ``n`` pieces of work, by name.
    limits
        Contexts, by the same names, which are entered before a turn begins and left after it:
        setting the threads of libraries takes milliseconds.
    rounds
        Number of turns of each.
    seconds
        Length of a turn.
    pause
        Seconds before each turn.

    Returns
    -------
    dict of list of float
        For each contestant the seconds per piece of each round.
    """
    within = limits or {}
    pieces = {}
    for name, work in contestants.items():
        with within.get(name, nullcontext)():
            work(1)  # compiles
            count, elapsed = 1, 0.0
            while elapsed < seconds / 4:
                count *= 2
                started = time.perf_counter()
                work(count)
                elapsed = time.perf_counter() - started
            pieces[name] = max(1, int(count * seconds / elapsed))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            time.sleep(pause)
            with within.get(name, nullcontext)():
                work(max(1, pieces[name] // 2))
                started = time.perf_counter()
                work(pieces[name])
                times[name].append((time.perf_counter() - started) / pieces[name])
    return times


@contextmanager
def limited(n_threads: int) -> Iterator[None]:
    """Have minisnn and the libraries beside it use so many threads meanwhile."""
    before = snn.get_num_threads()
    snn.set_num_threads(n_threads)
    try:
        with threadpool_limits(n_threads):
            yield
    finally:
        snn.set_num_threads(before)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return float(np.median(values))
