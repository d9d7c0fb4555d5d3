"""Value-by-value kernels against their twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minisnn.kernels import batch, dropout, elementwise, reference, sigmoid
from minisnn.kernels.jit import DISABLED
from minisnn.kernels.layout import feature_major, padded
from minisnn.kernels.vector import REGISTER_BYTES, lanes_of

REALS = [np.float32, np.float64]
CLOSE: dict[Any, dict[str, float]] = {  # some roundings, in units of the values at hand
    np.float32: {"rtol": 2e-6, "atol": 2e-6},
    np.float64: {"rtol": 1e-14, "atol": 1e-14},
}
BATCHES = [1, 3, 127, 128, 129]
TILE = (0,)  # one register at a time


def filled(rng: np.random.Generator, n: int, n_samples: int, real: Any) -> Any:
    array = feature_major(n, n_samples, real)
    array[:, :n_samples] = rng.random((n, n_samples))
    return array


@pytest.mark.parametrize(("real", "error"), [(np.float32, 4e-7), (np.float64, 4e-15)])
def test_sigmoid_is_exact_to_a_few_roundings(real: Any, error: float) -> None:
    z = np.linspace(-80, 80, 4096).astype(real).reshape(4, 1024)
    expected = reference.sigmoid(z.astype(np.float64))
    found = z.copy()
    elementwise.bias_sigmoid(np.zeros(4, real), real(1), found, 0, 4)
    np.testing.assert_allclose(found, expected, rtol=error)


@pytest.mark.parametrize("real", REALS)
def test_sigmoid_at_the_ends(real: Any) -> None:
    z = np.array([[-np.inf, -1e30, -1000, 0, 1000, 1e30, np.inf, np.nan]], dtype=real)
    elementwise.bias_sigmoid(np.zeros(1, real), real(1), z, 0, 1)
    np.testing.assert_allclose(z[0, :-1], [0, 0, 0, 0.5, 1, 1, 1], atol=1e-30)
    assert np.isnan(z[0, -1])


@pytest.mark.skipif(not DISABLED, reason="kernels are machine code here")
@pytest.mark.parametrize("real", REALS)
def test_the_formula_of_the_kernels_in_plain_python(real: Any) -> None:
    from numba import from_dtype

    formula = sigmoid.SIGMOIDS[from_dtype(np.dtype(real))]
    for z in (-100.0, -3.0, -0.1, 0.0, 0.3, 2.0, 100.0):
        found = formula(real(z))
        assert found == pytest.approx(float(reference.sigmoid(np.float64(z))), rel=5e-7, abs=1e-37)
        assert sigmoid.sigmoid(real(z)) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("real", REALS)
def test_bias_sigmoid(rng: np.random.Generator, real: Any) -> None:
    Z, biases = rng.standard_normal((7, 30)).astype(real), rng.standard_normal(7).astype(real)
    expected = reference.bias_sigmoid(biases, real(0.5) * Z)
    elementwise.bias_sigmoid(biases, real(0.5), Z, 0, 7)
    np.testing.assert_allclose(Z, expected, **CLOSE[real])


@pytest.mark.parametrize("keep", [1.0, 0.5])
@pytest.mark.parametrize("real", REALS)
def test_sigmoid_slope(rng: np.random.Generator, real: Any, keep: float) -> None:
    A, dA = rng.random((5, 40)).astype(real), rng.standard_normal((5, 40)).astype(real)
    A[rng.random(A.shape) < 0.3] = 0  # dropped
    expected = reference.sigmoid_slope(A, keep, dA)
    elementwise.sigmoid_slope(A, real(keep), dA, 0, 5)
    np.testing.assert_allclose(dA, expected, **CLOSE[real])
    assert not dA[A == 0].any()


@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("real", REALS)
def test_squared_error(rng: np.random.Generator, real: Any, n_samples: int) -> None:
    A, T = filled(rng, 6, n_samples, real), filled(rng, 6, n_samples, real)
    A[:, n_samples:] = 7  # what stands in the padding must not matter
    dA = np.full_like(A, np.nan)
    losses = np.full(6, np.nan)
    elementwise.squared_error(TILE, A, T, n_samples, losses, dA, 0, 6)
    expected, gradient = reference.squared_error(A[:, :n_samples], T[:, :n_samples])
    assert losses.sum() == pytest.approx(float(expected), rel=CLOSE[real]["rtol"])
    np.testing.assert_allclose(dA[:, :n_samples], gradient, **CLOSE[real])
    assert not dA[:, n_samples:].any()


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("real", REALS)
def test_momentum_update(rng: np.random.Generator, real: Any, nesterov: bool) -> None:
    w, v, g = (rng.standard_normal(1001).astype(real) for _ in range(3))
    rate, momentum = real(0.3), real(0.9)
    expected_w, expected_v = reference.momentum_update(w, v, g, rate, momentum, nesterov)
    elementwise.momentum_update(w, v, g, rate, momentum, nesterov)
    np.testing.assert_allclose(w, expected_w, **CLOSE[real])
    np.testing.assert_allclose(v, expected_v, **CLOSE[real])


@pytest.mark.parametrize("real", REALS)
def test_pieces_of_an_update_have_the_bits_of_the_whole(
    rng: np.random.Generator, real: Any
) -> None:
    """However vectorised loops and their remainders fall."""
    before = [rng.standard_normal(999).astype(real) for _ in range(3)]
    results = []
    for piece in (999, 100, 7):
        arrays = [array.copy() for array in before]
        for start in range(0, 999, piece):
            parts = [array[start : start + piece] for array in arrays]
            elementwise.momentum_update(*parts, real(0.3), real(0.9), True)
        results.append(arrays)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.9])
def test_dropout(rng: np.random.Generator, real: Any, rate: float) -> None:
    A = rng.random((50, 128)).astype(real) + 1
    expected = reference.dropout(A, rate, 77)
    dropout.dropout(A, rate, 77, 0, 20)
    dropout.dropout(A, rate, 77, 20, 50)
    np.testing.assert_allclose(A, expected, **CLOSE[real])


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    for rate in (0.2, 0.5):
        A = np.ones((400, 256))
        dropout.dropout(A, rate, dropout.key_of(3, 1, 4), 0, 400)
        deviation = np.sqrt(rate * (1 - rate) / A.size)
        assert abs((A == 0).mean() - rate) < 4 * deviation
        assert abs(A.mean() - 1) < 4 * deviation / (1 - rate)


def test_dropout_masks_are_unrelated() -> None:
    """Between rows, columns, steps, layers and seeds, agreement is that of chance."""

    def mask(key: int) -> Any:
        A = np.ones((256, 256))
        dropout.dropout(A, 0.5, key, 0, 256)
        return A > 0

    first = mask(dropout.key_of(0, 0, 0))
    others = [mask(dropout.key_of(*key)) for key in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    others += [np.roll(first, 1, axis=0), np.roll(first, 1, axis=1)]
    for other in others:
        assert abs((first == other).mean() - 0.5) < 4 * 0.5 / 256
    assert (mask(5) == mask(5)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("n_samples", [1, 15, 16, 33, 128])
def test_assembly_of_a_matrix(
    rng: np.random.Generator, dtype: Any, real: Any, n_samples: int
) -> None:
    data = (255 * rng.random((300, 70))).astype(dtype)
    samples = rng.integers(0, 300, n_samples)
    X = np.full_like(feature_major(70, n_samples, real), np.nan)
    for first, last in ((0, 48), (48, 70)):
        batch.assemble(batch.source_of(data), samples, samples[:9], 1 / 255, X, first, last)
    np.testing.assert_array_equal(X[:, :n_samples], reference.gather(data, samples, 1 / 255, real))
    assert not X[:, n_samples:].any()


@pytest.mark.parametrize("n_samples", [1, 16, 33])
def test_bytes_can_stay_bytes(rng: np.random.Generator, n_samples: int) -> None:
    data = rng.integers(0, 256, (300, 70), dtype=np.uint8)
    samples = rng.integers(0, 300, n_samples)
    X = np.full((70, 48), 7, dtype=np.uint8)
    for first, last in ((0, 48), (48, 70)):
        batch.gather(data, samples, samples[:0], 1 / 255, X, first, last)
    np.testing.assert_array_equal(X[:, :n_samples], data[samples].T)
    assert not X[:, n_samples:].any()


@pytest.mark.parametrize("real", REALS)
def test_assembly_of_labels(rng: np.random.Generator, real: Any) -> None:
    labels, samples = rng.integers(0, 10, 50), rng.integers(0, 50, 33)
    T = feature_major(10, 33, real)
    for first, last in ((0, 3), (3, 10)):
        batch.assemble(batch.source_of(labels), samples, samples, 1.0, T, first, last)
    np.testing.assert_array_equal(T[:, :33], reference.one_hot(labels, samples, 10, real))


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("n_samples", BATCHES)
def test_layout_is_aligned_padded_and_zero(real: Any, n_samples: int) -> None:
    array = feature_major(5, n_samples, real)
    assert array.ctypes.data % 64 == 0
    assert array.strides[0] % REGISTER_BYTES == 0
    assert array.shape == (5, padded(n_samples, real))
    assert 0 <= array.shape[1] - n_samples < lanes_of(real)
    assert not array.any()
