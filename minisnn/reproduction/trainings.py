"""Raw results as tables: one row a training, one row a graph that was measured, full precision.

Every published figure is computed from these rows; see `scripts/recompute_results.py`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from .. import spectral
from .._support.archive import FileFormatError
from .._support.files import replace_text
from ..experiments import Run, Store
from ..experiments.reports import describe_layers
from ..topology.graph import Topology


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


Row = TypeVar("Row", bound=_Dataclass)

RATES = "rates"
"""In the place of experiments: a try of a rate, judged by samples held out."""


@dataclass(frozen=True)
class Training:
    """One training.

    Parameters
    ----------
    profile, experiments : str
        Where it belongs; keys of experiments with blanks between them, or "rates" for a try.
    run : str
        Beginning of the hash of the run that experiments ask for.
    data, order, judged : str, int or None, str
        Data set, seed of the order of its inputs, and what the accuracy is of: "test", or
        "held out".
    hidden, layers, wiring : str
        Widths; all layers; the construction of the first.
    degree, density : int or None, float
        Of the first layer, as asked for.
    fan, dropout, epochs, seed : str, str, int, int
        More of its settings.
    rate : float
        Highest learning rate, as used.
    weights : int
        Connections.
    accuracy, quarter, loss : float
        Share of samples that are right, after the last epoch and after a quarter of them; training
        loss of the last epoch.
    lowest, highest, deviation : float
        Of the weights of the first layer after training.
    seconds : float
        Of training, on one thread.
    commit, version, cpu : str
        Where it was made.
    recipe : str
        Activations, loss and optimiser.
    """

    profile: str
    experiments: str
    run: str
    data: str
    order: int | None
    judged: str
    hidden: str
    layers: str
    wiring: str
    degree: int | None
    density: float
    fan: str
    dropout: str
    epochs: int
    seed: int
    rate: float
    weights: int
    accuracy: float
    quarter: float
    loss: float
    lowest: float
    highest: float
    deviation: float
    seconds: float
    commit: str
    version: str
    cpu: str
    recipe: str = (
        "sigmoid sigmoid mse nesterov"  # of rows that were written before there were others
    )


@dataclass(frozen=True)
class MeasuredGraph:
    """Measures of the graph of one layer, by what its edges are.

    Parameters
    ----------
    graph : str
        Beginning of a hash of its edges.
    density, algebraic_connectivity, smallest_nonzero_eigenvalue, spectral_gap : float
    normalized_lambda2, adjacency_gap, ramanujan_gap : float
        As in docs/measures.md.
    """

    graph: str
    density: float
    algebraic_connectivity: float
    smallest_nonzero_eigenvalue: float
    spectral_gap: float
    normalized_lambda2: float
    adjacency_gap: float
    ramanujan_gap: float


def key_of(run: Run) -> str:
    """Return what a run is called in tables."""
    return run.hash[:16]


def recipe_of(run: Run) -> str:
    """Return what a run's recipe is called in tables."""
    return f"{run.activation} {run.output_activation} {run.loss} {run.optimizer.name}"


