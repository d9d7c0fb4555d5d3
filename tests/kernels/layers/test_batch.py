"""Assembly of batches, their layout, and dropout, against their twins."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
import pytest
from bench import twins
from concurrency import forked
from hypothesis import given, settings
from hypothesis import strategies as st

from minisnn.kernels.functions import dropout
from minisnn.kernels.layers import batch, squares
from minisnn.kernels.machine.cpu import TARGET
from minisnn.kernels.machine.layout import feature_major, padded
from minisnn.kernels.machine.transpose import KINDS
from minisnn.kernels.machine.vector import lanes_of

REALS = [np.float32, np.float64]
CLOSE: dict[Any, dict[str, float]] = {  # some roundings, in units of the values at hand
    np.float32: {"rtol": 2e-6, "atol": 2e-6},
    np.float64: {"rtol": 1e-14, "atol": 1e-14},
}
BATCHES = [1, 3, 127, 128, 129]
ALL = np.empty(0, np.uint32)  # neurons, in their order


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.9])
def test_dropout(rng: np.random.Generator, real: Any, rate: float) -> None:
    A = rng.random((50, 128)).astype(real) + 1
    expected = twins.dropout(A, rate, 77)
    dropout.dropout(A, rate, 77, ALL, 0, 20)
    dropout.dropout(A, rate, 77, ALL, 20, 50)
    np.testing.assert_allclose(A, expected, **CLOSE[real])


def test_dropout_of_some_neurons(rng: np.random.Generator) -> None:
    """They have the masks that they have among all."""
    A, numbers = rng.random((50, 128)) + 1, np.array([3, 4, 17, 49], np.uint32)
    expected, some = twins.dropout(A, 0.4, 77)[numbers], A[numbers]
    dropout.dropout(some, 0.4, 77, numbers, 0, 4)
    np.testing.assert_allclose(some, expected, **CLOSE[np.float64])


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    for rate in (0.2, 0.5):
        A = np.ones((400, 256))
        dropout.dropout(A, rate, dropout.key_of(3, 1, 4), ALL, 0, 400)
        deviation = np.sqrt(rate * (1 - rate) / A.size)
        assert abs((A == 0).mean() - rate) < 4 * deviation
        assert abs(A.mean() - 1) < 4 * deviation / (1 - rate)


def test_dropout_masks_are_unrelated() -> None:
    """Between rows, columns, steps, layers and seeds, agreement is that of chance."""

    def mask(key: int) -> Any:
        A = np.ones((256, 256))
        dropout.dropout(A, 0.5, key, ALL, 0, 256)
        return A > 0

    first = mask(dropout.key_of(0, 0, 0))
    others = [mask(dropout.key_of(*key)) for key in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    others += [np.roll(first, 1, axis=0), np.roll(first, 1, axis=1)]
    for other in others:
        assert abs((first == other).mean() - 0.5) < 4 * 0.5 / 256
    assert (mask(5) == mask(5)).all()


def gathered(
    data: Any, samples: Any, scale: float, real: Any, columns: Any = None
) -> tuple[Any, int]:
    """A batch, gathered in two parts, and whether something in it is not finite."""
    n = data.shape[1] if columns is None else len(columns)
    X = np.full_like(feature_major(n, len(samples), real), 7)
    space = squares.Space(*(array[0] for array in squares.space_for(1, real, 0)))
    source, middle, broken = batch.source_of(data, columns), n // 2 // 16 * 16, 0
    for first, last in ((0, middle), (middle, n)):
        if last > first:
            broken |= batch.assemble(source, samples, samples[:9], scale, X, space, first, last)
    assert not X[:, len(samples) :].any()
    return X[:, : len(samples)], broken


LAYOUTS: dict[str, Any] = {
    "C": lambda data: data,
    "Fortran": np.asfortranarray,
    "every other column": lambda data: np.repeat(data, 2, axis=1)[:, ::2],
    "a slice": lambda data: np.pad(data, ((1, 1), (5, 3)))[1:-1, 5:-3],
    "backwards": lambda data: data[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda data: np.frombuffer(data.tobytes(), data.dtype).reshape(data.shape),
}


@settings(max_examples=150)
@given(
    st.sampled_from(list(KINDS)),
    st.sampled_from(list(LAYOUTS)),
    st.sampled_from(REALS),
    st.sampled_from([1, 2, 15, 16, 33, 64]),
    st.integers(1, 70) | st.sampled_from([batch.STRETCH, 2 * batch.STRETCH + 3, 700]),
    st.sampled_from(["all", "ascending", "any"]),
    st.integers(0, 2**32),
)
def test_assembly_of_a_matrix(
    dtype: str, layout: str, real: Any, n_samples: int, width: int, which: str, seed: int
) -> None:
    """Any dtype, any strides, any choice and order of columns: as the twin has it, to the bit."""
    rng = np.random.default_rng(seed)
    data = (100 * rng.standard_normal((40, width))).astype("i8").astype(dtype)
    if dtype == "u8":
        data %= 1000
    columns = None
    if which != "all":
        columns = rng.permutation(width)[: rng.integers(1, width + 1)].astype(np.uint32)
        columns = np.sort(columns) if which == "ascending" else columns
    samples = rng.integers(0, 40, n_samples)
    X, broken = gathered(LAYOUTS[layout](data), samples, 1 / 255, real, columns)
    chosen = data if columns is None else data[:, columns]
    np.testing.assert_array_equal(X, twins.gather(chosen, samples, 1 / 255, real))
    assert broken == 0


@settings(max_examples=100)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 2**32))
def test_products_of_singles_are_those_of_doubles(scale: float, seed: int) -> None:
    """Rounded once: also those that are subnormal, or too large."""
    bits = np.random.default_rng(seed).integers(0, 2**32, (16, 32), dtype=np.uint32)
    data = bits.view(np.float32)
    data[~np.isfinite(data)] = 1
    X, broken = gathered(data, np.arange(16), scale, np.float32)
    with np.errstate(over="ignore"):
        expected = twins.gather(data, np.arange(16), scale, np.float32)
    np.testing.assert_array_equal(X.view(np.uint32), expected.view(np.uint32))
    assert bool(broken) == (not np.isfinite(expected).all())


@pytest.mark.parametrize("kind", ["f4", "u1", "i2"])
def test_columns_of_which_some_lie_side_by_side(kind: str) -> None:
    """A square is read in place where all of its columns do; not where only both ends would."""
    data = (np.arange(5 * 70).reshape(5, 70) % 251).astype(kind)
    columns = np.roll(
        np.arange(70, dtype=np.uint32), -1
    )  # as outputs of which the last comes first
    columns[17:19] = columns[[18, 17]]
    X, broken = gathered(data, np.arange(5), 1.0, np.float32, columns)
    assert not broken
    np.testing.assert_array_equal(X, data[:, columns].T)


@pytest.mark.parametrize("n", [16, 32])
def test_fewer_columns_than_a_square_that_reach_as_far(n: int) -> None:
    """The last features lie 15 columns apart, as those of a whole square do, with gaps."""
    data = np.arange(5.0 * n).reshape(5, n)
    columns = np.delete(np.arange(n), [n - 15, n - 3]).astype(np.uint32)
    X, _ = gathered(data, np.arange(5), 1.0, np.float64, columns)
    np.testing.assert_array_equal(X, data[:, columns].T)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("layout", ["C", "every other column"])
@pytest.mark.parametrize("n_samples", [1, 16, 33, 130])
def test_bytes_become_pairs(
    rng: np.random.Generator, n_samples: int, layout: str, real: Any
) -> None:
    """Of any columns: those of all bytes at once."""
    data = rng.integers(0, 256, (300, 517), dtype=np.uint8)
    samples, like = rng.integers(0, 300, n_samples), np.empty(1, real)
    lanes = 2 * lanes_of(real)
    space = squares.Space(*(array[0] for array in squares.space_for(1, real, n_samples)))
    some = rng.choice(517, 301, replace=False).astype(np.uint32)
    for columns in (None, np.sort(some), some):
        chosen = data if columns is None else data[:, columns]
        n = chosen.shape[1]
        X = np.zeros((n, -(-n_samples // lanes) * lanes), np.uint8)
        X[:, :n_samples] = chosen[samples].T
        expected = np.empty((n, X.shape[1] // 2), np.uint32)
        squares.pack(X, like, expected, 0, 0)
        lying, pairs = LAYOUTS[layout](data), np.full_like(expected, 7)
        source = batch.source_of(lying, columns)
        for first, last in ((0, 48), (48, n)):
            batch.gather_bytes(source, samples, samples[:9], pairs, like, space, first, last)
        np.testing.assert_array_equal(pairs, expected)


def test_every_half_precision_number() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    data = halves[np.isfinite(halves)].reshape(-1, 64)
    X, broken = gathered(data, np.arange(len(data)), 1.0, np.float64)
    np.testing.assert_array_equal(X, data.T.astype(np.float64))
    np.testing.assert_array_equal(np.signbit(X), np.signbit(data.T))
    assert broken == 0


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("layout", ["C", "Fortran"])
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        *[(kind, value) for kind in ("f2", "f4", "f8") for value in (np.nan, np.inf, -np.inf)],
        ("i8", 2**53 + 1), ("i8", -(2**53) - 1), ("i8", -(2**63)), ("u8", 2**53 + 1),
        ("u8", 2**64 - 1),
    ],
)  # fmt: skip
def test_what_no_network_can_use_is_seen(dtype: str, value: Any, layout: str, real: Any) -> None:
    """Wherever it stands: in a whole square, at an edge, in the last sample."""
    for row, column in ((0, 0), (17, 20), (32, 36), (5, 33)):
        data = np.ones((33, 37), dtype)
        data[row, column] = value
        data = LAYOUTS[layout](data)
        assert gathered(data, np.arange(33), 1.0, real)[1]
        assert not gathered(data, np.delete(np.arange(33), row), 1.0, real)[1]
        others = np.delete(np.arange(37), column).astype(np.uint32)
        assert not gathered(data, np.arange(33), 1.0, real, others)[1]


def test_what_a_scale_makes_too_large_is_seen() -> None:
    for dtype, value in (("f8", 1e30), ("i4", 2**31 - 1), ("f2", 60000)):
        data = np.full((3, 20), value, dtype)
        assert not gathered(data, np.arange(3), 1.0, np.float32)[1]
        assert gathered(data, np.arange(3), 3.4e38 / value * 1.01, np.float32)[1]
        assert not gathered(data, np.arange(3), 3.4e38 / value * 1.01, np.float64)[1]
    assert not gathered(np.full((3, 20), 2**53, "i8"), np.arange(3), -1.0, np.float32)[1]


@pytest.mark.parametrize("dtype", ["c8", "c16", "O", "U1", "M8[s]", "m8[s]", ">f4", "g"])
def test_other_dtypes_have_no_number(dtype: str) -> None:
    assert batch.kind_of(np.dtype(dtype)) == -1


@pytest.mark.parametrize("real", REALS)
def test_assembly_of_labels(rng: np.random.Generator, real: Any) -> None:
    labels, samples = rng.integers(0, 10, 50), rng.integers(0, 50, 33)
    T, source = feature_major(10, 33, real), batch.source_of(labels)
    space = squares.Space(*(array[0] for array in squares.space_for(1, real, 0)))
    for first, last in ((0, 3), (3, 10)):
        batch.assemble(source, samples, samples, 1.0, T, space, first, last)
    np.testing.assert_array_equal(T[:, :33], twins.one_hot(labels, samples, 10, real))


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
    """Requests for limits that the kernel does not have are errors."""

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


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("rows", [(0, 5), (0, 16), (16, 70), (3, 67)])
@pytest.mark.parametrize("n_samples", [1, 16, 37])
def test_turned_back(rng: np.random.Generator, real: Any, rows: Any, n_samples: int) -> None:
    """Rows of neurons become rows of samples, and nothing else is written."""
    first, last = rows
    A = feature_major(70, n_samples, real)
    A[:] = rng.standard_normal(A.shape)
    outputs = np.full((n_samples + 5, 75), np.nan, real)
    space = squares.space_for(1, real, 0)
    one = squares.Space(*(array[0] for array in space))
    squares.turn_back(A, n_samples, 2, 3, outputs, first, last, one)
    expected = np.full_like(outputs, np.nan)
    expected[2 : 2 + n_samples, 3 + first : 3 + last] = A[first:last, :n_samples].T
    np.testing.assert_array_equal(outputs, expected)
