"""Train one network in another system for given wiring and in minisnn, in turn; print the times.

The network has the wiring of the other system's example, or one of its kind, and the same weights.
Gradients are compared before both are trained, each by its own trainer; docs/coming-from.md has the
figures. Each system needs an environment of its own: a message says what to install. Some need a
clone of their repository, for their example data.

examples:
  python scripts/compare_originals.py masks
  python scripts/compare_originals.py binn --repository path/to/BINN
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.measure import interleaved, median
from originals import systems
from program import Parser, run

import minisnn as snn
from minisnn._support.messages import counted
from minisnn._support.tables import align
from minisnn.command.options import at_least_one
from minisnn.measurement.machine_load import measure_load

TOLERANCE = 1e-4  # of differences, relative to the largest value
SECONDS = 1.0  # of a turn


def main(argv: list[str] | None = None) -> None:
    """Run."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", choices=systems.SYSTEMS)
    parser.add_argument("--repository", type=Path, help="a clone of the system's repository")
    parser.add_argument("--threads", type=at_least_one, default=1, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=at_least_one, default=7, help="(default: %(default)s)")
    options = parser.parse_args(argv)
    before = snn.get_num_threads()
    snn.set_num_threads(options.threads)
    try:
        case = systems.make(options.system, options.repository, options.threads)
        print(case.title)
        for what, found in case.differences.items():
            print(f"largest difference of {what}: {found:.1e} of the largest value")
            if not found <= TOLERANCE:
                raise RuntimeError(
                    f"{what} differ by more than {TOLERANCE:.0e}, so nothing is timed"
                )
        with measure_load() as load:
            times = interleaved(case.sides, rounds=options.rounds, seconds=SECONDS)
    finally:
        snn.set_num_threads(before)
    ours = median(times[[*times][-1]])
    rows = [
        [name, *(f"{1e3 * each:.3f}" for each in (median(found), min(found), max(found))),
         f"{median(found) / ours:.1f} x"]
        for name, found in times.items()
    ]  # fmt: skip
    columns = [
        counted(options.threads, "thread"),
        "ms per epoch",
        "least",
        "most",
        "beside minisnn",
    ]
    print(align(columns, rows))
    if load.others is not None:
        print(f"other programs took {100 * load.others:.0f} % of the CPUs")


if __name__ == "__main__":
    sys.exit(run(main, "bench", at_full_speed=True))
