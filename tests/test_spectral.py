"""Measures of graphs, against dense matrices, networkx, and values known by theory."""

from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import spectral, topology
from minisnn.graph import Topology
from minisnn.spectral import bipartite, solvers

distances_file = sys.modules["minisnn.spectral.distances"]


@st.composite
def graphs(draw: Any, n_in: int | None = None) -> Topology:
    """Any graph of up to 7 + 7 neurons: one edge, isolated neurons, complete ones among them."""
    n_in = n_in or draw(st.integers(1, 7))
    n_out = draw(st.integers(1, 7))
    bits = draw(st.lists(st.booleans(), min_size=n_in * n_out, max_size=n_in * n_out))
    matrix = np.array(bits).reshape(n_in, n_out)
    if not matrix.any():
        matrix[draw(st.integers(0, n_in - 1)), draw(st.integers(0, n_out - 1))] = True
    return topology.from_dense(matrix)


@st.composite
def networks(draw: Any) -> list[Topology]:
    layers = [draw(graphs())]
    for _ in range(draw(st.integers(0, 3))):
        layers.append(draw(graphs(layers[-1].n_out)))
    return layers


def plane(q: int) -> Topology:
    """Points against lines of the projective plane over the integers modulo a prime q."""
    vectors = [v for v in itertools.product(range(q), repeat=3) if any(v)]
    points = [v for v in vectors if next(x for x in v if x) == 1]
    incidence = (np.array(points) @ np.array(points).T) % q == 0
    return topology.from_dense(incidence)


def cycle(n: int) -> Topology:
    """The cycle of 2 n vertices, with no word of its being a circulant."""
    edges = [(i, j % n) for i in range(n) for j in (i, i + 1)]
    return topology.from_edges(n, n, edges)


def beside(*parts: Topology) -> Topology:
    """All of the graphs side by side, unconnected."""
    rows, columns = zip(*(part.shape for part in parts), strict=True)
    matrix = np.zeros((sum(rows), sum(columns)), dtype=int)
    for number, part in enumerate(parts):
        row, column = sum(rows[:number]), sum(columns[:number])
        matrix[row : row + part.n_in, column : column + part.n_out] = part.to_dense()
    return topology.from_dense(matrix)


# The same by dense matrices, straight from the definitions


def adjacency(layers: Sequence[Topology]) -> Any:
    widths = [layers[0].n_in, *(layer.n_out for layer in layers)]
    first = np.cumsum([0, *widths])
    A = np.zeros((first[-1], first[-1]))
    for number, layer in enumerate(layers):
        left = slice(first[number], first[number + 1])
        right = slice(first[number + 1], first[number + 2])
        A[left, right] = layer.to_dense()
        A[right, left] = layer.to_dense().T
    return A


def expected(layers: Sequence[Topology]) -> dict[str, Any]:
    A = adjacency(layers)
    degrees = A.sum(axis=0)
    scale = np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1)), 0)
    L = np.diag(degrees) - A
    eigenvalues = np.linalg.eigvalsh(L)
    normalized = np.linalg.eigvalsh(scale[:, None] * L * scale)
    strengths = np.linalg.eigvalsh(A)[::-1]
    # A two-vertex graph has -σ1 for its second eigenvalue, and no second singular value.
    sigma1, sigma2 = strengths[0], max(strengths[1], 0)
    G = networkx.from_numpy_array(A)
    lengths = [
        length
        for source, ends in networkx.all_pairs_shortest_path_length(G)
        for end, length in ends.items()
        if end != source
    ]
    return {
        "n_vertices": len(A),
        "n_edges": np.count_nonzero(A) // 2,
        "n_components": networkx.number_connected_components(G),
        "algebraic_connectivity": eigenvalues[1],
        "smallest_nonzero_eigenvalue": eigenvalues[eigenvalues > 1e-9][0],
        "spectral_gap": eigenvalues[-1] - eigenvalues[-2],
        "normalized_lambda2": normalized[1],
        "sigma1": sigma1,
        "sigma2": sigma2,
        "adjacency_gap": sigma1 - sigma2,
        "diameter": max(lengths),
        "mean_path_length": np.mean(lengths),
        "distances_are_exact": True,
    }


def gap(B: Any) -> float:
    """The Ramanujan gap of a biadjacency matrix without empty rows and columns."""
    values = [*np.linalg.svd(B, compute_uv=False), 0.0]
    left, right = B.sum(axis=1).mean(), B.sum(axis=0).mean()
    return math.sqrt(left - 1) + math.sqrt(right - 1) - values[1]


def expected_imdb(graph: Topology) -> float:
    gaps = []
    for degree in set(graph.out_degrees.tolist()):
        B = graph.to_dense()[graph.out_degrees == degree].astype(float)
        B = B[:, B.any(axis=0)]
        if degree >= 3 and len(B) >= 3 and B.sum(axis=0).mean() >= 3:
            gaps.append(gap(B))
    return float(np.mean(gaps)) if gaps else math.nan


