"""Reads and their reuse, against a cache that forgets what was used longest ago."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import random_structure, related_structure

import minisnn as snn
from minisnn.kernels.program.reuse import Reads

T = snn.topology


def order_of(n_rows: int, at_once: int) -> Any:
    """Rows in their order, if they are to be taken two at a time."""
    return np.arange(n_rows, dtype=np.uint32) if at_once == 2 else None


def turns_of(indptr: Any, indices: Any, at_once: int) -> list[list[int]]:
    """Columns of each turn, each once."""
    bounds = range(0, len(indptr) - 1, at_once)
    ends = [int(indptr[min(i + at_once, len(indptr) - 1)]) for i in bounds]
    return [
        np.unique(indices[indptr[i] : end]).tolist() for i, end in zip(bounds, ends, strict=True)
    ]


def missed_by_lru(turns: list[list[int]], n_columns: int, columns: int, room: int) -> float:
    """Share of all reads, block by block, that were made before and are forgotten by now."""
    missed = 0
    for begin in range(0, n_columns, columns):
        held: dict[int, None] = {}  # in the order of their last use
        known: set[int] = set()
        for turn in turns:
            for column in turn:
                if begin <= column < begin + columns:
                    missed += column in known and column not in held
                    held.pop(column, None)
                    held[column] = None
                    known.add(column)
                    if len(held) > room:
                        del held[next(iter(held))]
    return missed / sum(map(len, turns))


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize(
    "make",
    [
        lambda: T.constant_degree(120, 100, 12, seed=0),
        lambda: T.constant_degree(120, 100, 60, seed=0),
        lambda: T.regular_rotating(120, 100, 20),
        lambda: T.fibonacci_rotating(120, 100, 20),
        lambda: T.long_range_rotating(120, 100, 20),
        lambda: T.block_random(120, 100, 20, seed=0),
        lambda: T.receptive_fields(121, 100, 20),
    ],
)
def test_misses_are_those_of_a_cache(make: Any, at_once: int) -> None:
    graph = make()
    turns = turns_of(graph.indptr, graph.indices, at_once)
    reads = Reads(graph.indptr, graph.indices, graph.n_in, order_of(graph.n_out, at_once))
    assert reads.number == sum(map(len, turns))
    for columns in (120, 40, 15):
        for room in (5, 30, 50, 100, 130):
            expected = missed_by_lru(turns, graph.n_in, columns, room)
            (found,) = reads.missed(columns, np.array([room]))
            assert found == pytest.approx(expected, abs=0.25)
            assert found == 0 or columns > room


def test_a_regular_graph_needs_room_for_one_turn() -> None:
    graph = T.regular_rotating(1000, 500, 60)
    reads = Reads(graph.indptr, graph.indices, 1000)
    a_row = int(np.diff(graph.indptr).max())
    few, many = reads.missed(1000, np.array([0.9 * a_row, 1.3 * a_row]))
    assert few > 0.8
    assert many < 0.1


def test_rows_of_a_term_are_read_once() -> None:
    """All rows of a term have its columns, and other terms have others."""
    indices = np.concatenate([np.tile(np.arange(k, k + 8), 6) for k in range(0, 80, 8)])
    indptr = np.arange(0, len(indices) + 1, 8)
    reads = Reads(indptr, indices, 80, order_of(60, 2))
    assert reads.number == len(indices) / 2
    assert reads.missed(80, np.array([9])) == 0
    assert reads.missed(80, np.array([7])) == pytest.approx(2 / 3), "all but the first turn's"


@given(
    n_in=st.integers(1, 40), n_out=st.integers(0, 30), density=st.floats(0, 1),
    alike=st.floats(0, 1), at_once=st.sampled_from([1, 2]), columns=st.integers(1, 50),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_more_room_misses_less(
    n_in: int, n_out: int, density: float, alike: float, at_once: int, columns: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    indptr, indices = related_structure(rng, n_in, n_out, density=density, alike=alike)
    reads = Reads(indptr, indices, n_in, order_of(n_out, at_once))
    assert reads.number == sum(map(len, turns_of(indptr, indices, at_once)))
    missed = reads.missed(columns, np.geomspace(0.1, 100, 30))
    assert (missed >= 0).all()
    assert (missed <= 1).all()
    assert (np.diff(missed) <= 1e-12).all()


def test_a_few_rows_stand_for_all(rng: np.random.Generator, monkeypatch: Any) -> None:
    indptr, indices = random_structure(rng, 300, 200, 0.2, empty_rows=True)
    rooms = np.array([10, 40, 100])
    whole = Reads(indptr, indices, 300).missed(50, rooms)
    monkeypatch.setattr("minisnn.kernels.program.reuse._SAMPLE", 500)
    np.testing.assert_allclose(Reads(indptr, indices, 300).missed(50, rooms), whole, atol=0.1)
