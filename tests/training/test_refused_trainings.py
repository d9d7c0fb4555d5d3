"""Networks, states and files are unchanged after a training that was refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import baselines
from minisnn.callbacks import Callback, CSVLog, EarlyStopping

X = np.random.default_rng(0).random((40, 6))
Y = (X[:, 0] > X[:, 1]).astype(np.int64)
STATE = snn.OptimizerState(np.ones((1, 14), dtype=np.float64), 3)


class NotToBegin(Callback):
    def begin(self, training: Any) -> None:
        raise RuntimeError("not today")


class Unkept(Callback):
    def state(self) -> Any:
        return {"words": np.array(["a"])}


def changed(value: float) -> Any:
    array = X.copy()
    array[7, 3] = value
    return array


REFUSED: dict[str, dict[str, Any]] = {
    "X": {"X": X[:, 1:]},
    "NaN": {"X": changed(np.nan)},
    "a masked array": {"X": np.ma.masked_less(X, 0.1)},
    "masked rows of a list": {"X": list(np.ma.masked_less(X, 0.1))},
    "labels": {"Y": Y + 1},
    "targets": {"Y": X[:, :3]},
    "weights": {"sample_weight": -np.ones(40)},
    "rows": {"rows": [40]},
    "validation data": {"validation_data": (X[:, 1:], Y)},
    "validation labels": {"validation_data": (X, Y + 1)},
    "the state of another optimiser": {"optimizer": "adam"},
    "a state of NaN": {"optimizer_state": snn.OptimizerState(np.full((1, 14), np.nan), 1)},
    "a loss": {"loss": "cross_entropy"},
    "a name": {"optimizer": "lion"},
    "a schedule": {"optimizer": snn.SGD(lambda epoch, epochs: -1.0)},
    "a schedule, of a checkpoint": {
        "optimizer": snn.SGD(lambda epoch, epochs: 1.0 - epoch),
        "checkpoint": "new",
    },
    "a schedule of NaN": {"optimizer": snn.SGD(lambda epoch, epochs: float("nan"))},
    "epochs": {"epochs": 0},
    "batch_size": {"batch_size": 1.5},
    "dropout": {"dropout": 1.0},
    "callbacks": {"callbacks": [3]},
    "a callback that will not begin": {"callbacks": [EarlyStopping(monitor="loss"), NotToBegin()]},
    "a callback that cannot be kept": {"callbacks": [Unkept()], "checkpoint": "new"},
    "no figure to monitor": {"callbacks": [CSVLog("log.csv"), EarlyStopping()]},
    "no accuracy to monitor": {
        "callbacks": [EarlyStopping(monitor="validation_accuracy")],
        "validation_data": (X, X[:, :2]),
    },
    "no folder for a log": {"callbacks": [CSVLog("nowhere/log.csv")], "checkpoint": "new"},
    "a checkpoint that is there": {"checkpoint": "other"},
    "a checkpoint that is none": {"checkpoint": "other", "resume": True},
    "no folder for a checkpoint": {"checkpoint": "nowhere/new"},
    "no checkpoint": {"resume": True},
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_changed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("other", "log.csv"):
        Path(file).write_bytes(b"of another training")
    net = snn.MLP([snn.topology.dense(6, 2)], seed=0, dtype=np.float64)
    before, vectors = net.parameters.copy(), STATE.vectors.copy()
    options = {
        "X": X, "Y": Y, "optimizer": "sgd", "optimizer_state": STATE, "epochs": 2, "seed": 0,
        **REFUSED[name],
    }  # fmt: skip
    with pytest.raises((ValueError, TypeError, OSError, RuntimeError)):
        snn.train(net, **options)
    assert net.parameters.tobytes() == before.tobytes()
    assert STATE.vectors.tobytes() == vectors.tobytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "other"]
    for file in ("other", "log.csv"):
        assert Path(file).read_bytes() == b"of another training"


@pytest.mark.parametrize("name", ["X", "labels", "a schedule", "epochs", "callbacks"])
def test_nothing_of_a_baseline_is_changed(name: str) -> None:
    net = baselines.Reparametrised([baselines.LowRank(6, 2, 1)], seed=0)
    before, expanded = net.parameters.copy(), net.expanded.parameters.copy()
    options = {"X": X, "Y": Y, "optimizer": "sgd", "epochs": 2, **REFUSED[name]}
    with pytest.raises((ValueError, TypeError)):
        baselines.train_reparametrised(net, **options)
    assert net.parameters.tobytes() == before.tobytes()
    assert net.expanded.parameters.tobytes() == expanded.tobytes()


@pytest.mark.parametrize(
    "step",
    [
        lambda net: net.predict(X[:, 1:]),
        lambda net: net.loss_and_gradients(X, Y + 1),
        lambda net: net.loss_and_gradients(X, Y, sample_weight=np.zeros(40)),
        lambda net: snn.save(net, "other", optimizer_state=STATE.vectors),
        lambda net: snn.save(net, "nowhere/net.npz"),
        lambda net: snn.SGD().update(net.parameters, np.zeros((2, 14)), net.parameters, 1.0),
        lambda net: snn.SGD().update(net.parameters, np.zeros((1, 14)), X[0], 1.0),
    ],
)
def test_other_calls(
    step: Callable[[snn.MLP], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other").write_bytes(b"of another training")
    net = snn.MLP([snn.topology.dense(6, 2)], seed=0, dtype=np.float64)
    before = net.parameters.copy()
    with pytest.raises((ValueError, TypeError, OSError)):
        step(net)
    assert net.parameters.tobytes() == before.tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert Path("other").read_bytes() == b"of another training"
