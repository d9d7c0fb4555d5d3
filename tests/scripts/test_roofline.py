"""The roofline: what is counted is what a plan does, and a bound is below what is possible."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from bench import bounds, machine, peaks, roofline, steps
from bench.bounds import FORWARD, GRADIENT, UPDATE
from bench.ours import Ours
from hypothesis import given, settings
from hypothesis import strategies as st

from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program import operations

PEAKS = peaks.Peaks(
    cycle=1.0,
    multiply=0.5,
    load=0.5,
    passage={"L1": 1.0, "L2": 3.0},
    byte={"L2": 0.02, "L3": 0.1},
    arithmetic={f"{a}, {b}": 1.0 for a, b in product(peaks.FORMS, peaks.KINDS)},
)


def _plan(topology: str = "", density: float = 0.5, data: str = "floats") -> Any:
    problem = steps.make_problem(
        (60, 96, 80, 5), density, data=data, n_samples=40, topology=topology
    )
    return Ours(problem, 1, 32, blas=False).plan, problem.masks


@pytest.mark.parametrize("topology", ["", "regular_rotating"])
def test_edges_are_those_of_the_layers(topology: str) -> None:
    plan, masks = _plan(topology)
    for name in (FORWARD, UPDATE):
        works = bounds.works_of(plan, name)
        assert [work.n_edges for work in works] == [mask.nnz for mask in masks[:2]]
        for work, mask in zip(works, masks, strict=False):
            np.testing.assert_array_equal(work.column, mask.indices)
            assert (work.n_rows, work.n_columns) == mask.shape
    (back,) = bounds.works_of(plan, GRADIENT)  # that of the second layer
    np.testing.assert_array_equal(back.column, masks[1].T.tocsr().indices)


def test_columns_of_two_rows_are_counted_once() -> None:
    plan, masks = _plan("regular_rotating")
    work = bounds.works_of(plan, FORWARD)[0]
    assert work.at_once == 2
    rows = [set(masks[0][[i]].indices) for i in range(work.n_rows)]
    in_both = sum(len(a & b) for a, b in zip(rows[::2], rows[1::2], strict=True))
    assert 0 < work.n_shared <= in_both
    assert work.rows.max() + 1 == work.n_rows // 2
    (alone, *_) = bounds.works_of(_plan()[0], FORWARD)
    assert (alone.at_once, alone.n_shared) == (1, 0)


def test_turns_come_by_operation_block_and_row(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = _plan()
    work = bounds.works_of(plan, FORWARD)[0]
    turns: list[int] = []
    for block, row in product(range(work.n_blocks), range(work.n_rows)):
        n = int(((work.rows == row) & (work.turn == block * work.n_rows + row)).sum())
        turns += [block * work.n_rows + row] * n
    assert sorted(work.turn.tolist()) == turns


def _work(column: Any, rows: Any, turn: Any = None, **changed: Any) -> bounds.Work:
    column, rows = np.asarray(column, np.int64), np.asarray(rows, np.int64)
    usual = {
        "product": FORWARD, "at_once": 1, "of_bytes": False, "width": 16, "registers": 1,
        "n_edges": len(column), "n_shared": 0, "n_columns": int(column.max()) + 1,
        "n_rows": int(rows.max()) + 1, "n_blocks": 1, "n_entered": len(np.unique(rows)),
        "index_bytes": 2, "column": column, "rows": rows,
        "turn": rows if turn is None else turn, "operation": np.zeros_like(rows),
    }  # fmt: skip
    return bounds.Work(**{**usual, **changed})


def _fewest_misses(lines: list[Any], capacity: int) -> int:
    """Return the misses of a cache of some lines that knows what comes next (Belady's)."""
    held: set[Any] = set(lines[:0])
    misses = 0
    for now, line in enumerate(lines):
        if line not in held:
            misses += 1
            if len(held) == capacity:
                ahead = lines[now:]
                held.remove(max(held, key=lambda x: ahead.index(x) if x in ahead else len(lines)))
            held.add(line)
    return misses


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=8, unique=True), max_size=12),
    st.integers(1, 9),
)
def test_no_cache_reads_fewer_bytes(rows: list[list[int]], capacity: int) -> None:
    rows = [[0], *rows]
    column = [j for row in rows for j in sorted(row)]
    of_edge = [i for i, row in enumerate(rows) for _ in row]
    # Rows of X and of sums are lines of 64 bytes; what else an edge reads is left out.
    work = _work(column, of_edge, product=UPDATE, index_bytes=0)
    lines: list[Any] = []
    for i, row in enumerate(rows):
        lines += [("sums", i), *(("X", j) for j in sorted(row))]
    possible = 64 * _fewest_misses(lines, capacity)
    assert bounds.least_bytes(replace(work, product=FORWARD, index_bytes=-4), 64 * capacity) <= (
        possible
    )


def test_bytes_of_a_product_that_reads_all_columns_again_and_again() -> None:
    n_rows, n_columns = 8, 32
    column, rows = np.tile(np.arange(n_columns), n_rows), np.repeat(np.arange(n_rows), n_columns)
    work = _work(column, rows)
    everything = 64 * (n_columns + n_rows) + 6 * n_rows * n_columns
    assert bounds.least_bytes(work, 0) >= everything
    assert bounds.least_bytes(work, everything) == 0
    # One turn has 32 rows of X, one of sums and its edges; a cache of 16 lines has half of X.
    assert bounds.least_bytes(work, 64 * 16) == n_rows * (64 * (33 - 16) + 6 * n_columns)
    update = replace(work, product=UPDATE)
    assert bounds.least_bytes(update, 0) >= 64 * (n_columns + n_rows) + 10 * n_rows * n_columns


