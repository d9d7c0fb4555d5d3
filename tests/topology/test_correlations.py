"""Graphs that follow correlations, against NumPy's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisnn import topology
from minisnn.topology import correlations


def data(n_in: int, seed: int = 0) -> np.ndarray:
    """Neighbours are correlated."""
    return np.random.default_rng(seed).standard_normal((50, n_in)).cumsum(axis=1)


@given(st.integers(1, 9), st.integers(1, 20), st.data(), st.integers(0, 100))
def test_outputs_read_what_resembles_their_own_input(
    n_in: int, n_out: int, drawn: st.DataObject, seed: int
) -> None:
    degree = drawn.draw(st.integers(1, n_out))
    X = data(n_in, seed)
    graph = topology.correlated(X, n_out, degree)
    assert graph.n_edges == n_in * degree
    assert graph.parameters == {"degree": degree}
    assert np.ptp(graph.in_degrees) <= 1
    sizes = np.abs(np.atleast_2d(np.corrcoef(X, rowvar=False)))
    np.fill_diagonal(sizes, -1)
    for output, fan in enumerate(graph.in_degrees):
        best = np.argsort(-sizes[output * n_in // n_out])[:fan]
        assert set(best) == set(np.flatnonzero(graph.to_dense()[:, output]))


def test_inputs_that_do_not_vary_have_no_output_of_their_own() -> None:
    X = data(6)
    X[:, [1, 4]] = 7
    graph = topology.correlated(X, 8, 3)
    without = topology.correlated(np.delete(X, [1, 4], axis=1), 8, 6)
    assert graph.n_edges == 18
    assert not graph.to_dense()[[1, 4]].any()
    assert (graph.to_dense()[[0, 2, 3, 5]] <= without.to_dense()).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, bool])
def test_types_of_data(dtype: type) -> None:
    X = (data(6) > 0) if dtype is bool else np.abs(10 * data(6)).astype(dtype)
    assert topology.correlated(X, 6, 2) == topology.correlated(X.astype(float), 6, 2)


def test_units_and_offsets_do_not_matter() -> None:
    X = data(6)
    other = X * 10.0 ** np.array([150, -150, 3, 0, 2, 1]) * [1, 1, -1, 1, 1, 1] + [0, 0, 9, 0, 0, 0]
    assert topology.correlated(X, 6, 2) == topology.correlated(other, 6, 2)


def test_equal_columns_are_ties_and_the_first_is_read() -> None:
    X = np.repeat(data(2), 4, axis=1) * [1, 3, 7, 0.1, 1, 3, 7, 0.1]
    graph = topology.correlated(X, 8, 2)
    inputs = [np.flatnonzero(column).tolist() for column in graph.to_dense().T]
    assert inputs[:4] == [[1, 2], [0, 2], [0, 1], [0, 1]]
    assert inputs[4:] == [[5, 6], [4, 6], [4, 5], [4, 5]]


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = topology.correlated(data(30), 40, 4)
    monkeypatch.setattr(correlations, "_BLOCK", 70)
    assert topology.correlated(data(30), 40, 4) == whole


def test_names_of_columns() -> None:
    frame = pd.DataFrame(data(3), columns=["a", "b", "c"])
    graph = topology.correlated(frame, 3, 1)
    assert graph.input_names == ("a", "b", "c")
    assert graph.output_names is None
    assert topology.correlated(frame.to_numpy(), 3, 1).input_names is None


def test_a_complete_one() -> None:
    assert topology.correlated(data(5), 3, 3).is_complete


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(4), ValueError, r"shape \(samples, n_in\), 2 samples at least, got \(4,\)"),
        (np.ones((1, 4)), ValueError, r"2 samples at least, got \(1, 4\)"),
        (np.ones((4, 4)), ValueError, "an input that varies; each is the same in all samples"),
        ([[1, 2], [3, np.nan]], ValueError, "finite numbers, got nan in row 1, column 1"),
        ([["a", "b"], ["c", "d"]], TypeError, "X must hold numbers, got <U1"),
    ],
)
def test_bad_data(X: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        topology.correlated(X, 4, 1)
