"""Choices of plans: structure, blocks, tiles, tasks, threads."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import random_structure

from minisnn.kernels.machine.jit import DISABLED
from minisnn.kernels.machine.vector import lanes_of
from minisnn.kernels.program import effort, plan
from minisnn.kernels.program import operations as ops
from minisnn.kernels.program.graphs import BLAS, COMPLETE, EDGES, Graph, without_idle
from minisnn.kernels.program.plan import Plan, choose_tile
from minisnn.kernels.program.products import Products
from minisnn.kernels.program.records import DIFFERENTIATE, PREDICT, TRAIN
from minisnn.kernels.program.structure import chain
from minisnn.kernels.program.transposed import transposed_of


def random_graph(n_in: int, n_out: int, density: float, seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    indptr, indices = random_structure(rng, n_in, n_out, density)
    return Graph(n_in, n_out, len(indices), indptr, indices)


def complete_graph(n_in: int, n_out: int) -> Graph:
    return Graph(n_in, n_out, n_in * n_out)


# Structure


def test_the_transpose_lists_each_edge_once() -> None:
    graph = random_graph(30, 20, 0.2)
    structure = chain([graph])
    transposed = transposed_of(structure, inputs=True)
    targets = np.repeat(np.arange(20), np.diff(structure.indptrs[1]))
    sources = np.repeat(np.arange(30), np.diff(transposed.indptrs[0]))
    assert sorted(transposed.edges.tolist()) == list(range(graph.n_edges))
    np.testing.assert_array_equal(structure.indices[transposed.edges], sources)
    np.testing.assert_array_equal(targets[transposed.edges], transposed.indices)


def test_inputs_without_edges_can_be_left_out() -> None:
    indptr, indices = np.array([0, 2, 3]), np.array([1, 70_000, 1], np.uint32)
    graph, inputs = without_idle(Graph(100_000, 2, 3, indptr, indices))
    assert inputs is not None
    structure = chain([graph], inputs=inputs, n_in=100_000)
    assert structure.inputs is not None
    assert structure.inputs.tolist() == [1, 70_000]
    assert (structure.rows, structure.n_in) == ([0, 2, 4], 100_000)
    assert (structure.indices.tolist(), structure.index_dtype) == ([0, 1, 0], np.uint16)
    plan = Plan(structure, 128, np.float32, TRAIN, 1)
    assert plan.tables.inputs.tolist() == [1, 70_000]
    for full in (Graph(2, 2, 3, indptr, np.array([0, 1, 0])), complete_graph(3, 2)):
        assert without_idle(full) == (full, None)


def test_training_transposes_all_layers_but_the_first() -> None:
    structure = chain([random_graph(30, 20, 0.2), random_graph(20, 9, 0.5), complete_graph(9, 3)])
    assert set(transposed_of(structure).indptrs) == {1}, "a complete layer needs no indices"
    first = transposed_of(structure, inputs=True)
    assert set(first.indptrs) == {0, 1}
    assert transposed_of(structure) is first, "what is there serves"


def test_a_plan_has_one_transpose_though_another_thread_makes_a_larger_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graphs = [random_graph(30, 20, 0.2), random_graph(20, 9, 0.5)]
    structure, product = chain(graphs), Products.of_rows

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if structure.transposed is not None:
            transposed_of(structure, inputs=True)
        return product(*arguments, **options)

    expected = Plan(chain(graphs), 16, np.float32, TRAIN).tables
    monkeypatch.setattr(Products, "of_rows", interrupted)
    tables = Plan(structure, 16, np.float32, TRAIN).tables
    for name in ("groups", "starts", "t_indices", "t_edges"):
        np.testing.assert_array_equal(getattr(tables, name), getattr(expected, name))


def test_tables_that_kernels_trust_cannot_be_written_to() -> None:
    tables = Plan(chain([random_graph(30, 20, 0.2)]), 16, np.float32, TRAIN).tables
    for table in tables:
        with pytest.raises(ValueError, match="read-only"):
            table[:1] = table[-1:]


def test_indices_are_as_narrow_as_the_layers_allow() -> None:
    assert chain([random_graph(10, 2**16, 1e-4)]).indices.dtype == np.uint16
    assert chain([random_graph(2**16 + 1, 10, 1e-4)]).indices.dtype == np.uint32


def test_bytes_stay_bytes_until_a_sparse_layer_has_read_them() -> None:
    sparse = chain([random_graph(300, 200, 0.3), complete_graph(200, 10)])
    for purpose in (PREDICT, TRAIN):
        assert Plan(sparse, 16, np.float32, purpose, keeps_bytes=True).keeps_bytes
        assert not Plan(sparse, 16, np.float32, purpose).keeps_bytes
    for products in (COMPLETE, BLAS):
        assert not chain([complete_graph(300, 200)], [products]).takes_bytes


# Tiles and threads


@pytest.mark.usefixtures("tiles")
def test_the_tile_wastes_little() -> None:
    lanes = lanes_of(np.float32)
    for batch_size, registers in ((1, 2), (lanes, 2), (2 * lanes, 2), (4 * lanes, 4)):
        assert len(choose_tile(batch_size, np.float32)) == registers
    assert len(choose_tile(8 * lanes, np.float32)) == len(choose_tile(10**6, np.float64)) == 8
    assert len(choose_tile(8 * lanes + 1, np.float32)) == 4, "two lots of 8 would be half empty"


def test_the_number_of_threads_follows_from_the_work() -> None:
    small = chain([random_graph(64, 32, 0.3), complete_graph(32, 10)])
    large = chain([random_graph(784, 1000, 0.1), complete_graph(1000, 10)])
    dense = chain([complete_graph(784, 1000)])
    assert Plan(small, 32, np.float32, n_threads=8).n_threads == 1
    assert Plan(large, 128, np.float32, n_threads=2).n_threads == 2
    assert Plan(large, 1, np.float32, PREDICT, n_threads=2).threads_for(1) == 1
    assert Plan(dense, 128, np.float32, n_threads=2).n_threads == 1, "BLAS has its own"
    medium = chain([random_graph(784, 300, 0.1), complete_graph(300, 10)])
    plan = Plan(medium, 128, np.float32, n_threads=2)
    assert plan.threads_for(1) == 1, "not worth starting one"
    assert plan.threads_for(1000) == 2


# Tasks


def rectangles(tables: Any, kind: int, group: int) -> list[Any]:
    return [op for op in tables.operations if op["kind"] == kind and op["group"] == group]


@settings(max_examples=40)
@given(
    widths=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    density=st.floats(0.02, 1),
    n_threads=st.integers(1, 9),
    purpose=st.sampled_from([PREDICT, TRAIN, DIFFERENTIATE]),
    complete=st.sampled_from([EDGES, COMPLETE, BLAS]),
    seed=st.integers(0, 2**32),
)
def test_every_row_and_edge_is_in_one_task(
    widths: list[int], density: float, n_threads: int, purpose: int, complete: str, seed: int
) -> None:
    shapes = list(pairwise(widths))
    graphs = [random_graph(*shape, density, seed) for shape in shapes[:-1]]
    graphs.append(complete_graph(*shapes[-1]))
    structure = chain(graphs, [complete if graph.is_complete else EDGES for graph in graphs])
    before = plan.THREAD_CYCLES, effort.TASK_CYCLES
    plan.THREAD_CYCLES = effort.TASK_CYCLES = 1
    try:
        made = Plan(structure, 64, np.float64, purpose, n_threads)
    finally:
        plan.THREAD_CYCLES, effort.TASK_CYCLES = before
    tables = made.tables

    def covers(kinds: int | tuple[int, int], group: int, n_rows: int) -> None:
        found = [task for kind in np.atleast_1d(kinds) for task in rectangles(tables, kind, group)]
        rows = [k for task in found for k in range(task["first"], task["last"])]
        assert sorted(rows) == list(range(n_rows))

    forward = {EDGES: (ops.FORWARD, ops.FORWARD_BY_TWO)}
    gradient = {
        EDGES: (ops.GRADIENT, ops.GRADIENT_BY_TWO),
        COMPLETE: ops.COMPLETE_GRADIENT,
        BLAS: ops.SLOPE,
    }

    covers(ops.INPUTS, 0, widths[0])
    covers(ops.TARGETS, 0, 0 if purpose == PREDICT else widths[-1])
    trains = purpose != PREDICT
    for number, group in structure.summing:
        graph, products = group.graph, group.products
        covers(forward.get(products, ops.ACTIVATE), number, graph.n_out)
        backward = purpose == DIFFERENTIATE or (purpose == TRAIN and number > 1)
        covers(gradient[products], number - 1, graph.n_in if backward else 0)
        covers(ops.BIASES, number, graph.n_out if trains else 0)
        if products == EDGES:
            shape = (tables.groups[number]["u_blocks"], graph.n_out)
            row_by_row = covered(tables, ops.UPDATE, number, shape)
            by_two = covered(tables, ops.UPDATE_BY_TWO, number, shape)
            assert (row_by_row + by_two == trains).all()
        elif products == COMPLETE:
            shape = (graph.n_in, graph.n_out)
            assert (covered(tables, ops.COMPLETE_UPDATE, number, shape) == trains).all()
            assert (covered(tables, ops.COMPLETE_FORWARD, number, shape) == 1).all()
        else:
            covers(ops.APPLY, number, graph.n_out if purpose == TRAIN else 0)


def covered(tables: Any, kind: int, group: int, shape: tuple[int, int]) -> Any:
    """Number of operations for each (block or input; row)."""
    seen = np.zeros(shape, dtype=int)
    for task in rectangles(tables, kind, group):
        seen[task["begin"] : task["end"], task["first"] : task["last"]] += 1
    return seen


def test_what_waits_for_no_other_rows_stands_in_one_task() -> None:
    structure = chain([random_graph(784, 1000, 0.1), complete_graph(1000, 10)])
    made = Plan(structure, 128, np.float32, TRAIN, n_threads=2)
    tables = made.tables
    titles = [phase.title for phase in made.phases]
    assert titles == [
        "batch",
        "layer 1 forward, sums of layer 2",
        "layer 2 forward, sigmoid",
        "layer 1 gradient, update of layers 1 and 2",
    ]
    for phase, kinds in (
        (1, [ops.FORWARD, ops.COMPLETE_FORWARD]),
        (3, [ops.COMPLETE_GRADIENT, ops.UPDATE, ops.BIASES, ops.COMPLETE_UPDATE]),
    ):
        assert tables.phases[phase + 1] - tables.phases[phase] > 2
        for task in range(tables.phases[phase], tables.phases[phase + 1]):
            operations = tables.operations[tables.tasks[task] : tables.tasks[task + 1]]
            rows = operations[["first", "last"]][0].tolist()
            if rows[0] == 0 and phase == 3:  # the biases of the outputs go with the first inputs
                assert operations["kind"].tolist() == [*kinds, ops.BIASES]
                operations = operations[:-1]
            assert operations["kind"].tolist() == kinds
            assert operations[["begin", "end"]][-1].tolist() == rows

    deep = chain([random_graph(500, 500, 0.1), random_graph(500, 500, 0.1, 1)])
    made = Plan(deep, 128, np.float32, TRAIN, n_threads=2)
    assert [phase.title for phase in made.phases][-2:] == [
        "layer 1 gradient, update of layer 1",
        "weight gradients and update",
    ]
    assert not rectangles(made.tables, ops.COMPLETE_UPDATE, 2)


def test_tasks_are_balanced_by_edges() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((1000, 784)) < np.linspace(0.01, 0.4, 1000)[:, None]
    indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    graph = Graph(784, 1000, int(mask.sum()), indptr, np.nonzero(mask)[1])
    tasks = rectangles(Plan(chain([graph]), 128, np.float32, n_threads=2).tables, ops.FORWARD, 1)
    edges = [indptr[task["last"]] - indptr[task["first"]] for task in tasks]
    assert len(tasks) > 2
    assert max(edges) < 1.2 * min(edges)
    rows = [int(task["last"] - task["first"]) for task in tasks]
    assert max(rows) > 1.5 * min(rows)


@pytest.mark.parametrize(
    ("n_threads", "in_L2", "expected"),
    [(2, 2**20, 4), (3, 2**18, 9), (5, 2**18, 10), (7, 2**18, 7)],
)
def test_each_thread_has_as_many_tasks(
    n_threads: int, in_L2: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two threads three tasks would take as long as four."""
    monkeypatch.setattr(effort, "CACHES", replace(effort.CACHES, L2=in_L2))
    structure = chain([random_graph(2000, 2000, 0.02), complete_graph(2000, 10)])
    tables = Plan(structure, 128, np.float32, n_threads=n_threads).tables
    assert len(rectangles(tables, ops.FORWARD, 1)) == expected


