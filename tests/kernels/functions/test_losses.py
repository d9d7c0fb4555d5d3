"""Losses and their gradients against their twins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bench import twins

from minisnn.kernels.functions import losses
from minisnn.kernels.machine.layout import feature_major

REALS = [np.float32, np.float64]
CLOSE: dict[Any, dict[str, float]] = {
    np.float32: {"rtol": 2e-6, "atol": 2e-6},
    np.float64: {"rtol": 1e-14, "atol": 1e-14},
}
BATCHES = [1, 3, 127, 128, 129]
NO_COUNTS = np.empty(0)  # of samples: all count as one
TILE = (0,)  # one register at a time


def filled(rng: np.random.Generator, n: int, n_samples: int, real: Any) -> Any:
    array = feature_major(n, n_samples, real)
    array[:, :n_samples] = rng.random((n, n_samples))
    return array


@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", ["squared_error", "huber"])
def test_losses_of_activations(
    rng: np.random.Generator, real: Any, n_samples: int, name: str
) -> None:
    A, T = filled(rng, 6, n_samples, real), filled(rng, 6, n_samples, real)
    A *= 3
    A[:, n_samples:] = 7  # what stands in the padding must not matter
    dA = np.full_like(A, np.nan)
    shares = np.full(6, np.nan)
    for first, last in ((0, 4), (4, 6)):
        getattr(losses, name)(
            TILE, A, T, n_samples, 6.0 * n_samples, NO_COUNTS, shares, dA, first, last
        )
    expected, gradient = getattr(twins, name)(A[:, :n_samples], T[:, :n_samples])
    assert shares.sum() == pytest.approx(float(expected), rel=CLOSE[real]["rtol"])
    np.testing.assert_allclose(dA[:, :n_samples], gradient, **CLOSE[real])
    assert not dA[:, n_samples:].any()


@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("real", REALS)
def test_binary_cross_entropy(rng: np.random.Generator, real: Any, n_samples: int) -> None:
    Z, T = filled(rng, 6, n_samples, real), filled(rng, 6, n_samples, real)
    Z[:] = 8 * Z - 4
    Z[:, n_samples:] = 7
    T[:2] = np.round(T[:2])
    logits = Z[:, :n_samples].astype(np.float64)
    dZ, shares = np.full_like(Z, np.nan), np.full(6, np.nan)
    for first, last in ((0, 4), (4, 6)):
        losses.binary_cross_entropy(
            TILE, Z, T, n_samples, float(n_samples * len(Z)), NO_COUNTS, shares, dZ, first, last
        )
    expected, gradient = twins.binary_cross_entropy(logits, T[:, :n_samples])
    assert shares.sum() == pytest.approx(expected, rel=CLOSE[real]["rtol"])
    np.testing.assert_allclose(dZ[:, :n_samples], gradient, **CLOSE[real])
    np.testing.assert_allclose(Z[:, :n_samples], twins.sigmoid(logits), **CLOSE[real])
    assert not dZ[:, n_samples:].any()


@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("real", REALS)
def test_cross_entropy(rng: np.random.Generator, real: Any, n_samples: int) -> None:
    Z, T = filled(rng, 6, n_samples, real), filled(rng, 6, n_samples, real)
    Z[:] = 8 * Z - 4
    Z[:, n_samples:] = 7
    T[:, :n_samples] /= T[:, :n_samples].sum(axis=0)
    T[:, : n_samples // 2] = np.eye(6)[:, rng.integers(0, 6, n_samples // 2)]
    logits, whole = Z[:, :n_samples].astype(np.float64), Z.copy()
    expected, gradient = twins.cross_entropy(logits, T[:, :n_samples])
    width = Z.shape[1]
    results = []
    for A, bounds in ((whole, [0, width]), (Z, [*range(0, width, losses.SAMPLES), width])):
        dZ, workspace = np.full_like(Z, np.nan), np.full((3, width), np.nan, real)
        shares = np.full(-(-width // losses.SAMPLES), np.nan)
        for first, last in pairwise(bounds):
            losses.cross_entropy(A, T, n_samples, NO_COUNTS, workspace, shares, dZ, first, last)
        assert shares.sum() == pytest.approx(expected, rel=CLOSE[real]["rtol"])
        np.testing.assert_allclose(dZ[:, :n_samples], gradient, **CLOSE[real])
        softmax = twins.activate("softmax", logits)
        np.testing.assert_allclose(A[:, :n_samples], softmax, **CLOSE[real])
        assert not dZ[:, n_samples:].any()
        results.append((A, dZ, shares))
    for cut, uncut in zip(*results, strict=True):
        np.testing.assert_array_equal(cut, uncut)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("size", [30.0, 300.0])
def test_far_from_zero_nothing_is_lost(real: Any, size: float) -> None:
    """Sigmoids and softmaxes that are 0 or 1 in floating point."""
    Z = np.full((1, 2), size, real)
    T, shares, dZ = np.array([[0, 1]], real), np.empty(1), np.empty((1, 2), real)
    Z, T, dZ = (np.repeat(array, 8, axis=1) for array in (Z, T, dZ))  # whole registers
    losses.binary_cross_entropy(TILE, Z, T, 16, 16.0 * len(Z), NO_COUNTS, shares, dZ, 0, 1)
    assert shares[0] == pytest.approx((size + np.exp(-size)) / 2, rel=1e-6)
    np.testing.assert_allclose(dZ, np.where(T == 0, 1, 0) / 16, atol=1e-12)
    right = np.zeros((1, 16), real)
    right[:] = size
    losses.binary_cross_entropy(
        TILE, right, np.ones_like(right), 16, 16.0, NO_COUNTS, shares, dZ, 0, 1
    )
    assert shares[0] == pytest.approx(np.exp(-min(size, 87 if real is np.float32 else 708)))

    Z = np.array([[size], [0], [-size]], real)
    dZ, workspace = np.empty_like(Z), np.empty((3, 1), real)
    for label, loss in enumerate([np.log1p(np.exp(-size) + np.exp(-2 * size)), size, 2 * size]):
        A, T = Z.copy(), np.eye(3, dtype=real)[:, [label]]
        losses.cross_entropy(A, T, 1, NO_COUNTS, workspace, shares, dZ, 0, 1)
        assert shares[0] == pytest.approx(loss, rel=1e-6, abs=1e-7)
        np.testing.assert_allclose(dZ, np.eye(3)[:, [0]] - T, atol=1e-9)


def test_nan_stays_nan() -> None:
    for bad in (np.nan, np.inf):
        Z, T = np.zeros((2, 16)), np.zeros((2, 16))
        T[0] = 1
        Z[1, 3] = bad
        shares, dZ = np.zeros(2), np.zeros_like(Z)
        with np.errstate(invalid="ignore"):  # where kernels are plain Python
            losses.cross_entropy(Z.copy(), T, 16, NO_COUNTS, np.empty((3, 16)), shares, dZ, 0, 16)
            assert np.isnan(shares[0])
            losses.binary_cross_entropy(TILE, Z, T, 16, 16.0 * len(Z), NO_COUNTS, shares, dZ, 0, 2)
            assert not np.isfinite(shares[1])
            Z[1, 3] = bad
            losses.huber(TILE, Z, T, 16, 32.0, NO_COUNTS, shares, dZ, 0, 2)
            assert not np.isfinite(shares[1])
            assert np.isnan(dZ[1, 3]) == np.isnan(bad)


@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("real", REALS)
def test_outputs_themselves(rng: np.random.Generator, real: Any, n_samples: int) -> None:
    A, T = filled(rng, 6, n_samples, real), filled(rng, 6, n_samples, real)
    A[:, n_samples:] = 7
    counts, weights = rng.random(n_samples), T[:, :n_samples].astype(np.float64)
    dA, shares = np.full_like(A, np.nan), np.full(6, np.nan)
    for first, last in ((0, 4), (4, 6)):
        losses.output(TILE, A, T, n_samples, np.nan, counts, shares, dA, first, last)
    weights *= counts
    total = (weights * A[:, :n_samples]).sum()
    assert shares.sum() == pytest.approx(total, rel=CLOSE[real]["rtol"])
    np.testing.assert_allclose(dA[:, :n_samples], weights, **CLOSE[real])
    assert not dA[:, n_samples:].any()


@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("real", REALS)
def test_outputs_of_a_softmax(rng: np.random.Generator, real: Any, n_samples: int) -> None:
    Z, T = filled(rng, 6, n_samples, real), filled(rng, 6, n_samples, real)
    Z[:] = 8 * Z - 4
    softmax = twins.activate("softmax", Z[:, :n_samples].astype(np.float64))
    counts, width = rng.random(n_samples), Z.shape[1]
    weights = counts * T[:, :n_samples]
    dZ, workspace = np.full_like(Z, np.nan), np.full((3, width), np.nan, real)
    shares = np.full(-(-width // losses.SAMPLES), np.nan)
    for first, last in pairwise([*range(0, width, losses.SAMPLES), width]):
        losses.output_of_softmax(Z, T, n_samples, counts, workspace, shares, dZ, first, last)
    assert shares.sum() == pytest.approx((weights * softmax).sum(), rel=CLOSE[real]["rtol"])
    slopes = softmax * (weights - (weights * softmax).sum(axis=0))
    np.testing.assert_allclose(dZ[:, :n_samples], slopes, **CLOSE[real])
    np.testing.assert_allclose(Z[:, :n_samples], softmax, **CLOSE[real])
    assert not dZ[:, n_samples:].any()
