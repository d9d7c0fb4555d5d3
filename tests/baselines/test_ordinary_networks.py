"""Baselines that are ordinary networks: pruned ones, and narrower dense ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines, topology


def test_pruning_keeps_the_largest_weights(rng: np.random.Generator) -> None:
    net = snn.MLP([topology.constant_degree(12, 9, 6), topology.dense(9, 3)], seed=2)
    net.parameters[:] += rng.standard_normal(net.parameters.size).astype(np.float32)
    pruned = baselines.prune(net, [20, 27])
    for before, after, n in zip(net.layers, pruned.layers, (20, 27), strict=True):
        assert after.topology.n_edges == n
        smallest_kept = np.abs(after.weights).min()
        assert (np.abs(before.weights) >= smallest_kept).sum() == n
        old, new = before.to_scipy().toarray(), after.to_scipy().toarray()
        np.testing.assert_array_equal(new, np.where(np.abs(old) >= smallest_kept, old, 0))
        np.testing.assert_array_equal(after.biases, before.biases)
    assert pruned.layers[1].topology.is_complete
    assert net.n_connections == 72 + 27


def test_pruning_keeps_exactly_as_many_where_weights_are_equal() -> None:
    net = snn.MLP([topology.dense(4, 3)])
    net.parameters[:] = -1
    assert baselines.prune(net, [5]).topologies[0].indices.tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(("degree", "width"), [(30, 114), (1, 4), (100, 380), (379, 380)])
def test_narrower_with_one_hidden_layer(degree: int, width: int) -> None:
    graphs = [topology.constant_degree(100, 380, degree), topology.dense(380, 10)]
    found = baselines.narrower(graphs)
    target = sum(graph.n_edges for graph in graphs)
    best = min(range(1, 381), key=lambda n: abs(110 * n - target))
    assert found.widths == (100, best, 10)
    assert found.n_weights == 110 * best
    assert found.difference == found.n_weights - target


@given(st.lists(st.integers(3, 60), min_size=3, max_size=6), st.integers(1, 3))
def test_narrower_with_any_depth(widths: list[int], degree: int) -> None:
    graphs = [topology.constant_degree(n, m, degree) for n, m in pairwise(widths)]
    found = baselines.narrower(graphs)
    assert (found.widths[0], found.widths[-1]) == (widths[0], widths[-1])
    dense = [topology.dense(n, m) for n, m in pairwise(found.widths)]
    assert found.n_weights == sum(graph.n_edges for graph in dense)
    assert found.difference == found.n_weights - sum(graph.n_edges for graph in graphs)
    coarsest = max(map(sum, zip(found.widths, found.widths[2:], strict=False)))
    assert abs(found.difference) <= coarsest or set(found.widths[1:-1]) == {1}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: baselines.narrower([topology.dense(3, 2)]),
            ValueError, "a network without a hidden layer cannot be made narrower",
        ),
        (
            lambda: baselines.prune(snn.MLP([topology.dense(3, 2)]), [1, 2]),
            ValueError, "one number for the one layer, got 2",
        ),
        (
            lambda: baselines.prune(snn.MLP([topology.dense(3, 2)]), [7]),
            ValueError, "layer 1 has 6 weights, it cannot keep 7",
        ),
        (
            lambda: baselines.prune(snn.MLP([topology.dense(3, 2)]), [0]),
            ValueError, "n_edges must be at least 1, got 0",
        ),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
