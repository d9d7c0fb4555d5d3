"""One sparse layer and the kernels of its products, each checked and ready to be timed alone."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
from minisnn.kernels.layers import sparse, two_rows
from minisnn.kernels.layers.complete import part_of
from minisnn.kernels.layers.squares import pack
from minisnn.kernels.machine.jit import jit
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program.effort import Effort
from minisnn.kernels.program.plan import choose_tile
from minisnn.kernels.program.products import Product, Products
from minisnn.kernels.program.reuse import Reads
from minisnn.kernels.program.updates import SCRATCH

from . import twins
from .base import Array, edge_positions, transposed_order
from .machine import BATCH, Work, together
from .steps import make_problem

SIGMOID = "bias and sigmoid"
"""Name of the contestant that is a part of the kernel `forward`."""

OF_BYTES = "_of_bytes"
"""Ends the names of kernels that read X as bytes, as the first layer does."""

_STAYS_IN_L3 = 16 * 2**20  # bytes of activations
_PRECISION = 1e-4
_SCALE = np.float32(1 / 255)  # of X
_KEEP = np.float32(1)


# Each thread makes its rows many times in one call, so that threads need not meet in between. As in
# a training, it makes them range by range: from one of the bounds to the next.


@jit
def _forward(tile, starts, indices, weights, biases, X, scale, f, A, bounds, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        for k in range(bounds.shape[0] - 1):
            sparse.forward(
                tile, starts, indices, weights, biases, X, scale, f, A, bounds[k],
                bounds[k + 1],
            )  # fmt: skip


@jit
def _forward_by_two(  # type: ignore[no-untyped-def]
    part, starts, order, run_starts, runs, indices, weights, biases, X, scale, f, A, bounds, n
):
    for _ in range(n):
        for k in range(bounds.shape[0] - 1):
            two_rows.forward(
                part, starts, order, run_starts, runs, indices, weights, biases, X, scale, f, A,
                bounds[k], bounds[k + 1],
            )  # fmt: skip


@jit
def _input_gradient(tile, starts, indices, edges, weights, dZ, X, slopes, keep, dX, bounds, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        for k in range(bounds.shape[0] - 1):
            sparse.input_gradient(
                tile, starts, indices, edges, weights, dZ, X, slopes, keep, dX, bounds[k],
                bounds[k + 1],
            )  # fmt: skip


@jit
def _input_gradient_by_two(  # type: ignore[no-untyped-def]
    part, starts, order, run_starts, runs, indices, edges, weights, dZ, X, slopes, keep, dX,
    bounds, n,
):  # fmt: skip
    for _ in range(n):
        for k in range(bounds.shape[0] - 1):
            two_rows.input_gradient(
                part, starts, order, run_starts, runs, indices, edges, weights, dZ, X, slopes, keep,
                dX, bounds[k], bounds[k + 1],
            )  # fmt: skip


@jit
def _weight_gradient(tile, starts, indices, dZ, X, scratch, bounds, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        for k in range(bounds.shape[0] - 1):
            rows, blocks = (bounds[k], bounds[k + 1]), (0, starts.shape[0] - 1)
            sparse.weight_gradient(tile, starts, indices, dZ, X, scratch, rows, blocks)


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
    products
        By kernel, as a `Plan` makes them: in its blocks, two rows at a time where it does so.
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
        self._effort = Effort(width, len(self._tile), np.dtype(np.float32))
        self._sigmoid = values_at(ACTIVATIONS["sigmoid"].number, np.float32)
        index = np.uint16 if max(shape) <= 2**16 else np.uint32
        self._indices = self._mask.indices.astype(index)
        self._back_indices = self._back.indices.astype(index)
        made = Products(4 * width, width // step)
        rows = Reads(self._mask.indptr.astype(np.int64), self._indices, n_in)
        columns = Reads(self._back.indptr.astype(np.int64), self._back_indices, n_out)
        self.products = {
            "forward": made.of_rows(rows),
            "input_gradient": made.of_rows(columns),
            "weight_gradient": made.row_by_row(rows),
            f"forward{OF_BYTES}": made.of_rows(rows, of_bytes=True),
            f"weight_gradient{OF_BYTES}": made.row_by_row(rows, of_bytes=True),
        }

        rng = np.random.default_rng(2)
        self._biases = rng.standard_normal(n_out, dtype=np.float32)
        self._X, self._dZ, self._A, self._dX = (
            feature_major(n, width, np.float32) for n in (n_in, n_out, n_out, n_in)
        )
        images = np.zeros(self._X.shape, np.uint8)
        images[:, :BATCH] = rng.integers(0, 256, (n_in, BATCH))
        self._X[:] = images
        self._pairs = feature_major(n_in, width // 2, np.uint32)
        pack(images, self._X, self._pairs, 0, 0)
        self._dZ[:, :BATCH] = rng.standard_normal((n_out, BATCH))

    def traffic(self) -> dict[str, tuple[str, float]]:
        """Return for each kernel the level that its rows are read from, and its bytes per edge.

        These are a row of activations, which two edges share where two rows have its column; the
        index, and the weight or its gradient; of W^T also where the weight stands in W.
        """
        beside, found = self._indices.itemsize + 4, {}
        for name, product in self.products.items():
            row_bytes = self._effort.row_bytes / (2 if name.endswith(OF_BYTES) else 1)
            shared = 0 if product.runs is None else product.runs.shared
            n_bytes = row_bytes * (1 - shared / 2) + beside + 4 * (name == "input_gradient")
            found[name] = self._level(product), n_bytes
        return found

    def _level(self, product: Product) -> str:
        stays = (len(self._X) + len(self._dZ)) * self._effort.row_bytes <= _STAYS_IN_L3
        level = product.blocks.level
        return level if level != "memory" else "L3" if stays else "DRAM"

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
        read = {"": self._X, OF_BYTES: self._pairs}
        sigmoid = partial(_bias_activation, self._sigmoid, self._biases, _SCALE, self._A)
        rows = self._ranges("forward", threads)
        work = {
            "input_gradient": self._by_rows("input_gradient", threads, pool),
            SIGMOID: together([partial(sigmoid, r[0], r[-1]) for r in rows], pool),
        }
        for suffix, inputs in read.items():
            name = f"weight_gradient{suffix}"
            shares = self._ranges(name, threads, -(-self.n_edges // SCRATCH))
            tasks = [task for share in shares for task in pairwise(share.tolist())]
            scratch = np.empty(max(self._edges(*task) for task in tasks), np.float32)
            starts = self.products[name].starts
            gradient = partial(
                _weight_gradient, self._tile, starts, self._indices, self._dZ, inputs
            )
            work[f"forward{suffix}"] = self._by_rows(f"forward{suffix}", threads, pool)
            work[name] = together(
                [partial(gradient, scratch.copy(), share) for share in shares], pool
            )
            for task in tasks:
                scratch[:] = np.nan
                gradient(scratch, np.array(task), 1)
                self._check_gradient(scratch[: self._edges(*task)], *task)
        self._check(work)
        return work

    def _by_rows(self, name: str, threads: int, pool: ThreadPoolExecutor) -> Work:
        """Return the product of W, or of W^T, on the threads: the kernel that the plan takes."""
        product, weights = self.products[name], self._mask.data
        kernels: tuple[Any, Any]
        read: tuple[Any, ...]
        if name == "input_gradient":
            kernels = _input_gradient, _input_gradient_by_two
            places = self._back.data.astype(np.uint32)
            read = (
                self._back_indices, places, weights, self._dZ, self._X,
                slopes_at(IDENTITY, np.float32), _KEEP, self._dX,
            )  # fmt: skip
        else:
            kernels = _forward, _forward_by_two
            X = self._pairs if name.endswith(OF_BYTES) else self._X
            read = self._indices, weights, self._biases, X, _SCALE, self._sigmoid, self._A
        call = partial(kernels[0], self._tile, product.starts, *read)
        if product.runs is not None:
            tables = product.starts, product.runs.order, product.runs.starts, product.runs.runs
            call = partial(kernels[1], part_of(self._tile, 2), *tables, *read)
        return together([partial(call, r) for r in self._ranges(name, threads)], pool)

    def _ranges(self, name: str, threads: int, least: int = 1) -> list[Array]:
        """Return for each thread the bounds of its rows' ranges, as a plan would make them."""
        product = self.products[name]
        effort = replace(self._effort, n_threads=threads)
        ranges = effort.rows_of(product, least=max(least, threads), multiple=product.multiple)
        bounds = np.array([0, *(last for _, last in ranges)])
        ends = [len(ranges) * k // threads for k in range(threads + 1)]
        return [bounds[first : last + 1] for first, last in pairwise(ends)]

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


def _compare(name: str, found: Array, expected: Array) -> None:
    message = f"{name}: what is wrong must not be timed"
    tolerance = _PRECISION * float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, _PRECISION, tolerance, err_msg=message)
