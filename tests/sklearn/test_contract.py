"""Contract of an estimator with scikit-learn and its users: data, wiring, searches, errors."""

from __future__ import annotations

import inspect
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

import compare_estimators
import joblib
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor, inputs


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


def test_pandas_in_names_kept(table: Any) -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    X, y = table
    frame = pandas.DataFrame(X, columns=[f"column {k}" for k in range(30)])
    model = SparseMLPClassifier(**QUICK).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert list(model.predict(frame)) == list(model.predict(frame[frame.columns]))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])


def test_sparse_input_is_the_same_input(table: Any) -> None:
    X, y = table
    X = np.where(np.abs(X) > 1, X, 0)
    rows, columns = scipy.sparse.csr_array(X), scipy.sparse.csc_array(X)
    dense, sparse = (SparseMLPClassifier(**QUICK).fit(data, y) for data in (X, rows))
    expected = dense.predict_proba(X)
    np.testing.assert_array_equal(sparse.predict_proba(columns), expected)


def test_sparse_input_is_made_dense_by_and_by(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table
    model = SparseMLPClassifier(**QUICK).fit(X, y)
    monkeypatch.setattr(inputs, "_ROWS", 64)
    for matrix in (scipy.sparse.csr_matrix(X), scipy.sparse.coo_array(X)):
        np.testing.assert_allclose(model.predict_proba(matrix), model.predict_proba(X), rtol=1e-12)
    huge = scipy.sparse.csr_array(([1.0], ([0], [0])), shape=(400, 10**12))
    with pytest.raises(
        MemoryError,
        match=r"sparse X of shape \(400, 1000000000000\), which is made dense, would take .* take "
        "fewer columns, or train on some rows at a time by partial_fit",
    ):
        SparseMLPClassifier().fit(huge, y)


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "bool", "O"]
)
def test_numbers_of_any_kind_are_trained_on_as_float64_is(dtype: str) -> None:
    X = np.random.default_rng(0).integers(0, 2, (60, 12)).astype(dtype)
    y = np.arange(60) % 3
    options = {**QUICK, "max_iter": 2, "early_stopping": True}
    given = SparseMLPClassifier(**options).fit(X, y)
    expected = SparseMLPClassifier(**options).fit(X.astype(np.float64), y)
    assert given.net_.dtype == np.float64
    assert given.net_.parameters.tobytes() == expected.net_.parameters.tobytes()
    np.testing.assert_array_equal(given.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("early", [False, True])
def test_no_copy_is_made(early: bool) -> None:
    whole = np.random.default_rng(0).integers(0, 100, (20_000, 100), dtype=np.int8)
    for X in (whole, whole[:, ::2]):
        y, model = X[:, 0] > 50, SparseMLPClassifier((10,), max_iter=1, tol=None, random_state=0)
        model.set_params(early_stopping=early).fit(X[:500], y[:500])
        tracemalloc.start()
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * X.size, "of float64 it would be 8"


def test_columns_are_turned_once(table: Any) -> None:
    X, y = table
    rows, columns = (SparseMLPClassifier(**QUICK).fit(order(X), y)
                     for order in (np.ascontiguousarray, np.asfortranarray))  # fmt: skip
    assert rows.net_.parameters.tobytes() == columns.net_.parameters.tobytes()
    turned = inputs.by_rows(np.asfortranarray(X))
    assert turned.flags.c_contiguous
    assert inputs.by_rows(X[:, ::2]).base is not None


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


def test_several_labels_and_several_targets() -> None:
    X, Y = make_multilabel_classification(300, 12, n_classes=4, random_state=0)
    X = X / X.max()
    model = SparseMLPClassifier(learning_rate=0.01, **QUICK).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert (model.predict(X) == Y).mean() > 0.8
    assert model.net_.output_activation == "sigmoid"
    targets = np.stack([X[:, 0], -X[:, 1]], axis=1)
    regressor = SparseMLPRegressor(max_iter=150, tol=None, random_state=0).fit(X, targets)
    assert regressor.predict(X).shape == targets.shape
    assert regressor.score(X, targets) > 0.5


def test_labels_as_a_sparse_matrix() -> None:
    X, Y = make_multilabel_classification(100, 12, n_classes=4, random_state=0)
    dense, sparse = (
        SparseMLPClassifier(**QUICK).fit(X, labels) for labels in (Y, scipy.sparse.csr_array(Y))
    )
    np.testing.assert_array_equal(sparse.predict_proba(X), dense.predict_proba(X))
    assert sparse.score(X, scipy.sparse.csr_array(Y)) == dense.score(X, Y)


def test_labels_that_cannot_be(table: Any) -> None:
    X, y = table
    labels = np.stack([y == "a", y == "b", y == "c"], axis=1).astype(int)
    zeros_and_ones = "y must have a class for each sample, or zeros and ones in a column for each"
    for wrong in (2 * labels - 1, labels + 1, labels * [1, 2, 3]):
        with pytest.raises(ValueError, match=zeros_and_ones + r" label, got shape \(400, 3\) with"):
            SparseMLPClassifier().fit(X, wrong)
    model = SparseMLPClassifier().partial_fit(X, labels, classes=["a", "b", "c"])
    assert list(model.classes_) == ["a", "b", "c"]
    several = r"y must have shape \(400, 3\) for the classes \['a' 'b' 'c'\], got \(400"
    for wrong in (y, labels[:, :2]):
        with pytest.raises(ValueError, match=several):
            model.partial_fit(X, wrong)
    with pytest.raises(ValueError, match=r"y must have shape \(400, 4\) for the classes \[0 1 2 3"):
        SparseMLPClassifier().partial_fit(X, labels, classes=range(4))
    with pytest.raises(ValueError, match=r"y must have shape \(400,\) for the classes \['a' 'b'"):
        SparseMLPClassifier().partial_fit(X, y, classes=list("abc")).partial_fit(X, labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes must have one width at least, got \(\)"),
        ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes must be > 0"),
        ({"topology": "ring"}, "topology must be one of dense, random_rotating, .*, got 'ring'$"),
        ({"topology": "dens"}, "topology must be one of .*, got 'dens'; did you mean 'dense'"),
        ({"random_state": 2**40}, "random_state must be between 0 and 4294967295, got 1099511"),
        ({"random_state": np.int64(-1)}, "random_state must be between 0 and 4294967295, got -1"),
        ({"topology": ["dense"] * 3}, "topology must hold one for each of 1 or 2 layers, got 3"),
        ({"degree": [1, 2]}, "degree must hold one for each of 1 layers, got 2"),
        ({"density": 0.0}, "density must be 'auto', or above 0 and at most 1, got 0.0"),
        ({"density": "thin"}, "density must be 'auto', or above 0 and at most 1, got 'thin'"),
        ({"topology": snn.topology.dense(3, 4), "hidden_layer_sizes": 100},
         "topology 0 must have 30 inputs and 100 outputs, as the data and hidden_layer_sizes say"),
        ({"optimizer": "lbfgs"}, "optimizer must be one of nesterov, sgd, adam, got 'lbfgs'"),
        ({"activation": "gelu"}, "activation must be one of"),
        ({"dropout": 1.5}, "dropout"),
        ({"validation_fraction": 5},
         "validation_fraction must be a finite number, at least 0 and below 1, got 5"),
    ],
)  # fmt: skip
def test_bad_options(table: Any, options: dict[str, Any], message: str) -> None:
    X, y = table
    for kind in (SparseMLPClassifier, SparseMLPRegressor):
        with pytest.raises(ValueError, match=message):
            kind(**{**QUICK, **options}).fit(X, y == y[0])


