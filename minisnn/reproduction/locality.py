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
from .statistics import Interval, mean, paired, sides

_RANDOM = "constant_degree"
_NAMES = ("regular_rotating", "fibonacci_rotating", _RANDOM)
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
    pairs = _pairs(profile)
    values = {key: [results.accuracies(runs) for runs in pair] for key, pair in pairs.items()}
    losses = {key: paired(*pair) for key, pair in values.items()}
    heights: dict[str, list[Interval]] = {}
    rows: list[list[Any]] = []
    for (name, density), (ordered, shuffled) in values.items():
        for label, accuracies in (("", ordered), (", shuffled", shuffled)):
            heights.setdefault(name + label, []).append(mean(accuracies))
        beyond: Interval | float = float("nan")
        if name.endswith("rotating"):
            beyond = paired(_losses(values[name, density]), _losses(values[_RANDOM, density]))
        loss = losses[name, density]
        rows.append([name, 100 * density, mean(ordered), mean(shuffled), loss, beyond])
    percent = [100 * density for density in _DENSITIES]
    chart = Chart(
        "E11-shuffled", "The same wirings, with pixels in order and shuffled", "density, %",
        "test accuracy, %",
        [Series(label, percent, ys) for label, ys in heights.items() if len(ys) == len(percent)],
        level=("dense", heights["dense"][0]), log_x=True,
    )  # fmt: skip
    ours = [loss for (name, _), loss in losses.items() if name.endswith("rotating")]
    decided = sides(ours)
    matters = decided.count(1)
    level = sum(max(abs(loss.low), abs(loss.high)) < _MATTERS for loss in ours)
    return Finding(
        Answer.FAILS if matters > len(ours) / 2
        else Answer.HOLDS if matters == 0 and level == len(ours)
        else Answer.OPEN,
        f"With shuffled pixels, in another order for each seed, {matters} of {len(ours)} regular "
        f"and Fibonacci networks are surely worse, {decided.count(-1)} surely better (95 %, by "
        f"Holm's method for {len(ours)} tests), their graphs being the very same. It does not "
        "hold where most are worse. Random wiring and dense layers show what an order does to "
        "networks that know no neighbours.",
        [chart],
        [Table(
            "Pixels in order and shuffled",
            ["construction", "density, %", "in order, %", "shuffled, %", "loss, %",
             "loss less that of random wiring, %"],
            rows,
        )],
    )  # fmt: skip


def _losses(pair: Sequence[Sequence[float]]) -> list[float]:
    return [ordered - shuffled for ordered, shuffled in zip(*pair, strict=True)]


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
