"""Each product against its twin: precisions, batch sizes, empty rows, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import random_structure

from minisnn.kernels import reference
from minisnn.kernels.layout import feature_major
from minisnn.kernels.plan import DensePlan, SparsePlan

TOLERANCE: dict[Any, float] = {np.float32: 2e-5, np.float64: 1e-12}


def padded_random(rng: np.random.Generator, n: int, n_samples: int, real: Any, zero: bool) -> Any:
    """Random values; in the padding zero, or something large that must not matter."""
    array = feature_major(n, n_samples, real)
    array[:] = 0 if zero else 1e3
    array[:, :n_samples] = rng.standard_normal((n, n_samples))
    return array


def check_products(
    rng: np.random.Generator, n_in: int, n_out: int, batch: int, real: Any, **structure: Any
) -> None:
    indptr, indices = random_structure(rng, n_in, n_out, **structure)
    weights = rng.standard_normal(len(indices)).astype(real)
    biases = rng.standard_normal(n_out).astype(real)
    X = padded_random(rng, n_in, batch, real, zero=False)
    dZ = padded_random(rng, n_out, batch, real, zero=True)
    plan = SparsePlan(n_in, indptr, indices)
    close = {"rtol": TOLERANCE[real], "atol": TOLERANCE[real] * 10}

    A = feature_major(n_out, batch, real)
    plan.forward(weights, biases, X, A)
    expected = reference.forward(indptr, indices, weights, biases, X[:, :batch])
    np.testing.assert_allclose(A[:, :batch], expected, **close)

    dW, db = np.full_like(weights, np.nan), np.full_like(biases, np.nan)
    plan.weight_gradient(dZ, X, dW, db)
    expected_dW, expected_db = reference.weight_gradient(
        indptr, indices, dZ[:, :batch], X[:, :batch]
    )
    np.testing.assert_allclose(dW, expected_dW, **close)
    np.testing.assert_allclose(db, expected_db, **close)

    dX = feature_major(n_in, batch, real)
    dX[:] = np.nan
    plan.input_gradient(weights, dZ, dX)
    expected = reference.input_gradient(indptr, indices, weights, n_in, dZ[:, :batch])
    np.testing.assert_allclose(dX[:, :batch], expected, **close)
    assert not dX[:, batch:].any(), "gradients must be zero in the padding"


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("empty_rows", [False, True])
@pytest.mark.parametrize("batch", [1, 3, 127, 128, 129])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_products_equal_their_twins(
    rng: np.random.Generator, threads: Any, real: Any, batch: int, empty_rows: bool, n_threads: int
) -> None:
    threads(n_threads)
    check_products(rng, 23, 17, batch, real, density=0.3, empty_rows=empty_rows)


@given(
    n_in=st.integers(1, 40),
    n_out=st.integers(1, 40),
    batch=st.integers(1, 300),
    density=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_products_of_any_shape(
    n_in: int, n_out: int, batch: int, density: float, seed: int
) -> None:
    check_products(np.random.default_rng(seed), n_in, n_out, batch, np.float64, density=density)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 3, 129])
def test_dense_plan_equals_the_sparse_one(rng: np.random.Generator, batch: int, real: Any) -> None:
    n_in, n_out = 13, 40
    indptr, indices = random_structure(rng, n_in, n_out, 1.1)
    weights = rng.standard_normal(n_in * n_out).astype(real)
    biases = rng.standard_normal(n_out).astype(real)
    X = padded_random(rng, n_in, batch, real, zero=True)
    dZ = padded_random(rng, n_out, batch, real, zero=True)
    results = []
    for plan in (SparsePlan(n_in, indptr, indices), DensePlan(n_in, n_out)):
        A, dX = feature_major(n_out, batch, real), feature_major(n_in, batch, real)
        dW, db = np.empty_like(weights), np.empty_like(biases)
        plan.forward(weights, biases, X, A)
        plan.weight_gradient(dZ, X, dW, db)
        plan.input_gradient(weights, dZ, dX)
        results.append((A[:, :batch], dX, dW, db))
    for sparse, dense in zip(*results, strict=True):
        np.testing.assert_allclose(sparse, dense, rtol=TOLERANCE[real], atol=TOLERANCE[real])


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_products_give_the_same_bits_on_any_number_of_threads(
    rng: np.random.Generator, threads: Any, real: Any
) -> None:
    n_in, n_out, batch = 101, 67, 200
    plan = SparsePlan(n_in, *random_structure(rng, n_in, n_out, 0.2))
    weights = rng.standard_normal(len(plan.indices)).astype(real)
    biases = rng.standard_normal(n_out).astype(real)
    X = padded_random(rng, n_in, batch, real, zero=False)
    dZ = padded_random(rng, n_out, batch, real, zero=True)
    results = []
    for n_threads in (1, 2):
        threads(n_threads)
        A, dX = feature_major(n_out, batch, real), feature_major(n_in, batch, real)
        dW, db = np.empty_like(weights), np.empty_like(biases)
        plan.forward(weights, biases, X, A)
        plan.weight_gradient(dZ, X, dW, db)
        plan.input_gradient(weights, dZ, dX)
        results.append((A, dX, dW, db))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_products_let_a_nan_through(rng: np.random.Generator) -> None:
    indptr, indices = random_structure(rng, 4, 3, 1.1)
    weights, biases = np.ones(12, np.float32), np.zeros(3, np.float32)
    weights[5] = np.nan  # an edge of row 1
    X, A = padded_random(rng, 4, 2, np.float32, zero=False), feature_major(3, 2, np.float32)
    SparsePlan(4, indptr, indices).forward(weights, biases, X, A)
    assert np.isnan(A[:, :2]).all(axis=1).tolist() == [False, True, False]


def test_the_transpose_lists_each_edge_once(rng: np.random.Generator) -> None:
    indptr, indices = random_structure(rng, 30, 20, 0.2, empty_rows=True)
    plan = SparsePlan(30, indptr, indices)
    targets = np.repeat(np.arange(20), np.diff(indptr))
    sources = np.repeat(np.arange(30), np.diff(plan.transposed_indptr))
    assert sorted(plan.transposed_edges.tolist()) == list(range(len(indices)))
    np.testing.assert_array_equal(indices[plan.transposed_edges], sources)
    np.testing.assert_array_equal(targets[plan.transposed_edges], plan.transposed_indices)
    assert not plan.transposed_indices.flags.writeable
    assert plan.nbytes == 21 * 8 + 31 * 8 + 3 * 4 * len(indices)
