"""The progress bar of long work."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, Protocol

from .extras import require


class Bar(Protocol):
    """What we use of tqdm's bars."""

    def update(self, n: int = 1) -> Any:
        """Advance by n."""

    def set_description(self, desc: str) -> Any:
        """Set what stands before the bar."""

    def set_postfix_str(self, s: str) -> Any:
        """Set what stands behind the bar."""

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
    if show is None:
        show = sys.stderr.isatty() and importlib.util.find_spec("tqdm") is not None
    if not show:
        return _NoBar()
    tqdm = require("tqdm", "progress", "a progress bar")
    bar: Bar = tqdm.tqdm(total=total, unit=unit, dynamic_ncols=True, file=sys.stderr)
    return bar


class _NoBar:
    def update(self, n: int = 1) -> None:
        pass

    def set_description(self, desc: str) -> None:
        pass

    def set_postfix_str(self, s: str) -> None:
        pass

    def close(self) -> None:
        pass
