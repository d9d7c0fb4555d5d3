"""Gradients against central differences in float64, along random directions.

The differences are of fourth order, so that a step can be taken at which rounding does not show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import topology
from minisnn.network.layer import HIDDEN
from minisnn.network.losses import LOSSES

NAMES = (
    "constant_degree", "fibonacci_rotating", "long_range_rotating", "random_rotating",
    "regular_rotating",
)  # fmt: skip
STEP = 1e-3
WIDTHS = [13, 11, 9, 17, 7]  # odd sizes; four layers at most


def networks() -> list[Any]:
    cases = []
    for name in [*NAMES, "dense"]:
        for n_layers in (1, 2, 3, 4):
            cases.append(pytest.param(name, n_layers, id=f"{name}-{n_layers}"))
    return cases


def make(name: str, n_layers: int) -> snn.MLP:
    graphs = []
    for number in range(n_layers):
        n_in, n_out = WIDTHS[number : number + 2]
        if name == "dense":
            graphs.append(topology.dense(n_in, n_out))
        else:
            graphs.append(topology.make(name, n_in, n_out, min(4, n_out), number))
    net = snn.MLP(graphs, seed=1, dtype=np.float64)
    net.parameters[:] += 0.3 * np.random.default_rng(2).standard_normal(net.parameters.size)
    return net


def check(
    function: Any, at: Any, gradient: Any, rng: np.random.Generator, step: float = STEP
) -> None:
    """Compare the slope of a function along a direction with its gradient, three times."""
    start = at.copy()
    for _ in range(3):
        direction = rng.standard_normal(at.shape)
        values = []
        for steps in (-2, -1, 1, 2):
            at[...] = start + steps * step * direction
            values.append(function())
        at[...] = start
        numerical = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        analytical = float((gradient * direction).sum())
        error = abs(numerical - analytical)
        assert error <= 1e-7 * max(abs(numerical), abs(analytical)), (
            f"central difference {numerical!r}, gradient {analytical!r}"
        )


@pytest.mark.filterwarnings("ignore::minisnn.DeadNeuronWarning")
@pytest.mark.parametrize("dropout", [None, 0.4], ids=["plain", "dropout"])
@pytest.mark.parametrize(("name", "n_layers"), networks())
def test_weights_biases_and_inputs(name: str, n_layers: int, dropout: float | None) -> None:
    rng = np.random.default_rng(7)
    net = make(name, n_layers)
    X, Y = rng.standard_normal((5, net.n_in)), rng.random((5, net.n_out))

    def evaluate() -> float:
        return net.loss_and_gradients(X, Y, dropout=dropout, seed=4, input_scale=0.7)[0]

    _, gradients = net.loss_and_gradients(X, Y, dropout=dropout, seed=4, input_scale=0.7)
    for number, layer in enumerate(net.layers):
        check(evaluate, layer.weights, gradients.weights[number], rng)
        check(evaluate, layer.biases, gradients.biases[number], rng)
    check(evaluate, X, gradients.inputs, rng)


PAIRS = [(name, output) for name, loss in LOSSES.items() for output in loss.outputs]


@pytest.mark.parametrize(
    ("kind", "dropout"), [("sparse", None), ("sparse", 0.4), ("dense", 0.4), ("BLAS", 0.4)]
)
@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_every_activation_with_every_loss(
    loss: str, output: str, activation: str, dropout: float | None, kind: str
) -> None:
    rng = np.random.default_rng(7)
    graphs = {
        "sparse": [topology.constant_degree(13, 11, 4), topology.constant_degree(11, 7, 3)],
        "dense": [topology.constant_degree(13, 11, 4), topology.dense(11, 7)],
        "BLAS": [topology.dense(13, 40), topology.dense(40, 7)],
    }[kind]
    net = snn.MLP(graphs, seed=1, dtype=np.float64, activation=activation, output_activation=output)
    net.parameters[:] += 0.3 * rng.standard_normal(net.parameters.size)
    X, Y = rng.standard_normal((5, net.n_in)), rng.random((5, net.n_out))
    Y /= Y.sum(axis=1, keepdims=True)  # probabilities
    options: Any = {"loss": loss, "dropout": dropout, "seed": 4, "input_scale": 0.7}

    def evaluate() -> float:
        return net.loss_and_gradients(X, Y, **options)[0]

    # Unbounded functions are less straight; and a step must not meet a ReLU's corner, or Huber's.
    step = STEP / 100 if "relu" in activation + output or loss == "huber" else STEP / 10
    _, gradients = net.loss_and_gradients(X, Y, **options)
    check(evaluate, net.parameters, gradients.parameters, rng, step)
    check(evaluate, X, gradients.inputs, rng, step)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 63, 64, 65, 200])
@pytest.mark.usefixtures("tiles")
def test_any_batch_size(batch: int, rng: np.random.Generator) -> None:
    net = make("constant_degree", 2)
    X, labels = rng.standard_normal((batch, 13)), rng.integers(0, 9, batch)

    def evaluate() -> float:
        return net.loss_and_gradients(X, labels)[0]

    _, gradients = net.loss_and_gradients(X, labels)
    check(evaluate, net.parameters, gradients.parameters, rng)
    check(evaluate, X, gradients.inputs, rng)


def test_a_layer_on_blas(rng: np.random.Generator) -> None:
    net = snn.MLP([topology.dense(13, 40), topology.constant_degree(40, 3, 1)], dtype=np.float64)
    assert net.runs_on_blas
    X, labels = rng.standard_normal((5, 13)), np.array([0, 1, 2, 0, 1])
    _, gradients = net.loss_and_gradients(X, labels, dropout=0.2)

    def evaluate() -> float:
        return net.loss_and_gradients(X, labels, dropout=0.2)[0]

    check(evaluate, net.parameters, gradients.parameters, rng)
    check(evaluate, X, gradients.inputs, rng)


def test_a_wrong_gradient_is_found(rng: np.random.Generator) -> None:
    """The check itself can fail."""
    net = make("constant_degree", 2)
    X, labels = rng.standard_normal((5, 13)), np.array([0, 1, 2, 0, 1])
    _, gradients = net.loss_and_gradients(X, labels)
    with pytest.raises(AssertionError, match=r"central difference .*, gradient"):
        check(
            lambda: net.loss_and_gradients(X, labels)[0],
            net.parameters,
            gradients.parameters * (1 + 1e-6),
            rng,
        )
