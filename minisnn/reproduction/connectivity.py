"""E9: does connectivity predict accuracy? With the control that the paper lacked.

Its graphs of different degree differ in density and in connectivity at once. Here graphs of equal
density have widely different connectivity, and correlations are given with and without density
held fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import spectral
from ..experiments import Run, Wiring
from ..experiments.training import graphs_of
from .charts import Chart, Series
from .findings import Answer, Experiment, Finding, Results, Table
from .profiles import DENSE, PAPERS, Profile
from .statistics import Interval, mean, rank_correlation

_DEGREES = (2, 5, 10, 20)
_HIDDEN = (980,)
"""980 = 20 * 49, and MNIST's 784 pixels are 16 * 49: there is a Ramanujan graph of degree 20 then,
and lifts of three of the degrees."""


class _Kind(NamedTuple):
    """A kind of wiring: construction, options, and for which degrees there is such a graph."""

    topology: str
    options: Mapping[str, float]
    degrees: Sequence[int] | None = None


_KINDS: dict[str, _Kind] = {
    **{name: _Kind(name, {}) for name in PAPERS},
    "circulant, every 4th": _Kind("regular_rotating", {"stride": 4}),
    "circulant, every 28th": _Kind("regular_rotating", {"stride": 28}),
    "two parts": _Kind("disconnected", {"parts": 2}),
    "ten parts": _Kind("disconnected", {"parts": 10}),
    "scale free": _Kind("scale_free", {}),
    "small world": _Kind("small_world", {"beta": 0.1}),
    "biregular": _Kind("biregular", {}),
    "best of lifts": _Kind("random_lift", {}, (5, 10, 20)),
    "Ramanujan": _Kind("ramanujan", {}, (20,)),
}
"""From cut into pieces to expanding as well as any graph can."""

MEASURES = {
    "algebraic_connectivity": "algebraic connectivity",
    "spectral_gap": "spectral gap of the Laplacian",
    "normalized_lambda2": "λ2 of the normalised Laplacian",
    "adjacency_gap": "σ1 - σ2",
    "ramanujan_gap": "Ramanujan gap",
}
"""Fields of `spectral.Measures` that are correlated with accuracy."""


def _wirings() -> list[tuple[str, int]]:
    """Kinds and degrees for which graphs exist."""
    return [
        (name, degree)
        for degree in _DEGREES
        for name, kind in _KINDS.items()
        if kind.degrees is None or degree in kind.degrees
    ]


def _runs_of(profile: Profile, kind: str, degree: int) -> list[Run]:
    name, options, _ = _KINDS[kind]
    layers = [Wiring(topology=name, degree=degree, options=options), DENSE]
    return profile.seeded(layers, hidden=_HIDDEN)


def _all(profile: Profile) -> list[Run]:
    return [run for kind, degree in _wirings() for run in _runs_of(profile, kind, degree)]


def _points(profile: Profile, results: Results) -> list[dict[str, Any]]:
    """One for each network: its kind, density, accuracy, and the measures of its hidden wiring."""
    points: list[dict[str, Any]] = []
    measured: dict[Any, spectral.Measures] = {}
    for kind, degree in _wirings():
        for run in _runs_of(profile, kind, degree):
            graph = graphs_of(run)[0]
            key = graph.indptr.tobytes(), graph.indices.tobytes()
            if key not in measured:  # wiring without chance is the same for every seed
                measured[key] = spectral.measure(graph)
            values = {field: float(getattr(measured[key], field)) for field in MEASURES}
            accuracy = results.accuracies([run])[0]
            points.append(
                {"kind": kind, "degree": degree, "density": graph.density,
                 "accuracy": accuracy, **values}
            )  # fmt: skip
    return points


def _of(points: Sequence[dict[str, Any]], kind: str, degree: int) -> list[dict[str, Any]]:
    return [p for p in points if (p["kind"], p["degree"]) == (kind, degree)]


def _correlation(points: Sequence[dict[str, Any]], field: str, *, control: bool) -> Interval:
    groups = {key: k for k, key in enumerate({(p["kind"], p["degree"]): 0 for p in points})}
    return rank_correlation(
        [p[field] for p in points],
        [p["accuracy"] for p in points],
        [groups[p["kind"], p["degree"]] for p in points],
        given=[p["density"] for p in points] if control else None,
    )


def _examine(profile: Profile, results: Results) -> Finding:
    points = _points(profile, results)
    rows: list[list[Any]] = []
    charts = []
    for field, title in MEASURES.items():
        within = [
            _correlation([p for p in points if p["degree"] == d], field, control=False)
            for d in _DEGREES
        ]
        whole, held = (_correlation(points, field, control=c) for c in (False, True))
        rows.append([title, whole, held, *within])
    for field in ("algebraic_connectivity", "ramanujan_gap"):
        series = []
        for degree in _DEGREES:
            means = []
            for kind in (kind for kind, d in _wirings() if d == degree):
                own = _of(points, kind, degree)
                x = sum(p[field] for p in own) / len(own)
                means.append((x, mean([p["accuracy"] for p in own]), kind))
            xs, ys, names = zip(*means, strict=True)
            series.append(Series(f"degree {degree}", xs, ys, joined=False, notes=names))
        charts.append(
            Chart(
                f"E9-{field}", f"Accuracy against {MEASURES[field]}: kinds of wiring",
                MEASURES[field], "test accuracy, %", series,
            )
        )  # fmt: skip
    whole, held, lowest = (rows[0][k] for k in (1, 2, 3))
    answer = (
        Answer.HOLDS if held.low > 0 and whole.low > 0
        else Answer.FAILS if held.high < 0.3
        else Answer.OPEN
    )  # fmt: skip
    head = ["measure", "all networks", "density held fast", *(f"degree {d}" for d in _DEGREES)]
    kinds: list[list[Any]] = [
        [kind, *(
            mean([p["accuracy"] for p in _of(points, kind, d)])
            if (kind, d) in _wirings() else float("nan")
            for d in _DEGREES
        )]
        for kind in _KINDS
    ]  # fmt: skip
    return Finding(
        answer,
        f"Rank correlation of accuracy with algebraic connectivity: {whole} over all networks, as "
        f"the paper has it; {held} with density held fast; {lowest} among those of degree "
        f"{_DEGREES[0]}. Bootstrap over {len(_wirings())} wirings.",
        charts,
        [
            Table("Rank correlation with accuracy", head, rows),
            Table("Accuracy, %", ["wiring", *(f"degree {d}" for d in _DEGREES)], kinds),
        ],
    )


EXPERIMENTS: Sequence[Experiment] = (
    Experiment(
        "E9", "Connectivity",
        "Spectral gap and algebraic connectivity are strongly correlated with accuracy, most at "
        "low degree.", _all, _examine,
    ),
)  # fmt: skip
"""One, with its control."""
