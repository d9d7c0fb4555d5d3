"""Progress bars."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, Protocol

from .console import Output, error_output, in_notebook
from .extras import require


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


def progress_bar(show: bool | None, total: int, unit: str | None = None) -> Bar:
    """Return a bar on standard error, or of widgets in a notebook.

    Parameters
    ----------
    show : bool, optional
        True: shown; an error names the extra if tqdm is missing. False: not shown. None: shown
        where tqdm is installed, and standard error is a terminal or the program a notebook.
    total : int
        Units of work in all.
    unit : str, optional
        Unit that is counted. None: the description shows the progress.
    """
    output = error_output()
    if show is None:
        seen = output.isatty() or in_notebook()
        show = seen and importlib.util.find_spec("tqdm") is not None
    if not show:
        return _NoBar()
    tqdm = require_tqdm().tqdm
    if in_notebook():
        output = Output(sys.stdout)  # standard error is red there
        if importlib.util.find_spec("ipywidgets") is not None:
            tqdm = require("tqdm.notebook", "progress", "a progress bar").tqdm
    bar: Bar = tqdm(  # the speed is that since the beginning, and any update may show it
        total=total,
        unit=unit or "",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}" if unit is None else None,
        smoothing=0,
        miniters=1,
        dynamic_ncols=True,
        file=output,
    )
    return bar


def require_tqdm() -> Any:
    """Return tqdm, or raise the error that names the extra."""
    return require("tqdm", "progress", "a progress bar")


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
