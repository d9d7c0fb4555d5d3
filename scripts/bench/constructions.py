"""Benchmark of steps of networks of equal density and different wiring, measured in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from minisnn._support.tables import align

from .base import Problem
from .measure import interleaved, median
from .ours import Ours
from .steps import DATA, check_gradients, filled, make_problem, on_edges, scale_by_density

CONSTRUCTIONS = (
    "", "regular_rotating", "fibonacci_rotating", "long_range_rotating", "receptive_fields",
    "block_random",
)  # fmt: skip
RANDOM = "as many random inputs per neuron"
DENSE = "dense on BLAS"


def measure_constructions(
    widths: Sequence[int],
    densities: Sequence[float],
    threads: Sequence[int],
    *,
    batch_size: int = 128,
    rounds: int = 7,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the time of a step of each construction at each density, on all `DATA` and threads.

    The dense network takes turns with them. Before anything is timed, its gradients on the edges
    of each construction, with zeros elsewhere, are compared with those of the construction.

    Parameters
    ----------
    widths, densities, threads, batch_size, rounds, report
        As for `steps.measure_step`; a density of 1 is left out, where all wiring is the same.
    """
    rows = []
    for density, data in product(densities, DATA):
        if density == 1:
            continue
        problems = {
            name or RANDOM: make_problem(widths, density, data=data, topology=name)
            for name in CONSTRUCTIONS
        }
        for n_threads in threads:
            report(f"constructions, {density:.3g}, {data}, {n_threads} thread(s)")
            sides = _sides(problems, n_threads, batch_size)
            times = interleaved(
                {name: side.runner(np.random.default_rng(0)) for name, side in sides.items()},
                limits={name: side.limits for name, side in sides.items()},
                rounds=rounds,
                pause=0.0,
            )
            rows.append(
                {
                    "density": density,
                    "data": data,
                    "threads": n_threads,
                    "microseconds": {name: 1e6 * median(values) for name, values in times.items()},
                    "quartiles": {
                        name: (1e6 * np.quantile(values, [0.25, 0.75])).tolist()
                        for name, values in times.items()
                    },
                    "connections": {
                        name: side.problem.masks[0].nnz for name, side in sides.items()
                    },
                }
            )
    return {"widths": list(widths), "batch_size": batch_size, "rows": rows}


def _sides(problems: dict[str, Problem], threads: int, batch_size: int) -> dict[str, Ours]:
    """Return the constructions, and the dense network, that take turns."""
    sides: dict[str, Ours] = {}
    samples = np.arange(min(batch_size, *(len(p.labels) for p in problems.values())))
    for name, problem in problems.items():
        sides[name] = Ours(problem, threads, batch_size, blas=False)
        dense = Ours(filled(problem), threads, batch_size, blas=True)
        expected = sides[name].gradients(samples)
        check_gradients(DENSE, expected, on_edges(problem, dense.gradients(samples)))
    sides[DENSE] = dense
    return sides


def table(result: dict[str, Any]) -> str:
    """Return microseconds per step with quartiles, and how much faster than two others."""
    title = f"{'-'.join(map(str, result['widths']))}, batch {result['batch_size']}"
    lines = []
    for row in result["rows"]:
        times = row["microseconds"]
        for name, time in times.items():
            low, high = row["quartiles"][name]
            lines.append(
                [
                    name,
                    f"{100 * row['density']:.3g} %",
                    row["data"],
                    str(row["threads"]),
                    f"{row['connections'][name]:,}",
                    f"{time:.0f}",
                    f"{low:.0f} - {high:.0f}",
                    f"{times[RANDOM] / time:.2f} x",
                    f"{times[DENSE] / time:.2f} x",
                ]
            )
    figures = "density", "data", "threads", "connections", "us per step", "quartiles"
    return align([title, *figures, "against random", "against dense"], lines)


_COLORS = {
    RANDOM: "#0072b2", "regular_rotating": "#d55e00", "fibonacci_rotating": "#009e73",
    "long_range_rotating": "#cc79a7", "receptive_fields": "#e69f00", "block_random": "#56b4e9",
    DENSE: "#000000",
}  # fmt: skip


def plot(result: dict[str, Any]) -> Any:
    """Return a figure of the time of a step against density, of each construction and dense."""
    from matplotlib.figure import Figure

    all_threads = sorted({row["threads"] for row in result["rows"]})
    size = (5 * len(DATA), 4.2 * len(all_threads) + 0.5)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    axes = figure.subplots(len(all_threads), len(DATA), sharey=True, squeeze=False)
    for panel, (n_threads, data) in zip(axes.flat, product(all_threads, DATA), strict=True):
        chosen = data, n_threads
        rows = [row for row in result["rows"] if (row["data"], row["threads"]) == chosen]
        percent = [100 * row["density"] for row in rows]
        for name, color in _COLORS.items():
            values = [row["microseconds"][name] for row in rows]
            line = "--" if name == DENSE else "-"
            panel.plot(percent, values, line, marker="o", ms=4, color=color, label=name)
        scale_by_density(panel, percent, data, n_threads)
    for row in axes:
        row[0].set_ylabel("microseconds a step")
    figure.legend(handles=axes[0, 0].lines, fontsize=8, loc="outside lower center", ncols=4)
    widths = "-".join(map(str, result["widths"]))
    figure.suptitle(f"A training step of {widths}, batch {result['batch_size']}, by wiring")
    return figure
