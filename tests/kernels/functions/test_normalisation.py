"""Kernels of batch normalisation against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minisnn.kernels.functions import normalisation as kernels
from minisnn.kernels.functions.activations import ACTIVATIONS, values_at
from minisnn.kernels.machine.layout import feature_major

TILE, TANH = (0,), ACTIVATIONS["tanh"].number
CLOSE: dict[Any, Any] = {
    np.float32: {"rtol": 2e-4, "atol": 2e-5},
    np.float64: {"rtol": 1e-10, "atol": 1e-12},
}


def filled(rng: np.random.Generator, n: int, size: int, real: Any) -> Any:
    array = feature_major(n, 16 * -(-size // 16), real)
    array[:, :size] = rng.standard_normal((n, size))
    return array


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 7, 16, 37])
def test_forward_and_back(rng: np.random.Generator, real: Any, size: int) -> None:
    n = 70  # more than go through a loop at once
    Z = filled(rng, n, size, real)
    Z[:, size:] = 9  # what stands in the padding must not matter
    gains, shifts = rng.random((2, n)).astype(real)
    H, statistics = np.full_like(Z, np.nan), np.full((kernels.N_STATISTICS, n), np.nan, real)
    A, real_Z = Z.copy(), Z[:, :size].astype(np.float64)
    for first, last in ((0, 3), (3, n)):
        kernels.normalise(
            TILE, values_at(TANH, real), A, size, gains, shifts, H, statistics, first, last
        )
    mean, variance = real_Z.mean(axis=1), real_Z.var(axis=1)
    deviation = np.sqrt(variance + kernels.EPSILON)
    expected = (real_Z - mean[:, None]) / deviation[:, None]
    np.testing.assert_allclose(H[:, :size], expected, **CLOSE[real])
    assert not H[:, size:].any()
    activations = np.tanh(gains[:, None] * expected + shifts[:, None])
    np.testing.assert_allclose(A[:, :size], activations, **CLOSE[real])
    np.testing.assert_allclose(statistics[:3], [mean, variance, 1 / deviation], **CLOSE[real])

    means, variances = np.zeros(n, real), np.ones(n, real)
    refused = np.zeros(1, np.int64)
    kernels.add_moments(size, statistics, means, variances, 0, n, refused)
    assert refused == [0]
    unbiased = variance * size / max(size - 1, 1)
    np.testing.assert_allclose(means, kernels.MOMENTUM * mean, **CLOSE[real])
    np.testing.assert_allclose(variances, 1 + kernels.MOMENTUM * (unbiased - 1), **CLOSE[real])
    A = Z.copy()
    kernels.apply_moments(values_at(TANH, real), A, gains, shifts, means, variances, 0, n)
    scale = gains / np.sqrt(variances + kernels.EPSILON)
    expected = np.tanh(scale[:, None] * (real_Z - means[:, None]) + shifts[:, None])
    np.testing.assert_allclose(A[:, :size], expected, **CLOSE[real])

    dY = filled(rng, n, size, real)
    upstream = dY[:, :size].astype(np.float64)
    kernels.normalise_back(TILE, dY, size, gains, H, statistics, 0, n)
    rows = H[:, :size].astype(np.float64)
    by_shift, by_gain = upstream.sum(axis=1), (upstream * rows).sum(axis=1)
    np.testing.assert_allclose(statistics[3:], [by_shift, by_gain], **CLOSE[real])
    centred = upstream - (by_shift / size)[:, None] - rows * (by_gain / size)[:, None]
    np.testing.assert_allclose(dY[:, :size], (gains / deviation)[:, None] * centred, **CLOSE[real])
    assert not dY[:, size:].any()


@pytest.mark.parametrize("place", [kernels.MEAN, kernels.VARIANCE])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_moments_that_are_not_finite_are_not_stored(place: int, value: float) -> None:
    statistics, refused = np.ones((kernels.N_STATISTICS, 3)), np.zeros(1, np.int64)
    statistics[place, 1] = value
    means, variances = np.zeros(3), np.zeros(3)
    with np.errstate(invalid="ignore"):
        kernels.add_moments(5, statistics, means, variances, 0, 3, refused)
    assert refused == [1]
    assert means[1] == variances[1] == 0
    assert means[::2].all()
    assert variances[::2].all()
