"""Aligned text tables for programs to print."""

from __future__ import annotations

from collections.abc import Sequence


def align(header: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int = 1) -> str:
    """Return a table with a rule under its header.

    Parameters
    ----------
    header : sequence of str
        A name for each column.
    rows : sequence of sequence of str
        The cells, as many in each row.
    n_left : int
        Columns that are words, and stand to the left; all others stand to the right.

    Returns
    -------
    str

    Examples
    --------
    >>> from minisnn._support.tables import align
    >>> print(align(["", "weights"], [["sparse", "1,600"], ["dense", "65,536"]]))
            weights
    ------  -------
    sparse    1,600
    dense    65,536
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        words = [cell.ljust(width) for cell, width in zip(cells[:n_left], widths, strict=False)]
        numbers = zip(cells[n_left:], widths[n_left:], strict=True)
        return "  ".join([*words, *(cell.rjust(width) for cell, width in numbers)]).rstrip()

    return "\n".join([line(header), "  ".join("-" * width for width in widths), *map(line, rows)])


def shortened(rows: Sequence[Sequence[str]], most: int) -> list[Sequence[str]]:
    """Return the rows; of more than can be shown the first and the last, and dots between.

    Parameters
    ----------
    rows : sequence of sequence of str
        The cells.
    most : int
        Rows to show, an even number; a row of dots comes in addition.

    Returns
    -------
    list of sequence of str

    Examples
    --------
    >>> from minisnn._support.tables import shortened
    >>> shortened([["1"], ["2"], ["3"], ["4"], ["5"]], 2)
    [['1'], ['...'], ['5']]
    """
    if len(rows) <= most:
        return [*rows]
    return [*rows[: most // 2], ["..."] * len(rows[0]), *rows[-(most // 2) :]]
