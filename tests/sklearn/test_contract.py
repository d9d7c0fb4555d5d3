"""Contract of an estimator with scikit-learn and its users: checks, searches, losses, pickles."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

import compare_estimators
import joblib
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor


@pytest.mark.filterwarnings("ignore")  # as scikit-learn runs them: checks provoke warnings
@parametrize_with_checks([SparseMLPClassifier(max_iter=30), SparseMLPRegressor(max_iter=30)])
def test_as_scikit_learn_asks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_learns_images() -> None:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    model = SparseMLPClassifier(
        (128,), topology="fibonacci_rotating", degree=25, max_iter=80, tol=None, random_state=0
    ).fit(X[:1200], y[:1200])
    assert model.net_.dtype == np.float32
    assert model.net_.density < 0.31
    assert model.score(X[1200:], y[1200:]) > 0.9


@pytest.mark.slow
def test_in_a_pipeline_and_a_search(table: Any) -> None:
    X, y = table
    pipeline = make_pipeline(
        StandardScaler(), SparseMLPClassifier((50,), learning_rate=0.01, **QUICK)
    )
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.6
    name = "sparsemlpclassifier"
    grid = {f"{name}__density": [0.1, 0.5], f"{name}__activation": ["relu", "tanh"]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    best = search.best_estimator_[-1]
    assert best.net_.activation == best.activation
    assert search.best_score_ > 0.6


def test_a_search_over_graphs(table: Any) -> None:
    X, y = table
    graph = snn.topology.biregular(30, 20, 6)
    grid = {
        "topology": [graph, [graph, "dense"], "dense"],
        "optimizer": ["nesterov", snn.Adam(0.01)],
        "learning_rate": [0.01, snn.CosineDecay(0.01)],
    }
    search = GridSearchCV(SparseMLPClassifier((20,), **QUICK), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    assert repr(best.get_params()["topology"]) in " ".join(repr(best).split())
    assert "biregular" in SparseMLPClassifier(topology=graph)._repr_html_()


def test_weights_are_routed(table: Any) -> None:
    X, y = table
    only = (y == "a").astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        model = SparseMLPClassifier(learning_rate=0.1, **QUICK)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        found = cross_validate(
            make_pipeline(scaler, model), X, y, params={"sample_weight": only}, cv=2,
            return_estimator=True, error_score="raise",
        )  # fmt: skip
    for fitted in found["estimator"]:
        assert (fitted.predict(X) == "a").mean() > 0.9


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(MLPClassifier, SparseMLPClassifier), (MLPRegressor, SparseMLPRegressor)],
)
@pytest.mark.parametrize("early", [False, True])
def test_knows_what_scikit_learns_own_knows(
    table: Any, theirs: Any, ours: Any, early: bool
) -> None:
    X, y = table
    if ours is SparseMLPRegressor:
        y = X[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected, model = (
            kind(hidden_layer_sizes=(20, 7), max_iter=4, early_stopping=early, random_state=0)
            .fit(X, y)
            .fit(X, y)
            for kind in (theirs, ours)
        )
    names = {name for name in dir(expected) if name.endswith("_") and not name.startswith("_")}
    assert names <= set(dir(model))
    for name in ("n_iter_", "t_", "n_layers_", "n_features_in_"):
        assert getattr(model, name) == getattr(expected, name), name
    for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
        assert (getattr(model, name) is None) == (getattr(expected, name) is None), name
    assert early or model.best_loss_ == min(model.loss_curve_)
    assert [W.shape for W in model.coefs_[:2]] == [W.shape for W in expected.coefs_[:2]]
    A = np.maximum(np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0) @ model.coefs_[1]
                   + model.intercepts_[1], 0)  # fmt: skip
    Z = A @ model.coefs_[2] + model.intercepts_[2]
    if ours is SparseMLPClassifier:
        assert model.out_activation_ == expected.out_activation_ == "softmax"
        Z = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X), Z, rtol=1e-9)
    else:
        assert model.out_activation_ == expected.out_activation_ == "identity"
        np.testing.assert_allclose(model.predict(X), Z[:, 0], rtol=1e-9, atol=1e-12)
    with pytest.raises(AttributeError):
        _ = ours().coefs_


def test_dumps_and_clones(table: Any, tmp_path: Path) -> None:
    X, y = table
    graph = snn.topology.fibonacci_rotating(30, 35, 6)
    model = SparseMLPClassifier((35,), topology=graph, **QUICK).fit(X, y)
    assert model.net_.topologies[0] is graph
    joblib.dump(model, tmp_path / "model")
    again = joblib.load(tmp_path / "model")
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    fresh = clone(model)
    assert fresh.topology == graph
    with pytest.raises(NotFittedError):
        fresh.predict(X)


def test_probabilities(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(**QUICK).fit(X, y)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(X)).all()


@pytest.mark.parametrize("loss", ["mse", "binary_cross_entropy"])
def test_sigmoid_outputs(table: Any, loss: str) -> None:
    X, y = table
    model = SparseMLPClassifier(activation="sigmoid", loss=loss, learning_rate=0.03, **QUICK)
    model.fit(X, y)
    assert model.out_activation_ == "sigmoid"
    assert model.score(X, y) > 0.8
    outputs = model.net_.predict(X)
    likelihood = outputs[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    wrong = np.where(outputs == likelihood[:, None], 1 - outputs, outputs)  # off the target by
    losses = wrong**2 if loss == "mse" else -np.log1p(-wrong)
    assert model.loss_ == pytest.approx(losses.mean(), rel=0.1)  # of steps before the last, too
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities, outputs / outputs.sum(axis=1)[:, None], rtol=1e-12)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(X)).all()


def test_shares_by_binary_cross_entropy(table: Any) -> None:
    X = table[0]
    shares = 1 / (1 + np.exp(-X[:, 0]))
    model = SparseMLPRegressor(loss="binary_cross_entropy", learning_rate=0.01, **QUICK)
    predicted = model.fit(X, shares).predict(X)
    assert model.out_activation_ == "sigmoid"
    assert ((predicted > 0) & (predicted < 1)).all()
    assert model.score(X, shares) > 0.8


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("minisnn.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"needs.*sklearn"):
        import minisnn.sklearn  # noqa: F401


def test_comparison_with_scikit_learns_own(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--hidden", "40", "--epochs", "2", "--seeds", "1,2"]
    compare_estimators.main(options)
    title, _, head, _, *rows = capsys.readouterr().out.splitlines()
    assert title == "MNIST, 784-40-10, 4,000 images, 2 epochs, 2 seeds"
    assert head.split() == ["accuracy", "range", "seconds", "bytes"]
    assert rows[0].startswith("MLPClassifier ")
    sizes = [int(row.split()[-1].replace(",", "")) for row in rows]
    assert sizes[0] == 4 * (784 * 40 + 40 + 40 * 10 + 10)
    assert sizes[0] < sizes[1] < 1.05 * sizes[0]  # the dense one, with the file's own few bytes
    assert max(sizes[2:]) < sizes[0] / 2
    accuracies = [float(row.rpartition(" %")[0].split()[-1]) for row in rows]
    assert min(accuracies) > 15
