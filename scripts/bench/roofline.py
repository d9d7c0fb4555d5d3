"""Benchmark of what this CPU allows: each product of a step beside its least time, and the step.

On one thread take turns: peaks of the CPU (`peaks`), the products as a plan runs them, whole steps,
and dense ones on BLAS. A product is the step with all other operations left out. Its bound
(`bounds`) follows from the peaks, so that it cannot take less. A step is *allowed* to be as fast as
its products at their bounds together with its rest as it was measured: the batch, sigmoids, the
complete last layer, and what products take more within a step than alone. What a step could be at
most, if the rest took no time, stands beside it.

Shares, and what is allowed, follow from the least times of many turns. Medians stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse

from minisnn._support.tables import align
from minisnn.kernels.functions.activations import NONE
from minisnn.kernels.machine.layout import read_only
from minisnn.kernels.program.plan import choose_tile

from . import bounds, peaks
from .base import Problem
from .bounds import FORWARD, GRADIENT, KINDS, UPDATE
from .machine import blas_products
from .measure import interleaved, limited, median
from .ours import Ours
from .parts import left_out
from .steps import DATA, GOALS, check_gradients, filled, make_problem, on_edges

WIRINGS = {"random": "", "regular": "regular_rotating"}

_REGULAR = {
    "bytes": {0.7: 1.45, 0.5: 1.9, 0.2: 4, 0.1: 7, 0.05: 10, 0.01: 18},
    "floats": {0.5: 1.6, 0.2: 3.4, 0.1: 6, 0.05: 8.5, 0.01: 13},
}
_ALL_GOALS: dict[tuple[int, ...], dict[str, Any]] = {
    (784, 1000, 10): {"random": GOALS, "regular": _REGULAR},
    (4096, 4096, 10): {"random": {"bytes": {0.1: 7, 0.01: 35}}},
    (784, 2000, 2000, 2000, 2000, 10): {"random": {"bytes": {0.02: 15}}},
}
"""By widths, wiring, data and density: how many times as fast as a dense step."""

_SHORT = {FORWARD: "W X", UPDATE: "dZ X'", GRADIENT: "W' dZ"}

RESOURCES = ("FMA", "loads", "sums", "L2", "L3")
_STEP, _DENSE = "step", "dense"
_RATE = 1e-30  # by which no weight moves
_TURNS = 3  # in a round
_SECONDS = 0.02  # of a turn: many short ones, since others use the machine, too


class _Side:
    """A step of ours and its products, each to be measured alone.

    Parameters
    ----------
    problem
        Network and data.
    batch_size
        Samples of a step.
    products
        Those of `KINDS` that are measured; by default all that the step has, and the step.
    """

    def __init__(self, problem: Problem, batch_size: int, products: Sequence[str] = ()) -> None:
        ours = Ours(replace(problem, rate=_RATE), 1, batch_size, blas=False)
        self._plan, self._run = ours.plan, ours.runner(np.random.default_rng(0))
        self._run(2)  # makes the activations and gradients that products alone will read
        works = {name: bounds.works_of(ours.plan, name) for name in products or KINDS}
        self.works = {name: found for name, found in works.items() if found}
        tables = {name: _only(ours.plan.tables, KINDS[name]) for name in self.works}
        if not products:
            tables[_STEP] = ours.plan.tables
        self.contestants = {name: partial(self._steps, tables[name]) for name in tables}

    def _steps(self, tables: Any, n: int) -> None:
        before, self._plan.tables = self._plan.tables, tables
        try:
            self._run(n)
        finally:
            self._plan.tables = before


def _only(tables: Any, kinds: Sequence[int]) -> Any:
    """Return the program with no rows for other kinds of operations, and no activation of sums."""
    groups = tables.groups.copy()
    groups["sums"] = NONE
    others = set(tables.operations["kind"].tolist()) - set(kinds)
    return left_out(tables, *others)._replace(groups=read_only(groups))


def _behind_another(problem: Problem) -> Problem:
    """Return the problem behind a layer of one edge a neuron, whose gradient is made, too."""
    n = problem.masks[0].shape[1]
    first = scipy.sparse.csr_array(scipy.sparse.eye_array(n, dtype=np.float32))
    biases = [np.zeros(n, np.float32), *problem.biases]
    return replace(problem, masks=[first, *problem.masks], biases=biases)


class _Case:
    """A step and its products, with the dense step on the same data.

    Parameters
    ----------
    about
        Density, wiring and data.
    problem
        Network and data.
    dense
        Makes steps of the dense network.
    batch_size
        Samples of a step.

    Attributes
    ----------
    sides
        The step's; and behind it, where it lacks an input gradient, one that has this alone.
    times
        Seconds of all turns, by contestant.
    """

    def __init__(
        self,
        about: dict[str, Any],
        problem: Problem,
        dense: Callable[[int], None],
        batch_size: int,
    ) -> None:
        samples = np.arange(min(batch_size, len(problem.labels)))
        alike = Ours(filled(problem), 1, batch_size, blas=True).gradients(samples)
        expected = Ours(problem, 1, batch_size, blas=False).gradients(samples)
        check_gradients("dense on BLAS", expected, on_edges(problem, alike))
        self.about, self.sides = about, [_Side(problem, batch_size)]
        if problem.images.dtype != np.uint8 and GRADIENT not in self.sides[0].works:
            self.sides.append(_Side(_behind_another(problem), batch_size, [GRADIENT]))
        self._contestants = {_DENSE: dense}
        for side in self.sides:
            self._contestants |= side.contestants
        self.times: dict[str, list[float]] = {name: [] for name in self._contestants}

    def measure(self, seconds: float) -> None:
        """Give each contestant some turns."""
        times = interleaved(self._contestants, rounds=_TURNS, seconds=seconds, pause=0.0)
        for name, values in times.items():
            self.times[name] += values


def _cases(widths: Sequence[int], densities: Sequence[float], batch_size: int) -> Iterator[_Case]:
    for data in DATA:
        dense = make_problem(widths, 1.0, data=data)
        on_blas = Ours(replace(dense, rate=_RATE), 1, batch_size, blas=True)
        runner = on_blas.runner(np.random.default_rng(0))
        for density, (wiring, name) in product(densities, WIRINGS.items()):
            if density < 1:
                made = make_problem(widths, density, data=data, n_samples=1, topology=name)
                problem = replace(made, images=dense.images, labels=dense.labels)
                about = {"density": density, "wiring": wiring, "data": data}
                yield _Case(about, problem, runner, batch_size)


def measure_roofline(
    widths: Sequence[int],
    densities: Sequence[float],
    *,
    batch_size: int = 128,
    rounds: int = 7,
    seconds: float = _SECONDS,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the peaks of one core, products with their bounds, and steps with what is allowed.

    Gradients are compared with those of the dense network before anything is timed.

    Parameters
    ----------
    widths, densities, batch_size, report
        As for `steps.measure_step`; a density of 1 is left out.
    rounds
        Times that everything comes by, some turns each.
    seconds
        Length of a turn.

    Returns
    -------
    dict
        For JSON: ``widths``, ``batch_size``, ``peaks`` (the fields of `Peaks`), ``blas`` (GFLOP/s
        of the first layer), ``products`` and ``steps``. The times of these are in microseconds.
    """
    title, shape = "-".join(map(str, widths)), (widths[0], widths[1])
    with ThreadPoolExecutor(1) as pool, limited(1):
        loops = peaks.contestants(choose_tile(batch_size, np.float32), pool)
        of_cpu: dict[str, Any] = {name: loop for name, (loop, _) in loops.items()}
        of_cpu |= blas_products(shape, batch_size)
        least = dict.fromkeys(of_cpu, np.inf)
        report(f"{title}: checks")
        cases = list(_cases(widths, densities, batch_size))
        for number in range(rounds):
            report(f"{title}: round {number + 1} of {rounds}")
            times = interleaved(of_cpu, rounds=_TURNS, seconds=seconds, pause=0.0)
            least = {name: min(least[name], *values) for name, values in times.items()}
            for case in cases:
                case.measure(seconds)
    found = peaks.peaks_of(least, loops)
    flop = 2e-9 * shape[0] * shape[1] * batch_size
    # The dense network is the same in all cases of its data.
    dense = dict.fromkeys(DATA, np.inf)
    for case in cases:
        dense[case.about["data"]] = min(dense[case.about["data"]], *case.times[_DENSE])
    products, steps = [], []
    for case in cases:
        sides = [
            {name: _product(name, each, case.times[name], found) for name, each in of_side.items()}
            for of_side in (side.works for side in case.sides)
        ]
        products += [case.about | row for side in sides for row in side.values()]
        density, wiring, data = case.about.values()
        goals = _ALL_GOALS.get(tuple(widths), {}).get(wiring, {}).get(data, {})
        steps.append(case.about | _step(sides[0], case.times, dense[data], goals.get(density)))
    return {
        "widths": list(widths),
        "batch_size": batch_size,
        "peaks": asdict(found),
        "blas": {name: flop / least[name] for name in blas_products(shape, batch_size)},
        "products": products,
        "steps": steps,
    }


