"""Assembly of batches, their layout, and dropout, against their twins."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
import pytest
from concurrency import forked

from minisnn.kernels import batch, dropout, reference
from minisnn.kernels.cpu import TARGET
from minisnn.kernels.layout import feature_major, padded
from minisnn.kernels.vector import lanes_of

REALS = [np.float32, np.float64]
CLOSE: dict[Any, dict[str, float]] = {  # some roundings, in units of the values at hand
    np.float32: {"rtol": 2e-6, "atol": 2e-6},
    np.float64: {"rtol": 1e-14, "atol": 1e-14},
}
BATCHES = [1, 3, 127, 128, 129]


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
    assert array.strides[0] % TARGET.register_bytes == 0
    assert array.shape == (5, padded(n_samples, real))
    assert 0 <= array.shape[1] - n_samples < lanes_of(real)
    assert not array.any()


def test_large_buffers_need_no_huge_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has none, asking for them is an error."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(mmap, "mmap", refuse)
    array = feature_major(2048, 1024, np.float32)  # 8 MiB
    assert array.ctypes.data % 64 == 0
    assert not array.any()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("n_features", [5, 2048])
def test_what_a_forked_child_writes_stays_there(n_features: int) -> None:
    array = feature_major(n_features, 128, np.float32)

    def write() -> bool:
        array[:] = 1
        return True

    assert forked(write)
    assert not array.any()
