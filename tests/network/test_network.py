"""Networks of any acyclic wiring: against a dense twin, and against the row of layers."""

from __future__ import annotations

import copy
import pickle
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import twins
from hypothesis import given, settings
from hypothesis import strategies as st
from wirings import HIDDEN, random_wiring

import minisnn as snn
from minisnn import topology
from minisnn.network.losses import LOSSES

EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("p", "case"), ("q", "case"),
         ("c", "case"), ("case", "r"), ("p", "r"), ("r", "late")]  # fmt: skip


@pytest.fixture
def wiring() -> snn.wiring.Wiring:
    return snn.wiring.from_edges(EDGES, inputs=["a", "b", "c"], outputs=["late", "case"])


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    X = rng.random((90, 3))
    return X, np.c_[X[:, 0] > X[:, 1], X.sum(axis=1) > 1.5].astype(float)


class Twin:
    """The same network as one dense matrix of all neurons, in NumPy."""

    def __init__(self, net: snn.Network) -> None:
        wiring = self.wiring = net.wiring
        n, self.n_in = wiring.n_neurons, wiring.n_inputs
        place = {name: row for row, name in enumerate(wiring.neuron_names())}
        self.W, self.b = np.zeros((n, n)), np.zeros(n)
        for source, target, weight in net.weights_frame().itertuples(index=False):
            self.W[place[target], place[source]] = weight
        for target, bias in net.biases_frame().itertuples(index=False):
            self.b[place[target]] = bias
        self.outputs = [row for name in wiring.outputs for row in range(n)[wiring.rows_of(name)]]
        levels = np.repeat(wiring.levels, wiring.units)
        activations = net._activations
        self.functions = [
            net.output_activation if row in self.outputs else activations[levels[row] - 1]
            for row in range(n)
        ]

    def gradients(self, X: Any, Y: Any, loss: str) -> tuple[Any, float, Any, Any]:
        """Activations of all neurons, loss, gradients by W and b."""
        n = len(self.b)
        A, Z = np.zeros((n, len(X))), np.zeros((n, len(X)))
        A[: self.n_in] = X.T
        for i in range(self.n_in, n):
            Z[i] = self.W[i] @ A + self.b[i]
            A[i] = twins.activate(self.functions[i], Z[i][None])[0]
        by_Z = LOSSES[loss].wants_logits
        value, gradient = twins.LOSSES[loss]((Z if by_Z else A)[self.outputs], Y.T)
        direct = np.zeros_like(A)
        direct[self.outputs] = gradient
        dZ = np.zeros_like(A)
        for i in reversed(range(n)):
            dA = self.W[:, i] @ dZ
            if not by_Z:
                dA = dA + direct[i]
            slope = twins.activation_slope(self.functions[i], A[i][None], 1.0, dA[None])[0]
            dZ[i] = slope if i >= self.n_in else dA
            if by_Z:
                dZ[i] += direct[i]
        return A, value, dZ @ A.T, dZ.sum(axis=1)


