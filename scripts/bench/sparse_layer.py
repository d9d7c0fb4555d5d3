"""One sparse layer and the kernels of its products, each checked and ready to be timed alone."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from minisnn.kernels.functions.activations import (
    ACTIVATIONS,
    IDENTITY,
    bias_activation,
    slopes_at,
    values_at,
)  # fmt: skip
from minisnn.kernels.layers.batch import pack
from minisnn.kernels.layers.sparse import forward, input_gradient, weight_gradient
from minisnn.kernels.machine.jit import jit
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program.blocks import Blocks, block_starts, choose_blocks
from minisnn.kernels.program.plan import choose_tile

from . import twins
from .base import Array, edge_positions, transposed_order
from .machine import BATCH, Work, together
from .steps import make_problem

SIGMOID = "bias and sigmoid"
"""Name of the contestant that is a part of the kernel `forward`."""

OF_BYTES = "_of_bytes"
"""Ends the names of kernels that read X as bytes, as the first layer does."""

_TASK_EDGES = 2**15  # whose gradients are held at a time, as in a training
_STAYS_IN_L3 = 16 * 2**20  # bytes of activations
_PRECISION = 1e-4
_SCALE = np.float32(1 / 255)  # of X
_KEEP = np.float32(1)


# Each thread makes its rows many times in one call, so that threads need not meet in between.


@jit
def _forward(tile, starts, indices, weights, biases, X, scale, f, A, first, last, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        forward(tile, starts, indices, weights, biases, X, scale, f, A, first, last)


@jit
def _input_gradient(  # type: ignore[no-untyped-def]
    tile, starts, indices, edges, weights, dZ, X, slopes, keep, dX, first, last, n
):
    for _ in range(n):
        input_gradient(tile, starts, indices, edges, weights, dZ, X, slopes, keep, dX, first, last)


@jit
def _weight_gradient(tile, starts, indices, dZ, X, scratch, bounds, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        for task in range(bounds.shape[0] - 1):
            rows, blocks = (bounds[task], bounds[task + 1]), (0, starts.shape[0] - 1)
            weight_gradient(tile, starts, indices, dZ, X, scratch, rows, blocks)


@jit
def _bias_activation(f, biases, scale, Z, first, last, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        bias_activation(f, biases, scale, Z, first, last)


class SparseLayer:
    """A layer in float32 whose neurons have as many inputs each, chosen at random.

    Parameters
    ----------
    shape
        Inputs and outputs.
    density
        Share of all connections.

    Attributes
    ----------
    n_edges
        Connections.
    blocks, back_blocks, byte_blocks
        In which W and W^T are walked, and W where X is of bytes, chosen as a `Plan` does it.
    """

    def __init__(self, shape: tuple[int, int], density: float) -> None:
        n_in, n_out = shape
        # The complete layer with one output that follows in this problem is not used.
        self._mask = make_problem((n_in, n_out, 1), density, n_samples=1).masks[0]
        self._back = transposed_order(self._mask)
        self.n_edges = int(self._mask.nnz)
        self._tile = choose_tile(BATCH, np.float32)
        step = lanes_of(np.float32, len(self._tile))
        width = -(-BATCH // step) * step
        self._row_bytes = 4 * width
        self._index = np.dtype(np.uint16 if max(shape) <= 2**16 else np.uint32)
        self.blocks, self._tables = self._blocked(self._mask)
        self.back_blocks, self._back_tables = self._blocked(self._back)
        self.byte_blocks, self._byte_tables = self._blocked(self._mask, of_bytes=True)

        rng = np.random.default_rng(2)
        self._biases = rng.standard_normal(n_out, dtype=np.float32)
        self._X, self._dZ, self._A, self._dX = (
            feature_major(n, width, np.float32) for n in (n_in, n_out, n_out, n_in)
        )
        images = np.zeros(self._X.shape, np.uint8)
        images[:, :BATCH] = rng.integers(0, 256, (n_in, BATCH))
        self._X[:] = images
        self._pairs = feature_major(n_in, width // 2, np.uint32)
        pack(images, self._X, self._pairs, 0, n_in)
        self._dZ[:, :BATCH] = rng.standard_normal((n_out, BATCH))

    def _blocked(
        self, matrix: Any, *, of_bytes: bool = False
    ) -> tuple[Blocks, tuple[Array, Array]]:
        """Return a matrix's blocks, where each row's edges of each begin, and the indices."""
        n_rows, n_columns = matrix.shape
        passes = self._row_bytes // (4 * lanes_of(np.float32, len(self._tile)))
        blocks = choose_blocks(
            n_rows, n_columns, matrix.nnz, self._row_bytes, passes=passes, of_bytes=of_bytes
        )
        starts = block_starts(matrix.indptr, matrix.indices, blocks)
        return blocks, (starts, matrix.indices.astype(self._index))

    def traffic(self) -> dict[str, tuple[str, int]]:
        """Return for each kernel the level that its rows are read from, and its bytes per edge.

        These are a row of activations, the index, and the weight or its gradient; of W^T also
        where the weight stands in W.
        """

        def level(blocks: Blocks) -> str:
            stays = (len(self._X) + len(self._dZ)) * self._row_bytes <= _STAYS_IN_L3
            return blocks.level if blocks.level != "memory" else "L3" if stays else "DRAM"

        beside = self._index.itemsize + 4
        ahead = level(self.blocks), self._row_bytes + beside
        of_bytes = level(self.byte_blocks), self._row_bytes // 2 + beside
        return {
            "forward": ahead,
            "input_gradient": (level(self.back_blocks), self._row_bytes + beside + 4),
            "weight_gradient": ahead,
            f"forward{OF_BYTES}": of_bytes,
            f"weight_gradient{OF_BYTES}": of_bytes,
        }

    def contestants(self, threads: int, pool: ThreadPoolExecutor) -> dict[str, Work]:
        """Return the kernels, each cut into as many ranges of rows as there are threads.

        Parameters
        ----------
        threads, pool
            How many, and where all but one come from.

        Raises
        ------
        AssertionError
            If a kernel's result is not that of its twin.
        """
        tile, weights, X, dZ = self._tile, self._mask.data, self._X, self._dZ
        f = values_at(ACTIVATIONS["sigmoid"].number, np.float32)
        of_inputs = slopes_at(IDENTITY, np.float32), _KEEP
        rows, inputs = _ranges(self._mask, threads), _ranges(self._back, threads)
        places = self._back.data.astype(np.uint32)
        back_tables = (*self._back_tables, places)
        back = partial(_input_gradient, tile, *back_tables, weights, dZ, X, *of_inputs, self._dX)
        sigmoid = partial(_bias_activation, f, self._biases, _SCALE, self._A)
        work = {
            "input_gradient": together([partial(back, *r) for r in inputs], pool),
            SIGMOID: together([partial(sigmoid, *r) for r in rows], pool),
        }
        parts = -(-self.n_edges // (threads * _TASK_EDGES))
        tasks = _ranges(self._mask, threads * parts)
        shares = [np.array([tasks[k][0], *(last for _, last in tasks[k : k + parts])])
                  for k in range(0, len(tasks), parts)]  # fmt: skip
        scratch = np.empty(max(self._edges(*task) for task in tasks), np.float32)
        read = {"": (self._tables, X), OF_BYTES: (self._byte_tables, self._pairs)}
        for suffix, (tables, inputs_) in read.items():
            ahead = partial(
                _forward, tile, *tables, weights, self._biases, inputs_, _SCALE, f, self._A
            )
            gradient = partial(_weight_gradient, tile, *tables, dZ, inputs_)
            work[f"forward{suffix}"] = together([partial(ahead, *r) for r in rows], pool)
            work[f"weight_gradient{suffix}"] = together(
                [partial(gradient, scratch.copy(), share) for share in shares], pool
            )
            for task in tasks:
                scratch[:] = np.nan
                gradient(scratch, np.array(task), 1)
                self._check_gradient(scratch[: self._edges(*task)], *task)
        self._check(work)
        return work

    def _edges(self, first: int, last: int) -> int:
        return int(self._mask.indptr[last] - self._mask.indptr[first])

    def _check(self, work: Mapping[str, Work]) -> None:
        mask, X, dZ = self._mask, self._X, self._dZ
        csr = mask.indptr, mask.indices, mask.data
        self._dX[:] = np.nan  # nothing may be left from before
        expected = twins.forward("sigmoid", *csr, self._biases, _SCALE * X)
        for name in ("forward", f"forward{OF_BYTES}"):
            self._A[:] = np.nan
            work[name](1)
            _compare(name, self._A, expected)
        expected = twins.bias_activation("sigmoid", self._biases, _SCALE * self._A)
        work[SIGMOID](1)
        _compare(SIGMOID, self._A, expected)
        work["input_gradient"](1)
        _compare("input_gradient", self._dX, twins.input_gradient(*csr, len(X), dZ))

    def _check_gradient(self, found: Array, first: int, last: int) -> None:
        # The twin takes an edge at a time, and so many seconds.
        dense = self._dZ[first:last] @ self._X.T
        expected = dense.ravel()[edge_positions(self._mask[first:last])]
        _compare("weight_gradient", found, expected)


def _ranges(matrix: Any, parts: int) -> list[tuple[int, int]]:
    """Return ranges of rows with about as many edges each; some may be empty."""
    ends = np.linspace(0, matrix.nnz, parts + 1)
    bounds = np.searchsorted(matrix.indptr, ends)
    bounds[-1] = matrix.shape[0]  # rows without edges at the end
    return list(pairwise(bounds.tolist()))


def _compare(name: str, found: Array, expected: Array) -> None:
    message = f"{name}: what is wrong must not be timed"
    tolerance = _PRECISION * float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, _PRECISION, tolerance, err_msg=message)
