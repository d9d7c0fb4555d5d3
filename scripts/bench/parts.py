"""Benchmark of the parts of a step: each kind of operation is left out in turn.

What a step takes less without a part is its cost, as far as the others do not run faster or slower
for it: what it leaves in a cache is missing, too. Beside it stands what a call of `minisnn.train`
takes in all but its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np

import minisnn as snn
from minisnn._support.tables import align
from minisnn.kernels.machine.layout import read_only
from minisnn.kernels.program import operations
from minisnn.kernels.program.records import Tables

from .base import Problem
from .measure import interleaved, median
from .ours import Ours
from .steps import DATA, make_problem

WHOLE = "all"
TRAIN, NEW = "train, beside its steps", "the same of a new network"

_RATE = 1e-30  # by which no weight moves: without a part of its steps a training would diverge
_TURNS, _SECONDS = 5, 0.02  # many short turns: parts are small beside what else the machine does


def measure_parts(
    widths: Sequence[int],
    densities: Sequence[float],
    *,
    batch_size: int = 128,
    rounds: int = 7,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the time of a step on one thread, and without each kind of its operations.

    Parameters
    ----------
    widths, densities, batch_size, rounds, report
        As for `steps.measure_step`.
    """
    before, rows = snn.get_num_threads(), list[dict[str, Any]]()
    snn.set_num_threads(1)
    try:
        for density, data in product(densities, DATA):
            report(f"{'-'.join(map(str, widths))}, {density:.3g}, {data}")
            problem = make_problem(widths, density, data=data)
            row = {"density": density, "data": data}
            still = replace(problem, rate=_RATE)
            row["parts"] = _parts(Ours(still, 1, batch_size, blas=False), rounds)
            rows.append(row | {"calls": _calls(problem, batch_size, rounds)})
    finally:
        snn.set_num_threads(before)
    return {"widths": list(widths), "batch_size": batch_size, "rows": rows}


def _parts(ours: Ours, rounds: int) -> dict[str, float]:
    """Return microseconds of a step, and how many fewer it takes without each kind."""
    plan, run = ours.plan, ours.runner(np.random.default_rng(0))
    kinds = np.unique(plan.tables.operations["kind"])
    names = {number: name for name, number in vars(operations).items() if type(number) is int}
    tables = {WHOLE: plan.tables} | {
        names[int(kind)].lower().replace("_", " "): left_out(plan.tables, kind) for kind in kinds
    }

    def steps(name: str, n: int) -> None:
        plan.tables = tables[name]
        run(n)

    try:
        times = interleaved(
            {name: partial(steps, name) for name in tables},
            rounds=_TURNS * rounds,
            seconds=_SECONDS,
            pause=0.0,
        )
    finally:
        plan.tables = tables[WHOLE]
    whole = times.pop(WHOLE)
    return {WHOLE: 1e6 * median(whole)} | {
        name: 1e6 * median([a - b for a, b in zip(whole, values, strict=True)])
        for name, values in times.items()
    }


def left_out(tables: Tables, *kinds: int) -> Tables:
    """Return the program with no rows for some kinds of operations.

    Parameters
    ----------
    tables
        Of a plan.
    kinds
        Their numbers in `operations`.
    """
    changed = tables.operations.copy()
    leaves = np.isin(changed["kind"], kinds)
    changed["last"] = np.where(leaves, changed["first"], changed["last"])
    return tables._replace(operations=read_only(changed))


def _calls(problem: Problem, batch_size: int, rounds: int) -> dict[str, float]:
    """Return microseconds of a call of `minisnn.train`, less those of its steps."""
    n_samples = DATA["floats"][1]
    X, Y = problem.images[:n_samples], problem.labels[:n_samples]
    graphs = [
        snn.Topology(mask.shape[1], mask.shape[0], mask.indptr.astype(np.int64), mask.indices)
        for mask in problem.masks
    ]
    optimizer = snn.NesterovSGD(problem.rate, problem.momentum)
    times: dict[str, list[float]] = {TRAIN: [], NEW: []}
    for _ in range(1 + rounds):
        net = snn.MLP(graphs, seed=0)
        for name in (NEW, TRAIN):
            started = perf_counter()
            history = snn.train(
                net, X, Y, optimizer=optimizer, batch_size=batch_size, epochs=1,
                input_scale=problem.scale, seed=0, progress=False,
            )  # fmt: skip
            elapsed = perf_counter() - started
            times[name].append(elapsed - history.epochs[0].seconds)
    return {name: 1e6 * median(values[1:]) for name, values in times.items()}


def table(result: dict[str, Any]) -> str:
    """Return microseconds of the parts, and of the calls below them."""
    rows = result["rows"]
    title = f"{'-'.join(map(str, result['widths']))}, batch {result['batch_size']}, us"
    head = [title, *(f"{100 * row['density']:.3g} %, {row['data']}" for row in rows)]
    lines = [
        [name, *(f"{row[kind][name]:.0f}" if name in row[kind] else "-" for row in rows)]
        for kind in ("parts", "calls")
        for name in dict.fromkeys(name for row in rows for name in row[kind])
    ]
    return align(head, lines)
