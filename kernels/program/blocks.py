"""Blocks of columns: their size, and the position of each row's first edge in each block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.caches import CACHES, Caches
from ..machine.jit import jit
from .runs import Runs

_PER_SEGMENT = {"near": 30.0, "far": 450.0}
"""Cycles for a row's passage through a block: its accumulator is loaded and stored, its few edges
there begin in the middle of a cache line, and their number is hard to predict. Many more where the
accumulators of all rows, which go by once for each block, are twice as large as L2."""

_PER_LINE = {"L1": 0.44, "L2": 5.0}
"""Cycles that a cache line of X takes more, when it is not found in a cache."""

_OF_TWO = {"segment": 0.65, "L1": 2.4}
"""Both where rows are taken two at a time, as multiples for each row: their passage is shared, and
their multiply-adds hide less of the time that a line takes to come."""

_HELD = {"L1": 1.1, "L2": 0.63}
"""Rows of a block that a cache can serve, as a multiple of its size: of L1 somewhat more, since
neighbouring rows have neighbouring columns; of L2 less, since much else streams through."""

_SWEPT = 0.85
"""The same of L1 where rows share their columns: they go through the same rows of X, one after the
other, and a cache that does not hold all of them has none of them when the next row comes."""

# Fitted to steps on Zen 5 (48 KiB, 1 MiB), of 784-1000-10 in batches of 32, 128 and 512, and of
# 2000-2000-10, 4096-4096-10 and 20000-1000-10, at 1 to 70 %, of floats and of bytes; under the
# condition that the choices are those that were best on Ice Lake (48 KiB, 1.25 MiB). On Zen 5 a
# step takes 1.02 times as long, on average, as with the best of twelve numbers of blocks, and 1.12
# times at most (4096-4096-10 at 50 %). `scripts/benchmark.py blocks` measures it.

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
    n_rows: int,
    n_columns: int,
    n_edges: int,
    row_bytes: int,
    caches: Caches = CACHES,
    *,
    passes: int = 1,
    of_bytes: bool = False,
    shared: float = 0.0,
    by_two: bool = False,
) -> Blocks:
    """Return the blocks that cost least, by the model of the constants above.

    An edge reads a row of X. A cache as large as a share of the block's rows has it for that share
    of the edges; the others fetch it from the next level.

    Parameters
    ----------
    n_rows, n_columns, n_edges
        Of the matrix.
    row_bytes
        Bytes of a row of activations.
    caches
        Sizes of the caches.
    passes
        Number of passes over a row's edges, each a tile wide.
    of_bytes
        Whether X is of bytes, two in a word: rows half as long.
    shared
        Share of the edges whose column the neighbouring row has, too.
    by_two
        Whether rows are taken two at a time.
    """
    per_row, sums = n_edges / max(n_rows, 1), n_rows * row_bytes / passes
    distance = min(max(0.0, sums / caches.L2 - 1), 1.0)
    per_segment = _PER_SEGMENT["near"] * (1 - distance) + _PER_SEGMENT["far"] * distance
    per_line = dict(_PER_LINE)
    if by_two:
        per_segment *= _OF_TWO["segment"]
        per_line["L1"] *= _OF_TWO["L1"]
    reads = per_row * (1 - shared / 2 * by_two)
    room = {"L1": _HELD["L1"] * caches.L1, "L2": _HELD["L2"] * caches.L2}
    row_bytes = row_bytes // 2 if of_bytes else row_bytes
    lines = row_bytes / _LINE

    def cost(number: int) -> float:
        columns = math.ceil(n_columns / number)
        missed = {level: max(0.0, 1 - held / (columns * row_bytes)) for level, held in room.items()}
        is_swept = min(columns, per_row) * row_bytes > _SWEPT * caches.L1
        missed["L1"] += shared * (is_swept - missed["L1"])
        cycles = sum(missed[level] * cycles for level, cycles in per_line.items())
        return number * passes * per_segment + reads * lines * cycles

    most = max(1.0, 4 * n_columns * row_bytes / room["L1"])  # blocks of a quarter of L1
    numbers = [number for number in _NUMBERS if number <= min(most, n_columns)]
    columns = math.ceil(n_columns / min(numbers, key=cost))
    number = math.ceil(n_columns / columns)
    fits = [level for level in ("L1", "L2") if columns * row_bytes <= getattr(caches, level)]
    return Blocks(columns, number, [*fits, "memory"][0], per_row / number)


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


@dataclass(frozen=True, eq=False)
class Product:
    """One matrix in CSR, its blocks, and where each row's edges of them begin."""

    indptr: npt.NDArray[Any]
    blocks: Blocks
    n_columns: int
    starts: npt.NDArray[np.uint32]
    runs: Runs | None = None

    @property
    def n_starts(self) -> int:
        """Numbers in its tables of starts, those of its runs among them."""
        return self.starts.size + (0 if self.runs is None else self.runs.starts.size)

    @property
    def rows_at_once(self) -> int:
        """Rows that are taken at a time: ranges of rows begin at multiples of it."""
        return 1 if self.runs is None else 2

    def __str__(self) -> str:
        if self.runs is None:
            return str(self.blocks)
        return f"{self.blocks}, two rows at a time on {100 * self.runs.shared:.0f} % of the edges"


def complete_product(n_rows: int, n_columns: int) -> Product:
    """Return the product of a matrix in which every row has every column."""
    indptr = np.arange(n_rows + 1, dtype=np.int64) * n_columns
    starts = np.stack([indptr[:-1], indptr[1:]]).astype(np.uint32)
    return Product(indptr, Blocks(n_columns, 1, "L1", n_columns), n_columns, starts)
