"""Assembly of CSR data, against that of the same data with its zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from bench import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from minisnn.kernels.layers import batch, csr_batch, squares
from minisnn.kernels.machine.jit import DISABLED
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.machine.transpose import KINDS
from minisnn.kernels.machine.vector import lanes_of

REALS = [np.float32, np.float64]
NONE = np.empty(0, np.int64)
DTYPES = [kind for kind in KINDS if kind != "f2"]  # SciPy has no such arrays
SIZES, BYTE_SIZES = [1, 2, 15, 33, 127, 130, 300], [1, 31, 32, 70, 128, 200]
if DISABLED:  # plain Python goes through all values, and through zeros
    SIZES, BYTE_SIZES = SIZES[:4], BYTE_SIZES[:2]
WIDTHS = [squares.MOST, squares.MOST + 1, 2 * squares.MOST + 30]


def space_for(real: Any) -> squares.Space:
    return squares.Space(*(array[0] for array in squares.space_for(1, real, 300)))


def parts(n: int, at: int) -> list[tuple[int, int]]:
    """Features in two tasks, or in one."""
    return [(first, last) for first, last in ((0, at), (at, n)) if last > first]


def scattered(
    data: Any, samples: Any, scale: float, real: Any, columns: Any = None, before: Any = NONE
) -> tuple[Any, int]:
    """A batch after another one, each in two parts, and whether something is not finite."""
    n = data.shape[1] if columns is None else len(columns)
    source = batch.source_of(data, columns)
    X = np.full_like(feature_major(n, max(len(samples), len(before)), real), 7)
    broken = 0
    for first, last in parts(n, n // 3):
        rest = first, last
        if len(before):
            csr_batch.assemble_inputs(source, NONE, before, scale, X, space_for(real), *rest)
        broken |= csr_batch.assemble_inputs(
            source, before, samples, scale, X, space_for(real), *rest
        )
    assert not X[:, len(samples) :].any()
    return X[:, : len(samples)], broken


def matrix(rng: np.random.Generator, dtype: str, shape: tuple[int, int], density: float) -> Any:
    data = (100 * rng.standard_normal(shape)).astype("i8").astype(dtype)
    if dtype == "u8":
        data %= 1000
    data[rng.random(shape) >= density] = 0
    data[rng.integers(shape[0])] = 0
    data[:, rng.integers(shape[1])] = 0
    return data


@settings(max_examples=30 if DISABLED else 150)
@given(
    st.sampled_from(DTYPES),
    st.sampled_from(REALS),
    st.sampled_from(SIZES),
    st.sampled_from([0, 1, 40]),
    st.integers(1, 300) | st.sampled_from(WIDTHS),
    st.sampled_from([0.0, 0.01, 0.05, 0.5, 1.0]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_values_are_scattered_among_zeros(
    dtype: str, real: Any, n: int, n_before: int, width: int, density: float, some: bool, seed: int
) -> None:
    """Any dtype, any choice of columns, after any batch: as the twin has it, to the bit."""
    rng = np.random.default_rng(seed)
    data = matrix(rng, dtype, (40, width), density)
    columns = None
    if some:
        columns = np.sort(rng.choice(width, rng.integers(1, width + 1), replace=False))
        columns = columns.astype(np.uint32)
    samples, before = rng.integers(0, 40, n), rng.integers(0, 40, n_before)
    X, broken = scattered(
        scipy.sparse.csr_array(data), samples, 1 / 255, real, columns, before=before
    )
    chosen = data if columns is None else data[:, columns]
    np.testing.assert_array_equal(X, twins.gather(chosen, samples, 1 / 255, real))
    assert broken == 0


@settings(max_examples=20 if DISABLED else 80)
@given(
    st.sampled_from(REALS),
    st.sampled_from(BYTE_SIZES),
    st.sampled_from([20, 90, *WIDTHS[1:]]),
    st.sampled_from([0.0, 0.004, 0.01, 0.4, 1.0]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_bytes_become_the_pairs_of_gathered_ones(
    real: Any, n: int, width: int, density: float, some: bool, follows: bool, seed: int
) -> None:
    """Of any batch, in one stretch or several, for all columns or some of them."""
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, (30, width)).astype(np.uint8)
    data[rng.random(data.shape) >= density] = 0
    columns = np.sort(rng.choice(width, rng.integers(1, width + 1) if some else width, False))
    samples, before = rng.integers(0, 30, n), rng.integers(0, 30, n)
    lanes = 2 * lanes_of(real)
    n_words, like = -(-n // lanes) * lanes // 2, np.empty(1, real)
    made = []
    for values in (data, scipy.sparse.csr_array(data)):
        source = batch.source_of(values, columns.astype(np.uint32) if some else None)
        pairs = np.full_like(feature_major(len(columns), n_words, np.uint32), 7)
        for first, last in parts(len(columns), len(columns) // 2):
            rest = pairs, like, space_for(real), first, last
            if values is data:
                batch.gather_bytes(source, samples, NONE, *rest)
            else:
                if follows:
                    csr_batch.assemble_bytes(source, NONE, before, samples, *rest)
                csr_batch.assemble_bytes(
                    source, before if follows else NONE, samples, before[: n // 2], *rest
                )
        made.append(pairs)
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_rows", [1, 17])
def test_windows_may_be_empty_full_or_in_between(dtype: str, n_rows: int) -> None:
    """Whatever they hold, in a sample with values behind it or with none."""
    counts = np.array([[0, 1, 31, 32, 33, 63, 64, 64, 0], [64, 33, 32, 5, 64, 64, 40, 20, 0]])
    rng, data = np.random.default_rng(0), np.zeros((n_rows, 9 * 64 + 10), dtype)
    for row, numbers in zip(data, np.resize(counts, (n_rows, 9)), strict=True):
        for window, n in enumerate(numbers):
            row[64 * window + rng.choice(64, n, replace=False)] = rng.integers(1, 100, n)
    samples = np.arange(n_rows)
    X, _ = scattered(scipy.sparse.csr_array(data), samples, 1 / 255, np.float32)
    np.testing.assert_array_equal(X, twins.gather(data, samples, 1 / 255, np.float32))


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        *[(kind, value) for kind in ("f4", "f8") for value in (np.nan, np.inf, -np.inf)],
        ("i8", 2**53 + 1), ("i8", -(2**53) - 1), ("i8", -(2**63)), ("u8", 2**53 + 1),
        ("u8", 2**64 - 1),
    ],
)  # fmt: skip
def test_what_no_network_can_use_is_seen(dtype: str, value: Any, real: Any) -> None:
    """Wherever it stands, unless its column or row is not used."""
    for row, column in ((0, 0), (17, 20), (32, 36)):
        data = np.eye(33, 37, dtype=dtype)
        data[row, column] = value
        sparse, rows = scipy.sparse.csr_array(data), np.arange(33)
        assert scattered(sparse, rows, 1.0, real)[1]
        assert not scattered(sparse, np.delete(rows, row), 1.0, real)[1]
        others = np.delete(np.arange(37), column).astype(np.uint32)
        assert not scattered(sparse, rows, 1.0, real, others)[1]


def test_what_a_scale_makes_too_large_is_seen() -> None:
    data = scipy.sparse.csr_array(np.eye(3, 20) * 1e30)
    assert not scattered(data, np.arange(3), 1.0, np.float32)[1]
    assert scattered(data, np.arange(3), 3.5e8, np.float32)[1]
    assert not scattered(data, np.arange(3), 3.5e8, np.float64)[1]


def spoil(rng: np.random.Generator, indices: Any) -> None:
    """Replace three in four indices by others, of which some are near those of columns."""
    n = len(indices)
    choices = [indices, rng.integers(-(2**31), 2**31 - 1, n), rng.integers(-5, 5, n),
               rng.integers(690, 710, n)]  # fmt: skip
    indices[:] = np.choose(rng.integers(0, 4, n), choices)


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("before", [[], [3, 1, 2]])
def test_nothing_is_written_outside(some: bool, before: list[int]) -> None:
    """Whatever becomes of the indices of data that was checked, while it is trained on."""
    rng = np.random.default_rng(0)
    samples, previous = np.arange(8), np.array(before, np.int64)
    columns = np.arange(100, 690, 3, dtype=np.uint32) if some else None
    for density in (0.02, 0.5):
        for _ in range(20):
            data = scipy.sparse.csr_array(matrix(rng, "f4", (8, 700), density))
            source, space = batch.source_of(data, columns), space_for(np.float32)
            n = len(source.columns)
            X = np.full_like(feature_major(n + 20, 8, np.float32), 7)
            spoil(rng, data.indices)
            rest = 1.0, X[10 : 10 + n], space, 5, n - 5
            csr_batch.assemble_inputs(source, previous, samples, *rest)
            assert (X[:10] == 7).all()
            assert (X[10 + n :] == 7).all()


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("before", [[], [3, 1, 2]])
def test_no_byte_is_written_outside(some: bool, before: list[int]) -> None:
    """Neither beside the pairs nor beside the tile that they are moved from."""
    rng = np.random.default_rng(0)
    samples, previous, like = np.arange(40), np.array(before, np.int64), np.empty(1, np.float32)
    columns = np.arange(100, 690, 3, dtype=np.uint32) if some else None
    for density in (0.004, 0.5):
        for _ in range(10):
            data = scipy.sparse.csr_array(matrix(rng, "u1", (40, 700), density))
            source, space = batch.source_of(data, columns), space_for(np.float32)
            n, (n_rows, line) = len(source.columns), space.bytes.shape
            room = np.full((n_rows + 20, line), 7, np.uint8)
            space = space._replace(bytes=room[10:-10])
            pairs = np.full_like(feature_major(n + 20, 32, np.uint32), 7)
            spoil(rng, data.indices)
            rest = pairs[10 : 10 + n], like, space, 5, n - 5
            csr_batch.assemble_bytes(source, previous, samples, samples, *rest)
            assert (pairs[:10] == 7).all()
            assert (pairs[10 + n :] == 7).all()
            assert (room[:10] == 7).all()
            assert (room[-10:] == 7).all()
