"""Train all runs that a file describes, and keep their results in one SQLite file.

What is done already is not trained again: start the same command again after a crash, or with
more runs in the file. docs/sweeps.md tells how runs are described.

examples:
  python scripts/run_sweep.py sweep.yaml --store runs.sqlite
  python scripts/run_sweep.py sweep.yaml --store runs.sqlite --scheduler tcp://host:8786
  python scripts/run_sweep.py sweep.yaml --store runs.sqlite --list
  python scripts/run_sweep.py sweep.yaml --store runs.sqlite --export csv --output runs.csv
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from program import INTERRUPTED, Parser, run


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "config", type=Path, metavar="CONFIG", help="what to train: a .yaml, .toml or .json file"
    )
    parser.add_argument(
        "--store", type=Path, required=True, metavar="FILE", help="file of the results"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes to train in, each on one thread (default: one for each core)",
    )
    place.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="train on a Dask cluster, such as tcp://host:8786",
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="train again what failed before"
    )
    only = parser.add_argument_group("instead of training")
    only.add_argument("--list", action="store_true", help="print the runs of CONFIG as a table")
    only.add_argument(
        "--export", choices=("csv", "parquet"), help="write the runs of CONFIG to --output"
    )
    only.add_argument("--output", type=Path, metavar="FILE", help="file to write")
    options = parser.parse_args(argv)
    if (options.export is None) != (options.output is None):
        parser.error("--export and --output go together")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run; return the exit code: 0 where all runs are done."""
    options = arguments_of(argv)

    from minisnn import experiments

    runs = experiments.expand(experiments.read_description(options.config))
    if options.list or options.export:
        with experiments.Store(options.store) as store:
            records = store.records(runs)
        if options.list:
            print(experiments.format_records(records))
        if options.export:
            write = {"csv": experiments.write_csv, "parquet": experiments.write_parquet}
            write[options.export](options.output, records)
        return 0
    if options.scheduler is None:
        runner = experiments.processes(options.jobs)
    else:
        runner = experiments.cluster(options.scheduler)
    summary = experiments.sweep(
        runs, options.store, runner=runner, retry_failed=options.retry_failed
    )
    print(summary)
    if summary.interrupted:
        return INTERRUPTED
    return 0 if summary.pending == summary.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(run(main, "sweep"))
