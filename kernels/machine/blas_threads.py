"""Number of threads that BLAS uses during a call of minisnn.

NumPy and SciPy each bring a BLAS with a pool of threads of its own, as large as the machine. Within
`blas_threads` neither uses more than the number given; afterwards both use as many as before.

Some libraries have one number for the whole process (OpenBLAS on threads of its own, as in the
wheels of NumPy and SciPy), others one for each thread (MKL, OpenBLAS on OpenMP). In the first kind
the smallest number that any thread asks for is in force, in whatever order they begin and end. If
other code sets a number meanwhile, that number is restored at the end.

Apple's Accelerate has no such number, and chooses its threads itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from .threads import get_num_threads


class _Pools:
    """Some libraries' pools of threads, and the limits that are in force on them.

    Parameters
    ----------
    libraries
        Controllers of threadpoolctl: ``get_num_threads()`` and ``set_num_threads(n)``.
    """

    def __init__(self, libraries: Sequence[Any]) -> None:
        self._libraries = libraries
        self._limits: list[tuple[int, int]] = []  # of a thread, by its identifier
        self._found = [0] * len(libraries)  # what others have set
        self._left = [0] * len(libraries)  # what we have set, or seen no reason to change

    def begin(self, limit: int) -> None:
        """Apply a limit that belongs to the calling thread."""
        self._limits.append((threading.get_ident(), limit))
        self._apply()

    def end(self, limit: int) -> None:
        """Take it back."""
        self._limits.remove((threading.get_ident(), limit))
        if self._left != self._found:
            self._apply()

    def forget_other_threads(self) -> None:
        """Take back all limits but the calling thread's: after a fork the others are gone."""
        self._limits = [item for item in self._limits if item[0] == threading.get_ident()]
        if self._left != self._found:
            self._apply()

    def _apply(self) -> None:
        for k, library in enumerate(self._libraries):
            current = library.get_num_threads()
            if current != self._left[k]:
                self._found[k] = current
            number = min([self._found[k], *(limit for _, limit in self._limits)])
            if number != current:
                # threadpoolctl listens to the first thread that sets a number of the whole process,
                # and to no other one until that has let go.
                let_go = getattr(library, "clear_controlling_thread", lambda **_: None)
                let_go(force=True)
                library.set_num_threads(number)
                let_go(force=True)
            self._left[k] = number


def blas_libraries() -> list[Any]:
    """Return threadpoolctl's controllers of the BLAS libraries that are loaded, SciPy's among them.

    It takes milliseconds.
    """
    from threadpoolctl import ThreadpoolController

    import_module("scipy.linalg.cython_blas")  # what compiled code calls; NumPy's is there
    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found


@cache
def _libraries() -> tuple[list[Any], list[Any]]:
    """Return the controllers of all BLAS libraries: with a number per process, and one per thread.

    They are looked up once, on first use.
    """
    found = blas_libraries()
    a_thread = [library for library in found if _counts_by_thread(library)]
    return [library for library in found if library not in a_thread], a_thread


def _counts_by_thread(library: Any) -> bool:
    on_openmp = library.internal_api == "openblas" and library.threading_layer == "openmp"
    return on_openmp or library.internal_api == "mkl"


_lock = threading.RLock()  # held for microseconds; a signal's handler may come here, too
_shared: _Pools | None = None  # of the whole process
_of_thread = threading.local()


def _pools() -> tuple[_Pools, _Pools]:
    """Return the libraries that have one number, and those that have one for the calling thread."""
    global _shared
    of_process, of_thread = _libraries()
    with _lock:
        if _shared is None:
            _shared = _Pools(of_process)
    if not hasattr(_of_thread, "pools"):
        _of_thread.pools = _Pools(of_thread)
    return _shared, _of_thread.pools


@contextmanager
def blas_threads(n_threads: int | None = None) -> Iterator[None]:
    """Limit the threads of BLAS in all calls that this thread makes in the context.

    It costs some ten microseconds. As a decorator, ``@blas_threads()``, it holds during each call.

    Parameters
    ----------
    n_threads
        By default `get_num_threads`, at the time.
    """
    limit = get_num_threads() if n_threads is None else n_threads
    shared, own = _pools()
    with _lock:
        shared.begin(limit)
    own.begin(limit)
    try:
        yield
    finally:
        own.end(limit)
        with _lock:
            shared.end(limit)


def _after_fork() -> None:
    try:
        if _shared is not None:
            _shared.forget_other_threads()
    finally:
        _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork
    )
