"""Reproduce the experiments of "Sparse Neural Networks Topologies" and write a report.

Networks that the output folder has already are not trained again: what was interrupted, by Ctrl-C
or by a kill, goes on where it was. The report opens offline in any browser.

Profiles of other images and of tables have the experiments E2, E9 and E11. Of several profiles
those whose files are not at hand are skipped, with the reason.

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

from minisnn.datasets import DatasetError
from minisnn.experiments import processes
from minisnn.reproduction import PROFILES, Experiment, Profile, reproduce, select

REMARKS = {
    "quick": "A look at everything: so few digits and seeds decide little.",
    "full": "Verdicts rest on this one.",
}
"""What is to be said of a profile."""


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    others = ", ".join(name for name, profile in PROFILES.items() if profile.keys)
    parser.add_argument(
        "--profile", type=_profiles, default="quick",
        help="quick: the embedded sample, minutes; full: all of MNIST, hours; or of other data: "
        f"{others} (default: quick)",
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


def _profiles(text: str) -> list[Profile]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PROFILES]:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(PROFILES)}, or some of them, got {unknown[0]!r}"
        )
    return [PROFILES[name] for name in names]


def chosen(profile: Profile, figures: str) -> list[Experiment]:
    """Return the experiments that are asked for, by default all of the profile."""
    keys = [key for key in figures.split(",") if key] or profile.keys
    experiments = select(keys)
    if strange := [e.key for e in experiments if not profile.is_for(e.key)]:
        raise ValueError(
            f"--figures must be among {', '.join(profile.keys)} with the profile {profile.name}, "
            f"got {strange[0]}"
        )
    return experiments


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = arguments_of(argv)
    profiles = options.profile
    if options.output is not None and len(profiles) > 1:
        raise ValueError(f"--output must be given with one profile alone, got {len(profiles)}")
    asked = [(profile, chosen(profile, options.figures)) for profile in profiles]
    codes = []
    for profile, experiments in asked:
        output = options.output or Path("runs") / f"paper-{profile.name}"
        try:
            codes.append(reproduced(profile, experiments, output, options.jobs))
        except DatasetError as error:
            if len(profiles) == 1:
                raise
            print(f"{profile.name}: skipped: {error}", file=sys.stderr)
        if INTERRUPTED in codes:
            break
    return max(codes, default=1)


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
        print(f"interrupted; start again with --output {output} to go on")
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