def expected_paths(layers: Sequence[Topology]) -> Any:
    paths = layers[0].to_dense().astype(object)
    for layer in layers[1:]:
        paths = paths @ layer.to_dense().astype(object)
    return paths


def check(layers: Sequence[Topology], measures: Any) -> None:
    found = dataclasses.asdict(measures)
    for name, value in expected(layers).items():
        assert found[name] == pytest.approx(value, rel=1e-7, abs=1e-7), name


METHODS = ("chosen", "Lanczos", "band")


@pytest.fixture(params=METHODS)
def method(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each eigensolver in turn, however small the graph."""
    if request.param != "chosen":
        monkeypatch.setattr(solvers, "DENSE", 1)
        monkeypatch.setattr(solvers, "_NARROW", 0 if request.param == "Lanczos" else 1e9)
    return request.param


# Small graphs of all kinds, by all methods


@pytest.mark.parametrize("name", METHODS)
@given(graph=graphs())
def test_a_layer(name: str, graph: Topology) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if name != "chosen":
            patch.setattr(solvers, "DENSE", 1)
            patch.setattr(solvers, "_NARROW", 0 if name == "Lanczos" else 1e9)
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
        if name != "chosen":
            patch.setattr(solvers, "DENSE", 1)
            patch.setattr(solvers, "_NARROW", 0 if name == "Lanczos" else 1e9)
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


def test_imdb_of_too_small_parts_is_not_a_number() -> None:
    assert math.isnan(spectral.imdb(topology.dense(2, 9)))
    assert math.isnan(spectral.imdb(cycle(9)))
    assert math.isnan(spectral.imdb(topology.dense(3, 2)))


# Distances


def test_distances_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = topology.constant_degree(400, 300, degree=3, seed=4)
    exact = spectral.distances(graph)
    assert exact.exact
    monkeypatch.setattr(distances_file, "_MAX_STEPS", 0)
    samples = [spectral.distances(graph, seed=seed) for seed in range(8)]
    assert spectral.distances(graph, seed=3) == samples[3]
    assert len({sample.mean_path_length for sample in samples}) > 1
    for sample in samples:
        assert not sample.exact
        assert sample.diameter <= exact.diameter
        assert sample.mean_path_length == pytest.approx(exact.mean_path_length, rel=0.05)


def test_a_circulant_needs_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = topology.fibonacci_rotating(300, 100, degree=4)
    alike = topology.from_edges(*graph.shape, graph.edges())  # from all vertices
    assert spectral.distances(graph) == spectral.distances(alike)
    monkeypatch.setattr(distances_file, "_MAX_STEPS", 0)
    assert spectral.distances(graph).exact


def test_a_sample_of_a_graph_smaller_than_it_is_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = cycle(5)
    exact = spectral.distances(graph)
    monkeypatch.setattr(distances_file, "_MAX_STEPS", 0)
    assert spectral.distances(graph) == dataclasses.replace(exact, exact=False)


# Paths


def test_paths_beyond_64_bits_are_exact() -> None:
    ring = topology.regular_rotating(50, 50, degree=7)
    assert spectral.n_paths([ring] * 40) == 50 * 7**40
    assert spectral.n_paths([topology.dense(10, 10)] * 30) == 10**31


def test_reach_of_more_outputs_than_a_word_has_bits() -> None:
    layers = [
        topology.constant_degree(90, 80, degree=2, seed=1),
        topology.constant_degree(80, 150, degree=3, seed=2),
    ]
    shares = (expected_paths(layers) > 0).mean(axis=0)
    np.testing.assert_allclose(spectral.reach(layers), shares)
    assert 0 < shares.max() < 1


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


def test_the_same_numbers_every_time() -> None:
    graph = topology.constant_degree(400, 500, degree=5)
    assert str(spectral.measure(graph)) == str(spectral.measure(graph))
    first, second = (spectral.smallest_nonzero_eigenvalue(graph) for _ in range(2))
    assert first == second


# What comes back


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


def test_importing_minisnn_does_not_import_spectral() -> None:
    program = (
        "import sys, minisnn; assert 'minisnn.spectral' not in sys.modules; "
        "print(minisnn.spectral.n_paths(minisnn.topology.dense(2, 3)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "6\n", done.stderr
    with pytest.raises(AttributeError, match="module 'minisnn' has no attribute 'spektral'"):
        snn.spektral  # noqa: B018


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
    with pytest.raises(TypeError, match=r"a Topology or a sequence.*ndarray.*net.topologies"):
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
    with pytest.raises(ValueError, match="seed must be between 0 and"):
        spectral.measure(cycle(4), seed=-1)
    with pytest.raises(TypeError, match="seed must be a whole number"):
        spectral.distances(cycle(4), seed=0.5)  # type: ignore[arg-type]


def test_a_complete_layer_too_large_to_be_listed() -> None:
    layers = [topology.dense(2**14 + 1, 2**14), topology.dense(2**14, 10)]
    with pytest.raises(ValueError, match=r"layer 1 is complete, of 268451840 edges.*on its own"):
        spectral.n_components(layers)
    assert spectral.reach(layers).min() == 1


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
