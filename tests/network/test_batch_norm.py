"""Batch normalisation: gradients, running moments, predictions, folding."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import topology
from minisnn.kernels.functions.normalisation import EPSILON, MOMENTUM

EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("p", "r"), ("c", "r"), ("q", "case"),
         ("r", "case"), ("p", "case")]  # fmt: skip


@pytest.fixture
def wiring() -> snn.wiring.Wiring:
    return snn.wiring.from_edges(EDGES, inputs=["a", "b", "c"], outputs=["case"]).with_units(3)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    X = 3 + rng.standard_normal((64, 3))
    return X, (X[:, :1] > X[:, 1:2]).astype(float)


def network(wiring: snn.wiring.Wiring, **options: Any) -> snn.Network:
    return snn.Network(
        wiring, **{"activation": "tanh", "batch_norm": True, "seed": 1, "dtype": np.float64,
                   **options},
    )  # fmt: skip


def central_differences(net: snn.Network, *data: Any, **options: Any) -> Any:
    expected, step = np.zeros_like(net.parameters), 1e-6
    for k in range(len(expected)):
        values = []
        for sign in (1, -1):
            net.parameters[k] += sign * step
            values.append(net.loss_and_gradients(*data, **options)[0])
            net.parameters[k] -= sign * step
        expected[k] = (values[0] - values[1]) / (2 * step)
    return expected


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "leaky_relu", "identity"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients(
    wiring: snn.wiring.Wiring, data: Any, rng: np.random.Generator, activation: str, dropout: float
) -> None:
    net = network(wiring, activation=activation)
    net.parameters[:] += 0.1 * rng.random(len(net.parameters))
    options = {"dropout": dropout, "seed": 5}
    _, gradients = net.loss_and_gradients(*data, **options)
    expected = central_differences(net, *data, **options)
    np.testing.assert_allclose(gradients.parameters, expected, rtol=1e-5, atol=1e-9)


def test_a_normalised_level_has_the_moments_that_it_should(
    wiring: snn.wiring.Wiring, data: Any
) -> None:
    """One step without learning; then predictions by the running moments."""
    X, Y = data
    net = network(wiring, activation="identity")
    edges = net.weights_frame().itertuples(index=False)
    weights = {(source, target): weight for source, target, weight in edges}
    snn.train(net, X, Y, optimizer=snn.SGD(0.0), epochs=1, batch_size=64, seed=0)
    place = {"a": 0, "b": 1, "c": 2}
    target = ("p", 1)
    frame = net.biases_frame()
    row = frame.iloc[list(frame.target).index(target)]
    Z = sum(weights[source, target] * X[:, place[source]] for source in ("a", "b"))
    assert row["mean"] == pytest.approx(MOMENTUM * Z.mean())
    variance = 1 + MOMENTUM * (Z.var(ddof=1) - 1)
    assert row["variance"] == pytest.approx(variance)
    expected = (Z - MOMENTUM * Z.mean()) / np.sqrt(variance + EPSILON)
    np.testing.assert_allclose(net.activations(X)["p"][:, 1], expected)
    assert frame["scale"].isna().sum() == 1
    assert row["scale"] == 1


@pytest.mark.parametrize("optimizer", [snn.NesterovSGD(0.1), snn.Adam(0.01, clip_norm=0.05)])
@pytest.mark.parametrize(("scale", "shift"), [(True, True), (False, True), (True, False)])
def test_what_is_not_trained_stays(
    wiring: snn.wiring.Wiring, data: Any, scale: bool, shift: bool, optimizer: Any
) -> None:
    net = network(wiring, batch_norm=snn.BatchNorm(scale=scale, shift=shift))
    snn.train(net, *data, optimizer=optimizer, epochs=4, batch_size=16, seed=0)
    hidden = net.biases_frame().dropna()
    assert (hidden.scale == 1).all() == (not scale)
    assert (hidden.bias == 0).all() == (not shift)
    assert (hidden["mean"] != 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions(wiring: snn.wiring.Wiring, data: Any, dtype: Any, threads: Any) -> None:
    """Of one sample, of many, of bytes, folded, on any number of threads."""
    X, Y = data
    images = (40 * X).clip(0, 255).astype(np.uint8)
    nets = []
    for number in (1, 2):
        threads(number)
        net = network(wiring, dtype=dtype)
        snn.train(net, images, Y, optimizer=snn.Adam(0.01), epochs=5, batch_size=16, seed=0,
                  input_scale=1 / 255)  # fmt: skip
        nets.append(net)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    many = net.predict(images, input_scale=1 / 255)
    one = np.concatenate([net.predict(row[None], input_scale=1 / 255) for row in images])
    close = {"rtol": 2e-4 if dtype is np.float32 else 1e-10}
    np.testing.assert_allclose(one, many, **close)
    folded = net.folded()
    assert not any(folded.batch_norm)
    np.testing.assert_allclose(folded.predict(images, input_scale=1 / 255), many, **close)
    assert folded.folded() is folded
    assert snn.evaluate(net, images, Y, input_scale=1 / 255).loss < 0.25


def test_complete_levels_are_normalised_too(rng: np.random.Generator, threads: Any) -> None:
    """With sums over groups of inputs, and on BLAS."""
    for widths in ((20, 150, 9, 8, 2), (60, 200, 100, 2)):
        graphs = [topology.constant_degree(*widths[:2], degree=70, seed=1)]
        if widths[1] == 200:
            graphs = [topology.dense(*widths[:2])]
        graphs += [topology.dense(a, b) for a, b in pairwise(widths[1:])]
        net = network(snn.wiring.from_topologies(graphs))
        X, Y = rng.standard_normal((30, widths[0])), rng.random((30, 2))
        for _ in range(2):
            snn.train(net, X, Y, optimizer=snn.SGD(0.1), epochs=1, seed=0)
        np.testing.assert_allclose(net.folded().predict(X), net.predict(X), rtol=1e-9)
        _, gradients = net.loss_and_gradients(X, Y)
        for k in rng.integers(0, len(net.parameters), 12):
            values = []
            for sign in (1, -1):
                net.parameters[k] += sign * 1e-6
                values.append(net.loss_and_gradients(X, Y)[0])
                net.parameters[k] -= sign * 1e-6
            expected = (values[0] - values[1]) / 2e-6
            assert gradients.parameters[k] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_the_gradients_leave_the_moments_alone(wiring: snn.wiring.Wiring, data: Any) -> None:
    net = network(wiring)
    before = net.parameters.copy()
    net.loss_and_gradients(*data)
    net.predict(data[0])
    np.testing.assert_array_equal(net.parameters, before)


def test_a_batch_of_one_has_no_gradient_by_its_sums(wiring: snn.wiring.Wiring, data: Any) -> None:
    X, Y = data
    net = network(wiring)
    _, gradients = net.loss_and_gradients(X[:1], Y[:1])
    assert np.isfinite(gradients.parameters).all()
    assert not gradients.weights[0].any()


def test_a_training_that_is_gone_on_with_and_one_that_diverges(
    wiring: snn.wiring.Wiring, data: Any, tmp_path: Path
) -> None:
    X, Y = data

    def train(net: snn.Network, epochs: int, **options: Any) -> None:
        snn.train(net, X, Y, optimizer=snn.Adam(0.01), epochs=epochs, batch_size=20, seed=0,
                  checkpoint=tmp_path / "c.npz", **options)  # fmt: skip

    train(network(wiring), 2)
    net, whole = network(wiring, seed=3), network(wiring)
    train(net, 5, resume="extend")
    (tmp_path / "c.npz").unlink()
    train(whole, 5)
    np.testing.assert_array_equal(net.parameters, whole.parameters)
    with pytest.raises(snn.FileFormatError, match="network"):
        train(network(wiring, batch_norm=False), 5, resume=True)
    broken = network(wiring, output_activation="identity")
    with pytest.raises(FloatingPointError, match="diverged"):
        snn.train(broken, X, Y * 1e200, optimizer=snn.SGD(1e200), epochs=3, batch_size=20, seed=0)
    assert np.isfinite(broken.parameters).all()


def test_files(wiring: snn.wiring.Wiring, data: Any, tmp_path: Path) -> None:
    net = network(wiring, batch_norm=[True, snn.BatchNorm(shift=False), False])
    snn.train(net, *data, optimizer=snn.Adam(0.01), epochs=2, seed=0)
    snn.save(net, tmp_path / "net.npz")
    again = snn.load(tmp_path / "net.npz")
    assert again.batch_norm == net.batch_norm
    np.testing.assert_array_equal(again.parameters, net.parameters)
    np.testing.assert_array_equal(again.predict(data[0]), net.predict(data[0]))


def test_levels_that_are_normalised(wiring: snn.wiring.Wiring) -> None:
    net = network(wiring, batch_norm=[True, snn.BatchNorm(shift=False), False])
    assert net.batch_norm == (snn.BatchNorm(), snn.BatchNorm(shift=False), False)
    with pytest.raises(ValueError, match="one for each of the 3 levels; got 2"):
        network(wiring, batch_norm=[True, False])
    with pytest.raises(TypeError, match="must hold True, False or BatchNorm"):
        network(wiring, batch_norm=["yes"] * 3)
    with pytest.raises(TypeError, match="scale must be True or False"):
        snn.BatchNorm(scale="no")  # type: ignore[arg-type]
