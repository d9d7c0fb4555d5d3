"""E5 to E8 and the time that the paper did not measure: sparse networks beside dense ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..experiments import Run, Wiring
from ..training.history import Epoch
from .charts import Chart, Series
from .findings import (
    Experiment,
    Finding,
    Results,
    Table,
    counted_sides,
    gain,
    verdict,
)
from .profiles import DENSE, Profile
from .statistics import Interval, mean, paired, sides

_NAMES = ("regular_rotating", "fibonacci_rotating")
"""Constructions that beat the fully connected network according to the paper."""

_DENSITIES = (0.05, 0.15, 0.4)
_POINTS = 16  # of a curve over a training
_DROPOUT = (0.2, 0.5)  # of inputs and hidden neurons: the usual rates, the paper's are not given


def _networks(
    profile: Profile, densities: Sequence[float] = _DENSITIES, **options: Any
) -> dict[tuple[str, float], list[Run]]:
    """Runs of both constructions at each density, and under ("dense", 1) those of dense."""
    runs = {
        (name, density): profile.seeded([Wiring(topology=name, density=density), DENSE], **options)
        for name in _NAMES
        for density in densities
    }
    return {**runs, ("dense", 1.0): profile.seeded([DENSE, DENSE], **options)}


def _all(networks: dict[tuple[str, float], list[Run]]) -> list[Run]:
    return [run for runs in networks.values() for run in runs]


_RULE = "It holds where all are surely better, and does not hold where all are surely worse."
_WORDS = {1: "better", 0: "undecided", -1: "worse"}


def _beside_dense(
    results: Results, networks: dict[tuple[str, float], list[Run]], title: str
) -> Finding:
    """Return accuracies and differences to dense, and whether all networks are better."""
    dense = networks["dense", 1.0]
    gains = {key: gain(results, runs, dense) for key, runs in networks.items() if key[0] != "dense"}
    decided = dict(zip(gains, sides([*gains.values()]), strict=True))
    rows: list[list[Any]] = [
        [name, 100 * density, results.weights(runs[0]), results.accuracy(runs),
         gains.get((name, density), float("nan")),
         _WORDS[decided[name, density]] if name != "dense" else ""]
        for (name, density), runs in networks.items()
    ]  # fmt: skip
    head = ["construction", "density, %", "weights", "accuracy, %", "less dense, %", "so it is"]
    answers = [*decided.values()]
    return Finding(
        verdict(answers),
        f"Beside dense {counted_sides(answers)}. {_RULE}",
        [],
        [Table(title, head, rows)],
    )


# E5


def _wide(profile: Profile) -> dict[tuple[str, float], list[Run]]:
    return _networks(profile, hidden=(profile.wide,))


def _examine_wide(profile: Profile, results: Results) -> Finding:
    title = f"Hidden layer of {profile.wide}"
    return _beside_dense(results, _wide(profile), title)


# E6


def _dropped(profile: Profile) -> dict[tuple[str, float], list[Run]]:
    return _networks(profile, dropout=_DROPOUT)


def _examine_dropout(profile: Profile, results: Results) -> Finding:
    title = f"Dropout of {_DROPOUT[0]:.0%} of inputs and {_DROPOUT[1]:.0%} of hidden neurons"
    return _beside_dense(results, _dropped(profile), title)


# E7


def _deep(profile: Profile) -> dict[str, list[Run]]:
    """Two to four hidden layers, densities falling or rising along the depth, the last dense."""
    networks: dict[str, list[Run]] = {}
    for depth in (2, 3, 4):
        hidden = tuple(profile.hidden // 2**k for k in range(1, depth + 1))
        widths = "-".join(map(str, hidden))
        networks[f"dense, {widths}"] = profile.seeded([DENSE] * (depth + 1), hidden=hidden)
        for name in _NAMES:
            for word, densities in (
                ("falling", (0.4, 0.3, 0.2, 0.1)),
                ("rising", (0.1, 0.2, 0.3, 0.4)),
            ):
                layers = [Wiring(topology=name, density=d) for d in densities[:depth]]
                runs = profile.seeded([*layers, DENSE], hidden=hidden)
                networks[f"{name}, {word}, {widths}"] = runs
    return networks


def _examine_deep(profile: Profile, results: Results) -> Finding:
    networks = _deep(profile)
    gains = {
        label: gain(results, runs, networks[f"dense, {label.rpartition(', ')[2]}"])
        for label, runs in networks.items()
        if not label.startswith("dense")
    }
    decided = sides([*gains.values()])
    rows: list[list[Any]] = [
        [label, results.weights(runs[0]), results.accuracy(runs), gains.get(label, float("nan"))]
        for label, runs in networks.items()
    ]
    head = ["network", "weights", "accuracy, %", "less dense, %"]
    return Finding(
        verdict(decided),
        f"Beside the dense network of equal widths {counted_sides(decided)}. {_RULE}",
        [],
        [Table("Several hidden layers", head, rows)],
    )


# E8 and time


def _long(profile: Profile) -> dict[tuple[str, float], list[Run]]:
    return _networks(profile, _DENSITIES[:2], epochs=profile.long)


def _curve(histories: list[list[Epoch]]) -> tuple[list[int], list[float], list[Interval]]:
    """Epochs, seconds of training until then (the mean over seeds), and accuracies."""
    seconds = np.mean([np.cumsum([epoch.seconds for epoch in h]) for h in histories], axis=0)
    accuracies = np.array([[100 * (e.validation_accuracy or 0.0) for e in h] for h in histories])
    # as many points as can be told apart, at even distances of log time
    shown = np.unique(np.geomspace(1, len(seconds), _POINTS).round().astype(int)).tolist()
    return (
        shown,
        [float(seconds[epoch - 1]) for epoch in shown],
        [mean(accuracies[:, epoch - 1].tolist()) for epoch in shown],
    )


def _curves(results: Results, networks: dict[tuple[str, float], list[Run]]) -> list[Chart]:
    """Return accuracies by epoch and by time, where there are the epochs of trainings."""
    by_epoch, by_time = [], []
    for (name, density), runs in networks.items():
        if histories := results.histories(runs):
            epochs, seconds, accuracies = _curve(histories)
            label = name if name == "dense" else f"{name}, {density:.0%}"
            by_epoch.append(Series(label, epochs, accuracies))
            by_time.append(Series(label, seconds, accuracies))
    y = "test accuracy, %"
    return [
        Chart("E8-epochs", "Long training", "epoch", y, by_epoch, log_x=True),
        Chart("E8-time", "The same against time, one thread", "seconds of training", y, by_time,
              log_x=True),
    ] if by_epoch else []  # fmt: skip


def _examine_long(profile: Profile, results: Results) -> Finding:
    networks = _long(profile)
    dense = networks["dense", 1.0]
    quarters = {key: results.accuracies(runs, quarter=True) for key, runs in networks.items()}
    ends = {key: results.accuracies(runs) for key, runs in networks.items()}
    gains = {
        key: [end - quarter for end, quarter in zip(ends[key], quarters[key], strict=True)]
        for key in networks
    }
    sparse = [key for key in networks if key[0] != "dense"]
    improved = {key: mean(gains[key]) for key in networks}
    more = {key: paired(gains[key], gains["dense", 1.0]) for key in sparse}
    decided = sides([*(improved[key] for key in sparse), *more.values()])
    improves, beyond = decided[: len(sparse)], decided[len(sparse) :]
    rows: list[list[Any]] = [
        [name, 100 * density, mean(quarters[name, density]), results.accuracy(runs),
         gain(results, runs, dense) if name != "dense" else float("nan"),
         improved[name, density], more.get((name, density), float("nan"))]
        for (name, density), runs in networks.items()
    ]  # fmt: skip
    head = [
        "construction", "density, %", f"after {max(1, profile.long // 4)} epochs, %",
        f"after {profile.long}, %", "less dense, %", "gain, %", "gain less dense's, %",
    ]  # fmt: skip
    return Finding(
        verdict(improves, beyond),
        f"After the first quarter of {profile.long} epochs {sum(side > 0 for side in improves)} of "
        f"{len(sparse)} sparse networks surely improve. Dense gains {improved['dense', 1.0]} %; "
        f"{beyond.count(1)} sparse networks surely gain more than that, {beyond.count(-1)} surely "
        f"less (95 %, by Holm's method for {len(decided)} tests). The rate falls towards the end "
        "for all, so that every network improves late. It holds where all gain more, and does not "
        "hold where all gain less or none improves.",
        _curves(results, networks),
        [Table("Long training", head, rows)],
    )


EXPERIMENTS: Sequence[Experiment] = (
    Experiment(
        "E5", "Wide hidden layer",
        "Medium to dense regular and Fibonacci networks beat the fully connected one.",
        lambda profile: _all(_wide(profile)), _examine_wide,
    ),
    Experiment(
        "E6", "Dropout", "With dropout, sparse Fibonacci and regular networks are still better.",
        lambda profile: _all(_dropped(profile)), _examine_dropout,
    ),
    Experiment(
        "E7", "Several hidden layers", "Sparse regular and Fibonacci networks are still better.",
        lambda profile: [run for runs in _deep(profile).values() for run in runs], _examine_deep,
    ),
    Experiment(
        "E8", "Long training, and time", "Sparse networks go on improving with more epochs.",
        lambda profile: _all(_long(profile)), _examine_long,
    ),
)  # fmt: skip
"""In the order of the paper."""
