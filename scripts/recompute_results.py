"""Recompute every published figure of the paper's reproduction from its raw results.

Raw results are docs/results/trainings.csv, a row a training, and docs/results/graphs.csv, a row a
graph. The tables under docs/results/PROFILE and the verdicts in docs/paper.md follow from them, and
so do the intervals in the text of that page, but for those that are marked as older. The program
says what differs, and its exit code is then 1.

examples:
  python scripts/recompute_results.py
  python scripts/recompute_results.py --add runs/paper-full --write
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from program import Parser, run

from minisnn.reproduction import EXPERIMENTS, PROFILES
from minisnn.reproduction.recompute import (
    findings_of,
    intervals_in,
    not_asked_for,
    tables_of,
    verdicts_of,
)
from minisnn.reproduction.reproduce import GRAPHS, TRAININGS, write_table
from minisnn.reproduction.trainings import (
    MeasuredGraph,
    Training,
    merged,
    read_rows,
    write_rows,
)

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARKED = "<!-- verdicts: {} -->\n", "\n<!-- end of verdicts: {} -->"
OLDER = re.compile(r"<!-- older figures -->.*?<!-- end of older figures -->", re.DOTALL)


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder (default: this checkout's)")
    parser.add_argument("--add", type=Path, help="output of a reproduction, to be added first")
    parser.add_argument("--write", action="store_true", help="write what differs")
    return parser.parse_args(argv)


def add(folder: Path, results: Path) -> None:
    """Add the rows of a reproduction, or of a part of one, to the published ones.

    Published rows that a profile no longer asks for, since it has been changed, are left out.
    """
    before, now = (read_rows(where / TRAININGS, Training) for where in (results, folder))
    if not now:
        raise ValueError(
            f"{folder / TRAININGS} has no rows; give the output folder of a reproduction"
        )
    for profile in PROFILES.values():
        if strange := not_asked_for(profile, [*EXPERIMENTS.values()], now):
            raise ValueError(
                f"{folder / TRAININGS} has {len(strange)} trainings that the profile "
                f"{profile.name!r} of this version does not ask for, such as {strange[0].run}; "
                "reproduce again"
            )
        old = not_asked_for(profile, [*EXPERIMENTS.values()], before)
        before = [row for row in before if row not in old]
    write_rows(results / TRAININGS, merged(before, now), Training)
    graphs = {
        row.graph: row
        for where in (results, folder)
        for row in read_rows(where / GRAPHS, MeasuredGraph)
    }
    write_rows(results / GRAPHS, [*graphs.values()], MeasuredGraph)


def differences(docs: Path, *, write: bool) -> Iterator[str]:
    """Yield what documents have otherwise than raw results; write it if asked to."""
    results, page = docs / "results", docs / "paper.md"
    trainings = read_rows(results / TRAININGS, Training)
    graphs = read_rows(results / GRAPHS, MeasuredGraph)
    known: set[str] = set()
    text = page.read_text(encoding="utf-8")
    for profile in PROFILES.values():
        rows = [row for row in trainings if row.profile == profile.name]
        if not rows:
            continue
        if strange := not_asked_for(profile, [*EXPERIMENTS.values()], rows):
            yield f"{results / TRAININGS}: {len(strange)} rows that {profile.name} does not ask for"
        findings = findings_of(profile, [*EXPERIMENTS.values()], rows, graphs)
        with tempfile.TemporaryDirectory() as folder:
            for table in tables_of(findings, rows):
                new = write_table(table, Path(folder))
                content, path = new.read_text(encoding="utf-8"), results / profile.name / new.name
                known.update(intervals_in(content))
                if not path.exists() or path.read_text(encoding="utf-8") != content:
                    yield str(path)
                    if write:
                        write_table(table, path.parent)
        verdicts = verdicts_of(findings, rows)
        known.update(intervals_in(verdicts))
        before, found, rest = text.partition(MARKED[0].format(profile.name))
        if not found:
            yield f"{page}: no verdicts of {profile.name}, no {MARKED[0].format(profile.name)!r}"
            continue
        now, end, after = rest.partition(MARKED[1].format(profile.name))
        if now != verdicts:
            yield f"{page}: verdicts of {profile.name}"
            text = before + found + verdicts + end + after
    if write:
        page.write_text(text, encoding="utf-8")
    for interval in intervals_in(OLDER.sub("", text)):
        if interval not in known:
            yield f"{page}: {interval} follows from no row"


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = arguments_of(argv)
    if options.add is not None:
        add(options.add, options.docs / "results")
    found = list(differences(options.docs, write=options.write))
    for difference in found:
        print(("written: " if options.write else "differs: ") + difference)
    if not found:
        print("every published figure follows from the raw results")
    return int(bool(found) and not options.write)


if __name__ == "__main__":
    sys.exit(run(main, "report"))
