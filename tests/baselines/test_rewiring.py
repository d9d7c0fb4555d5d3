"""One change of the wiring: which edges go, which come, and what is carried over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines, topology
from minisnn.baselines.rewiring import largest


def network(rng: np.random.Generator, dtype: Any = np.float32, **options: Any) -> snn.MLP:
    """Two layers whose edges can move, and one that is fully connected."""
    graphs = [
        topology.constant_degree(12, 9, 4, seed=1),
        topology.biregular(9, 6, 2, seed=2),
        topology.dense(6, 3),
    ]
    net = snn.MLP(graphs, seed=0, dtype=dtype, **options)
    net.parameters[:] = rng.standard_normal(net.parameters.size)
    return net


def by_edge(net: snn.MLP, layer: int, values: Any) -> dict[tuple[int, ...], float]:
    """Return each edge's number in a layer."""
    edges = net.topologies[layer].edges().tolist()
    return dict(zip(map(tuple, edges), values.tolist(), strict=True))


def parts(net: snn.MLP, vector: Any) -> list[Any]:
    """Return a vector's weights and biases, in turn."""
    lengths = [len(array) for layer in net.layers for array in (layer.weights, layer.biases)]
    return np.split(vector, np.cumsum(lengths)[:-1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("by_gradient", [False, True])
def test_what_stays_keeps_its_bits(
    rng: np.random.Generator, dtype: type, by_gradient: bool
) -> None:
    net = network(rng, dtype)
    before = net.parameters.copy()
    velocities = rng.standard_normal((2, net.parameters.size)).astype(dtype)
    gradients = [rng.standard_normal(g.n_in * g.n_out) for g in net.topologies]
    moved = baselines.rewire(net, 0.4, gradients=gradients if by_gradient else None, seed=3)
    carried = moved.carried(velocities)
    assert carried.dtype == moved.net.dtype == dtype
    np.testing.assert_array_equal(net.parameters, before)
    assert moved.net.topologies[2].is_complete
    for number in range(3):
        old, new = net.layers[number], moved.net.layers[number]
        assert old.topology.n_edges == new.topology.n_edges
        np.testing.assert_array_equal(old.biases, new.biases)
        weights = by_edge(net, number, old.weights), by_edge(moved.net, number, new.weights)
        both = weights[0].keys() & weights[1].keys()
        n_gone = 0 if number == 2 else int(0.4 * old.topology.n_edges)
        assert old.topology.n_edges - n_gone <= len(both) <= old.topology.n_edges
        smallest = np.sort(np.abs(old.weights))[:n_gone]
        gone = [abs(weights[0][edge]) for edge in weights[0].keys() - both]
        assert set(gone) <= set(smallest.tolist())
        assert all(weights[1][edge] == weights[0][edge] for edge in both)
        assert all(weights[1][edge] == 0 for edge in weights[1].keys() - both)
        for row, kept in zip(velocities, carried, strict=True):
            speeds = [
                by_edge(net, number, parts(net, row)[2 * number]),
                by_edge(moved.net, number, parts(moved.net, kept)[2 * number]),
            ]
            assert all(speeds[1][edge] == speeds[0].get(edge, 0) for edge in speeds[1])
            np.testing.assert_array_equal(
                parts(net, row)[2 * number + 1], parts(moved.net, kept)[2 * number + 1]
            )


def test_edges_come_where_a_dense_gradient_worked_out_by_hand_is_largest(
    rng: np.random.Generator,
) -> None:
    net = network(rng, np.float64)
    X, Y = rng.random((20, 12)), rng.integers(3, size=20)
    matrices = [layer.to_scipy().toarray() for layer in net.layers]  # (n_in, n_out)
    A = [X]
    for W, layer in zip(matrices, net.layers, strict=True):
        A.append(1 / (1 + np.exp(-(A[-1] @ W + layer.biases))))
    dA = 2 * (A[-1] - np.eye(3)[Y]) / A[-1].size
    dense = []
    for W, inputs, outputs in zip(matrices[::-1], A[-2::-1], A[:0:-1], strict=True):
        dZ = dA * outputs * (1 - outputs)
        dense.insert(0, inputs.T @ dZ)
        dA = dZ @ W.T

    twin = baselines.dense_twin(net)
    np.testing.assert_allclose(twin.predict(X), net.predict(X))
    _, gradients = twin.loss_and_gradients(X, Y)
    for dW, found in zip(dense, gradients.weights, strict=True):
        np.testing.assert_allclose(found.reshape(dW.T.shape), dW.T, atol=1e-15)

    moved = baselines.rewire(net, 0.3, gradients=gradients.weights)
    for dW, W, old, new in zip(
        dense[:2], matrices, net.topologies, moved.net.topologies, strict=False
    ):
        n = int(0.3 * old.n_edges)
        order = sorted(by_edges(old), key=lambda edge: abs(W[edge]))
        kept = set(order[n:])
        free = [edge for edge in np.ndindex(*old.shape) if edge not in kept]
        best = sorted(free, key=lambda edge: -abs(dW[edge]))[:n]
        assert set(by_edges(new)) == kept | set(best)


def by_edges(graph: snn.Topology) -> list[tuple[int, ...]]:
    return list(map(tuple, graph.edges().tolist()))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99), st.floats(0, 0.99))
