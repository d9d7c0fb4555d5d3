"""Compare wirings, fixed and moving, of networks that differ in nothing else, seed by seed.

Questions, see docs/wiring-questions.md for the answers:

  moving   does fixed wiring lose to wiring that moves (SET, RigL), at equal connections, and at
           equal time?
  width    with as many weights, are more neurons with fewer connections each better?
  profile  do unequal fan-ins help? Are RigL's edges better ones, or is it the moving?
  tables   wiring by correlation on tables, and on made ones of known structure

Each kind of network takes the rate, of as many tries as any other, at which two trainings on five
sixths of the samples are best on the last sixth. Then it is trained on all, for each seed, and
judged on the test samples, the same for all.

Differences are from the first kind of a case; at equal time from one that is trained for longer.
They are paired: of networks of one seed, with Student's 95 % intervals over the seeds.

With --output each training is a row of trainings.csv as soon as it is done. What the folder has is
not trained again: what was interrupted goes on where it was, and more seeds can be added.

example:
  python scripts/compare_wirings.py moving --seeds 8 --output moving
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from program import Parser, run, save_figure
from wiring_questions import QUESTIONS, RECIPES, Case, Task

import minisnn as snn
from minisnn._support.extras import require
from minisnn._support.tables import align
from minisnn.command.options import add_data_option, at_least_one, limit_threads
from minisnn.reproduction.statistics import Interval, mean
from minisnn.reproduction.trainings import read_rows, write_rows

HELD_OUT = 6  # one sample of so many, where a rate is chosen
CHOICES = (2**20, 2**20 + 1)  # the seeds of these trainings, apart from all others


@dataclass(frozen=True)
class Training:
    """One trained network."""

    data: str
    case: str
    kind: str
    seed: int
    rate: float
    epochs: int
    connections: int
    seconds: float
    moving_seconds: float
    accuracy: float

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What was asked for."""
        return self.data, self.case, self.kind, self.epochs, self.seed


Known = Mapping[tuple[str, str, str, int, int], Training]


@dataclass(frozen=True)
class Row:
    """A kind of network in a case: its accuracy in %, and its difference from the reference."""

    case: str
    kind: str
    accuracy: Interval
    difference: Interval | None
    seconds: float
    moving_share: float


