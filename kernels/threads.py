"""Who has the cores: our kernels or BLAS.

Each brings a thread pool of its own, whose idle threads go on spinning for milliseconds after a
call in the hope of the next. Two pools that take turns therefore fight for the cores: a dense
training step of 784-1000-10 took 16 ms instead of 2 (2 cores, GNU OpenMP beside OpenBLAS). So a
network uses one pool: where BLAS does most of the work, our kernels run on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

from .jit import DISABLED


@contextmanager
def one_thread(active: bool) -> Iterator[None]:
    """Run our kernels on one thread inside the block, if ``active``; restore the number after."""
    if not active or DISABLED:
        yield
        return
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
