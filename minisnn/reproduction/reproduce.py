"""Reproduction from a profile to the report: train missing runs, examine, draw, write."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._support.checks import as_list_of, check_function, check_kind, check_path
from .._support.environment import describe_environment
from .._support.extras import require
from .._support.files import replace_file, replace_text
from ..experiments import Run, Store, Summary
from ..experiments.runners import Runner, here
from .charts import draw
from .findings import Experiment, Finding, Results, Table
from .grids import rates_at_an_end, rates_table
from .networks import networks
from .profiles import Profile
from .report import overview, text_of, write_report
from .retraining import Trained, train_all
from .trainings import (
    RATES,
    MeasuredGraph,
    Training,
    merged,
    read_rows,
    trainings_of,
    write_rows,
)

STORE, REPORT = "runs.sqlite", "report.html"
TRAININGS, GRAPHS = "trainings.csv", "graphs.csv"
"""Names of files in the output folder."""


@dataclass(frozen=True)
class Outcome:
    """Results of a reproduction.

    Parameters
    ----------
    summary : Summary
        Of its training runs.
    findings : sequence of (Experiment, Finding)
        Empty where Ctrl-C ended it before all networks were trained.
    report : Path, optional
        The report, if there is one.
    """

    summary: Summary
    findings: Sequence[tuple[Experiment, Finding]]
    report: Path | None


def reproduce(
    profile: Profile,
    output: str | os.PathLike[str],
    experiments: Sequence[Experiment],
    *,
    runner: Runner = here,
    scope: str | None = None,
    facts: Mapping[str, str] | None = None,
    commit: str = "",
    progress: bool | None = None,
) -> Outcome:
    """Train the networks that experiments need, examine them, and write charts and a report.

    Networks that are already in the folder's store are not trained again, so that a reproduction
    that was interrupted or killed continues. Nor are those of the rows in its ``trainings.csv``:
    with that file from another machine, a reproduction goes on from there.

    Parameters
    ----------
    profile : Profile
        Size of the reproduction.
    output : path
        Folder for ``runs.sqlite``, ``report.html``, ``figures/`` (PNG and SVG), ``tables/`` (CSV),
        and raw results: ``trainings.csv`` and ``graphs.csv``. Created if needed.
    experiments : sequence of Experiment
        Which; see `select`.
    runner : function of runs
        Runner of the trainings; see `minisnn.experiments`.
    scope : str, optional
        Text above the verdicts about their evidence; by default the profile's sizes. How many
        rates were at the end of their grid is said after it.
    facts : mapping of str to str, optional
        Further facts for the report beside versions and machine.
    commit : str
        Of the program, for the rows of trainings that are new.
    progress : bool, optional
        Whether to show a progress bar; by default in a notebook, and if standard error is a
        terminal and tqdm is installed.

    Returns
    -------
    Outcome

    Raises
    ------
    ImportError
        If plotly or Matplotlib (extra ``report``) is missing.
    TypeError
        If the profile, an experiment or the runner is of another type.
    ValueError
        If the profile is not for an experiment.
    LookupError
        If a network could not be trained.

    Examples
    --------
    The first needs no network, only graphs:

    >>> import tempfile
    >>> from minisnn.reproduction import EXPERIMENTS, PROFILES, reproduce
    >>> done = reproduce(PROFILES["quick"], tempfile.mkdtemp(), [EXPERIMENTS["E1"]])
    >>> [(experiment.key, str(finding.answer)) for experiment, finding in done.findings]
    [('E1', 'shown')]
    >>> done.report.name
    'report.html'
    """
    check_kind(profile, Profile, "profile")
    experiments = as_list_of(Experiment, experiments, "experiments")
    profile.check(experiment.key for experiment in experiments)
    check_function(runner, "runner")
    check_kind("" if scope is None else scope, str, "scope")
    check_kind({} if facts is None else facts, Mapping, "facts")
    for module in ("plotly", "matplotlib"):  # before hours of training
        require(module, "report", "a reproduction")
    folder = Path(check_path(output, "output"))
    folder.mkdir(parents=True, exist_ok=True)
    check_kind(commit, str, "commit")
    runs: dict[str, Run] = {}
    uses: dict[str, str] = {}
    for experiment in experiments:
        for run in dict.fromkeys(experiment.runs(profile)):
            runs[run.hash] = run
            uses[run.hash] = f"{uses.get(run.hash, '')} {experiment.key}".strip()
    before = read_rows(folder / TRAININGS, Training)
    known = [row for row in before if row.profile == profile.name]
    made = train_all(
        [*runs.values()],
        folder / STORE,
        runner=runner,
        factors=profile.factors,
        known=known,
        progress=progress,
    )
    asked = {key: (runs[key], trained) for key, trained in made.instead.items()}
    asked |= {run.hash: (run, run) for run in made.tries}
    uses |= {run.hash: RATES for run in made.tries}
    with Store(folder / STORE) as store:
        now = trainings_of(store, asked, uses, profile=profile.name, commit=commit, known=known)
        rows = merged(before, now)
        write_rows(folder / TRAININGS, rows, Training)
        if made.summary.interrupted:
            return Outcome(made.summary, [], None)
        rows = [row for row in rows if row.profile == profile.name]
        graphs = read_rows(folder / GRAPHS, MeasuredGraph)
        results = Results(rows, graphs, lambda key: store.history(made.instead[key].hash))
        missing = [made.instead[key] for key, run in runs.items() if not results.has([run])]
        _check_none_missing(missing, store)
        findings = [(e, e.examine(profile, results)) for e in experiments]
        trained = networks(experiments, profile, results)
    write_rows(folder / GRAPHS, results.graphs, MeasuredGraph)
    for _, finding in findings:
        _draw(finding, folder / "figures")
    appendix = [rates_table(rows), trained]
    for table in (overview(findings), *appendix, *(t for _, f in findings for t in f.tables)):
        write_table(table, folder / "tables")
    facts = {**(facts or {}), **_environment(made)}
    scope = f"{profile}." if scope is None else scope
    scope = f"{scope} {rates_at_an_end(rows)}".rstrip()
    text = write_report(findings, scope, facts, appendix)
    with replace_file(folder / REPORT) as file:
        file.write(text.encode())
    return Outcome(made.summary, findings, folder / REPORT)


def _check_none_missing(missing: Sequence[Run], store: Store) -> None:
    """Raise for the first run that has no results."""
    for record in store.records(missing):
        error = f": {record.error.strip().splitlines()[-1]}" if record.error else ""
        raise LookupError(f"a run that this needs is {record.status}{error}")


def _draw(finding: Finding, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    pictures: dict[str, Any] = {
        **finding.pictures,
        **{chart.name: draw(chart) for chart in finding.charts},
    }
    for name, figure in pictures.items():
        for suffix in ("png", "svg"):
            with replace_file(folder / f"{name}.{suffix}") as file:
                figure.savefig(file, format=suffix)


def write_table(table: Table, folder: Path) -> Path:
    """Write a table as CSV, as it is published; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() else "-" for c in table.title.lower()).strip("-")
    path = folder / f"{name}.csv"
    with replace_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.head)
        writer.writerows([text_of(cell) for cell in row] for row in table.rows)
    return path


def _environment(made: Trained) -> dict[str, str]:
    environment = describe_environment()
    versions = ", ".join(f"{name} {v}" for name, v in environment["versions"].items() if v)
    return {
        "networks": f"{made.summary}; {made}",
        "versions": versions,
        "processor": str(environment["cpu"]),
        "written": datetime.now(UTC).isoformat(timespec="minutes"),
    }
