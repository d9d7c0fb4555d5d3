"""E11, ours: the same graphs on the same images, with the pixels in a random order.

A graph's connectivity knows nothing of what its input neurons stand for. Where a construction owes
its accuracy to connectivity, the order of the pixels cannot matter; where it owes it to neurons
that see neighbouring pixels, shuffling them takes it away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..experiments import Run, Wiring
from .charts import Chart, Series
from .findings import Answer, Experiment, Finding, Results, Table
from .profiles import DENSE, Profile
from .statistics import Interval, difference, mean

_NAMES = ("regular_rotating", "fibonacci_rotating", "constant_degree")
_DENSITIES = (0.005, 0.02, 0.05, 0.15)
_MATTERS = 0.3  # per cent of accuracy: three times what seeds differ by


def _pairs(profile: Profile) -> dict[tuple[str, float], tuple[list[Run], list[Run]]]:
    """Runs on the images as they are, and on shuffled ones."""
    networks = {(n, d): Wiring(topology=n, density=d) for n in _NAMES for d in _DENSITIES}
    networks["dense", 1.0] = DENSE
    return {
        key: (
            profile.seeded([wiring, DENSE]),
            profile.seeded([wiring, DENSE], shuffled=True),
        )
        for key, wiring in networks.items()
    }


def _examine(profile: Profile, results: Results) -> Finding:
    rows: list[list[Any]] = []
    losses = []
    heights: dict[str, list[Interval]] = {}
    for (name, density), pair in _pairs(profile).items():
        ordered, shuffled = map(results.accuracies, pair)
        for label, values in (("", ordered), (", shuffled", shuffled)):
            heights.setdefault(name + label, []).append(mean(values))
        loss = difference(ordered, shuffled)
        rows.append([name, 100 * density, mean(ordered), mean(shuffled), loss])
        if name.endswith("rotating"):
            losses.append(loss)
    percent = [100 * density for density in _DENSITIES]
    chart = Chart(
        "E11-shuffled", "The same wirings, with pixels in order and shuffled", "density, %",
        "test accuracy, %",
        [Series(label, percent, ys) for label, ys in heights.items() if len(ys) == len(percent)],
        level=("dense", heights["dense"][0]), log_x=True,
    )  # fmt: skip
    matters = sum(loss.low > 0 for loss in losses)
    level = sum(abs(bound) < _MATTERS for loss in losses for bound in (loss.low, loss.high)) // 2
    return Finding(
        Answer.FAILS if matters > len(losses) / 2
        else Answer.HOLDS if matters == 0 and level == len(losses)
        else Answer.OPEN,
        f"With shuffled pixels {matters} of {len(losses)} regular and Fibonacci networks are "
        "surely worse, their graphs being the very same. Random wiring and dense layers are there "
        "to show that shuffling does nothing to a network that knows no neighbours.",
        [chart],
        [Table(
            "Pixels in order and shuffled",
            ["construction", "density, %", "in order, %", "shuffled, %", "first less second, %"],
            rows,
        )],
    )  # fmt: skip


EXPERIMENTS: Sequence[Experiment] = (
    Experiment(
        "E11", "Pixels in a random order (ours)",
        "Not in the paper, but it follows from what it says: if connectivity makes a sparse "
        "network good, the order of its inputs cannot matter.",
        lambda profile: [run for pair in _pairs(profile).values() for half in pair for run in half],
        _examine,
    ),
)  # fmt: skip
"""One, which the paper does not have."""
