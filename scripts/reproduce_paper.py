"""Reproduce the experiments of "Sparse Neural Networks Topologies" and write a report.

Networks that the output folder has already are not trained again: what was interrupted, by Ctrl-C
or by a kill, goes on where it was. The report opens offline in any browser.

Profiles of other images and of tables have the experiments E2, E9 and E11. Of several profiles
those whose data cannot be had, or is damaged, are skipped, with the reason.

examples:
  python scripts/reproduce_paper.py --profile quick
  MINISNN_DATA=/path/to/mnist python scripts/reproduce_paper.py --profile full --output paper
  MINISNN_DATA=/path/to/data python scripts/reproduce_paper.py --profile fashion,kmnist
  python scripts/reproduce_paper.py --profile sklearn_digits
  python scripts/reproduce_paper.py --figures E2,E9
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from program import INTERRUPTED, Parser, run

from minisnn._support.checks import check_choice
from minisnn.datasets import DatasetError
from minisnn.experiments import processes
from minisnn.experiments.datasets import samples_of
from minisnn.reproduction import PROFILES, Experiment, Profile, experiments_of, reproduce

REMARKS = {
    "quick": "A look at everything: so few digits and seeds decide little.",
    "full": "Verdicts rest on this one.",
}
"""Remarks on profiles, for the report."""


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    others = ", ".join(name for name, profile in PROFILES.items() if profile.keys)
    parser.add_argument(
        "--profile", default="quick",
        help="quick: the embedded sample, minutes; full: all of MNIST, hours; or of other data, "
        f"one or several with commas: {others} (default: quick)",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help="folder (default: runs/paper-PROFILE)")
    parser.add_argument("--figures", default="", help="such as E2,E9 (default: all of the profile)")
    parser.add_argument("--jobs", type=int, help="processes (default: one for each core)")
    return parser.parse_args(argv)


def commit() -> str:
    """Return the commit of this checkout, marked where files differ from it; none without Git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = arguments_of(argv)
    names = dict.fromkeys(name for name in options.profile.split(",") if name)
    profiles = [PROFILES[check_choice(name, "a profile", PROFILES)] for name in names]
    if not profiles:
        raise ValueError(f"--profile must name a profile, got {options.profile!r}")
    if options.output is not None and len(profiles) > 1:
        raise ValueError(f"--output must be given with one profile alone, got {len(profiles)}")
    keys = [key for key in options.figures.split(",") if key]
    code = 1
    for profile, experiments in [(each, experiments_of(each, keys)) for each in profiles]:
        try:
            samples_of(profile.data)
        except (DatasetError, ImportError) as error:
            if len(profiles) == 1:
                raise
            print(f"{profile.name}: skipped: {error}", file=sys.stderr)
            continue
        output = options.output or Path("runs") / f"paper-{profile.name}"
        code = reproduced(profile, experiments, output, options.jobs)
        if code == INTERRUPTED:
            break
    return code


def reproduced(
    profile: Profile, experiments: Sequence[Experiment], output: Path, jobs: int | None
) -> int:
    """Reproduce experiments, print what was found, and return the exit code."""
    started = perf_counter()
    scope = f"{profile.name}: {profile}. {REMARKS.get(profile.name, '')}".strip()
    outcome = reproduce(
        profile, output, experiments, runner=processes(jobs), scope=scope, commit=commit()
    )
    print(f"{outcome.summary}, in {perf_counter() - started:.0f} s")
    if outcome.report is None:
        print(f"interrupted; go on with --profile {profile.name} --output {output}")
        return INTERRUPTED
    print(scope)
    width = max(len(f"{e.key} {e.title}") for e, _ in outcome.findings)
    for experiment, finding in outcome.findings:
        title = f"{experiment.key} {experiment.title}"
        print(f"{title:{width}}  {finding.answer}: {finding.reason}")
    print(f"report: {outcome.report}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main, "report", at_full_speed=True))
