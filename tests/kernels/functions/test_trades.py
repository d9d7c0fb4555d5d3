"""Trades of the Curveball algorithm, against sets."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from minisnn._support.arrays import Array
from minisnn.kernels.functions.trades import trade

ROWS = st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=7)


def traded(rows: list[set[int]], order: Array, rng: np.random.Generator) -> list[list[int]]:
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.array([column for row in rows for column in sorted(row)], dtype=np.int32)
    marks = np.zeros(12, np.uint8)
    pool = np.empty(12, np.int64)
    trade(indptr, indices, order, rng.random(indices.size), marks, pool)
    assert not marks.any()
    return [indices[begin:end].tolist() for begin, end in pairwise(indptr)]


@given(ROWS, st.integers(0, 2**32))
def test_rows_keep_what_they_share_and_their_number(rows: list[set[int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    found = traded(rows, order, rng)
    assert [len(set(row)) for row in found] == [len(row) for row in rows]
    if len(rows) % 2:
        assert set(found[order[-1]]) == rows[order[-1]]
    for left, right in order[: len(rows) // 2 * 2].reshape(-1, 2):
        assert Counter(found[left] + found[right]) == Counter([*rows[left], *rows[right]])
        assert set(found[left]) >= rows[left] & rows[right]


def test_what_they_do_not_share_is_dealt_uniformly() -> None:
    rng = np.random.default_rng(0)
    rows = [{0, 1, 2, 5}, {0, 3, 4, 6, 7}]  # 3 of 7 go to the first
    hands = Counter(tuple(sorted(traded(rows, np.array([0, 1]), rng)[0])) for _ in range(7_000))
    assert len(hands) == 35
    assert chisquare(list(hands.values())).pvalue > 0.01
