"""Each product against its twin: precisions, tiles, batch sizes, blocks, ranges of rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bench import twins
from hypothesis import given
from hypothesis import strategies as st
from naive import random_structure

from minisnn.kernels.functions.activations import ACTIVATIONS, IDENTITY, slopes_at, values_at
from minisnn.kernels.layers import sparse as products
from minisnn.kernels.layers import squares
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program.blocks import Blocks, block_starts
from minisnn.kernels.program.graphs import EDGES, Graph
from minisnn.kernels.program.structure import Structure, chain
from minisnn.kernels.program.transposed import transposed_of

SIGMOID = ACTIVATIONS["sigmoid"].number
TOLERANCE: dict[Any, float] = {np.float32: 2e-5, np.float64: 1e-12}
KINDS = [(np.float32, 8), (np.float64, 8), (np.float32, 2), (np.float64, 4)]
"""Precisions and registers of a tile: each is compiled by itself."""


def padded_random(
    rng: np.random.Generator, n: int, n_samples: int, real: Any, tile: Any, zero: bool
) -> Any:
    """Random values; in the padding zero, or something large that must not matter."""
    step = lanes_of(real, len(tile))
    array = np.full((n, -(-n_samples // step) * step), 0 if zero else 1e3, dtype=real)
    array[:, :n_samples] = rng.standard_normal((n, n_samples))
    return array


def cut(n: int, parts: int) -> list[tuple[int, int]]:
    return list(pairwise([n * k // parts for k in range(parts + 1)]))


def make_products(
    tile: Any,
    structure: Structure,
    columns: int,
    parts: int,
    weights: Any,
    biases: Any,
    X: Any,
    dZ: Any,
) -> tuple[Any, Any, Any, Any]:
    """Return A, dW, db and dX of one layer, made in blocks of so many columns, rows in parts."""
    (graph,) = structure.graphs
    real, n_in, n_out = weights.dtype.type, graph.n_in, graph.n_out
    transposed = transposed_of(structure, inputs=True)

    def starts_of(indptr: Any, indices: Any, n_columns: int) -> Any:
        blocks = Blocks(columns, -(-n_columns // columns), "L1", 0.0)
        return block_starts(indptr, indices, blocks)

    starts = starts_of(structure.indptrs[1], structure.indices, n_in)
    A, dX = np.full((n_out, X.shape[1]), np.nan, real), np.full_like(X, np.nan)
    dW, db = np.full_like(weights, np.nan), np.full_like(biases, np.nan)
    n_blocks = len(starts) - 1
    for first, last in cut(n_out, parts):
        products.forward(
            tile,
            starts,
            structure.indices,
            weights,
            biases,
            X,
            real(1),
            values_at(SIGMOID, real),
            A,
            first,
            last,
        )
        products.row_sums(tile, dZ, db[first:last], first, last)
        for blocks in cut(n_blocks, min(parts, n_blocks)):
            pieces = [slice(starts[blocks[0], i], starts[blocks[1], i]) for i in range(first, last)]
            scratch = np.full(len(weights) + 1, np.nan, real)
            products.weight_gradient(
                tile, starts, structure.indices, dZ, X, scratch, (first, last), blocks
            )
            at = 0
            for piece in pieces:
                dW[piece] = scratch[at : at + piece.stop - piece.start]
                at += int(piece.stop - piece.start)
    keep = real(1)
    back = starts_of(transposed.indptrs[0], transposed.indices, n_out)
    for first, last in cut(n_in, parts):
        products.input_gradient(
            tile,
            back,
            transposed.indices,
            transposed.edges,
            weights,
            dZ,
            X,
            slopes_at(IDENTITY, real),
            keep,
            dX,
            first,
            last,
        )
    return A, dW, db, dX


def problem(
    rng: np.random.Generator, n_in: int, n_out: int, size: int, real: Any, tile: Any, **kind: Any
) -> tuple[Any, ...]:
    indptr, indices = random_structure(rng, n_in, n_out, **kind)
    structure = chain([Graph(n_in, n_out, len(indices), indptr, indices)], [EDGES])
    weights = rng.standard_normal(len(indices)).astype(real)
    biases = rng.standard_normal(n_out).astype(real)
    X = padded_random(rng, n_in, size, real, tile, zero=False)
    dZ = padded_random(rng, n_out, size, real, tile, zero=True)
    return structure, weights, biases, X, dZ


def check_products(
    rng: np.random.Generator,
    n_in: int,
    n_out: int,
    size: int,
    real: Any,
    *,
    registers: int = 8,
    columns: int = 1000,
    parts: int = 1,
    **kind: Any,
) -> None:
    tile = (0,) * registers
    structure, weights, biases, X, dZ = problem(rng, n_in, n_out, size, real, tile, **kind)
    A, dW, db, dX = make_products(tile, structure, columns, parts, weights, biases, X, dZ)
    indptr, indices = structure.indptrs[1], structure.indices
    close = {"rtol": TOLERANCE[real], "atol": TOLERANCE[real] * 10}
    expected = twins.forward("sigmoid", indptr, indices, weights, biases, X[:, :size])
    np.testing.assert_allclose(A[:, :size], expected, **close)
    expected_dW, expected_db = twins.weight_gradient(indptr, indices, dZ[:, :size], X[:, :size])
    np.testing.assert_allclose(dW, expected_dW, **close)
    np.testing.assert_allclose(db, expected_db, **close)
    expected = twins.input_gradient(indptr, indices, weights, n_in, dZ[:, :size])
    np.testing.assert_allclose(dX[:, :size], expected, **close)
    assert not dX[:, size:].any(), "gradients must be zero in the padding"


@pytest.mark.parametrize("columns", [5, 1000])
@pytest.mark.parametrize(("real", "registers"), KINDS)
@pytest.mark.parametrize("size", [1, 3, 127, 129])
def test_products_equal_their_twins(
    rng: np.random.Generator, real: Any, size: int, registers: int, columns: int
) -> None:
    check_products(
        rng, 23, 17, size, real, registers=registers, columns=columns, parts=3,
        density=0.4, empty_rows=True,
    )  # fmt: skip


@given(
    n_in=st.integers(1, 40),
    n_out=st.integers(1, 40),
    size=st.integers(1, 300),
    density=st.floats(0, 1),
    columns=st.integers(1, 50),
    parts=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_products_of_any_shape(
    n_in: int, n_out: int, size: int, density: float, columns: int, parts: int, seed: int
) -> None:
    check_products(
        np.random.default_rng(seed), n_in, n_out, size, np.float64,
        density=density, columns=columns, parts=parts,
    )  # fmt: skip


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_blocks_and_parts_do_not_change_a_bit(rng: np.random.Generator, real: Any) -> None:
    tile = (0,) * 8
    arguments = problem(rng, 101, 67, 200, real, tile, density=0.2)
    results = [
        make_products(tile, arguments[0], columns, parts, *arguments[1:])
        for columns, parts in ((1000, 1), (1000, 4), (7, 1), (13, 5))
    ]
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("real", "registers"), KINDS)
def test_pairs_of_bytes_are_the_same_numbers(
    rng: np.random.Generator, real: Any, registers: int
) -> None:
    tile = (0,) * registers
    structure, weights, biases, X, dZ = problem(rng, 43, 37, 129, real, tile, density=0.3)
    images = rng.integers(0, 256, X.shape).astype(np.uint8)
    pairs = np.empty((43, X.shape[1] // 2), np.uint32)
    for first, last in ((0, 20), (20, 43)):
        squares.pack(images[first:last], weights, pairs, first, 0)
    blocks = Blocks(15, 3, "L1", 0.0)
    starts = block_starts(structure.indptrs[1], structure.indices, blocks)
    results = []
    for read in (images.astype(real), pairs):
        A, dW = np.empty_like(dZ), np.empty_like(weights)
        scale = real(1 / 255)
        products.forward(
            tile,
            starts,
            structure.indices,
            weights,
            biases,
            read,
            scale,
            values_at(SIGMOID, real),
            A,
            0,
            37,
        )
        products.weight_gradient(tile, starts, structure.indices, dZ, read, dW, (0, 37), (0, 3))
        results.append((A, dW))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_products_let_a_nan_through(rng: np.random.Generator) -> None:
    tile = (0,) * 8
    structure, weights, biases, X, dZ = problem(rng, 4, 3, 2, np.float32, tile, density=1.1)
    weights[5] = np.nan  # an edge of row 1
    A, *_ = make_products(tile, structure, 4, 1, weights, biases, X, dZ)
    assert np.isnan(A[:, :2]).all(axis=1).tolist() == [False, True, False]
