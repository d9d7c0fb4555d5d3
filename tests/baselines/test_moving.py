"""Training of networks whose edges move: the driver between the ordinary steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from problems import three_classes as problem

import minisnn as snn
from minisnn import baselines, topology
from minisnn.baselines import Moving

X, LABELS = problem()


def network(**options: Any) -> snn.MLP:
    graphs = [topology.biregular(12, 24, 6, seed=1), topology.dense(24, 3)]
    return snn.MLP(graphs, seed=0, **options)


def trained(net: Moving, **options: Any) -> snn.History:
    options = {"optimizer": snn.NesterovSGD(snn.WarmUpDecay(3.0)), "seed": 5, **options}
    return baselines.train_moving(net, X, LABELS, batch_size=20, **options)


@pytest.mark.parametrize("optimizer", ["nesterov", "adam"])
@pytest.mark.parametrize("drop", [0.0, 1e-9])
def test_without_a_move_the_bits_are_those_of_train(optimizer: str, drop: float) -> None:
    options: dict[str, Any] = {
        "optimizer": optimizer, "epochs": 6, "dropout": 0.1, "seed": 5, "batch_size": 20,
        "validation_data": (X, LABELS),
    }  # fmt: skip
    fixed, moving = network(), Moving(network(), grow="gradient", drop=drop, every=7)
    history = snn.train(fixed, X, LABELS, **options)
    same = baselines.train_moving(moving, X, LABELS, **options)
    np.testing.assert_array_equal(moving.net.parameters, fixed.parameters)
    assert [e.validation_loss for e in same] == [e.validation_loss for e in history]
    assert [move.n_new for move in moving.moves] == [0] * (int(0.75 * 6 * 15) // 7)
    assert same.optimizer_state.steps == history.optimizer_state.steps == 6 * 15
    np.testing.assert_array_equal(same.optimizer_state.vectors, history.optimizer_state.vectors)


@pytest.mark.parametrize("grow", ["random", "gradient"])
def test_the_driver_makes_the_steps_that_calls_by_hand_make(grow: str) -> None:
    """Epochs of 15 steps, in order; the wiring moves after the first and the second."""
    adam, begun = snn.Adam(0.01), network(activation="relu", output_activation="softmax")
    moving = Moving(begun, grow=grow, drop=0.5, every=15)
    trained(moving, optimizer=adam, epochs=1)  # it ends before it would move
    assert not moving.moves
    moving = Moving(begun, grow=grow, drop=0.5, every=15, until=1.0)
    order: list[Any] = []
    baselines.train_moving(
        moving, X, LABELS, optimizer=adam, epochs=3, batch_size=20, seed=5,
        callbacks=[lambda net, epoch: order.append(net.topologies[0]) and None],
    )  # fmt: skip

    net, state = snn.MLP.from_parameters(
        begun.topologies, begun.parameters, "relu", "softmax"
    ), None  # fmt: skip
    shuffling = np.random.default_rng(5)
    drawing = np.random.default_rng(5).spawn(1)[0]
    for epoch in range(3):
        rows = np.arange(300)
        shuffling.shuffle(rows)
        history = snn.train(
            net, X, LABELS, rows=rows, shuffle=False, optimizer=adam, optimizer_state=state,
            epochs=1, batch_size=20, seed=5,
        )  # fmt: skip
        state = history.optimizer_state
        if epoch < 2:
            share = 0.25 * (1 + math.cos(math.pi * (epoch + 1) / 3))
            last, gradients = rows[-20:], None
            if grow == "gradient":
                twin = baselines.dense_twin(net)
                gradients = twin.loss_and_gradients(X[last], LABELS[last])[1].weights
            moved = baselines.rewire(net, share, gradients=gradients, seed=drawing)
            assert moving.moves[epoch].n_new == (moved.origins < 0).sum() > 0
            net = moved.net
            state = snn.OptimizerState(moved.carried(state.vectors), state.steps)
        assert order[epoch] == net.topologies[0]
    assert net.topologies == moving.net.topologies
    np.testing.assert_array_equal(net.parameters, moving.net.parameters)
    assert begun.topologies == network().topologies


@pytest.mark.parametrize("grow", ["random", "gradient"])
def test_seeds_and_threads(grow: str, threads: Callable[[int], None]) -> None:
    found = []
    for seed, n_threads in [(1, 1), (1, 2), (2, 1)]:
        threads(n_threads)
        moving = Moving(network(), grow=grow, every=10)
        trained(moving, epochs=8, seed=seed)
        assert moving.net.n_connections == network().n_connections
        assert [move.step for move in moving.moves] == list(range(10, 90, 10))
        assert min(move.seconds for move in moving.moves) > 0
        found.append(moving.net)
    assert found[0].topologies == found[1].topologies
    np.testing.assert_array_equal(found[0].parameters, found[1].parameters)
    assert found[0].topologies != found[2].topologies


@pytest.mark.parametrize("grow", ["random", "gradient"])
def test_edges_leave_inputs_that_say_nothing(grow: str) -> None:
    """The labels depend on five of the twelve inputs."""
    moving = Moving(network(), grow=grow, every=10)
    history = trained(moving, epochs=40, optimizer=snn.NesterovSGD(snn.WarmUpDecay(10.0)))
    degrees = moving.net.topologies[0].out_degrees
    assert degrees[[0, 1, 2, 3, 5]].mean() > 1.4 * degrees[6:].mean()
    assert snn.evaluate(moving.net, X, LABELS).accuracy > 0.88
    assert sum(history.column("seconds")) > sum(move.seconds for move in moving.moves)


def test_a_training_that_raises_changes_nothing() -> None:
    moving = Moving(network(), every=5)
    before, bits = moving.net, moving.net.parameters.copy()
    spoilt = X.copy()
    spoilt[0, 0] = np.nan
    with pytest.raises(snn.DataError):
        baselines.train_moving(moving, spoilt, LABELS, optimizer="adam", batch_size=20)
    linear = Moving(network(output_activation="identity"), every=1)
    with pytest.raises(FloatingPointError, match="diverged: in step 3,"):
        trained(linear, optimizer=snn.SGD(1e18))
    assert moving.net is before
    assert moving.moves == []
    np.testing.assert_array_equal(before.parameters, bits)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Moving(network(), grow="loss"), ValueError, "grow must be one of random, grad"),
        (lambda: Moving(network(), drop=1), ValueError, "drop must be .* below 1, got 1"),
        (lambda: Moving(network(), every=0), ValueError, "every must be at least 1, got 0"),
        (lambda: Moving(network(), until=1.5), ValueError, "at most 1, got 1.5"),
        (
            lambda: Moving(snn.MLP([topology.dense(3, 2)])),
            ValueError, "all layers are fully connected: there is no place",
        ),
        (
            lambda: trained(Moving(network()), callbacks=[snn.callbacks.EarlyStopping()]),
            ValueError, "whose edges move must be functions of .net, epoch., got EarlyStopping",
        ),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
