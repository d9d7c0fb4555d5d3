"""Resumed trainings match columns by the names in their checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naming import LABELS, N_OUT, NAMES, N, frame, make

import minisnn as snn
from minisnn._support.archive import FileFormatError, write_archive
from minisnn.baselines import Identity, Reparametrised, train_reparametrised
from minisnn.training.checkpoint import recorded

TARGETS = pd.DataFrame(np.random.default_rng(1).random((N, N_OUT)), columns=["p", "q", "r"])


def run(path: Path, X: Any, Y: Any = TARGETS, net: snn.MLP | None = None, **options: Any) -> Any:
    """Return the network that a training leaves, begun or resumed."""
    net = make(output_activation="sigmoid") if net is None else net
    known = {"optimizer": "sgd", "batch_size": 7, "epochs": 2, "seed": 3, "input_scale": 0.01}
    snn.train(net, X, Y, checkpoint=path, **{**known, "resume": True, **options})
    return net


def begun(path: Path, X: Any, Y: Any = TARGETS, **options: Any) -> None:
    """Leave the checkpoint of a training that stopped after its first epoch."""
    run(path, X, Y, callbacks=[lambda *_: True], **options)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if "." in name}
        names = {name: archive[name] for name in archive.files if name.endswith("_names")}
        header = json.loads(archive["header.json"])
    arrays.pop("header.json")
    arrays["loop.place"] = np.array([1, 0, 0])  # as if nobody had stopped it
    header.pop("minisnn")
    with open(path, "wb") as file:
        write_archive(file, "checkpoint", header.pop("format"), header, arrays | names)


@settings(max_examples=10)
@given(st.permutations(NAMES), st.permutations(["p", "q", "r"]), st.booleans())
def test_another_order_is_the_same_training(
    tmp_path_factory: pytest.TempPathFactory, columns: list[str], targets: list[str], some: bool
) -> None:
    path = tmp_path_factory.mktemp("run") / "run.npz"
    X = frame()
    rows: Any = {"rows": [0, 5, 3, 9, 11, 20]} if some else {}
    whole = run(path.with_name("whole.npz"), X, validation_data=(X, TARGETS), **rows)
    begun(path, X, validation_data=(X, TARGETS), **rows)
    other, Y = X[columns], TARGETS[targets]
    resumed = run(path, other, Y, validation_data=(other, Y), **rows)
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)
    assert resumed.input_names == whole.input_names == tuple(NAMES)
    assert resumed.output_names == whole.output_names == ("p", "q", "r")
    run(path, X, validation_data=(X, TARGETS), **rows)  # what was written since has them, too


def test_where_names_of_inputs_come_with_the_wiring(tmp_path: Path) -> None:
    """Those of outputs are the checkpoint's, then."""
    mask = pd.DataFrame(np.ones((7, N_OUT)), index=NAMES[::-1])
    nets = [snn.MLP([snn.topology.from_dense(mask)], seed=1) for _ in range(3)]
    X, path = frame(), tmp_path / "run.npz"
    run(path, X, net=nets[0])
    resumed = run(path, X[NAMES], TARGETS[["r", "q", "p"]], nets[1])
    np.testing.assert_array_equal(resumed.parameters, nets[0].parameters)
    nets[2].input_names = NAMES
    with pytest.raises(
        FileFormatError,
        match=r"names of inputs: this call has 'a' as number 0, the checkpoint has 'g';",
    ):
        run(path, X, net=nets[2])
    assert (nets[2].input_names, nets[2].output_names) == (tuple(NAMES), None)


