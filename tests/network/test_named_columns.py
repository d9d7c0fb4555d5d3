"""Columns of frames are matched by name or refused; arrays go by position."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naming import LABELS, N_IN, N_OUT, NAMES, N, frame, make, trained

import minisnn as snn
from minisnn._support.columns import Known, columns_of, read_columns


@settings(max_examples=30)
@given(
    st.permutations(NAMES),
    st.sampled_from(["f4", "f8", "u1", "i1", "?", "i8"]),
    st.booleans(),
    st.booleans(),
)
def test_another_order_is_the_same_data(
    order: list[str], dtype: str, some: bool, mixed: bool
) -> None:
    """In training, its validation, prediction, evaluation and gradients, to the bit."""
    X, Y = frame(dtype), pd.Series(LABELS)
    if mixed:
        X["a"] = X["a"].astype(np.float64)
    rows = [3, 1, 20] if some else None
    net = trained(X, Y)
    other = X[order]
    np.testing.assert_array_equal(net.predict(other, rows=rows), net.predict(X, rows=rows))
    np.testing.assert_array_equal(net.predict(other[:1]), net.predict(X[:1]))
    np.testing.assert_array_equal(net.predict(other.iloc[::2]), net.predict(X.iloc[::2]))
    assert snn.evaluate(net, other, Y, rows=rows) == snn.evaluate(net, X, Y, rows=rows)
    one, same = net.loss_and_gradients(other, Y), net.loss_and_gradients(X, Y)
    assert one[0] == same[0]
    np.testing.assert_array_equal(one[1].inputs, same[1].inputs)
    nets = copy.deepcopy(net), copy.deepcopy(net)
    histories = [
        snn.train(
            net, X, Y, optimizer="sgd", epochs=2, seed=0, validation_data=(data, Y), rows=rows
        )
        for net, data in zip(nets, (other, X), strict=True)
    ]
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    losses = [history.epochs[-1].validation_loss for history in histories]
    assert losses[0] == losses[1]
    trained(other, Y, nets[0])
    trained(X, Y, nets[1])
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_names_are_those_of_the_first_training() -> None:
    net = make()
    net.predict(frame())
    assert net.input_names is None
    trained(frame().to_numpy(), net=net)
    assert net.input_names is None
    trained(frame(), net=net)
    assert net.input_names == tuple(NAMES)
    trained(frame()[NAMES[::-1]], net=net)
    assert net.input_names == tuple(NAMES)
    values = frame()[NAMES[::-1]].to_numpy()
    expected = copy.deepcopy(net)
    expected.input_names = None
    np.testing.assert_array_equal(net.predict(values), expected.predict(values))  # by position


def test_a_training_that_is_refused_leaves_no_names() -> None:
    net, X = make(), frame()
    for bad in ({"epochs": 0}, {"Y": LABELS + 1}, {"validation_data": (X[["a"]], LABELS)}):
        with pytest.raises(ValueError, match=r"epochs|labels|columns"):
            trained(X, net=net, **bad)
        assert net.input_names is None
    X.loc[5, "c"] = np.nan
    with pytest.raises(snn.DataError, match="X must be finite, got nan in sample 5, column 'c'"):
        trained(X, net=net)
    assert net.input_names is None


def test_other_names_are_refused() -> None:
    net, X = trained(frame()), frame()
    cases = [
        (
            X.drop(columns="b"),
            r"X must be those .* it lacks 'b'\. An array",
        ),
        (X.assign(z=0.0), r"in any order; it also has 'z'\."),
        (X.rename(columns={"a": "A"}), r"it lacks 'a' and also has 'A'\."),
        (X.rename(columns=str.upper), r"lacks 'a', 'b', 'c' and 4 more and also has 'A', 'B', "),
    ]
    for data, message in cases:
        for call in (
            lambda data=data: net.predict(data),
            lambda data=data: snn.evaluate(net, data, LABELS),
            lambda data=data: trained(data, net=net),
            lambda data=data: trained(X, net=net, validation_data=(data, LABELS)),
        ):
            with pytest.raises(ValueError, match=message):
                call()
    with pytest.raises(ValueError, match="the columns of validation X must be those"):
        trained(X, net=make(), validation_data=(cases[0][0], LABELS))


def test_names_as_scikit_learn_has_them() -> None:
    """Numbers are no names; some texts among them are an error, and a name that comes twice."""
    plain = pd.DataFrame(frame().to_numpy())
    net = trained(plain)
    assert net.input_names is None
    np.testing.assert_array_equal(net.predict(plain[[*range(N_IN)]]), net.predict(plain))
    with pytest.raises(
        ValueError, match=r"X must be .*lacks 'a', 'b', 'c' and 4 more and has no names that are"
    ):
        trained(frame()).predict(plain)
    mixed, twice = plain.rename(columns={2: "c"}), frame().rename(columns={"a": "b"})
    with pytest.raises(
        TypeError, match=r"X\.columns must be texts, or none of them, got 'c' and 0;"
    ):
        net.predict(mixed)
    with pytest.raises(ValueError, match=r"X\.columns must differ from one another, got 'b' twice"):
        net.predict(twice)


def test_names_of_a_wiring_that_are_no_texts() -> None:
    """Numbers of neurons: columns that have them are matched, columns without names are not."""
    edges = [(2, "h"), (0, "h"), (1, "k"), ("h", 8), ("k", 8), (1, 9)]
    net = snn.Network(snn.wiring.from_edges(edges, outputs=[9, 8]), seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.random((20, 3)), rng.random((20, 2))
    frame = pd.DataFrame(X, columns=net.wiring.inputs)
    expected = net.predict(X)
    for order in ([2, 0, 1], [0, 1, 2]):
        np.testing.assert_array_equal(net.predict(frame[order]), expected)
        sparse = frame[order].astype(pd.SparseDtype(float, 0))
        np.testing.assert_array_equal(net.predict(sparse), expected)
    targets = pd.DataFrame(Y, columns=[9, 8])
    assert snn.evaluate(net, frame[[1, 0, 2]], targets[[8, 9]]) == snn.evaluate(net, X, Y)
    assert snn.evaluate(net, X, pd.DataFrame(Y)) == snn.evaluate(net, X, Y)  # 0, 1: no names
    nets = copy.deepcopy(net), copy.deepcopy(net)
    for it, order in zip(nets, ([2, 0, 1], [1, 2, 0]), strict=True):
        snn.train(
            it, frame[order], Y, optimizer="adam", epochs=2, seed=0,
            validation_data=(frame[[0, 1, 2]], targets[[8, 9]]),
        )  # fmt: skip
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    weights = snn.evaluate(net, X, Y, output_weights={8: 2.0, 9: 0.5})
    assert snn.evaluate(net, X, Y, output_weights=pd.Series({8: 2.0, 9: 0.5})) == weights
    baseline = pd.Series({0: 0.1, 1: 0.2, 2: 0.3})
    by_name = snn.attribution.integrated_gradients(net, X, 0, baseline)
    np.testing.assert_array_equal(by_name.baseline, [0.3, 0.1, 0.2])
    for columns in ([2, 0, 5], ["2", "0", "1"]):
        with pytest.raises(ValueError, match="the columns of X must be those of the network"):
            net.predict(pd.DataFrame(X, columns=columns))


def test_targets_of_outputs_of_several_units() -> None:
    """They are called (term, unit), as neurons are everywhere; other names are no positions."""
    wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("b", "q")]).with_units({"p": 2})
    assert wiring.output_neurons == (("p", 0), ("p", 1), "q")
    net = snn.Network(snn.wiring.from_edges([("a", "p"), ("b", "p")]).with_units({"p": 2}), seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.random((20, 2)), rng.random((20, 2))
    neurons = pd.MultiIndex.from_tuples(net.wiring.output_neurons)
    targets, expected = pd.DataFrame(Y, columns=neurons), snn.evaluate(net, X, Y)
    assert snn.evaluate(net, X, targets[[("p", 1), ("p", 0)]]) == expected
    assert snn.evaluate(net, X, pd.DataFrame(Y)) == expected  # 0, 1: no names
    with pytest.raises(ValueError, match=r"it lacks \('p', 0\), \('p', 1\) and also has 'u', 'v'"):
        snn.train(net, X, pd.DataFrame(Y, columns=["u", "v"]), optimizer="adam", epochs=1)


def test_names_of_a_network_are_those_of_its_wiring() -> None:
    numbered = snn.Network(snn.wiring.from_edges([(1, "p"), (2, "p")]).with_units({"p": 2}), seed=0)
    assert (numbered.input_names, numbered.output_names) == (None, None)
    numbered.input_names, numbered.output_names = (1, 2), [("p", 0), ("p", 1)]  # type: ignore[assignment]
    numbered.input_names = numbered.output_names = None
    with pytest.raises(ValueError, match=r"input_names .* its wiring, 1, 2; got 'a', 'b'\."):
        numbered.input_names = ["a", "b"]
    with pytest.raises(ValueError, match=r"output_names .* \('p', 0\), \('p', 1\); got 'u', 'v'\."):
        numbered.output_names = ["u", "v"]
    named = snn.Network(snn.wiring.from_edges([("a", "p")]), seed=0)
    with pytest.raises(TypeError, match="output_names must be a list of names, got None"):
        named.output_names = None


def test_targets_have_names_too() -> None:
    Y = pd.DataFrame(np.random.default_rng(0).random((N, N_OUT)), columns=["p", "q", "r"])
    net, other = trained(frame(), Y, make(output_activation="sigmoid")), Y[["r", "p", "q"]]
    assert net.output_names == ("p", "q", "r")
    assert snn.evaluate(net, frame(), other) == snn.evaluate(net, frame(), Y)
    nets = copy.deepcopy(net), copy.deepcopy(net)
    trained(frame(), other, nets[0], validation_data=(frame(), other))
    trained(frame(), Y, nets[1])
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    with pytest.raises(
        ValueError, match=r"the columns of Y must be .* it lacks 'q' and also has 'Q'"
    ):
        snn.evaluate(net, frame(), Y.rename(columns={"q": "Q"}))


# Frames as arrays


def test_one_block_is_not_copied() -> None:
    values = np.zeros((N, N_IN), np.float32)
    data = pd.DataFrame(values, columns=NAMES, copy=False)
    array, names = read_columns(data, "X")
    assert names == tuple(NAMES)
    assert np.shares_memory(array, values)


def test_frames_of_several_dtypes() -> None:
    data = pd.DataFrame(
        {
            "a": [1.5, 2.0], "b": [True, False], "c": pd.array([1, 2], "Int64"),
            "d": pd.array([0.5, 1], "Float64"), "e": np.array([1, 2], np.uint8),
        }
    )  # fmt: skip
    array, _ = read_columns(data, "X")
    expected = [[1.5, 1, 1, 0.5, 1], [2, 0, 2, 1, 2]]
    np.testing.assert_array_equal(array, expected)
    assert array.dtype == np.float64
    missing = data.assign(c=pd.array([1, None], "Int64"))
    net = snn.MLP([snn.topology.dense(5, 2)], seed=0)
    with pytest.raises(snn.DataError, match="X must be finite, got nan in sample 1, column 'c'"):
        net.predict(missing)


@pytest.mark.parametrize(
    "column", [["x", "y"], pd.Categorical(["x", "y"]), pd.to_datetime(["2020", "2021"]), [1j, 2]]
)
def test_columns_that_hold_no_numbers(column: Any) -> None:
    data = pd.DataFrame({"a": [1.0, 2.0], "city": column})
    net = snn.MLP([snn.topology.dense(2, 2)], seed=0)
    with pytest.raises(TypeError, match=r"X must hold numbers, got .* in column 'city'; turn it"):
        net.predict(data)


def test_labels_in_a_series() -> None:
    X, expected = frame(), trained(frame()).parameters
    for labels in (pd.Series(LABELS), pd.Series(LABELS, dtype="Int64"), list(LABELS)):
        np.testing.assert_array_equal(trained(X, labels).parameters, expected)
    lacking = pd.Series([None, *LABELS[1:]], dtype="Int64")
    with pytest.raises(TypeError, match=r"Y .* must be integer labels, got float64"):
        trained(X, lacking)


class Polars:
    """Stand-in for a frame of polars, which cannot be a dependency of the tests."""

    class Dtype:
        def __init__(self, name: str) -> None:
            self.name = name

        def is_numeric(self) -> bool:
            return self.name not in ("String", "Boolean")

        def __str__(self) -> str:
            return self.name

    def __init__(self, data: pd.DataFrame, *dtypes: str) -> None:
        self.data, self.columns = data, list(data.columns)
        self.dtypes = [self.Dtype(name) for name in dtypes]

    def to_numpy(self) -> Any:
        return self.data.to_numpy()

    def __iter__(self) -> Any:
        return iter([Column(self.data[name]) for name in self.columns])


class Column:
    def __init__(self, data: pd.Series) -> None:
        self.data = data

    def cast(self, kind: type) -> Column:
        return Column(self.data.astype(kind))

    def to_numpy(self) -> Any:
        return self.data.to_numpy()


def test_frames_of_polars() -> None:
    data = pd.DataFrame({"a": [1.5, 2.0], "b": [True, False]})
    array, names = read_columns(Polars(data, "Float64", "Boolean"), "X")
    np.testing.assert_array_equal(array, [[1.5, 1], [2, 0]])
    assert names == ("a", "b")
    with pytest.raises(TypeError, match="X must hold numbers, got String in column 'b'"):
        read_columns(Polars(data, "Float64", "String"), "X")
    polars = pytest.importorskip("polars")
    array, names = read_columns(polars.DataFrame({"a": [1.5, 2.0], "b": [True, None]}), "X")
    np.testing.assert_array_equal(array, [[1.5, 1], [2, np.nan]])


def test_tables_of_arrow() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    X = frame()
    net = trained(X)
    table = pyarrow.Table.from_pandas(X[NAMES[::-1]])
    np.testing.assert_array_equal(net.predict(table), net.predict(X))


@given(st.permutations(NAMES))
def test_where_names_stand(order: list[str]) -> None:
    places = columns_of(Known(tuple(NAMES), "the network"), tuple(order), "X")
    if order == NAMES:
        assert places is None
    else:
        assert places is not None
        assert [order[place] for place in places] == NAMES


@pytest.mark.parametrize(
    ("wide", "beside"),
    [("i8", [0.5, 1]), ("u8", [1, 2]), ("i8", [True, False]), ("i8", np.ones(2, "f4"))],
)
def test_whole_numbers_beside_other_kinds(wide: str, beside: Any) -> None:
    net = snn.MLP([snn.topology.dense(2, 2)], seed=0)
    frame = pd.DataFrame({"id": np.array([2**60 + 1, 3], wide), "b": beside})
    with pytest.raises(
        ValueError, match=r"below 2\*\*53 where .*, got some 1.15e\+18 in colu.*'id'"
    ):
        net.predict(frame)
    frame["id"] = np.array([2**50 + 1, 3], wide)
    assert np.isfinite(net.predict(frame, input_scale=2**-50)).all()


def test_one_row_by_itself_is_told_to_keep_its_names() -> None:
    net = snn.MLP([snn.topology.dense(2, 2)], seed=0)
    with pytest.raises(ValueError, match=r"Add a sample axis: X\.to_frame\(\)\.T"):
        net.predict(pd.Series([1.0, 2], index=["b", "a"]))
