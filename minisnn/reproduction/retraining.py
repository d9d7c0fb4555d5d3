"""Retraining at half the learning rate of networks that lost classes for good.

Where a rate is too high for a network, outputs saturate late in the training, and the digits of a
class are lost. The loss on the training data shows it: the rate falls to zero at the end, so that
the loss should end at its lowest, and here it does not. Test data has no part in this. Trainings
with dropout are not looked at: their loss is that of networks thinned at random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

from ..experiments import Run, Store, Summary, sweep
from ..experiments.runners import Runner
from ..training.history import Epoch
from .rates import at_rate, choose

_RISE = 1.01  # of the loss, from its lowest: seeds do not reach 1.001 otherwise
_TRIES = 3


@dataclass(frozen=True)
class Trained:
    """Outcome of many trainings.

    Parameters
    ----------
    summary : Summary
        Of all sweeps: tries of rates, and runs at lower rates, included.
    instead : mapping of str to Run
        By the hash of each run, the one that was trained in its place, at the rate of its kind or
        at a lower one.
    tries : sequence of Run
        Trainings that rates were chosen by.
    n_repeated : int
        Runs that lost classes.
    n_lost : int
        Runs that lost classes even at the lowest rate that was tried.
    """

    summary: Summary
    instead: Mapping[str, Run]
    tries: Sequence[Run]
    n_repeated: int
    n_lost: int

    def __str__(self) -> str:
        return (
            f"{self.n_repeated} trainings lost classes and were made again at half the rate; "
            f"{self.n_lost} still do"
        )


def train_all(
    runs: Sequence[Run],
    store: str | PathLike[str],
    *,
    runner: Runner,
    factors: Sequence[float] = (1.0,),
    progress: bool | None = None,
) -> Trained:
    """Choose rates, train the runs that the store lacks, and again those that lost classes.

    Parameters
    ----------
    runs : sequence of Run
        Runs to train, at the middle rates of their kinds.
    store : path
        File of the store.
    runner, progress
        As for `minisnn.experiments.sweep`.
    factors : sequence of float
        Rates to choose among, as factors; see `rates`.

    Returns
    -------
    Trained
        After Ctrl-C too, with ``summary.interrupted``.
    """
    choice = choose(runs, store, factors, runner=runner, progress=progress)
    if choice.summary.interrupted:
        return Trained(choice.summary, {}, choice.tries, 0, 0)
    instead = {run.hash: choice.applied(run) for run in runs}
    summary, latest, n_repeated = choice.summary, dict(instead), 0
    for tries in range(_TRIES + 1):
        swept = sweep([*latest.values()], store, runner=runner, progress=progress)
        summary = _sum(summary, swept)
        if swept.interrupted:
            latest = {}
            break
        with Store(store) as file:
            latest = {
                key: run
                for key, run in latest.items()
                # dropout's own chance moves the loss by more than lost classes do
                if not any(_dropout(run)) and loses_classes(file.history(run.hash))
            }
        if not latest or tries == _TRIES:
            break
        n_repeated += len(latest)
        latest = {key: at_rate(run, 0.5) for key, run in latest.items()}
        instead.update(latest)
    return Trained(summary, instead, choice.tries, n_repeated, len(latest))


def loses_classes(epochs: Sequence[Epoch]) -> bool:
    """Return whether the training loss ends above its lowest; not where there is no epoch."""
    losses = [epoch.loss for epoch in epochs]
    return bool(losses) and losses[-1] > _RISE * min(losses)


def _dropout(run: Run) -> Sequence[float]:
    return run.dropout if isinstance(run.dropout, Sequence) else [run.dropout]


def _sum(first: Summary, second: Summary) -> Summary:
    return Summary(
        trained=first.trained + second.trained,
        done=first.done + second.done,
        failed=first.failed + second.failed,
        pending=first.pending + second.pending,
        interrupted=second.interrupted,
    )
