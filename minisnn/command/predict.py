"""``minisnn predict``: predictions of a trained network for the rows of a table."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._support.arrays import Array
from .._support.files import replace_text
from .._support.messages import counted
from ..interchange.network_file import load
from ..network.base import SparseNetwork
from .names import output_texts
from .options import add_threads_option, check_threads, limit_threads
from .program import Parser, show_warnings_in_one_line
from .tables import read_table

DESCRIPTION = """\
Predict the rows of a table with a network that minisnn train, or minisnn.save, wrote.

Columns are matched by the names that the network knows, in any order; others may be there. Columns
without names are taken by their positions. The result has a row for each: of classes the predicted
label and the probability of each label; of amounts the value.

examples:
  %(prog)s iris.npz table.csv
  %(prog)s iris.npz table.csv --output predictions.csv
  %(prog)s iris.npz table.csv --json
"""


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    parser = Parser(
        prog="minisnn predict",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    options = parser.parse_args(argv)
    check_threads(parser, options.threads)
    limit_threads(options.threads)
    show_warnings_in_one_line()
    net = load(options.network)
    inputs = read_table(options.table).inputs_for(net)
    header, rows = table_of(net, net.predict(inputs.values))
    if options.output is not None:
        with replace_text(options.output) as file:
            write(file, header, rows, as_json=options.json)
        n_rows = counted(inputs.values.shape[0], "row")
        print(f"The predictions of {n_rows} are in {options.output}", file=sys.stderr)
    else:
        write(sys.stdout, header, rows, as_json=options.json)
    return 0


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    parser.add_argument("network", metavar="NETWORK", help="file of a network")
    parser.add_argument(
        "table", metavar="TABLE", help=".csv, .tsv, .parquet, .npy, .npz, .libsvm or .svmlight"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="file for the predictions (default: standard output)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of CSV")
    add_threads_option(parser)


def table_of(net: SparseNetwork, outputs: Array) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the head and the rows of the result."""
    labels = output_texts(net)
    if net.output_activation != "softmax":
        return list(labels), iter(outputs.tolist())
    header = ["prediction", *(f"probability of {label}" for label in labels)]
    best = outputs.argmax(axis=1).tolist()
    rows = zip(best, outputs.tolist(), strict=True)
    return header, ([labels[place], *probabilities] for place, probabilities in rows)


def rounded(row: list[Any]) -> list[Any]:
    """Return a row with its numbers to seven digits, as many as float32 has."""
    return [float(f"{value:.7g}") if isinstance(value, float) else value for value in row]


def write(file: Any, header: list[str], rows: Iterator[list[Any]], *, as_json: bool) -> None:
    """Write the result: CSV, or a list of objects."""
    if as_json:
        listed = [dict(zip(header, rounded(row), strict=True)) for row in rows]
        file.write(json.dumps(listed, indent=1) + "\n")
        return
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(map(rounded, rows))
