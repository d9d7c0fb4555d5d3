"""Measures of graphs, against dense matrices, networkx, and values known by theory."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measuring import (
    METHODS,
    adjacency,
    beside,
    check,
    cycle,
    expected_imdb,
    expected_paths,
    gap,
    graphs,
    networks,
    plane,
    use,
)

from minisnn import spectral, topology
from minisnn.spectral import bipartite, solvers
from minisnn.topology.graph import Topology


@pytest.fixture(params=METHODS)
def method(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each eigensolver in turn."""
    use(request.param, monkeypatch)
    return request.param


# Small graphs of all kinds, by all methods


@pytest.mark.parametrize("name", METHODS)
@given(graph=graphs())
def test_a_layer(name: str, graph: Topology) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use(name, patch)
        measures = spectral.measure(graph)
    check([graph], measures)
    B = graph.to_dense().astype(float)
    B = B[B.any(axis=1)][:, B.any(axis=0)]
    assert measures.ramanujan_gap == pytest.approx(gap(B), abs=1e-7)
    assert measures.imdb == pytest.approx(expected_imdb(graph), abs=1e-7, nan_ok=True)


@pytest.mark.parametrize("name", METHODS)
@given(layers=networks())
def test_a_network(name: str, layers: list[Topology]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use(name, patch)
        measures = spectral.measure_network(layers)
    check(layers, measures)
    paths = expected_paths(layers)
    shares = (paths > 0).mean(axis=0)
    assert measures.n_paths == paths.sum()
    np.testing.assert_allclose(spectral.reach(layers), shares)
    assert measures.least_reach == shares.min()
    assert measures.mean_reach == pytest.approx(shares.mean())


@given(st.integers(1, 9), st.integers(1, 4), st.data())
def test_circulants_by_their_closed_form(n_out: int, copies: int, data: Any) -> None:
    places = data.draw(st.sets(st.integers(0, n_out - 1), min_size=1))
    graph = topology.rotating(copies * n_out, n_out, sorted(places))
    assert bipartite.bipartite(graph).singular_values is not None
    check([graph], spectral.measure(graph))


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_no_closed_form_where_the_rotation_does_not_close(n_in: int, n_out: int, data: Any) -> None:
    places = data.draw(st.sets(st.integers(0, n_out - 1), min_size=1))
    graph = topology.rotating(n_in, n_out, sorted(places))
    closes = n_in % n_out == 0 or graph.is_complete
    assert (bipartite.bipartite(graph).singular_values is not None) == closes
    check([graph], spectral.measure(graph))


# Values known by theory


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (4, 1), (3, 3), (6, 4)])
@pytest.mark.parametrize("listed", [False, True])
def test_complete_graphs(n: int, m: int, listed: bool) -> None:
    graph: Any = topology.dense(n, m)
    if listed:  # by a solver, with nothing known
        matrix = graph.to_scipy().astype(float).tocsr()
        graph = bipartite.from_biadjacency(matrix)
    small, large = sorted((n, m))
    # L has the eigenvalues 0, n (m - 1 times), m (n - 1 times) and n + m.
    connectivity = small if n * m > 1 else 2
    top = small if small > 1 else large if large > 1 else 2
    assert spectral.algebraic_connectivity(graph) == pytest.approx(connectivity)
    assert spectral.spectral_gap(graph) == pytest.approx(top)
    assert spectral.normalized_lambda2(graph) == pytest.approx(1 if n * m > 1 else 2)
    assert spectral.leading_singular_values(graph) == pytest.approx((math.sqrt(n * m), 0))
    assert spectral.ramanujan_gap(graph) == pytest.approx(math.sqrt(n - 1) + math.sqrt(m - 1))
    assert spectral.is_ramanujan(graph)
    assert spectral.distances(graph).diameter == (2 if n * m > 1 else 1)


