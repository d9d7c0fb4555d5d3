"""E11 to E13, ours: neighbouring pixels, and what a wiring owes to them.

A graph's connectivity knows nothing of what its input neurons stand for. Where a construction owes
its accuracy to connectivity, the order of the pixels cannot matter; where it owes it to neurons
that see neighbouring pixels, shuffling them takes it away (E11). E12 trains the same networks by a
modern recipe. E13 has a wiring that finds neighbours in the data, whatever their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean
from typing import Any

from ..experiments import Run, Wiring
from .charts import Chart, Series
from .findings import Answer, Experiment, Finding, Results, Table, gain, verdict
from .profiles import DENSE, MODERN_RECIPE, Profile
from .statistics import Interval, mean, paired, sides

_RANDOM = "constant_degree"
_NEIGHBOURS = ("regular_rotating", "fibonacci_rotating")
_DENSITIES = (0.005, 0.02, 0.05, 0.15)
_MATTERS = 0.3  # per cent of accuracy: three times what seeds differ by
_PAPERS, _MODERN = "the paper's recipe", "the modern recipe"


def _by_recipe(profile: Profile) -> dict[str, Profile]:
    return {_PAPERS: profile, _MODERN: replace(profile, recipe=MODERN_RECIPE)}


# E11


def _pairs(profile: Profile) -> dict[tuple[str, float], tuple[list[Run], list[Run]]]:
    """Runs on the images as they are, and on shuffled ones."""
    networks = {
        (name, density): Wiring(topology=name, density=density)
        for name, density in product((*_NEIGHBOURS, _RANDOM), _DENSITIES)
    }
    networks["dense", 1.0] = DENSE
    return {
        key: (
            profile.seeded([wiring, DENSE]),
            profile.seeded([wiring, DENSE], shuffled=True),
        )
        for key, wiring in networks.items()
    }


def _in_pairs(profile: Profile) -> list[Run]:
    return [run for pair in _pairs(profile).values() for half in pair for run in half]


def _examine_order(profile: Profile, results: Results) -> Finding:
    pairs = _pairs(profile)
    values = {key: [results.accuracies(runs) for runs in pair] for key, pair in pairs.items()}
    losses = {key: paired(*pair) for key, pair in values.items()}
    heights: dict[str, list[Interval]] = {}
    rows: list[list[Any]] = []
    dense, _ = values["dense", 1.0]
    for (name, density), (ordered, shuffled) in values.items():
        for label, accuracies in (("", ordered), (", shuffled", shuffled)):
            heights.setdefault(name + label, []).append(mean(accuracies))
        beyond: Interval | float = float("nan")
        if name in _NEIGHBOURS:
            beyond = paired(_losses(values[name, density]), _losses(values[_RANDOM, density]))
        less = paired(ordered, dense) if name != "dense" else float("nan")
        loss = losses[name, density]
        rows.append([name, 100 * density, mean(ordered), less, mean(shuffled), loss, beyond])
    percent = [100 * density for density in _DENSITIES]
    chart = Chart(
        "E11-shuffled", "The same wirings, with pixels in order and shuffled", "density, %",
        "test accuracy, %",
        [Series(label, percent, ys) for label, ys in heights.items() if len(ys) == len(percent)],
        level=("dense", heights["dense"][0]), log_x=True,
    )  # fmt: skip
    ours = [loss for (name, _), loss in losses.items() if name in _NEIGHBOURS]
    decided = sides(ours)
    opposite = {Answer.HOLDS: Answer.FAILS, Answer.FAILS: Answer.HOLDS}
    matters = _order_matters(ours)
    return Finding(
        opposite.get(matters, matters),
        f"With shuffled pixels, in another order for each seed, {decided.count(1)} of {len(ours)} "
        f"regular and Fibonacci networks are surely worse, {decided.count(-1)} surely better "
        f"(95 %, by Holm's method for {len(ours)} tests), their graphs being the very same. It "
        "does not hold where most are worse. Random wiring and dense layers show what an order "
        "does to networks that know no neighbours.",
        [chart],
        [Table(
            "Pixels in order and shuffled",
            ["construction", "density, %", "in order, %", "in order less dense, %", "shuffled, %",
             "loss, %", "loss less that of random wiring, %"],
            rows,
        )],
    )  # fmt: skip


def _losses(pair: Sequence[Sequence[float]]) -> list[float]:
    return [ordered - shuffled for ordered, shuffled in zip(*pair, strict=True)]


def _order_matters(losses: Sequence[Interval]) -> Answer:
    """Return whether most networks surely lose by shuffling, or all surely lose next to nothing."""
    matters = sides(losses).count(1)
    level = all(max(abs(loss.low), abs(loss.high)) < _MATTERS for loss in losses)
    if matters > len(losses) / 2:
        return Answer.HOLDS
    return Answer.FAILS if matters == 0 and level else Answer.OPEN


# E12


def _examine_recipe(profile: Profile, results: Results) -> Finding:
    accuracies = {
        recipe: {
            key: [results.accuracies(runs) for runs in pair] for key, pair in _pairs(own).items()
        }
        for recipe, own in _by_recipe(profile).items()
    }
    losses = {
        recipe: {key: _losses(pair) for key, pair in of_recipe.items()}
        for recipe, of_recipe in accuracies.items()
    }
    modern = losses[_MODERN]
    ours = [mean(loss) for (name, _), loss in modern.items() if name in _NEIGHBOURS]
    decided = sides(ours)
    rows: list[list[Any]] = [
        [name, 100 * density, mean(accuracies[_MODERN][name, density][0]),
         mean(accuracies[_MODERN][name, density][1]), mean(loss),
         mean(losses[_PAPERS][name, density]), paired(losses[_PAPERS][name, density], loss)]
        for (name, density), loss in modern.items()
    ]  # fmt: skip
    head = [
        "construction", "density, %", "in order, %", "shuffled, %", "loss, %",
        "loss by the paper's recipe, %", "so much more, %",
    ]  # fmt: skip
    charts = [
        Chart(
            f"E12-{name}", f"Loss by shuffled pixels, {name}", "density, %", "loss, %",
            [
                Series(recipe, [100 * d for d in _DENSITIES],
                       [mean(losses[recipe][name, d]) for d in _DENSITIES])
                for recipe in losses
            ],
            log_x=True,
        )
        for name in (*_NEIGHBOURS, _RANDOM)
    ]  # fmt: skip
    whole = {
        recipe: _mean_of_seeds([loss for (name, _), loss in own.items() if name in _NEIGHBOURS])
        for recipe, own in losses.items()
    }
    return Finding(
        _order_matters(ours),
        f"By the modern recipe {decided.count(1)} of {len(ours)} regular and Fibonacci networks "
        f"are surely worse with shuffled pixels, {decided.count(-1)} surely better (95 %, by "
        f"Holm's method for {len(ours)} tests). On average they lose {mean(whole[_MODERN])} %, by "
        f"the paper's recipe {mean(whole[_PAPERS])} %, which is {paired(*whole.values())} % more. "
        "It holds where most are worse.",
        charts,
        [Table("Shuffled pixels by two recipes", head, rows)],
    )


def _mean_of_seeds(values: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean over networks for each seed, of values by network and seed."""
    return [fmean(of_seed) for of_seed in zip(*values, strict=True)]


