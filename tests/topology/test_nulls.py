"""Null models: what each keeps, that it is uniform otherwise, and where nothing can move."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.stats import chisquare

import minisnn as snn
from minisnn._support.arrays import Array
from minisnn.topology import curveball, permuted, rewired

KEEP = ("degrees", "in_degree", "density")
MATRICES = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)
)
GRAPHS = MATRICES.filter(np.any).map(snn.topology.from_dense)
SEEDS = st.integers(0, 2**32)


@given(GRAPHS, SEEDS, st.sampled_from(KEEP))
def test_what_is_kept(real: snn.Topology, seed: int, keep: str) -> None:
    null = rewired(real, keep, seed=seed)
    assert (null.shape, null.n_edges) == (real.shape, real.n_edges)
    assert null.name == f"rewired_{keep}"
    assert null.parameters == {"seed": seed}
    assert null == rewired(real, keep, seed=seed)
    if keep != "density":
        np.testing.assert_array_equal(null.in_degrees, real.in_degrees)
    if keep == "degrees":
        np.testing.assert_array_equal(null.out_degrees, real.out_degrees)


@given(GRAPHS, SEEDS)
def test_permuted_moves_whole_rows(real: snn.Topology, seed: int) -> None:
    null = permuted(real, seed=seed)
    assert null == permuted(real, seed=seed)
    assert sorted(null.to_dense().tolist()) == sorted(real.to_dense().tolist())


def test_orders_of_inputs_are_equally_likely() -> None:
    real = snn.topology.from_dense(np.eye(4, dtype=int))
    found = Counter(tuple(permuted(real, seed=seed).indices.tolist()) for seed in range(2400))
    assert len(found) == 24
    assert chisquare(list(found.values())).pvalue > 0.01


# Uniform


def realisations(in_degrees: Array, out_degrees: Array | None) -> set[bytes]:
    """All matrices of these sums, one by one."""
    n_in = 4
    columns = [
        [np.isin(np.arange(n_in), chosen) for chosen in combinations(range(n_in), fan)]
        for fan in in_degrees
    ]
    matrices = (np.stack(choice, axis=1).astype(np.uint8) for choice in product(*columns))
    return {
        matrix.tobytes()
        for matrix in matrices
        if out_degrees is None or (matrix.sum(axis=1) == out_degrees).all()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "real",
    [
        [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]],  # of all degrees
        [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]],  # of one, on both sides
        [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0]],  # a hub; odd
    ],
)
def test_every_graph_of_these_degrees_is_equally_likely(
    real: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curveball, "TRADES", 20)  # a fifth of the time, and no easier
    graph = snn.topology.from_dense(real)
    known = realisations(graph.in_degrees, graph.out_degrees)
    assert 10 < len(known) < 100
    found = Counter(
        rewired(graph, seed=seed).to_dense().tobytes() for seed in range(30 * len(known))
    )
    assert set(found) == known
    assert chisquare(list(found.values())).pvalue > 0.01


def test_every_graph_of_these_in_degrees_is_equally_likely() -> None:
    graph = snn.topology.from_dense([[1, 1, 1], [1, 0, 0], [1, 0, 0], [0, 0, 0]])
    known = realisations(graph.in_degrees, None)
    found = Counter(
        rewired(graph, "in_degree", seed=seed).to_dense().tobytes()
        for seed in range(30 * len(known))
    )
    assert set(found) == known
    assert chisquare(list(found.values())).pvalue > 0.01


@pytest.mark.parametrize("hub", ["input", "output", "both"])
def test_hubs_forget_their_edges(hub: str) -> None:
    """With trades on one side alone an output of 600 edges would keep nearly all of them."""
    rng = np.random.default_rng(0)
    dense = rng.random((1000, 300)) < 0.005
    if hub != "output":
        dense[0, :200] = True
    if hub != "input":
        dense[:600, 0] = True
    real = snn.topology.from_dense(dense)
    nulls = [rewired(real, seed=seed).to_dense() for seed in range(2)]
    with_real, with_another = (
        np.count_nonzero(nulls[0].astype(bool) & other) / real.n_edges
        for other in (dense, nulls[1].astype(bool))
    )
    assert with_real == pytest.approx(with_another, abs=0.03)


def test_a_null_has_nothing_left_of_the_real_graph() -> None:
    real = snn.topology.regular_rotating(400, 400, 8)
    null = rewired(real, seed=0)
    shared = np.count_nonzero(real.to_dense() & null.to_dense())
    assert shared / real.n_edges == pytest.approx(real.density, abs=0.01)


# Graphs without another of their degrees


@pytest.mark.parametrize(
    "real",
    [
        snn.topology.dense(5, 4),
        snn.topology.from_edges(5, 4, [(2, 3)]),
        snn.topology.from_edges(5, 1, [(2, 0), (3, 0)]),
        snn.topology.from_edges(1, 4, [(0, 0), (0, 3)]),
        snn.topology.from_edges(5, 4, [(i, 2) for i in range(5)]),
        snn.topology.from_edges(3, 3, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)]),  # nested
    ],
)
def test_a_graph_alone_of_its_degrees_stays(real: snn.Topology) -> None:
    assert rewired(real, seed=0) == real


@pytest.mark.parametrize("keep", KEEP)
def test_a_complete_graph_stays_complete(keep: str) -> None:
    assert rewired(snn.topology.dense(5, 4), keep, seed=0).is_complete
    assert permuted(snn.topology.dense(5, 4), seed=0).is_complete


# Names, seeds


def test_names_stay_with_their_numbers() -> None:
    real = snn.topology.from_dense([[1, 0], [1, 0], [0, 1]]).with_names(["a", "b", "c"], ["x", "y"])
    for null in (permuted(real, seed=1), *(rewired(real, keep, seed=1) for keep in KEEP)):
        assert (null.input_names, null.output_names) == (("a", "b", "c"), ("x", "y"))


def test_fresh_seeds_are_kept() -> None:
    real = snn.topology.biregular(30, 20, 3, seed=0)
    for make in (rewired, permuted):
        null = make(real)
        assert null == make(real, seed=null.parameters["seed"])
        assert null != make(real, seed=1)


@settings(max_examples=20)
@given(GRAPHS, SEEDS)
def test_the_real_graph_is_not_changed(real: snn.Topology, seed: int) -> None:
    before = real.to_dense()
    for keep in KEEP:
        rewired(real, keep, seed=seed)
    np.testing.assert_array_equal(real.to_dense(), before)
