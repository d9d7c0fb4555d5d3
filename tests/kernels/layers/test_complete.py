"""The products of complete layers against plain matrix products."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bench import twins
from hypothesis import given
from hypothesis import strategies as st

from minisnn.kernels.functions.activations import ACTIVATIONS, slopes_at
from minisnn.kernels.layers import complete
from minisnn.kernels.machine.vector import lanes_of


def check(seed: int, n_in: int, n_out: int, n_vectors: int, real: Any, parts: int) -> None:
    rng = np.random.default_rng(seed)
    part, tile = (0,) * 2, (0,) * 4
    width = n_vectors * lanes_of(real, len(tile))
    W = rng.standard_normal((n_out, n_in)).astype(real)
    X = rng.random((n_in, width)).astype(real)
    dZ = rng.standard_normal((n_out, width)).astype(real)
    tolerance = 1e-4 if real is np.float32 else 1e-12
    close = {"rtol": tolerance, "atol": tolerance * float(X.max()) * n_in}

    def cut(n: int) -> list[tuple[int, int]]:
        return list(pairwise([n * k // parts for k in range(parts + 1)]))

    blocks = -(-n_in // complete.COLUMNS)
    expected = W @ X
    whole, apart = np.full((2, n_out, width), np.nan, real)
    for rows in cut(n_out):
        complete.complete_forward(part, W, X, whole, np.empty((0, width), real), rows, (0, n_in))
    partials = np.full(((blocks - 1) * n_out, width), np.nan, real)
    for first, last in reversed(cut(blocks)):
        columns = first * complete.COLUMNS, min(last * complete.COLUMNS, n_in)
        complete.complete_forward(part, W, X, apart, partials, (0, n_out), columns)
    for first, last in cut(n_out):
        complete.add_partials(apart, partials, first, last)
    np.testing.assert_allclose(whole, expected, **close)
    np.testing.assert_array_equal(apart, whole, "the same bits, wherever blocks are summed")

    dW = np.full((n_out, n_in), np.nan, real)
    for rows in cut(n_out):
        for columns in cut(n_in):
            shape = rows[1] - rows[0], columns[1] - columns[0]
            piece = np.full(shape[0] * shape[1] + 1, np.nan, real)
            complete.complete_weight_gradient(tile, dZ, X, piece, rows, columns)
            dW[slice(*rows), slice(*columns)] = piece[:-1].reshape(shape)
            assert np.isnan(piece[-1])
    np.testing.assert_allclose(dW, dZ @ X.T, **{**close, "atol": close["atol"] * width})

    for name, keep in (("identity", 1.0), ("sigmoid", 0.8), ("relu", 0.8), ("leaky_relu", 1.0)):
        dX = np.full((n_in, width), np.nan, real)
        for first, last in cut(n_in):
            slopes = slopes_at(ACTIVATIONS[name].number, real)
            complete.complete_input_gradient(part, W, dZ, X, slopes, real(keep), dX, first, last)
        expected = twins.activation_slope(name, X, real(keep), W.T @ dZ)
        np.testing.assert_allclose(dX, expected, **close)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("n_out", [1, 4, 5, 10, 11])
def test_complete_products(n_out: int, real: Any) -> None:
    check(0, 130, n_out, 2, real, parts=1)


@pytest.mark.parametrize(("tile", "registers", "expected"), [
    (8, 32, 4), (8, 16, 2), (4, 32, 4), (4, 16, 2), (2, 32, 2), (2, 16, 2),
])  # fmt: skip
def test_accumulators_have_registers(tile: int, registers: int, expected: int) -> None:
    part = complete.part_of((0,) * tile, registers=registers)
    assert len(part) == expected
    assert len(part) * (complete.GROUP + 1) < registers, "one is left for a weight"


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_any_part_of_a_tile_gives_the_same_bits(rng: np.random.Generator, real: Any) -> None:
    width = lanes_of(real, 4)
    W = rng.standard_normal((7, 70)).astype(real)
    X, dZ = (rng.standard_normal((n, width)).astype(real) for n in (70, 7))
    results = []
    for registers in (2, 4):
        part = (0,) * registers
        Z, dX = np.empty((7, width), real), np.empty((70, width), real)
        complete.complete_forward(part, W, X, Z, Z[:0], (0, 7), (0, 70))
        slopes = slopes_at(ACTIVATIONS["sigmoid"].number, real)
        complete.complete_input_gradient(part, W, dZ, X, slopes, real(1), dX, 0, 70)
        results.append(Z.tobytes() + dX.tobytes())
    assert results[0] == results[1]


@given(
    seed=st.integers(0, 2**32),
    n_in=st.integers(1, 150),
    n_out=st.integers(1, 12),
    n_vectors=st.integers(1, 3),
    parts=st.integers(1, 4),
)
def test_complete_products_of_any_shape_in_any_parts(
    seed: int, n_in: int, n_out: int, n_vectors: int, parts: int
) -> None:
    check(seed, n_in, n_out, n_vectors, np.float64, parts)