def of_edges(net: snn.Network, W: Any, b: Any) -> Any:
    """The values on the edges and neurons as a vector in the order of the parameters."""
    wiring, structure = net.wiring, net.structure
    targets = np.repeat(np.arange(wiring.n_neurons), np.diff(wiring.indptr))
    on_edges, of_neurons = W[targets, wiring.indices], b[wiring.n_inputs :]
    vector, edge, neuron = np.zeros_like(net.parameters), 0, 0
    for number, group in structure.summing:
        weights, biases = structure.parts(vector, number)
        weights[:] = on_edges[edge : edge + len(weights)]
        biases[:] = of_neurons[neuron : neuron + group.n_rows]
        edge, neuron = edge + len(weights), neuron + group.n_rows
    return vector


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from(["mse", "huber", "binary_cross_entropy"]),
    as_bytes=st.booleans(),
)
def test_any_wiring_is_its_dense_twin(seed: int, loss: str, as_bytes: bool) -> None:
    rng = np.random.default_rng(seed)
    wiring = random_wiring(rng)
    activation = [str(rng.choice(HIDDEN)) for _ in range(wiring.n_levels)]
    outputs = "sigmoid" if loss == "binary_cross_entropy" else str(rng.choice(HIDDEN))
    net = snn.Network(
        wiring, activation=activation, output_activation=outputs, seed=1, dtype=np.float64
    )
    X: Any = rng.standard_normal((25, wiring.n_inputs))
    scale = 1.0
    if as_bytes:
        X, scale = rng.integers(0, 256, X.shape, dtype=np.uint8), 1 / 256
    Y = rng.random((25, net.n_out))
    close: Any = {"rtol": 1e-8, "atol": 1e-11}
    A, value, dW, db = Twin(net).gradients(scale * X, Y, loss)
    found, gradients = net.loss_and_gradients(X, Y, loss=loss, input_scale=scale)
    assert found == pytest.approx(value)
    np.testing.assert_allclose(gradients.parameters, of_edges(net, dW, db), **close)
    outputs_ = A[Twin(net).outputs].T
    np.testing.assert_allclose(net.predict(X, input_scale=scale), outputs_, **close)
    np.testing.assert_allclose(net.predict(X[:1], input_scale=scale), outputs_[:1], **close)
    for name, values in net.activations(X, input_scale=scale).items():
        np.testing.assert_allclose(values, A[wiring.rows_of(name)].T, **close)
    evaluation = snn.evaluate(net, X, Y, loss=loss, input_scale=scale)
    assert evaluation.loss == pytest.approx(value)


def test_fifty_steps_are_those_of_the_twin(rng: np.random.Generator, threads: Any) -> None:
    threads(2)
    net = snn.Network(random_wiring(np.random.default_rng(4)), activation="tanh", seed=0,
                      dtype=np.float64)  # fmt: skip
    assert net.wiring.n_skips > 2
    X, Y = rng.standard_normal((100, net.n_in)), rng.random((100, net.n_out))
    expected = net.parameters.copy()
    velocities, twin = np.zeros_like(expected), copy.deepcopy(net)
    for step in range(50):
        batch = slice(20 * (step % 5), 20 * (step % 5) + 20)
        twin.parameters[:] = expected
        _, _, dW, db = Twin(twin).gradients(X[batch], Y[batch], "mse")
        expected, velocities = twins.momentum_update(
            expected, velocities, of_edges(net, dW, db), 0.1, 0.9, True
        )
    snn.train(net, X, Y, optimizer=snn.NesterovSGD(0.1, 0.9), batch_size=20, epochs=10,
              shuffle=False)  # fmt: skip
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [snn.NesterovSGD(0.5), snn.Adam(0.01, clip_norm=0.1)])
def test_a_chain_has_the_bits_of_an_mlp(
    rng: np.random.Generator, dtype: Any, optimizer: Any
) -> None:
    graphs = [
        topology.constant_degree(30, 70, degree=9, seed=1),
        topology.constant_degree(70, 60, degree=7, seed=2),
        topology.dense(60, 4),
    ]
    X, labels = rng.random((150, 30), dtype=np.float32), rng.integers(0, 4, 150)
    mlp = snn.MLP(graphs, activation="tanh", output_activation="softmax", seed=3, dtype=dtype)
    net = snn.Network(snn.wiring.from_topologies(graphs), activation="tanh",
                      output_activation="softmax", seed=3, dtype=dtype)  # fmt: skip
    np.testing.assert_array_equal(net.parameters, mlp.parameters)
    for network in (mlp, net):
        snn.train(network, X, labels, optimizer=optimizer, epochs=3, batch_size=32, seed=0,
                  dropout=[0.1, 0.2, 0.3])  # fmt: skip
    np.testing.assert_array_equal(net.parameters, mlp.parameters)
    np.testing.assert_array_equal(net.predict(X), mlp.predict(X))
    assert str(net.plan) == str(mlp.plan)