def test_bounds_of_a_product() -> None:
    column, rows = np.tile(np.arange(10), 6), np.repeat(np.arange(6), 10)
    width = 2 * lanes_of(np.float32)  # two registers, in one pass
    work = _work(column, rows, width=width, registers=2, n_blocks=3)
    found = bounds.bounds(work, PEAKS)
    assert found["FMA"] == pytest.approx(1e-9 * 60 * 2 * 0.5)
    assert found["loads"] == pytest.approx(1e-9 * 0.5 * (60 * (2 + 1 + 1) + 2 * 6 * 2))
    assert found["sums"] == pytest.approx(1e-9 * 2 * 6 * 2)
    assert found["L2"] == found["L3"] == 0  # it fits into L1
    assert bounds.arithmetic(work, PEAKS) == pytest.approx(1e-9 * 60 * 2)
    of_bytes = bounds.bounds(replace(work, of_bytes=True), PEAKS)
    assert of_bytes["loads"] == pytest.approx(1e-9 * 0.5 * (60 * (1 + 1 + 1) + 2 * 6 * 2))
    by_two = replace(work, at_once=2, n_shared=25)
    assert bounds.bounds(by_two, PEAKS)["loads"] == pytest.approx(
        1e-9 * 0.5 * (35 * (2 + 1) + 60 + 2 * 6 * 2)
    )
    assert bounds.arithmetic(by_two, PEAKS) == pytest.approx(1e-9 * (10 + 25) * 2)
    update = bounds.bounds(replace(work, product=UPDATE, n_entered=6), PEAKS)
    per_edge = 3 / lanes_of(np.float32)
    assert update["loads"] == pytest.approx(1e-9 * 0.5 * (60 * (3 + per_edge) + 6 * 2))
    assert update["sums"] == 0


@pytest.fixture(scope="module")
def result() -> Any:
    """A short measurement."""
    buffers = {level: min(size, 2**18) for level, size in machine.BUFFERS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "BUFFERS", buffers)
        patch.setattr(machine, "_READ", 2**18)
        patch.setattr(machine, "_MULTIPLIED", 100)
        patch.setattr(peaks, "_TIMES", 2**8)
        return roofline.measure_roofline(
            (40, 80, 5), (1.0, 0.5), batch_size=16, rounds=1, seconds=1e-4, report=lambda _: None
        )


@pytest.mark.slow
def test_every_product_and_step_has_its_figures(result: Any) -> None:
    found = [(row["wiring"], row["data"], row["product"]) for row in result["products"]]
    floats, of_bytes = [FORWARD, UPDATE, GRADIENT], [FORWARD, UPDATE]
    assert found == [
        (wiring, data, name)
        for data in ("bytes", "floats")
        for wiring in roofline.WIRINGS
        for name in (floats if data == "floats" else of_bytes)
    ]
    for row in result["products"]:
        assert 0 < row["least"] <= row["median"]
        assert row["bound"] == max(row["bounds"].values()) == row["bounds"][row["by"]] > 0
    for row in result["steps"]:
        assert row["at_most"] >= row["allowed"] > 0
        assert row["goal"] is None
    assert json.loads(json.dumps(result)) == result
    assert min(value for value in result["blas"].values()) > 0


@pytest.mark.slow
def test_table_and_plot(result: Any) -> None:
    text = roofline.table(result)
    assert "40-80-5, batch 16, us" in text
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("50 % regular, floats") == 4
    assert "GHz" in text
    figure = roofline.plot(result)
    assert [axes.get_title() for axes in figure.axes] == [
        "random, bytes", "random, floats", "regular, bytes", "regular, floats",
    ]  # fmt: skip


def test_a_product_alone_leaves_all_else_out() -> None:
    problem = steps.make_problem((40, 80, 5), 0.5, data="floats", n_samples=40)
    side = roofline._Side(problem, 16)
    assert list(side.contestants) == [FORWARD, UPDATE, "step"]
    tables = roofline._only(side._plan.tables, bounds.KINDS[FORWARD])
    rows = tables.operations
    assert set(rows["kind"][rows["last"] > rows["first"]].tolist()) == {operations.FORWARD}
    whole = side._plan.tables
    for call in side.contestants.values():
        call(2)
        assert side._plan.tables is whole
    behind = roofline._Side(roofline._behind_another(problem), 16, [GRADIENT])
    assert list(behind.contestants) == [GRADIENT]
    assert [work.n_edges for work in behind.works[GRADIENT]] == [problem.masks[0].nnz]


@pytest.mark.parametrize(
    ("median", "allowed", "at_most", "said"),
    [
        (2, 3, 4, "met"),
        (1.5, 3, 4, "-25 %"),
        (1.5, 1.8, 4, "-25 %, rest"),
        (1, 1, 1.9, "forbidden"),
    ],
)
def test_verdicts(median: float, allowed: float, at_most: float, said: str) -> None:
    row = {"goal": 2, "median": median, "allowed": allowed, "at_most": at_most}
    assert roofline.verdict(row) == said
    assert roofline.verdict({**row, "goal": None}) == ""
