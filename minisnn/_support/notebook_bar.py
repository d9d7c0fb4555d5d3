"""A progress bar for notebooks: one output that is updated, with neither widgets nor scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from time import perf_counter

from .html import block, paragraph

_EVERY = 0.1  # seconds between two pictures of the bar
_SHARE = 0.05  # of the time, at most, to draw it


class NotebookBar:
    """A bar as `minisnn._support.progress.Bar`.

    Parameters
    ----------
    total : int
        Units of work in all.
    unit : str, optional
        Unit that is counted. None: the description shows the progress.
    below : callable, optional
        Returns HTML that is shown below the bar, and stays when it is closed.
    """

    def __init__(
        self, total: int, unit: str | None = None, below: Callable[[], str] | None = None
    ) -> None:
        self.initial = 0
        self._total, self._unit, self._below = total, unit, below
        self._done, self._description, self._figures = 0, "", ""
        self._is_over = False
        self._began = perf_counter()
        self._next = self._began + _EVERY
        display = import_module("IPython.display").display  # is there, as ipykernel needs it
        self._handle = display(self._picture(), raw=True, display_id=True)

    def update(self, n: int = 1) -> None:
        """Advance by n."""
        self._done += n
        if perf_counter() >= self._next:
            self._draw()

    def set_description(self, desc: str, refresh: bool = True) -> None:
        """Set the text before the bar."""
        self._description = desc
        if refresh:
            self._draw()

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Set the text after the bar."""
        self._figures = s
        if refresh:
            self._draw()

    def close(self) -> None:
        """Show how far it came."""
        self._is_over = True
        self._draw()

    def _draw(self) -> None:
        began = perf_counter()
        self._handle.update(self._picture(), raw=True)
        ended = perf_counter()
        self._next = ended + max(_EVERY, (ended - began) / _SHARE)

    def _picture(self) -> dict[str, str]:
        text = ", ".join(filter(None, self._words()))
        share = min(self._done / self._total, 1) if self._total > 0 else 0.0
        style = "max-width: 36em; border-bottom: 1px solid currentColor; margin: 0.3em 0"
        bar = (
            f'<div style="width: {100 * share:.1f}%; border-bottom: 3px solid currentColor"></div>'
        )
        below = "" if self._below is None else self._below()
        html = block(paragraph(text), f'<div style="{style}">{bar}</div>', below)
        return {"text/plain": text, "text/html": html}

    def _words(self) -> Iterator[str]:
        done, total = self._done, self._total
        yield self._description
        if self._unit is not None:
            yield f"{self._unit} {done:,}" + f" of {total:,}" * (total > 0)
        if total > 0:  # a download may not say
            yield f"{min(100 * done / total, 100):.0f} %"
        yield self._times()
        yield self._figures

    def _times(self) -> str:
        """Return the time since the beginning, and what is left at the speed until now."""
        seconds, done = perf_counter() - self._began, self._done - self.initial
        left = self._total - self._done
        if self._is_over or left <= 0 or done <= 0:
            return _clock(seconds)
        return f"{_clock(seconds)}, {_clock(seconds * left / done)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
