"""Runs of the columns of two rows, against the rows themselves."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from compiled import COMPILED_ONLY
from hypothesis import given
from hypothesis import strategies as st
from naive import related_structure

import minisnn as snn
from minisnn.kernels.layers.two_rows import BOTH, FIRST, SECOND, SHIFT
from minisnn.kernels.program import runs
from minisnn.kernels.program.blocks import Blocks, block_starts
from minisnn.kernels.program.reuse import Reads


@given(
    n_in=st.integers(1, 40), n_out=st.integers(0, 9), density=st.floats(0, 1),
    alike=st.floats(0, 1), columns=st.integers(1, 50), distance=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_runs_are_the_columns_of_both_rows(
    n_in: int, n_out: int, density: float, alike: float, columns: int, distance: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    indptr, indices = related_structure(rng, n_in, n_out, density=density, alike=alike)
    starts = block_starts(indptr, indices, Blocks(columns, -(-n_in // columns), "L1", 0.0))
    order, multiple = runs.pairs_of(n_out, distance)
    made = runs.runs_of(indices, starts, order, multiple)
    shared = 0
    for k in range(n_out // 2):
        for block in range(len(starts) - 1):
            rows: Any = [
                indices[slice(*starts[block : block + 2, order[2 * k + i]])] for i in (0, 1)
            ]
            found: Any = [[], []]
            first, last = made.starts[block : block + 2, k]
            for run in made.runs[first:last]:
                who, n = run & BOTH, run >> SHIFT
                assert n > 0
                taken = [row[:n].tolist() if who & 1 << i else [] for i, row in enumerate(rows)]
                rows = [row[len(part) :] for row, part in zip(rows, taken, strict=True)]
                found = [row + part for row, part in zip(found, taken, strict=True)]
                if who == BOTH:
                    assert taken[0] == taken[1]
                    shared += len(taken[0])
            assert not len(rows[0])
            assert not len(rows[1])
    assert made.shared == pytest.approx(2 * shared / max(1, len(indices)), abs=1e-12) or n_out % 2


@given(st.integers(0, 300), st.integers(1, 70))
def test_ranges_between_multiples_have_their_own_rows(n_rows: int, distance: int) -> None:
    order, multiple = runs.pairs_of(n_rows, distance)
    apart = 0
    for first in range(0, n_rows, multiple):
        rows = order[first : first + multiple]
        assert sorted(rows.tolist()) == list(range(first, first + len(rows)))
        pairs = rows[: len(rows) // 2 * 2].reshape(-1, 2)
        apart += np.count_nonzero(pairs[:, 1].astype(int) - pairs[:, 0] == distance)
    assert 2 * apart >= n_rows - (n_rows // multiple + 1) * 2 * distance, "but for the rest"


def test_what_is_shared_too_little_is_taken_one_row_after_the_other() -> None:
    first, second = np.arange(0, 40, 2), np.arange(0, 60, 3)  # now and then a column of both
    indices = np.concatenate([first, second]).astype(np.uint16)
    made = runs.runs_of(indices, np.array([[0, 20], [20, 40]], np.uint32), *runs.pairs_of(2, 1))
    assert made.runs.tolist() == [20 << SHIFT | FIRST, 20 << SHIFT | SECOND]


def test_what_is_shared_in_part_is_one_run() -> None:
    first = [0, 2, *range(10, 20), 30, 40, 50]
    second = [1, *range(10, 20), 31, 40, 51]  # column 40 alone is no run
    indices = np.array(first + second, np.uint16)
    starts = np.array([[0, len(first)], [len(first), len(indices)]], np.uint32)
    made = runs.runs_of(indices, starts, *runs.pairs_of(2, 1))
    expected = [(2, FIRST), (1, SECOND), (10, BOTH), (3, FIRST), (3, SECOND)]
    assert made.runs.tolist() == [n << SHIFT | who for n, who in expected]
    assert made.shared == pytest.approx(20 / 29)


def test_short_runs_are_not_for_updates() -> None:
    """Two rows that share all columns, or all but every sixth."""
    same = np.arange(60)
    other = np.where(same % 6 == 0, same + 100, same)
    starts = np.array([[0, 60], [60, 120]], np.uint32)
    for second, long in ((same, True), (np.sort(other), False)):
        indices = np.concatenate([same, second]).astype(np.uint16)
        made = runs.runs_of(indices, starts, *runs.pairs_of(2, 1))
        assert made.shared > 0.8
        assert made.for_updates is long


def test_rows_are_taken_with_those_that_share_most() -> None:
    """Rows three apart are equal, neighbours have nothing in common."""
    indices = np.concatenate([np.arange(12) * 3 + i % 3 for i in range(200)]).astype(np.uint16)
    indptr = np.arange(0, len(indices) + 1, 12)
    reads = Reads(indptr, indices, 36)
    assert reads.distances.tolist() == [3]
    order, multiple = runs.best_pairs(indptr, indices, np.array([1, 3, 4]))
    assert order[:8].tolist() == [0, 3, 1, 4, 2, 5, 6, 9]
    assert multiple == 64
    assert runs.best_pairs(indptr, indices, np.array([1, 2])) is None


@pytest.mark.parametrize(
    ("make", "by_two"),
    [
        (lambda: snn.topology.regular_rotating(200, 101, 40), True),
        (lambda: snn.topology.fibonacci_rotating(200, 101, 40), True),
        (lambda: snn.topology.long_range_rotating(200, 101, 40), True),
        (lambda: snn.topology.block_random(200, 100, 20, seed=0), True),
        (lambda: snn.topology.biregular(200, 100, 60, seed=0), False),
    ],
)
def test_rows_that_share_most_columns_are_taken_two_at_a_time(make: Any, by_two: bool) -> None:
    net = snn.MLP([make(), snn.topology.biregular(make().n_out, 50, 25, seed=0)], seed=0)
    found = net.plan_for(128)
    phase = next(phase for phase in found.phases if phase.title.startswith("layer 1 forward"))
    assert ("two rows at a time on" in phase.remark) == by_two
    if by_two:
        begins = [operations[0][2] for operations in phase.tasks]
        assert all(begin % 2 == 0 for begin in begins), "ranges begin at even rows"


@COMPILED_ONLY
@pytest.mark.parametrize("of_bytes", [True, False])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_training_has_the_bits_of_rows(
    rng: np.random.Generator, threads: Any, n_threads: int, of_bytes: bool
) -> None:
    threads(n_threads)
    graphs = [
        snn.topology.regular_rotating(97, 61, 20),
        snn.topology.long_range_rotating(61, 63, 22),
        snn.topology.regular_rotating(63, 40, 25),
    ]
    X, labels = rng.integers(0, 256, (130, 97), dtype=np.uint8), rng.integers(0, 40, 130)
    data = X if of_bytes else X / 255
    found = []
    for least in (runs.TWO_FROM, 2.0):
        with patch.object(runs, "TWO_FROM", least):
            net = snn.MLP(graphs, activation="tanh", seed=0, dtype=np.float64)
            snn.train(net, data, labels, optimizer=snn.SGD(0.1), epochs=2, batch_size=60, seed=0)
            _, gradients = net.loss_and_gradients(data[:70], labels[:70])
            assert ("two rows" in str(net.plan_for(60))) == (least < 1)
        found.append((net.parameters, gradients.parameters, gradients.inputs))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
