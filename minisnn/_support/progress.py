"""Progress bars."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Protocol

from .console import error_output, in_notebook
from .extras import require
from .notebook_bar import NotebookBar

_BAR = "a progress bar"


class Bar(Protocol):
    """The part of tqdm's interface that minisnn uses."""

    initial: int
    """Units that were done before: no part of the speed."""

    def update(self, n: int = 1) -> Any:
        """Advance by n."""

    def set_description(self, desc: str, refresh: bool = True) -> Any:
        """Set the text before the bar, and show it at once or with the next update."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> Any:
        """Set the text after the bar, and show it at once or with the next update."""

    def close(self) -> Any:
        """Leave the bar as it is."""


def progress_bar(
    show: bool | None,
    total: int,
    unit: str | None = None,
    below: Callable[[], str] | None = None,
) -> Bar:
    """Return a bar on standard error, or below the cell of a notebook.

    Parameters
    ----------
    show : bool, optional
        True: shown; an error names the extra if tqdm is missing and needed. False: not shown.
        None: shown in a notebook, and where tqdm is installed and standard error is a terminal.
    total : int
        Units of work in all.
    unit : str, optional
        Unit that is counted. None: the description shows the progress.
    below : callable, optional
        Returns HTML that a notebook shows below the bar.
    """
    output = error_output()
    if show is None:
        show = in_notebook() or (output.isatty() and importlib.util.find_spec("tqdm") is not None)
    if not show:
        return _NoBar()
    if in_notebook():
        return NotebookBar(total, unit, below)
    bar: Bar = require("tqdm", "progress", _BAR).tqdm(
        total=total,
        unit=unit or "",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}" if unit is None else None,
        smoothing=0,  # the speed is that since the beginning, and any update may show it
        miniters=1,
        dynamic_ncols=True,
        file=output,
    )
    return bar


def check_bar() -> None:
    """Raise the error that names the extra if tqdm is missing; notebooks need none."""
    if not in_notebook():
        require("tqdm", "progress", _BAR)


class _NoBar:
    initial = 0

    def update(self, n: int = 1) -> None:
        pass

    def set_description(self, desc: str, refresh: bool = True) -> None:
        pass

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        pass

    def close(self) -> None:
        pass
