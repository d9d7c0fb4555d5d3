"""Reproduce the experiments of "Sparse Neural Networks Topologies" and write a report.

Networks that the output folder has already are not trained again: what was interrupted, by Ctrl-C
or by a kill, goes on where it was. The report opens offline in any browser.

examples:
  python scripts/reproduce_paper.py --profile quick
  MINISNN_DATA=/path/to/mnist python scripts/reproduce_paper.py --profile full --output paper
  python scripts/reproduce_paper.py --figures E2,E9
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from program import INTERRUPTED, Parser, run

from minisnn.experiments import processes
from minisnn.reproduction import PROFILES, reproduce, select

REMARKS = {
    "quick": "A look at everything: so few digits and seeds decide little.",
    "full": "Verdicts rest on this one.",
}


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--profile", choices=PROFILES, default="quick",
        help="quick: the embedded sample, minutes; full: all of MNIST, hours (default: quick)",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help="folder (default: runs/paper-PROFILE)")
    parser.add_argument("--figures", default="", help="such as E2,E9 (default: all)")
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
    output = options.output or Path("runs") / f"paper-{options.profile}"
    experiments = select([key for key in options.figures.split(",") if key])
    runner = processes(options.jobs)
    profile, started = PROFILES[options.profile], perf_counter()
    scope = f"{options.profile}: {profile}. {REMARKS[options.profile]}"
    outcome = reproduce(profile, output, experiments, runner=runner, scope=scope, commit=commit())
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
