"""E5 to E8 and the time that the paper did not measure: sparse networks beside dense ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..experiments import Run, Wiring
from .charts import Chart, Series
from .findings import Answer, Experiment, Finding, Results, Table
from .profiles import DENSE, Profile
from .statistics import Interval, difference, mean

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


def _beside_dense(
    results: Results, networks: dict[tuple[str, float], list[Run]], title: str
) -> tuple[Table, Answer, str]:
    """Return accuracies and differences to dense, and whether either construction beats it."""
    dense = results.accuracies(networks["dense", 1.0])
    rows: list[list[Any]] = []
    better: set[str] = set()
    worse: set[str] = set()
    for (name, density), runs in networks.items():
        values = results.accuracies(runs)
        gain = difference(values, dense)
        rows.append([name, 100 * density, results.weights(runs[0]), mean(values), gain])
        if name != "dense":
            (better if gain.low > 0 else worse if gain.high < 0 else set()).add(name)
            if gain.low > 0:
                rows[-1].append("better")
            else:
                rows[-1].append("worse" if gain.high < 0 else "undecided")
        else:
            rows[-1].append("")
    head = ["construction", "density, %", "weights", "accuracy, %", "less dense, %", "so it is"]
    answer = (
        Answer.HOLDS if better == set(_NAMES)
        else Answer.FAILS if not better and worse == set(_NAMES)
        else Answer.OPEN
    )  # fmt: skip
    counts = [sum(row[-1] == what for row in rows) for what in ("better", "undecided", "worse")]
    reason = (
        f"Of {len(_NAMES) * len(_DENSITIES)} sparse networks {counts[0]} are better than dense, "
        f"{counts[1]} undecided, {counts[2]} worse (95 % intervals over {len(dense)} seeds)."
    )
    return Table(title, head, rows), answer, reason


# E5


def _wide(profile: Profile) -> dict[tuple[str, float], list[Run]]:
    # half as many epochs again: the wider the layer, the lower the rate that it bears
    return _networks(profile, hidden=(profile.wide,), epochs=3 * profile.epochs // 2)


def _examine_wide(profile: Profile, results: Results) -> Finding:
    title = f"Hidden layer of {profile.wide}"
    table, answer, reason = _beside_dense(results, _wide(profile), title)
    return Finding(answer, reason, [], [table])


# E6


def _dropped(profile: Profile) -> dict[tuple[str, float], list[Run]]:
    return _networks(profile, dropout=_DROPOUT)


def _examine_dropout(profile: Profile, results: Results) -> Finding:
    title = f"Dropout of {_DROPOUT[0]:.0%} of inputs and {_DROPOUT[1]:.0%} of hidden neurons"
    table, answer, reason = _beside_dense(results, _dropped(profile), title)
    return Finding(answer, reason, [], [table])


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
    rows: list[list[Any]] = []
    verdicts = []
    for label, runs in networks.items():
        widths = label.rpartition(", ")[2]
        values, dense = (results.accuracies(r) for r in (runs, networks[f"dense, {widths}"]))
        gain = difference(values, dense)
        rows.append([label, results.weights(runs[0]), mean(values), gain])
        if not label.startswith("dense"):
            verdicts.append((gain.low > 0) - (gain.high < 0))
    better, worse = verdicts.count(1), verdicts.count(-1)
    answer = (
        Answer.HOLDS if better == len(verdicts)
        else Answer.FAILS if worse == len(verdicts)
        else Answer.OPEN
    )  # fmt: skip
    head = ["network", "weights", "accuracy, %", "less dense, %"]
    return Finding(
        answer,
        f"Of {len(verdicts)} sparse deep networks {better} are better than the dense one of equal "
        f"widths, {worse} worse, the others undecided.",
        [],
        [Table("Several hidden layers", head, rows)],
    )


# E8 and time


def _long(profile: Profile) -> dict[tuple[str, float], list[Run]]:
    return _networks(profile, _DENSITIES[:2], epochs=profile.long)


def _curve(results: Results, runs: Sequence[Run]) -> tuple[list[int], list[float], list[Interval]]:
    """Epochs, seconds of training until then (the mean over seeds), and accuracies."""
    histories = [results.history(run) for run in runs]
    seconds = np.mean([np.cumsum([epoch.seconds for epoch in h]) for h in histories], axis=0)
    accuracies = np.array([[100 * (e.validation_accuracy or 0.0) for e in h] for h in histories])
    # as many points as can be told apart, at even distances of log time
    shown = np.unique(np.geomspace(1, len(seconds), _POINTS).round().astype(int)).tolist()
    return (
        shown,
        [float(seconds[epoch - 1]) for epoch in shown],
        [mean(accuracies[:, epoch - 1].tolist()) for epoch in shown],
    )


def _examine_long(profile: Profile, results: Results) -> Finding:
    by_epoch, by_time = [], []
    gains: dict[tuple[str, float], Interval] = {}
    for (name, density), runs in _long(profile).items():
        label = name if density == 1 else f"{name}, {density:.0%}"
        epochs, seconds, accuracies = _curve(results, runs)
        by_epoch.append(Series(label, epochs, accuracies))
        by_time.append(Series(label, seconds, accuracies))
        quarter = [100 * (results.history(run)[profile.long // 4].validation_accuracy or 0)
                   for run in runs]  # fmt: skip
        gains[name, density] = difference(results.accuracies(runs), quarter)
    sparse = [gain for (name, _), gain in gains.items() if name != "dense"]
    dense = gains["dense", 1.0]
    more = sum(gain.low > dense.high for gain in sparse)
    less = sum(gain.high < dense.low for gain in sparse)
    improves = all(gain.low > 0 for gain in sparse)
    return Finding(
        Answer.HOLDS if improves and more == len(sparse)
        else Answer.FAILS if not improves and less == len(sparse)
        else Answer.OPEN,
        f"After the first quarter of {profile.long} epochs dense gains {dense} %, "
        f"{more} of {len(sparse)} sparse networks surely more, {less} surely less; "
        f"all of them improve: {'yes' if improves else 'no'}. The rate falls towards the end for "
        "all, so that every network improves late.",
        [
            Chart("E8-epochs", "Long training", "epoch", "test accuracy, %", by_epoch, log_x=True),
            Chart(
                "E8-time", "The same against time, one thread", "seconds of training",
                "test accuracy, %", by_time, log_x=True,
            ),
        ],
    )  # fmt: skip


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
