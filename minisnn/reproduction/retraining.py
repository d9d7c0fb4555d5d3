"""Retraining at half the learning rate of networks that lost classes for good.

Where a rate is too high for a network, outputs saturate, and the digits of a class are lost. The
loss on the training data shows it: it ends well above that of the try by which the rate was chosen,
a network of the same kind at the same rate. Test data has no part in this.
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

_ABOVE = 1.25  # times the loss of the try: seeds reach 1.02, a lost class has 1.44 or more


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
        Runs that lost classes even at the lowest rate that was tried for their kind.
    n_known : int
        Trainings that are not among these, since rows say that they are done; tries included.
    """

    summary: Summary
    instead: Mapping[str, Run]
    tries: Sequence[Run]
    n_repeated: int
    n_lost: int
    n_known: int = 0

    def __str__(self) -> str:
        return (
            f"{self.n_known} more were in trainings.csv before; {self.n_repeated} trainings lost "
            f"classes and were made again at half the rate; {self.n_lost} still do"
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
        Trainings that are done. Runs and tries among them are not made again.

    Returns
    -------
    Trained
        After Ctrl-C too, with ``summary.interrupted``.
    """
    rows = {row.run: row for row in known}
    instead = {run.hash: at_peak(run, rows[k].rate) for run in runs if (k := key_of(run)) in rows}
    waiting = {run.hash: run for run in runs if run.hash not in instead}
    choice = choose(
        [*waiting.values()], store, factors, runner=runner, known=rows, progress=progress
    )
    summary, n_repeated, n_lost = choice.summary, 0, 0
    n_known = len(instead) + sum(key_of(run) in rows for run in choice.tries)
    latest = {}
    if not summary.interrupted:
        latest = {key: choice.applied(run) for key, run in waiting.items()}
    while latest and not summary.interrupted:
        instead.update(latest)
        swept = sweep([*latest.values()], store, runner=runner, progress=progress)
        summary = _sum(summary, swept)
        tried = {key: choice.losses_of(waiting[key]) for key in latest}
        with Store(store) as file:
            lost = {
                key: run
                for key, run in latest.items()
                if loses_classes(file.history(run.hash), tried[key].get(run.optimizer.peak))
            }
        slower = {key: at_rate(run, 0.5) for key, run in lost.items()}
        latest = {key: run for key, run in slower.items() if run.optimizer.peak in tried[key]}
        n_repeated += len(latest)
        n_lost += len(lost) - len(latest)
    for key in latest:  # after Ctrl-C
        del instead[key]
    return Trained(summary, instead, choice.tries, n_repeated, n_lost, n_known)


def loses_classes(epochs: Sequence[Epoch], loss_of_try: float | None) -> bool:
    """Return whether the training loss ends well above that of the try at the same rate.

    It does not where there is no epoch or no try.
    """
    return bool(epochs) and loss_of_try is not None and not epochs[-1].loss <= _ABOVE * loss_of_try


def _sum(first: Summary, second: Summary) -> Summary:
    return Summary(
        trained=first.trained + second.trained,
        done=first.done + second.done,
        failed=first.failed + second.failed,
        pending=first.pending + second.pending,
        interrupted=second.interrupted,
    )
