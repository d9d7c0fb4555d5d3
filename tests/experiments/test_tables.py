"""Tables that runs know by their names."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from minisnn.experiments import Data, Run
from minisnn.experiments.datasets import arrays_of, sources
from minisnn.experiments.tables import TABLES, each_of, groups
from minisnn.experiments.training import train_run

MADE = [name for name in TABLES if name.startswith("made")]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_as_it_is_described(name: str) -> None:
    if name not in MADE:
        pytest.importorskip("sklearn", reason="needs the extra sklearn")
    table, source = TABLES[name], sources()[name]
    (X, labels), (test_X, test_labels) = table.parts()
    assert X.shape == (table.n_train, table.n_features) == (source.n_samples, source.n_features)
    assert len(X) + len(test_X) == table.n_rows
    assert len(test_X) == table.n_rows // 5
    assert X.dtype == test_X.dtype == np.float32
    whole = np.abs(X).max(axis=0) < 5  # of other columns, far values were clipped
    np.testing.assert_allclose(X.mean(axis=0)[whole], 0, atol=1e-5)
    np.testing.assert_allclose(X.std(axis=0)[whole & (X.std(axis=0) > 0)], 1, atol=1e-5)
    assert whole.mean() > 0.3
    assert max(np.abs(X).max(), np.abs(test_X).max()) <= 5
    for each in (labels, test_labels):
        shares = np.bincount(each) / len(each)
        assert len(shares) == table.n_classes == source.n_classes
        np.testing.assert_allclose(shares, np.bincount(labels) / len(labels), atol=0.02)
    for before, now in zip(table.parts()[0], (X, labels), strict=True):
        np.testing.assert_array_equal(before, now)


def test_each_class_has_its_share() -> None:
    labels = np.array([1] * 30 + [0] * 12 + [1] * 30)
    rows = each_of(labels, 6)
    assert np.bincount(labels[rows]).tolist() == [2, 10]
    assert (np.diff(rows) > 0).all()
    assert len(each_of(labels[:-1], 6)) == 11


def test_held_out_rows_have_each_class_in_its_share() -> None:
    """Not as of images, of which the largest classes would be held out alone."""
    pytest.importorskip("sklearn", reason="needs the extra sklearn")
    arrays, _ = arrays_of(Data(name="sklearn_breast_cancer", held_out=True))
    shares = [np.bincount(arrays.Y[rows]) / len(rows) for rows in (arrays.rows, arrays.test_rows)]
    np.testing.assert_allclose(*shares, atol=0.02)


def test_a_table_that_its_library_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = replace(TABLES["made_groups_in_pairs"], n_rows=3999)
    with pytest.raises(ValueError, match=r"must have shape \(3999, 64\).*got \(4000, 64\)"):
        table.parts()


def test_no_row_is_in_both_parts() -> None:
    (X, _), (test_X, _) = TABLES["made_groups_in_pairs"].parts()
    assert len(np.unique(np.vstack([X, test_X]), axis=0)) == 4000


def test_labels_of_groups_follow_from_the_structure_that_is_named() -> None:
    X, labels = groups(1, products=False, n_rows=20_000)
    close = np.corrcoef(X.T)
    assert close[0, 7] == pytest.approx(0.5, abs=0.03)
    assert close[0, 8] == pytest.approx(0, abs=0.03)
    means = X.reshape(-1, 8, 8).mean(axis=2)
    alone = np.corrcoef(np.abs(means).T, labels)[-1, :-1]
    assert alone.min() > 0.1
    _, in_pairs = groups(1, products=True, n_rows=20_000)
    of_products = np.corrcoef((means[:, ::2] * means[:, 1::2]).T, in_pairs)[-1, :-1]
    assert of_products.min() > 0.2
    for of_one in (means, np.abs(means)):
        assert np.abs(np.corrcoef(of_one.T, in_pairs)[-1, :-1]).max() < 0.03


@pytest.mark.parametrize(
    ("options", "n_train", "n_test"),
    [({}, 3200, 800), ({"held_out": True}, 2667, 533), ({"samples": 100}, 100, 800)],
)
def test_data_of_runs(options: dict[str, Any], n_train: int, n_test: int) -> None:
    data = Data(name="made_groups_in_pairs", **options)
    arrays, rows = arrays_of(data)
    assert (arrays.n_train if rows is None else len(rows)) == n_train
    assert data.shape == (64, 2)
    assert len(arrays.test_rows if arrays.test_data is None else arrays.test_data[0]) == n_test
    moved, _ = arrays_of(Data(name="made_groups_in_pairs", order=3, **options))
    assert not np.array_equal(moved.X, arrays.X)
    np.testing.assert_array_equal(np.sort(moved.X, axis=1), np.sort(arrays.X, axis=1))


def test_a_run_of_a_table() -> None:
    run = Run.from_dict(
        {
            "data": {"name": "made_groups_one_by_one"},
            "hidden": [40],
            "layers": [{"topology": "regular_rotating", "degree": 5}, {"topology": "dense"}],
            "optimizer": {"peak": 10.0},
            "batch_size": 32,
            "epochs": 20,
        }
    )
    outcome = train_run({}, run.to_json())
    assert outcome.error is None
    assert outcome.figures is not None
    assert outcome.figures.accuracy > 0.65, "by chance it would be 0.5"


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"the table sklearn_digits needs sklearn.*\[sklearn\]"):
        TABLES["sklearn_digits"].parts()
