"""Published figures from raw results: findings, their tables, and the texts that documents have.

`scripts/recompute_results.py` compares them with the files under docs/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .findings import Experiment, Finding, Results, Table
from .grids import rates_at_an_end, rates_table
from .profiles import Profile
from .rates import tries_of
from .report import overview
from .trainings import MeasuredGraph, Training, key_of

_INTERVAL = re.compile(r"(-?\d[\d.e-]*) \[(-?\d[\d.e-]*), (-?\d[\d.e-]*)\]")


def findings_of(
    profile: Profile,
    experiments: Sequence[Experiment],
    trainings: Sequence[Training],
    graphs: Sequence[MeasuredGraph],
) -> list[tuple[Experiment, Finding]]:
    """Return the findings of the experiments that all trainings are there for.

    Parameters
    ----------
    profile : Profile
        Whose results they are.
    experiments : sequence of Experiment
        Those without trainings, such as pictures, are left out.
    trainings, graphs : sequences of rows
        Raw results, of other profiles, too.
    """
    rows = [row for row in trainings if row.profile == profile.name]
    results = Results(rows, graphs)
    wanted = [(e, e.runs(profile)) for e in experiments]
    return [(e, e.examine(profile, results)) for e, runs in wanted if runs and results.has(runs)]


def not_asked_for(
    profile: Profile, experiments: Sequence[Experiment], trainings: Sequence[Training]
) -> list[Training]:
    """Return the rows of a profile that it no longer asks for: it had another size then."""
    own = [row for row in trainings if row.profile == profile.name]
    if not own:
        return []
    runs = [run for experiment in experiments for run in experiment.runs(profile)]
    tries = tries_of(runs, profile.factors).values()
    judged = [run for by_factor in tries for run in by_factor.values()]
    wanted = {key_of(run) for run in [*runs, *judged]}
    return [row for row in own if row.run not in wanted]


def tables_of(
    findings: Sequence[tuple[Experiment, Finding]], trainings: Sequence[Training]
) -> list[Table]:
    """Return all tables to publish: those of the findings, their verdicts, and the rates."""
    tables = [table for _, finding in findings for table in finding.tables]
    return [overview(findings), rates_table(trainings), *tables]


def verdicts_of(
    findings: Sequence[tuple[Experiment, Finding]], trainings: Sequence[Training]
) -> str:
    """Return the verdicts and their reasons as a table in Markdown, and what rates they rest on."""
    if not findings:
        return "No experiment of this profile is finished."
    rows = [f"| {e.key} {e.title} | {f.answer} | {f.reason} |" for e, f in findings]
    table = ["| experiment | verdict | what was found |", "|---|---|---|", *rows]
    return "\n".join([*table, "", rates_at_an_end(trainings)]).rstrip()


def intervals_in(text: str) -> list[str]:
    """Return the intervals that a text gives, such as "0.26 [0.13, 0.39]"."""
    return [match.group() for match in _INTERVAL.finditer(text)]


def opposite(interval: str) -> str:
    """Return the interval of the opposite difference: texts say "0.5 below" for -0.5.

    Examples
    --------
    >>> from minisnn.reproduction.recompute import opposite
    >>> opposite("-0.46 [-0.63, -0.29]"), opposite("0.00 [-0.12, 0.26]")
    ('0.46 [0.29, 0.63]', '0.00 [-0.26, 0.12]')
    """
    value, low, high = (_opposite(number) for number in _INTERVAL.findall(interval)[0])
    return f"{value} [{high}, {low}]"


def _opposite(number: str) -> str:
    if float(number) == 0:
        return number.removeprefix("-")
    return number.removeprefix("-") if number.startswith("-") else f"-{number}"


def parts_of(text: str, mark: str) -> list[str]:
    """Return what stands between the marks of a name, which are comments, wherever they are."""
    return [match["part"] for match in _marked(mark).finditer(text)]


def with_part(text: str, mark: str, part: str) -> str:
    """Return a text with another part between the marks of a name."""
    return _marked(mark).sub(
        lambda found: f"{found['start']}{found['line']}{part}{found['line']}{found['end']}", text
    )


def _marked(mark: str) -> re.Pattern[str]:
    start, end = (re.escape(f"<!-- {prefix}{mark} -->") for prefix in ("", "end of "))
    pattern = rf"(?P<start>{start})(?P<line>\n?)(?P<part>.*?)\n?(?P<end>{end})"
    return re.compile(pattern, re.DOTALL)
