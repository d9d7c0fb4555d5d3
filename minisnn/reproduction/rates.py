"""Choice of learning rates: one for each kind of network, by samples held out from training.

A kind is all that a rate may depend on: widths, the wiring of each layer, whether pixels are in
order, epochs, dropout, the recipe. Networks of a kind differ in their seeds alone. Each kind has as
many tries: every rate is judged by the accuracy of one network on the samples held out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from types import MappingProxyType

from msgspec.structs import replace

from ..experiments import Run, Store, Summary, sweep
from ..experiments.run import SPAWNED
from ..experiments.runners import Runner
from .trainings import Training, key_of

_SEED = 1_000_000  # no network that is compared has it


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
    losses : mapping of str to mapping of float to float
        By the hash of a kind and by rate, the training loss that the try ended with.
    """

    summary: Summary
    tries: Sequence[Run]
    factors: dict[str, float] = field(default_factory=dict)
    losses: dict[str, dict[float, float]] = field(default_factory=dict)

    def applied(self, run: Run) -> Run:
        """Return a run at the rate of its kind."""
        return at_rate(run, self.factors[_judge_of(run).hash])

    def losses_of(self, run: Run) -> dict[float, float]:
        """Return the training losses of the tries of a run's kind, by rate; none where none was."""
        return self.losses.get(_judge_of(run).hash, {})


def choose(
    runs: Sequence[Run],
    store: str | PathLike[str],
    factors: Sequence[float],
    *,
    runner: Runner,
    known: Mapping[str, Training] = MappingProxyType({}),
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
    known : mapping of str to Training
        Tries that are done, by their names in tables.
    runner, progress
        As for `minisnn.experiments.sweep`.

    Returns
    -------
    Choice
    """
    tries = tries_of(runs, factors)
    if len(factors) == 1:
        return Choice(sweep([], store, runner=runner), [], dict.fromkeys(tries, factors[0]))
    flat = [run for by_factor in tries.values() for run in by_factor.values()]
    unknown = [run for run in flat if key_of(run) not in known]
    summary = sweep(unknown, store, runner=runner, progress=progress)
    if summary.interrupted:
        return Choice(summary, flat)
    found = {key: (row.accuracy, row.loss) for key, row in known.items()}
    with Store(store) as file:
        for run, record in zip(unknown, file.records(unknown), strict=True):
            if record.figures is not None and record.figures.accuracy is not None:
                loss = file.history(run.hash)[-1].loss
                found[key_of(run)] = record.figures.accuracy, loss

    def score(by_factor: dict[float, Run], factor: float) -> tuple[float, float]:
        """Of equal ones the lowest rate is taken; one that the network failed at comes last."""
        accuracy, _ = found.get(key_of(by_factor[factor]), (-1.0, 0.0))
        return accuracy, -factor

    best = {
        kind: max(factors, key=lambda factor, each=by_factor: score(each, factor))  # type: ignore[misc]
        for kind, by_factor in tries.items()
    }
    losses = {
        kind: {
            run.optimizer.peak: found[k][1]
            for run in by_factor.values()
            if (k := key_of(run)) in found
        }
        for kind, by_factor in tries.items()
    }
    return Choice(summary, flat, best, losses)


def tries_of(runs: Sequence[Run], factors: Sequence[float]) -> dict[str, dict[float, Run]]:
    """Return the network by which each rate is judged, by the hash of a kind, and by factor."""
    kinds = {judge.hash: judge for judge in map(_judge_of, runs)}
    return {
        kind: {factor: at_rate(judge, factor) for factor in factors}
        for kind, judge in kinds.items()
    }


def at_rate(run: Run, factor: float) -> Run:
    """Return a run with its highest learning rate multiplied."""
    return at_peak(run, run.optimizer.peak * factor)


def at_peak(run: Run, peak: float) -> Run:
    """Return a run with another highest learning rate."""
    return replace(run, optimizer=replace(run.optimizer, peak=peak))


def _judge_of(run: Run) -> Run:
    """Return the network by which rates are judged for the kind of a run."""
    order = None if run.data.order is None else _SEED
    data = replace(run.data, order=order, held_out=True)
    return replace(run, data=data, seed=_SEED, layer_seeds=SPAWNED)
