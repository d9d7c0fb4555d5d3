"""Weight maps and their adjoints: low rank, shared, masked and factorised matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from minisnn.baselines import (
    Circulant,
    DropConnect,
    Hashed,
    Identity,
    LowRank,
    TensorTrain,
    Toeplitz,
    WeightMap,
)
from minisnn.baselines.products import product

KINDS: list[type[WeightMap]] = [
    Identity, DropConnect, LowRank, Hashed, Toeplitz, Circulant, TensorTrain,
]  # fmt: skip
LINEAR = {
    "identity": Identity(7, 5),
    "mean of masks": DropConnect(7, 5, 0.3),
    "mask": DropConnect(7, 5, 0.3).draw(np.random.default_rng(1)),
    "hashed": Hashed(7, 5, 6, seed=3),
    "one weight": Hashed(7, 5, 1),
    "Toeplitz": Toeplitz(7, 5, 7),
    "Toeplitz blocks": Toeplitz(7, 5, 3),
    "circulant": Circulant(7, 5, 7),
    "circulant blocks": Circulant(7, 11, 4),
}
MULTILINEAR = {
    "low rank": LowRank(7, 5, 3),
    "rank 1": LowRank(1, 5, 1),
    "tensor train": TensorTrain((2, 3, 2), (3, 1, 4), 3),
    "one core": TensorTrain((6,), (5,), 4),
    "four cores": TensorTrain((2, 3, 2, 2), (2, 2, 2, 3), 4),
}
MAPS = LINEAR | MULTILINEAR


@pytest.mark.parametrize("layer", MAPS.values(), ids=MAPS)
def test_adjoint_against_central_differences(layer: WeightMap, rng: np.random.Generator) -> None:
    theta, dW = rng.standard_normal(layer.n_parameters), rng.standard_normal(layer.shape[::-1])
    gradient = layer.adjoint(theta, dW)
    assert gradient.shape == theta.shape
    for _ in range(3):
        direction = rng.standard_normal(theta.shape)
        values = [
            float((dW * layer.expand(theta + steps * 1e-3 * direction)).sum())
            for steps in (-2, -1, 1, 2)
        ]
        numerical = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-3
        assert numerical == pytest.approx(gradient @ direction, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("layer", LINEAR.values(), ids=LINEAR)
def test_adjoint_of_a_linear_map_is_its_transpose(
    layer: WeightMap, rng: np.random.Generator
) -> None:
    theta, dW = rng.standard_normal(layer.n_parameters), rng.standard_normal(layer.shape[::-1])
    matrix = np.stack([layer.expand(unit).ravel() for unit in np.eye(layer.n_parameters)], axis=1)
    np.testing.assert_allclose(layer.expand(theta).ravel(), matrix @ theta, atol=1e-14)
    np.testing.assert_allclose(layer.adjoint(theta, dW), matrix.T @ dW.ravel(), atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", MAPS.values(), ids=MAPS)
def test_precision_is_kept(layer: WeightMap, dtype: Any) -> None:
    theta = np.ones(layer.n_parameters, dtype=dtype)
    W = layer.expand(theta)
    assert W.shape == layer.shape[::-1]
    assert W.dtype == layer.adjoint(theta, W).dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_have_the_variance_of_glorot(
    kind: type[WeightMap], rng: np.random.Generator
) -> None:
    layer = kind.nearest(48, 60, 1000)
    squares = [np.mean(np.square(layer.draw(rng).expand(layer.initial(rng)))) for _ in range(300)]
    assert np.mean(squares) == pytest.approx(2 / 108, rel=0.05)


@given(
    kind=st.sampled_from(KINDS),
    n_in=st.integers(1, 30),
    n_out=st.integers(1, 30),
    n_weights=st.integers(1, 950),
)
def test_nearest_has_as_many_weights_as_can_be(
    kind: type[WeightMap], n_in: int, n_out: int, n_weights: int
) -> None:
    layer = kind.nearest(n_in, n_out, n_weights)
    assert layer.shape == (n_in, n_out)
    others: dict[type[WeightMap], Callable[[int], WeightMap]] = {
        LowRank: lambda size: LowRank(n_in, n_out, min(size, n_in, n_out)),
        Hashed: lambda size: Hashed(n_in, n_out, n_weights),
        Toeplitz: lambda size: Toeplitz(n_in, n_out, min(size, max(n_in, n_out))),
        Circulant: lambda size: Circulant(n_in, n_out, min(size, max(n_in, n_out))),
        TensorTrain: lambda size: TensorTrain(layer.in_factors, layer.out_factors, size),  # type: ignore[attr-defined]
    }
    if kind in others:
        best = min(abs(others[kind](size).n_parameters - n_weights) for size in range(1, 31))
        assert abs(layer.n_parameters - n_weights) <= best
    elif kind is DropConnect:
        assert layer.n_connections == min(n_weights, n_in * n_out)
    else:
        assert layer.n_parameters == n_in * n_out


def test_full_rank_represents_any_matrix(rng: np.random.Generator) -> None:
    W = rng.standard_normal((5, 7))
    left, values, right = np.linalg.svd(W, full_matrices=False)
    theta = np.concatenate([(left * values).ravel(), right.ravel()])
    np.testing.assert_allclose(LowRank(7, 5, 5).expand(theta), W, atol=1e-13)


def test_low_rank_is_a_tensor_train_of_two_cores(rng: np.random.Generator) -> None:
    low_rank, train = LowRank(7, 5, 3), TensorTrain((1, 7), (5, 1), 3)
    theta, dW = rng.standard_normal(low_rank.n_parameters), rng.standard_normal((5, 7))
    np.testing.assert_allclose(train.expand(theta), low_rank.expand(theta), atol=1e-14)
    np.testing.assert_allclose(train.adjoint(theta, dW), low_rank.adjoint(theta, dW), atol=1e-13)


def test_tensor_train_is_a_product_of_matrices_for_each_entry(rng: np.random.Generator) -> None:
    layer = TensorTrain((2, 3, 2), (3, 1, 4), 3)
    assert layer.ranks == (1, 3, 3, 1)
    theta = rng.standard_normal(layer.n_parameters)
    shapes = [(1, 3, 2, 3), (3, 1, 3, 3), (3, 4, 2, 1)]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    parts = np.split(theta, ends)
    cores = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    W = np.empty(layer.shape[::-1])
    for i in range(12):
        for j in range(12):
            product = np.eye(1)
            for core, a, b in zip(
                cores, np.unravel_index(i, (3, 1, 4)), np.unravel_index(j, (2, 3, 2)), strict=True
            ):
                product = product @ core[:, a, b, :]
            W[i, j] = product.item()
    np.testing.assert_allclose(layer.expand(theta), W, atol=1e-13)


def test_a_tensor_train_of_full_rank_represents_any_matrix(rng: np.random.Generator) -> None:
    """By the tensor-train SVD of I. V. Oseledets, 2011, doi:10.1137/090752286."""
    layer = TensorTrain((2, 3, 2), (3, 1, 4), 1000)
    assert layer.ranks == (1, 6, 8, 1)
    W = rng.standard_normal((12, 12))
    rest = W.reshape(3, 1, 4, 2, 3, 2).transpose(0, 3, 1, 4, 2, 5)
    cores, rank = [], 1
    for pair, following in zip((6, 3), layer.ranks[1:], strict=False):
        left, values, right = np.linalg.svd(rest.reshape(rank * pair, -1), full_matrices=False)
        missing = following - len(values)
        cores.append(np.pad(left, ((0, 0), (0, missing))).ravel())
        rest, rank = np.pad(values[:, None] * right, ((0, missing), (0, 0))), following
    theta = np.concatenate([*cores, rest.ravel()])
    np.testing.assert_allclose(layer.expand(theta), W, atol=1e-13)


def test_hashed_weights(rng: np.random.Generator) -> None:
    layer = Hashed(60, 50, 100, seed=1)
    theta = rng.random(100) + 1
    W = layer.expand(theta)
    assert len(np.unique(np.abs(W))) == layer.n_parameters == 100
    assert 0.45 < np.mean(W > 0) < 0.55
    counts = np.bincount(layer.table.ravel(), minlength=100)
    assert np.var(counts) < 2 * np.mean(counts)  # of a uniform hash both are 30
    np.testing.assert_array_equal(Hashed(60, 50, 100, seed=1).expand(theta), W)
    assert (Hashed(60, 50, 100, seed=2).expand(theta) != W).mean() > 0.9
    by_weight = [set(W[layer.table == k]) for k in range(100)]
    assert all(values == {-theta[k], theta[k]} for k, values in enumerate(by_weight))


def test_toeplitz_structure(rng: np.random.Generator) -> None:
    t = rng.standard_normal(11)
    W = scipy.linalg.toeplitz(t[6:], t[6::-1])  # first column, first row
    np.testing.assert_array_equal(Toeplitz(7, 5, 7).expand(t), W)
    layer = Toeplitz(7, 5, 3)
    W = layer.expand(rng.standard_normal(layer.n_parameters))
    for i in range(4):
        for j in range(6):
            if i % 3 < 2 and j % 3 < 2:  # the next of the diagonal is in the same block
                assert W[i, j] == W[i + 1, j + 1]
    assert len(np.unique(W)) == layer.n_parameters == 5 + 5 + 3 + 4 + 4 + 2
    assert Toeplitz(7, 5, 1).n_parameters == 35


def test_circulant_structure(rng: np.random.Generator) -> None:
    t = rng.standard_normal(7)
    np.testing.assert_array_equal(Circulant(7, 5, 7).expand(t), scipy.linalg.circulant(t)[:5])
    t = rng.standard_normal(4 * 3)
    W = Circulant(6, 6, 3).expand(t)
    for number, (i, j) in enumerate([(0, 0), (0, 3), (3, 0), (3, 3)]):
        block = scipy.linalg.circulant(t[3 * number : 3 * number + 3])
        np.testing.assert_array_equal(W[i : i + 3, j : j + 3], block)


def test_drop_connect_masks(rng: np.random.Generator) -> None:
    layer = DropConnect(60, 50, 0.2)
    theta = rng.random(3000) + 1
    masks = [layer.draw(rng).expand(theta) for _ in range(100)]
    assert np.mean([mask != 0 for mask in masks]) == pytest.approx(0.2, abs=0.003)
    assert (masks[0] != masks[1]).any()
    np.testing.assert_allclose(np.mean(masks, axis=0), layer.expand(theta), atol=0.4)
    np.testing.assert_array_equal(layer.expand(theta), 0.2 * theta.reshape(50, 60))
    assert layer.n_connections == 600
    full = DropConnect(6, 5, 1.0)
    np.testing.assert_array_equal(full.draw(rng).expand(theta[:30]), full.expand(theta[:30]))


@given(
    m=st.integers(1, 9), k=st.integers(1, 9), n=st.integers(1, 9),
    dtype=st.sampled_from([np.float32, np.float64]), turned=st.tuples(st.booleans(), st.booleans()),
)  # fmt: skip
def test_products(m: int, k: int, n: int, dtype: Any, turned: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.random((m, k)).astype(dtype), rng.random((k, n)).astype(dtype)
    A, B = (np.asfortranarray(M) if turn else M for M, turn in zip((A, B), turned, strict=True))
    C = product(A, B)
    np.testing.assert_allclose(C, A @ B, rtol=1e-6)
    assert C.dtype == dtype
    assert C.flags.c_contiguous


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: LowRank(7, 5, 6),
            ValueError, "rank must be at most 5, the smaller width of 7 -> 5, got 6",
        ),
        (lambda: LowRank(7, 5, 0), ValueError, "rank must be at least 1, got 0"),
        (lambda: LowRank(0, 5, 1), ValueError, "n_in must be between 1 and"),
        (lambda: Hashed(7, 5, 0), ValueError, "n_weights must be at least 1, got 0"),
        (lambda: Hashed(7, 5, 3, seed=-1), ValueError, "seed must be at least 0"),
        (
            lambda: Toeplitz(7, 5, 8),
            ValueError, "block must be at most 7, the larger width of 7 -> 5, got 8",
        ),
        (lambda: Circulant(7, 5, 0), ValueError, "block must be at least 1, got 0"),
        (
            lambda: TensorTrain((2, 3), (4,), 2),
            ValueError, r"must be as many, .* got \(2, 3\) and \(4,\)",
        ),
        (lambda: TensorTrain((), (), 2), ValueError, "in_factors and out_factors must be as many"),
        (lambda: TensorTrain((2, 0), (4, 1), 2), ValueError, "a factor must be at least 1, got 0"),
        (lambda: TensorTrain((2, 3), (4, 1), 0), ValueError, "rank must be at least 1, got 0"),
        (
            lambda: DropConnect(7, 5, 0.0),
            ValueError, "keep is a probability, above 0 and at most 1, got 0",
        ),
        (lambda: DropConnect(7, 5, 1.1), ValueError, r"keep is a probability, .* got 1\.1"),
        (lambda: DropConnect.nearest(7, 5, 0), ValueError, "n_weights must be at least 1, got 0"),
        (
            lambda: LowRank.nearest(7, 5, 1.5),  # type: ignore[arg-type]
            TypeError, r"n_weights must be a whole number, got 1\.5",
        ),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