@pytest.mark.parametrize("kind", [SparseMLPClassifier, SparseMLPRegressor])
@pytest.mark.parametrize("random_state", ["a", 1.5, [0]])
def test_what_is_no_random_state(table: Any, kind: Any, random_state: Any) -> None:
    with pytest.raises(
        TypeError, match="random_state must be a whole number, a RandomState, a Gen"
    ):
        kind(random_state=random_state).fit(table[0], table[1] == "a")


def test_wiring_of_every_layer(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(
        (40, 20), topology=["dense", "constant_degree", "biregular"], degree=[1, 4], **QUICK
    ).fit(X, y)
    first, second, last = model.net_.topologies
    assert first.is_complete
    assert set(second.out_degrees.tolist()) == {4}
    assert last.name == "biregular"
    assert SparseMLPClassifier(12, **QUICK).fit(X, y).net_.widths == [30, 12, 3]
    alike = SparseMLPClassifier((30, 30), **QUICK).fit(X, y).net_.topologies
    assert alike[0] != alike[1]


def test_graphs_say_how_wide_layers_are(table: Any) -> None:
    X, y = table
    first, second = (snn.topology.biregular(*shape, 6, seed=0) for shape in ((30, 40), (40, 20)))
    last = snn.topology.biregular(20, 3, 2, seed=0)
    for topology, widths in (
        (first, [30, 40, 3]),
        ([first], [30, 40, 3]),
        ([first, second], [30, 40, 20, 3]),
        ([first, second, last], [30, 40, 20, 3]),
        (["biregular", second, "dense"], [30, 40, 20, 3]),
        ([first, "dense"], [30, 40, 3]),
        (["biregular", "dense"], [30, 100, 3]),
        ([first, snn.topology.dense(40, 3)], [30, 40, 3]),
        ([snn.topology.dense(30, 3)], [30, 3, 3]),
    ):
        model = SparseMLPClassifier(topology=topology, max_iter=1, tol=None, random_state=0)
        assert clone(model).fit(X, y).net_.widths == widths
    assert (
        last
        in SparseMLPClassifier(topology=[first, second, last], **QUICK).fit(X, y).net_.topologies
    )
    given = SparseMLPClassifier(
        (20, 3), topology=[snn.topology.dense(30, 20), snn.topology.dense(20, 3)]
    )
    assert given.set_params(**QUICK).fit(X, y).net_.widths == [30, 20, 3, 3]
    with pytest.raises(ValueError, match="hidden_layer_sizes must be given where the graphs of"):
        SparseMLPClassifier(topology=[first, "biregular", "dense"]).fit(X, y)
    with pytest.raises(ValueError, match="topology 0 must have 30 inputs and 9 outputs"):
        SparseMLPClassifier((9,), topology=first).fit(X, y)


@pytest.mark.parametrize("kind", [SparseMLPClassifier, SparseMLPRegressor])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("solver", "it is optimizer here"),
        ("algorithm", "it is optimizer here"),
        ("alpha", "it is weight_decay here"),
        ("learning_rate_init", "it is learning_rate here"),
        ("power_t", "take a schedule as learning_rate, such as"),
        ("momentum", r"optimizer=minisnn.NesterovSGD\(0.001, momentum=0.9\)"),
        ("nesterovs_momentum", "an option of SGD"),
        ("beta_1", r"optimizer=minisnn.Adam\(0.001, beta_1=0.9\)"),
        ("epsilon", "an option of Adam"),
        ("max_fun", "there is no L-BFGS here"),
        ("epochs", "it is max_iter here"),
        ("seed", "it is random_state here"),
        ("hidden_layer_size", "did you mean 'hidden_layer_sizes'"),
        ("warmth", "did you mean 'warm_start'|there are hidden_layer_sizes, topology"),
    ],
)
def test_parameters_by_other_names(kind: Any, name: str, message: str) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__} has no parameter '{name}'.*{message}"):
        kind(**{name: 1})
    with pytest.raises(ValueError, match=f"{kind.__name__} has no parameter '{name}'.*{message}"):
        kind().set_params(**{name: 1})
    assert name not in inspect.signature(kind).parameters


def test_all_parameters_of_scikit_learns_own_are_answered() -> None:
    for theirs, ours in ((MLPClassifier, SparseMLPClassifier), (MLPRegressor, SparseMLPRegressor)):
        for name in set(theirs().get_params()) - set(ours().get_params()):
            with pytest.raises(TypeError, match=f"no parameter '{name}': "):
                ours(**{name: 1})


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
