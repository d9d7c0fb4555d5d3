"""Weights of classes in the classifier, by the user's labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from estimating import QUICK

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor

SHORT = {**QUICK, "max_iter": 3}


@pytest.fixture
def rare(table: Any) -> Any:
    """A table with few samples of one class."""
    X, y = table
    keep = np.r_[np.flatnonzero(y == "a")[:20], np.flatnonzero(y != "a")]
    return X[keep], y[keep]


def bits(model: Any) -> bytes:
    return model.net_.parameters.tobytes()


@pytest.mark.parametrize("given", ["balanced", {"a": 5.0, "c": 0.3}])
def test_as_scikit_learn_weighs(rare: Any, given: Any) -> None:
    X, y = rare
    model = SparseMLPClassifier(class_weight=given, **SHORT).fit(X, y)
    by_hand = SparseMLPClassifier(**SHORT).fit(X, y, sample_weight=weights_by_hand(given, y))
    assert bits(model) == bits(by_hand) != bits(SparseMLPClassifier(**SHORT).fit(X, y))
    weights = np.arange(len(y)) % 3
    model.fit(X, y, sample_weight=weights)
    factors = weights_by_hand(given, y)
    if given == "balanced":
        own = compute_class_weight(given, classes=np.unique(y), y=y, sample_weight=weights)
        factors = own[np.searchsorted(np.unique(y), y)]
    assert bits(model) == bits(by_hand.fit(X, y, sample_weight=weights * factors))


def weights_by_hand(given: Any, y: Any) -> Any:
    if given == "balanced":
        return compute_sample_weight(given, y)
    return np.array([given.get(label, 1.0) for label in y])


def test_classes_that_are_rare_are_found(rare: Any) -> None:
    X, y = rare
    options = {**QUICK, "learning_rate": 0.003}
    plain = SparseMLPClassifier(**options).fit(X, y)
    model = SparseMLPClassifier(class_weight={"a": 50.0}, **options).fit(X, y)
    assert (model.predict(X) == "a").sum() > (plain.predict(X) == "a").sum()


def test_balanced_among_the_samples_that_are_trained_on(rare: Any) -> None:
    X, y = rare
    options = {**SHORT, "early_stopping": True, "validation_fraction": 0.3}
    model = SparseMLPClassifier(class_weight="balanced", **options).fit(X, y)
    rows, _ = model._split(np.searchsorted(model.classes_, y), None)
    weights = np.ones(len(y))
    weights[rows] = compute_sample_weight("balanced", y[rows])
    assert bits(model) == bits(SparseMLPClassifier(**options).fit(X, y, sample_weight=weights))


def test_in_a_search(rare: Any) -> None:
    grid = {"class_weight": [None, "balanced", {"a": 3.0}]}
    search = GridSearchCV(SparseMLPClassifier(**SHORT), grid, cv=2, error_score="raise").fit(*rare)
    assert clone(search.best_estimator_).class_weight == search.best_params_["class_weight"]


def test_numbers_as_labels_and_classes_that_are_not_there(rare: Any) -> None:
    X, y = rare
    labels = np.where(y == "a", -3, 7)
    model = SparseMLPClassifier(class_weight={-3: 2.0}, **SHORT).fit(X, labels)
    more = SparseMLPClassifier(class_weight={-3: 2.0, 7: 1.0, 9: 4.0}, **SHORT).fit(X, labels)
    assert bits(model) == bits(more)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("balance", "class_weight must be 'balanced', or a dict"),
        ({"A": 2.0}, "must have classes as keys, got 'A' where the classes are 'a', 'b', 'c'"),
        ({1: 2.0, "a": 1.0}, "must have classes as keys, got 1 where the classes are"),
        ({"a": -2.0}, "a class weight must be a finite number, at least 0, got -2.0"),
    ],
)
def test_what_is_refused(rare: Any, given: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        SparseMLPClassifier(class_weight=given, **SHORT).fit(*rare)


def test_where_there_is_no_class_of_each_sample(rare: Any) -> None:
    X, y = rare
    several = np.eye(3, dtype=int)[np.searchsorted(np.unique(y), y)]
    with pytest.raises(ValueError, match="goes with one class for each sample, got a y with a col"):
        SparseMLPClassifier(class_weight="balanced", **SHORT).fit(X, several)
    with pytest.raises(TypeError, match="SparseMLPRegressor has no parameter 'class_weight'"):
        SparseMLPRegressor(class_weight="balanced")


def test_partial_fit(rare: Any) -> None:
    X, y = rare
    model = SparseMLPClassifier(class_weight="balanced", **SHORT)
    with pytest.raises(ValueError, match="partial_fit does not know how many samples of each"):
        model.partial_fit(X, y, classes=np.unique(y))
    model.set_params(class_weight={"a": 4.0})
    for _ in range(3):
        model.partial_fit(X, y, classes=np.unique(y))
    assert bits(model) == bits(clone(model).fit(X, y))
