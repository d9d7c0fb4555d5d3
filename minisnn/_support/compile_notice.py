"""Notice that kernels are being compiled: an estimate of the time, and how far it is.

It goes to standard error. A terminal shows how many kernels are ready and the seconds that have
passed; any other destination gets one line. If there is a progress bar, the notice is a line above
it. In a notebook it is an output that is updated: standard error is red there, and a notebook that
a program runs and saves keeps all lines that were overwritten. If a program shows the log of
minisnn at level INFO, the notice is in the log instead. There is no notice

* if all kernels are loaded, or compiled within `_PATIENCE`,
* if `train` was asked for no progress,
* if the logger ``minisnn`` has a higher level than INFO,
* in worker processes, since each would print the same.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from threading import Event, Thread
from time import perf_counter
from typing import Any

from ..kernels.machine import code_cache, compiling
from .console import Output, error_output, in_notebook

_PATIENCE = 1.0  # seconds of silence: kernels that take less are many
_TICK = 1.0  # seconds between two looks at the clock

_TAKES = {"execute": "5 to 20 s"}
"""Time by the kernel that was called: on a fast core, and on a slow or busy one."""

_logger = logging.getLogger("minisnn")
_wanted: ContextVar[bool | None] = ContextVar("_wanted", default=None)


@contextmanager
def compile_notice(wanted: bool) -> Iterator[None]:
    """Enable or disable the notice in this context, unless an outer context has decided."""
    token = _wanted.set(wanted) if _wanted.get() is None else None
    try:
        yield
    finally:
        if token is not None:
            _wanted.reset(token)


class _Clock(Thread):
    """Prints the notice, and updates the time that has passed."""

    def __init__(self, kernel: str) -> None:
        super().__init__(name="minisnn compile notice", daemon=True)
        self._kernel, self._began, self._over = kernel, perf_counter(), Event()

    def run(self) -> None:
        """Wait, say it, and count until `stop`."""
        if self._over.wait(_PATIENCE):
            return
        after = "then cached"
        try:
            code_cache.check_writable()
        except OSError:
            after = "in each process"
        takes = _TAKES.get(self._kernel, "some seconds")
        text = f"compiling kernels ({takes}, {after})"
        if _is_shown_by_log():
            _logger.info(text)
            return
        text, output = f"minisnn: {text}", error_output()
        if in_notebook():
            self._count(text, _shown_in_cell(text))
            return
        if _say_above_bars(text, output):
            return
        output.write(text)
        if _shows_time(output, f"{text}: 99 of 99, 999 s"):
            self._count(text, lambda line: _write_over(line, output))
        output.write("\n")
        output.flush()

    def _count(self, text: str, show: Callable[[str], object]) -> None:
        going = True
        while going:
            going = not self._over.wait(_TICK)
            ready, n = compiling.position()
            far = f"{ready} of {n}, " if n else ""
            show(f"{text}: {far}{perf_counter() - self._began:.0f} s")

    def stop(self) -> None:
        """Leave the line as it is."""
        self._over.set()
        self.join()


def _is_shown_by_log() -> bool:
    return _logger.isEnabledFor(logging.INFO) and _logger.hasHandlers()


def _shown_in_cell(text: str) -> Callable[[str], object]:
    """Show a text below the notebook's cell; return a function that shows another in its place."""
    display = import_module("IPython.display").display  # is there, as ipykernel needs it
    handle = display({"text/plain": text}, raw=True, display_id=True)
    return lambda line: handle.update({"text/plain": line}, raw=True)


def _say_above_bars(text: str, output: Output) -> bool:
    """Write a line above the progress bars on the screen, the user's own too, if there are any."""
    module: Any = sys.modules.get("tqdm.std")
    if module is None:
        return False
    with module.tqdm.get_lock():
        bars = [bar for bar in getattr(module.tqdm, "_instances", ()) if hasattr(bar, "start_t")]
        for bar in bars:
            bar.clear(nolock=True)
        if bars:
            output.write(f"{text}\n")
        for bar in bars:
            bar.refresh(nolock=True)
    return bool(bars)


def _write_over(line: str, output: Output) -> None:
    output.write(f"\r{line}")
    output.flush()


def _shows_time(output: Output, text: str) -> bool:
    """Return whether a line can be written over."""
    return output.isatty() and len(text) < shutil.get_terminal_size().columns


def _is_worker() -> bool:
    return multiprocessing.parent_process() is not None


_clocks: list[_Clock] = []


def _observe(kernel: str | None) -> None:
    if kernel is None:
        while _clocks:
            _clocks.pop().stop()
    elif _wanted.get() is not False and not (_is_worker() or _logger.level > logging.INFO):
        clock = _Clock(kernel)
        with suppress(RuntimeError):  # the system has no thread to give
            clock.start()
            _clocks.append(clock)


compiling.observers.append(_observe)
