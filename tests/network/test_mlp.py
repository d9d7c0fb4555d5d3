"""The network: its results, and its errors for bad input."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from naive import MaskedNetwork

import minisnn as snn
from minisnn import topology
from minisnn.kernels.program.graphs import BLAS, COMPLETE, EDGES


@pytest.fixture
def net() -> snn.MLP:
    graphs = [topology.constant_degree(12, 8, 3), topology.dense(8, 5)]
    net = snn.MLP(graphs, seed=3, dtype=np.float64)
    rng = np.random.default_rng(0)
    net.parameters[:] = rng.standard_normal(net.parameters.size)  # biases too
    return net


def masked(net: snn.MLP) -> MaskedNetwork:
    return MaskedNetwork(
        [layer.to_scipy().toarray() for layer in net.layers],
        [graph.to_dense() for graph in net.topologies],
        [layer.biases for layer in net.layers],
    )


def test_forward_and_predict_equal_the_masked_network(
    net: snn.MLP, rng: np.random.Generator
) -> None:
    X = rng.random((700, 12))  # more than one batch of predictions
    expected = masked(net).forward(X)[1:]
    for found, wanted in zip(net.forward(X), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    np.testing.assert_allclose(net.predict(X), expected[-1], rtol=1e-12)
    np.testing.assert_array_equal(net.predict(X[:1]), net.predict(X)[:1])


def test_gradients_equal_the_masked_networks(net: snn.MLP, rng: np.random.Generator) -> None:
    X, Y = rng.random((9, 12)), rng.random((9, 5))
    loss, gradients = net.loss_and_gradients(X, Y)
    expected_loss, dW, db = masked(net).gradients(X, Y)
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    for number, graph in enumerate(net.topologies):
        sources, targets = graph.edges().T
        np.testing.assert_allclose(gradients.weights[number], dW[number][sources, targets])
        np.testing.assert_allclose(gradients.biases[number], db[number])


def test_loss_is_keras_mean_squared_error() -> None:
    """Mean over samples and outputs: by hand, outputs of 0.5 everywhere."""
    net = snn.MLP([topology.dense(2, 4)])
    net.parameters[:] = 0
    X = np.ones((2, 2), np.float32)
    assert net.loss_and_gradients(X, np.full((2, 4), 0.5))[0] == 0
    Y = [[1.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 3.5]]
    assert net.loss_and_gradients(X, Y)[0] == pytest.approx((1 + 9) / 8)


def test_labels_are_one_hot_targets(net: snn.MLP, rng: np.random.Generator) -> None:
    X, labels = rng.random((6, 12)), np.array([0, 4, 2, 2, 1, 3])
    loss, gradients = net.loss_and_gradients(X, labels)
    expected_loss, expected = net.loss_and_gradients(X, np.eye(5)[labels])
    assert loss == expected_loss
    np.testing.assert_array_equal(gradients.parameters, expected.parameters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bytes_and_scaled_floats_are_the_same_inputs(dtype: Any, rng: np.random.Generator) -> None:
    net = snn.MLP([topology.constant_degree(20, 10, 4)], dtype=dtype)
    X = rng.integers(0, 256, (50, 20)).astype(np.uint8)
    expected = net.predict(X / 255)
    np.testing.assert_allclose(net.predict(X, input_scale=1 / 255), expected, rtol=1e-6)
    np.testing.assert_allclose(net.forward(X, input_scale=1 / 255)[-1], expected, rtol=1e-6)
    assert net.predict(X).dtype == dtype


def test_inputs_of_any_memory_order(net: snn.MLP, rng: np.random.Generator) -> None:
    X = rng.random((30, 12))
    expected = net.predict(X)
    read_only = X.copy()
    read_only.flags.writeable = False
    for twin in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], read_only, X.tolist()):
        np.testing.assert_array_equal(net.predict(twin), expected)


def test_parameters_are_one_vector_seen_by_the_layers(net: snn.MLP) -> None:
    assert net.parameters.size == 12 * 3 + 8 + 8 * 5 + 5
    net.parameters[:] = np.arange(net.parameters.size)
    first, second = net.layers
    assert first.weights[0] == 0
    assert first.biases[0] == 36
    assert second.weights[0] == 44
    assert second.biases[-1] == 88
    for twin in (copy.deepcopy(net), copy.copy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin.parameters, net.parameters)
        twin.parameters[0] = -1
        assert twin.layers[0].weights[0] == -1
        assert net.parameters[0] == 0


def test_description(net: snn.MLP) -> None:
    assert repr(net) == "MLP(12 -> 8 -> 5, 76 connections, 13 biases, float64, seed=3)"
    twin = snn.MLP.from_parameters(net.topologies, net.parameters, "relu", "softmax")
    assert repr(twin) == "MLP(12 -> 8 -> 5, 76 connections, 13 biases, float64, relu, softmax)"
    assert repr(copy.deepcopy(twin)) == repr(pickle.loads(pickle.dumps(twin))) == repr(twin)
    assert net.widths == [12, 8, 5]
    assert net.density == pytest.approx(76 / (96 + 40))
    assert net.parameter_bytes == 8 * 89
    pointers, indices = 8 * 9, 2 * 36  # of the first layer; a complete one needs none
    assert net.structure_bytes == pointers + indices
    plan = net.plan
    assert net.structure_bytes == pointers + indices + plan.nbytes
    assert net.plan is plan, "kept"
    assert repr(plan).startswith("Plan(training, batches of 128 samples as ")
    _, gradients = net.loss_and_gradients(np.ones((3, 12)), [0, 1, 2])
    assert repr(gradients) == (
        "Gradients(by 89 parameters and by inputs of shape (3, 12), float64)"
    )


def test_who_runs_on_blas() -> None:
    dense, sparse = topology.dense, topology.constant_degree

    def products(*graphs: snn.Topology) -> tuple[str, ...]:
        structure = snn.MLP(graphs)._passes.structure
        return tuple(group.products for group in structure.groups[1:])

    assert products(dense(100, 50), dense(50, 10)) == (BLAS, BLAS)
    assert products(sparse(100, 50, 5), dense(50, 10)) == (EDGES, COMPLETE)
    assert products(dense(50, 10)) == (COMPLETE,), "too narrow to be worth it"
    assert products(sparse(100, 200, 20), dense(200, 40)) == (EDGES, BLAS)
    net = snn.MLP([dense(100, 50)])
    assert net.runs_on_blas
    assert net.structure_bytes == 0
    assert not snn.MLP([sparse(100, 50, 5)]).runs_on_blas


def test_dead_neurons_are_warned_of() -> None:
    with pytest.warns(snn.DeadNeuronWarning, match="layer 1: 3 of 7 hidden neurons have no input"):
        snn.MLP([topology.regular_rotating(3, 7, 2), topology.dense(7, 2)])
    lonely = topology.from_edges(4, 2, [(0, 0), (0, 1)])
    with pytest.warns(snn.DeadNeuronWarning, match="layer 1: 3 of 4 hidden neurons have no output"):
        snn.MLP([topology.dense(3, 4), lonely])
    with pytest.warns(snn.DeadNeuronWarning, match="layer 1: 1 of 3 output neurons have no input"):
        snn.MLP([topology.from_edges(2, 3, [(0, 0), (1, 2)])])
    snn.MLP([topology.from_edges(3, 1, [(0, 0)])])  # an unused input is no dead neuron


# Errors


def test_bad_networks() -> None:
    dense = topology.dense
    with pytest.raises(ValueError, match="an MLP needs at least one layer"):
        snn.MLP([])
    with pytest.raises(
        ValueError, match="layer 1 has 5 outputs, but layer 2 takes 6 inputs; the widths must be"
    ):
        snn.MLP([dense(4, 5), dense(6, 2)])
    with pytest.raises(TypeError, match=r"layer 1 must be a Topology, got ndarray; .* from_scipy"):
        snn.MLP([np.eye(3)])
    with pytest.raises(ValueError, match=r"dtype must be float32 or float64, got .*float16"):
        snn.MLP([dense(4, 5)], dtype=np.float16)
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got None"):
        snn.MLP([dense(4, 5)], dtype=None)
    with pytest.raises(TypeError, match=r"takes a list of topologies, got one; write MLP\(\["):
        snn.MLP(dense(4, 5))
    with pytest.raises(ValueError, match="seed must be at least 0"):
        snn.MLP([dense(4, 5)], seed=-1)
    with pytest.raises(ValueError, match=r"initializer must be one of .* got 'he'"):
        snn.MLP([dense(4, 5)], initializer="he")
    with pytest.raises(ValueError, match=r"fan must be one of .* got 'in'"):
        snn.MLP([dense(4, 5)], fan="in")
    for parameters in (np.zeros(3), np.zeros(25, int)):
        with pytest.raises(ValueError, match="need a float32 or float64 vector of 25 parameters"):
            snn.MLP.from_parameters([dense(4, 5)], parameters)


BAD_INPUTS = [
    (np.zeros((3, 11)), ValueError, r"X must have shape \(samples, 12\), got \(3, 11\)\."),
    (np.zeros(12), ValueError, r"got \(12,\)\. Add a sample axis: np\.asarray\(X\)\[None, :\]"),
    (np.zeros((3, 4, 3)), ValueError, r"got \(3, 4, 3\)\. Flatten each sample"),
    (np.zeros((3, 12), "U1"), TypeError, "X must hold whole numbers, .* or bools, got <U1"),
    (np.zeros((3, 12), complex), TypeError, r"complex128; pass both parts as columns: np\.hstack"),
    (np.zeros((3, 12), "M8[D]"), TypeError, r"\[D\]; pass the time since some date: \(X - X\.min"),
    (np.zeros((3, 12), "m8[s]"), TypeError, r"\[s\]; pass it in some unit: X / np\.timedelta64"),
    (np.zeros((0, 12)), ValueError, r"X holds no samples, shape \(0, 12\)"),
    (np.full((3, 12), np.nan), ValueError, "X must be finite, got nan in sample 0, column 0"),
]


@pytest.mark.parametrize(("X", "error", "message"), BAD_INPUTS)
def test_bad_inputs(net: snn.MLP, X: Any, error: type[Exception], message: str) -> None:
    for call in (net.predict, net.forward, lambda X: net.loss_and_gradients(X, [0, 1, 2])):
        with pytest.raises(error, match=message):
            call(X)


def test_values_beyond_the_networks_precision() -> None:
    net = snn.MLP([topology.dense(4, 3)])
    with pytest.raises(ValueError, match=r"X must fit into the network's float32, got 1e\+39 in"):
        net.predict(np.full((2, 4), 1e39))
    with pytest.raises(ValueError, match="X must fit into the network's float32"):
        net.predict(np.full((2, 4), 1e30), input_scale=1e10)
    with pytest.raises(ValueError, match="Y must fit into the network's float32"):
        net.loss_and_gradients(np.zeros((1, 4)), np.full((1, 3), -1e39))
    tiny = net.predict(np.full((1, 4), 1e39), input_scale=1e-39)
    np.testing.assert_allclose(tiny, net.predict(np.ones((1, 4))), rtol=1e-6)


def test_labels_of_a_single_output() -> None:
    net = snn.MLP([topology.dense(4, 1)])
    for Y, message in (
        ([0, 1], r"a column for the one output, got labels .*; for 0/1 targets .* shape \(2, 1\)"),
        ([0, 0], r"a column for the one output, got labels of shape \(2,\), which number the out"),
        (
            [True, False],
            r"got bool; for 0/1 targets .* shape \(2, 1\): np\.asarray\(Y\)\[:, None\]",
        ),
        ([0.5, 1.5], r"for one real target a sample pass np\.asarray\(Y\)\[:, None\]"),
        ([["a"], ["b"]], r"got <U1; number the classes: .* np\.unique\(np\.ravel\(Y\), return"),
        (["a", "b"], r"return_inverse=True\), and give labels the shape \(2, 1\) for one output"),
    ):
        for call in (net.loss_and_gradients, partial(snn.evaluate, net)):
            with pytest.raises((ValueError, TypeError), match=message):
                call(np.zeros((2, 4)), Y)


def test_advice_on_labels_is_sound(net: snn.MLP) -> None:
    """Proposals in messages are accepted."""
    X = np.zeros((3, 12))
    for Y in (np.array([[0], [1], [2]]), pd.DataFrame({"class": [0, 1, 2]})):
        net.loss_and_gradients(X, np.ravel(Y))
    net.loss_and_gradients(X, np.asarray([True, False, True]).astype(int))
    _, labels = np.unique(["a", "b", "a"], return_inverse=True)
    net.loss_and_gradients(X, labels)
    with pytest.raises(TypeError, match=r"in column 'class'; number .* np\.unique\(np\.ravel\(Y\)"):
        net.loss_and_gradients(X, pd.DataFrame({"class": ["a", "b", "a"]}))
    with pytest.raises(TypeError, match=r"validation Y of .* got bool; pass np\.asarray\(Y\)\."):
        snn.train(net, X, [0, 1, 2], optimizer="sgd", validation_data=(X, [True, False, True]))


def test_where_an_input_is_not_finite(net: snn.MLP) -> None:
    X = np.zeros((5000, 12), np.float32)
    X[4900, 7] = -np.inf
    with pytest.raises(ValueError, match="got -inf in sample 4900, column 7; remove or replace"):
        net.predict(X)


BAD_TARGETS = [
    ([0, 1], ValueError, r"Y must have one entry for each of the 3 samples, got shape \(2,\)"),
    ([0, 1, 5], ValueError, "Y must hold labels from 0 to 4, .* got 5"),
    ([0, 1, -1], ValueError, "Y must hold labels from 0 to 4, .* got -1"),
    ([0.0, 1.0, 2.0], TypeError, r"got float64; pass np\.asarray\(Y\)\.astype\(int\)"),
    (
        [0.0, 1.5, 2.0],
        TypeError,
        r"real targets have shape \(3, 5\) here; one per sample takes",
    ),
    (
        [0.0, np.nan, np.nan],
        TypeError,
        "float64 with 2 missing values, the first in sample 1; ",
    ),
    (["a", "b", None], TypeError, "object with 1 missing value, the first in sample 2; leave"),
    ([True, False, True], TypeError, r"got bool; pass np\.asarray\(Y\)\.astype\(int\)"),
    (["a", "b", "a"], TypeError, r"<U1; number .*labels = np\.unique\(Y, return_inverse=True\)$"),
    (
        np.array([b"a", 3, "b"], object),
        TypeError,
        "got object; number the classes: ",
    ),
    (np.array([0, 1, 2], "M8[D]"), TypeError, r"got datetime64\[D\]; number the classes"),
    ([[0], [1], [2]], ValueError, r"for integer labels, got \(3, 1\); pass np\.ravel\(Y\)"),
    ([[0, 1, 2]], ValueError, r"got shape \(1, 3\); pass np\.ravel\(Y\)"),
    ([[0, 1]], ValueError, r"got shape \(1, 2\)$"),
    (np.zeros((3, 4)), ValueError, r"Y must have shape \(3, 5\), or \(3,\) .* got \(3, 4\)"),
    (np.full((3, 5), np.inf), ValueError, "Y must be finite, got inf in sample 0, column 0"),
    (np.zeros((3, 5), complex), TypeError, "Y must hold real numbers, got complex128"),
    (
        np.full((3, 5), "a"),
        TypeError,
        "Y must hold real numbers, got <U1$",
    ),
]


@pytest.mark.parametrize(("Y", "error", "message"), BAD_TARGETS)
def test_bad_targets(net: snn.MLP, Y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        net.loss_and_gradients(np.zeros((3, 12)), Y)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"loss": "mae"}, ValueError, "loss must be one of mse, .*, got 'mae'"),
        ({"dropout": 1.0}, ValueError, "a dropout rate must be .* at least 0 and below 1, got 1.0"),
        ({"dropout": -0.1}, ValueError, "a dropout rate must be"),
        ({"dropout": [0.1]}, ValueError, "dropout must be one rate, or 2: .* layers; got 1"),
        ({"dropout": ["a", 0]}, TypeError, "a dropout rate must be a number, got 'a'"),
        ({"dropout": np.float32(1.5)}, ValueError, "a dropout rate must be"),
        ({"seed": 2**8192}, ValueError, "seed may have 8192 bits at most, got 109"),
        ({"input_scale": 0}, ValueError, "input_scale must not be 0"),
        ({"input_scale": np.nan}, ValueError, "input_scale must be a finite number"),
        ({"input_scale": "1"}, TypeError, "input_scale must be a number, got '1'"),
    ],
)  # fmt: skip
def test_bad_options(net: snn.MLP, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        net.loss_and_gradients(np.zeros((3, 12)), [0, 1, 2], **options)


@pytest.mark.parametrize(
    ("first", "shared"),
    [
        (topology.constant_degree(90, 50, 20, seed=0), [True, True]),
        (topology.from_edges(90, 50, [(1, k) for k in range(50)]), [False, True]),  # idle inputs
        (topology.constant_degree(70_000, 50, 1, seed=0), [True, False]),  # numbers beyond uint16
    ],
)
def test_edges_are_held_once(first: snn.Topology, shared: list[bool]) -> None:
    """By graphs and kernels together, where these have the same numbers in the same type."""
    second = topology.constant_degree(50, 40, 30, seed=1)
    graphs = [first, second, topology.dense(40, 2)]
    net = snn.MLP(graphs, seed=0)
    indices = net.structure.indices
    assert net.topologies == graphs
    for number, graph in enumerate(net.topologies[:2]):
        assert np.shares_memory(net.structure.graphs[number].rows()[1], indices)
        assert np.shares_memory(graph.compact_indices, indices) == shared[number]
        assert not graph.compact_indices.flags.writeable
        assert graph.compact_indices.dtype == graphs[number].compact_indices.dtype
    assert snn.MLP(graphs[1:], seed=0).topologies[0] is second
    for other in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert other.topologies == graphs
        assert len(pickle.dumps(other.topologies[1])) < 2 * second.n_edges + 2000
