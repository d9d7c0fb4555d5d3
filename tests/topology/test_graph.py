"""Topology: its invariants, and graphs from the user's data."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import minisnn as snn
from minisnn import topology

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))
MATRICES = arrays(np.uint8, SHAPES, elements=st.integers(0, 1)).filter(np.any)


@pytest.fixture
def graph() -> snn.Topology:
    return topology.from_edges(4, 3, [(3, 0), (0, 0), (1, 2)])


def test_degrees_and_isolated_neurons(graph: snn.Topology) -> None:
    assert graph.shape == (4, 3)
    assert graph.n_edges == 3
    assert graph.density == 0.25
    assert graph.degree == 0.75
    assert graph.in_degrees.tolist() == [2, 0, 1]
    assert graph.out_degrees.tolist() == [1, 1, 0, 1]
    assert graph.isolated_inputs.tolist() == [2]
    assert graph.isolated_outputs.tolist() == [1]
    assert not graph.is_complete
    assert graph.generator is None
    assert graph.name == "custom"
    assert graph.edges().tolist() == [[0, 0], [3, 0], [1, 2]]


@given(MATRICES)
def test_every_form_of_a_graph_is_the_same_graph(matrix: Any) -> None:
    graph = topology.from_dense(matrix)
    np.testing.assert_array_equal(graph.to_dense(), matrix)
    np.testing.assert_array_equal(graph.to_scipy().toarray(), matrix)
    shuffled = np.random.default_rng(0).permutation(np.argwhere(matrix))
    assert topology.from_edges(*matrix.shape, shuffled) == graph
    for form in ("csr", "csc", "coo", "lil", "dok"):
        assert topology.from_scipy(scipy.sparse.coo_array(matrix).asformat(form)) == graph
    assert topology.from_scipy(scipy.sparse.csr_matrix(matrix)) == graph
    assert topology.from_scipy(graph.to_scipy()) == graph
    assert snn.Topology(*graph.shape, graph.indptr, graph.indices) == graph
    np.testing.assert_array_equal(graph.in_degrees, matrix.sum(axis=0))
    np.testing.assert_array_equal(graph.out_degrees, matrix.sum(axis=1))


def test_equality_is_of_the_graph_not_of_its_making(graph: snn.Topology) -> None:
    assert topology.regular_rotating(3, 3, 3) == topology.dense(3, 3)
    assert hash(topology.regular_rotating(3, 3, 3)) == hash(topology.dense(3, 3))
    assert topology.dense(2, 3) != topology.dense(3, 2)
    assert graph != topology.from_edges(4, 3, [(3, 0), (0, 0), (2, 2)])
    assert graph != topology.from_edges(4, 3, [(3, 0), (0, 0), (1, 1)])  # the same inputs
    assert graph != "a graph"
    assert len({graph, topology.from_scipy(graph.to_scipy())}) == 1


def test_copies_and_pickles(graph: snn.Topology) -> None:
    for other in (graph, topology.fibonacci_rotating(9, 7, 3), topology.dense(3, 2)):
        for twin in (copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
            assert twin == other
            assert repr(twin) == repr(other)
            assert (twin.generator is None) == (other.generator is None)


def test_repr(graph: snn.Topology) -> None:
    assert repr(graph) == "Topology(custom, 4 -> 3, n_edges=3, density=25 %)"
    assert repr(topology.constant_degree(8, 4, 2, seed=5)) == (
        "Topology(constant_degree, 8 -> 4, degree=2, seed=5, n_edges=16, density=50 %)"
    )


def test_a_topology_is_frozen(graph: snn.Topology) -> None:
    with pytest.raises(AttributeError, match="a Topology is fixed: cannot set 'n_in'"):
        graph.n_in = 5
    with pytest.raises(AttributeError, match="a Topology is fixed: cannot delete 'n_in'"):
        del graph.n_in
    for array in (graph.indptr, graph.indices, topology.dense(2, 2).indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    graph.parameters["degree"] = 2  # of a copy
    assert graph.parameters == {}
    source = np.array([0, 3, 1])
    twin = snn.Topology(4, 3, [0, 2, 2, 3], source)
    source[0] = 2  # the caller's array is not the graph's
    assert twin == graph


def test_the_complete_graph_keeps_no_list_of_edges() -> None:
    wide = topology.dense(30_000, 30_000)  # 3.6 GB if it did
    assert wide.n_edges == 900_000_000
    assert wide == copy.deepcopy(topology.dense(30_000, 30_000))
    assert (wide.out_degrees == 30_000).all()
    assert wide.isolated_inputs.size == 0


@pytest.mark.parametrize(("n_in", "dtype"), [(2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_indices_are_as_narrow_as_the_last_input_allows(n_in: int, dtype: Any) -> None:
    graph = topology.from_edges(n_in, 2, [(n_in - 1, 0), (0, 1)])
    assert graph.compact_indices.dtype == dtype
    assert graph.edges().tolist() == [[n_in - 1, 0], [0, 1]]


def test_a_generator_must_make_all_edges_and_no_others() -> None:
    graph = topology.rotating(5, 4, [0, 2])
    assert graph.with_generator(np.array([0, 2])) == graph
    fewer = topology.from_edges(5, 4, graph.edges()[1:])
    for other, places in ((fewer, [0, 2]), (graph, [2, 0]), (graph, [0, 1]), (graph, [0, 2, 3])):
        with pytest.raises(ValueError, match="does not rotate ones at array"):
            other.with_generator(np.array(places))


def test_numpy_integers_are_numbers() -> None:
    """The natural way to get a width, labels.max() + 1, gives a narrow one."""
    for kind in (np.uint8, np.int64):
        graph = topology.fibonacci_rotating(300, kind(200), kind(150))
        assert graph == topology.fibonacci_rotating(300, 200, 150)
        assert topology.long_range_rotating(300, kind(200), kind(150)).degree == 150
        assert topology.constant_degree(kind(20), 30, 5, seed=kind(3)).parameters["seed"] == 3
        edges = [(0, n) for n in range(17)] + [(1, n) for n in range(16)]
        assert not topology.from_edges(kind(17), kind(17), edges).is_complete
        assert all(type(value) is int for value in graph.parameters.values())


@pytest.mark.parametrize(
    ("indptr", "indices", "message"),
    [
        ([0, 1], [0], r"indptr must have n_out \+ 1 = 3 entries"),
        ([1, 1, 1], [0], "from 0 to the number of edges 1"),
        ([0, 1, 2], [0], "from 0 to the number of edges 1"),
        ([0, 2, 1], [0], "indptr must not decrease"),
        ([0, 0, 0], [], "the graph has no edge"),
        ([0, 1, 2], [0, 3], "indices must lie between 0 and n_in - 1 = 2, got 0 to 3"),
        ([0, 1, 2], [0, -1], "indices must lie between"),
        ([0, 2, 2], [1, 1], "strictly ascending"),
        ([0, 2, 2], [2, 1], "strictly ascending"),
        ([0, 1, 2], [0.0, 1.0], "indices must be a 1-D array of integers, got 1-D float64"),
        ([[0, 1, 2]], [0, 1], "indptr must be a 1-D array of integers, got 2-D"),
    ],
)
def test_bad_structures(indptr: Any, indices: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        snn.Topology(3, 2, indptr, indices)


def test_descending_across_rows_is_fine() -> None:
    graph = snn.Topology(3, 4, [0, 2, 2, 3, 4], [1, 2, 0, 0])
    assert graph.edges().tolist() == [[1, 0], [2, 0], [0, 2], [0, 3]]


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([(0, 0), (1, 1), (0, 0)], r"edge \(0, 0\) comes more than once \(1 repetitions"),
        ([(3, 0)], "an edge names input neuron 3, but there are 3 of them, numbered 0 to 2"),
        ([(0, 2)], "an edge names output neuron 2, but there are 2"),
        ([(-1, 0)], "input neuron -1"),
        ([(0, 0, 0)], r"edges must be an integer array of shape \(n_edges, 2\).* \(1, 3\)"),
        ([(0.0, 1.0)], "edges must be an integer array"),
        (np.empty((0, 2), dtype=int), "the graph has no edge"),
    ],
)
def test_bad_edges(edges: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topology.from_edges(3, 2, edges)


def test_bad_sparse_matrices() -> None:
    with pytest.raises(TypeError, match="takes a SciPy sparse array, got ndarray; use from_dense"):
        topology.from_scipy(np.eye(3))
    stored_zero = scipy.sparse.csr_array(([1.0, 0.0], ([0, 1], [0, 1])), shape=(2, 2))
    with pytest.raises(ValueError, match="stores 1 explicit zeros; call its eliminate_zeros"):
        topology.from_scipy(stored_zero)
    twice = scipy.sparse.coo_array(([1, 1], ([0, 0], [1, 1])), shape=(2, 2))
    with pytest.raises(ValueError, match=r"edge \(0, 1\) comes more than once"):
        topology.from_scipy(twice)
    with pytest.raises(ValueError, match=r"must have shape \(n_in, n_out\), got \(3,\)"):
        topology.from_scipy(scipy.sparse.coo_array(np.ones(3)))
    with pytest.raises(ValueError, match="the graph has no edge"):
        topology.from_scipy(scipy.sparse.csr_array((3, 3)))


def test_bad_dense_matrices() -> None:
    with pytest.raises(ValueError, match=r"must hold only 0 and 1, got 0\.5; .* \(weights != 0\)"):
        topology.from_dense([[0, 0.5]])
    with pytest.raises(ValueError, match=r"must hold only 0 and 1, got nan"):
        topology.from_dense([[0, np.nan]])
    with pytest.raises(ValueError, match=r"must have shape \(n_in, n_out\), got \(2,\)"):
        topology.from_dense([0, 1])
    assert topology.from_dense(np.eye(3, dtype=bool)).n_edges == 3
