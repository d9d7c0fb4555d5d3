"""The comparison of all baselines, and the program that makes it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import compare_baselines
import numpy as np
import pytest
from problems import three_classes as problem

import minisnn as snn
from minisnn import baselines, topology

OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0, 0.5))


def test_comparison() -> None:
    X, labels = problem()
    graphs = [topology.constant_degree(12, 24, 8, seed=1), topology.dense(24, 3)]
    rows = baselines.compare(
        graphs, (X, labels), (X[:50], labels[:50]), seeds=[0, 1], optimizer=OPTIMIZER, epochs=2
    )
    assert [row.name for row in rows] == list(baselines.BASELINES)
    by_name = {row.name: row for row in rows}
    for row in rows:
        assert len(row.accuracies) == len(row.seconds) == 2
        assert min(row.seconds) > 0
        if row.name not in ("dense", "DropConnect"):
            assert row.weights == pytest.approx(96 + 72, rel=0.2)
    sparse, dense = by_name["sparse"], by_name["dense"]
    assert (sparse.weights, sparse.connections) == (168, 168)
    assert sparse.bytes == 4 * (168 + 27) + 4 * 25 + 2 * 96
    assert (dense.weights, dense.bytes) == (360, 4 * 387)
    assert by_name["pruned"].bytes == sparse.bytes
    assert (by_name["DropConnect"].weights, by_name["DropConnect"].connections) == (360, 168)
    assert (by_name["hashed"].weights, by_name["hashed"].connections) == (168, 360)
    assert by_name["hashed"].bytes == 4 * (168 + 27)
    lines = baselines.format_table(rows).splitlines()
    assert len(lines) == 2 + len(rows)
    assert len(set(map(len, lines))) == 1


def test_a_rotating_graph_is_stored_as_its_generator() -> None:
    X, labels = problem()
    graphs = [topology.fibonacci_rotating(12, 12, 4), topology.dense(12, 3)]
    (row,) = baselines.compare(
        graphs, (X, labels), (X, labels), names=["sparse"], optimizer=OPTIMIZER, epochs=1
    )
    assert row.bytes == 4 * (48 + 36 + 15) + 4 * 4


def test_ctrl_c_ends_the_comparison() -> None:
    X, labels = problem()
    with pytest.raises(KeyboardInterrupt):
        baselines.compare(
            [topology.dense(12, 3)], (X, labels), (X, labels), optimizer=OPTIMIZER,
            callbacks=[lambda *_: signal.raise_signal(signal.SIGINT)],
        )  # fmt: skip


def test_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_baselines, "HIDDEN", 30)
    monkeypatch.setattr(compare_baselines, "DEGREE", 5)
    path = tmp_path / "comparison.json"
    options = ["--epochs", "1", "--seeds", "1,2", "--output", str(path)]
    compare_baselines.main([*options, "--learning-rates", "1,2"])
    choice, table = capsys.readouterr().out.split("4,000 images, at these rates")
    summary = json.loads(path.read_text())
    assert [row["name"] for row in summary["networks"]] == list(baselines.BASELINES)
    assert all(len(row["accuracies"]) == 2 for row in summary["networks"])
    assert "666 images held out" in choice
    for name, accuracies in summary["held_out_accuracies"].items():
        best = max(accuracies, key=accuracies.__getitem__)
        assert summary["learning_rates"][name] == float(best)
        starred = rf"^{name} .*\b{100 * accuracies[best]:.2f}%\*"
        assert re.search(starred, choice, re.MULTILINE), (name, choice)
        assert re.search(rf"^{name} .* %", table, re.MULTILINE)


def test_script_with_one_rate_chooses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_baselines, "HIDDEN", 30)
    monkeypatch.setattr(compare_baselines, "DEGREE", 5)
    monkeypatch.setattr(baselines, "BASELINES", {"sparse": baselines.BASELINES["sparse"]})
    compare_baselines.main(["--epochs", "1", "--learning-rates", "3"])
    printed = capsys.readouterr().out
    assert printed.startswith("MNIST, 4,000 images, at 3\n")
    assert "held out" not in printed


def compared(**options: Any) -> object:
    options = {"train_data": problem(), "test_data": problem(), **options}
    return baselines.compare([topology.dense(12, 3)], optimizer=OPTIMIZER, **options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: compared(names=["sparse", "thin"]),
            ValueError, "a name must be one of sparse, dense, .* got 'thin'",
        ),
        (lambda: compared(seeds=[]), ValueError, "seeds must hold one at least"),
        (
            lambda: compared(test_data=(np.zeros((2, 12)), np.zeros((2, 3)))),
            ValueError, r"labels of shape \(samples,\), got \(2, 3\)",
        ),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
