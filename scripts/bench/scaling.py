"""Growth of the time of a step, and a formula for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize

from minisnn._support.tables import align
from minisnn.kernels.machine.vector import lanes_of

from .measure import interleaved, median
from .ours import Ours
from .steps import make_problem

HIDDEN = 1000
SWEEPS: dict[str, list[float]] = {
    "density, %": [0.5, 1, 2, 5, 10, 20, 50, 100],
    "width": [250, 500, 1000, 2000, 4000],
    "hidden layers": [1, 2, 3, 4],
    "batch": [16, 32, 64, 128, 256, 512],
}
"""Variations around 784-1000-10 with 5 % of the connections and batches of 128."""

TERMS = ["step", "first edge", "edge", "complete edge", "value"]
"""Counts in the formula: the step itself; a register of samples at an edge of the first layer,
which reads bytes, of another sparse layer, and of a complete one, for each product; and a value of
an activation."""


@dataclass(frozen=True)
class Case:
    """One network and batch size."""

    widths: tuple[int, ...]
    density: float
    batch_size: int

    def counts(self, ours: Ours) -> list[int]:
        """Return what the formula counts, in the order of `TERMS`."""
        vectors = ours.plan.width // lanes_of(np.float32)
        first = sparse = complete = 0
        graphs = ours.plan.structure.graphs
        for number, graph in enumerate(graphs):
            if number == 0:
                first = 2 * graph.n_edges  # the first layer needs no input gradient
            elif number + 1 < len(graphs):
                sparse += 3 * graph.n_edges
            else:
                complete += 3 * graph.n_edges
        counts = [count * vectors for count in (first, sparse, complete)]
        return [1, *counts, sum(self.widths) * ours.plan.width]


def _case(sweep: str, value: float) -> Case:
    hidden: tuple[int, ...] = (int(value),) if sweep == "width" else (HIDDEN,)
    hidden *= int(value) if sweep == "hidden layers" else 1
    return Case(
        (784, *hidden, 10),
        value / 100 if sweep.startswith("density") else 0.05,
        int(value) if sweep == "batch" else 128,
    )


def measure_scaling(
    threads: Sequence[int], *, rounds: int = 7, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Return the time of a step over each sweep and number of threads, and the formula's fit.

    Parameters
    ----------
    threads
        Numbers of threads.
    rounds
        Turns of each case.
    report
        Told what is going on.
    """
    rows = []
    for sweep, values in SWEEPS.items():
        report(f"scaling with {sweep}")
        contestants, limits, counts = {}, {}, {}
        for value in values:
            case = _case(sweep, value)
            problem = make_problem(case.widths, case.density, n_samples=20_000)
            for n_threads in threads:
                ours = Ours(problem, n_threads, case.batch_size, blas=False)
                contestants[f"{value} {n_threads}"] = ours.runner(np.random.default_rng(0))
                limits[f"{value} {n_threads}"] = ours.limits
                counts[value] = case.counts(ours)
        times = interleaved(contestants, limits=limits, rounds=rounds, seconds=0.05, pause=0.0)
        rows += [
            {
                "sweep": sweep,
                "value": value,
                "threads": n_threads,
                "microseconds": 1e6 * median(times[f"{value} {n_threads}"]),
                "counts": counts[value],
            }
            for value in values
            for n_threads in threads
        ]
    return {"rows": rows, "fits": {str(n): _fit(rows, n) for n in threads}}


def _fit(rows: Sequence[dict[str, Any]], threads: int) -> dict[str, Any]:
    """Fit microseconds per unit of each term, none below 0, to the smallest relative errors."""
    chosen = [row for row in rows if row["threads"] == threads]
    counts = np.array([row["counts"] for row in chosen], dtype=float)
    times = np.array([row["microseconds"] for row in chosen])
    constants, _ = scipy.optimize.nnls(counts / times[:, None], np.ones(len(times)))
    errors = np.abs(counts @ constants / times - 1)
    return {
        "microseconds": dict(zip(TERMS, constants.tolist(), strict=True)),
        "median_error": float(np.median(errors)),
        "largest_error": float(errors.max()),
    }


def table(result: dict[str, Any]) -> str:
    """Return the times, and the constants of the formula in nanoseconds."""
    threads = [int(n) for n in result["fits"]]
    parts = []
    for sweep in SWEEPS:
        rows = [row for row in result["rows"] if row["sweep"] == sweep]
        values = list(dict.fromkeys(row["value"] for row in rows))
        head = [sweep, *(f"{value:g}" for value in values)]
        lines = [
            [f"{n} thread{'s' * (n > 1)}, us per step"]
            + [f"{row['microseconds']:.0f}" for row in rows if row["threads"] == n]
            for n in threads
        ]
        parts.append(align(head, lines))
    head = ["ns for each", *TERMS, "median error", "largest"]
    lines = []
    for n, fit in result["fits"].items():
        constants = [f"{1e3 * fit['microseconds'][term]:.3g}" for term in TERMS]
        errors = [f"{100 * fit[key]:.0f} %" for key in ("median_error", "largest_error")]
        lines.append([f"{n} thread{'s' * (n != '1')}", *constants, *errors])
    parts.append(align(head, lines))
    return "\n\n".join(parts)


def plot(result: dict[str, Any]) -> Any:
    """Return a figure of the time of a step over each sweep, measured and by the formula."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), dpi=120, layout="constrained")
    for axes, sweep in zip(figure.subplots(2, 2).flat, SWEEPS, strict=True):
        for color, (n, fit) in zip(("#0072b2", "#d55e00"), result["fits"].items(), strict=False):
            rows = [r for r in result["rows"] if r["sweep"] == sweep and r["threads"] == int(n)]
            values = [row["value"] for row in rows]
            constants = [fit["microseconds"][term] for term in TERMS]
            formula = [float(np.dot(row["counts"], constants)) for row in rows]
            label = f"{n} thread{'s' * (n != '1')}"
            axes.plot(values, [r["microseconds"] for r in rows], "o", color=color, label=label)
            axes.plot(values, formula, "--", color=color, label=f"{label}, formula")
        axes.set(xscale="log", yscale="log", xlabel=sweep, ylabel="microseconds per step")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8)
    figure.suptitle("A training step of 784-1000-10, 5 % density, batch 128, as one thing varies")
    return figure
