"""The program: what it prints, its exit codes, and Ctrl-C."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import reproduce_paper
from program import run

from minisnn import experiments
from minisnn.reproduction.reproduce import REPORT

pytest.importorskip("plotly", reason="needs the extra report")


@pytest.mark.slow
def test_the_pictures_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reproduce_paper.main(["--figures", "E1", "--output", str(tmp_path), "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "0 runs" in printed
    assert "E1 The wiring  shown: " in printed
    assert re.search(r"quick: 4,000 training digits, .*3 seeds.*\nE1 The wiring", printed)
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.index("4,000 training digits") < report.index("All experiments")
    assert (tmp_path / "figures" / "E1-adjacency.svg").exists()


def test_unknown_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(reproduce_paper.main, "report", ["--figures", "E2,E14"]) == 1
    assert "error: an experiment must be one of E1, E2" in capsys.readouterr().err


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
