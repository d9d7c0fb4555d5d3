"""Table of the levels of a wiring."""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array
from .._support.messages import counted, few
from .._support.tables import align
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
    if len(rows) > _MOST_LEVELS:
        rows[_MOST_LEVELS // 2 : -_MOST_LEVELS // 2] = [["..."] * len(rows[0])]
    rows.append(["all", *(f"{column.sum():,}" for column in columns.values())])
    lines = [align(["level", *columns], rows)]
    if dead := dead_ends(parts):
        lines.append(
            f"reach no output: {counted(len(dead), 'term')}, {few(dead)}; "
            "restricted_to(inputs) leaves them out"
        )
    if dropped is not None:
        lines.append(str(dropped))
    return "\n".join(lines)
