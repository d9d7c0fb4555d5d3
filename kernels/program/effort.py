"""Estimates of the effort of operations, and the division of work by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..machine.caches import CACHES
from ..machine.vector import lanes_of
from .products import Product

Range = tuple[int, int]

TASK_CYCLES = 8_000
"""A task should take at least this long, some two microseconds, if there are others."""

TASKS_A_THREAD = 4
"""In each phase, so that a thread that is held up leaves some for the others to take."""

PER_VALUE = 0.2  # cycles for a value of an activation: gathered, or through sigmoid and slope
OVERHEAD = 2.0  # loads beside the vectors, for an edge: index and weight
_KEPT = 1 / 8  # share of L2 in which sums stay while weights stream through
_REUSE = 12  # times that a task should use each row of a block in L1, so that fetching it pays


@dataclass(frozen=True)
class Effort:
    """About how long things take, and into how many tasks they are worth cutting.

    Parameters
    ----------
    width
        Lanes of a batch.
    registers
        Of the tile.
    dtype
        Precision.
    n_threads
        Number of threads that share the work.
    """

    width: int
    registers: int
    dtype: np.dtype[Any]
    n_threads: int = 1

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of activations."""
        return self.width * self.dtype.itemsize

    @property
    def row(self) -> float:
        """Cycles for a row of activations, beside its edges."""
        return self.width * PER_VALUE

    @property
    def edge(self) -> float:
        """Cycles for an edge in one product."""
        return 0.6 * self.width / lanes_of(self.dtype) * (1 + OVERHEAD / self.registers)

    def parts(self, cycles: float, a_thread: int = TASKS_A_THREAD) -> int:
        """Return the number of tasks that so much work is cut into."""
        if self.n_threads == 1:
            return 1
        return max(1, min(a_thread * self.n_threads, int(cycles / TASK_CYCLES)))

    def rows_of_values(self, n_rows: int) -> list[Range]:
        """Return ranges of rows of activations for work on each value by itself."""
        return even(n_rows, self.parts(n_rows * self.row))

    def rows_of(self, *products: Product, least: int = 1, multiple: int = 1) -> list[Range]:
        """Return ranges of rows with about as much work each, at least so many if there are.

        Of several products, each has these rows; their operations follow one another in a task.
        Ranges begin at multiples of a number.
        """
        indptr = np.sum([product.indptr for product in products], axis=0)
        n_rows = len(indptr) - 1
        parts = self.parts(indptr[-1] * self.edge + n_rows * self.row)
        blocked = [product for product in products if product.blocks.number > 1]
        n_bytes = n_rows * self.row_bytes * len(products)
        in_L2 = 1  # parts
        if blocked or len(products) > 1:
            # Rows come by once for each block, or for each product, and should stay in L2.
            in_L2 = math.ceil(n_bytes / (CACHES.L2 / 2))
        for product in blocked:
            useful = int(product.indptr[-1] / product.n_columns / _REUSE)
            parts = max(min(parts, useful), min(parts, self.n_threads))
            # Better still in a part of it: weights stream through the rest.
            in_L2 = max(in_L2, min(useful, math.ceil(n_bytes / (CACHES.L2 * _KEPT))))
        parts = max(parts, in_L2)
        if parts > self.n_threads:
            # As many for each thread: on two of them, three tasks take as long as four.
            parts = self.n_threads * round(parts / self.n_threads)
        parts = min(max(parts, least), n_rows)
        done = indptr + self.row / self.edge * np.arange(n_rows + 1)
        bounds = np.searchsorted(done, np.linspace(0, done[-1], parts + 1)[1:-1])
        rounded = np.minimum((bounds + multiple // 2) // multiple * multiple, n_rows)
        bounds = np.unique([0, *rounded.tolist(), n_rows])
        return [(int(first), int(last)) for first, last in pairwise(bounds)]


def even(n: int, parts: int) -> list[Range]:
    """Cut range(n) into so many ranges, or n if that is less."""
    parts = max(1, min(parts, n))
    return [(n * k // parts, n * (k + 1) // parts) for k in range(parts)]
