"""Estimators of a wiring: inputs, classes and targets by name, and all that estimators do."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor

EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("d", "r"), ("p", "r")]
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.standard_normal((120, 4)), columns=[*"cadb"])
YES = np.where(X["a"] + X["b"] > 0, "sick", "healthy")
THREE = np.select([X["a"] > 0.5, X["c"] > 0], ["high", "mid"], "low")
BOTH = pd.DataFrame({"first": X["a"] + X["b"], "second": X["c"] - X["d"]})


def wiring(*outputs: str, units: int = 3, weights: bool = False) -> Any:
    heads = [(term, name) for name in outputs for term in ("q", "r")]
    edges = [*EDGES, *heads]
    if weights:
        table = pd.DataFrame(edges).assign(weight=np.arange(1.0, len(edges) + 1))
        return snn.wiring.from_edges(table, outputs=outputs, weight="weight")
    return snn.wiring.from_edges(edges, outputs=outputs).with_units(units)


def bits(model: Any) -> bytes:
    return model.net_.parameters.tobytes()


@pytest.mark.parametrize(
    ("kind", "outputs", "y"),
    [
        (SparseMLPClassifier, ["sick"], YES),
        (SparseMLPClassifier, ["low", "high", "mid"], THREE),
        (SparseMLPRegressor, ["first"], BOTH["first"]),
        (SparseMLPRegressor, ["first", "second"], BOTH),
    ],
)
def test_columns_of_a_frame_are_inputs_by_name(kind: Any, outputs: Any, y: Any) -> None:
    model = kind(wiring=wiring(*outputs), **QUICK).fit(X, y)
    other = X[["d", "c", "b", "a"]]
    again = clone(model).fit(other, y)
    assert bits(again) == bits(model)
    np.testing.assert_array_equal(again.predict(other), model.predict(X))
    assert model.net_.input_names == ("a", "b", "c", "d")
    assert [*model.feature_names_in_] == [*X.columns]
    by_position = clone(model).fit(X[[*"abcd"]].to_numpy(), y)
    assert bits(by_position) == bits(model)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(other)


def test_as_a_network_that_is_trained_by_hand() -> None:
    model = SparseMLPRegressor(wiring=wiring("first"), activation="tanh", **QUICK)
    model.fit(X, BOTH["first"])
    net = snn.Network(
        wiring("first"), activation="tanh", output_activation="identity", seed=model.net_.seed,
        dtype=np.float64,
    )  # fmt: skip
    seed = np.random.RandomState(0)
    seeds = [seed.randint(2**31 - 1) for _ in range(2)]
    assert seeds[0] == net.seed
    snn.train(
        net, X, BOTH[["first"]], optimizer=snn.Adam(0.001), epochs=30, batch_size=128, seed=seeds[1]
    )
    assert net.parameters.tobytes() == bits(model)


def test_outputs_are_classes_by_name() -> None:
    options = {**QUICK, "learning_rate": 0.02, "max_iter": 150}
    model = SparseMLPClassifier(wiring=wiring("mid", "low", "high"), **options).fit(X, THREE)
    assert model.net_.wiring.outputs == tuple(model.classes_) == ("high", "low", "mid")
    assert model.out_activation_ == "softmax"
    assert model.score(X, THREE) > 0.85
    np.testing.assert_array_equal(model.predict_proba(X), model.net_.predict(X))
    others = wiring("x", "y", "z")  # by position
    assert SparseMLPClassifier(wiring=others, **QUICK).fit(X, THREE).net_.wiring == others
    numbers = np.searchsorted(model.classes_, THREE) + 8  # 8, 9, 10, which texts sort otherwise
    model = SparseMLPClassifier(wiring=wiring("10", "8", "9"), **options).fit(X, numbers)
    assert model.net_.wiring.outputs == ("8", "9", "10")
    assert model.score(X, numbers) > 0.85
    floats = clone(model).fit(X, numbers.astype(float))
    assert floats.net_.wiring.outputs == ("8", "9", "10")
    one = SparseMLPClassifier(wiring=wiring("8"), **options).fit(X, 8.0 + (YES == "sick"))
    np.testing.assert_array_equal(one.predict_proba(X)[:, 0], one.net_.predict(X)[:, 0])


def test_outputs_keep_their_weights() -> None:
    given = wiring("mid", "low", "high", weights=True)
    model = SparseMLPClassifier(wiring=given, optimizer="nesterov", **QUICK)
    model.set_params(learning_rate=0.0).fit(X, THREE)
    expected = given.to_frame().set_index(["source", "target"])["weight"]
    found = model.net_.weights_frame().set_index(["source", "target"])["weight"]
    pd.testing.assert_series_equal(found.sort_index(), expected.sort_index())


@pytest.mark.parametrize("name", ["healthy", "sick", "case"])
def test_one_sigmoid_for_two_classes(name: str) -> None:
    """It is the probability of the class it is called as; else that of the second class."""
    options = {**QUICK, "learning_rate": 0.02, "max_iter": 100}
    model = SparseMLPClassifier(wiring=wiring(name), **options).fit(X, YES)
    assert (model.n_outputs_, model.out_activation_) == (1, "sigmoid")
    assert model.score(X, YES) > 0.9
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(X)).all()
    own = 0 if name == "healthy" else 1
    np.testing.assert_array_equal(probabilities[:, own], model.net_.predict(X)[:, 0])
    target = (model.classes_[own] == YES).astype(float)
    evaluated = snn.evaluate(model.net_, X, target[:, None], loss="binary_cross_entropy")
    assert evaluated.loss < 0.4
    weighted = clone(model).set_params(class_weight={"sick": 7.0}).fit(X, YES)
    by_hand = clone(model).fit(X, YES, sample_weight=np.where(YES == "sick", 7.0, 1.0))
    assert bits(weighted) == bits(by_hand) != bits(model)
    early = clone(model).set_params(early_stopping=True, validation_fraction=0.3).fit(X, YES)
    assert early.best_validation_score_ == max(early.validation_scores_) > 0.8


def test_columns_of_y_are_outputs_by_name() -> None:
    options = {**QUICK, "learning_rate": 0.02, "max_iter": 150}
    model = SparseMLPRegressor(wiring=wiring("second", "first"), **options).fit(X, BOTH)
    assert model.net_.wiring.outputs == ("first", "second")
    assert model.score(X, BOTH) > 0.8
    labels = (BOTH > 0).astype(int)
    several = SparseMLPClassifier(wiring=wiring("second", "first"), **options).fit(X, labels)
    assert several.net_.wiring.outputs == ("first", "second")
    assert (several.predict(X) == labels).to_numpy().mean() > 0.85
    with pytest.raises(
        ValueError, match=r"must be those of the first fit, in their order: 'first'"
    ):
        model.partial_fit(X, BOTH[["second", "first"]])
    with pytest.raises(ValueError, match=r"the columns of y must be those of the wiring.* 'third'"):
        clone(model).fit(X, BOTH.rename(columns={"second": "third"}))
    as_array = clone(model).fit(X, BOTH[["second", "first"]].to_numpy())
    assert as_array.net_.wiring.outputs == ("second", "first")


def test_columns_that_are_numbers_go_by_name_where_the_wiring_has_numbers() -> None:
    """As of neurons: scikit-learn takes such columns for columns without names."""
    numbers = dict(zip([*"cadb", "first", "second"], [30, 10, 40, 20, 1, 2], strict=True))
    named = wiring("first", "second")
    edges = [(numbers.get(s, s), numbers.get(t, t)) for s, t in named.edges()]
    graph = snn.wiring.from_edges(edges, outputs=[1, 2])
    XS, YS = X.rename(columns=numbers), BOTH.rename(columns=numbers)
    other = XS[[10, 20, 30, 40]]
    model = SparseMLPRegressor(wiring=graph, **QUICK).fit(XS, YS)
    np.testing.assert_array_equal(model.predict(other), model.predict(XS))
    assert bits(clone(model).fit(other, YS)) == bits(model)
    assert clone(model).fit(XS, YS[[2, 1]]).net_.wiring.outputs == (2, 1)
    for y in (YS[[2, 1]], YS.rename(columns={2: 3}), BOTH):
        with pytest.raises(ValueError, match="those of the first fit, in their order: 1, 2; got"):
            model.partial_fit(XS, y)
    for y in (YS, YS.to_numpy(), pd.DataFrame(YS.to_numpy())):  # 0, 1: no names
        clone(model).fit(XS, YS).partial_fit(XS, y)
    twin = SparseMLPRegressor(wiring=named.with_units(1), **QUICK).fit(X, BOTH)
    np.testing.assert_allclose(model.predict(other), twin.predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match=r"the columns of X must be those of .* lacks 10 and also"):
        model.predict(XS.rename(columns={10: 99}))
    with pytest.raises(ValueError, match="the columns of y must be those of the wiring"):
        clone(model).fit(XS, BOTH)


def test_outputs_at_several_levels() -> None:
    inner = snn.wiring.from_edges([*EDGES, ("q", "high"), ("high", "mid"), ("r", "mid")],
                                  outputs=["high", "mid"])  # fmt: skip
    y = np.where(X["c"] > 0, "high", "mid")
    with pytest.raises(ValueError, match=r"cross-entropy is of outputs in the last level, got 'hi"):
        SparseMLPClassifier(wiring=inner, **QUICK).fit(X, y)
    model = SparseMLPClassifier(
        wiring=inner, loss="binary_cross_entropy", learning_rate=0.05, activation="tanh", **QUICK
    )
    assert model.fit(X, y).score(X, y) > 0.8
    assert SparseMLPRegressor(wiring=inner, **QUICK).fit(X, BOTH.to_numpy()).n_layers_ == 4


def test_all_that_estimators_do() -> None:
    one, other = wiring("sick"), wiring("sick", units=1)
    model = SparseMLPClassifier(wiring=one, activation=["relu", "tanh", "relu"], **QUICK)
    assert clone(model).get_params()["wiring"] is one
    model.fit(X, YES)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.wiring == one
    assert "Wiring(4 inputs" in repr(model)
    assert not hasattr(model, "coefs_")
    with pytest.raises(AttributeError, match=r"a wiring has no layers; see net_\.weights_frame"):
        _ = model.intercepts_
    steps = clone(model).set_params(activation="relu")
    for _ in range(30):
        steps.partial_fit(X, YES, classes=["healthy", "sick"])
    assert bits(steps) == bits(clone(steps).fit(X, YES))
    warm = clone(steps).set_params(warm_start=True, max_iter=2).fit(X, YES)
    before = bits(warm)
    assert bits(warm.fit(X, YES)) != before
    grid = {"wiring": [one, other, None]}
    search = GridSearchCV(steps, grid, cv=2, error_score="raise").fit(X, YES)
    assert search.best_estimator_.wiring is search.best_params_["wiring"]
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), clone(steps))
    assert np.isfinite(cross_val_score(pipeline, X, YES, cv=2, error_score="raise")).all()
    whole = X.astype(np.float32)
    assert clone(steps).fit(whole, YES).net_.dtype == np.float32


@pytest.mark.parametrize(
    ("options", "X", "y", "message"),
    [
        ({"wiring": EDGES}, X, YES, "wiring must be of type Wiring, got"),
        ({"hidden_layer_sizes": (3,)}, X, YES, r"leave out hidden_layer_sizes, got \(3,\)"),
        ({"topology": "dense"}, X, YES, "wiring stands in the place of .*; leave out topology, go"),
        ({"degree": 3}, X, YES, "leave out degree, got 3"),
        ({"density": 0.5}, X, YES, "leave out density, got 0.5"),
        ({"loss": "cross_entropy"}, X, YES, "a softmax over one output is always 1"),
        ({"activation": ["relu"]}, X, YES, "activation must be one name, or one for each of the 3"),
        ({}, X.assign(e=1.0), YES, r"the columns of X must be .* also has 'e'.*restricted_to\(nam"),
        ({}, X[["a", "b"]], YES, r"it lacks 'c', 'd'.*a wiring for given columns is wiring.restri"),
        (
            {},
            X.to_numpy()[:, :3],
            YES,
            r"a column for each of the 4 inputs of the wiring, got 3; a ",
        ),
        ({}, X, THREE, "one output for each of the 3 classes of y, .* got 1; .* minisnn.train"),
        (
            {"wiring": wiring("low", "x", "high")},
            X,
            THREE,
            "must have the names of the classes, or none of them.*got 'low', 'x', 'high' for the",
        ),
    ],
)
def test_what_is_refused(options: Any, X: Any, y: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        SparseMLPClassifier(**{"wiring": wiring("sick"), **QUICK, **options}).fit(X, y)


def test_wirings_of_other_targets() -> None:
    with pytest.raises(ValueError, match=r"one output for each of the 2 columns of y, .* got 1;"):
        SparseMLPRegressor(wiring=wiring("first"), **QUICK).fit(X, BOTH)
    with pytest.raises(ValueError, match=r"one output for the one column of y, .* got 2;"):
        SparseMLPRegressor(wiring=wiring("first", "second"), **QUICK).fit(X, BOTH["first"])
