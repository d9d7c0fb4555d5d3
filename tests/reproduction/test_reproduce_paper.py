"""The program: what it prints, its exit codes, and Ctrl-C."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import reproduce_paper
from program import run

from minisnn import experiments
from minisnn.reproduction import Profile
from minisnn.reproduction.reproduce import REPORT

pytest.importorskip("plotly", reason="needs the extra report")


@pytest.mark.slow
def test_the_pictures_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reproduce_paper.main(["--figures", "E1", "--output", str(tmp_path), "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "0 runs" in printed
    assert "E1 The wiring  shown: " in printed
    assert re.search(r"quick: 4,000 training samples, .*3 seeds.*\nE1 The wiring", printed)
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.index("4,000 training samples") < report.index("All experiments")
    assert (tmp_path / "figures" / "E1-adjacency.svg").exists()


def test_unknown_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(reproduce_paper.main, "report", ["--figures", "E2,E14"]) == 1
    assert "error: an experiment must be one of E1, E2" in capsys.readouterr().err


def test_data_that_is_not_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINISNN_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run(reproduce_paper.main, "report", ["--profile", "fashion"]) == 1
    assert "error: no train-images-idx3-ubyte.gz in" in capsys.readouterr().err
    assert run(reproduce_paper.main, "report", ["--profile", "fashion,kmnist"]) == 1
    printed = capsys.readouterr().err
    for name in ("fashion", "kmnist"):
        assert f"{name}: skipped: no train-images-idx3-ubyte.gz in {tmp_path / name}" in printed

    real, done = reproduce_paper.reproduced, []

    def reproduced(profile: Profile, *arguments: Any) -> int:
        if profile.name == "fashion":
            return real(profile, *arguments)
        done.append((profile.name, [e.key for e in arguments[0]], str(arguments[1])))
        return 0

    monkeypatch.setattr(reproduce_paper, "reproduced", reproduced)
    names = "fashion,made_groups_in_pairs,sklearn_digits"
    assert reproduce_paper.main(["--profile", names, "--figures", "E2,E11"]) == 0
    assert done == [
        (name, ["E2", "E11"], f"runs{os.sep}paper-{name}") for name in names.split(",")[1:]
    ]


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in {
        ("--profile", "fashion", "--figures", "E3"): "among E2, E9, E11 with the profile fashion",
        ("--profile", "quick,full", "--output", "x"): "with one profile alone, got 2",
    }.items():
        assert run(reproduce_paper.main, "report", [*arguments]) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        reproduce_paper.main(["--profile", "quick,fashio"])
    assert "some of them, got 'fashio'" in capsys.readouterr().err


def test_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(runs: Any) -> Any:
        yield experiments.records.Begun(runs[0].hash)
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce_paper, "processes", lambda jobs: interrupted)
    code = reproduce_paper.main(["--figures", "E2", "--output", str(tmp_path)])
    assert code == reproduce_paper.INTERRUPTED
    assert f"interrupted; start again with --output {tmp_path}" in capsys.readouterr().out
    assert not (tmp_path / REPORT).exists()
