"""``rows=``: some rows of the data are the samples, and nothing is copied for it."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn

N, N_IN, N_OUT = 30, 7, 3


def make(**options: Any) -> snn.MLP:
    graphs = [snn.topology.constant_degree(N_IN, 6, 3), snn.topology.dense(6, N_OUT)]
    return snn.MLP(graphs, seed=1, output_activation="softmax", **options)


def problem() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((N, N_IN), dtype=np.float32), rng.integers(0, N_OUT, N), rng.random(N)


def trained(X: Any, Y: Any, **options: Any) -> tuple[snn.MLP, snn.History]:
    net = make()
    defaults = {"optimizer": snn.NesterovSGD(0.5), "batch_size": 8, "epochs": 2, "seed": 3}
    return net, snn.train(net, X, Y, **{**defaults, **options})


@settings(max_examples=25)
@given(
    st.one_of(
        st.lists(st.integers(-N, N - 1), min_size=1, max_size=2 * N),
        st.lists(st.booleans(), min_size=N, max_size=N).filter(any),
    ),
    st.booleans(),
)
def test_rows_are_the_samples(rows: Any, weighted: bool) -> None:
    """The bits of the same calls on ``X[rows]``, ``Y[rows]``, ``sample_weight[rows]``."""
    X, Y, weights = problem()
    chosen, w = np.array(rows), weights if weighted else None
    net, history = trained(X, Y, rows=rows, sample_weight=w, validation_rows=rows)
    data = (X[chosen], Y[chosen])
    same, expected = trained(
        *data, sample_weight=None if w is None else w[chosen], validation_data=data
    )
    np.testing.assert_array_equal(net.parameters, same.parameters)
    assert [(e.loss, e.validation_loss, e.validation_accuracy) for e in history.epochs] == [
        (e.loss, e.validation_loss, e.validation_accuracy) for e in expected.epochs
    ]
    np.testing.assert_array_equal(net.predict(X, rows=rows), net.predict(X[chosen]))
    assert snn.evaluate(net, X, Y, rows=rows) == snn.evaluate(net, *data)


def test_rows_of_other_validation_data() -> None:
    X, Y, _ = problem()
    other = X[::-1].copy(), Y[::-1].copy()
    _, history = trained(X, Y, validation_data=other, validation_rows=[2, 5])
    _, expected = trained(X, Y, validation_data=(other[0][[2, 5]], other[1][[2, 5]]))
    assert history.epochs[-1].validation_loss == expected.epochs[-1].validation_loss


def test_rows_that_are_not_chosen_may_hold_anything() -> None:
    X, Y, weights = problem()
    rows = np.arange(N) % 3 > 0
    _, expected = trained(X, Y, rows=rows, sample_weight=weights)
    X[~rows], Y[~rows], weights[~rows] = np.nan, -1, -np.inf
    _, history = trained(X, Y, rows=rows, sample_weight=weights)
    assert history.epochs[-1].loss == expected.epochs[-1].loss
    with pytest.raises(ValueError, match=r"X must be finite, got nan in sample 3, column 0"):
        trained(X, np.maximum(Y, 0), rows=[1, 3, 4])
    with pytest.raises(ValueError, match=r"Y must hold labels from 0 to 2, .* got -1"):
        trained(np.nan_to_num(X), Y, rows=[1, 3, 4])


def test_rows_of_real_targets() -> None:
    X, _, _ = problem()
    Y, rows = np.random.default_rng(1).dirichlet(np.ones(N_OUT), N), [4, 4, 9, 1, 0, 22]
    net, _ = trained(X, Y, rows=rows)
    same, _ = trained(X[rows], Y[rows])
    np.testing.assert_array_equal(net.parameters, same.parameters)
    assert snn.evaluate(net, X, Y, rows=rows) == snn.evaluate(net, X[rows], Y[rows])
    Y[9] /= 2
    with pytest.raises(ValueError, match=r"probabilities with sum 1, got sum 0.5 in sample 9"):
        trained(X, Y, rows=rows)


def test_checkpoint_of_rows(tmp_path: Any) -> None:
    """Rows are part of what a training is."""
    X, Y, _ = problem()
    path = tmp_path / "run.npz"
    trained(X, Y, rows=range(20), checkpoint=path)
    trained(X[:20], Y[:20], checkpoint=path, resume=True)  # the same samples
    with pytest.raises(snn.FileFormatError, match="training data"):
        trained(X, Y, rows=range(1, 21), checkpoint=path, resume=True)


def test_rows_of_a_large_map_are_not_copied() -> None:
    """A copy of all rows would not fit: 2 GiB of address space, a few pages of it
    used."""
    pages = mmap.mmap(-1, 2**31)
    X = np.frombuffer(pages, np.uint8).reshape(-1, 2**20)
    rows = np.arange(len(X)) % 256 == 1
    net = snn.MLP([snn.topology.from_edges(2**20, 2, [(0, 0), (5, 1)])], seed=0)
    assert net.predict(X, rows=rows).shape == (8, 2)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([], ValueError, r"rows chooses none of the 30 rows"),
        ([False] * N, ValueError, r"rows chooses none of the 30 rows"),
        (
            [True] * 5,
            ValueError,
            r"rows must be a list .* have True or False for each of the 30 rows, got shape \(5,\)",
        ),
        ([[1, 2]], ValueError, r"rows must be a list of row numbers.* got shape \(1, 2\)"),
        ([0, N], ValueError, r"rows must be from -30 to 29, as there are 30 rows, got 30"),
        ([-N - 1], ValueError, r"rows must be from -30 to 29, as there are 30 rows, got -31"),
        (np.array([2**64 - 1], np.uint64), ValueError, r"rows must be from -30 to 29"),
        ([0.0, 1.0], TypeError, r"rows must be row numbers, or a mask .* got float64"),
        (["a"], TypeError, r"rows must be row numbers, or a mask .* got <U1"),
        (3, ValueError, r"rows must be a list of row numbers.* got shape \(\)"),
        (
            slice(3),
            TypeError,
            r"rows .*True and False, got slice\(None, 3, None\); pass range\(0, 3\)$",
        ),
        (
            slice(-2, None, -9),
            TypeError,
            r"rows .*got slice\(-2, None, -9\); pass range\(28, -1, -9\)$",
        ),
        (np.where(np.arange(N) < 3), ValueError, r"rows .*shape \(1, 3\); pass np\.ravel\(rows\)"),
        (
            pd.DataFrame({"taken": [True] * N}),
            ValueError,
            r"rows .*\(30, 1\); pass np\.ravel\(rows\)",
        ),
        (
            pd.array([True, None, None] + [False] * 27),
            TypeError,
            "rows .*2 missing values, .* place 1; f",
        ),
        (
            pd.Series([True] * 29 + [None], dtype="boolean"),
            TypeError,
            "rows .*missing value, .* 29",
        ),
        (
            pd.Series([1, None], dtype="Int64"),
            TypeError,
            "rows .*1 missing value, the first in place 1",
        ),
        (
            [None, True],
            TypeError,
            r"rows .*the first in place 0; fill a mask, such as by fillna\(False\)",
        ),
        ([np.nan, 1], TypeError, "rows .*got 1 missing value, the first in place 0"),
    ],
)
def test_bad_rows(rows: Any, error: type[Exception], message: str) -> None:
    X, Y, _ = problem()
    net = make()
    for call in (
        lambda: net.predict(X, rows=rows),
        lambda: snn.evaluate(net, X, Y, rows=rows),
        lambda: trained(X, Y, rows=rows),
    ):
        with pytest.raises(error, match=f"^{message}"):
            call()
    with pytest.raises(error, match=f"^validation {message}"):
        trained(X, Y, validation_rows=rows)
