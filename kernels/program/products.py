"""The products of a plan, and the tables in which all their starts and runs stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .blocks import Blocks, block_starts, choose_blocks
from .reuse import Reads
from .runs import FEWEST, Runs, best_pairs, runs_of

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
    def multiple(self) -> int:
        """The number at multiples of which ranges of rows begin."""
        return 1 if self.runs is None else self.runs.multiple

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

    def of_rows(self, reads: Reads, *, of_bytes: bool = False) -> Product:
        """Return the product of a matrix with X, or dZ: two rows at a time if that pays.

        Parameters
        ----------
        reads
            Reads of the matrix, row by row.
        of_bytes
            Whether X is of bytes.
        """
        indptr, indices, best = reads.indptr, reads.indices, None
        # Runs are looked for only where there may be some: most graphs never need that compiled.
        if reads.n_edges >= FEWEST * reads.n_rows and len(reads.distances):
            best = best_pairs(indptr, indices, reads.distances)
        if best is None:
            return self.row_by_row(reads, of_bytes=of_bytes)
        order, multiple = best
        blocks = self._choose(Reads(indptr, indices, reads.n_columns, order), of_bytes)
        starts = block_starts(indptr, indices, blocks)
        runs = runs_of(indices, starts, order, multiple)
        return Product(indptr, blocks, reads.n_columns, starts, runs)

    def row_by_row(self, reads: Reads, *, of_bytes: bool = False) -> Product:
        """Return the product of a matrix with X, or of dZ with X^T on its edges, row by row."""
        blocks = self._choose(reads, of_bytes)
        starts = block_starts(reads.indptr, reads.indices, blocks)
        return Product(reads.indptr, blocks, reads.n_columns, starts)

    def _choose(self, reads: Reads, of_bytes: bool) -> Blocks:
        return choose_blocks(reads, self.row_bytes, passes=self.passes, of_bytes=of_bytes)

    def place(self, product: Product) -> tuple[int, int]:
        """Append a product to the tables; return where its starts begin, and its order of rows.

        The starts of its runs come behind the order.
        """
        first = sum(map(len, self._starts))
        self._starts.append(product.starts.ravel())
        last = first + product.starts.size
        if product.runs is not None:
            n_runs = sum(map(len, self._runs))
            self._starts.append(product.runs.order)
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
