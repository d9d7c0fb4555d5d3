"""Networks of weight maps: their training beside dense ones, and their gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from problems import three_classes as problem

import minisnn as snn
from minisnn import topology
from minisnn.baselines import (
    Circulant,
    DropConnect,
    Hashed,
    Identity,
    LowRank,
    Reparametrised,
    TensorTrain,
    Toeplitz,
    WeightMap,
    train_reparametrised,
)

KINDS: list[type[WeightMap]] = [
    Identity, DropConnect, LowRank, Hashed, Toeplitz, Circulant, TensorTrain,
]  # fmt: skip
OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0, 0.5))


def make(seed: int = 0, dtype: Any = np.float64) -> Reparametrised:
    return Reparametrised([LowRank(12, 30, 3), Identity(30, 3)], seed=seed, dtype=dtype)


@pytest.mark.parametrize("optimizer", [OPTIMIZER, snn.Adam(0.01, weight_decay=0.1)], ids=repr)
@pytest.mark.parametrize("dropout", [None, [0.2, 0.5]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_identity_trains_as_the_dense_network_does(
    dtype: Any, dropout: Any, optimizer: Any
) -> None:
    X, labels = problem()
    graphs = [topology.dense(12, 40), topology.dense(40, 3)]
    twin = snn.MLP(graphs, seed=1, dtype=dtype)
    net = Reparametrised([Identity(12, 40), Identity(40, 3)], seed=1, dtype=dtype)
    np.testing.assert_array_equal(net.expanded.parameters, twin.parameters)
    options: dict[str, Any] = {
        "optimizer": optimizer, "epochs": 4, "batch_size": 77, "dropout": dropout, "seed": 5,
        "validation_data": (X, labels),
    }  # fmt: skip
    expected = snn.train(twin, X, labels, **options)
    found = train_reparametrised(net, X, labels, **options)
    np.testing.assert_array_equal(net.expanded.parameters, twin.parameters)
    for column in ("epoch", "loss", "validation_loss", "validation_accuracy", "learning_rate"):
        assert found.column(column) == expected.column(column)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_goes_down_the_gradient_of_the_parameters(kind: type[WeightMap]) -> None:
    X, labels = problem(20)
    net = Reparametrised([kind.nearest(12, 20, 80), Identity(20, 3)], dtype=np.float64)
    before = copy.deepcopy(net)
    train_reparametrised(net, X, labels, optimizer=snn.SGD(0.5), epochs=1)
    maps = [f.draw(np.random.default_rng(0).spawn(1)[0]) for f in before.maps]
    before.expand(maps)
    _, gradients = before.expanded.loss_and_gradients(X, labels)
    expected = before.parameters - 0.5 * before.pull_back(maps, gradients.parameters)
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-12, atol=1e-15)
    (theta, biases), layer = net.split(net.parameters)[0], net.expanded.layers[0]
    np.testing.assert_array_equal(layer.weights, net.maps[0].expand(theta).ravel())
    np.testing.assert_array_equal(layer.biases, biases)


def test_connections_that_are_never_dropped_are_those_of_the_dense_network() -> None:
    X, labels = problem()
    nets = [Reparametrised([f, Identity(9, 3)]) for f in (DropConnect(12, 9, 1.0), Identity(12, 9))]
    for net in nets:
        train_reparametrised(net, X, labels, optimizer=OPTIMIZER, epochs=2)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_learns(kind: type[WeightMap]) -> None:
    X, labels = problem()
    net = Reparametrised([kind.nearest(12, 30, 240), Identity(30, 3)])
    rate = 3.0 if kind is DropConnect else 1.0  # factors bear less, masks want more
    history = train_reparametrised(
        net, X.astype(np.float32), labels, optimizer=snn.NesterovSGD(snn.WarmUpDecay(rate)),
        batch_size=20, epochs=40,
    )  # fmt: skip
    assert history.epochs[-1].loss < 0.6 * history.epochs[0].loss
    assert (snn.evaluate(net.expanded, X.astype(np.float32), labels).accuracy or 0) > 0.8


def test_seeds_decide() -> None:
    X, labels = problem()

    def trained(seed: int) -> Any:
        net = Reparametrised([DropConnect(12, 30, 0.5), Identity(30, 3)], dtype=np.float64)
        train_reparametrised(net, X, labels, optimizer=OPTIMIZER, epochs=2, seed=seed)
        return net.parameters

    np.testing.assert_array_equal(trained(1), trained(1))
    assert (trained(1) != trained(2)).any()
    assert (make(seed=1).parameters != make(seed=2).parameters).any()
    np.testing.assert_array_equal(
        make(dtype=np.float32).parameters, make().parameters.astype(np.float32)
    )


def test_callbacks_see_the_network_that_predicts() -> None:
    X, labels = problem()
    net, seen = make(), []
    history = train_reparametrised(
        net, X, labels, optimizer=OPTIMIZER, epochs=9,
        callbacks=[lambda expanded, epoch: seen.append(expanded) or epoch.epoch == 3],
    )  # fmt: skip
    assert len(history.epochs) == 3
    assert all(expanded is net.expanded for expanded in seen)


def test_how_a_network_describes_itself() -> None:
    net = Reparametrised([DropConnect(12, 30, 0.25), LowRank(30, 3, 2)])
    assert repr(net) == "Reparametrised(12 -> 30 -> 3, 426 weights, 33 biases, float32, seed=0)"
    assert (net.n_weights, net.n_connections) == (360 + 66, 90 + 90)
    assert repr(net.maps[1]) == "LowRank(30 -> 3, 66 parameters)"


def test_weights_that_were_broken_before() -> None:
    net = make()
    net.parameters[0] = np.nan
    with pytest.raises(FloatingPointError, match="parameters that are not finite before epoch 1"):
        train_reparametrised(net, *problem(), optimizer=OPTIMIZER)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Reparametrised([]), ValueError, "an MLP needs at least one layer"),
        (
            lambda: Reparametrised([topology.dense(3, 2)]),  # type: ignore[list-item]
            TypeError, "layer 1 must be a WeightMap, got Topology",
        ),
        (
            lambda: Reparametrised([Identity(3, 2), Identity(3, 2)]),
            ValueError, "layer 1 has 2 outputs, but layer 2",
        ),
        (
            lambda: Reparametrised([Identity(3, 2)], dtype=int),
            ValueError, "dtype must be float32 or float64",
        ),
        (
            lambda: train_reparametrised(make(), *problem(), optimizer=OPTIMIZER, epochs=0),
            ValueError, "epochs must be at least 1",
        ),
        (
            lambda: train_reparametrised(make(), *problem(), optimizer=3),  # type: ignore[arg-type]
            TypeError, "optimizer must be a name .* or one of SGD, Adam",
        ),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
