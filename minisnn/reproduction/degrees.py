"""E1 to E4 and E10: constructions and degrees in a network with one hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from .. import topology
from ..experiments import Run, Wiring
from .charts import Chart, Heatmap, Series
from .findings import Answer, Experiment, Finding, Results, Table
from .profiles import DENSE, PAPERS, Profile
from .statistics import Interval, difference, mean

_LEVEL = 1.0  # per cent of accuracy: what we take for "level" or "hardly worse"
_WIDE = 8  # full connection over the lowest degree: what we take for "a wide range"
_SPARSE = 5  # edges of an input neuron: what we take for "very sparse"
_CONTOUR = ("fibonacci_rotating", "constant_degree")


def _layer(name: str, degree: int) -> Wiring:
    return Wiring(topology=name, degree=degree)


def _one_hidden(profile: Profile, name: str, degree: int, output_degree: int = 10) -> list[Run]:
    """Runs of a construction; with all of the ten outputs the last layer is the complete one."""
    last = DENSE if output_degree == 10 else _layer(name, output_degree)
    return profile.seeded([_layer(name, degree), last])


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
    dense = results.accuracies(_dense(profile))
    rows: list[list[Any]] = []
    series, level, drops = [], [], []
    for name in PAPERS:
        by_degree = {
            degree: results.accuracies(_one_hidden(profile, name, degree))
            for degree in profile.degrees
        }
        series.append(Series(name, profile.degrees, [mean(v) for v in by_degree.values()]))
        best = max(by_degree.values(), key=lambda values: mean(values).value)
        least = _least(by_degree, dense)
        level.append(profile.hidden / least >= _WIDE)
        thinnest = by_degree[profile.degrees[0]]
        drops.append(difference(thinnest, best))
        rows.append([name, mean(best), least, mean(thinnest)])
    chart = Chart(
        "E2-degree", "Accuracy against the degree of the hidden layer",
        "edges of an input neuron", "test accuracy, %", series,
        level=("dense", mean(dense)), log_x=True,
    )  # fmt: skip
    head = [
        "construction", "best accuracy, %",
        f"least degree surely less than {_LEVEL:g} % below dense ({mean(dense).value:.2f} %)",
        f"accuracy at degree {profile.degrees[0]}, %",
    ]  # fmt: skip
    steep = [drop.high < -_LEVEL for drop in drops]
    return Finding(
        Answer.HOLDS if all(level) and all(steep)
        else Answer.FAILS if not any(level) or not any(steep)
        else Answer.OPEN,
        f"{sum(level)} of {len(PAPERS)} constructions are level: surely less than {_LEVEL:g} % "
        f"below the fully connected network at an eighth of its {profile.hidden} edges per input; "
        f"{sum(steep)} are surely more than {_LEVEL:g} % below their best at degree "
        f"{profile.degrees[0]}.",
        [chart],
        [Table("Accuracy and degree", head, rows)],
    )  # fmt: skip


def _least(by_degree: dict[int, list[float]], reference: list[float]) -> float:
    """Return the least degree that is surely hardly worse; not a number where there is none."""
    enough = [d for d, v in by_degree.items() if difference(v, reference).low > -_LEVEL]
    return min(enough, default=float("nan"))


# E3


def _contour(profile: Profile) -> list[Run]:
    return [
        run
        for name, degree, out in product(_CONTOUR, profile.degrees, profile.output_degrees)
        for run in _one_hidden(profile, name, degree, out)
    ]


def _examine_contour(profile: Profile, results: Results) -> Finding:
    charts, falls = [], []
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
        falls += [
            difference(
                results.accuracies(_one_hidden(profile, name, degree, few)),
                results.accuracies(_one_hidden(profile, name, degree, many)),
            )
            for degree in profile.degrees
        ]
    drops = sum(fall.high < -_LEVEL for fall in falls)
    least, most = (f(falls, key=lambda fall: fall.value) for f in (max, min))
    return Finding(
        Answer.HOLDS if drops == len(falls) else Answer.OPEN if drops else Answer.FAILS,
        f"From {many} outputs per hidden neuron to {few} accuracy falls surely by more than "
        f"{_LEVEL:g} % at {drops} of {len(falls)} points of both maps; the change lies between "
        f"{least} and {most} %.",
        charts,
    )


# E4


def _examine_sparse(profile: Profile, results: Results) -> Finding:
    rows: list[list[Any]] = []
    spreads: dict[int, Interval] = {}
    for degree in profile.degrees:
        values = {n: results.accuracies(_one_hidden(profile, n, degree)) for n in PAPERS}
        means = {name: mean(v) for name, v in values.items()}
        best, worst = (f(means, key=lambda n: means[n].value) for f in (max, min))
        spreads[degree] = difference(values[best], values[worst])
        rows.append([degree, *means.values(), best, spreads[degree]])
    sparse = max((d for d in spreads if d <= _SPARSE), key=lambda degree: spreads[degree].value)
    others = max((d for d in spreads if d > _SPARSE), key=lambda degree: spreads[degree].value)
    most = spreads[sparse].low > spreads[others].high
    less = spreads[sparse].high < spreads[others].low
    return Finding(
        Answer.HOLDS if most else Answer.FAILS if less else Answer.OPEN,
        f"Best less worst construction: at most {spreads[sparse]} % at degrees up to {_SPARSE} "
        f"(degree {sparse}), at most {spreads[others]} % at higher ones (degree {others}).",
        [],
        [Table("Constructions by degree", ["degree", *PAPERS, "best", "best less worst, %"], rows)],
    )


# E10


def _examine_weights(profile: Profile, results: Results) -> Finding:
    series = []
    shrinks = []
    for name in PAPERS:
        spreads = [
            [results.spread(run, 1) for run in _one_hidden(profile, name, degree)]
            for degree in profile.degrees
        ]
        deviations = [[s[2] for s in seeds] for seeds in spreads]
        series.append(Series(f"{name}, deviation", profile.degrees, [mean(d) for d in deviations]))
        shrinks.append(difference(deviations[0], deviations[-1]).low > 0)
        if name == "fibonacci_rotating":
            for place, label in ((0, "lowest"), (1, "highest")):
                values = [mean([s[place] for s in seeds]) for seeds in spreads]
                series.append(Series(f"{name}, {label}", profile.degrees, values))
    chart = Chart(
        "E10-weights", "Weights of the trained hidden layer against its degree",
        "edges of an input neuron", "weight", series, log_x=True,
    )  # fmt: skip
    return Finding(
        Answer.HOLDS if all(shrinks) else Answer.FAILS if not any(shrinks) else Answer.OPEN,
        f"The standard deviation is smaller at the highest degree than at the lowest for "
        f"{sum(shrinks)} of {len(PAPERS)} constructions.",
        [chart],
    )


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
        _by_degree, _examine_weights,
    ),
)  # fmt: skip
"""In the order of the paper."""
