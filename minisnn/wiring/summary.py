"""Table of the levels of a wiring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._support import html
from .._support.arrays import Array
from .._support.messages import counted, few
from .._support.tables import align, shortened
from .parts import Parts
from .selection import Dropped, dead_ends

_MOST_LEVELS = 24  # in a table


def edges_by_level(parts: Parts, levels: Array, *, skips: bool = False) -> Array:
    """Return the edges between neurons that end in each level, or those of them that skip one."""
    n_edges = parts.units[parts.sources] * parts.units[parts.targets]
    if skips:
        n_edges *= levels[parts.sources] < levels[parts.targets] - 1
    return np.bincount(levels[parts.targets], n_edges).astype(np.int64)


def level_table(parts: Parts, levels: Array, dropped: Dropped | None) -> str:
    """Return a table with a row for each level, then what reaches no output and was left out."""
    header, *rows, total = _rows(parts, levels)
    table = align(header, [*shortened(rows, _MOST_LEVELS), total])
    return "\n".join([table, *_notes(parts, dropped)])


def level_html(title: str, parts: Parts, levels: Array, dropped: Dropped | None) -> str:
    """Return the same in HTML, under a title."""
    header, *rows, total = _rows(parts, levels)
    rows = [*shortened(rows, _MOST_LEVELS), total]
    return html.table(header, rows, title=title, notes=_notes(parts, dropped), most=len(rows))


def _rows(parts: Parts, levels: Array) -> list[Sequence[str]]:
    """Return the header, a row for each level, and the totals."""
    columns = {
        "terms": np.bincount(levels),
        "neurons": np.bincount(levels, parts.units).astype(np.int64),
        "outputs": np.bincount(levels, parts.is_output).astype(np.int64),
        "edges": edges_by_level(parts, levels),
        "skips": edges_by_level(parts, levels, skips=True),
    }
    rows = [
        ["inputs" if level == 0 else str(level), *(f"{n:,}" for n in numbers)]
        for level, numbers in enumerate(zip(*columns.values(), strict=True))
    ]
    totals = ["all", *(f"{column.sum():,}" for column in columns.values())]
    return [["level", *columns], *rows, totals]


def _notes(parts: Parts, dropped: Dropped | None) -> list[str]:
    lines = []
    if dead := dead_ends(parts):
        lines.append(
            f"reach no output: {counted(len(dead), 'term')}, {few(dead)}; "
            "restricted_to(inputs) leaves them out"
        )
    if dropped is not None:
        lines.append(str(dropped))
    return lines
