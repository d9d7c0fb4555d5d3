"""Notification of listeners when kernels are compiled, which takes seconds.

Kernels call one another, and a call from Python compiles all that it needs: that is one
compilation, from its beginning to its end. Loading from the cache is not a compilation.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

observers: list[Callable[[str | None], None]] = []
"""Called with the kernel's name where a compilation begins, with None where it ends, failed or not.
Numba's lock is held: no other begins, and the process does not fork."""

_depth = 0  # compilations within one another, and blocks of `together`
_position = (0, 0)  # kernels that are ready, and all, of the block of `together`
_told = False  # whether observers know that one has begun


def under_way() -> bool:
    """Return whether a compilation has begun that has not ended."""
    return _told


def position() -> tuple[int, int]:
    """Return how many kernels of the block are ready, and how many there are; 0 of 0 outside."""
    return _position


@contextmanager
def together(n: int) -> Iterator[Callable[[], None]]:
    """Count all that is compiled in the block as one compilation, of n kernels.

    The block gets a function to be called when one of them is ready, compiled or loaded.

    Meanwhile Python does not look for garbage: Numba makes many objects, nearly all of which stay,
    and to go through them time and again took a tenth of a compilation.
    """
    global _position

    def advance() -> None:
        global _position
        _position = _position[0] + 1, n

    with global_compiler_lock:
        collects, before = gc.isenabled(), _position
        gc.disable()
        _position = 0, n
        _enter(None)
        try:
            yield advance
        finally:
            _leave()
            _position = before
            if collects:
                gc.enable()


class _Listener(event.Listener):
    def __init__(self, is_kernel: Callable[[Any], bool]) -> None:
        self._is_kernel = is_kernel

    def on_start(self, event: Any) -> None:
        if self._is_kernel(event.data["dispatcher"]):
            _enter(event.data["dispatcher"].__name__)

    def on_end(self, event: Any) -> None:
        if self._is_kernel(event.data["dispatcher"]):
            _leave()


def _enter(name: str | None) -> None:
    global _depth, _told
    _depth += 1
    if name is not None and not _told:
        _told = True
        _tell(name)


def _leave() -> None:
    global _depth, _told
    _depth -= 1
    if _depth == 0 and _told:
        _told = False
        _tell(None)


def _tell(name: str | None) -> None:
    for observer in tuple(observers):
        observer(name)


def watch(is_kernel: Callable[[Any], bool]) -> None:
    """Observe the compilation of Numba's dispatchers for which ``is_kernel`` is true."""
    event.register("numba:compile", _Listener(is_kernel))
