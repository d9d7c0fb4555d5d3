"""``minisnn train``: tables of all kinds, reports, runs that go on."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
from commanding import Command

import minisnn as snn
from minisnn.command import report
from minisnn.command import train as train_command

SHORT = "--epochs", "30", "--hidden", "20"
NAMED = "--target", "kind", "--ignore", "name"


def test_a_table_to_a_network_with_a_report(command: Command, table: Path) -> None:
    done = command("train", table, *NAMED, *SHORT, "--output", "net.npz")
    assert done.code == 0, done.err
    assert "3 inputs; 'kind' has the classes over, much, under" in done.out
    assert "Held-out rows: " in done.out
    assert "epoch  30 of 30: loss" in done.out
    net = snn.load("net.npz")
    assert net.input_names == ("a", "b", "c")
    assert net.output_names == ("over, much", "under")
    folder = Path("net-report")
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "figures.json", "history.csv", "predictions.png", "training.png", "wiring.png",
    }  # fmt: skip
    assert not Path("net.checkpoint.npz").exists()
    card = (folder / "README.md").read_text(encoding="utf-8")
    for said in ("`kind`", "12 held out", "standardised", "| under |", "![wiring of the layers]"):
        assert said in card, said
    for picture in ("wiring", "training", "predictions"):
        assert (folder / f"{picture}.png").read_bytes()[:4] == b"\x89PNG"
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    assert np.sum(figures["confusion"]) == 12
    assert f"{100 * figures['held_out']['accuracy']:.1f} % are right" in done.out
    assert figures["options"]["seed"] == 0
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 30


@pytest.mark.usefixtures("undrawn")
def test_the_result_as_json_is_all_that_is_printed(command: Command, table: Path) -> None:
    done = command("train", table, *NAMED, *SHORT, "--output", "net.npz", "--json")
    result = json.loads(done.out)
    assert result["task"] == "classification"
    assert result["outputs"] == ["over, much", "under"]
    assert result["rows"] == {"trained": 48, "held_out": 12}
    assert 0.5 < result["held_out"]["accuracy"] <= 1


def test_figures_are_of_the_saved_network_on_rows_that_it_has_not_seen(
    command: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(train_command, "write_report", lambda done, _: seen.append(done))
    assert command("train", table, *NAMED, *SHORT, "--output", "net.npz").code == 0
    (done,) = seen
    samples, net = done.samples, snn.load("net.npz")
    held = np.setdiff1d(np.arange(60), samples.rows)
    assert len(held) == 12
    np.testing.assert_array_equal(samples.test_inputs.values, samples.inputs.values[held])
    outputs = net.predict(samples.inputs.values[held])
    right = outputs.argmax(axis=1) == samples.target.values[held]
    assert done.scores.figures["accuracy"] == pytest.approx(right.mean())
    counts = [np.bincount(samples.target.values[rows]) for rows in (held, samples.rows)]
    assert abs(counts[0][0] / 12 - counts[1][0] / 48) < 0.1, "evenly of the classes"


def test_an_amount(command: Command, table: Path) -> None:
    done = command("train", table, "--target", "c", "--ignore", "name", "--ignore", "kind",
                   *SHORT, "--output", "net.npz")  # fmt: skip
    assert done.code == 0, done.err
    assert "'c' is a number" in done.out
    assert "(RMSE; the mean: " in done.out
    assert snn.load("net.npz").output_names == ("c",)
    card = Path("net-report/README.md").read_text(encoding="utf-8")
    assert "R²" in card
    assert "so was the target" in card


def test_a_wiring_of_names(command: Command, table: Path) -> None:
    Path("sets.gmt").write_text("first\tx\ta\tb\nsecond\tx\tb\tc\td\n", encoding="utf-8")
    done = command("train", table, *NAMED, "--epochs", "3", "--wiring", "sets.gmt", "--units", "2",
                   "--output", "net.npz")  # fmt: skip
    assert done.code == 0, done.err
    net = snn.load("net.npz")
    assert isinstance(net, snn.Network)
    assert net.wiring.inputs == ("a", "b", "c")
    assert net.output_names == ("over, much", "under")
    assert net.n_connections == 2 * 4 + 4 * 2, "two neurons a set, and a layer to the classes"
    assert net.wiring.level_of["first"] == 1
    assert "`sets.gmt`, 2 neurons" in Path("net-report/README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_outputs_of_a_wiring_with_the_names_of_classes_are_the_outputs(
    command: Command, table: Path
) -> None:
    Path("edges.csv").write_text('from,to\na,under\nb,"over, much"\nc,under\n', encoding="utf-8")
    done = command("train", table, *NAMED, "--epochs", "2", "--wiring", "edges.csv",
                   "--output", "net.npz")  # fmt: skip
    assert done.code == 0, done.err
    net: Any = snn.load("net.npz")
    assert net.n_levels == 1
    assert net.output_names == ("over, much", "under")
    assert net.n_connections == 3


@pytest.mark.usefixtures("undrawn")
def test_arrays_and_a_target_beside_them(command: Command, rng: np.random.Generator) -> None:
    images, labels = rng.integers(0, 256, (50, 4, 4), dtype=np.uint8), rng.integers(3, 6, 50)
    np.savez("a.npz", X=images, y=labels)
    np.save("X.npy", images)
    np.save("y.npy", labels)
    for table, target in (("a.npz", "y"), ("X.npy", "y.npy")):
        output = f"of-{table.replace('.', '-')}.npz"
        done = command("train", table, "--target", target, *SHORT, "--output", output)
        assert done.code == 0, done.err
        net = snn.load(output)
        assert (net.n_in, net.input_names) == (16, None)
        assert net.output_names == ("3", "4", "5")
    assert (net.parameters == snn.load("of-a-npz.npz").parameters).all()


@pytest.mark.usefixtures("undrawn")
def test_sparse_rows_stay_sparse(
    command: Command, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        f"{row % 2} " + " ".join(f"{k + 1}:{rng.random():.3f}" for k in range(30) if (row + k) % 3)
        for row in range(40)
    ]
    Path("rows.libsvm").write_text("\n".join(lines) + "\n", encoding="utf-8")
    given: list[Any] = []
    train = train_command.train

    def note(net: Any, X: Any, *arguments: Any, **options: Any) -> Any:
        given.append(X)
        return train(net, X, *arguments, **options)

    monkeypatch.setattr(train_command, "train", note)
    done = command("train", "rows.libsvm", *SHORT, "--output", "net.npz")
    assert done.code == 0, done.err
    assert scipy.sparse.issparse(given[0])
    assert given[0].shape == (40, 30)
    assert "root of the mean square" in Path("net-report/README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_another_table_to_judge_by(command: Command, table: Path) -> None:
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    other = [",".join(reversed(head.split(",")))]  # its columns in another order
    other += [",".join(['"' + cell.strip('"') + '"' for cell in next(csv.reader([row]))][::-1])
              for row in rows[:30]]  # fmt: skip
    Path("other.csv").write_text("\n".join(other) + "\n", encoding="utf-8")
    done = command("train", table, *NAMED, *SHORT, "--test", "other.csv", "--output", "net.npz",
                   "--json")  # fmt: skip
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["rows"] == {"trained": 60, "held_out": 30}
    accuracies = (result["held_out"]["accuracy"] * 30, result["trained"]["accuracy"] * 60)
    assert accuracies[0] <= accuracies[1] + 1e-9, "they are among those"


@pytest.mark.usefixtures("undrawn")
def test_a_killed_run_goes_on_to_the_same_bits(
    command: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = "train", table, *NAMED, *SHORT, "--dropout", "0.1"
    assert command(*arguments, "--output", "whole.npz").code == 0

    def die(net: Any, epoch: snn.Epoch) -> bool:
        if epoch.epoch == 11:
            raise RuntimeError("killed")
        return False

    train = train_command.train
    with monkeypatch.context() as patch:
        patch.setattr(
            train_command, "train",
            lambda *a, **k: train(*a, **{**k, "callbacks": [die], "checkpoint_every": 0.0}),
        )  # fmt: skip
        assert command(*arguments, "--output", "net.npz").code == 1
    assert not Path("net.npz").exists()
    again = command(*arguments, "--output", "net.npz")
    assert again.code == 1
    assert "error: net.checkpoint.npz is there already; give another --output, " in again.err
    other = command(*arguments, "--output", "net.npz", "--resume", "--learning-rate", "0.1")
    assert other.code == 1
    assert "net.checkpoint.npz is of another training" in other.err
    done = command(*arguments, "--output", "net.npz", "--resume")
    assert done.code == 0, done.err
    assert "epoch   3 of 30" not in done.out
    assert (snn.load("net.npz").parameters == snn.load("whole.npz").parameters).all()
    more = command(*arguments, "--output", "net.npz", "--resume")
    assert more.code == 1
    assert "error: net.npz is there, and its training has ended" in more.err


def test_after_ctrl_c_the_checkpoint_stays(
    command: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = train_command.train

    def interrupted(*arguments: Any, **options: Any) -> Any:
        history = train(*arguments, **{**options, "callbacks": [lambda net, epoch: True]})
        history.interrupted = True
        return history

    monkeypatch.setattr(train_command, "train", interrupted)
    done = command("train", table, *NAMED, *SHORT, "--output", "net.npz")
    assert done.code == 130
    assert "Interrupted after 1 epoch; go on with --resume" in done.out
    assert Path("net.checkpoint.npz").exists()
    assert not Path("net.npz").exists()


def test_a_training_that_diverges_leaves_nothing(command: Command, table: Path) -> None:
    before = {*Path().iterdir()}
    done = command("train", table, "--target", "c", "--ignore", "name", "--ignore", "kind",
                   "--learning-rate", "1e30", *SHORT, "--output", "net.npz")  # fmt: skip
    assert done.code == 1
    assert len([line for line in done.err.splitlines() if "error:" in line]) == 1, done.err
    assert {*Path().iterdir()} == before


def test_without_matplotlib_the_report_has_no_pictures(
    command: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    done = command("train", table, *NAMED, *SHORT, "--output", "net.npz")
    assert done.code == 0
    assert (
        "the report has no pictures: they need matplotlib; pip install 'minisnn[plot]'" in done.err
    )
    assert not [*Path("net-report").glob("*.png")]
    assert "![" not in Path("net-report/README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_no_control_characters_without_a_terminal(command: Command, table: Path) -> None:
    assert not sys.stderr.isatty()
    done = command("train", table, *NAMED, *SHORT, "--output", "net.npz")
    assert not any(character in done.out + done.err for character in "\r\x1b\b")
    assert (done.out + done.err).isascii()
