"""Data of any number type and layout: read in place by batches, and checked as it is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bench import twins as reference
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines
from minisnn._support.seeds import word_of
from minisnn.kernels.functions.dropout import key_of

N, N_IN, N_OUT = 40, 21, 3
DTYPES = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")
LAYOUTS: dict[str, Any] = {
    "C": lambda X: X,
    "Fortran": np.asfortranarray,
    "columns": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "slice": lambda X: np.pad(X, ((0, 0), (5, 0)))[:, 5:],
    "rows": lambda X: np.repeat(X, 3, axis=0)[::3],
}


def make(dtype: Any = np.float32, output: str = "softmax") -> snn.MLP:
    graphs = [snn.topology.constant_degree(N_IN, 12, 4), snn.topology.dense(12, N_OUT)]
    return snn.MLP(graphs, seed=1, output_activation=output, dtype=dtype)


def trained(X: Any, Y: Any, net: snn.MLP | None = None, **options: Any) -> Any:
    net = make() if net is None else net
    defaults = {"optimizer": snn.NesterovSGD(0.3), "batch_size": 16, "epochs": 2, "seed": 3}
    snn.train(net, X, Y, **{**defaults, **options})
    return net.parameters.copy()


@settings(max_examples=60)
@given(
    st.sampled_from(DTYPES),
    st.sampled_from(list(LAYOUTS)),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    st.sampled_from([1.0, 0.25, -2.0]),
    st.integers(0, 2**32),
)
def test_inputs_are_those_of_the_same_values(
    dtype: str, layout: str, real: Any, some: bool, scale: float, seed: int
) -> None:
    """The bits that the same values have in float64, in C order, as a copy of the chosen rows."""
    rng = np.random.default_rng(seed)
    X = LAYOUTS[layout](rng.integers(0, 2 if dtype == "?" else 100, (N, N_IN)).astype(dtype))
    labels = rng.integers(0, N_OUT, N)
    rows = rng.integers(0, N, 20) if some else np.arange(N)
    plain, options = np.array(X[rows], np.float64, order="C"), {"input_scale": scale}
    net = make(real)
    chosen = {"rows": rows if some else None}
    found = net.predict(X, **options, **chosen)
    np.testing.assert_array_equal(found, net.predict(plain, **options))
    assert snn.evaluate(net, X, labels, **options, **chosen) == snn.evaluate(
        net, plain, labels[rows], **options
    )
    np.testing.assert_array_equal(
        trained(X, labels, make(real), **options, **chosen),
        trained(plain, labels[rows], make(real), **options),
    )
    one = net.predict(X[:1], **options)
    np.testing.assert_array_equal(one, net.predict(X[:1].astype(np.float64), **options))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_targets_are_those_of_the_same_values(dtype: str, layout: str) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.random((N, N_IN)), LAYOUTS[layout](rng.integers(0, 2, (N, N_OUT)).astype(dtype))
    plain = np.array(Y, np.float64, order="C")
    for loss in ("mse", "binary_cross_entropy"):
        nets = make(output="sigmoid"), make(output="sigmoid")
        first = trained(X, Y, nets[0], loss=loss, validation_data=(X, Y))
        np.testing.assert_array_equal(first, trained(X, plain, nets[1], loss=loss))
        assert snn.evaluate(nets[0], X, Y, loss=loss) == snn.evaluate(nets[1], X, plain, loss=loss)
        one, same = (nets[0].loss_and_gradients(X, T, loss=loss) for T in (Y, plain))
        assert one[0] == same[0]
        np.testing.assert_array_equal(one[1].parameters, same[1].parameters)


@pytest.mark.parametrize("dtype", ["i1", "?", "f2"])
def test_reparametrised_networks_take_it_too(dtype: str) -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.integers(0, 2, (N, N_IN)).astype(dtype), rng.integers(0, N_OUT, N)
    parameters = []
    for data in (X, X.astype(np.float32)):
        net = baselines.Reparametrised([baselines.LowRank(N_IN, N_OUT, 2)], seed=0)
        baselines.train_reparametrised(net, data, labels, optimizer="sgd", epochs=2, seed=0)
        parameters.append(net.parameters)
    np.testing.assert_array_equal(*parameters)


# Inputs that no edge uses


def test_inputs_without_edges_are_not_read() -> None:
    """Unused columns change nothing; they cause no gradient and no error."""
    rng = np.random.default_rng(0)
    edges = [(i, o) for i in (1, 2, 5, 11, 19) for o in range(12) if rng.random() < 0.7]
    graphs = [snn.topology.from_edges(N_IN, 12, edges), snn.topology.dense(12, N_OUT)]
    used = np.unique(np.array(edges)[:, 0])
    fewer = [(int(np.searchsorted(used, i)), o) for i, o in edges]
    small = snn.topology.from_edges(len(used), 12, fewer)
    labels = rng.integers(0, N_OUT, N)
    for X in (rng.random((N, N_IN)), rng.integers(0, 256, (N, N_IN), dtype=np.uint8)):
        nets = [snn.MLP([graph, graphs[1]], seed=2) for graph in (graphs[0], small)]
        if X.dtype == np.float64:
            X[:, np.setdiff1d(np.arange(N_IN), used)] = np.nan
        data = X, X[:, used]
        for layer in (0, 1):
            nets[1].layers[layer].weights[:] = nets[0].layers[layer].weights
        options = {"input_scale": 1 / 255}
        results = [net.predict(values, **options) for net, values in zip(nets, data, strict=True)]
        np.testing.assert_array_equal(*results)
        results = [net.predict(v[:1], **options) for net, v in zip(nets, data, strict=True)]
        np.testing.assert_array_equal(*results)
        first, second = (
            net.loss_and_gradients(values, labels, **options)[1]
            for net, values in zip(nets, data, strict=True)
        )
        np.testing.assert_array_equal(first.parameters, second.parameters)
        np.testing.assert_array_equal(first.inputs[:, used], second.inputs)
        assert not np.delete(first.inputs, used, axis=1).any()
        parameters = [trained(v, labels, net) for net, v in zip(nets, data, strict=True)]
        np.testing.assert_array_equal(*parameters)


def test_input_dropout_has_the_masks_of_all_inputs() -> None:
    rng = np.random.default_rng(0)
    graph = snn.topology.from_edges(N_IN, 2, [(3, 0), (9, 0), (9, 1), (20, 1)])
    net = snn.MLP([graph], output_activation="identity", dtype=np.float64, seed=0)
    X, Y = rng.random((N, N_IN)), rng.random((N, 2))
    loss, gradients = net.loss_and_gradients(X, Y, dropout=0.5, seed=5)
    dropped = reference.dropout(np.ascontiguousarray(X.T), 0.5, key_of(word_of(5), 0, 0)).T
    outputs = dropped @ net.layers[0].to_scipy() + net.layers[0].biases
    assert loss == pytest.approx(((outputs - Y) ** 2).mean())
    expected = ((outputs - Y) @ net.layers[0].to_scipy().T) / N * (dropped > 0) / 0.5
    np.testing.assert_allclose(gradients.inputs, expected)


def test_named_inputs_without_edges() -> None:
    pandas = pytest.importorskip("pandas")
    graph = snn.topology.from_edges(3, 1, [(0, 0), (2, 0)]).with_names(["a", "b", "c"], None)
    net = snn.MLP([graph], seed=0)
    X = pandas.DataFrame({"c": [1.0, 2], "b": [np.nan] * 2, "a": [3.0, 4]})
    np.testing.assert_array_equal(net.predict(X), net.predict(X[["a", "b", "c"]].to_numpy()))
    X["c"] = np.inf
    for rows in (None, [1]):
        with pytest.raises(snn.DataError, match=r"got inf in sample [01], column 'c'"):
            net.predict(X, rows=rows)


# Values that are none


BAD = [
    ("X", np.nan, "X must be finite, got nan in sample 33, column 7"),
    ("X", -np.inf, "X must be finite, got -inf in sample 33, column 7"),
    ("X", 1e300, r"X must fit into the network's float32, got 1e\+300 in sample 33, column 7"),
    ("Y", np.nan, "Y must be finite, got nan in sample 33, column 2"),
    ("Y", 1e300, r"Y must fit into the network's float32, got 1e\+300 in sample 33, column 2"),
]


@pytest.mark.parametrize(("where", "value", "message"), BAD)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_training_that_meets_one_has_not_been(
    where: str, value: float, message: str, n_threads: int, threads: Any
) -> None:
    """It is met in the second batch of three; the network is what it was before the call."""
    threads(n_threads)
    rng = np.random.default_rng(0)
    data = {"X": rng.random((N, N_IN)), "Y": rng.random((N, N_OUT))}
    data[where][33, 7 if where == "X" else 2] = value
    net, epochs = make(output="sigmoid"), []
    before = net.parameters.copy()
    with pytest.raises(snn.DataError, match=message):
        trained(data["X"], data["Y"], net, callbacks=[lambda net, epoch: epochs.append(epoch)])
    np.testing.assert_array_equal(net.parameters, before)
    assert not epochs
    good, bad = (np.ones((N, N_IN)), np.zeros((N, N_OUT))), tuple(data.values())
    with pytest.raises(snn.DataError, match=f"validation {message}"):
        trained(*good, net, validation_data=bad, validation_rows=[1, 33])
    np.testing.assert_array_equal(net.parameters, before)
    others = np.delete(np.arange(N), 33)
    assert np.isfinite(trained(data["X"], data["Y"], net, rows=others)).all()


@pytest.mark.parametrize(("where", "value", "message"), BAD)
def test_other_calls_that_meet_one(where: str, value: float, message: str) -> None:
    rng = np.random.default_rng(0)
    data = {"X": rng.random((N, N_IN)), "Y": rng.random((N, N_OUT))}
    data[where][33, 7 if where == "X" else 2] = value
    net = make(output="sigmoid")
    X, Y = data.values()
    calls: list[Any] = [
        lambda: snn.evaluate(net, X, Y),
        lambda: net.loss_and_gradients(X, Y),
    ]
    if where == "X":
        calls += [
            lambda: net.predict(X),
            lambda: net.forward(X),
            lambda: net.predict(X, rows=[33]),
            lambda: snn.train(net, X, Y, optimizer="sgd", batch_size=1),
        ]
    for call in calls:
        with pytest.raises(snn.DataError, match=message):
            call()


def test_a_checkpoint_is_not_begun_with_one(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.random((N, N_IN)), rng.integers(0, N_OUT, N)
    X[33, 7] = np.nan
    with pytest.raises(snn.DataError, match="in sample 33, column 7"):
        trained(X, Y, checkpoint=tmp_path / "run.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, -(2**63)])
def test_whole_numbers_that_are_none_in_float64(value: int) -> None:
    X = np.zeros((N, N_IN), np.int64)
    X[5, 3] = np.sign(value) * 2**53
    net = make(np.float64)
    np.testing.assert_array_equal(net.predict(X), net.predict(X.astype(np.float64)))
    X[5, 3] = value
    message = rf"whole numbers up to 2\*\*53, .* got {value} in sample 5, column 3"
    for rows in (None, [5]):
        with pytest.raises(snn.DataError, match=message):
            net.predict(X, rows=rows)
    with pytest.raises(snn.DataError, match="got 18446744073709551615 in sample 0, column 0"):
        net.predict(np.full((2, N_IN), 2**64 - 1, np.uint64))


def test_a_scale_that_bytes_do_not_bear() -> None:
    X = np.full((4, N_IN), 255, np.uint8)
    assert np.isfinite(make(np.float64).predict(X, input_scale=1e37)).all()
    with pytest.raises(ValueError, match=r"input_scale must leave X, bytes, in the range of float"):
        make().predict(X, input_scale=1e37)


def test_labels_may_be_narrow() -> None:
    X, labels = np.random.default_rng(0).random((N, N_IN)), np.arange(N) % N_OUT
    expected = trained(X, labels)
    for dtype in ("i1", "u1", "u2", "u8"):
        np.testing.assert_array_equal(trained(X, labels.astype(dtype)), expected)
