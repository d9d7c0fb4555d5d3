"""Curves and ribbons between the columns of a plot, and the texts beside their nodes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from .style import plain

_LONGEST = 20  # letters of a name
_WIDEST, _NARROW = 60.0, 1.0  # figure, and columns too near one another for names, in inches

Point = tuple[float, float]


def curve(begin: Point, end: Point, rise: float = 0.0) -> Any:
    """Return a path from left to right, horizontal at its ends unless it is to rise between."""
    from matplotlib.path import Path

    return Path([begin, *_bend(begin, end, rise), end], [Path.MOVETO, *[Path.CURVE4] * 3])


def ribbon(begin: Point, end: Point, height: float) -> Any:
    """Return the outline of a band between two upper corners."""
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = begin, end
    below = (x1, y1 - height), (x0, y0 - height)
    vertices = [begin, *_bend(begin, end), end, below[0], *_bend(*below), below[1], begin]
    curved = [Path.CURVE4] * 3
    return Path(vertices, [Path.MOVETO, *curved, Path.LINETO, *curved, Path.CLOSEPOLY])


def _bend(begin: Point, end: Point, rise: float = 0.0) -> tuple[Point, Point]:
    middle = (begin[0] + end[0]) / 2
    return (middle, begin[1] + rise), (middle, end[1] + rise)


def short(name: Hashable) -> str:
    """Return a name that fits beside a node."""
    text = str(name)
    return plain(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")


def label(axes: Any, x: float, y: float, text: str, *, left: bool) -> None:
    """Write at the left or the right of a node, over what runs behind the text."""
    background = {
        "facecolor": axes.get_facecolor(), "edgecolor": "none", "alpha": 0.75, "pad": 0.8,
    }  # fmt: skip
    note = axes.annotate(
        text, (x, y), (-5 if left else 5, 0), textcoords="offset points", va="center",
        ha="right" if left else "left", fontsize=8, bbox=background, zorder=4,
    )  # fmt: skip
    note.set_in_layout(False)  # thousands would take half a minute


def set_columns(axes: Any, texts: Sequence[str], most: int = 24) -> None:
    """Write a text below each column, or below some of them; leave room for names beside them."""
    every = -(-len(texts) // most)
    axes.set_xticks(range(0, len(texts), every), texts[::every], fontsize=8)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.set_frame_on(False)
    axes.use_sticky_edges = False  # bars would end at the frame
    axes.set_xlim(-0.8, len(texts) - 0.2)


def width_of(n_columns: int) -> float:
    """Return the width of a figure in inches."""
    return min(2.0 * (n_columns + 0.6), _WIDEST)


def has_room(n_columns: int) -> bool:
    """Return whether names fit between so many columns."""
    return width_of(n_columns) / n_columns > _NARROW