def held_out(task: Task) -> Task:
    """Return the task in which a part of the samples to train on is judged by."""
    order = np.random.default_rng(CHOICES[0]).permutation(len(task.y))
    held, kept = np.split(order, [len(order) // HELD_OUT])
    return Task(task.X[kept], task.y[kept], task.X[held], task.y[held], task.scale)


def train_case(case: Case, seeds: int, epochs: int, data: str, known: Known) -> Iterator[Training]:
    """Yield all trainings of a case, kind after kind; those that are known are not made again."""
    recipe = RECIPES[case.recipe]
    found: dict[str, list[Training]] = {}

    def trained(name: str, task: Task, rate: float, epochs: int, seed: int) -> Training:
        fitted = case.kinds[name].fit(task, recipe, rate, epochs, seed)
        test = snn.evaluate(fitted.net, task.X_test, task.y_test, input_scale=task.scale)
        return Training(
            data, case.name, name, seed, rate, epochs, fitted.net.n_connections, fitted.seconds,
            fitted.moving_seconds, test.accuracy or 0.0,
        )  # fmt: skip

    def best_rate(name: str, epochs: int) -> float:
        tasks = {seed: held_out(case.task(seed)) for seed in CHOICES}
        return max(
            recipe.rates,
            key=lambda rate: sum(
                trained(name, task, rate, epochs, seed).accuracy for seed, task in tasks.items()
            ),
        )

    for name, kind in case.kinds.items():
        length = epochs
        if kind.as_long_as is not None:
            with_moves = found[kind.as_long_as]
            share = sum(t.moving_seconds for t in with_moves) / sum(t.seconds for t in with_moves)
            length = round(epochs / (1 - share))
        keys = [(data, case.name, name, length, seed) for seed in range(seeds)]
        rates = [known[key].rate for key in keys if key in known]
        rate = rates[0] if rates else best_rate(name, length)
        found[name] = []
        for seed, key in enumerate(keys):
            again = known.get(key)
            found[name].append(again or trained(name, case.task(seed), rate, length, seed))
            yield found[name][-1]


def rows_of(case: Case, trainings: Sequence[Training]) -> list[Row]:
    """Return a row for each kind of a case, and one for each pair of kinds of equal time."""
    kinds = {name: [t for t in trainings if t.kind == name] for name in case.kinds}

    def row(name: str, reference: str, title: str) -> Row:
        own, level = (
            np.array([100 * t.accuracy for t in kinds[kind]]) for kind in (name, reference)
        )
        less = None if name == reference else mean((own - level).tolist())
        seconds = sum(t.seconds for t in kinds[name])
        share = sum(t.moving_seconds for t in kinds[name]) / seconds
        return Row(case.name, title, mean(own.tolist()), less, seconds / len(own), share)

    rows = [row(name, case.reference, name) for name in case.kinds]
    for name, kind in case.kinds.items():
        if kind.as_long_as is not None:
            rows.append(row(kind.as_long_as, name, f"{kind.as_long_as}, at equal time"))
    return rows


def format_rows(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned table."""
    cells = [
        [
            row.case,
            row.kind,
            f"{row.accuracy.value:.2f}",
            "" if row.difference is None
            else f"{row.difference.value:+.2f} [{row.difference.low:+.2f}, "
            f"{row.difference.high:+.2f}]",
            f"{row.seconds:.2f}",
            f"{row.moving_share:.0%}" if row.moving_share else "",
        ]
        for row in rows
    ]  # fmt: skip
    head = ["case", "wiring", "accuracy, %", "difference", "seconds", "of which moving"]
    return align(head, cells, n_left=2)


def draw(rows: Sequence[Row], title: str) -> Any:
    """Return a figure of the differences, a panel for each case."""
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys(row.case for row in rows))
    figure = Figure(figsize=(3.6 * len(cases) + 1.2, 3.4), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(cases), sharey=len({row.kind for row in rows}) < len(rows))
    for axes, case in zip(np.atleast_1d(panels), cases, strict=True):
        shown = [row for row in rows if row.case == case and row.difference is not None]
        for place, row in enumerate(shown):
            found = row.difference
            assert found is not None
            axes.plot([found.low, found.high], [place, place], color="#0072b2", lw=2)
            axes.plot(found.value, place, "o", color="#0072b2")
        axes.set_yticks(range(len(shown)), [row.kind for row in shown])
        axes.axvline(0, color="#666666", lw=1, ls="--")
        reference = next(row for row in rows if row.case == case and row.difference is None)
        axes.set(
            title=case, xlabel=f"difference; {reference.kind}: {reference.accuracy.value:.1f} %"
        )
        axes.grid(alpha=0.3, axis="x")
    np.atleast_1d(panels)[0].invert_yaxis()
    figure.suptitle(title)
    return figure


def main(argv: list[str] | None = None) -> None:
    """Run."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", choices=[*QUESTIONS])
    add_data_option(parser)
    parser.add_argument("--epochs", type=at_least_one, default=30, help="(default: %(default)s)")
    parser.add_argument(
        "--seeds", type=at_least_one, default=5, help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="for trainings.csv and differences.png"
    )
    options = parser.parse_args(argv)
    if options.question == "tables":
        require("sklearn", "sklearn", "the question about tables")
    if options.output is not None:
        require("matplotlib", "plot", "--output")
        options.output.mkdir(exist_ok=True)
    limit_threads(1)
    warnings.simplefilter("ignore", snn.DeadNeuronWarning)  # moving may leave some behind
    path = None if options.output is None else options.output / "trainings.csv"
    known = {row.key: row for row in (read_rows(path, Training) if path else [])}
    rows: list[Row] = []
    for case in QUESTIONS[options.question](options.data):
        of_case = []
        for training in train_case(case, options.seeds, options.epochs, options.data, known):
            of_case.append(training)
            known[training.key] = training
            if path is not None:
                write_rows(path, [*known.values()], Training)
            if training.seed == options.seeds - 1:
                print(f"{case.name}: {training.kind}", file=sys.stderr, flush=True)
        rows += rows_of(case, of_case)
    if options.output is not None:
        figure = draw(rows, "accuracy in %, 95 % intervals over seeds")
        save_figure(figure, options.output / "differences.png")
    print(format_rows(rows), flush=True)


if __name__ == "__main__":
    sys.exit(run(main, "sklearn"))
