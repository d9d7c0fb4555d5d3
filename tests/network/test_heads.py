"""Outputs with a weight each in the loss, at inner levels too, and targets that are missing."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import minisnn as snn
from minisnn import topology

EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("p", "first"), ("q", "first"),
         ("first", "r"), ("p", "r"), ("r", "second"), ("r", "third")]  # fmt: skip
OUTPUTS = ["third", "first", "second"]
LOSSES = ["mse", "huber", "binary_cross_entropy"]
CLOSE: Any = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def net() -> snn.Network:
    wiring = snn.wiring.from_edges(EDGES, inputs=["a", "b", "c"], outputs=OUTPUTS)
    return snn.Network(wiring.with_units(2), activation="tanh", seed=0, dtype=np.float64)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.standard_normal((60, 3)), rng.random((60, 3))


def with_gaps(rng: np.random.Generator, Y: Any, share: float = 0.3) -> Any:
    Y = Y.copy()
    Y[rng.random(Y.shape) < share] = np.nan
    Y[:, 0] = np.nan  # an output without any target
    return Y


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_the_mean_of_weighted_losses(net: snn.Network, data: Any, loss: str) -> None:
    """So it is for values and gradients: each output alone is a sum of others with weight 0."""
    X, Y = data
    weights = np.array([0.5, 2.0, 3.0])
    value, gradients = net.loss_and_gradients(X, Y, loss=loss, output_weights=weights)
    parts = [net.loss_and_gradients(X, Y, loss=loss, output_weights=row) for row in np.eye(3)]
    assert value == pytest.approx(sum(w * part[0] for w, part in zip(weights, parts, strict=True)))
    expected = sum(w * part[1].parameters for w, part in zip(weights, parts, strict=True))
    np.testing.assert_allclose(gradients.parameters, expected, **CLOSE)
    plain = net.loss_and_gradients(X, Y, loss=loss)
    assert sum(part[0] for part in parts) == pytest.approx(plain[0])
    named = dict(zip(OUTPUTS, weights, strict=True))
    again = net.loss_and_gradients(X, Y, loss=loss, output_weights=named)
    np.testing.assert_array_equal(again[1].parameters, gradients.parameters)
    evaluated = snn.evaluate(net, X, Y, loss=loss, output_weights=weights)
    assert evaluated.loss == pytest.approx(value)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_missing_targets_do_not_count(
    net: snn.Network, data: Any, rng: np.random.Generator, loss: str, weighted: bool
) -> None:
    """Each output's loss is that of its own samples alone."""
    X, full = data
    Y = with_gaps(rng, full)
    sample_weight = rng.random(60) if weighted else None
    value, gradients = net.loss_and_gradients(
        X, Y, loss=loss, missing_targets=True, sample_weight=sample_weight
    )
    total, expected = 0.0, np.zeros_like(net.parameters)
    for i, row in enumerate(np.eye(3)):
        there = ~np.isnan(Y[:, i])
        if there.any():
            own = None if sample_weight is None else sample_weight[there]
            part = net.loss_and_gradients(
                X[there], full[there], loss=loss, output_weights=row, sample_weight=own
            )
            total, expected = total + part[0], expected + part[1].parameters
    assert value == pytest.approx(total)
    np.testing.assert_allclose(gradients.parameters, expected, **CLOSE)
    if not weighted:
        evaluated = snn.evaluate(net, X, Y, loss=loss, missing_targets=True)
        assert evaluated.loss == pytest.approx(value)
    whole = net.loss_and_gradients(X, full, loss=loss, missing_targets=True)
    assert whole[0] == pytest.approx(net.loss_and_gradients(X, full, loss=loss)[0])


def test_training(net: snn.Network, data: Any, rng: np.random.Generator, tmp_path: Path) -> None:
    X, Y = data[0], with_gaps(rng, data[1])
    before = net.weights_frame()
    path = tmp_path / "c.npz"

    def train(epochs: int, **options: Any) -> snn.History:
        return snn.train(
            net, X, Y, optimizer=snn.NesterovSGD(0.1), epochs=epochs, batch_size=16, seed=0,
            validation_data=(X, Y), missing_targets=True, checkpoint=path,
            **{"output_weights": {"second": 0.5}, **options},
        )  # fmt: skip

    history = train(3)
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert np.isfinite(history.column("validation_loss")).all()
    moved = net.weights_frame().weight != before.weight
    of_third = before.target == "third"  # it has no target at all
    assert not moved[of_third].any()
    assert moved[~of_third].all()
    with pytest.raises(snn.FileFormatError, match="loss"):
        train(5, output_weights={"second": 0.25}, resume="extend")
    with pytest.raises(snn.DataError, match="must be finite"):
        snn.train(net, X, Y, optimizer="sgd", epochs=1, seed=0)
    Y[4, 1] = np.inf
    with pytest.raises(snn.DataError, match="got inf in sample 4, column 'first'"):
        snn.train(net, X, Y, optimizer="sgd", epochs=1, seed=0, missing_targets=True)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_an_epoch_is_that_of_evaluate(net: snn.Network, data: Any, loss: str) -> None:
    """However few targets an output has, and however they fall into batches."""
    X, Y = data[0], data[1].copy()
    Y[np.arange(60) % 17 > 0, 0] = np.nan
    Y[:50, 1] = np.nan
    options: Any = {"loss": loss, "missing_targets": True, "output_weights": {"second": 3.0}}
    expected = snn.evaluate(net, X, Y, **options).loss
    history = snn.train(net, X, Y, optimizer=snn.SGD(1e-13), epochs=2, batch_size=7, **options)
    np.testing.assert_allclose(history.column("loss"), expected, rtol=1e-9)


