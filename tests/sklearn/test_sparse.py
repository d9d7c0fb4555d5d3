"""Sparse X of an estimator: the bits of the same X dense, and no dense copy of it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.base import clone

from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor, inputs

FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
KINDS = [SparseMLPClassifier, SparseMLPRegressor]


@pytest.fixture(scope="module")
def counts() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = np.where(rng.random((150, 40)) < 0.2, rng.standard_normal((150, 40)), 0)
    return X, (X[:, 0] - X[:, 1] + 0.1 * X[:, 2] > 0).astype(int)


def assert_same(model: Any, X: Any, sparse: Any, y: Any) -> Any:
    """Fitted on either, an estimator is the same, and makes the same of either."""
    dense, found = clone(model).fit(X, y), clone(model).fit(sparse, y)
    for _ in range(2):
        assert found.net_.parameters.tobytes() == dense.net_.parameters.tobytes()
        assert found.loss_curve_ == dense.loss_curve_
        assert found.validation_scores_ == dense.validation_scores_
        assert found.t_ == dense.t_
        for method in ("predict", "predict_proba"):
            if hasattr(model, method):
                expected = getattr(dense, method)(X)
                np.testing.assert_array_equal(getattr(found, method)(sparse), expected)
                np.testing.assert_array_equal(getattr(dense, method)(sparse), expected)
        assert found.score(sparse, y) == dense.score(X, y)
        if not model.early_stopping:
            dense.partial_fit(X, y)
            found.partial_fit(sparse, y)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("early", [False, True])
def test_the_bits_of_dense_data(counts: Any, kind: Any, dtype: Any, early: bool) -> None:
    X, y = np.abs(counts[0] * 10).astype(dtype), counts[1]
    model = kind(**{**QUICK, "max_iter": 3}, early_stopping=early)
    assert_same(model, X, scipy.sparse.csr_array(X), y)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(counts: Any, form: str) -> None:
    X, y = counts[0][:60], counts[1][:60]
    model = SparseMLPClassifier(**{**QUICK, "max_iter": 2})
    sparse = scipy.sparse.csr_array(X).asformat(form)
    assert_same(model, X, sparse, y)
    assert_same(model, X, getattr(scipy.sparse, f"{form}_matrix")(sparse), y)


def test_weights_and_entries_in_any_order(counts: Any) -> None:
    """An entry that a caller has twice counts as the sum, and stays as it is."""
    X, y = counts
    rows, columns = np.nonzero(X)
    order = np.random.default_rng(0).permutation(np.tile(np.arange(len(rows)), 2))
    order = order[np.argsort(rows[order], kind="stable")]
    indptr = np.searchsorted(rows[order], np.arange(len(X) + 1))
    mixed = scipy.sparse.csr_array((X[rows, columns][order], columns[order], indptr), X.shape)
    before = mixed.indices.copy()
    weights = np.arange(len(X)) % 3
    dense, sparse = (
        SparseMLPClassifier(**QUICK).fit(data, y, sample_weight=weights) for data in (2 * X, mixed)
    )
    assert sparse.net_.parameters.tobytes() == dense.net_.parameters.tobytes()
    assert sparse.score(mixed, y, weights) == dense.score(2 * X, y, weights)
    np.testing.assert_array_equal(mixed.indices, before)


def test_what_kernels_can_read_is_not_copied(counts: Any) -> None:
    X = scipy.sparse.csr_array(counts[0])
    assert np.shares_memory(inputs.by_rows(X).data, X.data)
    assert np.shares_memory(inputs.by_rows(X).indices, X.indices)


def test_names_of_sparse_columns() -> None:
    """Columns of a sparse frame are inputs of a wiring by name, and stay sparse."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 3, (120, 4)) * 1.0, columns=[*"cadb"])
    sparse = X.astype(pd.SparseDtype(float, 0.0))
    y = np.where(X["a"] + X["b"] > 2, "sick", "healthy")
    edges = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("d", "r"), ("p", "r")]
    heads = [(term, name) for name in ("sick", "healthy") for term in ("q", "r")]
    hierarchy = snn.wiring.from_edges([*edges, *heads], outputs=["sick", "healthy"])
    model = SparseMLPClassifier(wiring=hierarchy.with_units(3), **QUICK)
    found = assert_same(model, X, sparse, y)
    assert found.net_.input_names == ("a", "b", "c", "d")
    assert list(found.feature_names_in_) == list(X.columns)
    other = ["d", "c", "b", "a"]
    again = clone(model).fit(sparse[other], y)
    np.testing.assert_array_equal(again.predict(X[other]), clone(model).fit(X, y).predict(X))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        outputs = again.predict(scipy.sparse.csr_array(X[other].to_numpy()))
    np.testing.assert_array_equal(outputs, again.predict(sparse[other]))
    with pytest.raises(ValueError, match=r"X .* it lacks 'd' and also has 'e'.*restricted_to"):
        clone(model).fit(sparse.rename(columns={"d": "e"}), y)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("early", [False, True])
def test_no_dense_copy_is_made(form: str, early: bool) -> None:
    """Peak memory is that of a few batches and of the stored values: dense X takes 160 MB."""
    n_rows, n_columns = 2000, 20_000
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, n_columns, (n_rows, 8), np.int32), axis=1).ravel()
    values, indptr = np.ones(len(columns), np.float32), np.arange(0, len(columns) + 1, 8)
    X = scipy.sparse.csr_array((values, columns, indptr), (n_rows, n_columns)).asformat(form)
    y = np.arange(n_rows) % 2
    model = SparseMLPClassifier(
        (10,), topology="constant_degree", degree=1, max_iter=1, tol=None,
        random_state=0, early_stopping=early,
    )  # fmt: skip
    model.fit(X[:100], y[:100])
    tracemalloc.start()
    model.fit(X, y)
    model.score(X, y)
    if not early:
        model.partial_fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    batch = 4 * n_columns * model.batch_size  # with a row for each input
    assert peak < 3 * batch + 4 * (X.data.nbytes + X.indices.nbytes)
