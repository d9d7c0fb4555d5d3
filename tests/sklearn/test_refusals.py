"""Estimators are unchanged after a call that raised an error."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.exceptions import ConvergenceWarning, NotFittedError

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8))
CLASSES = np.array(["a", "b", "c"])
TARGETS: dict[str, tuple[type, Any]] = {
    "classes": (SparseMLPClassifier, CLASSES[(X[:, :2] > 0).sum(axis=1)]),
    "labels": (SparseMLPClassifier, (X[:, :3] > 0).astype(int)),
    "numbers": (SparseMLPRegressor, X[:, 0]),
    "several numbers": (SparseMLPRegressor, X[:, :2]),
}
OPTIONS: dict[str, Any] = {
    "hidden_layer_sizes": (10,), "max_iter": 3, "tol": None, "random_state": 0, "batch_size": 20,
    "dropout": 0.1,
}  # fmt: skip


def fail(net: snn.MLP, epoch: snn.Epoch) -> None:
    raise RuntimeError("no more")


def interrupt(net: snn.MLP, epoch: snn.Epoch) -> None:
    """As a second Ctrl-C does, in the midst of a training."""
    raise KeyboardInterrupt


def fall_short(epoch: float, epochs: int) -> float:
    return -1.0 if epoch % 1 > 0.5 else 0.1


def changed(array: Any, value: float) -> Any:
    array = array.copy()
    array[5] = value
    return array


BAD_DATA: dict[str, Callable[[Any], dict[str, Any]]] = {
    "rows": lambda y: {"y": y[:-1]},
    "no rows": lambda y: {"X": X[:0], "y": y[:0]},
    "NaN": lambda y: {"X": changed(X, np.nan)},
    "a value too large": lambda y: {"X": changed(X, np.inf)},
    "words": lambda y: {"X": X.astype("U3") + "?"},
    "masked X": lambda y: {"X": np.ma.masked_less(X, 0)},
    "masked rows": lambda y: {"X": list(np.ma.masked_less(X, 0))},
    "masked y": lambda y: {"y": np.ma.masked_array(y, np.arange(y.size).reshape(y.shape) == 3)},
    "a broken sparse array": lambda y: {"X": broken()},
    "masked weights": lambda y: {"sample_weight": np.ma.masked_less(np.arange(60.0), 5)},
    "too few weights": lambda y: {"sample_weight": [1.0]},
    "weights below 0": lambda y: {"sample_weight": -np.ones(60)},
    "weights of 0": lambda y: {"sample_weight": np.zeros(60)},
    "weights of NaN": lambda y: {"sample_weight": np.full(60, np.nan)},
}
"""Refused always."""

OTHER_DATA: dict[str, Callable[[Any], dict[str, Any]]] = {
    "columns": lambda y: {"X": X[:, 1:]},
    "outputs": lambda y: {"y": X[:, :5] > 0 if y.ndim == 1 else y[:, 0]},
}
"""Refused where a training goes on."""

BAD_OPTIONS: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 1.5},
    "batch_size": {"batch_size": 0},
    "max_iter": {"max_iter": 0},
    "tol": {"tol": "low"},
    "loss": {"loss": "hinge"},
    "optimizer": {"optimizer": "lbfgs"},
    "learning_rate": {"learning_rate": "adaptive"},
    "callbacks": {"callbacks": [3]},
    "verbose": {"verbose": "loudly"},
    "a schedule that falls short": {"learning_rate": fall_short},
    "a callback that fails": {"callbacks": [fail]},
    "Ctrl-C": {"callbacks": [interrupt]},
    "a divergence": {"optimizer": snn.SGD(1e200), "activation": "identity"},
}
OTHER_OPTIONS: dict[str, dict[str, Any]] = {
    "random_state": {"random_state": -1},
    "hidden_layer_sizes": {"hidden_layer_sizes": (0,)},
    "topology": {"topology": "ring"},
    "degree": {"degree": 1000},
    "density": {"density": 7},
    "activation": {"activation": "step"},
}
"""Refused where a network is made."""


def broken() -> Any:
    matrix = scipy.sparse.csr_array(X)
    matrix.indptr[3] = 10**6
    return matrix


def make(target: str, how: str) -> Any:
    """Return an estimator that was trained in some way, or not at all."""
    return deepcopy(made(target, how))


@cache
def made(target: str, how: str) -> Any:
    kind, y = TARGETS[target]
    model = kind(warm_start=how == "warm fit", early_stopping=how == "early stopping", **OPTIONS)
    if how == "partial_fit":
        return call(call(model, "partial_fit", y=y), "partial_fit", y=y)
    return model if how == "never" else model.fit(X, y)


def call(model: Any, method: str, **given: Any) -> Any:
    given = {"X": X, **given}
    y = given["y"]
    if method == "partial_fit" and isinstance(model, SparseMLPClassifier):
        given["classes"] = CLASSES if np.ndim(y) == 1 else [0, 1, 2]
    return getattr(model, method)(**given)


def assert_refused(
    model: Any, method: str, error: Any = (ValueError, TypeError), **given: Any
) -> None:
    """All that is seen of it is as if nothing had happened."""
    before = pickle.dumps(model)
    attributes = {name: id(value) for name, value in vars(model).items()}
    with pytest.raises(error):
        call(model, method, **given)
    assert pickle.dumps(model) == before
    assert {name: id(value) for name, value in vars(model).items()} == attributes


def assert_goes_on(model: Any, twin: Any) -> None:
    """A model goes on as its twin does, of which nothing was asked."""
    if not hasattr(twin, "net_"):
        with pytest.raises(NotFittedError):
            model.predict(X)
        return
    assert model.predict(X).tobytes() == twin.predict(X).tobytes()
    assert model.loss_curve_ == twin.loss_curve_
    y = model.predict(X)
    for each in (model, twin):
        call(each, "fit" if each.early_stopping else "partial_fit", y=y)
    assert model.net_.parameters.tobytes() == twin.net_.parameters.tobytes()


WAYS = [
    ("never", "fit"), ("never", "partial_fit"), ("fit", "fit"), ("warm fit", "fit"),
    ("fit", "partial_fit"), ("partial_fit", "partial_fit"), ("early stopping", "fit"),
]  # fmt: skip
GOING_ON = [way for way in WAYS if way[0] == "warm fit" or way in (("fit", "partial_fit"),
            ("partial_fit", "partial_fit"))]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("how", "method"), WAYS)
def test_of_data(target: str, how: str, method: str) -> None:
    y, model = TARGETS[target][1], make(target, how)
    for given in BAD_DATA.values():
        assert_refused(model, method, **{"y": y, **given(y)})
    assert_goes_on(model, make(target, how))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("how", "method"), GOING_ON)
def test_of_data_that_is_not_the_first_one_s(target: str, how: str, method: str) -> None:
    y, model = TARGETS[target][1], make(target, how)
    for given in OTHER_DATA.values():
        assert_refused(model, method, **{"y": y, **given(y)})
    if target == "classes":
        assert_refused(model, method, y=np.where(y == "a", "d", y))
        if method == "partial_fit":
            with pytest.raises(ValueError, match="is not the same as on last call"):
                model.partial_fit(X, y, classes=["a", "b"])
    assert_goes_on(model, make(target, how))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("how", "method"), WAYS)
def test_of_options(target: str, how: str, method: str) -> None:
    y, model = TARGETS[target][1], make(target, how)
    usual = model.get_params()
    errors = (ValueError, TypeError, RuntimeError, KeyboardInterrupt, FloatingPointError)
    new_network = (how, method) not in GOING_ON
    for options in [*BAD_OPTIONS.values(), *(OTHER_OPTIONS.values() if new_network else [])]:
        if "activation" in options and target != "several numbers" and len(options) > 1:
            continue  # losses of classes are finite at any weights
        assert_refused(model.set_params(**options), method, errors, y=y)
        model.set_params(**{name: usual[name] for name in options})
    assert_goes_on(model, make(target, how))


def test_of_columns_with_other_names() -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frame = pandas.DataFrame(X, columns=list("abcdefgh"))
    for kind, y in TARGETS.values():
        model = kind(**OPTIONS).fit(frame, y)
        before = pickle.dumps(model)
        for other in (frame.rename(columns={"a": "z"}), frame[frame.columns[::-1]]):
            for method in ("partial_fit", "predict"):
                with pytest.raises(ValueError, match="feature names"):
                    getattr(model, method)(other, *([y] if method == "partial_fit" else []))
                assert pickle.dumps(model) == before


def test_of_what_cannot_be_predicted() -> None:
    model = make("numbers", "fit")
    before = pickle.dumps(model)
    for given in (X[:, 1:], changed(X, np.nan), np.ma.masked_less(X, 0), broken(), None, X[0]):
        with pytest.raises((ValueError, TypeError)):
            model.predict(given)
        assert pickle.dumps(model) == before


def test_of_warnings_that_are_errors() -> None:
    for how in ("never", "fit", "warm fit"):
        model = make("classes", how).set_params(tol=1e-4)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            assert_refused(model, "fit", ConvergenceWarning, y=TARGETS["classes"][1])


def test_of_parameters_leaves_all_of_them() -> None:
    model = make("classes", "fit")
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="SparseMLPClassifier has no parameter 'solver'"):
        model.set_params(degree=7, solver="adam")
    assert pickle.dumps(model) == before


def test_a_generator_of_the_user_s_own_is_not_advanced() -> None:
    for random in (np.random.RandomState(3), np.random.default_rng(3)):
        state = pickle.dumps(random)
        with pytest.raises(ValueError, match=r"topology must be one of .*, got 'ring'"):
            SparseMLPRegressor(topology="ring", random_state=random).fit(X, X[:, 0])
        assert pickle.dumps(random) == state