def test_options_of_training(wiring: snn.wiring.Wiring, data: Any, tmp_path: Path) -> None:
    """Validation, weights, dropout, callbacks, and a checkpoint that is gone on from."""
    X, Y = data

    def train(net: snn.Network, epochs: int, **more: Any) -> snn.History:
        return snn.train(net, X, Y, optimizer=snn.Adam(0.01), epochs=epochs, batch_size=16,
                         dropout=0.1, validation_data=(X, Y), sample_weight=1 + X[:, 0],
                         loss="binary_cross_entropy", seed=0, **more)  # fmt: skip

    whole = snn.Network(wiring.with_units(3), seed=1)
    train(whole, 6)
    net = snn.Network(wiring.with_units(3), seed=1)
    path = tmp_path / "c.npz"
    train(net, 6, checkpoint=path, callbacks=[lambda net, epoch: epoch.epoch == 3])
    assert not np.array_equal(net.parameters, whole.parameters)
    other = snn.Network(wiring.with_units(3), seed=5)
    path.unlink()
    train(other, 3, checkpoint=path)
    with pytest.raises(snn.FileFormatError, match="network"):
        train(snn.Network(wiring.with_units(2), seed=1), 6, checkpoint=path, resume="extend")
    again = snn.Network(wiring.with_units(3), seed=1)
    path.unlink()
    train(again, 3, checkpoint=path)
    rest = snn.Network(wiring.with_units(3), seed=9)
    history = train(rest, 6, checkpoint=path, resume="extend")
    np.testing.assert_array_equal(rest.parameters, whole.parameters)
    assert len(history) == 6
    assert rest.seed == 1


def test_divergence_names_the_level(wiring: snn.wiring.Wiring, data: Any) -> None:
    net = snn.Network(wiring, activation="identity", output_activation="identity", seed=0)
    before = net.parameters.copy()
    with pytest.raises(FloatingPointError, match=r"level \d('s outputs)? (is|are)"):
        snn.train(net, *data, optimizer=snn.SGD(1e30), epochs=20, seed=0)
    assert np.isfinite(net.parameters).all()
    assert before.shape == net.parameters.shape


def test_labels_and_outputs_are_in_the_order_that_was_given(rng: np.random.Generator) -> None:
    """Outputs at two levels, the last one first."""
    wiring = snn.wiring.from_edges(EDGES, inputs=["a", "b", "c"], outputs=["late", "case"])
    assert wiring.outputs == ("late", "case")
    net = snn.Network(wiring, seed=0, dtype=np.float64)
    X, labels = rng.random((40, 3)), rng.integers(0, 2, 40)
    by_label = net.loss_and_gradients(X, labels)
    by_value = net.loss_and_gradients(X, np.eye(2)[labels])
    assert by_label[0] == by_value[0]
    np.testing.assert_array_equal(by_label[1].parameters, by_value[1].parameters)
    activations = net.activations(X)
    expected = np.c_[activations["late"], activations["case"]]
    np.testing.assert_array_equal(net.predict(X), expected)


def test_columns_of_frames_are_matched_by_name(wiring: snn.wiring.Wiring, data: Any) -> None:
    pandas = pytest.importorskip("pandas")
    X, Y = data
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    targets = pandas.DataFrame(Y, columns=["late", "case"])
    nets = [snn.Network(wiring, seed=0) for _ in range(2)]
    snn.train(nets[0], X, Y, optimizer=snn.SGD(0.1), epochs=2, seed=0)
    shuffled = frame[["c", "a", "b"]], targets[["case", "late"]]
    snn.train(nets[1], *shuffled, optimizer=snn.SGD(0.1), epochs=2, seed=0)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    assert nets[0].input_names == ("a", "b", "c")
    assert nets[0].output_names == ("late", "case")
    with pytest.raises(ValueError, match="lacks 'a'"):
        nets[0].predict(frame[["b", "c"]])
    with pytest.raises(ValueError, match="are those of its wiring"):
        nets[0].input_names = ("x", "y", "z")
    numbered = snn.wiring.from_edges([(1, "p"), (2, "p")])
    assert snn.Network(numbered, seed=0).input_names is None


