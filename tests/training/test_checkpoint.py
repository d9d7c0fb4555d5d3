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
from resuming import OPTIMIZER, make, problem, train

import minisnn as snn
from minisnn import baselines
from minisnn._support.archive import FileFormatError
from minisnn.training.generators import generator_state, set_generator_state


class Crash(Exception):
    pass


def crash_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training steps run one by one, and fail once so many were made."""
    from minisnn.training.trainer import Trainer

    monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    run, made = Trainer.steps, 0

    def failing(self: Any, samples: Any, rates: Any) -> Any:
        nonlocal made
        if made == steps and len(rates):
            raise Crash
        made += len(rates)
        return run(self, samples, rates)

    monkeypatch.setattr(Trainer, "steps", failing)


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


# Checkpoints that do not fit


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


@pytest.mark.parametrize(
    "rate", [0.5, snn.StepDecay(0.5, every=2), lambda epoch, _: 1 / (1 + epoch)]
)
@pytest.mark.parametrize("optimizer", [snn.NesterovSGD, snn.Adam])
@pytest.mark.parametrize(("planned", "steps"), [(3, 12), (5, 14), (9, 14), (4, 0)])
def test_another_number_of_epochs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rate: Any,
    optimizer: Any,
    planned: int,
    steps: int,
) -> None:
    """Of four steps each; the bits are those of a training that was never planned otherwise."""
    path, whole, net = tmp_path / "checkpoint.npz", make(), make()
    options = {
        "optimizer": optimizer(rate),
        "callbacks": [snn.callbacks.EarlyStopping(50, monitor="loss")],
    }
    expected = train(whole, epochs=6, **options)
    with monkeypatch.context() as patched:
        if steps < 4 * planned:
            crash_after(steps, patched)
            with pytest.raises(Crash):
                train(net, checkpoint=path, checkpoint_every=0, epochs=planned, **options)
        else:
            train(net, checkpoint=path, epochs=planned, **options)
    resumed = make(seed=9)
    with pytest.raises(
        FileFormatError,
        match=rf"of a training of {planned} epochs, this call has epochs=6. Pass epochs={planned}"
        ", or resume='extend' to go on as if it had been begun with 6",
    ):
        train(resumed, checkpoint=path, resume=True, epochs=6, **options)
    history = train(resumed, checkpoint=path, resume="extend", epochs=6, **options)
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)
    for column in ("epoch", "loss", "learning_rate"):
        assert history.column(column) == expected.column(column)
    again = make(seed=8)  # what it wrote is a checkpoint of six epochs
    train(again, checkpoint=path, resume=True, epochs=6, **options)
    np.testing.assert_array_equal(again.parameters, whole.parameters)


def test_one_epoch_is_no_epochs(tmp_path: Path) -> None:
    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(0.1)}
    train(make(), checkpoint=path, epochs=1, **options)
    with pytest.raises(
        FileFormatError, match="is of a training of 1 epoch, this call has epochs=2"
    ):
        train(make(), checkpoint=path, epochs=2, resume=True, **options)
    stretched = {"optimizer": snn.SGD(snn.CosineDecay(0.1)), "resume": "extend"}
    train(make(), checkpoint=tmp_path / "stretched.npz", epochs=1, **stretched)
    with pytest.raises(
        FileFormatError, match="of 1 epoch, this call has epochs=2, and the learning"
    ):
        train(make(), checkpoint=tmp_path / "stretched.npz", epochs=2, **stretched)


def test_more_epochs_for_a_training_that_was_stopped(tmp_path: Path) -> None:
    """It stays ended, as one that was begun with so many would have been, and says so."""

    def stopping() -> snn.callbacks.EarlyStopping:
        return snn.callbacks.EarlyStopping(patience=2, monitor="loss")

    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(0.0), "dropout": 0.0}
    first, whole, net = make(), make(), make()
    train(first, checkpoint=path, epochs=9, callbacks=[stopping()], shuffle=False, **options)
    expected = train(whole, epochs=12, callbacks=[stopping()], shuffle=False, **options)
    n = len(expected)
    assert n < 9
    options |= {"checkpoint": path, "resume": "extend", "callbacks": [stopping()]}
    message = (
        rf"nothing is trained: a callback ended .* after {n} epochs, as it would one of 12\. To"
    )
    for _ in range(2):  # it is not forgotten
        with pytest.warns(UserWarning, match=message) as caught:
            history = train(net, epochs=12, shuffle=False, **options)
        assert Path(caught[0].filename).name == "resuming.py", "where train is called"
        assert history.column("loss") == expected.column("loss")
        np.testing.assert_array_equal(net.parameters, whole.parameters)
    train(net, epochs=9, shuffle=False, **options)  # as it was: no warning
    train(net, epochs=8, shuffle=False, **options)  # nor where no more is asked for
    train(
        net,
        epochs=9,
        shuffle=False,
        optimizer_state=history.optimizer_state,
        **{**options, "checkpoint": None, "resume": False},
    )


@pytest.mark.parametrize("rate", [snn.WarmUpDecay(3.0), snn.CosineDecay(1.0), snn.WarmUp(0.5)])
@pytest.mark.parametrize("epochs", [2, 7])
def test_rates_that_are_stretched_over_all_epochs(tmp_path: Path, rate: Any, epochs: int) -> None:
    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(rate), "resume": "extend"}

    def stop(_: snn.MLP, epoch: snn.Epoch) -> bool:
        return epoch.epoch == 2

    train(make(), checkpoint=path, epochs=4, callbacks=[stop], **options)
    before, net = path.read_bytes(), make()
    message = (
        rf"is of a training of 4 epochs, this call has epochs={epochs}, and the learning rate is "
        r"stretched .*\. Resume with epochs=4; to train on after that, save the network"
    )
    with pytest.raises(FileFormatError, match=message) as caught:
        train(net, checkpoint=path, epochs=epochs, **options)
    assert "first" not in str(caught.value), "what is the same is not named"
    np.testing.assert_array_equal(net.parameters, make().parameters)
    assert path.read_bytes() == before
    train(make(), checkpoint=tmp_path / "new.npz", epochs=epochs, **options)


def test_fewer_epochs_than_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(0.1), "resume": "extend"}
    with monkeypatch.context() as patched:
        crash_after(14, patched)
        with pytest.raises(Crash):
            train(make(), checkpoint=path, checkpoint_every=0, epochs=9, **options)
    with pytest.raises(
        FileFormatError,
        match=r"stands after 3 epochs and some steps, this call has epochs=3: pass epochs=9, as th",
    ):
        train(make(), checkpoint=path, epochs=3, **options)
    history = train(make(), checkpoint=path, epochs=4, **options)
    assert len(history.epochs) == 4
    with pytest.raises(
        FileFormatError, match="epochs=2: pass epochs=4, as the call that wrote it had"
    ):
        train(make(), checkpoint=path, epochs=2, **options)


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
