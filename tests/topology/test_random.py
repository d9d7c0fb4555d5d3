"""Random graphs: the quantities that each holds fixed, and the distribution of the others."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import topology

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda shape: st.tuples(st.just(shape[0]), st.just(shape[1]), st.integers(1, shape[1]))
)
SEEDS = st.integers(0, 2**32 - 1)


# Erdős-Rényi


def test_erdos_renyi_has_the_density_asked_for_everywhere() -> None:
    n_in, n_out, n_seeds = 30, 50, 400
    counts = np.zeros((n_in, n_out))
    for seed in range(n_seeds):
        counts += topology.erdos_renyi(n_in, n_out, 12.5, seed=seed).to_dense()
    deviations = (counts - n_seeds / 4) / np.sqrt(n_seeds * 3 / 16)
    assert np.abs(deviations).max() < 5
    assert deviations.var() == pytest.approx(1, abs=0.15), "edges are independent of each other"


def test_erdos_renyi_leaves_neurons_without_edges_but_no_graph() -> None:
    graph = topology.erdos_renyi(200, 200, 1.0, seed=1)
    expected = 200 * (1 - 1 / 200) ** 200  # 73
    assert len(graph.isolated_inputs) == pytest.approx(expected, abs=30)
    assert len(graph.isolated_outputs) == pytest.approx(expected, abs=30)
    assert all(topology.erdos_renyi(2, 2, 0.01, seed=seed).n_edges for seed in range(50))


def test_erdos_renyi_of_density_one_is_complete() -> None:
    assert topology.erdos_renyi(5, 7, 7).is_complete


def test_erdos_renyi_keeps_its_degree_as_given() -> None:
    assert topology.erdos_renyi(5, 7, 2, seed=0).parameters == {"degree": 2, "seed": 0}
    graph = topology.erdos_renyi(5, 7, np.float32(2.5), seed=4)
    assert graph.parameters == {"degree": 2.5, "seed": 4}
    assert repr(graph).startswith("Topology(erdos_renyi, 5 -> 7, degree=2.5, seed=4, ")


@pytest.mark.parametrize("degree", [0, 7.5])
def test_erdos_renyi_with_bad_degrees(degree: float) -> None:
    with pytest.raises(ValueError, match=f"degree must be above 0 and up to n_out = 7.*{degree}"):
        topology.erdos_renyi(5, 7, degree)


@pytest.mark.parametrize("degree", [1e-9, 5e-324])
def test_erdos_renyi_of_next_to_no_edges_has_one(degree: float) -> None:
    """It drew again and again until one came, for hours."""
    graphs = [topology.erdos_renyi(3, 4, degree, seed=seed) for seed in range(600)]
    assert {graph.n_edges for graph in graphs} == {1}
    counts = np.array([graph.to_dense() for graph in graphs]).sum(axis=0)
    assert 25 < counts.min() <= counts.max() < 75, "any of the twelve"


def test_erdos_renyi_is_drawn_as_if_again_where_it_would_be_empty() -> None:
    """Against the law of all graphs of 2 and 2 neurons, given that they have an edge."""
    n_seeds, p = 4000, 0.15
    found: dict[bytes, int] = {}
    for seed in range(n_seeds):
        edges = topology.erdos_renyi(2, 2, 2 * p, seed=seed).to_dense().tobytes()
        found[edges] = found.get(edges, 0) + 1
    assert len(found) == 15
    for edges, count in found.items():
        expected = n_seeds * p ** sum(edges) * (1 - p) ** (4 - sum(edges)) / (1 - (1 - p) ** 4)
        assert abs(count - expected) < 4.5 * expected**0.5


@pytest.mark.parametrize(
    ("degree", "seed", "digest"),
    [(0.5, 3, "25db20606491"), (12.5, 0, "7c6fd61dc608"), (40.0, 9, "11415794a701")],
)
def test_erdos_renyi_of_before(degree: float, seed: int, digest: str) -> None:
    graph = topology.erdos_renyi(30, 50, degree, seed=seed)
    assert hashlib.sha256(graph.edges().tobytes()).hexdigest()[:12] == digest


# Scattered


@given(st.integers(1, 30), st.integers(1, 30), st.data(), SEEDS)
def test_scattered_has_just_as_many_edges(n_in: int, n_out: int, data: Any, seed: int) -> None:
    n_edges = data.draw(st.integers(1, n_in * n_out))
    graph = topology.scattered(n_in, n_out, n_edges, seed=seed)
    assert (graph.shape, graph.n_edges) == ((n_in, n_out), n_edges)
    assert graph == topology.scattered(n_in, n_out, n_edges, seed=seed)
    assert graph.parameters == {"seed": seed}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 3, 4), (5, 5, 1), (4, 8, 2), (7, 7, 48)])
def test_scattered_reaches_every_graph_alike(shape: tuple[int, int, int]) -> None:
    n_in, n_out, n_edges = shape
    n_graphs = math.comb(n_in * n_out, n_edges)
    n_seeds = 40 * n_graphs
    found: dict[bytes, int] = {}
    for seed in range(n_seeds):
        key = topology.scattered(*shape, seed=seed).edges().tobytes()
        found[key] = found.get(key, 0) + 1
    counts = np.array([*found.values()] + [0] * (n_graphs - len(found)))
    chi = ((counts - 40) ** 2 / 40).sum()
    assert chi < n_graphs + 5 * (2 * n_graphs) ** 0.5


def test_scattered_takes_memory_by_edges() -> None:
    """All pairs as numbers would take 8 TB."""
    graph = topology.scattered(10**6, 10**6, 1000, seed=5)
    assert graph.n_edges == 1000
    with pytest.warns(snn.DeadNeuronWarning, match="99.... of 1000000 output neurons"):
        snn.MLP([graph], seed=0)


def test_scattered_by_name_has_the_degree_as_its_mean() -> None:
    graph = topology.make("scattered", 30, 40, 7, 3)
    assert graph == topology.scattered(30, 40, 210, seed=3)


# Bi-regular


@given(SHAPES, SEEDS)
def test_biregular(shape: tuple[int, int, int], seed: int) -> None:
    n_in, n_out, degree = shape
    graph = topology.biregular(n_in, n_out, degree, seed=seed)
    assert (graph.out_degrees == degree).all()
    fewest = n_in * degree // n_out
    assert set(graph.in_degrees.tolist()) <= {fewest, fewest + 1}
    if n_in * degree % n_out == 0:
        assert (graph.in_degrees == fewest).all()


def test_biregular_reaches_every_graph() -> None:
    """The 90 graphs of 4 and 4 neurons of degree 2, where exchanges distort chance the most."""
    n_seeds = 3600
    seen: dict[int, int] = {}
    for seed in range(n_seeds):
        key = hash(topology.biregular(4, 4, 2, seed=seed))
        seen[key] = seen.get(key, 0) + 1
    assert len(seen) == 90
    assert max(seen.values()) < 2 * n_seeds / 90
    assert min(seen.values()) > n_seeds / 90 / 4


def test_biregular_gives_the_extra_edges_to_chance() -> None:
    extra = sum(topology.biregular(10, 4, 1, seed=seed).in_degrees - 2 for seed in range(200))
    assert extra.sum() == 400
    assert extra.min() > 60


# Small world


@given(SHAPES, SEEDS, st.sampled_from([0, 0.1, 0.5, 1]))
def test_small_world_has_equal_fan_ins(shape: tuple[int, int, int], seed: int, beta: Any) -> None:
    n_in, n_out, degree = shape
    graph = topology.small_world(n_in, n_out, degree, beta=beta, seed=seed)
    assert graph.n_edges == n_in * degree
    assert np.ptp(graph.in_degrees) <= 1


@given(SHAPES)
def test_small_world_without_rewiring_is_windows(shape: tuple[int, int, int]) -> None:
    n_in, n_out, degree = shape
    graph = topology.small_world(n_in, n_out, degree, beta=0)
    for j, column in enumerate(graph.to_dense().T):
        center = j * n_in // n_out
        offsets = (np.flatnonzero(column) - center + n_in // 2) % n_in - n_in // 2
        assert np.abs(offsets).max(initial=0) <= (column.sum() + 1) // 2


def test_small_world_rewires_the_share_asked_for() -> None:
    local = topology.small_world(500, 400, 40, beta=0).to_dense().astype(bool)
    for beta in (0.1, 0.5, 1.0):
        graph = topology.small_world(500, 400, 40, beta=beta, seed=2).to_dense().astype(bool)
        # of the rewired links about one in ten finds a place within its window again
        stayed = (graph & local).sum() / local.sum()
        back = 0.1 * beta / (1 - 0.1 * (1 - beta)) * beta
        assert stayed == pytest.approx(1 - beta + back, abs=0.02)
    assert topology.small_world(5, 4, 2, beta=np.float64(0.25)).parameters["beta"] == 0.25


def test_small_world_with_bad_beta() -> None:
    with pytest.raises(ValueError, match="beta must be a finite number, at least 0, got -1"):
        topology.small_world(5, 5, 2, beta=-1)
    with pytest.raises(ValueError, match=r"beta is a probability, 0 to 1, got 1\.5"):
        topology.small_world(5, 5, 2, beta=1.5)


# Scale free


@given(SHAPES, SEEDS)
def test_scale_free(shape: tuple[int, int, int], seed: int) -> None:
    n_in, n_out, degree = shape
    graph = topology.scale_free(n_in, n_out, degree, seed=seed)
    assert (graph.out_degrees == degree).all()
    if n_in * degree >= n_out and n_in > 1:
        assert not graph.isolated_outputs.size


def test_scale_free_follows_a_power_law() -> None:
    graph = topology.scale_free(20_000, 20_000, 10, seed=3)
    shifted = np.sort(graph.in_degrees + 10)[::-1]
    tail = shifted[:1000] / shifted[1000]
    exponent = 1 + 1 / np.log(tail).mean()  # Hill's estimate
    assert exponent == pytest.approx(3.2, abs=0.3)  # 1 + 2 / (1 - 1 / 10)
    assert graph.in_degrees.max() > 20 * graph.in_degrees.mean()


def test_scale_free_numbers_neurons_at_random() -> None:
    graph = topology.scale_free(1000, 1000, 5, seed=3)
    first, second = graph.in_degrees.reshape(2, 500).sum(axis=1)
    assert 0.7 < first / second < 1.4


# All


@pytest.mark.parametrize(
    "name", ["erdos_renyi", "scattered", "biregular", "small_world", "scale_free"]
)
def test_seeds(name: str) -> None:
    construct = getattr(topology, name)
    assert construct(30, 40, 10, seed=1) == construct(30, 40, 10, seed=1)
    assert construct(30, 40, 10, seed=1) != construct(30, 40, 10, seed=2)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        construct(30, 40, 10, seed=-1)
    with pytest.raises(ValueError, match="n_in must be between 1 and 2147483647, got 0"):
        construct(0, 10, 1)
