"""Blocks of columns: their size, and the position of each row's first edge in each block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.caches import CACHES, Caches
from ..machine.jit import jit
from .costs import Costs, costs_for
from .reuse import Reads

_SEEN = {"bytes": 0.5, "two": 0.2}
"""Share of those of L1 that multiply-adds do not hide, where there are more of them to a line: of
bytes, and for rows that are taken two at a time."""

_HELD = {"L1": 1.1, "L2": 0.63}
"""Rows of a block that a cache can serve, as a multiple of its size: of L1 somewhat more, since
some are fetched ahead; of L2 less, since much else streams through."""

_LINE = 64  # bytes
_NUMBERS = sorted({2**k for k in range(16)} | {3 * 2**k for k in range(15)})
"""Of blocks that are tried: so one of them is within a third of any size."""


@dataclass(frozen=True)
class Blocks:
    """Number of columns of a block, and the reason for it."""

    columns: int
    number: int
    level: str
    edges_per_row: float  # of a block

    def __str__(self) -> str:
        if self.number == 1:
            return f"rows, read from {self.level}"
        return (
            f"{self.number} blocks of {self.columns} columns in {self.level}, "
            f"{self.edges_per_row:.3g} edges a row and block"
        )


def choose_blocks(
    reads: Reads,
    row_bytes: int,
    caches: Caches = CACHES,
    costs: Costs | None = None,
    *,
    passes: int = 1,
    of_bytes: bool = False,
) -> Blocks:
    """Return the blocks that cost least, by a model of its costs.

    Each block costs its rows' passage. For that, more of the reads find their row of X in a cache:
    so many as `Reads` says. The others fetch its lines from the next level.

    Parameters
    ----------
    reads
        Reads of the product.
    row_bytes
        Bytes of a row of activations.
    caches
        Sizes of the caches.
    costs
        Costs of passages and lines; by default those of this CPU.
    passes
        Number of passes over a row's edges, each a tile wide.
    of_bytes
        Whether X is of bytes, two in a word: rows half as long.
    """
    n_rows, n_columns = max(reads.n_rows, 1), reads.n_columns
    distance = min(max(0.0, 2 * (n_rows * row_bytes / passes / caches.L2 - 1)), 1.0)
    costs = costs_for(reads.n_edges) if costs is None else costs
    per_segment = costs.near * (1 - distance) + costs.far * distance
    cycles = np.array([costs.L1, costs.L2])
    if of_bytes:
        row_bytes, cycles[0] = row_bytes // 2, cycles[0] * _SEEN["bytes"]
    if reads.at_once == 2:
        cycles[0] *= _SEEN["two"]
    rooms = np.array([_HELD["L1"] * caches.L1, _HELD["L2"] * caches.L2]) / row_bytes
    lines = reads.number / n_rows * row_bytes / _LINE  # of a row of W

    most = max(1.0, 4 * n_columns / rooms[0])  # blocks of a quarter of L1
    least, columns = math.inf, n_columns
    for number in _NUMBERS:
        passage = number * passes * per_segment
        if number > min(most, n_columns) or passage >= least:
            break
        size = math.ceil(n_columns / number)
        cost = passage + lines * float(reads.missed(size, rooms) @ cycles)
        if cost < least:
            least, columns = cost, size
    number = math.ceil(n_columns / columns)
    fits = [level for level in ("L1", "L2") if columns * row_bytes <= getattr(caches, level)]
    return Blocks(columns, number, [*fits, "memory"][0], reads.n_edges / n_rows / number)


@jit
def _fill_starts(indptr, indices, columns, starts):  # type: ignore[no-untyped-def]
    n_blocks, n_rows = starts.shape[0] - 1, starts.shape[1]
    for i in range(n_rows):
        k = indptr[i]
        for block in range(n_blocks):
            starts[block, i] = k
            while k < indptr[i + 1] and indices[k] < (block + 1) * columns:
                k += 1
        starts[n_blocks, i] = k


def block_starts(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], blocks: Blocks
) -> npt.NDArray[np.uint32]:
    """Return the first edge of each row in each block: uint32[blocks + 1, rows].

    The edges of row i in block b are ``starts[b, i] : starts[b + 1, i]``.
    """
    starts = np.empty((blocks.number + 1, len(indptr) - 1), dtype=np.uint32)
    if blocks.number == 1:
        starts[0], starts[1] = indptr[:-1], indptr[1:]
    else:
        _fill_starts(indptr, indices, blocks.columns, starts)
    return starts
