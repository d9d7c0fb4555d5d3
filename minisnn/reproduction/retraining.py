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

from msgspec.structs import replace

from ..experiments import Run, Store, Summary, sweep
from ..experiments.runners import Runner
from ..training.history import Epoch

_RISE = 1.01  # of the loss, from its lowest: seeds do not reach 1.001 otherwise
_TRIES = 3


@dataclass(frozen=True)
class Trained:
    """Outcome of many trainings.

    Parameters
    ----------
    summary : Summary
        Of all sweeps, the runs at lower rates included.
    instead : mapping of str to Run
        By the hash of a run that lost classes, the run that was made in its place.
    n_lost : int
        Runs that lost classes even at the lowest rate that was tried.
    """

    summary: Summary
    instead: Mapping[str, Run]
    n_lost: int

    def __str__(self) -> str:
        return (
            f"{len(self.instead)} trainings lost classes and were made again at half the rate; "
            f"{self.n_lost} still do"
        )


def train_all(
    runs: Sequence[Run],
    store: str | PathLike[str],
    *,
    runner: Runner,
    progress: bool | None = None,
) -> Trained:
    """Train the runs that the store lacks, and again, at a lower rate, those that lost classes.

    Parameters
    ----------
    runs : sequence of Run
        Runs to train.
    store : path
        File of the store.
    runner, progress
        As for `minisnn.experiments.sweep`.

    Returns
    -------
    Trained
        After Ctrl-C too, with ``summary.interrupted``.
    """
    summary = sweep(runs, store, runner=runner, progress=progress)
    instead: dict[str, Run] = {}
    latest = list(runs)
    for tries in range(_TRIES + 1):
        if summary.interrupted:
            break
        with Store(store) as file:
            latest = [
                run
                for run in latest
                # dropout's own chance moves the loss by more than lost classes do
                if not any(_rates(run)) and loses_classes(file.history(run.hash))
            ]
        if not latest or tries == _TRIES:
            break
        slower = [_at_half_the_rate(run) for run in latest]
        instead.update(zip((run.hash for run in latest), slower, strict=True))
        summary = _sum(summary, sweep(slower, store, runner=runner, progress=progress))
        latest = slower
    return Trained(summary, instead, len(latest))


def loses_classes(epochs: Sequence[Epoch]) -> bool:
    """Return whether the training loss ends above its lowest; not where there is no epoch."""
    losses = [epoch.loss for epoch in epochs]
    return bool(losses) and losses[-1] > _RISE * min(losses)


def _rates(run: Run) -> Sequence[float]:
    return run.dropout if isinstance(run.dropout, Sequence) else [run.dropout]


def _at_half_the_rate(run: Run) -> Run:
    return replace(run, optimizer=replace(run.optimizer, peak=run.optimizer.peak / 2))


def _sum(first: Summary, second: Summary) -> Summary:
    return Summary(
        trained=first.trained + second.trained,
        done=first.done + second.done,
        failed=first.failed + second.failed,
        pending=first.pending + second.pending,
        interrupted=second.interrupted,
    )
