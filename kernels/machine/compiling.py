"""Notification of listeners when kernels are compiled, which takes seconds.

Kernels call one another, and a call from Python compiles all that it needs: that is one
compilation, from its beginning to its end. What is loaded from the cache is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import event

observers: list[Callable[[str | None], None]] = []
"""Called with the kernel's name where a compilation begins, with None where it ends, failed or not.
Numba's lock is held: no other begins, and the process does not fork."""

_depth = 0


def under_way() -> bool:
    """Return whether a compilation has begun that has not ended."""
    return _depth > 0


class _Listener(event.Listener):
    def __init__(self, is_kernel: Callable[[Any], bool]) -> None:
        self._is_kernel = is_kernel

    def on_start(self, event: Any) -> None:
        global _depth
        if self._is_kernel(event.data["dispatcher"]):
            _depth += 1
            if _depth == 1:
                _tell(event.data["dispatcher"].__name__)

    def on_end(self, event: Any) -> None:
        global _depth
        if self._is_kernel(event.data["dispatcher"]):
            _depth -= 1
            if _depth == 0:
                _tell(None)


def _tell(name: str | None) -> None:
    for observer in tuple(observers):
        observer(name)


def watch(is_kernel: Callable[[Any], bool]) -> None:
    """Look out for the compilation of Numba's dispatchers of which ``is_kernel`` is true."""
    event.register("numba:compile", _Listener(is_kernel))
