"""Trainings that lose classes: detected by the loss, repeated at half the rate, and replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from minisnn.experiments import Run, Store, Wiring
from minisnn.experiments.records import Figures, Outcome, Versions
from minisnn.reproduction import PROFILES
from minisnn.reproduction.rates import at_rate, tries_of
from minisnn.reproduction.retraining import loses_classes, train_all
from minisnn.reproduction.trainings import Training, key_of
from minisnn.training.history import Epoch

GOOD, LOST = (0.09, 0.05, 0.03), (0.09, 0.05, 0.04)  # which falls to its end, too
FACTORS = (0.125, 0.25, 0.5, 1.0)


def epochs(losses: Sequence[float]) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(
            epoch=number, loss=loss, validation_loss=loss, validation_accuracy=1 - loss,
            learning_rate=1.0, seconds=1.0, step_microseconds=1.0,
        )
        for number, loss in enumerate(losses, start=1)
    )  # fmt: skip


def bears(rate: float) -> Callable[[Sequence[Run]], Iterator[Outcome]]:
    """Return a runner whose networks lose classes at higher rates, but for those of tries.

    Tries are the more accurate the higher the rate.
    """

    def runner(runs: Sequence[Run]) -> Iterator[Outcome]:
        for run in runs:
            is_try = run.data.held_out
            history = epochs(GOOD if is_try or run.optimizer.peak <= rate else LOST)
            accuracy = run.optimizer.peak / 1000 if is_try else 1 - history[-1].loss
            figures = Figures(
                accuracy=accuracy, best_accuracy=accuracy, loss=history[-1].loss, weights=1,
                bytes=1, step_microseconds=1.0,
            )  # fmt: skip
            yield Outcome(
                hash=run.hash, started="now", seconds=1.0, versions=Versions(), figures=figures,
                epochs=history, layers=(), error=None,
            )  # fmt: skip

    return runner


def row_of(run: Run, *, rate: float = 1.0, accuracy: float = 0.0) -> Training:
    return Training(
        profile="quick", experiments="E2", run=key_of(run), data="mnist_sample", order=None,
        judged="held out" if run.data.held_out else "test", hidden="100", layers="", wiring="",
        degree=2, density=0.02, fan="degree", dropout="0 0", epochs=25, seed=run.seed, rate=rate,
        weights=1, accuracy=accuracy, quarter=accuracy, loss=GOOD[-1], lowest=0.0, highest=0.0,
        deviation=0.0, seconds=1.0, commit="abc", version="0.1", cpu="another",
    )  # fmt: skip


@pytest.fixture
def runs() -> list[Run]:
    layers = [Wiring(topology="constant_degree", degree=2), Wiring(topology="dense")]
    return PROFILES["quick"].seeded(layers)


def test_the_loss_tells() -> None:
    assert loses_classes(epochs(LOST), GOOD[-1])
    assert not loses_classes(epochs(LOST), LOST[-1])
    assert not loses_classes(epochs(GOOD), GOOD[-1])
    assert not loses_classes(epochs((0.09, 0.05, 0.036)), GOOD[-1])
    assert loses_classes(epochs((0.09, float("nan"))), GOOD[-1])
    assert not loses_classes((), GOOD[-1])
    assert not loses_classes(epochs(LOST), None)


@pytest.mark.parametrize(("halvings", "n_lost"), [(0, 0), (1, 0), (3, 0), (4, 3)])
def test_the_rate_is_halved_until_it_does(
    runs: list[Run], tmp_path: Path, halvings: int, n_lost: int
) -> None:
    peak, path = runs[0].optimizer.peak, tmp_path / "runs.sqlite"
    runner: Any = bears(peak / 2**halvings)
    made = train_all(runs, path, runner=runner, factors=FACTORS, progress=False)
    tried = min(halvings, 3)
    assert made.summary.trained == (tried + 1) * len(runs) + len(FACTORS)
    assert made.n_lost == n_lost
    assert made.n_repeated == tried * len(runs)
    assert {made.instead[run.hash].optimizer.peak for run in runs} == {peak / 2**tried}
    with Store(path) as store:
        trained = [made.instead[run.hash] for run in runs]
        for record in store.records(trained):
            assert record.figures is not None
            assert record.figures.loss == (LOST if n_lost else GOOD)[-1]
    again = train_all(runs, path, runner=runner, factors=FACTORS, progress=False)
    assert again.summary.trained == 0
    assert again.instead == made.instead


def test_of_one_rate_nothing_is_known(runs: list[Run], tmp_path: Path) -> None:
    runner: Any = bears(0.0)
    made = train_all(runs, tmp_path / "runs.sqlite", runner=runner, progress=False)
    assert (made.n_repeated, made.n_lost) == (0, 0)


def test_an_interrupted_sweep_is_not_looked_at(runs: list[Run], tmp_path: Path) -> None:
    def interrupted(runs: Sequence[Run]) -> Iterator[Outcome]:
        if runs[0].data.held_out:
            yield from bears(0.0)(runs)
        else:
            yield from bears(0.0)(runs[:1])
            raise KeyboardInterrupt

    runner: Any = interrupted
    path = tmp_path / "runs.sqlite"
    made = train_all(runs, path, runner=runner, factors=FACTORS, progress=False)
    assert made.summary.interrupted
    assert set(made.instead) == {run.hash for run in runs[1:]}, "the first has to be made again"


def test_what_was_made_elsewhere_is_not_trained(runs: list[Run], tmp_path: Path) -> None:
    """Neither a run nor a try: rates are those that the rows have, whatever they are."""
    peak = runs[0].optimizer.peak
    [by_factor] = tries_of(runs, (1.0, 2.0)).values()
    slow, fast = by_factor.values()
    known = [row_of(runs[0], rate=peak / 7), row_of(slow)]
    trained: list[Run] = []

    def runner(runs: Sequence[Run]) -> Iterator[Outcome]:
        trained.extend(runs)
        yield from bears(peak)(runs)

    path = tmp_path / "runs.sqlite"
    made = train_all(
        runs,
        path,
        runner=runner,
        factors=(1.0, 2.0),
        known=known,
        progress=False,  # type: ignore[arg-type]
    )
    assert trained == [fast, *(at_rate(run, rate) for rate in (2.0, 1.0) for run in runs[1:])]
    assert [made.instead[run.hash].optimizer.peak for run in runs] == [peak / 7, peak, peak]
    assert made.n_known == len(known)
    known += [row_of(run, rate=peak) for run in runs[1:]]
    again = train_all(runs, path, runner=runner, factors=(4.0, 8.0), known=known, progress=False)  # type: ignore[arg-type]
    assert again.summary.done == 0, "nor tries that no run needs"
