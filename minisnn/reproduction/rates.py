"""Choice of learning rates: one for each kind of network, by samples held out from training.

A kind is what a rate may depend on: widths, the degree of each layer, epochs, dropout, the recipe.
Constructions of one degree share a rate, seeds and orders of pixels do, too. Each kind has as many
tries: every rate is judged by the mean accuracy of two networks on the samples held out. Sparse
layers have neighbouring inputs in one of them and random ones in the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from statistics import fmean
from types import MappingProxyType

from msgspec.structs import replace

from ..experiments import Run, Store, Summary, Wiring, sweep
from ..experiments.run import SPAWNED
from ..experiments.runners import Runner
from .trainings import key_of

_REFERENCES = ("fibonacci_rotating", "constant_degree")
_SEED = 1_000_000  # of the first reference: no network that is compared has it


@dataclass(frozen=True)
class Choice:
    """Rates that were chosen.

    Parameters
    ----------
    summary : Summary
        Of the tries.
    tries : sequence of Run
        All of them, known ones included.
    factors : mapping of str to float
        By the hash of a kind, the best factor on its middle rate; empty after Ctrl-C.
    """

    summary: Summary
    tries: Sequence[Run]
    factors: dict[str, float] = field(default_factory=dict)

    def applied(self, run: Run) -> Run:
        """Return a run at the rate of its kind."""
        return at_rate(run, self.factors[_references(run)[0].hash])


def choose(
    runs: Sequence[Run],
    store: str | PathLike[str],
    factors: Sequence[float],
    *,
    runner: Runner,
    known: Mapping[str, float] = MappingProxyType({}),
    progress: bool | None = None,
) -> Choice:
    """Train the tries that are neither known nor in the store, and choose a rate for each kind.

    Parameters
    ----------
    runs : sequence of Run
        Runs at the middle rates of their kinds.
    store : path
        File of the store.
    factors : sequence of float
        Factors on the middle rate. Of one alone nothing is tried.
    known : mapping of str to float
        Accuracies of tries that were made elsewhere, by their names in tables.
    runner, progress
        As for `minisnn.experiments.sweep`.

    Returns
    -------
    Choice
    """
    tries = tries_of(runs, factors)
    if len(factors) == 1:
        return Choice(sweep([], store, runner=runner), [], dict.fromkeys(tries, factors[0]))
    flat = [run for by_factor in tries.values() for runs in by_factor.values() for run in runs]
    unknown = [run for run in flat if key_of(run) not in known]
    summary = sweep(unknown, store, runner=runner, progress=progress)
    if summary.interrupted:
        return Choice(summary, flat)
    with Store(store) as file:
        found: dict[str, float | None] = dict(known)
        for run, record in zip(unknown, file.records(unknown), strict=True):
            found[key_of(run)] = record.figures.accuracy if record.figures else None

    def score(by_factor: dict[float, list[Run]], factor: float) -> tuple[float, float]:
        """Of equal ones the lowest rate is taken; one that a network failed at comes last."""
        values = [found[key_of(run)] for run in by_factor[factor]]
        return fmean(-1.0 if value is None else value for value in values), -factor

    best = {
        kind: max(factors, key=lambda factor, each=by_factor: score(each, factor))  # type: ignore[misc]
        for kind, by_factor in tries.items()
    }
    return Choice(summary, flat, best)


def tries_of(runs: Sequence[Run], factors: Sequence[float]) -> dict[str, dict[float, list[Run]]]:
    """Return the networks by which each rate is judged, by the hash of a kind, and by factor."""
    kinds = {references[0].hash: references for references in map(_references, runs)}
    return {
        kind: {factor: [at_rate(run, factor) for run in references] for factor in factors}
        for kind, references in kinds.items()
    }


def at_rate(run: Run, factor: float) -> Run:
    """Return a run with its highest learning rate multiplied."""
    return at_peak(run, run.optimizer.peak * factor)


def at_peak(run: Run, peak: float) -> Run:
    """Return a run with another highest learning rate."""
    return replace(run, optimizer=replace(run.optimizer, peak=peak))


def _references(run: Run) -> list[Run]:
    """Return the two networks by which a rate is judged for the kind of a run."""
    widths = [n_out for _, n_out in run.shapes]
    return [
        replace(
            run,
            data=replace(run.data, order=None, held_out=True),
            layers=[
                layer if (degree := layer.degree_for(n_out)) is None
                else Wiring(topology=name, degree=degree)
                for layer, n_out in zip(run.layers, widths, strict=True)
            ],
            seed=_SEED + number,
            layer_seeds=SPAWNED,
        )
        for number, name in enumerate(_REFERENCES)
    ]  # fmt: skip