def test_drawn_edges_stay_edges(n_in: int, n_out: int, seed: int, drop: float) -> None:
    graph = topology.constant_degree(n_in, n_out, max(1, n_out // 2), seed=seed)
    net = snn.MLP.from_parameters([graph], np.zeros(graph.n_edges + n_out))
    moved = baselines.rewire(net, drop, seed=seed)
    assert moved.net.n_connections == graph.n_edges
    again = baselines.rewire(net, drop, seed=seed)
    assert again.net.topologies == moved.net.topologies
    kept = graph.n_edges - int(drop * graph.n_edges)
    if not graph.is_complete:  # of equal weights the first stay
        places = {edge: number for number, edge in enumerate(by_edges(graph))}
        assert {e for e, number in places.items() if number < kept} <= set(
            by_edges(moved.net.topologies[0])
        )


def test_every_free_place_is_as_likely() -> None:
    graph = topology.from_edges(3, 3, [(0, 0), (1, 1), (2, 2), (0, 1)])
    net = snn.MLP.from_parameters([graph], np.array([1, 2, 3, 0, 0, 0, 0], np.float64))
    counts = np.zeros((3, 3))
    for seed in range(600):
        counts += baselines.rewire(net, 0.25, seed=seed).net.topologies[0].to_dense()
    kept = np.sort(counts.ravel())[-3:]
    assert kept.tolist() == [600] * 3
    drawn = np.sort(counts.ravel())[:6]
    assert drawn.sum() == 600
    assert drawn.min() > 60  # 100 each, with a deviation of 9


def test_names_stay(rng: np.random.Generator) -> None:
    graph = topology.constant_degree(4, 3, 2, seed=0).with_names(list("wxyz"), list("abc"))
    moved = baselines.rewire(snn.MLP([graph], seed=0), 0.5, seed=0).net
    assert moved.input_names == tuple("wxyz")
    assert moved.output_names == tuple("abc")
    assert baselines.dense_twin(moved).input_names == tuple("wxyz")


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.data())
def test_the_largest_are_those_of_a_sort(values: list[int], data: Any) -> None:
    n = data.draw(st.integers(0, len(values)))
    wanted = np.sort(np.argsort(-np.array(values), kind="stable")[:n])
    assert largest(np.array(values), n).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: baselines.rewire(net, 1.0), ValueError, "drop must be .* below 1, got 1"),
        (
            lambda net: baselines.rewire(net, 0.3, gradients=[np.zeros(108)]),
            ValueError, "gradients must have one array for each of the 3 layers, got 1",
        ),
        (
            lambda net: baselines.rewire(net, 0.3, gradients=[np.zeros(36)] * 3),
            ValueError, r"gradients of layer 1 must be finite floats of shape \(108,\)",
        ),
        (
            lambda net: baselines.rewire(net, 0.3, seed=0).carried(np.zeros(3)),
            ValueError, r"vectors must have shape \(..., 102\), got \(3,\)",
        ),
    ],
)  # fmt: skip
def test_errors(
    rng: np.random.Generator, call: Callable[[snn.MLP], object], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        call(network(rng))
