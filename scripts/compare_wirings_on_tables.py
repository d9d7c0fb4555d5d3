"""Train networks of random and of structured wiring on tables, and print the differences.

The columns of a table are in no particular order. So the inputs of a structured graph are put in
a random order, by `minisnn.topology.permuted`, another one for each seed. Estimators are trained
with their defaults. Both sides have as many edges, the same split of the table, the same initial
seed and the same orders of samples.

As `minisnn.topology` has them, the ones of a rotating construction move on by one from an input to
the next, so that hidden neurons are left without inputs where there are many more of them. Those
that are called "spread" move on from a hidden neuron to the next, once round all inputs.

Differences are of accuracy, or of R2, in hundredths, with 95 % intervals: of a table over the
seeds, of all tables over the tables. Densities at which a hidden neuron would have fewer than two
inputs are left out.

example:
  python scripts/compare_wirings_on_tables.py --seeds 20 --output wirings
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from program import Parser, run

import minisnn as snn
from minisnn._support.extras import require
from minisnn._support.files import replace_text
from minisnn._support.tables import align
from minisnn.command.options import at_least_one, numbers
from minisnn.reproduction.statistics import Interval, mean

RANDOM = "biregular"
FEWEST_INPUTS = 2


def spread(name: str, n_in: int, n_out: int, degree: int) -> snn.Topology:
    """Return a graph of n_in * degree edges whose ones rotate from a right neuron to the next.

    They go once round the inputs, whatever the widths.

    Parameters
    ----------
    name
        Of a rotating construction.
    n_in, n_out, degree
        As for the construction.
    """
    bounds = np.arange(n_out + 1) * (n_in * degree) // n_out
    edges = []
    for neuron, n_inputs in enumerate(np.diff(bounds).tolist()):
        places = snn.topology.make(name, 1, n_in, n_inputs).generator
        assert places is not None, "it rotates"
        first = neuron * n_in // n_out
        edges += [((first + place) % n_in, neuron) for place in places.tolist()]
    return snn.topology.from_edges(n_in, n_out, edges)


WIRINGS: dict[str, Callable[[int, int, int], snn.Topology]] = {
    "regular": snn.topology.regular_rotating,
    "Fibonacci": snn.topology.fibonacci_rotating,
    "regular, spread": partial(spread, "regular_rotating"),
    "Fibonacci, spread": partial(spread, "fibonacci_rotating"),
}


@dataclass(frozen=True)
class Run:
    """One trained network."""

    table: str
    inputs: int
    density: float  # in %
    wiring: str
    seed: int
    metric: str  # of the score: accuracy, R2
    score: float
    passes: int


@dataclass(frozen=True)
class Difference:
    """Scores of a structured wiring less those of the random one, in hundredths."""

    table: str
    inputs: int | None
    density: float
    wiring: str
    random: float
    less_random: Interval


def degree_of(n_in: int, hidden: int, density: float) -> int | None:
    """Return the edges of an input at a density in %, or None where neurons had too few."""
    degree = max(1, round(density / 100 * hidden))
    return degree if n_in * degree >= FEWEST_INPUTS * hidden else None


def train(split: Any, wiring: Any, degree: int, hidden: int, seed: int) -> tuple[float, int]:
    """Train an estimator; return its score, and its passes over the data."""
    from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor

    kind = SparseMLPRegressor if split.is_regression else SparseMLPClassifier
    model = kind((hidden,), topology=wiring, degree=degree, random_state=seed)
    model.fit(split.X, split.y)
    return float(model.score(split.X_test, split.y_test)), model.n_iter_


def train_all(
    table: str, X: Any, y: Any, densities: Sequence[float], hidden: int, seeds: int
) -> Iterable[Run]:
    """Train each wiring on a table, in turn: for each seed, for each density."""
    from tables import split

    n_in = X.shape[1]
    for seed in range(seeds):
        data = split(X, y, seed)
        for density in densities:
            degree = degree_of(n_in, hidden, density)
            if degree is None:
                continue
            graphs: dict[str, Any] = {RANDOM: RANDOM}
            for name, make in WIRINGS.items():
                graphs[name] = snn.topology.permuted(make(n_in, hidden, degree), seed=seed)
            for name, wiring in graphs.items():
                result = train(data, wiring, degree, hidden, seed)
                metric = "R2" if data.is_regression else "accuracy"
                yield Run(table, n_in, density, name, seed, metric, *result)


def differences(runs: Sequence[Run]) -> list[Difference]:
    """Return the paired differences of each table, then those of all tables of a metric."""
    scores: dict[tuple[str, int, str, float], dict[str, list[float]]] = {}
    for item in runs:
        case = item.table, item.inputs, item.metric, item.density
        scores.setdefault(case, {}).setdefault(item.wiring, []).append(100 * item.score)
    found = []
    pooled: dict[tuple[str, float, str], list[Difference]] = {}
    for (table, inputs, metric, density), of_wiring in scores.items():
        random = of_wiring.pop(RANDOM)
        level = float(np.mean(random))
        for wiring, values in of_wiring.items():
            less = mean(np.subtract(values, random).tolist())
            found.append(Difference(table, inputs, density, wiring, level, less))
            pooled.setdefault((metric, density, wiring), []).append(found[-1])
    for (metric, density, wiring), of_tables in pooled.items():
        title = f"all {len(of_tables)} by {metric}"
        level = float(np.mean([item.random for item in of_tables]))
        less = mean([item.less_random.value for item in of_tables])
        found.append(Difference(title, None, density, wiring, level, less))
    return found


def rows_of(found: Sequence[Difference]) -> tuple[list[str], list[list[str]]]:
    """Return a header and a row for each table and density, with a column for each wiring."""
    header = ["table", "inputs", "density, %", "random", *WIRINGS]
    rows: dict[tuple[str, float], list[str]] = {}
    for item in found:
        inputs = "" if item.inputs is None else str(item.inputs)
        about = [item.table, inputs, f"{item.density:g}", f"{item.random:.2f}"]
        row = rows.setdefault((item.table, item.density), about)
        less = item.less_random
        row.append(f"{less.value:+.2f} [{less.low:+.2f}, {less.high:+.2f}]")
    return header, list(rows.values())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table."""
    with replace_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main(argv: list[str] | None = None) -> None:
    """Run."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tables", metavar="NAME[,NAME...]", help="as the result names them (default: all)"
    )
    parser.add_argument(
        "--densities", type=numbers(float, "a number"), default=[30, 10, 5], metavar="N[,N...]",
        help="in %% (default: 30,10,5)",
    )  # fmt: skip
    parser.add_argument("--hidden", type=at_least_one, default=200, help="(default: %(default)s)")
    parser.add_argument(
        "--seeds", type=at_least_one, default=10, help="how many (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the CSV files")
    options = parser.parse_args(argv)
    require("sklearn", "sklearn", "scripts/compare_wirings_on_tables.py")
    from sklearn.exceptions import ConvergenceWarning
    from tables import TABLES

    names = list(TABLES) if options.tables is None else options.tables.split(",")
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        parser.error(f"--tables: no table {unknown[0]!r}; there are {', '.join(TABLES)}")
    if not all(0 < density <= 100 for density in options.densities):
        parser.error(f"--densities: must be above 0 and at most 100, got {options.densities}")
    if options.output is not None:
        options.output.mkdir(exist_ok=True)
    runs: list[Run] = []
    snn.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # by default, 200 passes are the most
        warnings.simplefilter("ignore", snn.DeadNeuronWarning)  # a part of what is compared
        for number, name in enumerate(names, 1):
            X, y = TABLES[name]()
            before = time.perf_counter()
            runs += train_all(name, X, y, options.densities, options.hidden, options.seeds)
            seconds = time.perf_counter() - before
            print(f"{number} of {len(names)}: {name}, {seconds:.0f} s", file=sys.stderr, flush=True)
            header, rows = rows_of(differences(runs))
            if options.output is not None:
                columns = [field.name for field in fields(Run)]
                write_csv(options.output / "runs.csv", columns, map(astuple, runs))
                write_csv(options.output / "differences.csv", header, rows)
    print(align(header, rows))


if __name__ == "__main__":
    sys.exit(run(main, "sklearn"))
