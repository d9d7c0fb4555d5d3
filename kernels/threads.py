"""How many threads a kernel runs on, how they wait, and who has the cores: our kernels or BLAS.

**How they wait.** Between two kernels the threads of GNU OpenMP spin, by default, for some 8 ms in
the hope of more work. Where another process wants a core, a thread that should work then waits
for one that only spins: with one busy process beside it on 2 cores, a training step of 0.5 ms
took 80. If they go to sleep at once, waking them costs where the machine is quiet. So `launch`
lets them spin for some 0.1 ms, which is near the better of both on either machine, unless the
user's environment says otherwise.

**How many.** Waking them and falling asleep costs some 100 microseconds, so a kernel with little
to do runs on one.

**Who has the cores.** BLAS has a pool of its own, whose threads spin likewise. Two pools that take
turns fight: a dense training step of 784-1000-10 took 16 ms instead of 2 (2 cores, GNU OpenMP
beside OpenBLAS). So a network uses one pool: where BLAS does most of the work, all our kernels
run on one thread.
"""

from __future__ import annotations

import math
import os
from types import TracebackType
from typing import Any

import numba
import numpy.typing as npt

from .jit import DISABLED

ENOUGH = 20_000_000
"""Operations, of which a core does some fifty a nanosecond, that are worth a second thread."""

PER_VALUE = 32
"""What a value costs in a kernel that is no product, counted in such operations."""

_SPIN, _SPIN_COUNT = "GOMP_SPINCOUNT", "3000"
_POLICIES = ("OMP_WAIT_POLICY", _SPIN)


def launch() -> None:
    """Start Numba's threads, if that was not done before, so that they soon sleep as they wait.

    Not done when minisnn is imported, since a process that has started GNU OpenMP must not fork.
    OpenMP reads its environment when it is loaded; afterwards the environment is as it was.
    """
    if DISABLED:
        return
    untouched = not any(name in os.environ for name in _POLICIES)
    if untouched:
        os.environ[_SPIN] = _SPIN_COUNT
    try:
        numba.get_num_threads()
    finally:
        if untouched:
            del os.environ[_SPIN]


def threads_for_values(array: npt.NDArray[Any]) -> threads_for:
    """Return the context for a kernel that goes once over the values of an array."""
    return threads_for(PER_VALUE * array.size)


def one_thread(active: bool) -> threads_for:
    """Return the context in which all kernels run on one thread, if ``active``."""
    return threads_for(0 if active else math.inf)


class threads_for:
    """Context in which kernels run on one thread where they have less than `ENOUGH` to do.

    The number of threads is restored at its end, also after an error.

    Parameters
    ----------
    operations
        What there is to do.
    """

    __slots__ = ("_before", "_operations")

    def __init__(self, operations: float) -> None:
        self._operations = operations
        self._before = 1

    def __enter__(self) -> None:
        if self._operations < ENOUGH and not DISABLED:
            self._before = numba.get_num_threads()
            if self._before > 1:
                numba.set_num_threads(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before > 1:
            numba.set_num_threads(self._before)
