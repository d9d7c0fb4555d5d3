"""Products of two rows at a time, against those of rows by themselves: the same bits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import related_structure

from minisnn.kernels.functions.activations import ACTIVATIONS, slopes_at, values_at
from minisnn.kernels.layers import sparse, squares, two_rows
from minisnn.kernels.layers.complete import part_of
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program.blocks import Blocks, block_starts
from minisnn.kernels.program.runs import pairs_of, runs_of

TANH = ACTIVATIONS["tanh"].number


def ranges(n: int, parts: int, multiple: int) -> list[tuple[int, int]]:
    """Ranges of rows that begin at multiples of a number."""
    bounds = sorted({n * k // parts // multiple * multiple for k in range(parts)} | {n})
    return list(pairwise(bounds))


def check(
    rng: np.random.Generator, n_in: int, n_out: int, size: int, real: Any, *,
    registers: int = 8, columns: int = 1000, parts: int = 1, of_bytes: bool = False,
    distance: int = 1, **kind: Any,
) -> None:  # fmt: skip
    tile, like = (0,) * registers, real(1)
    part = part_of(tile, 2)
    step = lanes_of(real, registers)
    width = -(-size // step) * step
    indptr, indices = related_structure(rng, n_in, n_out, **kind)
    indices = indices.astype(np.uint16)
    starts = block_starts(indptr, indices, Blocks(columns, -(-n_in // columns), "L1", 0.0))
    order, multiple = pairs_of(n_out, distance)
    runs = runs_of(indices, starts, order, multiple)
    tables = starts, runs.order, runs.starts, runs.runs
    weights, biases = (rng.standard_normal(n).astype(real) for n in (len(indices), n_out))
    X = feature_major(n_in, width, real)
    X[:] = rng.standard_normal(X.shape)
    if of_bytes:
        X = np.empty((n_in, width // 2), np.uint32)
        squares.pack(rng.integers(0, 256, (n_in, width)).astype(np.uint8), weights, X, 0, 0)
    A, other = (np.full((n_out, width), np.nan, real) for _ in range(2))
    tanh = values_at(TANH, real)
    sparse.forward(tile, starts, indices, weights, biases, X, like, tanh, A, 0, n_out)
    for rows in ranges(n_out, parts, multiple):
        two_rows.forward(part, *tables, indices, weights, biases, X, like, tanh, other, *rows)
    np.testing.assert_array_equal(A, other)
    dZ = feature_major(n_out, width, real)
    dZ[:] = rng.standard_normal(dZ.shape)
    for first, last in ranges(n_out, parts, multiple):
        blocks, n_edges = (0, len(starts) - 1), int(indptr[last] - indptr[first])
        dW, other = (np.full(n_edges + 1, np.nan, real) for _ in range(2))
        sparse.weight_gradient(tile, starts, indices, dZ, X, dW, (first, last), blocks)
        two_rows.weight_gradient(tile, *tables, indices, dZ, X, other, first, last)
        np.testing.assert_array_equal(dW, other)
        assert np.isnan(other[-1]), "nothing is written behind the last edge"
    if of_bytes:
        return
    # The same arrays read as a transpose: rows are inputs, and edges stand anywhere in W.
    edges = rng.permutation(len(indices)).astype(np.uint32)
    kept = np.tanh(rng.standard_normal((n_out, width))).astype(real)
    dX, other = (np.full((n_out, width), np.nan, real) for _ in range(2))
    rest = X, kept, slopes_at(TANH, real), like
    sparse.input_gradient(tile, starts, indices, edges, weights, *rest, dX, 0, n_out)
    for rows in ranges(n_out, parts, multiple):
        two_rows.input_gradient(part, *tables, indices, edges, weights, *rest, other, *rows)
    np.testing.assert_array_equal(dX, other)


def test_tiles_of_two_rows_fit_into_registers() -> None:
    assert two_rows.holds_two((0,) * 8, 32)
    assert two_rows.holds_two((0,) * 4, 16)
    assert not two_rows.holds_two((0,) * 8, 16)


@pytest.mark.parametrize("columns", [7, 1000])
@pytest.mark.parametrize(("real", "registers"), [(np.float32, 8), (np.float64, 8), (np.float32, 2)])
@pytest.mark.parametrize("size", [1, 129])
def test_the_bits_of_rows(
    rng: np.random.Generator, real: Any, size: int, registers: int, columns: int
) -> None:
    check(rng, 43, 17, size, real, registers=registers, columns=columns, parts=3, alike=0.8)


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_bytes(rng: np.random.Generator, real: Any) -> None:
    check(rng, 43, 17, 129, real, columns=15, parts=3, alike=0.8, of_bytes=True)


@pytest.mark.parametrize("distance", [2, 7, 50])
def test_rows_that_are_no_neighbours(rng: np.random.Generator, distance: int) -> None:
    for n_out in (140, 141):  # two groups, or three, of which the last has few rows
        check(rng, 43, n_out, 60, np.float32, columns=15, parts=2, alike=0.8, distance=distance)


@settings(max_examples=60)
@given(
    n_in=st.integers(1, 40), n_out=st.integers(1, 12), density=st.floats(0, 1),
    alike=st.floats(0, 1), columns=st.integers(1, 50), parts=st.integers(1, 4),
    distance=st.integers(1, 8), seed=st.integers(0, 2**32),
)  # fmt: skip
def test_of_any_shape(
    n_in: int, n_out: int, density: float, alike: float, columns: int, parts: int,
    distance: int, seed: int,
) -> None:  # fmt: skip
    check(
        np.random.default_rng(seed), n_in, n_out, 70, np.float64,
        density=density, alike=alike, columns=columns, parts=parts, distance=distance,
    )  # fmt: skip