@pytest.mark.parametrize("n", [2, 3, 8, 33])
def test_even_cycles(n: int, method: str) -> None:
    graph = cycle(n)
    angle = math.pi / n
    assert spectral.algebraic_connectivity(graph) == pytest.approx(2 - 2 * math.cos(angle))
    assert spectral.normalized_lambda2(graph) == pytest.approx(1 - math.cos(angle))
    assert spectral.leading_singular_values(graph) == pytest.approx((2, 2 * math.cos(angle)))
    assert spectral.distances(graph).diameter == n
    assert spectral.is_ramanujan(graph)


@pytest.mark.parametrize("q", [2, 3])
def test_projective_planes(q: int, method: str) -> None:
    graph = plane(q)
    size = q * q + q + 1
    assert graph.shape == (size, size)
    measures = spectral.measure(graph)
    assert measures.sigma1 == pytest.approx(q + 1)
    assert measures.sigma2 == pytest.approx(math.sqrt(q))
    assert measures.algebraic_connectivity == pytest.approx(q + 1 - math.sqrt(q))
    assert measures.ramanujan_gap == pytest.approx(math.sqrt(q))
    assert measures.imdb == pytest.approx(math.sqrt(q))
    assert measures.is_ramanujan
    assert measures.diameter == 3


def test_parts_side_by_side(method: str) -> None:
    graph = beside(plane(2), cycle(4), plane(2))
    measures = spectral.measure(graph)
    assert measures.n_components == 3
    assert measures.algebraic_connectivity == 0
    assert measures.normalized_lambda2 == 0
    assert measures.smallest_nonzero_eigenvalue == pytest.approx(2 - math.sqrt(2))  # the cycle's
    assert measures.spectral_gap == pytest.approx(0, abs=1e-7)  # 6 and 6, of the planes
    assert measures.adjacency_gap == pytest.approx(0, abs=1e-7)
    assert not measures.is_ramanujan
    assert measures.diameter == 4


def test_two_cycles_meet_the_bound_but_are_not_connected() -> None:
    graph = beside(cycle(4), cycle(4))
    assert spectral.ramanujan_gap(graph) == pytest.approx(0)
    assert not spectral.is_ramanujan(graph)


def test_networkx_agrees_on_fiedlers_eigenvalue() -> None:
    layers = [topology.constant_degree(9, 12, degree=3, seed=2), topology.dense(12, 4)]
    G = networkx.from_numpy_array(adjacency(layers))
    found = spectral.algebraic_connectivity(layers)
    assert found == pytest.approx(networkx.algebraic_connectivity(G, tol=1e-12), rel=1e-6)


# Ramanujan graphs and regular parts


def test_irregular_graphs_are_not_called_ramanujan() -> None:
    graph = topology.from_dense([[1, 1, 1], [1, 1, 0]])
    assert spectral.ramanujan_gap(graph) > 0
    assert not spectral.is_ramanujan(graph)


def test_isolated_neurons_do_not_count_in_mean_degrees() -> None:
    lone = topology.from_edges(5, 9, topology.dense(4, 6).edges())
    assert spectral.ramanujan_gap(lone) == pytest.approx(math.sqrt(5) + math.sqrt(3))


def test_imdb_is_the_mean_over_degrees() -> None:
    complete, fano = topology.dense(4, 4), plane(2)
    assert spectral.imdb(beside(complete, fano)) == pytest.approx(
        (2 * math.sqrt(3) + math.sqrt(2)) / 2
    )


def test_imdb_counts_parts_of_three_vertices_and_degrees_of_three() -> None:
    assert spectral.imdb(topology.dense(3, 3)) == pytest.approx(2 * math.sqrt(2))


def test_imdb_of_too_small_parts_is_not_a_number() -> None:
    assert math.isnan(spectral.imdb(topology.dense(2, 9)))
    assert math.isnan(spectral.imdb(cycle(9)))
    assert math.isnan(spectral.imdb(topology.dense(3, 2)))


# Large graphs


