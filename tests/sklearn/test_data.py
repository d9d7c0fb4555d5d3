"""Data of an estimator: frames, numbers of any kind, labels, names of columns."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.datasets import make_multilabel_classification
from sklearn.neural_network import MLPClassifier

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor, inputs


def test_pandas_in_names_kept(table: Any) -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    X, y = table
    frame = pandas.DataFrame(X, columns=[f"column {k}" for k in range(30)])
    model = SparseMLPClassifier(**QUICK).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert list(model.predict(frame)) == list(model.predict(frame[frame.columns]))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])


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


def test_names_of_columns_come_to_the_network() -> None:
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.random.default_rng(0).random((60, 3)), columns=["age", "height", "weight"])
    y = (X["height"] > 0.5).astype(int)
    mask = pd.DataFrame(np.eye(3), index=["height", "weight", "age"], columns=[*"abc"])
    model = SparseMLPClassifier(
        topology=[snn.topology.from_dense(mask)], max_iter=2, tol=None, random_state=0
    )
    with pytest.raises(ValueError, match=r"the columns of X .* lacks 'height'"):
        model.fit(X.rename(columns={"height": "length"}), y)
    assert not hasattr(model, "net_")
    ordered = X[["height", "weight", "age"]]
    for data in (X, ordered):  # the names are those of the graph
        model.fit(data, y)
        assert model.net_.input_names == ("height", "weight", "age")
        np.testing.assert_array_equal(model.net_.predict(ordered), model.predict_proba(data))
    model.set_params(topology="dense").fit(X, y)
    assert model.net_.input_names == ("age", "height", "weight")


@pytest.mark.parametrize("kind", [SparseMLPClassifier, SparseMLPRegressor])
def test_names_of_columns_that_are_missing_are_a_warning(kind: Any) -> None:
    """As with scikit-learn's own, whatever is called; and nothing is learnt from it."""
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.random.default_rng(0).random((60, 3)), columns=["age", "height", "weight"])
    y = (X["height"] > 0.5).astype(int)
    own = MLPClassifier(tol=10.0).fit(X, y)
    model = kind(max_iter=2, tol=None, random_state=0).fit(X, y)
    arrays = X.to_numpy(), pd.DataFrame(X.to_numpy())
    for array in arrays:
        for call in (lambda it, X: it.predict(X), lambda it, X: it.score(X, y)):
            with pytest.warns(UserWarning, match="X does not have valid feature names") as ours:
                call(model, array)
            with pytest.warns(UserWarning, match="X does not have valid feature names") as theirs:
                call(own, array)
            expected = [str(w.message).replace("MLPClassifier", kind.__name__) for w in theirs]
            assert [str(w.message) for w in ours] == expected
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            model.partial_fit(array, y)
        assert model.net_.input_names == tuple(model.feature_names_in_) == tuple(X.columns)
    for each in (own, model):
        with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
            each.predict(X[["weight", "age", "height"]])
    model.fit(arrays[0], y)
    assert model.net_.input_names is None
    with pytest.warns(UserWarning, match=r"X has feature names, but .* fitted without"):
        model.predict(X)
