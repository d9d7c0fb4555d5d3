"""The products of a plan, and the tables in which all their starts and runs stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .blocks import Blocks, block_starts, choose_blocks
from .reuse import Reads
from .runs import FEWEST, TWO_FROM, Runs, runs_of, share_of_two

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Product:
    """One matrix in CSR, its blocks, and where each row's edges of them begin."""

    indptr: Array
    blocks: Blocks
    n_columns: int
    starts: npt.NDArray[np.uint32]
    runs: Runs | None = None

    @property
    def rows_at_once(self) -> int:
        """Rows that are taken at a time: ranges of rows begin at multiples of it."""
        return 1 if self.runs is None else 2

    def __str__(self) -> str:
        if self.runs is None:
            return str(self.blocks)
        return f"{self.blocks}, two rows at a time on {100 * self.runs.shared:.0f} % of the edges"


@dataclass
class Products:
    """The products of the groups that have indices, by their numbers; and their tables.

    Parameters
    ----------
    row_bytes
        Bytes of a row of activations.
    passes
        Number of passes over a row's edges, each a tile wide.

    Attributes
    ----------
    sums, gradients, updates
        W X, W^T dZ and dZ X^T. Each has its own blocks, since they read X, or dZ, in other ways.
    """

    row_bytes: int
    passes: int
    sums: dict[int, Product] = field(default_factory=dict)
    gradients: dict[int, Product] = field(default_factory=dict)
    updates: dict[int, Product] = field(default_factory=dict)
    _starts: list[Array] = field(default_factory=list)
    _runs: list[Array] = field(default_factory=list)

    def of_rows(
        self, indptr: Array, indices: Array, n_columns: int, *, of_bytes: bool = False
    ) -> Product:
        """Return the product of a matrix with X, or dZ: two rows at a time if that pays."""
        reads = Reads(indptr, indices, n_columns, 2)
        few = len(indices) < FEWEST * (len(indptr) - 1)
        # Runs are counted only where there may be enough: most graphs never need that compiled.
        shared = 0.0 if few or reads.shared < TWO_FROM else share_of_two(indptr, indices)
        if shared < TWO_FROM:
            return self.row_by_row(indptr, indices, n_columns, of_bytes=of_bytes)
        blocks = self._choose(reads, of_bytes)
        starts = block_starts(indptr, indices, blocks)
        return Product(indptr, blocks, n_columns, starts, runs_of(indices, starts, shared))

    def row_by_row(
        self, indptr: Array, indices: Array, n_columns: int, *, of_bytes: bool = False
    ) -> Product:
        """Return the product of a matrix with X, or of dZ with X^T on its edges, row by row."""
        blocks = self._choose(Reads(indptr, indices, n_columns), of_bytes)
        return Product(indptr, blocks, n_columns, block_starts(indptr, indices, blocks))

    def _choose(self, reads: Reads, of_bytes: bool) -> Blocks:
        return choose_blocks(reads, self.row_bytes, passes=self.passes, of_bytes=of_bytes)

    def place(self, product: Product) -> tuple[int, int]:
        """Append a product to the tables; return where its starts begin, and those of its runs."""
        first = sum(map(len, self._starts))
        self._starts.append(product.starts.ravel())
        last = first + product.starts.size
        if product.runs is not None:
            n_runs = sum(map(len, self._runs))
            self._starts.append(product.runs.starts.ravel() + np.uint32(n_runs))
            self._runs.append(product.runs.runs)
        return first, last

    def tables(self) -> tuple[Array, Array]:
        """Return the tables of starts and of runs: uint32[...]."""
        nothing = np.empty(0, np.uint32)
        return np.concatenate([*self._starts, nothing]), np.concatenate([*self._runs, nothing])


def complete_product(n_rows: int, n_columns: int) -> Product:
    """Return the product of a matrix in which every row has every column."""
    indptr = np.arange(n_rows + 1, dtype=np.int64) * n_columns
    starts = np.stack([indptr[:-1], indptr[1:]]).astype(np.uint32)
    return Product(indptr, Blocks(n_columns, 1, "L1", n_columns), n_columns, starts)
