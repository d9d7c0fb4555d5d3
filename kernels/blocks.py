"""Blocks of columns: which size, and where each row's edges of each block begin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .caches import CACHES, Caches
from .jit import jit

_PER_EDGE = {"L1": 6.0, "L2": 10.0, "memory": 14.0}
_PER_EDGE_OF_BYTES = {"L1": 5.4, "L2": 7.0, "memory": 9.0}
"""Cycles for an edge of 8 registers, by where its row is read from.

From L1 the core's two loads a cycle are the limit: eight vectors, an index and a weight; from
further away, the cache lines that arrive. Bytes come in pairs, in half as many loads and lines.
Measured on Zen 5.
"""

_PER_SEGMENT = {"near": 30.0, "far": 100.0}
"""Cycles for a row's passage through a block: its accumulator is loaded and stored, its few edges
there begin in the middle of a cache line, and their number is hard to predict. More where the
whole of X is larger than L2, so that each passage waits for what it needs."""

_SHARE = 2 / 3
"""Of a cache, for a block's rows; the rest is for the accumulators that stream through."""


@dataclass(frozen=True)
class Blocks:
    """How many columns a block has, and why."""

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
    of_bytes: bool = False,
) -> Blocks:
    """Return the blocks that cost least, by the model of the constants above.

    Parameters
    ----------
    n_rows, n_columns, n_edges
        Of the matrix.
    row_bytes
        Bytes of one column's row of activations.
    caches
        Sizes of the caches.
    of_bytes
        Whether activations are bytes.
    """
    per_edge = _PER_EDGE_OF_BYTES if of_bytes else _PER_EDGE

    def level(columns: int) -> str:
        for name in ("L1", "L2"):
            if columns * row_bytes <= _SHARE * getattr(caches, name):
                return name
        return "memory"

    per_row = n_edges / max(n_rows, 1)
    distance = "near" if n_columns * row_bytes <= caches.L2 else "far"
    sizes = [n_columns]
    for size in (caches.L2, caches.L1):
        columns = int(_SHARE * size) // row_bytes
        if 0 < columns < sizes[-1]:
            number = math.ceil(n_columns / columns)
            sizes.append(math.ceil(n_columns / number))

    def cost(columns: int) -> float:
        segments = math.ceil(n_columns / columns) * _PER_SEGMENT[distance]
        return segments + per_row * per_edge[level(columns)]

    columns = min(sizes, key=cost)
    number = math.ceil(n_columns / columns)
    return Blocks(columns, number, level(columns), per_row / number)


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
    """Return where each row's edges of each block begin: uint32[blocks + 1, rows].

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


def complete_product(n_rows: int, n_columns: int) -> Product:
    """Return the product of a matrix in which every row has every column."""
    indptr = np.arange(n_rows + 1, dtype=np.int64) * n_columns
    starts = np.stack([indptr[:-1], indptr[1:]]).astype(np.uint32)
    return Product(indptr, Blocks(n_columns, 1, "L1", n_columns), n_columns, starts)
