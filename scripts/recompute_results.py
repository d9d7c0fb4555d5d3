"""Recompute every published figure of the paper's reproduction from its raw results.

Raw results are docs/results/trainings.csv, a row a training, and docs/results/graphs.csv, a row a
graph. From them follow the tables under docs/results/PROFILE, the verdicts in
docs/paper-experiments.md, and the intervals in the text of that page and of docs/paper.md; a
negative difference may stand there without its sign ("0.5 below"). The front page and the README
have their sentence from docs/paper.md. The program says what differs, and its exit code is then 1.

examples:
  python scripts/recompute_results.py
  python scripts/recompute_results.py --add runs/paper-full --write
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from program import Parser, run

from minisnn._support.files import replace_file
from minisnn.reproduction import PROFILES, experiments_of
from minisnn.reproduction.charts import Chart, Heatmap, draw
from minisnn.reproduction.recompute import (
    findings_of,
    intervals_in,
    not_asked_for,
    opposite,
    parts_of,
    tables_of,
    verdicts_of,
    with_part,
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
PAPER, BEHIND = "paper.md", "paper-experiments.md"
TAKERS = "index.md", "../README.md"
PICTURED = "full"  # the profile whose charts documents show
VERDICTS, SHORT = "verdicts: {}", "the paper in short"
"""Marks in documents; see `parts_of`."""


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
    for profile in PROFILES.values():
        experiments = experiments_of(profile)
        old = not_asked_for(profile, experiments, before)
        before, now = ([row for row in rows if row not in old] for rows in (before, now))
        if strange := not_asked_for(profile, experiments, now):
            raise ValueError(
                f"{folder / TRAININGS} has {len(strange)} trainings that the profile "
                f"{profile.name!r} of this version does not ask for, such as {strange[0].run}; "
                "reproduce again"
            )
    if not now:
        raise ValueError(
            f"{folder / TRAININGS} has no rows of this version's profiles; give the output folder "
            "of a reproduction"
        )
    write_rows(results / TRAININGS, merged(before, now), Training)
    graphs = {
        row.graph: row
        for where in (results, folder)
        for row in read_rows(where / GRAPHS, MeasuredGraph)
    }
    write_rows(results / GRAPHS, [*graphs.values()], MeasuredGraph)


def differences(docs: Path, *, write: bool) -> Iterator[str]:
    """Yield what documents have otherwise than raw results; write it if asked to."""
    results = docs / "results"
    trainings = read_rows(results / TRAININGS, Training)
    graphs = read_rows(results / GRAPHS, MeasuredGraph)
    pages = {docs / name: (docs / name).read_text("utf-8") for name in (PAPER, BEHIND, *TAKERS)}
    known: set[str] = set()
    generated = []
    for profile in PROFILES.values():
        rows = [row for row in trainings if row.profile == profile.name]
        mark, experiments = VERDICTS.format(profile.name), experiments_of(profile)
        if not rows and not parts_of(pages[docs / BEHIND], mark):
            continue
        if strange := not_asked_for(profile, experiments, rows):
            yield f"{results / TRAININGS}: {len(strange)} rows that {profile.name} does not ask for"
        findings = findings_of(profile, experiments, rows, graphs) if rows else []
        with tempfile.TemporaryDirectory() as folder:
            for table in tables_of(findings, rows) if findings else []:
                new = write_table(table, Path(folder))
                content, path = new.read_text(encoding="utf-8"), results / profile.name / new.name
                known.update(intervals_in(content))
                if not path.exists() or path.read_text(encoding="utf-8") != content:
                    yield str(path)
                    if write:
                        write_table(table, path.parent)
        if write and profile.name == PICTURED:
            _draw([chart for _, finding in findings for chart in finding.charts], docs / "images")
        verdicts = verdicts_of(findings, rows)
        known.update(intervals_in(verdicts))
        generated.append((docs / BEHIND, mark, verdicts))
    generated += [
        (docs / name, SHORT, "".join(parts_of(pages[docs / PAPER], SHORT))) for name in TAKERS
    ]
    for page, mark, part in generated:
        if (n_parts := len(parts_of(pages[page], mark))) != 1:
            raise ValueError(
                f"{page} must have <!-- {mark} --> and <!-- end of {mark} --> once, where the text "
                f"belongs; it has them {n_parts} times"
            )
        new_text = with_part(pages[page], mark, part)
        if new_text != pages[page]:
            yield f"{page}: {mark}"
            pages[page] = new_text
            if write:
                page.write_text(new_text, encoding="utf-8")
    yield from _strange_intervals(docs, pages, known)


def _draw(charts: Sequence[Chart | Heatmap], images: Path) -> None:
    """Draw the charts that documents show."""
    for chart in charts:
        if (path := images / f"{chart.name}.png").exists():
            with replace_file(path) as file:
                draw(chart).savefig(file, format="png")


def _strange_intervals(docs: Path, pages: Mapping[Path, str], known: set[str]) -> Iterator[str]:
    """Yield the intervals on both pages that follow from no row.

    Without a sign an interval may be that of a negative difference: so much below. With one, never.
    """
    for page in (docs / PAPER, docs / BEHIND):
        for interval in intervals_in(pages[page]):
            below = interval[0] != "-" and opposite(interval) in known
            if interval not in known and not below:
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
