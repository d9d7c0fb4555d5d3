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
from .rates import at_peak, at_rate, choose
from .trainings import Training, key_of

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
        at a lower one. After Ctrl-C, without those that lost classes.
    tries : sequence of Run
        Trainings that rates were chosen by.
    n_repeated : int
        Runs that lost classes.
    n_lost : int
        Runs that lost classes even at the lowest rate that was tried.
    n_known : int
        Trainings that were made elsewhere, tries included.
    """

    summary: Summary
    instead: Mapping[str, Run]
    tries: Sequence[Run]
    n_repeated: int
    n_lost: int
    n_known: int = 0

    def __str__(self) -> str:
        return (
            f"{self.n_known} more were made elsewhere; {self.n_repeated} trainings lost classes "
            f"and were made again at half the rate; {self.n_lost} still do"
        )


def train_all(
    runs: Sequence[Run],
    store: str | PathLike[str],
    *,
    runner: Runner,
    factors: Sequence[float] = (1.0,),
    known: Sequence[Training] = (),
    progress: bool | None = None,
) -> Trained:
    """Choose rates, train the runs that are not done, and again those that lost classes.

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
    known : sequence of Training
        Trainings that were made elsewhere. Runs and tries among them are not trained.

    Returns
    -------
    Trained
        After Ctrl-C too, with ``summary.interrupted``.
    """
    rows = {row.run: row for row in known}
    instead = {run.hash: at_peak(run, rows[k].rate) for run in runs if (k := key_of(run)) in rows}
    waiting = [run for run in runs if run.hash not in instead]
    accuracies = {key: row.accuracy for key, row in rows.items()}
    choice = choose(waiting, store, factors, runner=runner, known=accuracies, progress=progress)
    n_known = len(instead) + sum(key_of(run) in rows for run in choice.tries)
    if choice.summary.interrupted:
        return Trained(choice.summary, instead, choice.tries, 0, 0, n_known)
    latest = {run.hash: choice.applied(run) for run in waiting}
    summary, n_repeated = choice.summary, 0
    for tries in range(_TRIES + 1):
        instead.update(latest)
        swept = sweep([*latest.values()], store, runner=runner, progress=progress)
        summary = _sum(summary, swept)
        with Store(store) as file:
            latest = {
                key: run
                for key, run in latest.items()
                # dropout's own chance moves the loss by more than lost classes do
                if not any(_dropout(run)) and loses_classes(file.history(run.hash))
            }
        if not latest or tries == _TRIES or swept.interrupted:
            break
        n_repeated += len(latest)
        latest = {key: at_rate(run, 0.5) for key, run in latest.items()}
    if swept.interrupted:
        instead = {key: run for key, run in instead.items() if key not in latest}
        latest = {}
    return Trained(summary, instead, choice.tries, n_repeated, len(latest), n_known)


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
