"""Handling of Ctrl-C: the first ends the running training, a second one the program.

A program that trains many networks, in a loop or in a search, must be ended by Ctrl-C as well. So
a second one within two seconds is a KeyboardInterrupt wherever it comes, even in the next training.
While kernels are compiled nothing is trained yet, and the first one is a KeyboardInterrupt, too.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any

from ..kernels.machine import compiling
from ..kernels.machine.calls import address_of

AGAIN = 2.0
"""Seconds within which a second Ctrl-C ends more than one training."""

_pressed_at = float("-inf")
_training = threading.Event()  # set by Ctrl-C in the training under way


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event that a loop looks at between two steps.

    Only where Ctrl-C would raise KeyboardInterrupt: in the main thread, with Python's own
    handler. The user's own handler stays in place. A training in a callback of another shares its
    event, so that both end.
    """
    global _training
    handler = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and handler is _note:
        yield _training
    elif in_main_thread and handler is signal.default_int_handler:
        _training = threading.Event()
        signal.signal(signal.SIGINT, _note)
        try:
            yield _training
        finally:
            signal.signal(signal.SIGINT, handler)
    else:
        yield threading.Event()


def _note(signum: int, frame: FrameType | None) -> None:
    global _pressed_at
    now = monotonic()
    again = _training.is_set() or now - _pressed_at < AGAIN
    _pressed_at = now
    if again:
        raise KeyboardInterrupt
    _training.set()


@contextmanager
def interruptible_at_once() -> Iterator[None]:
    """Make Ctrl-C raise KeyboardInterrupt within a training too: a partial training is lost."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _raise(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# While kernels are compiled, which is Numba's code and takes up to a minute

_RETRY = 0.02  # seconds
_FUNCTIONS = {
    "__init__", "__enter__", "__exit__", "__del__", "acquire", "release",
    "_raw_object_cache_notify", "_raw_object_cache_getbuffer",
}  # fmt: skip
_MODULES = {"numba.core.event", compiling.__name__, __name__}
"""Code in which an exception would leave a lock held, a count wrong or an object half made, or
would be dropped, as that of a callback from LLVM or of a finaliser is."""

_CALLERS = {"_compile_for_args", address_of.__name__}
"""Functions that compile: an exception does no harm in the code that called them."""

_handler: Any = None  # before a compilation


def _observe(kernel: str | None) -> None:
    """Put off Ctrl-C, in a compilation, until it can be raised."""
    global _handler
    if threading.current_thread() is not threading.main_thread():
        return
    current = signal.getsignal(signal.SIGINT)
    if kernel is not None and current in (signal.default_int_handler, _note, _raise):
        _handler = current
        signal.signal(signal.SIGINT, _abort)
    elif kernel is None and current is _abort:
        signal.signal(signal.SIGINT, _handler)


def _abort(signum: int, frame: FrameType | None) -> None:
    while frame is not None and frame.f_code.co_name not in _CALLERS:
        if frame.f_code.co_name in _FUNCTIONS or frame.f_globals.get("__name__") in _MODULES:
            later = threading.Timer(_RETRY, _thread.interrupt_main, [signum])
            later.daemon = True
            later.start()
            return
        frame = frame.f_back
    raise KeyboardInterrupt


compiling.observers.append(_observe)
