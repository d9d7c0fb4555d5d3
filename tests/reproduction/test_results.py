"""docs/paper-experiments.md agrees with the stored results."""

from __future__ import annotations

import csv
from pathlib import Path

from minisnn.reproduction import EXPERIMENTS
from minisnn.reproduction.recompute import parts_of

DOCS = Path(__file__).resolve().parents[2] / "docs"


def verdicts() -> dict[str, str]:
    with open(DOCS / "results" / "all-experiments.csv", newline="", encoding="utf-8") as file:
        return {row["experiment"]: row["here"] for row in csv.DictReader(file)}


def test_older_figures_are_of_experiments_that_there_are() -> None:
    titles = [f"{e.key} {e.title}" for e in EXPERIMENTS.values()]
    assert [*verdicts()] == [title for title in titles if title in verdicts()]
    assert verdicts()


def test_the_document_gives_the_verdicts_of_the_older_figures() -> None:
    page = (DOCS / "paper-experiments.md").read_text(encoding="utf-8")
    (older,) = parts_of(page, "older figures")
    lines = older.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines if line[:3] == "| E"]
    assert {title: verdict for title, verdict, _ in rows} == verdicts()
