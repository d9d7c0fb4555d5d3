"""Benchmark of steps of networks of equal density and different wiring, measured in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minisnn._support.tables import align

from .measure import interleaved, median
from .ours import Ours
from .steps import make_problem

CONSTRUCTIONS = ("", "regular_rotating", "long_range_rotating", "fibonacci_rotating")
RANDOM = "as many random inputs per neuron"


def measure_constructions(
    widths: Sequence[int],
    densities: Sequence[float],
    threads: Sequence[int],
    *,
    batch_size: int = 128,
    rounds: int = 7,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the time of a step of each construction at each density and number of threads.

    Parameters
    ----------
    widths, densities, threads, batch_size, rounds, report
        As for `steps.measure_step`; a density of 1 is left out, where all wiring is the same.
    """
    rows = []
    for density in densities:
        if density == 1:
            continue
        problems = {
            name or RANDOM: make_problem(widths, density, n_samples=20_000, topology=name)
            for name in CONSTRUCTIONS
        }
        for n_threads in threads:
            report(f"constructions, {density:.3g}, {n_threads} thread(s)")
            ours = {
                name: Ours(problem, n_threads, batch_size, blas=False)
                for name, problem in problems.items()
            }
            times = interleaved(
                {name: one.runner(np.random.default_rng(0)) for name, one in ours.items()},
                limits={name: one.limits for name, one in ours.items()},
                rounds=rounds,
                pause=0.0,
            )
            rows.append(
                {
                    "density": density,
                    "threads": n_threads,
                    "microseconds": {name: 1e6 * median(values) for name, values in times.items()},
                    "quartiles": {
                        name: (1e6 * np.quantile(values, [0.25, 0.75])).tolist()
                        for name, values in times.items()
                    },
                    "connections": {name: p.masks[0].nnz for name, p in problems.items()},
                }
            )
    return {"widths": list(widths), "batch_size": batch_size, "rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return microseconds per step with quartiles, and how much faster than random wiring."""
    title = f"{'-'.join(map(str, result['widths']))}, batch {result['batch_size']}"
    lines = []
    for row in result["rows"]:
        for name, time in row["microseconds"].items():
            low, high = row["quartiles"][name]
            lines.append(
                [
                    name,
                    f"{100 * row['density']:.3g} %",
                    str(row["threads"]),
                    f"{row['connections'][name]:,}",
                    f"{time:.0f}",
                    f"{low:.0f} - {high:.0f}",
                    f"{row['microseconds'][RANDOM] / time:.2f} x",
                ]
            )
    figures = "density", "threads", "connections", "us per step", "quartiles", "against random"
    return align([title, *figures], lines)
