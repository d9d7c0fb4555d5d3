"""Words of columns, and values spread by them, against what they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minisnn.kernels.machine.jit import jit
from minisnn.kernels.machine.transpose import address_of
from minisnn.kernels.machine.windows import SPREADS, TAKEN, WINDOW, columns_of, ones, spread

pytestmark = pytest.mark.skipif(not SPREADS, reason="needs AVX-512 with VBMI2")


@jit
def word_of(indices, k, first, words):  # type: ignore[no-untyped-def]
    words[0] = columns_of(indices, k, first)
    return ones(words[0])


@jit
def spread_by(values, k, words, row):  # type: ignore[no-untyped-def]
    size, source, target = (
        values.itemsize,
        address_of(values) + k * values.itemsize,
        address_of(row),
    )
    if size == 1:
        spread(1, source, words[0], target)
    elif size == 2:
        spread(2, source, words[0], target)
    elif size == 4:
        spread(4, source, words[0], target)
    else:
        spread(8, source, words[0], target)


@pytest.mark.parametrize("first", [0, 1000])
@pytest.mark.parametrize("n", [0, 1, 31, TAKEN])
def test_a_word_has_the_columns_of_the_window(n: int, first: int) -> None:
    rng, words = np.random.default_rng(n), np.zeros(1, np.uint64)
    inside = np.sort(rng.choice(WINDOW, n, replace=False)) + first
    outside = first + np.array([-1, WINDOW, WINDOW + 1, 2**31 - 1 - first, -(2**31) - first])
    indices = np.concatenate([inside, np.resize(outside, TAKEN + 3 - n)]).astype(np.int32)
    indices = np.concatenate([np.full(3, first, np.int32), indices])
    assert word_of(indices, 3, first, words) == n
    assert int(words[0]) == sum(1 << int(column - first) for column in inside)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("n", [0, 1, 20, WINDOW])
def test_values_are_spread_over_the_ones(n: int, dtype: str) -> None:
    rng: Any = np.random.default_rng(n)
    places = np.sort(rng.choice(WINDOW, n, replace=False))
    words = np.array([sum(1 << int(place) for place in places)], np.uint64)
    values, row = rng.integers(1, 100, n + 2).astype(dtype), np.full(WINDOW + 16, 7, dtype)
    expected = np.zeros(WINDOW, dtype)
    expected[places] = values[2:]
    spread_by(values, 2, words, row)
    np.testing.assert_array_equal(row[:WINDOW], expected)
    assert (row[WINDOW:] == 7).all()
