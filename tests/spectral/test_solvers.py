"""Eigenvalues of graphs that are too large for dense solvers."""

from __future__ import annotations

import math

import pytest
import scipy.sparse
from measuring import beside, check, cycle, use

from minisnn import spectral, topology
from minisnn.spectral import bipartite, solvers
from minisnn.topology.graph import Topology


@pytest.mark.parametrize(
    "graph",
    [
        topology.constant_degree(300, 350, degree=4, seed=1),
        topology.constant_degree(400, 200, degree=1, seed=1),  # stars, and isolated outputs
        topology.regular_rotating(300, 350, degree=5),  # a band, with isolated outputs
        topology.regular_rotating(350, 300, degree=5),  # a band, closed to a ring
        topology.fibonacci_rotating(350, 300, degree=9),
        beside(*[cycle(130)] * 2),
        beside(topology.dense(1, 600), topology.dense(1, 1)),
        beside(*[topology.dense(1, 1)] * 300),
    ],
    ids=repr,
)
def test_above_the_size_of_dense_solvers(graph: Topology) -> None:
    assert sum(graph.shape) > solvers.DENSE
    check([graph], spectral.measure(graph))


def test_bad_and_good_expanders_take_different_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for place, name in ((solvers, "_lanczos"), (solvers._Band, "inverse")):
        original = getattr(place, name)
        monkeypatch.setattr(place, name, lambda *a, o=original, n=name: (taken.append(n), o(*a))[1])
    spectral.algebraic_connectivity(topology.constant_degree(300, 300, degree=20))
    assert taken == ["_lanczos"]
    spectral.algebraic_connectivity(topology.regular_rotating(300, 301, degree=6))
    assert taken == ["_lanczos", "inverse", "_lanczos"]


def test_a_second_singular_value_of_zero() -> None:
    matrix = topology.dense(20, 600).to_scipy().astype(float).tocsr()
    graph = bipartite.from_biadjacency(matrix)  # with nothing known of it
    assert spectral.leading_singular_values(graph) == pytest.approx((math.sqrt(12000), 0), abs=1e-9)


def test_lanczos_where_every_vector_is_an_eigenvector(monkeypatch: pytest.MonkeyPatch) -> None:
    use("Lanczos", monkeypatch)
    for _ in range(30):  # ARPACK has a state that is not ours
        found = solvers.largest_two_singular(scipy.sparse.eye_array(2, format="csr"), 1.0)
        assert found == pytest.approx((1, 1))


def test_the_same_numbers_every_time() -> None:
    graph = topology.constant_degree(400, 500, degree=5)
    assert str(spectral.measure(graph)) == str(spectral.measure(graph))
    first, second = (spectral.smallest_nonzero_eigenvalue(graph) for _ in range(2))
    assert first == second


def test_lanczos_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = topology.regular_rotating(400, 401, degree=2)
    wanted = spectral.algebraic_connectivity(graph)
    sigmas = spectral.leading_singular_values(graph)
    monkeypatch.setattr(solvers, "_NARROW", 0)
    monkeypatch.setattr(solvers, "_RESTARTS", 3)
    assert spectral.algebraic_connectivity(graph) == pytest.approx(wanted, rel=1e-9)
    assert spectral.leading_singular_values(graph) == pytest.approx(sigmas, rel=1e-12)
    monkeypatch.setattr(solvers, "_MAX_BAND", 0)
    message = r"this graph of 801 vertices lie too close together for 3 restarts.*band of"
    with pytest.raises(spectral.ConvergenceError, match=message):
        spectral.algebraic_connectivity(graph)
    with pytest.raises(spectral.ConvergenceError, match=message):
        spectral.adjacency_gap(graph)
