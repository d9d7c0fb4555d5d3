"""Targets that are missing, set apart by the kernel."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minisnn.kernels.layers.gaps import set_apart


@settings(max_examples=30)
@given(
    n=st.integers(1, 40),
    n_out=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    weighted=st.booleans(),
)
def test_the_kernel(n: int, n_out: int, seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    T = rng.standard_normal((n_out, n + 3))
    T[rng.random(T.shape) < rng.random()] = np.nan
    before, counts = T.copy(), rng.random(n) if weighted else np.empty(0)
    own = np.full((n_out, n), np.nan)
    assert set_apart(T, n, counts, own, 0, n_out) == 0
    for i in range(n_out):
        there = ~np.isnan(before[i, :n])
        expected = np.where(there, counts if weighted else 1.0, 0.0)
        total = expected.sum()
        np.testing.assert_allclose(own[i], expected * (n / total if total else 1))
        np.testing.assert_array_equal(T[i, :n], np.where(there, before[i, :n], 0))
    T[0, 0] = -np.inf
    assert set_apart(T, n, counts, own, 0, 1) == 1
