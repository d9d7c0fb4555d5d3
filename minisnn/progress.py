"""The progress bar of long work."""

from __future__ import annotations

import importlib.util
from typing import Any, Protocol

from .console import error_output
from .extras import require


class Bar(Protocol):
    """What we use of tqdm's bars."""

    initial: int
    """Units that were done before: no part of the speed."""

    def update(self, n: int = 1) -> Any:
        """Advance by n."""

    def set_description(self, desc: str) -> Any:
        """Set what stands before the bar."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> Any:
        """Set what stands behind the bar, and show it at once or with the next update."""

    def close(self) -> Any:
        """Leave the bar as it is."""


def progress_bar(show: bool | None, total: int, unit: str) -> Bar:
    """Return a bar on standard error.

    Parameters
    ----------
    show : bool, optional
        True: shown; an error names the extra if tqdm is missing. False: not shown. None: shown
        where tqdm is installed and standard error is a terminal.
    total : int
        Units of work in all.
    unit : str
        What is counted.
    """
    output = error_output()
    if show is None:
        show = output.isatty() and importlib.util.find_spec("tqdm") is not None
    if not show:
        return _NoBar()
    tqdm = require_tqdm()
    bar: Bar = tqdm.tqdm(  # the speed is that since the beginning, and any update may show it
        total=total, unit=unit, smoothing=0, miniters=1, dynamic_ncols=True, file=output
    )
    return bar


def require_tqdm() -> Any:
    """Return tqdm, or raise the error that names the extra."""
    return require("tqdm", "progress", "a progress bar")


class _NoBar:
    initial = 0

    def update(self, n: int = 1) -> None:
        pass

    def set_description(self, desc: str) -> None:
        pass

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        pass

    def close(self) -> None:
        pass
