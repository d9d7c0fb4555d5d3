"""The program: what it prints, its exit codes, and Ctrl-C."""

from __future__ import annotations

import os
import re
import sys
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

    done, codes = [], [0, reproduce_paper.INTERRUPTED]

    def reproduced(profile: Profile, *arguments: Any) -> int:
        done.append((profile.name, [e.key for e in arguments[0]], str(arguments[1])))
        return codes[len(done) - 1]

    monkeypatch.setattr(reproduce_paper, "reproduced", reproduced)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    names = "fashion,made_groups_in_pairs,sklearn_digits,made_groups_one_by_one,quick"
    code = reproduce_paper.main(["--profile", names, "--figures", "E2,E11"])
    assert code == reproduce_paper.INTERRUPTED, "and nothing is begun after it"
    assert done == [
        (name, ["E2", "E11"], f"runs{os.sep}paper-{name}") for name in names.split(",")[1:4:2]
    ]
    assert "sklearn_digits: skipped: the table sklearn_digits needs" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in {
        ("--profile", "fashion", "--figures", "E3"): "for the experiments E2, E9, E11, got 'E3'",
        ("--profile", "quick,full", "--output", "x"): "with one profile alone, got 2",
        ("--profile", "quick,fashio"): "got 'fashio'; did you mean 'fashion'?",
        ("--profile", ","): "--profile must name a profile, got ','",
    }.items():
        assert run(reproduce_paper.main, "report", [*arguments]) == 1
        assert message in capsys.readouterr().err


def test_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(runs: Any) -> Any:
        yield experiments.records.Begun(runs[0].hash)
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce_paper, "processes", lambda jobs: interrupted)
    code = reproduce_paper.main(["--figures", "E2", "--output", str(tmp_path)])
    assert code == reproduce_paper.INTERRUPTED
    assert f"interrupted; go on with --profile quick --output {tmp_path}" in capsys.readouterr().out
    assert not (tmp_path / REPORT).exists()
