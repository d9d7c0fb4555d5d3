"""Misspelt names: errors suggest the right one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines, callbacks, experiments, reproduction
from minisnn._support.messages import counted, did_you_mean, each_of
from minisnn.sklearn import SparseMLPClassifier

NAMES = ("sigmoid", "tanh", "relu", "identity", "binary_cross_entropy", "cross_entropy", "float32")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ReLU", "relu"),
        ("sigmod", "sigmoid"),
        ("tahn", "tanh"),
        ("cross-entropy", "cross_entropy"),
        ("Cross Entropy", "cross_entropy"),
        ("crossentropy", "cross_entropy"),
        ("binary", "binary_cross_entropy"),
        ("logistic", "sigmoid"),  # scikit-learn's
        ("linear", "identity"),  # Keras'
        ("single", "float32"),  # NumPy's
        ("tan", "tanh"),
    ],
)
def test_a_name_nearly_right(given: str, meant: str) -> None:
    assert did_you_mean(given, NAMES) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize(
    "other", ["gelu", "elu", "relu6", "float16", "step", "", "r", "entropy", None, 5]
)
def test_another_name_is_taken_for_none(other: Any) -> None:
    assert did_you_mean(other, NAMES) == ""


@given(st.text(), st.lists(st.text(), max_size=4))
def test_only_names_that_there_are_get_proposed(name: str, allowed: list[str]) -> None:
    proposal = did_you_mean(name, allowed)
    assert not proposal or any(proposal == f"; did you mean {a!r}?" for a in allowed)


RUN: dict[str, Any] = {"data": {"name": "mnist_sample"}, "hidden": [9], "optimizer": {"peak": 1}}
GRAPH = snn.topology.dense(4, 2)


def train_by(optimizer: str) -> None:
    snn.train(snn.MLP([GRAPH]), np.eye(4), [0] * 4, optimizer=optimizer)


@pytest.mark.parametrize(
    ("choose", "meant"),
    [
        (lambda: snn.MLP([GRAPH], output_activation="soft_max"), "softmax"),
        (lambda: snn.MLP([GRAPH], initializer="zeros"), ""),
        (lambda: snn.MLP([GRAPH], fan="degrees"), "degree"),
        (lambda: snn.evaluate(snn.MLP([GRAPH]), np.eye(4), [0] * 4, loss="squared_error"), "mse"),
        (lambda: snn.evaluate(snn.MLP([GRAPH]), np.eye(4), [0] * 4, loss="NLL"), "cross_entropy"),
        (lambda: snn.evaluate(snn.MLP([GRAPH]), np.eye(4), [0] * 4, loss="mae"), ""),
        (lambda: train_by("adm"), "adam"),
        (lambda: train_by("sdg"), "sgd"),
        (lambda: train_by("NAG"), "nesterov"),
        (lambda: train_by("lbfgs"), ""),
        (lambda: SparseMLPClassifier(optimizer="adm").fit(np.eye(4), [0, 1, 0, 1]), "adam"),
        (lambda: SparseMLPClassifier(topology="dens").fit(np.eye(4), [0, 1, 0, 1]), "dense"),
        (lambda: SparseMLPClassifier(topology="complete").fit(np.eye(4), [0, 1, 0, 1]), "dense"),
        (lambda: snn.topology.make("fibonacci", 9, 9, 2), "fibonacci_rotating"),
        (lambda: snn.topology.make("Watts-Strogatz", 9, 9, 2), "small_world"),
        (lambda: snn.topology.make("small_world", 9, 9, 2, betas=0.1), "beta"),
        (lambda: snn.datasets.load_mnist("smaple"), "sample"),
        (lambda: callbacks.EarlyStopping(monitor="val_loss"), "validation_loss"),
        (lambda: snn.History().column("validation-loss"), "validation_loss"),
        (lambda: experiments.Data(name="mnist-sample"), "mnist_sample"),
        (lambda: experiments.Optimizer(peak=1, name="ADAM"), "adam"),
        (lambda: experiments.Run.from_dict({**RUN, "epocs": 3}), "epochs"),
        (lambda: experiments.Run.from_dict({**RUN, "layers": [{"topolgy": "dense"}]}), "topology"),
        (lambda: experiments.expand({"base": {}, "grids": {}}), "grid"),
        (lambda: reproduction.select(["e3"]), "E3"),
        (lambda: baselines.compare([GRAPH], (0, 0), (0, [0]), names=["low-rank"]), "low rank"),
        (lambda: baselines.compare([GRAPH], (0, 0), (0, [0]), epoch=3), "epochs"),
    ],
)  # fmt: skip
def test_everywhere_a_name_is_chosen(choose: Callable[[], Any], meant: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)) as caught:
        choose()
    assert ("did you mean" in str(caught.value)) == bool(meant)
    assert f"; did you mean {meant!r}?" in str(caught.value) or not meant


@pytest.mark.parametrize("name", ["rmsprop", "lbfgs", "momentum", "adm"])
def test_an_unknown_optimiser_is_answered_with_those_there_are(name: str) -> None:
    for call in (
        lambda: train_by(name),
        lambda: experiments.Optimizer(peak=1, name=name),
        lambda: SparseMLPClassifier(optimizer=name).fit(np.eye(4), [0, 1, 0, 1]),
    ):
        with pytest.raises(ValueError, match=f"must be one of nesterov, sgd, adam, got '{name}'"):
            call()


@pytest.mark.parametrize("name", ["dense", "radix_net", "n_of_m", "Complete"])
def test_a_construction_that_is_in_no_catalogue(name: str) -> None:
    function = "dense" if name == "Complete" else name
    message = rf"no construction '{name}'; there are .*; topology\.{function} takes other arguments"
    with pytest.raises(ValueError, match=message):
        snn.topology.make(name, 8, 8, 2)


def test_names_of_schedules_are_none() -> None:
    message = (
        r"{} must be a number or a schedule, such as minisnn\.CosineDecay\(0\.01\), got 'cosine'"
    )
    with pytest.raises(TypeError, match=message.format("learning_rate")):
        snn.SGD("cosine")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=message.format("learning_rate")):
        SparseMLPClassifier(learning_rate="cosine").fit(np.eye(4), [0, 1, 0, 1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=message.format("then")):
        snn.WarmUp("cosine")  # type: ignore[arg-type]


def test_numbers_with_what_they_count() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]
    assert [each_of(n, "row") for n in (1, 2)] == ["the one row", "each of the 2 rows"]
