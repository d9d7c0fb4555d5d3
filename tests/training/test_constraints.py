"""Constraints hold exactly after every step: signs, frozen weights and biases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import topology

EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("p", "r"), ("c", "r"), ("q", "case"),
         ("r", "case"), ("p", "case")]  # fmt: skip
OPTIMIZERS = [
    snn.NesterovSGD(0.5, weight_decay=1e-2, l1=1e-2),
    snn.Adam(0.05, weight_decay=1e-2),
    snn.NesterovSGD(0.5, clip_norm=0.05),
    snn.Adam(0.05, clip_norm=0.05, l1=1e-2),
]


@pytest.fixture
def net() -> snn.Network:
    wiring = snn.wiring.from_edges(EDGES, inputs=["a", "b", "c"], outputs=["case"]).with_units(2)
    return snn.Network(wiring, activation="tanh", seed=3)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    X = rng.standard_normal((64, 3)).astype(np.float32)
    return X, (X[:, :1] > X[:, 1:2]).astype(float)


def train(net: Any, data: Any, constraints: snn.Constraints, **options: Any) -> snn.History:
    return snn.train(
        net, *data, constraints=constraints,
        **{"optimizer": OPTIMIZERS[0], "epochs": 4, "batch_size": 16, "seed": 0, **options},
    )  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_signs_by_source(
    net: snn.Network, data: Any, optimizer: Any, n_threads: int, threads: Any
) -> None:
    threads(n_threads)
    signs = {"a": 1, "b": -1, "p": -1, "r": 1}
    seen = []

    def look(net: snn.Network, _: snn.Epoch) -> None:
        for source, _target, weight in net.weights_frame().itertuples(index=False):
            name = source[0] if isinstance(source, tuple) else source
            assert signs.get(name, 0) * weight >= 0
            seen.append(weight)

    before = net.weights_frame().weight
    train(net, data, snn.Constraints(signs=signs), optimizer=optimizer, callbacks=[look])
    assert len(seen) == 4 * net.n_connections
    after = net.weights_frame()
    free = after.source == "c"
    assert (after.weight[free] != before[free]).all()


def test_weights_of_the_wrong_sign_begin_as_their_opposite(net: snn.Network, data: Any) -> None:
    before = net.weights_frame().weight
    assert (before < 0).any()
    train(net, data, snn.Constraints(non_negative=True), optimizer=snn.SGD(0.0), epochs=1)
    np.testing.assert_array_equal(net.weights_frame().weight, before.abs())
    train(net, data, snn.Constraints(non_negative=True), optimizer=snn.SGD(2.0), epochs=9)
    assert (net.weights_frame().weight >= 0).all()
    assert (net.weights_frame().weight == 0).any(), "some would have become negative"


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_frozen_parameters_stay_to_the_bit(
    net: snn.Network, data: Any, rng: np.random.Generator, optimizer: Any
) -> None:
    frozen = rng.random(net.n_connections) < 0.5
    weights, biases = net.weights_frame().weight, net.biases_frame().bias
    rules = snn.Constraints(frozen_weights=frozen, frozen_biases=True)
    train(net, data, rules, optimizer=optimizer)
    after = net.weights_frame().weight
    np.testing.assert_array_equal(after[frozen], weights[frozen])
    assert (after[~frozen] != weights[~frozen]).all()
    np.testing.assert_array_equal(net.biases_frame().bias, biases)


def test_frozen_gradients_do_not_count_in_the_norm(data: Any) -> None:
    """With all but the outputs frozen a step is as long as the limit says."""
    graphs = [topology.dense(3, 5), topology.dense(5, 1)]
    net = snn.MLP(graphs, seed=0, dtype=np.float64)
    frozen = np.arange(20) < 15
    before = net.parameters.copy()
    biases = np.array([True] * 5 + [False])
    rules = snn.Constraints(frozen_weights=frozen, frozen_biases=biases)
    optimizer = snn.SGD(1.0, 0.0, clip_norm=1e-6)
    train(net, data, rules, optimizer=optimizer, epochs=1, batch_size=64)
    assert np.linalg.norm(net.parameters - before) == pytest.approx(1e-6)
    np.testing.assert_array_equal(net.layers[0].weights, before[:15])


def test_a_training_that_is_gone_on_with(net: snn.Network, data: Any, tmp_path: Path) -> None:
    frozen = np.arange(net.n_connections) % 3 == 0
    rules, path = snn.Constraints(signs={"b": -1}, frozen_weights=frozen), tmp_path / "c.npz"
    other = snn.Network(net.wiring, activation="tanh", seed=8)
    whole = snn.Network(net.wiring, activation="tanh", seed=3)
    train(net, data, rules, epochs=2, checkpoint=path)
    with pytest.raises(snn.FileFormatError, match="constraints"):
        train(other, data, snn.Constraints(), epochs=4, checkpoint=path, resume="extend")
    train(other, data, rules, epochs=4, checkpoint=path, resume="extend")
    train(whole, data, rules, epochs=4)
    np.testing.assert_array_equal(other.parameters, whole.parameters)


def test_refusals(net: snn.Network, data: Any) -> None:
    for options, message in (
        ({"signs": {"a": 2}}, "signs must be 1 or -1, got 2"),
        ({"signs": ["a"]}, "signs must be a mapping"),
        ({"signs": {"a": 1}, "non_negative": True}, "exclude each other"),
        ({"non_negative": 1}, "non_negative must be True or False"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            snn.Constraints(**options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="signs must be of terms of the wiring, got 'z'"):
        train(net, data, snn.Constraints(signs={"z": 1}))
    with pytest.raises(ValueError, match="one entry for each of the 20 edges"):
        train(net, data, snn.Constraints(frozen_weights=[True]))
    with pytest.raises(TypeError, match="constraints must be of type Constraints"):
        train(net, data, {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="which only a Network has"):
        train(snn.MLP([topology.dense(3, 1)], seed=0), data, snn.Constraints(signs={"a": 1}))
