"""The program that users run first."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import programs
import pytest
from programs import refusal

import minisnn as snn

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_mnist.py"
KEYS = {
    "name", "topology", "degrees", "density", "n_connections", "bytes", "test_accuracy", "epochs",
    "seconds_per_epoch", "step_microseconds", "speedup_vs_dense",
}  # fmt: skip


def run(*options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return programs.run(SCRIPT, *options, cwd=cwd)


@pytest.mark.slow
def test_comparison_on_the_sample(tmp_path: Path) -> None:
    done = run(
        "--data", "sample", "--epochs", "2", "--hidden", "60,40", "--degree", "10",
        "--output-degree", "5", "--topology", "long_range_rotating", "--dropout", "0.1",
        "--batch-size", "32", "--threads", "1", "--seed", "3", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not any(character in done.stdout + done.stderr for character in "\r\x1b\b")
    assert "epoch   2 of 2: loss" in done.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "summary.json", "history.csv", "training.png", "adjacency.png", "step_time.png",
        "sparse.npz", "dense.npz", "settings.json", "sparse.checkpoint.npz",
        "dense.checkpoint.npz",
    }  # fmt: skip
    summary = json.loads((folder / "summary.json").read_text())
    sparse, dense = summary["networks"]
    assert set(sparse) >= KEYS
    assert [sparse["name"], dense["name"]] == ["sparse", "dense"]
    assert sparse["degrees"] == [10, 10, 5]
    assert sparse["n_connections"] == 784 * 10 + 60 * 10 + 40 * 5
    assert dense["n_connections"] == 784 * 60 + 60 * 40 + 40 * 10
    assert sparse["density"] == pytest.approx(sparse["n_connections"] / dense["n_connections"])
    assert sparse["speedup_vs_dense"] == pytest.approx(
        dense["step_microseconds"] / sparse["step_microseconds"]
    )
    assert dense["speedup_vs_dense"] == 1
    assert sparse["cpu_speedup_vs_dense"] > 0
    assert set(summary["load"]) == {"sparse", "dense", "steps"}
    loads = [load for load in summary["load"].values() if load is not None]
    trusted = summary["times_are_to_be_trusted"]
    assert trusted == (max(loads, default=0) <= 0.1)
    assert ("Times are not to be trusted" in done.stdout) is not trusted
    assert summary["seed"] == 3
    assert summary["threads"] == 1
    assert all(blas["threads"] == 1 for blas in summary["blas"])
    assert "5,000" in summary["data"]
    assert {"versions", "cpu"} <= set(summary)
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["network"], row["epoch"]) for row in rows] == [
        ("sparse", "1"), ("sparse", "2"), ("dense", "1"), ("dense", "2"),
    ]  # fmt: skip
    digits = snn.datasets.load_mnist("sample")
    net = snn.load(folder / "sparse.npz")
    evaluation = snn.evaluate(net, digits.test_images, digits.test_labels, input_scale=1 / 255)
    assert evaluation.accuracy == pytest.approx(sparse["test_accuracy"])
    assert f"{100 * sparse['test_accuracy']:.2f} %" in done.stdout


def test_a_short_run_learns_too(tmp_path: Path) -> None:
    """The default learning rate follows from the number of steps: one for all would saturate."""
    done = run("--data", "sample", "--epochs", "6", "--no-compare", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (sparse,) = json.loads((tmp_path / "out" / "summary.json").read_text())["networks"]
    assert sparse["test_accuracy"] > 0.2, "no better than chance"


def test_quiet_and_alone(tmp_path: Path) -> None:
    done = run(
        "--data", "sample", "--epochs", "1", "--hidden", "30", "--degree", "5", "--no-compare",
        "--quiet", "--output", "here", "--dtype", "float64", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["sparse"]
    assert any(line.startswith("step, microseconds") for line in lines)
    assert not any("speed-up" in line for line in lines)
    assert not (tmp_path / "here" / "step_time.png").exists(), "there is nothing to compare with"
    summary = json.loads((tmp_path / "here" / "summary.json").read_text())
    assert [item["speedup_vs_dense"] for item in summary["networks"]] == [None]
    assert snn.load(tmp_path / "here" / "sparse.npz").dtype == "float64"


@pytest.mark.slow
def test_other_neurons_and_another_loss(tmp_path: Path) -> None:
    options = (
        "--data", "sample", "--epochs", "2", "--hidden", "60", "--degree", "10",
        "--batch-size", "32", "--threads", "1",
    )  # fmt: skip
    modern = ("--activation", "relu", "--loss", "cross_entropy")
    done = run(*options, *modern, "--learning-rate", "0.1", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("sparse", "dense"):
        net = snn.load(tmp_path / "out" / f"{name}.npz")
        assert (net.activation, net.output_activation) == ("relu", "softmax")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert min(network["test_accuracy"] for network in summary["networks"]) > 0.5
    assert summary["settings"]["loss"] == "cross_entropy"
    for needless in ((*modern, "--no-compare"), ("--load", "out/sparse.npz")):
        done = run(*options, *needless, cwd=tmp_path)
        assert "error: --learning-rate must be given: the default is one for sig" in done.stderr
        assert "float32, relu, softmax, seed=0)" in done.stderr
        assert not (tmp_path / "runs").exists()


def test_help_is_for_newcomers(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    for option in (
        "topology", "degree", "hidden", "output-degree", "epochs", "batch-size", "learning-rate",
        "momentum", "dropout", "seed", "dtype", "threads", "data", "no-compare", "output", "quiet",
        "checkpoint", "resume", "load", "activation", "loss",
    ):  # fmt: skip
        assert f"--{option}" in done.stdout
    assert "examples:" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--degree", "5000"], "error: degree must be between 1 and n_out = 1000"),
        (["--degree", "0"], "argument --degree: must be at least 1, got 0"),
        (["--degree", "many"], "'many' is not a whole number, nor several with commas"),
        (["--degree", "5,5"], "--degree takes one number or 1, one for each hidden layer, got 2"),
        (["--hidden", "0"], "argument --hidden: must be at least 1, got 0"),
        (["--output-degree", "11"], "error: degree must be between 1 and n_out = 10"),
        (["--epochs", "0"], "argument --epochs: must be at least 1, got 0"),
        (["--batch-size", "0"], "argument --batch-size: must be at least 1, got 0"),
        (["--momentum", "1"], "error: momentum must be a finite number"),
        (["--dropout", "0.1,0.2,0.3"], "error: dropout must be one rate, or 2"),
        (["--threads", "0"], "--threads must be between 1 and"),
        (["--topology", "ring"], "error: there is no construction 'ring'; there are"),
        (["--output", "file/inside"], "error: [Errno 20] Not a directory: 'file/inside'"),
        (["--output", "full"], "error: --output full is not empty; name a new folder, or go on"),
        (["--checkpoint", "-1"], "--checkpoint must be a number of seconds, got -1"),
        (["--resume", "nowhere"], "--resume nowhere: no settings of an earlier run: [Errno 2]"),
        (["--resume", "full"], "--resume full: no settings of an earlier run: [Errno 2]"),
        (["--resume", "full", "--output", "x"], "--resume writes into the folder of the earlier"),
        (["--load", "file"], "error: file is not a network saved by minisnn, or damaged"),
        (
            ["--load", "small.npz"],
            "error: --load small.npz: a network for MNIST is an MLP of 784 inputs and 10 outputs, "
            "this one is MLP(12 -> 10, ",
        ),
        (["--learning-rate", "-1"], "error: peak must be a finite number, at least 0, got -1.0"),
    ],
)
def test_bad_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "results").write_text("")
    snn.save(snn.MLP([snn.topology.dense(12, 10)]), tmp_path / "small.npz")
    assert message in refusal(SCRIPT, "--data", "sample", *options)
    assert not (tmp_path / "runs").exists(), "nothing is left behind"


def test_without_the_package(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("error: No module named")
    assert 'run: pip install -e ".[mnist]"' in done.stderr


def kill_in_the_dense_training(folder: Path, *options: str) -> None:
    process: Any = subprocess.Popen(
        [sys.executable, str(SCRIPT), *options], cwd=folder, stdout=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    with process:
        for line in process.stdout:
            if line.startswith("Training the dense network"):
                break
        # A checkpoint each hundredth of a second: at the tenth epoch none is of the first any more.
        next(line for line in process.stdout if "epoch  10" in line)
        process.kill()


def run_anew(*options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, where BLAS is the one that a killed run had."""
    command = [sys.executable, str(SCRIPT), *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    options = (
        "--data", "sample", "--epochs", "40", "--hidden", "60", "--degree", "8",
        "--dropout", "0.1", "--threads", "1", "--checkpoint", "0.01",
    )  # fmt: skip
    assert run_anew(*options, "--output", "whole", cwd=tmp_path).returncode == 0
    kill_in_the_dense_training(tmp_path, *options, "--output", "killed")
    assert not (tmp_path / "killed" / "summary.json").exists()
    done = run_anew("--resume", "killed", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epoch   1 of 40" not in done.stdout, "the dense one had a checkpoint, too"
    assert done.stdout.count("epoch  40 of 40") == 1, "the sparse one was done"
    whole, resumed = (
        snn.load(tmp_path / "whole/sparse.npz"),
        snn.load(tmp_path / "killed/sparse.npz"),
    )
    assert (whole.parameters == resumed.parameters).all()
    histories = []
    for folder in ("whole", "killed"):
        with open(tmp_path / folder / "history.csv", encoding="utf-8", newline="") as file:
            histories.append([(row["network"], row["loss"]) for row in csv.DictReader(file)])
    assert len(histories[0]) == 80
    assert histories[0] == histories[1]
    other = run("--resume", "killed", "--epochs", "41", cwd=tmp_path)
    assert other.returncode != 0
    assert "sparse.checkpoint.npz is of another training. " in other.stderr
    assert "learning_rate: this call has" in other.stderr, "it follows from the epochs"


def test_a_saved_network_is_trained_further(tmp_path: Path) -> None:
    options = ("--data", "sample", "--epochs", "1", "--output")
    net = snn.MLP(
        [snn.topology.constant_degree(784, 40, 8), snn.topology.dense(40, 30),
         snn.topology.dense(30, 10)], dtype="float64",
    )  # fmt: skip
    snn.save(net, tmp_path / "net.npz")
    done = run("--load", "net.npz", "--dropout", "0.1", *options, "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (sparse,) = json.loads((tmp_path / "out" / "summary.json").read_text())["networks"]
    assert sparse["n_connections"] == net.n_connections
    trained = snn.load(tmp_path / "out" / "sparse.npz")
    assert trained.topologies == net.topologies
    assert trained.dtype == "float64"
    assert (trained.parameters != net.parameters).any()
    elsewhere = tmp_path / "out"
    done = run("--resume", ".", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert (snn.load(elsewhere / "sparse.npz").parameters == trained.parameters).all()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send")
def test_ctrl_c_keeps_the_results_so_far(tmp_path: Path) -> None:
    process: Any = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--data", "sample", "--epochs", "100000", "--output", "out",
         "--hidden", "50", "--degree", "5"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    for line in process.stdout:
        if "epoch   3 of" in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "Interrupted after" in out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["interrupted"]
    (sparse,) = summary["networks"]
    assert sparse["epochs"] >= 3
    assert (tmp_path / "out" / "sparse.npz").exists()