def _product(
    name: str, works: Sequence[bounds.Work], times: Sequence[float], found: peaks.Peaks
) -> dict[str, Any]:
    """Return a product of all layers that have it: bounds and times."""
    each = [bounds.bounds(work, found) for work in works]
    parts = {resource: 1e6 * sum(bound[resource] for bound in each) for resource in RESOURCES}
    return {
        "product": name, "blocks": [work.n_blocks for work in works],
        "bounds": parts, "by": max(parts, key=lambda resource: parts[resource]),
        "bound": 1e6 * sum(max(bound.values()) for bound in each),
        "in_L1": 1e6 * sum(bounds.arithmetic(work, found) for work in works),
        "least": 1e6 * min(times), "median": 1e6 * median(times),
    }  # fmt: skip


def _step(
    products: Mapping[str, dict[str, Any]],
    times: Mapping[str, list[float]],
    dense: float,
    goal: float | None,
) -> dict[str, Any]:
    """Return a step: its times, and how many times as fast as the dense one it is and may be."""
    alone, bound = (sum(row[name] for row in products.values()) for name in ("least", "bound"))
    step, dense = 1e6 * min(times[_STEP]), 1e6 * dense
    rest = max(0.0, step - alone)
    return {
        "dense": dense, "step": step, "products": alone, "rest": rest, "bound": bound,
        "median": median([a / b for a, b in zip(times[_DENSE], times[_STEP], strict=True)]),
        "least": dense / step,
        "allowed": dense / (bound + rest), "at_most": dense / bound, "goal": goal,
    }  # fmt: skip