def test_weights_and_biases_by_name(wiring: snn.wiring.Wiring) -> None:
    pytest.importorskip("pandas")
    net = snn.Network(wiring.with_units({"p": 2}), seed=0)
    weights, biases = net.weights_frame(), net.biases_frame()
    assert list(weights.columns) == ["source", "target", "weight"]
    assert len(weights) == net.n_connections
    assert list(biases.columns) == ["target", "bias"]
    assert biases.target.tolist() == list(net.wiring.neuron_names()[3:])
    assert ("a", ("p", 1)) in set(zip(weights.source, weights.target, strict=True))


def test_weights_of_the_wiring_are_where_it_begins() -> None:
    pytest.importorskip("pandas")
    import pandas

    table = pandas.DataFrame(
        [("a", "p", 0.5), ("b", "p", -2.0), ("p", "o", 3.0), ("a", "o", 0.25)],
        columns=["source", "target", "weight"],
    )
    wiring = snn.wiring.from_edges(table, weight="weight")
    net = snn.Network(wiring, seed=0)
    found = net.weights_frame().set_index(["source", "target"]).weight
    for source, target, weight in table.itertuples(index=False):
        assert found[source, target] == weight


def test_copies_and_what_it_says(wiring: snn.wiring.Wiring, data: Any) -> None:
    net = snn.Network(wiring.with_units(2), activation=["tanh", "relu", "tanh", "tanh"], seed=4)
    X, _ = data
    for other in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        np.testing.assert_array_equal(other.predict(X), net.predict(X))
        assert (repr(other), other.wiring) == (repr(net), net.wiring)
        other.parameters[:] = 0
        assert net.parameters.any()
    assert repr(net) == (
        "Network(3 inputs -> 4 -> 1 -> 2 -> 1, 21 connections, 8 biases, float32, tanh, relu, "
        "sigmoid, seed=4)"
    )
    assert net.activation == ("tanh", "relu", "tanh", "tanh")
    assert snn.Network(wiring, activation="tanh", seed=0).activation == "tanh"
    again = snn.Network.from_parameters(net.wiring, net.parameters, net.activation, seed=4)
    assert repr(again) == repr(net)


def test_refusals(wiring: snn.wiring.Wiring) -> None:
    make = snn.Network
    with pytest.raises(TypeError, match="wiring must be of type Wiring"):
        make([topology.dense(3, 2)])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one for each of the 4 levels; got 2"):
        make(wiring, activation=["tanh", "relu"])
    with pytest.raises(ValueError, match="activation must be one of"):
        make(wiring, activation="swish")
    with pytest.raises(ValueError, match="initializer must be one of"):
        make(wiring, initializer=["glorot_normal"] * 3 + ["zeros"])
    with pytest.raises(ValueError, match="needs all outputs in the last level, got 'case'"):
        make(wiring, output_activation="softmax")
    with pytest.raises(ValueError, match="needs a float32 or float64 vector of 15 parameters"):
        make.from_parameters(wiring, np.zeros(3))
    with pytest.raises(ValueError, match="dropout must be one rate, or 4"):
        snn.train(make(wiring, seed=0), np.zeros((2, 3)), np.zeros((2, 2)), optimizer="sgd",
                  dropout=[0.1, 0.2])  # fmt: skip
    dead = snn.wiring.from_edges([("a", "p"), ("a", "o")], outputs=["o"])
    with pytest.warns(snn.DeadNeuronWarning, match="no output depends on 'p'"):
        net = make(dead, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snn.train(net, np.zeros((2, 1)), np.zeros((2, 1)), optimizer="sgd", epochs=1, seed=0)


def test_initial_weights_of_levels() -> None:
    graphs = [topology.dense(400, 300), topology.dense(300, 20)]
    wiring = snn.wiring.from_topologies(graphs)
    net = snn.Network(wiring, initializer=["he_normal", "glorot_uniform"], seed=0)
    parts = [net.structure.parts(net.parameters, n)[0] for n, _ in net.structure.summing]
    assert parts[0].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert abs(parts[1]).max() <= np.sqrt(3) * np.sqrt(2 / 320)
    for width, (n_in, n_out) in zip(parts, pairwise([400, 300, 20]), strict=True):
        assert len(width) == n_in * n_out