def test_a_complete_graph_is_not_listed() -> None:
    measures = spectral.measure(topology.dense(65536, 65536))
    assert measures.n_edges == 2**32
    assert measures.algebraic_connectivity == pytest.approx(65536)
    assert measures.mean_path_length == pytest.approx(1.5, abs=1e-4)


def test_a_large_circulant_needs_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "_largest", None)
    n, degree = 5000, 3
    measures = spectral.measure(topology.regular_rotating(n, n, degree))
    # FFT of ones side by side: Dirichlet's kernel sin(degree x / 2) / sin(x / 2), x = 2 pi / n
    sigma2 = math.sin(degree * math.pi / n) / math.sin(math.pi / n)
    assert measures.algebraic_connectivity == pytest.approx(degree - sigma2, rel=1e-5)
    assert measures.diameter == 1 + math.ceil((n - 1) / (degree - 1))


# Results


def test_table() -> None:
    lines = str(spectral.measure(topology.dense(3, 4))).splitlines()
    names = [field.name for field in dataclasses.fields(spectral.Measures)]
    assert [line.split()[0] for line in lines] == names
    assert len({len(line) for line in lines}) == 1, "aligned"
    assert "is_ramanujan" in str(spectral.measure(topology.dense(3, 4)))
    assert "n_paths" in str(spectral.measure_network([topology.dense(3, 4)]))


def test_measures_are_fixed() -> None:
    measures = spectral.measure(topology.dense(3, 4))
    with pytest.raises(dataclasses.FrozenInstanceError):
        measures.sigma1 = 2.0  # type: ignore[misc]


def test_measures_are_plain_numbers() -> None:
    layers = [topology.constant_degree(9, 8, degree=3), topology.dense(8, 2)]
    for measures in (spectral.measure(layers[0]), spectral.measure_network(layers)):
        for name, value in dataclasses.asdict(measures).items():
            assert type(value) in (int, float, bool), name


# Errors


@pytest.mark.parametrize(
    "function",
    [
        spectral.algebraic_connectivity, spectral.smallest_nonzero_eigenvalue,
        spectral.spectral_gap, spectral.normalized_lambda2, spectral.leading_singular_values,
        spectral.adjacency_gap, spectral.ramanujan_gap, spectral.is_ramanujan, spectral.imdb,
        spectral.n_components, spectral.distances, spectral.n_paths, spectral.reach,
        spectral.measure_network,
    ],
)  # fmt: skip
def test_not_a_graph(function: Any) -> None:
    with pytest.raises(
        TypeError, match="a Topology or a sequence of them, a Wiring, or a network, got ndarray"
    ):
        function(np.eye(3))
    with pytest.raises(TypeError, match="layer 2 must be a Topology, got int"):
        function([topology.dense(2, 2), 3])
    with pytest.raises(ValueError, match="at least one layer, got an empty sequence"):
        function([])
    with pytest.raises(ValueError, match="layer 1 has 3 outputs, but layer 2 takes 4 inputs"):
        function([topology.dense(2, 3), topology.dense(4, 2)])


def test_measure_takes_one_layer() -> None:
    with pytest.raises(TypeError, match=r"one Topology, got list; .* use measure_network"):
        spectral.measure([topology.dense(2, 3)])  # type: ignore[arg-type]


def test_seed() -> None:
    with pytest.raises(ValueError, match="seed must be at least 0"):
        spectral.measure(cycle(4), seed=-1)
    with pytest.raises(TypeError, match="seed must be a whole number"):
        spectral.distances(cycle(4), seed=0.5)  # type: ignore[arg-type]


def test_a_complete_layer_too_large_to_be_listed() -> None:
    layers = [topology.dense(2**14 + 1, 2**14), topology.dense(2**14, 10)]
    with pytest.raises(ValueError, match=r"layer 1 is complete, of 268451840 edges.*on its own"):
        spectral.n_components(layers)
    assert spectral.reach(layers).min() == 1