def test_the_plan_says_what_it_chose() -> None:
    structure = chain([random_graph(784, 1000, 0.3), complete_graph(1000, 10)])
    text = str(Plan(structure, 128, np.float32, n_threads=1))
    assert "training, batches of 128 samples as 128 lanes of float32" in text
    assert "1 thread\n" in text
    assert "layer 1 forward" in text
    assert "edges a row and block" in text or "rows, read from" in text  # by the CPU and its caches
    assert "layer 1 gradient" in text
    assert "input gradient" not in text
    assert "BLAS" in str(Plan(chain([complete_graph(100, 100)]), 128, np.float32))


def test_memory_of_a_connection() -> None:
    """Weight, velocity, structure, transpose and plan: at most 20 bytes, float32."""
    sizes = [(4096, 40), (4096, 400), (65536, 32)]
    for n, degree in sizes[:1] if DISABLED else sizes:
        rng = np.random.default_rng(0)
        rows = np.sort(rng.integers(0, n, (n, degree)), axis=1).astype(np.uint16)
        graph = Graph(n, n, n * degree, np.arange(n + 1) * degree, rows.ravel())
        structure = chain([graph, graph, complete_graph(n, 10)])
        made = Plan(structure, 128, np.float32, n_threads=2)
        n_edges = sum(graph.n_edges for graph in structure.graphs)
        assert (structure.nbytes + made.nbytes) / n_edges <= 12 - 2, "2 more are the topology's own"
