"""Texts that describe a wiring: one line, and a table of its levels."""

from __future__ import annotations

from collections.abc import Mapping

from .._support.arrays import Array
from .._support.messages import counted, few
from .._support.tables import align
from .parts import Names
from .selection import Dropped

_MOST_LEVELS = 24  # in a table


def one_line(counts: Mapping[str, int]) -> str:
    """Return the numbers of inputs, outputs, levels, neurons and edges in a line."""
    *parts, (_, n_skips) = counts.items()
    verb = "skips a level" if n_skips <= 1 else "skip levels"
    listed = ", ".join([counted(n, noun) for noun, n in parts])
    return f"Wiring({listed}, {n_skips or 'none'} {verb})"


def level_table(columns: Mapping[str, Array], dead_ends: Names, dropped: Dropped | None) -> str:
    """Return a table with a row for each level, then what there is to know of it."""
    n_levels = len(columns["terms"])
    labels = ["inputs", *map(str, range(1, n_levels))]
    rows = [
        [label, *(f"{column[level]:,}" for column in columns.values())]
        for level, label in enumerate(labels)
    ]
    if n_levels > _MOST_LEVELS:
        rows[_MOST_LEVELS // 2 : -_MOST_LEVELS // 2] = [["..."] * (1 + len(columns))]
    rows.append(["all", *(f"{column.sum():,}" for column in columns.values())])
    lines = [align(["level", *columns], rows)]
    if dead_ends:
        lines.append(
            f"reach no output: {counted(len(dead_ends), 'term')}, {few(dead_ends)}; "
            "restricted_to(inputs) leaves them out"
        )
    if dropped is not None:
        lines.append(str(dropped))
    return "\n".join(lines)