def name_of(graph: Topology) -> str:
    """Return what a graph is called in tables: the same for the same edges."""
    digest = hashlib.sha256(repr((graph.n_in, graph.n_out)).encode())
    digest.update(graph.indptr.astype("<i8").tobytes())
    digest.update(graph.indices.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def measured(graph: Topology) -> MeasuredGraph:
    """Return the measures of a graph."""
    sigma1, sigma2 = spectral.leading_singular_values(graph)
    return MeasuredGraph(
        graph=name_of(graph),
        density=graph.density,
        algebraic_connectivity=spectral.algebraic_connectivity(graph),
        smallest_nonzero_eigenvalue=spectral.smallest_nonzero_eigenvalue(graph),
        spectral_gap=spectral.spectral_gap(graph),
        normalized_lambda2=spectral.normalized_lambda2(graph),
        adjacency_gap=sigma1 - sigma2,
        ramanujan_gap=spectral.ramanujan_gap(graph),
    )


def trainings_of(
    store: Store,
    asked: Mapping[str, tuple[Run, Run]],
    uses: Mapping[str, str],
    *,
    profile: str,
    commit: str,
    known: Sequence[Training] = (),
) -> list[Training]:
    """Return a row for each run that has results, in a store or among known rows.

    Parameters
    ----------
    store : Store
        Open for reading.
    asked : mapping of str to (Run, Run)
        By its hash, a run as it was asked for, and the one that was trained for it.
    uses : mapping of str to str
        By hash, the experiments.
    profile, commit : str
        For all rows of the store.
    known : sequence of Training
        Rows of trainings that are done, for those that the store lacks.
    """
    records = {record.hash: record for record in store.records()}
    done = {row.run: row for row in known}
    rows = []
    for key, (run, trained) in asked.items():
        record = records.get(trained.hash)
        if record is None or record.figures is None or record.figures.accuracy is None:
            if (row := done.get(key_of(run))) is not None:
                rows.append(replace(row, experiments=uses[key]))
            continue
        settings, weights = run.to_dict(), store.layers(trained.hash)[0]
        history = store.history(trained.hash)
        first, n_out = run.layers[0], run.shapes[0][1]
        degree = first.degree_for(n_out)
        quarter = history[max(1, run.epochs // 4) - 1].validation_accuracy
        options = {k: v for layer in settings["layers"] for k, v in layer["options"].items()}
        rows.append(
            Training(
                profile=profile,
                experiments=uses[key],
                run=key_of(run),
                data=run.data.name,
                order=run.data.order,
                judged="held out" if run.data.held_out else "test",
                hidden="-".join(map(str, run.hidden)),
                layers=describe_layers(settings["layers"])
                + "".join(f" {name}={value}" for name, value in options.items()),
                wiring=first.topology,
                degree=degree,
                density=1.0 if degree is None else degree / n_out,
                fan=run.fan,
                dropout=" ".join(f"{rate:g}" for rate in settings["dropout"]),
                epochs=run.epochs,
                seed=run.seed,
                rate=trained.optimizer.peak,
                weights=record.figures.weights,
                accuracy=record.figures.accuracy,
                quarter=quarter if quarter is not None else float("nan"),
                loss=history[-1].loss,
                lowest=weights.lowest,
                highest=weights.highest,
                deviation=weights.deviation,
                seconds=sum(epoch.seconds for epoch in history),
                commit=commit,
                version=record.versions.minisnn or "",
                cpu=record.versions.cpu or "",
                recipe=recipe_of(run),
            )
        )
    return rows


def merged(before: Sequence[Training], now: Sequence[Training]) -> list[Training]:
    """Return rows of both: a training that was there keeps its commit."""
    rows = {(row.profile, row.judged, row.run, row.rate): row for row in before}
    found = {(row.profile, row.judged, row.run): row for row in before}
    for row in now:
        known = rows.get((row.profile, row.judged, row.run, row.rate))
        if known is not None:
            uses = dict.fromkeys(f"{known.experiments} {row.experiments}".split())
            row = replace(row, commit=known.commit, experiments=" ".join(uses))
        found[row.profile, row.judged, row.run] = row
    return list(found.values())


def write_rows(path: str | PathLike[str], rows: Sequence[Row], kind: type[Row]) -> None:
    """Write rows as CSV; floats are read again to the bit."""
    with replace_text(Path(path)) as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [field.name for field in fields(kind)]
        writer.writerow(names)
        writer.writerows([getattr(each, name) for name in names] for each in rows)


def read_rows(path: str | PathLike[str], kind: type[Row]) -> list[Row]:
    """Return the rows of a CSV file that `write_rows` wrote; none where there is no file.

    Raises
    ------
    FileFormatError
        If a column is missing or a value is of another type. A ValueError.
    """
    path = Path(path)
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return [msgspec.convert(_plain(row, kind), kind, strict=False) for row in rows]
    except msgspec.ValidationError as error:
        raise FileFormatError(f"{path} is no table of {kind.__name__} rows: {error}") from error


def _plain(row: Mapping[str, str], kind: type[Row]) -> dict[str, str | float | None]:
    """Return a row with its numbers; msgspec reads no nan."""
    types = {field.name: str(field.type) for field in fields(kind)}
    found: dict[str, str | float | None] = {}
    for name, text in row.items():
        if text == "nan":
            found[name] = float("nan")
        else:
            found[name] = None if text == "" and "None" in types.get(name, "") else text
    return found
