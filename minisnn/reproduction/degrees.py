"""E1 to E4 and E10: constructions and degrees in a network with one hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from .. import topology
from .._support.arrays import Array
from ..experiments import Run, Wiring
from .charts import Chart, Heatmap, Series
from .findings import Answer, Experiment, Finding, Results, Table, gain, verdict
from .profiles import DENSE, PAPERS, Profile
from .statistics import mean, of_ranges, paired, sides

_LEVEL = 1.0  # per cent of accuracy: what we take for "level" or "hardly worse"
_WIDE = 8  # full connection over the lowest degree: what we take for "a wide range"
_SPARSE = 5  # edges of an input neuron: what we take for "very sparse"
_LAST = 0.1  # of the fall of a deviation, in the last step of the degree: what we call level
_CONTOUR = ("fibonacci_rotating", "constant_degree")


def _layer(name: str, degree: int) -> Wiring:
    return Wiring(topology=name, degree=degree)


def _one_hidden(
    profile: Profile, name: str, degree: int, output_degree: int = 10, **options: Any
) -> list[Run]:
    """Runs of a construction; with all of the ten outputs the last layer is the complete one."""
    last = DENSE if output_degree == 10 else _layer(name, output_degree)
    return profile.seeded([_layer(name, degree), last], **options)


def _dense(profile: Profile) -> list[Run]:
    return profile.seeded([DENSE, DENSE])


# E1


def _show(profile: Profile, results: Results) -> Finding:
    from ..plots import plot_topologies

    graphs = [topology.make(name, 100, 100, 12) for name in PAPERS]
    return Finding(
        Answer.SHOWN,
        "The adjacency matrices of the paper's constructions, 100 to 100 neurons, degree 12.",
        pictures={"E1-adjacency": plot_topologies(graphs)},
    )


# E2


def _by_degree(profile: Profile) -> list[Run]:
    runs = [
        run for name, degree in product(PAPERS, profile.degrees)
        for run in _one_hidden(profile, name, degree)
    ]  # fmt: skip
    return [*runs, *_dense(profile)]


def _examine_degrees(profile: Profile, results: Results) -> Finding:
    degrees, dense = profile.degrees, _dense(profile)
    points = [*product(PAPERS, degrees)]
    runs = {point: _one_hidden(profile, *point) for point in points}
    gains = [gain(results, runs[point], dense) for point in points]
    decided = dict(zip(points, sides(gains, -_LEVEL), strict=True))
    least = {
        name: min((d for d in degrees if decided[name, d] > 0), default=float("nan"))
        for name in PAPERS
    }
    lowest = degrees[0]
    wide = [degree for degree in degrees if degree <= profile.hidden / _WIDE]
    level = [max(decided[name, degree] for degree in wide) for name in PAPERS]
    steep = [-decided[name, lowest] for name in PAPERS]
    chart = Chart(
        "E2-degree", "Accuracy against the degree of the hidden layer",
        "edges of an input neuron", "test accuracy, %",
        [
            Series(name, degrees, [results.accuracy(runs[name, d]) for d in degrees])
            for name in PAPERS
        ],
        level=("dense", results.accuracy(dense)), log_x=True,
    )  # fmt: skip
    rows: list[list[Any]] = [
        [name, least[name], results.accuracy(runs[name, lowest]),
         gain(results, runs[name, lowest], dense)]
        for name in PAPERS
    ]  # fmt: skip
    head = [
        "construction", f"least degree surely less than {_LEVEL:g} % below dense",
        f"accuracy at degree {lowest}, %", "less dense, %",
    ]  # fmt: skip
    accuracies: list[list[Any]] = [
        [degree, *(results.accuracy(runs[name, degree]) for name in PAPERS)] for degree in degrees
    ]
    accuracies.append(["dense", results.accuracy(dense), *([float("nan")] * (len(PAPERS) - 1))])
    return Finding(
        verdict(level, steep),
        f"{level.count(1)} of {len(PAPERS)} constructions are level: surely less than {_LEVEL:g} % "
        f"below the fully connected network at an eighth of its {profile.hidden} edges per input; "
        f"{level.count(-1)} are surely not. {steep.count(1)} are surely more than {_LEVEL:g} % "
        f"below it at degree {lowest}, {steep.count(-1)} surely less (95 %, by Holm's method for "
        f"{len(points)} tests).",
        [chart],
        [
            Table("Accuracy and degree", head, rows),
            Table("Accuracy by degree", ["degree", *PAPERS], accuracies),
        ],
    )  # fmt: skip


# E3


def _contour(profile: Profile) -> list[Run]:
    return [
        run
        for name, degree, out in product(_CONTOUR, profile.degrees, profile.output_degrees)
        for run in _one_hidden(profile, name, degree, out)
    ]


def _examine_contour(profile: Profile, results: Results) -> Finding:
    charts = []
    for name in _CONTOUR:
        z = [
            [results.accuracy(_one_hidden(profile, name, d, out)).value for d in profile.degrees]
            for out in profile.output_degrees
        ]
        charts.append(
            Heatmap(
                f"E3-{name}", f"Accuracy over both degrees, {name}", "degree of the hidden layer",
                "degree of the output layer", "test accuracy, %", [str(d) for d in profile.degrees],
                [str(d) for d in profile.output_degrees], z,
            )
        )  # fmt: skip
    few, many = profile.output_degrees[0], profile.output_degrees[-1]
    points = [*product(_CONTOUR, profile.degrees)]
    falls = [
        gain(results, *(_one_hidden(profile, *point, out) for out in (few, many)))
        for point in points
    ]
    decided = sides(falls, -_LEVEL)
    drops = decided.count(-1)
    rows: list[list[Any]] = [[*point, fall] for point, fall in zip(points, falls, strict=True)]
    return Finding(
        verdict([-side for side in decided]),
        f"From {many} outputs per hidden neuron to {few} accuracy falls surely by more than "
        f"{_LEVEL:g} % at {drops} of {len(falls)} points of both maps, and surely by less at "
        f"{decided.count(1)} (95 %, by Holm's method for {len(falls)} tests).",
        charts,
        [Table("Fewer outputs", ["construction", "degree", f"from {many} to {few}, %"], rows)],
    )


# E4


def _examine_sparse(profile: Profile, results: Results) -> Finding:
    degrees = profile.degrees
    values = [
        [results.accuracies(_one_hidden(profile, name, degree)) for name in PAPERS]
        for degree in degrees
    ]
    # the same graph under two names has the same accuracies, and counts once
    samples = [list({tuple(sample): sample for sample in row}.values()) for row in values]
    n_sparse = sum(degree <= _SPARSE for degree in degrees)

    def more(ranges: Array) -> Array:
        return np.asarray(ranges[:, :n_sparse].max(axis=1) - ranges[:, n_sparse:].max(axis=1))

    def error(ranges: Array) -> Array:
        return np.asarray(ranges[:, :n_sparse].max(axis=1) + ranges[:, n_sparse:].max(axis=1))

    def alone(ranges: Array) -> Array:
        return ranges[:, 0]

    change = of_ranges(more, error, samples)
    spans = [of_ranges(alone, alone, [row]) for row in samples]
    rows: list[list[Any]] = [
        [degree, *map(mean, row), span]
        for degree, row, span in zip(degrees, values, spans, strict=True)
    ]
    return Finding(
        Answer.HOLDS if change.low > 0 else Answer.FAILS if change.high < 0 else Answer.OPEN,
        f"Best less worst construction, the largest at degrees up to {_SPARSE} less the largest "
        f"at higher ones: {change} %. Best, worst and degrees are selected, so the interval "
        "is that of ranges (Tukey's, for all constructions and degrees at once).",
        [],
        [Table("Constructions by degree", ["degree", *PAPERS, "best less worst, %"], rows)],
    )


# E10


def _by_degree_of_width(profile: Profile) -> list[Run]:
    return [
        run
        for name, degree in product(PAPERS, profile.degrees)
        for run in _one_hidden(profile, name, degree, fan="width")
    ]


def _examine_weights(profile: Profile, results: Results) -> Finding:
    n_in, n_out = _dense(profile)[0].shapes[0]
    initial = (2 / (n_in + n_out)) ** 0.5  # Glorot's, by the widths: the same at all degrees
    series: list[Series] = []
    rows: list[list[Any]] = []
    shrinks, ends = [], []
    for name in PAPERS:
        runs = [_one_hidden(profile, name, d, fan="width") for d in profile.degrees]
        spreads = [[results.spread(run) for run in seeds] for seeds in runs]
        deviations = [[deviation for _, _, deviation in seeds] for seeds in spreads]
        ratios = [[deviation / initial for deviation in seeds] for seeds in deviations]
        series.append(Series(f"{name}, deviation", profile.degrees, [mean(d) for d in deviations]))
        shrinks.append(paired(ratios[0], ratios[-1]))
        ends.append(
            mean([
                _LAST * (first - last) - (before - last)
                for first, before, last in zip(ratios[0], ratios[-2], ratios[-1], strict=True)
            ])
        )  # fmt: skip
        rows += [
            [name, degree, mean(d), mean(r), results.accuracy(seeds)]
            for degree, d, r, seeds in zip(profile.degrees, deviations, ratios, runs, strict=True)
        ]
        if name == "fibonacci_rotating":
            for place, label in ((0, "lowest"), (1, "highest")):
                values = [mean([s[place] for s in seeds]) for seeds in spreads]
                series.append(Series(f"{name}, {label}", profile.degrees, values))
    chart = Chart(
        "E10-weights", "Weights of the trained hidden layer against its degree",
        "edges of an input neuron", "weight", series, log_x=True,
    )  # fmt: skip
    decided = sides([*shrinks, *ends])
    smaller, level = decided[: len(PAPERS)], decided[len(PAPERS) :]
    degrees = profile.degrees
    head = ["construction", "degree", "deviation, trained", "trained / initial", "accuracy, %"]
    return Finding(
        verdict(smaller, level),
        f"With fans of the layer's width, as in the paper, weights begin with a deviation of "
        f"{initial:.3g} at every degree. Trained, it is surely smaller at degree {degrees[-1]} "
        f"than at {degrees[0]} for {smaller.count(1)} of {len(PAPERS)} constructions. It levels "
        f"off for {level.count(1)}: from degree {degrees[-2]} to {degrees[-1]} it falls surely by "
        f"less than {_LAST:.0%} of the whole fall; for {level.count(-1)} surely by more (95 %, by "
        f"Holm's method for {len(decided)} tests).",
        [chart],
        [Table("Trained weights", head, rows)],
    )  # fmt: skip


def _nothing(profile: Profile) -> list[Run]:
    return []


EXPERIMENTS: Sequence[Experiment] = (
    Experiment("E1", "The wiring", "Pictures of the adjacency matrices.", _nothing, _show),
    Experiment(
        "E2", "Degree of the hidden layer",
        "Accuracy is level over a wide range of degrees, and drops steeply when few connections "
        "remain.", _by_degree, _examine_degrees,
    ),
    Experiment(
        "E3", "Both degrees", "The same holds for the degree from hidden to output neurons.",
        _contour, _examine_contour,
    ),
    Experiment(
        "E4", "Very sparse networks", "Constructions differ most where networks are very sparse.",
        _by_degree, _examine_sparse,
    ),
    Experiment(
        "E10", "Trained weights",
        "The spread of the weights shrinks and levels off as connections are added.",
        _by_degree_of_width, _examine_weights,
    ),
)  # fmt: skip
"""In the order of the paper."""
