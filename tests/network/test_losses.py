"""Losses: valid combinations, and values over a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import minisnn as snn
from minisnn import topology
from minisnn.network.samples import check_inputs

LOSSES = {
    "mse": "identity",
    "huber": "identity",
    "binary_cross_entropy": "sigmoid",
    "cross_entropy": "softmax",
}


def make(output: str, dtype: Any = np.float64) -> snn.MLP:
    graphs = [topology.constant_degree(12, 8, 3), topology.dense(8, 5)]
    net = snn.MLP(graphs, seed=3, dtype=dtype, activation="tanh", output_activation=output)
    net.parameters[:] = np.random.default_rng(0).standard_normal(net.parameters.size)
    return net


def by_hand(loss: str, A: Any, T: Any) -> float:
    if loss == "mse":
        return float(np.mean((A - T) ** 2))
    if loss == "huber":
        return float(scipy.special.huber(1, A - T).mean())
    if loss == "binary_cross_entropy":
        return float(-np.mean(T * np.log(A) + (1 - T) * np.log(1 - A)))
    return float(-np.sum(T * np.log(A)) / len(A))


@pytest.mark.parametrize("kind", ["labels", "one-hot", "any"])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_training_and_evaluation_have_the_loss_of_the_textbook(
    loss: str, kind: str, rng: np.random.Generator
) -> None:
    net, X = make(LOSSES[loss]), rng.standard_normal((50, 12))
    labels = rng.integers(0, 5, 50)
    T = np.eye(5)[labels] if kind != "any" else rng.dirichlet(np.ones(5), 50)
    Y = labels if kind == "labels" else T
    expected = by_hand(loss, net.predict(X), T)
    assert net.loss_and_gradients(X, Y, loss=loss)[0] == pytest.approx(expected, rel=1e-12)
    found = snn.evaluate(net, X, Y, loss=loss)
    assert found.loss == pytest.approx(expected, rel=1e-12)
    if kind == "labels":
        assert found.accuracy == np.mean(net.predict(X).argmax(axis=1) == labels)
    history = snn.train(
        net, X, Y, loss=loss, optimizer=snn.SGD(0.0), epochs=1, batch_size=50,
        validation_data=(X, Y),
    )  # fmt: skip
    assert history.column("loss") == pytest.approx([expected], rel=1e-12)
    assert history.column("validation_loss") == pytest.approx([expected], rel=1e-12)


def test_the_loss_that_goes_with_the_outputs_is_the_default(rng: np.random.Generator) -> None:
    X, labels = rng.standard_normal((9, 12)), rng.integers(0, 5, 9)
    for output, loss in (("softmax", "cross_entropy"), ("sigmoid", "mse"), ("relu", "mse")):
        net = make(output)
        assert (
            net.loss_and_gradients(X, labels)[0] == net.loss_and_gradients(X, labels, loss=loss)[0]
        )
        assert snn.evaluate(net, X, labels) == snn.evaluate(net, X, labels, loss=loss)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_certain_and_wrong_is_a_large_loss_not_an_infinite_one(loss: str, dtype: Any) -> None:
    net = make(LOSSES[loss], dtype)
    net.parameters[:] = 0
    net.layers[-1].biases[:] = [1000, 0, 0, 0, 0]  # softmax and sigmoid are 0 and 1 there
    X, wrong = np.zeros((4, 12)), np.ones(4, int)
    expected = 1000.0  # whose exp would overflow
    if loss == "binary_cross_entropy":  # 1000 for the first output, log 2 for each other
        expected = (1000 + 4 * np.log(2)) / 5
    value, gradients = net.loss_and_gradients(X, wrong, loss=loss)
    assert value == pytest.approx(expected, rel=1e-6)
    assert snn.evaluate(net, X, wrong, loss=loss).loss == pytest.approx(expected, rel=1e-6)
    share = 5 if loss == "binary_cross_entropy" else 1
    assert gradients.biases[-1][0] == pytest.approx(1 / share)
    assert np.isfinite(gradients.parameters).all()


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "relu", "leaky_relu", "identity", "softmax"])
def test_outputs_are_what_they_are_called(output: str, rng: np.random.Generator) -> None:
    net, X = make(output), rng.standard_normal((20, 12))
    hidden, found = net.forward(X)
    first, last = net.layers
    np.testing.assert_allclose(hidden, np.tanh(X @ first.to_scipy() + first.biases))
    Z = hidden @ last.to_scipy() + last.biases
    functions = {
        "sigmoid": scipy.special.expit, "tanh": np.tanh, "relu": lambda Z: np.maximum(Z, 0),
        "leaky_relu": lambda Z: np.where(Z > 0, Z, 0.1 * Z),
        "identity": lambda Z: Z, "softmax": lambda Z: scipy.special.softmax(Z, axis=1),
    }  # fmt: skip
    np.testing.assert_allclose(found, functions[output](Z), atol=1e-12)
    np.testing.assert_array_equal(net.predict(X), found)
    logits = net.predict_checked(check_inputs(net, X, 1.0), logits=True)
    np.testing.assert_allclose(logits, Z, atol=1e-12)
    one = net.predict_checked(check_inputs(net, X[:1], 1.0), logits=True)
    np.testing.assert_array_equal(one, logits[:1])


# Errors


def test_bad_pairs(rng: np.random.Generator) -> None:
    X, labels = rng.standard_normal((3, 12)), np.array([0, 1, 2])
    for output, loss, message in (
        ("softmax", "mse", "loss 'mse' does not go with softmax outputs; take 'cross_entropy', or"),
        ("sigmoid", "cross_entropy", "take 'mse' or 'huber' or 'binary_cross_entropy', or make"),
        ("relu", "binary_cross_entropy", "does not go with relu .* output_activation='sigmoid'"),
        ("tanh", "cross_entropy", "does not go with tanh .* output_activation='softmax'"),
    ):
        net = make(output)
        for call in (
            lambda net=net, loss=loss: net.loss_and_gradients(X, labels, loss=loss),
            lambda net=net, loss=loss: snn.evaluate(net, X, labels, loss=loss),
            lambda net=net, loss=loss: snn.train(net, X, labels, loss=loss, optimizer=snn.SGD(0.1)),
        ):
            with pytest.raises(ValueError, match=message):
                call()


def test_bad_targets() -> None:
    X = np.zeros((3, 12))
    Y = np.full((3, 5), 0.2)
    Y[1, 2] = 1.5
    for loss in ("binary_cross_entropy", "cross_entropy"):
        with pytest.raises(
            ValueError, match=rf"for loss '{loss}' Y must .* 0 to 1, got 1\.5 in sample 1, column 2"
        ):
            make(LOSSES[loss]).loss_and_gradients(X, Y, loss=loss)
    Y[1, 2] = 0.5
    make("sigmoid").loss_and_gradients(X, Y, loss="binary_cross_entropy")
    net = make("softmax")
    with pytest.raises(
        ValueError, match=r"probabilities with sum 1, got sum 1\.3 in sample 1; for"
    ):
        net.loss_and_gradients(X, Y)
    Y = np.full((3, 5), 0.2002)
    with pytest.raises(ValueError, match=r"got sum 1\.001 in sample 0"):
        net.loss_and_gradients(X, Y)
    with pytest.raises(ValueError, match="each row of validation Y must be probabilities"):
        snn.train(net, X, [0, 1, 2], optimizer=snn.SGD(0.1), validation_data=(X, Y))


def test_bad_activations() -> None:
    graphs = [topology.dense(4, 3), topology.dense(3, 1)]
    with pytest.raises(ValueError, match=r"activation must be one of .* got 'gelu'"):
        snn.MLP(graphs, activation="gelu")
    with pytest.raises(ValueError, match="not for hidden layers; take output_activation='softmax'"):
        snn.MLP(graphs, activation="softmax")
    with pytest.raises(ValueError, match=r"output_activation must be one of .* got None"):
        snn.MLP(graphs, output_activation=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a softmax over one output is always 1"):
        snn.MLP(graphs, output_activation="softmax")