# E13


def _correlated(profile: Profile) -> dict[float, list[Run]]:
    return {
        density: profile.seeded(
            [Wiring(topology="correlated", density=density), DENSE], shuffled=True
        )
        for density in _DENSITIES
    }


def _found(profile: Profile) -> list[Run]:
    """Runs of wiring by correlation, and of those that it is compared with."""
    return [
        run
        for own in _by_recipe(profile).values()
        for runs in (_in_pairs(own), *_correlated(own).values())
        for run in runs
    ]


def _examine_found(profile: Profile, results: Results) -> Finding:
    rows: list[list[Any]] = []
    ahead: list[Interval] = []  # of random wiring, which has shuffled pixels, too
    behind: list[Interval] = []  # by less than what matters, with the others' pixels in order
    charts = []
    averages = []
    for number, (recipe, own) in enumerate(_by_recipe(profile).items()):
        pairs, found = _pairs(own), _correlated(own)
        for density, runs in found.items():
            ahead.append(gain(results, runs, pairs[_RANDOM, density][1]))
            for name in _NEIGHBOURS:
                in_order = results.accuracies(pairs[name, density][0])
                tolerated = [accuracy - _MATTERS for accuracy in in_order]
                behind.append(paired(results.accuracies(runs), tolerated))
            rows.append(
                [recipe, 100 * density, results.accuracy(runs), ahead[-1],
                 *(gain(results, runs, pairs[name, density][0]) for name in _NEIGHBOURS)]
            )  # fmt: skip
        series = {
            "by correlation, shuffled": found,
            "fibonacci_rotating, in order": {d: pairs[_NEIGHBOURS[1], d][0] for d in _DENSITIES},
            "constant_degree, shuffled": {d: pairs[_RANDOM, d][1] for d in _DENSITIES},
        }
        means, neighbours, random = (
            _mean_of_seeds([*map(results.accuracies, networks.values())])
            for networks in series.values()
        )
        averages.append(
            f"by {paired(means, random)} and {paired(means, neighbours)} % with {recipe}"
        )
        charts.append(
            Chart(
                f"E13-recipe-{number}", f"Wiring by correlation on shuffled pixels, {recipe}",
                "density, %", "test accuracy, %",
                [
                    Series(label, [100 * d for d in runs], [*map(results.accuracy, runs.values())])
                    for label, runs in series.items()
                ],
                log_x=True,
            )
        )  # fmt: skip
    decided = sides([*ahead, *behind])
    better, level = decided[: len(ahead)], decided[len(ahead) :]
    return Finding(
        verdict(better, level),
        f"On shuffled pixels, by both recipes, wiring by correlation is surely better than random "
        f"wiring in {better.count(1)} of {len(better)} comparisons, surely worse in "
        f"{better.count(-1)}. It is surely less than {_MATTERS:g} % below regular and Fibonacci "
        f"wiring with pixels in order in {level.count(1)} of {len(level)}, surely more in "
        f"{level.count(-1)} (95 %, by Holm's method for {len(decided)} tests). It holds where all "
        "are better, and less than that below; it does not hold where all are worse, or more than "
        "that below. From random wiring on shuffled pixels, and from Fibonacci wiring on pixels in "
        f"order, it differs on average {'; '.join(averages)}.",
        charts,
        [Table(
            "Wiring by correlation on shuffled pixels",
            ["recipe", "density, %", "accuracy, %", "less random, shuffled, %",
             "less regular, in order, %", "less Fibonacci, in order, %"],
            rows,
        )],
    )  # fmt: skip


EXPERIMENTS: Sequence[Experiment] = (
    Experiment(
        "E11", "Pixels in a random order (ours)",
        "Not in the paper, but it follows from what it says: if connectivity makes a sparse "
        "network good, the order of its inputs cannot matter.", _in_pairs, _examine_order,
    ),
    Experiment(
        "E12", "A modern recipe (ours)",
        "Not in the paper: regular and Fibonacci networks owe accuracy to neighbouring pixels by a "
        "modern recipe, too.",
        lambda profile: [run for own in _by_recipe(profile).values() for run in _in_pairs(own)],
        _examine_recipe,
    ),
    Experiment(
        "E13", "Wiring by correlation (ours)",
        "Not in the paper: wiring by correlation finds neighbours in the data, so that it wins "
        "back what shuffled pixels take.", _found, _examine_found,
    ),
)  # fmt: skip
"""Three, which the paper does not have."""
