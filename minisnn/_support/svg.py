"""Small line charts in SVG, for notebooks: in the colour of the page's text, without Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 300, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 24, 20  # margins around the lines
_MOST_POINTS = 200  # of a line: neighbours are less than two pixels apart
_DASHES = ("", "5 3", "1 3")


def line_chart(title: str, curves: Mapping[str, Sequence[float | None]], first: int = 1) -> str:
    """Return lines over a common axis of whole numbers.

    Parameters
    ----------
    title : str
        Quantity that is shown.
    curves : mapping from str to sequence of float or None
        Values of each line by its name; None, NaN and infinite ones are left out.
    first : int
        Number, such as that of an epoch, that the first value belongs to.

    Returns
    -------
    str
        An ``<svg>``; "" if no line has two values.

    Examples
    --------
    >>> from minisnn._support.svg import line_chart
    >>> line_chart("loss", {"training": [0.5, 0.25, 0.2]})[:4]
    '<svg'
    >>> line_chart("loss", {"training": [0.5]})
    ''
    """
    points = {name: _finite(values) for name, values in curves.items()}
    points = {name: pairs for name, pairs in points.items() if len(pairs) > 1}
    if not points:
        return ""
    values = [value for pairs in points.values() for _, value in pairs]
    low, high = min(values), max(values)
    last = max(len(values) for values in curves.values()) - 1
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def place(k: int, value: float) -> str:
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5  # no overflow
        x, y = _LEFT + k / last * (right - _LEFT), bottom - share * (bottom - _TOP)
        return f"{x:.1f},{y:.1f}"

    pieces = [
        f'<path d="M{_LEFT},{_TOP} V{bottom} H{right}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.4"/>',
        _text(_LEFT, 14, title, "start", bold=True),
        _text(_LEFT - 5, _TOP + 4, f"{high:.3g}", "end"),
        _text(_LEFT, _HEIGHT - 5, str(first), "middle"),
        _text(right, _HEIGHT - 5, str(first + last), "end"),
    ]
    if high > low:
        pieces.append(_text(_LEFT - 5, bottom + 3, f"{low:.3g}", "end"))
    place_of_name = float(right)
    for (name, pairs), dash in reversed([*zip(points.items(), _DASHES, strict=False)]):
        line = " ".join(place(k, value) for k, value in pairs)
        dashed = f' stroke-dasharray="{dash}"' * bool(dash)
        stroke = f'fill="none" stroke="currentColor" stroke-width="1.5"{dashed}'
        pieces.append(f'<polyline points="{line}" {stroke}/>')
        if len(points) > 1:
            pieces.append(_text(place_of_name, 14, name, "end"))
            start = place_of_name - 6.2 * len(name) - 4
            pieces.append(f'<path d="M{start - 22:.0f},10 H{start:.0f}" {stroke}/>')
            place_of_name = start - 34
    label = escape(f"{title} from {first} to {first + last}")
    style = "color: inherit; max-width: 100%; margin-right: 1em; overflow: visible"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{label}" style="{style}">'
        f"{''.join(pieces)}</svg>"
    )


def _finite(values: Sequence[float | None]) -> list[tuple[int, float]]:
    """Return the places and values that a line goes through, the last among them."""
    pairs = [(k, v) for k, v in enumerate(values) if v is not None and math.isfinite(v)]
    step = -(-len(pairs) // _MOST_POINTS) or 1
    return pairs[::-1][::step][::-1]


def _text(x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' * bold
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="11" '
        f'fill="currentColor"{weight}>{escape(text)}</text>'
    )
