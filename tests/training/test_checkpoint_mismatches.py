"""Checkpoints of another training are refused, and the message names the difference."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resuming import OPTIMIZER, make, problem, train

import minisnn as snn
from minisnn import baselines
from minisnn._support.archive import FileFormatError


def test_a_checkpoint_is_not_overwritten_by_mistake(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    train(make(), checkpoint=path)
    before, net = path.read_bytes(), make()
    message = r"checkpoint\.npz is there already; pass resume=True to go on from it, or remove it"
    with pytest.raises(FileExistsError, match=message):
        train(net, checkpoint=path)
    assert path.read_bytes() == before
    np.testing.assert_array_equal(net.parameters, make().parameters)


def other_graph() -> snn.MLP:
    return snn.MLP(
        [snn.topology.fibonacci_rotating(12, 30, 8), snn.topology.dense(30, 2)],
        dtype=np.float64,
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"net": lambda: make(dtype=np.float32)}, r"network: .* has MLP\(.*32.* has MLP\(.*64"),
        (
            {"net": other_graph},
            r"network: this call has MLP\(.*, wired \.\.\. as the checkpoint has, but",
        ),
        ({"data": problem(151)}, r"training data: .* float64 \(151, 12\) .* float64 \(150, 12"),
        (
            {"data": (problem()[0], 1 - problem()[1])},
            r"training data: this call has float64 \(150, 12\) and int64 \(150,\), \.\.\. as the "
            "checkpoint has, but with other contents",
        ),
        ({"validation_data": problem(9)}, r"validation data: this call has f.*, the .* has none"),
        (
            {"optimizer": snn.NesterovSGD(0.5)},
            "learning_rate: this call has 0.5 in the first epoch, .* the checkpoint has 0.5 in the",
        ),
        (
            {"optimizer": snn.SGD(snn.WarmUpDecay(3.0), 0.9)},
            "nesterov: this call has False, the checkpoint has True",
        ),
        ({"batch_size": 41}, "batch_size: this call has 41, the checkpoint has 40"),
        ({"dropout": 0.1}, r"dropout: this call has \(0.1, 0.1\), the checkpoint has \(0.2, 0.2\)"),
        ({"shuffle": False}, "shuffle: this call has False, the checkpoint has True"),
        ({"seed": 1}, "seed: this call has 1, the checkpoint has 0"),
        ({"input_scale": 0.5}, r"input_scale: this call has 0\.5, the checkpoint has 1\.0"),
        (
            {"callbacks": [snn.callbacks.EarlyStopping(3, monitor="loss")]},
            r"callbacks: this call has EarlyStopping\(patience=3, .*\), the checkpoint has none",
        ),
        (
            {"seed": 1, "batch_size": 7},
            "batch_size: .* has 40; seed: .* has 0. Resume with what it was begun with, or",
        ),
        ({"seed": 1, "epochs": 7}, r"seed: this call has 1, the checkpoint has 0\. Res"),
    ],
)
def test_a_checkpoint_of_another_training(tmp_path: Path, changed: Any, message: str) -> None:
    path, options = tmp_path / "checkpoint.npz", dict(changed)
    train(make(), checkpoint=path)
    net = options.pop("net", make)()
    before = net.parameters.copy()
    with pytest.raises(
        FileFormatError, match=rf"checkpoint\.npz is of another training\. .*{message}"
    ):
        train(net, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(net.parameters, before)


def test_a_hash_of_another_seed_is_another_network(tmp_path: Path) -> None:
    def attempt(seed: int) -> None:
        layers = [baselines.Hashed(12, 20, 80, seed=seed), baselines.Identity(20, 2)]
        baselines.train_reparametrised(
            baselines.Reparametrised(layers), *problem(), optimizer=OPTIMIZER, epochs=1,
            checkpoint=tmp_path / "checkpoint.npz", resume=True,
        )  # fmt: skip

    attempt(1)
    attempt(1)
    with pytest.raises(FileFormatError, match=r"another training\. network: this call has Repara"):
        attempt(2)


def test_what_may_differ(tmp_path: Path) -> None:
    """Files and functions that are told, the name of the checkpoint, how often it is written."""
    train(make(), checkpoint=tmp_path / "checkpoint.npz")
    os.rename(tmp_path / "checkpoint.npz", tmp_path / "renamed.npz")
    train(
        make(), checkpoint=tmp_path / "renamed.npz", resume=True, checkpoint_every=3,
        callbacks=[lambda *_: None, snn.callbacks.CSVLog(tmp_path / "log.csv")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"resume": True},
            ValueError,
            "resume needs the checkpoint to go on from: pass checkpoint=",
        ),
        (
            {"checkpoint_every": -1},
            ValueError,
            "checkpoint_every must be a finite number, at least",
        ),
        ({"checkpoint_every": "1"}, TypeError, "checkpoint_every must be a number, got '1'"),
    ],
)
def test_bad_options(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train(make(), **options)