def test_samples_of_weight_0_do_not_count(net: snn.Network, data: Any) -> None:
    X, Y = data
    weights = (np.arange(60) % 5 > 0) & (np.arange(60) > 6)
    options: Any = {"optimizer": snn.SGD(1e-13), "epochs": 1, "batch_size": 7}
    history = snn.train(net, X, Y, sample_weight=weights.astype(float), **options)
    expected = snn.evaluate(net, X, Y, rows=weights).loss
    np.testing.assert_allclose(history.epochs[0].loss, expected, rtol=1e-9)


def test_batches_without_targets_have_no_loss(net: snn.Network, data: Any) -> None:
    """As those in which all samples have weight 0: their 0 is no part of the epoch's mean."""
    X, Y = data
    gappy, weights = Y.copy(), np.ones(60)
    gappy[:20], weights[:20] = np.nan, 0
    options: Any = {"optimizer": snn.SGD(1e-9), "epochs": 1, "batch_size": 10, "shuffle": False}
    losses = [
        snn.train(copy.deepcopy(net), X, targets, **options, **more).epochs[0].loss
        for targets, more in (
            (gappy, {"missing_targets": True}),
            (Y, {"sample_weight": weights}),
            (Y, {"rows": np.arange(20, 60)}),
        )
    ]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-12)
    weights = 1 - weights
    with pytest.raises(ValueError, match="got NaN alone where sample_weight is not 0: there is"):
        snn.train(net, X, gappy, missing_targets=True, sample_weight=weights, **options)


def test_outputs_are_never_dropped(rng: np.random.Generator) -> None:
    """Those at inner levels neither, and what reads them reads all of them."""
    edges = [("a", "early"), ("b", "hidden"), ("early", "late"), ("hidden", "other")]
    wiring = snn.wiring.from_edges(edges, outputs=["early", "late", "other"])
    net = snn.Network(wiring, activation="tanh", seed=0)
    data = rng.random((30, 2)), rng.random((30, 3))
    for output, is_same in (("early", True), ("late", True), ("other", False)):
        weights = {name: float(name == output) for name in wiring.outputs}
        whole, _ = net.loss_and_gradients(*data, output_weights=weights)
        dropped, _ = net.loss_and_gradients(*data, output_weights=weights, dropout=[0.0, 0.9])
        assert (whole == dropped) == is_same


def test_an_mlp_takes_them_too(rng: np.random.Generator) -> None:
    net = snn.MLP([topology.dense(4, 5), topology.dense(5, 2)], seed=0, dtype=np.float64)
    X, Y = rng.random((20, 4)), rng.random((20, 2))
    value, _ = net.loss_and_gradients(X, Y, output_weights=[2, 2])
    assert value == pytest.approx(2 * net.loss_and_gradients(X, Y)[0])
    labels = rng.integers(0, 2, 20)
    by_label = net.loss_and_gradients(X, labels, output_weights=[1, 3])[0]
    assert by_label == pytest.approx(
        net.loss_and_gradients(X, np.eye(2)[labels], output_weights=[1, 3])[0]
    )
    assert snn.evaluate(net, X, labels, output_weights=[1, 3]).loss == pytest.approx(by_label)


def test_weights_in_a_series_are_matched_by_name(net: snn.Network, data: Any) -> None:
    named = {"first": 2.0, "second": 0.0, "third": 1.0}  # not the order of the outputs
    expected = snn.evaluate(net, *data, output_weights=named).loss
    assert snn.evaluate(net, *data, output_weights=pd.Series(named)).loss == expected
    by_position = pd.Series([1.0, 2.0, 0.0])
    assert snn.evaluate(net, *data, output_weights=by_position.to_numpy()).loss == expected


def test_refusals(net: snn.Network, data: Any) -> None:
    for weights, message in (
        (pd.Series({"first": 1, "second": 1, "fourth": 1}), "lacks 'third' and also has 'fourth'"),
        (["1", "2", "3"], "output_weights must hold real numbers, got <U1"),
        ([1j, 2, 3], "output_weights must hold real numbers, got complex128"),
        ([1, 2], "one entry for each of the 3 outputs"),
        ([1, -1, 2], "an output weight must be a finite number, at least 0"),
        ([0, 0, 0], "must not all be 0"),
        ({"fourth": 1}, "must be of outputs, 'third', 'first', 'second', got 'fourth'"),
        ({"first": "much"}, "an output weight"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            net.loss_and_gradients(*data, output_weights=weights)
    classes = snn.MLP([topology.dense(3, 3)], output_activation="softmax", seed=0)
    with pytest.raises(ValueError, match="output_weights do not go with loss 'cross_entropy'"):
        snn.evaluate(classes, data[0], [0, 1, 2] * 20, output_weights=[1, 2, 3])
    with pytest.raises(ValueError, match="need names of the outputs"):
        classes.loss_and_gradients(data[0], [0, 1, 2] * 20, output_weights={"a": 1})
    none, some = np.full((60, 3), np.nan), with_gaps(np.random.default_rng(0), data[1])
    options: Any = {"missing_targets": True, "rows": [0, 1]}
    some[:2] = np.nan
    for Y in (none, some):
        with pytest.raises(ValueError, match="Y must hold a target at least, got NaN alone"):
            snn.evaluate(net, data[0], Y, **options)
    options |= {"optimizer": "adam", "rows": None, "validation_data": (data[0], none)}
    with pytest.raises(ValueError, match="validation Y must hold a target at least"):
        snn.train(net, data[0], some, **options)
    with pytest.raises(TypeError, match="missing_targets must be True or False"):
        net.loss_and_gradients(*data, missing_targets="yes")  # type: ignore[arg-type]
