"""Names of inputs and outputs stay with a network and with networks made from it."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from naming import LABELS, N_OUT, NAMES, N, frame, make, trained

import minisnn as snn
from minisnn import baselines
from minisnn._support.archive import write_archive
from minisnn.interchange.network_file import packed

MASK = pd.DataFrame([[1, 0], [1, 1], [0, 1]], index=["a", "b", "c"], columns=["p", "q"], dtype=bool)


def test_a_graph_keeps_the_names_of_its_frame() -> None:
    graph = snn.topology.from_dense(MASK)
    assert (graph.input_names, graph.output_names) == (("a", "b", "c"), ("p", "q"))
    assert graph == snn.topology.from_dense(MASK.to_numpy())
    for copied in (copy.copy(graph), copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        assert copied.input_names == ("a", "b", "c")
        assert copied.output_names == ("p", "q")
    net = snn.MLP([graph], seed=0)
    assert (net.input_names, net.output_names) == (("a", "b", "c"), ("p", "q"))
    plain = snn.topology.from_dense(MASK.reset_index(drop=True).set_axis([0, 1], axis=1))
    assert (plain.input_names, plain.output_names) == (None, None)
    full = snn.topology.from_dense(MASK | True)
    assert full.is_complete
    assert pickle.loads(pickle.dumps(full)).input_names == ("a", "b", "c")


def test_layers_must_agree_about_the_names_between_them() -> None:
    first = snn.topology.from_dense(MASK)
    second = pd.DataFrame([[1], [1]], index=["p", "q"], columns=["out"])
    assert snn.MLP([first, snn.topology.from_dense(second)], seed=0).output_names == ("out",)
    with pytest.raises(
        ValueError,
        match=r"the outputs of layer 1 and the inputs of layer 2 must .*"
        r"got 'p' and 'q'; put the rows of a DataFrame in order by matrix\.loc",
    ):
        snn.MLP([first, snn.topology.from_dense(second.loc[["q", "p"]])], seed=0)


def test_names_can_be_set() -> None:
    net = make()
    net.input_names = NAMES
    assert net.input_names == tuple(NAMES)
    for names, error, message in (
        (NAMES[:3], ValueError, "input_names must have 7 entries, got 3"),
        ([*NAMES[:6], "a"], ValueError, "input_names must differ from one another, got 'a' twice"),
        ([*NAMES[:6], 3], TypeError, "input_names must be texts, got 3"),
        ("abcdefg", TypeError, "input_names must be a list of texts, got 'abcdefg'"),
    ):
        with pytest.raises(error, match=message):
            net.input_names = names
    net.output_names = ["x", "y", "z"]
    net.input_names = None
    assert (net.input_names, net.output_names) == (None, ("x", "y", "z"))


@pytest.mark.parametrize("state", [False, True])
def test_names_are_saved(tmp_path: Any, state: bool) -> None:
    X, net = frame().rename(columns={"a": "größe\n1", "b": "遺伝子"}), make()
    history = snn.train(net, X, LABELS, optimizer="adam", epochs=1, seed=0)
    kept = {"optimizer_state": history.optimizer_state} if state else {}
    snn.save(net, tmp_path / "net.npz", **kept)
    loaded = snn.load(tmp_path / "net.npz")
    for same in (loaded, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert same.input_names == net.input_names == tuple(X.columns)
        assert same.output_names is None
        np.testing.assert_array_equal(same.predict(X[X.columns[::-1]]), net.predict(X))
    if state:
        assert snn.load_optimizer_state(tmp_path / "net.npz").steps == history.optimizer_state.steps
    else:
        with pytest.raises(snn.FileFormatError, match="holds no state of an optimiser"):
            snn.load_optimizer_state(tmp_path / "net.npz")


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'"abc"', b"[1, 2]", b'["a"]', b"\xff", b"[" * 100_000, b'["a"] []']
)
def test_files_with_bad_names(tmp_path: Any, text: bytes) -> None:
    net = make()
    net.input_names = NAMES
    content, arrays = packed(net)
    arrays["input_names"] = np.frombuffer(text, np.uint8)
    with open(tmp_path / "net.npz", "wb") as file:
        write_archive(file, "network", 4, {**content, "optimizer_state": False}, arrays)
    with pytest.raises(snn.FileFormatError, match="is not a network saved by minisnn, or damaged"):
        snn.load(tmp_path / "net.npz")
    assert json.loads(packed(net)[1]["input_names"].tobytes()) == NAMES


def test_weights_of_a_frame_keep_its_names() -> None:
    frame = pd.DataFrame([[1.0, 0], [2, 3], [0, 4]], index=[*"abc"], columns=[*"uv"])
    net = snn.from_weights([(frame, None)])
    assert (net.input_names, net.output_names) == (("a", "b", "c"), ("u", "v"))
    X = pd.DataFrame(np.arange(6.0).reshape(2, 3) / 9, columns=[*"abc"])
    np.testing.assert_array_equal(net.predict(X[[*"cab"]]), net.predict(X))


def test_biases_in_a_series_are_matched_by_the_names_of_the_weights() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], index=["a"], columns=["p", "q"])
    net = snn.from_weights([(frame, pd.Series({"q": 4.0, "p": 3.0}))])
    assert net.layers[0].biases.tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"layer 1: the columns of biases .* lacks 'q' and also"):
        snn.from_weights([(frame, pd.Series({"p": 3.0, "r": 4.0}))])


def named() -> snn.MLP:
    """A network that has learnt names of inputs and outputs, which its graphs came without."""
    Y = pd.DataFrame(np.random.default_rng(0).random((N, N_OUT)), columns=["p", "q", "r"])
    return trained(frame(), Y, make(output_activation="sigmoid"))


@pytest.mark.parametrize(
    "other",
    [
        copy.copy,
        copy.deepcopy,
        lambda net: pickle.loads(pickle.dumps(net)),
        lambda net: snn.MLP(net.topologies, seed=0),
        lambda net: snn.MLP.from_parameters(net.topologies, net.parameters.astype(np.float64)),
        lambda net: baselines.prune(net, [5, 4]),
        lambda net: snn.MLP(baselines.prune(net, [5, 4]).topologies, seed=0),
    ],
)
@pytest.mark.filterwarnings("ignore::minisnn.DeadNeuronWarning")
def test_a_network_out_of_a_network_has_its_names(other: Any) -> None:
    net = named()
    twin = other(net)
    assert twin.input_names == net.input_names == tuple(NAMES)
    assert twin.output_names == net.output_names == ("p", "q", "r")
    X = frame()
    np.testing.assert_array_equal(twin.predict(X[NAMES[::-1]]), twin.predict(X))
    twin.input_names = None
    assert net.input_names == tuple(NAMES), "each has its own"


def test_weights_that_are_rounded_keep_names(tmp_path: Any) -> None:
    assert snn.export_c(named(), tmp_path / "net.c", int8=True).input_names == tuple(NAMES)


def test_matrices_carry_no_names_but_they_can_be_given() -> None:
    net = named()
    twin = snn.from_weights([(layer.to_scipy(), layer.biases) for layer in net.layers])
    assert (twin.input_names, twin.output_names) == (None, None)
    twin.input_names, twin.output_names = net.input_names, net.output_names
    X = frame()
    np.testing.assert_array_equal(twin.predict(X[NAMES[::-1]]), net.predict(X))


def test_graphs_do_not_learn_the_names_of_their_network() -> None:
    """They are shared: another network of the same graphs may be trained on another frame."""
    graphs = [snn.topology.dense(len(NAMES), 4), snn.topology.dense(4, N_OUT)]
    net = trained(frame(), net=snn.MLP(graphs, seed=0))
    assert net.topologies == graphs
    assert graphs[0].input_names is None
    other = trained(frame().rename(columns=str.upper), net=snn.MLP(graphs, seed=0))
    assert other.input_names == tuple("ABCDEFG")
    np.testing.assert_array_equal(net.parameters, other.parameters)
    net.layers[0].weights[:] = 0  # still those of the network
    assert not net.parameters[: graphs[0].n_edges].any()


def test_a_network_of_one_layer_has_both_names() -> None:
    net = snn.MLP([snn.topology.dense(2, 2)], seed=0)
    net.input_names = ["a", "b"]
    net.output_names = ["p", "q"]
    assert (net.input_names, net.output_names) == (("a", "b"), ("p", "q"))
    net.input_names = None
    assert (net.input_names, net.output_names) == (None, ("p", "q"))


# Callbacks and failures


class Sees(snn.callbacks.Callback):
    """Notes the names that there are when the training begins, and fails if wanted."""

    def __init__(self, net: snn.MLP, *, fails: bool = False) -> None:
        self.net, self.fails, self.seen = net, fails, None

    def begin(self, training: Any) -> None:
        self.seen = self.net.input_names
        if self.fails:
            raise RuntimeError("not today")


def test_callbacks_see_the_names_at_the_beginning() -> None:
    net = make()
    watcher = Sees(net)
    trained(frame(), net=net, callbacks=[watcher])
    assert watcher.seen == tuple(NAMES)


def test_a_training_that_fails_before_its_first_step_leaves_no_names(tmp_path: Any) -> None:
    net = make()
    watcher = Sees(net, fails=True)
    with pytest.raises(RuntimeError, match="not today"):
        trained(frame(), net=net, callbacks=[watcher])
    assert watcher.seen == tuple(NAMES)
    with pytest.raises(OSError, match="cannot write the checkpoint"):
        trained(frame(), net=net, checkpoint=tmp_path / "no" / "file.npz")
    broken = make()
    broken.parameters[0] = np.nan
    with pytest.raises(FloatingPointError):
        trained(frame(), net=broken)  # its first step
    for each in (net, broken):
        assert (each.input_names, each.output_names) == (None, None)
    np.testing.assert_array_equal(net.parameters, make().parameters)


def test_a_training_that_fails_later_has_learnt_its_names() -> None:
    def fails(net: snn.MLP, epoch: snn.Epoch) -> None:
        raise RuntimeError("enough")

    net = make()
    with pytest.raises(RuntimeError, match="enough"):
        trained(frame(), LABELS, net, callbacks=[fails])
    assert net.input_names == tuple(NAMES), "its weights are for these"
