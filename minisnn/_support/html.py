"""Tables in HTML, for notebooks: in the colours and the font of the page, whichever these are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .tables import shortened

MOST_ROWS = 24
"""Rows of a table that are displayed; of a longer one the first and the last."""


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    words: Sequence[int] = (0,),
    most: int = MOST_ROWS,
) -> str:
    """Return an HTML table; all text is escaped.

    Parameters
    ----------
    header : sequence of str
        A name for each column.
    rows : sequence of sequence of str
        The cells, as many in each row. Of too many, those in the middle are left out.
    title : str
        Line above the table.
    notes : sequence of str
        Lines below it.
    words : sequence of int
        Columns that are words, and stand to the left; all others stand to the right.
    most : int
        Rows that are shown.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a row is longer or shorter than the header.

    Examples
    --------
    >>> from minisnn._support.html import table
    >>> text = table(["gene", "edges"], [["<a>", "3"]], title="1 & 2")
    >>> "&lt;a&gt;" in text, "1 &amp; 2" in text
    (True, True)
    """

    def line(tag: str, cells: Sequence[str], rule: str = "") -> str:
        pairs = zip(range(len(header)), cells, strict=True)
        return f"<tr>{''.join(cell(tag, text, k, rule) for k, text in pairs)}</tr>"

    def cell(tag: str, text: str, column: int, rule: str) -> str:
        side = "left" if column in words else "right"
        wraps = "normal" if column in words and column > 0 else "nowrap"  # remarks do
        style = f"text-align: {side}; padding: 0.1em 0.8em 0.1em 0; white-space: {wraps}; {rule}"
        return f'<{tag} style="{style}">{escape(text)}</{tag}>'

    rule = "font-weight: bold; border-bottom: 1px solid currentColor"
    head = line("th", header, rule) if any(header) else ""
    body = "".join(line("td", row) for row in shortened(rows, most))
    grid = (
        "border-collapse: collapse; margin: 0; color: inherit; font-variant-numeric: tabular-nums"
    )
    return block(
        paragraph(title) if title else "",
        f'<table style="{grid}"><thead>{head}</thead><tbody>{body}</tbody></table>',
        *map(paragraph, notes),
    )


def paragraph(text: str) -> str:
    """Return a line of text, escaped, that breaks where the page is narrow."""
    return f'<div style="margin: 0.2em 0; overflow-wrap: anywhere">{escape(text)}</div>'


def block(*parts: str) -> str:
    """Return pieces of HTML as one, which scrolls where the page is narrower."""
    style = "max-width: 100%; overflow-x: auto; color: inherit"
    return f'<div style="{style}">{"".join(parts)}</div>'
