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
from .networks import networks
from .profiles import Profile
from .report import overview, text_of, write_report
from .retraining import Trained, train_all

STORE, REPORT = "runs.sqlite", "report.html"
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
    progress: bool | None = None,
) -> Outcome:
    """Train the networks that experiments need, examine them, and write charts and a report.

    Networks that are already in the folder's store are not trained again, so that a reproduction
    that was interrupted or killed continues.

    Parameters
    ----------
    profile : Profile
        Size of the reproduction.
    output : path
        Folder for ``runs.sqlite``, ``report.html``, ``figures/`` (PNG and SVG) and ``tables/``
        (CSV); created if needed.
    experiments : sequence of Experiment
        Which; see `select`.
    runner : function of runs
        Runner of the trainings; see `minisnn.experiments`.
    scope : str, optional
        Text above the verdicts about their evidence; by default the profile's sizes.
    facts : mapping of str to str, optional
        Further facts for the report beside versions and machine.
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
    check_function(runner, "runner")
    check_kind("" if scope is None else scope, str, "scope")
    check_kind({} if facts is None else facts, Mapping, "facts")
    for module in ("plotly", "matplotlib"):  # before hours of training
        require(module, "report", "a reproduction")
    folder = Path(check_path(output, "output"))
    folder.mkdir(parents=True, exist_ok=True)
    runs: dict[str, Run] = {
        run.hash: run for experiment in experiments for run in experiment.runs(profile)
    }
    made = train_all([*runs.values()], folder / STORE, runner=runner, progress=progress)
    if made.summary.interrupted:
        return Outcome(made.summary, [], None)
    with Store(folder / STORE) as store:
        results = Results(store, made.instead)
        findings = [(e, e.examine(profile, results)) for e in experiments]
        trained = networks(experiments, profile, results)
    for _, finding in findings:
        _draw(finding, folder / "figures")
    for table in (overview(findings), trained, *(t for _, f in findings for t in f.tables)):
        _write(table, folder / "tables")
    facts = {**(facts or {}), **_environment(made)}
    text = write_report(findings, str(profile) if scope is None else scope, facts, [trained])
    with replace_file(folder / REPORT) as file:
        file.write(text.encode())
    return Outcome(made.summary, findings, folder / REPORT)


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


def _write(table: Table, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    name = "".join(c if c.isalnum() else "-" for c in table.title.lower()).strip("-")
    with replace_text(folder / f"{name}.csv") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.head)
        writer.writerows([text_of(cell) for cell in row] for row in table.rows)


def _environment(made: Trained) -> dict[str, str]:
    environment = describe_environment()
    versions = ", ".join(f"{name} {v}" for name, v in environment["versions"].items() if v)
    return {
        "networks": f"{made.summary}; {made}",
        "versions": versions,
        "processor": str(environment["cpu"]),
        "written": datetime.now(UTC).isoformat(timespec="minutes"),
    }
