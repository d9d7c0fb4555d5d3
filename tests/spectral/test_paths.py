"""Lengths of paths, their number, and what they reach."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from measuring import cycle, expected_paths

from minisnn import spectral, topology

distances_file = sys.modules["minisnn.spectral.distances"]


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
