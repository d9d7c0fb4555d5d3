"""Trainings that are killed and resumed end with the same bits."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resuming import OPTIMIZER, Crash, crash_after, make, problem, train

import minisnn as snn
from minisnn import baselines
from minisnn._support.archive import FileFormatError
from minisnn.training.generators import generator_state, set_generator_state


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that fork")
def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    program = Path(__file__).parents[1] / "helpers" / "killing.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), "20", "1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert set(whole) == {"parameters", "best", "loss", "validation_loss"}
        for name in whole:
            np.testing.assert_array_equal(whole[name], killed[name])
    epochs, steps = np.loadtxt(tmp_path / "places.txt", dtype=int).T
    assert len(set(zip(epochs, steps, strict=True))) > 3, "it went on from kill to kill"
    assert steps.any(), "checkpoints within epochs, too"
    assert list(tmp_path.glob(".minisnn-*.tmp")), "killed while one was being written, too"
    rows: list[list[dict[str, str]]] = []
    for name in ("whole", "killed"):
        with open(tmp_path / f"{name}.csv", encoding="utf-8", newline="") as file:
            rows.append(list(csv.DictReader(file)))
    assert [row["epoch"] for row in rows[1]] == [str(n + 1) for n in range(len(rows[1]))]
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]


# Resuming


@pytest.mark.parametrize("steps", [0, 1, 4, 6, 23])  # of 4 an epoch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resumed_after_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, dtype: Any
) -> None:
    path, whole, net = tmp_path / "checkpoint.npz", make(dtype=dtype), make(dtype=dtype)
    expected = train(whole)
    with monkeypatch.context() as patched:
        crash_after(steps, patched)
        with pytest.raises(Crash):
            train(net, checkpoint=path, checkpoint_every=0)
    resumed = make(seed=9, dtype=dtype)  # whose weights are replaced
    history = train(resumed, checkpoint=path, resume=True)
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)
    for column in ("epoch", "loss", "validation_loss", "validation_accuracy", "learning_rate"):
        assert history.column(column) == expected.column(column)
    assert all(seconds > 0 for seconds in history.column("seconds"))
    assert os.listdir(tmp_path) == ["checkpoint.npz"]


def test_one_command_starts_resumes_and_repeats(tmp_path: Path) -> None:
    path, whole = tmp_path / "checkpoint.npz", make()
    train(whole)
    seen: list[int] = []
    for _ in range(3):
        net = make()
        history = train(
            net, checkpoint=path, resume=True, callbacks=[lambda _, epoch: seen.append(epoch.epoch)]
        )
        np.testing.assert_array_equal(net.parameters, whole.parameters)
        assert history.column("epoch") == [1, 2, 3, 4, 5, 6]
    assert seen == [1, 2, 3, 4, 5, 6], "what is done is not done again"


def test_a_training_that_a_callback_ended_stays_ended(tmp_path: Path) -> None:
    path, seen = tmp_path / "checkpoint.npz", []

    def stop(_: snn.MLP, epoch: snn.Epoch) -> bool:
        seen.append(epoch.epoch)
        return epoch.epoch == 2

    first, second = make(), make()
    for net in (first, second):
        history = train(net, checkpoint=path, resume=True, callbacks=[stop])
        assert len(history.epochs) == 2
    assert seen == [1, 2]
    np.testing.assert_array_equal(first.parameters, second.parameters)


def test_ctrl_c_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    from minisnn.training.trainer import Trainer

    monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)
    path, whole, net = tmp_path / "checkpoint.npz", make(), make()
    train(whole)
    run, made = Trainer.steps, 0

    def pressing(self: Any, samples: Any, rates: Any) -> Any:
        nonlocal made
        made += len(rates)
        if made == 10 and len(rates):
            signal.raise_signal(signal.SIGINT)
        return run(self, samples, rates)

    monkeypatch.setattr(Trainer, "steps", pressing)
    monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    history = train(net, checkpoint=path)
    assert history.interrupted
    assert len(history.epochs) == 2
    with np.load(path) as archive:
        assert archive["loop.place"].tolist() == [2, 2, 0]
    history = train(net, checkpoint=path, resume=True)
    assert not history.interrupted
    assert made == 24, "no step was made twice"
    np.testing.assert_array_equal(net.parameters, whole.parameters)


def test_how_often_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from minisnn.training.checkpoint import Checkpoint

    written: list[int] = []
    write = Checkpoint.write
    monkeypatch.setattr(Checkpoint, "write", lambda self: (written.append(1), write(self))[1])
    train(make(), checkpoint=tmp_path / "rarely.npz", checkpoint_every=1000)
    assert len(written) == 2, "at the beginning and at the end"
    written.clear()
    train(make(), checkpoint=tmp_path / "often.npz", checkpoint_every=0)
    assert len(written) >= 8, "after each epoch, too"
    written.clear()
    train(make(), checkpoint=tmp_path / "often.npz", checkpoint_every=0, resume=True)
    assert not written, "all is there: the folder may have become read-only"


def test_shuffling_goes_on_where_it_was() -> None:
    first, second, other = (np.random.default_rng(seed) for seed in (5, 5, 6))
    first.integers(10, dtype=np.uint32)  # leaves half of 64 bits for the next
    set_generator_state(second, generator_state(first))
    assert (
        first.integers(1000, size=5, dtype=np.uint32).tolist()
        == second.integers(1000, size=5, dtype=np.uint32).tolist()
    )
    np.testing.assert_array_equal(first.permutation(9), second.permutation(9))
    with pytest.raises(ValueError, match="random numbers is that of another generator"):
        set_generator_state(other, generator_state(first))


@pytest.mark.parametrize("kind", [baselines.DropConnect, baselines.LowRank, baselines.Hashed])
def test_reparametrised_networks_survive_too(
    tmp_path: Path, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_one(net: Any, **options: Any) -> Any:
        stopping = snn.callbacks.EarlyStopping(9, monitor="loss")
        baselines.train_reparametrised(
            net, *problem(), optimizer=OPTIMIZER, epochs=4, batch_size=40, dropout=0.2,
            callbacks=[stopping, *options.pop("callbacks", [])], **options,
        )  # fmt: skip
        return net

    def fresh(seed: int = 0) -> Any:
        return baselines.Reparametrised(
            [kind.nearest(12, 20, 80), baselines.Identity(20, 2)], seed=seed
        )

    def fail(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 3:
            raise Crash

    path, whole = tmp_path / "checkpoint.npz", train_one(fresh())
    with pytest.raises(Crash):
        train_one(fresh(), checkpoint=path, checkpoint_every=0, callbacks=[fail])
    net = train_one(fresh(seed=5), checkpoint=path, resume=True)
    np.testing.assert_array_equal(net.parameters, whole.parameters)
    np.testing.assert_array_equal(net.expanded.parameters, whole.expanded.parameters)
    other = baselines.Reparametrised([baselines.Identity(12, 20), baselines.Identity(20, 2)])
    with pytest.raises(FileFormatError, match=r"of another training\. network: this .* Repar"):
        train_one(other, checkpoint=path, resume=True)


# Disks


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    net = make()
    with pytest.raises(
        OSError, match=r"cannot write the checkpoint .*nowhere/checkpoint\.npz: .*No.*npz'$"
    ):  # no word of one that was written before
        train(net, checkpoint=tmp_path / "nowhere" / "checkpoint.npz")
    np.testing.assert_array_equal(net.parameters, make().parameters)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_in_its_place(tmp_path: Path, resume: bool) -> None:
    with pytest.raises(OSError, match="is not a file and cannot be replaced by one; give another"):
        train(make(), checkpoint=tmp_path, resume=resume)


def test_a_link_to_a_file_to_be(tmp_path: Path) -> None:
    link = tmp_path / "checkpoint.npz"
    link.symlink_to("elsewhere.npz")
    train(make(), checkpoint=link)
    assert link.is_symlink()
    assert zipfile.is_zipfile(tmp_path / "elsewhere.npz")
    with pytest.raises(FileExistsError, match="is there already"):
        train(make(), checkpoint=link)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    """A limit on the size of files, which holds for root too, stands for the full disk."""
    resource: Any = pytest.importorskip("resource", reason="no limit on files")
    path, whole, net = tmp_path / "checkpoint.npz", make(), make()
    train(whole)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))

    try:
        with pytest.raises(
            OSError, match=r"cannot write the checkpoint .*: .*File too large.* still"
        ):
            train(net, checkpoint=path, checkpoint_every=0, callbacks=[fill])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["checkpoint.npz"], "nothing half-written"
    with np.load(path) as archive:
        assert archive["loop.place"].tolist() == [2, 0, 0]
    train(net, checkpoint=path, resume=True)
    np.testing.assert_array_equal(net.parameters, whole.parameters)