def verdict(row: dict[str, Any]) -> str:
    """Return what the figures of a step say about its goal.

    Parameters
    ----------
    row
        One of the ``steps``.
    """
    goal = row["goal"]
    if goal is None:
        return ""
    if row["median"] >= goal:
        return "met"
    if row["at_most"] < goal:
        return "forbidden"
    missed = f"-{100 * (1 - row['median'] / goal):.0f} %"
    return f"{missed}, rest" if row["allowed"] < goal else missed


def _named(row: dict[str, Any]) -> str:
    return f"{100 * row['density']:.3g} % {row['wiring']}, {row['data']}"


def table(result: dict[str, Any]) -> str:
    """Return the peaks, the products and the steps."""
    title = f"{'-'.join(map(str, result['widths']))}, batch {result['batch_size']}, us"
    products = [
        [
            _named(row), _SHORT[row["product"]],
            *(f"{row['bounds'][name]:.0f}" for name in RESOURCES),
            *(f"{row[name]:.0f}" for name in ("bound", "in_L1", "least", "median")),
            f"{100 * row['bound'] / row['least']:.0f} %",
        ]
        for row in result["products"]
    ]  # fmt: skip
    steps = [
        [
            _named(row),
            *(f"{row[name]:.0f}" for name in ("dense", "step", "rest")),
            f"{row['at_most']:.1f}",
            *(f"{row[name]:.2f}" for name in ("allowed", "least", "median")),
            "-" if row["goal"] is None else f"{row['goal']:g}",
            verdict(row),
        ]
        for row in result["steps"]
    ]
    heads = ["product", *RESOURCES, "bound", "in L1", "least", "median", "share"]
    of_steps = ["dense", "step", "rest", "at most", "allowed", "least", "median", "goal"]
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in result["blas"].items())
    found = peaks.Peaks(**result["peaks"])
    return (
        f"{peaks.table(found)}\nGFLOP/s of the first layer, dense: {rates}.\n\n"
        f"{align([title, *heads], products, n_left=2)}\n"
        "Least times by multiply-adds, loads, sums that come and go, and bytes from L2 and L3;\n"
        "the bound is the largest of each layer's. In L1: the kernel's arithmetic alone, X in L1.\n"
        "Share: bound / least time. dZ X' includes the update, W' dZ the slope of what made X.\n\n"
        f"{align([title, *of_steps, ''], steps)}\n"
        "Least times. Times as fast as dense: at most (no rest), allowed (products at their\n"
        "bounds, the rest as it is), by least times, and by medians. Behind the goal: how much of\n"
        "it is missing, and whether the rest, or the CPU, forbids it."
    )


_TICKS = (1, 2, 5, 10, 20, 50, 100, 200)
_LINES = {
    "at_most": ("at most, without any rest", "#999999", ":"),
    "allowed": ("allowed, with the rest as it is", "#0072b2", "--"),
    "median": ("reached", "#d55e00", "-"),
}


def plot(result: dict[str, Any]) -> Any:
    """Return a figure of how many times as fast as dense steps are, and may be, by density."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), dpi=110, layout="constrained")
    panels = zip(figure.subplots(2, 2, sharey=True).flat, product(WIRINGS, DATA), strict=True)
    for axes, (wiring, data) in panels:
        rows = [row for row in result["steps"] if (row["wiring"], row["data"]) == (wiring, data)]
        percent = [100 * row["density"] for row in rows]
        for name, (label, color, line) in _LINES.items():
            values = [row[name] for row in rows]
            axes.plot(percent, values, line, marker="o", ms=4, color=color, label=label)
        goals = [np.nan if row["goal"] is None else row["goal"] for row in rows]
        axes.plot(percent, goals, "k_", ms=14, mew=2, label="goal")
        axes.set(xscale="log", yscale="log", title=f"{wiring}, {data}", xlabel="density, %")
        axes.set_xticks(percent, [f"{p:.3g}" for p in percent])
        axes.set_yticks(_TICKS, list(map(str, _TICKS)))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.legend(handles=figure.axes[0].lines, loc="outside lower center", ncols=4, fontsize=9)
    widths = "-".join(map(str, result["widths"]))
    figure.suptitle(f"A training step of {widths}: times as fast as the dense one on BLAS")
    return figure
