"""Threads that share the work of a run, and their number.

A run is a row of *phases*, each a set of independent tasks; a phase begins when the one before
it is done. Every thread goes through all phases. In each it takes tasks, first from its own share,
so that from step to step it meets the same data in its core's cache, then from the shares of
others. A phase is over when its tasks are done, not when all threads have arrived: a thread that
the system has put aside holds up the others only if it was in the middle of a task, and finds
later that its work was done by them. So a busy machine slows a run in proportion, and a thread
that could not even be started is no error.

Kernels raise nothing, unless NUMBA_BOUNDSCHECK has them look at their indices. Then the others
must not wait for the tasks of a thread that has failed: the run is declared over, and raises.

The threads are Python's own, started for one run and gone at its end; compiled code does not hold
the interpreter's lock. So two runs may go on at once, a process may fork between two runs, and no
thread waits, spinning, for the next call, as those of Numba's pools do: GNU OpenMP's spin for
milliseconds, and made a training step of 0.5 ms take 80 beside one busy process.

Results do not depend on the thread that does a task, since tasks write to different places.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import numba
import numpy as np

from .atomics import add, give_way, read, replace, spin
from .cpus import count_cpus
from .jit import DISABLED, jit

_LINE = 8  # int64 in a cache line: what two threads write to must not share one
_BITS = 24  # of a claim's word for the number of tasks taken, the rest for the phase
_OVER = 2**62  # more than any number of tasks done, and as a claim's word of a later phase
_PATIENCE = 2000  # looks at the state, some tens of microseconds, before a thread gives way

_MOST_THREADS = 1024


def default_num_threads() -> int:
    """Return the number of usable CPUs, or the number that the user has set for Numba."""
    told: Any = numba.config  # a variable of the environment, or a file
    if (
        "NUMBA_NUM_THREADS" in os.environ
        or told.NUMBA_NUM_THREADS != told.NUMBA_DEFAULT_NUM_THREADS
    ):
        return int(told.NUMBA_NUM_THREADS)
    return count_cpus()


_n_threads = 1 if DISABLED else default_num_threads()


def get_num_threads() -> int:
    """Return the largest number of threads that a run may use.

    By default it is the number of CPUs that the process may use; if a container or a batch job
    limits its CPU time, that limit, rounded up. The environment variable NUMBA_NUM_THREADS
    overrides that.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.get_num_threads() >= 1
    True
    """
    return _n_threads


def set_num_threads(n_threads: int) -> None:
    """Set the largest number of threads of a run, in this process. Results do not depend on it.

    While a call of minisnn runs, it holds for the BLAS of NumPy and SciPy, too, on which networks
    with `MLP.runs_on_blas` are trained; but not for Apple's Accelerate, which has no such setting.

    Parameters
    ----------
    n_threads : int
        At least 1. Runs with little work use fewer.

    Raises
    ------
    ValueError, TypeError
        If it is not a whole number, below 1, or above 1024.

    Examples
    --------
    >>> import minisnn as snn
    >>> before = snn.get_num_threads()
    >>> snn.set_num_threads(1)
    >>> snn.get_num_threads()
    1
    >>> snn.set_num_threads(before)
    """
    global _n_threads
    if isinstance(n_threads, bool) or not isinstance(n_threads, (int, np.integer)):
        raise TypeError(f"n_threads must be a whole number, got {n_threads!r}")
    if not 1 <= n_threads <= _MOST_THREADS:
        raise ValueError(f"n_threads must be between 1 and {_MOST_THREADS}, got {n_threads}")
    if not DISABLED:
        _n_threads = int(n_threads)


def run(kernel: Callable[..., Any], n_threads: int, *arguments: Any) -> None:
    """Call ``kernel(rank, claims, done, *arguments)`` on each thread.

    This thread is number 0. The kernel must have been compiled for these arguments before.

    Parameters
    ----------
    kernel
        Goes through the phases by `begin`, `claim` and `finish`.
    n_threads
        Number of threads, this one included.

    Raises
    ------
    Exception
        If the kernel raises one on any thread.
    """
    claims = np.zeros(n_threads * _LINE, dtype=np.int64)
    done = np.zeros(_LINE, dtype=np.int64)
    failures: list[BaseException] = []

    def work(rank: int) -> None:
        try:
            kernel(rank, claims, done, *arguments)
        except BaseException as failure:
            failures.append(failure)
            claims[:] = done[:] = _OVER

    threads = []
    for rank in range(1, n_threads):
        thread = Thread(target=work, args=(rank,), daemon=True)
        with suppress(RuntimeError):  # the system has no thread to give: the others do its work
            thread.start()
            threads.append(thread)
    work(0)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@jit
def n_threads_of(claims):  # type: ignore[no-untyped-def]
    """Return the number of threads that share the run."""
    return claims.shape[0] // _LINE


@jit
def share(n_tasks, owner, n_threads):  # type: ignore[no-untyped-def]
    """Return the first task of an owner's share and the first after it."""
    return n_tasks * owner // n_threads, n_tasks * (owner + 1) // n_threads


@jit
def claim(claims, owner, phase, n_tasks):  # type: ignore[no-untyped-def]
    """Return the number, within an owner's share, of a task that is now the caller's; else -1.

    claims : int64[n_threads * 8], zeros at first; phase : int64, 1 and more, counted through the
    run; n_tasks : int64, of the owner's share in this phase, below 2**24.

    An owner's word holds a phase and how many tasks of it were taken. If it is of an earlier
    phase, none has been taken of this one. If it is of a later one, this phase is over.
    """
    while True:
        word = read(claims, owner * _LINE)
        current = word >> _BITS
        taken = word & ((1 << _BITS) - 1) if current == phase else 0
        if current > phase or taken >= n_tasks:
            return -1
        if replace(claims, owner * _LINE, word, (phase << _BITS) + taken + 1):
            return taken


@jit
def finish(done, performed, target):  # type: ignore[no-untyped-def]
    """Report tasks as done; wait until ``target`` tasks have been done since the run began."""
    add(done, 0, performed)
    looks = 0
    while read(done, 0) < target:
        looks += 1
        if looks < _PATIENCE:
            spin()
        else:
            give_way()