def test_other_names_are_refused(tmp_path: Path) -> None:
    path, X, net = tmp_path / "run.npz", frame(), make(output_activation="sigmoid")
    run(path, X)
    content = path.read_bytes()
    unnamed = pd.DataFrame(X.to_numpy())
    for other, targets, message in (
        (X.rename(columns={"b": "B"}), TARGETS, r"X must be .*; it lacks 'b' and also has 'B'\."),
        (X.drop(columns="b"), TARGETS, r"X must be .*; it lacks 'b'\."),
        (unnamed, TARGETS, r"X must be .*; it lacks .* and has no names that are texts\."),
        (X, TARGETS.rename(columns={"q": "Q"}), r"Y must be .*; it lacks 'q' and also has 'Q'\."),
    ):
        with pytest.raises(ValueError, match=r"of the checkpoint .*run\.npz, in any order") as seen:
            run(path, other, targets, net)
        assert seen.match(message)
    assert (net.input_names, net.output_names) == (None, None)
    np.testing.assert_array_equal(net.parameters, make(output_activation="sigmoid").parameters)
    assert path.read_bytes() == content


def test_a_network_that_has_other_names(tmp_path: Path) -> None:
    path, X = tmp_path / "run.npz", frame()
    run(path, X)
    net = make(output_activation="sigmoid")
    net.input_names = [*"ABCDEFG"]
    with pytest.raises(
        FileFormatError, match=r"names of inputs: this call has 'A' as number 0, the check.* 'a'\."
    ):
        run(path, X.to_numpy(), net=net)
    assert net.input_names == tuple("ABCDEFG")
    assert net.output_names is None


def test_arrays_are_taken_by_position(tmp_path: Path) -> None:
    """On either side: names come with whichever has them."""
    path, X = tmp_path / "run.npz", frame()
    begun(path, X)
    by_array = run(path, X.to_numpy(), TARGETS.to_numpy())
    assert by_array.input_names == tuple(NAMES)
    assert recorded(path).names == [tuple(NAMES), ("p", "q", "r")]
    begun(tmp_path / "array.npz", X.to_numpy(), TARGETS.to_numpy())
    assert recorded(tmp_path / "array.npz").names == [None, None]
    by_frame = run(tmp_path / "array.npz", X)
    assert by_frame.input_names == tuple(NAMES)
    np.testing.assert_array_equal(by_frame.parameters, by_array.parameters)
    with pytest.raises(FileFormatError, match=r"training data: .* but with other contents"):
        run(path, X[NAMES[::-1]].to_numpy())


def test_more_epochs_on_another_order(tmp_path: Path) -> None:
    path, X = tmp_path / "run.npz", frame()
    run(path, X)
    more = run(path, X[NAMES[::-1]], epochs=3, resume="extend")
    np.testing.assert_array_equal(
        more.parameters, run(tmp_path / "whole.npz", X, epochs=3).parameters
    )


def test_a_network_of_another_width(tmp_path: Path) -> None:
    run(tmp_path / "run.npz", frame())
    net = snn.MLP([snn.topology.dense(3, N_OUT)], seed=0)
    with pytest.raises(
        FileFormatError,
        match=r"names of inputs: this call has none as number 3, the checkpoint has 'd'; network: ",
    ):
        run(tmp_path / "run.npz", frame()[["a", "b", "c"]], net=net)
    assert net.input_names is None


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"7", b'"abc"', b"[1, 2]", b'["a", "a"]', b"[" * 10**5]
)
def test_files_with_bad_names(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "run.npz"
    content = {"fingerprint": {"seed": "3"}, "names": ["input_names"]}
    with open(path, "wb") as file:
        write_archive(
            file, "checkpoint", 2, content, {"input_names": np.frombuffer(text, np.uint8)}
        )
    with pytest.raises(FileFormatError, match="is not a checkpoint saved by minisnn, or damaged"):
        run(path, frame())


def test_of_other_kinds_of_networks(tmp_path: Path) -> None:
    """The loop and its checkpoint are the same."""
    options: Any = {
        "optimizer": "sgd", "epochs": 1, "seed": 0, "input_scale": 0.01,
        "checkpoint": tmp_path / "run.npz", "resume": True,
    }  # fmt: skip
    nets = [Reparametrised([Identity(7, 3)], seed=0) for _ in range(2)]
    for net, columns in zip(nets, (NAMES, NAMES[::-1]), strict=True):
        train_reparametrised(net, frame()[columns], LABELS, **options)
        assert net.expanded.input_names == tuple(NAMES)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
