"""Rates are chosen for kinds, on samples held out, with as many tries for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from minisnn.experiments import Run, Wiring
from minisnn.experiments.records import Figures, Outcome, Versions
from minisnn.reproduction import EXPERIMENTS, PROFILES
from minisnn.reproduction.profiles import DENSE
from minisnn.reproduction.rates import at_rate, choose
from minisnn.training.history import Epoch

PROFILE = PROFILES["quick"]
FACTORS = (0.5, 1.0, 2.0)


def trained(runs: Sequence[Run]) -> Iterator[Outcome]:
    """Dense networks like high rates, sparse ones low rates; a seed's luck is not asked for."""
    for run in runs:
        assert run.data.held_out
        high = run.layers[0].topology == "dense"
        accuracy = 0.5 + (0.1 if high else -0.1) * min(run.optimizer.peak, 3)
        figures = Figures(accuracy, accuracy, 0.1, 1, 1, 1.0)
        failed = run.optimizer.peak > 3 and high
        epoch = Epoch(
            epoch=1, loss=run.optimizer.peak, validation_loss=0.1, validation_accuracy=accuracy,
            learning_rate=1.0, seconds=1.0, step_microseconds=1.0,
        )  # fmt: skip
        yield Outcome(
            hash=run.hash, started="now", seconds=1.0, versions=Versions(),
            figures=None if failed else figures, error="too fast" if failed else None,
            epochs=() if failed else (epoch,),
        )  # fmt: skip


def test_each_kind_has_its_rate(tmp_path: Path) -> None:
    sparse = [
        run
        for name in ("regular_rotating", "random_rotating")
        for shuffled in (False, True)
        for run in PROFILE.seeded([Wiring(topology=name, density=0.1), DENSE], shuffled=shuffled)
    ]
    dense = PROFILE.seeded([DENSE, DENSE])
    base = [replace(run, optimizer=replace(run.optimizer, peak=2.0)) for run in [*sparse, *dense]]
    runner: Any = trained
    made = choose(base, tmp_path / "runs.sqlite", FACTORS, runner=runner, progress=False)
    assert len(made.tries) == (2 * 2 + 1) * len(FACTORS), "constructions, orders, and dense"
    peaks = [made.applied(run).optimizer.peak for run in base]
    assert peaks == [1.0] * len(sparse) + [2.0] * len(dense), "of those that did not fail"
    assert made.losses_of(base[0]) == {1.0: 1.0, 2.0: 2.0, 4.0: 4.0}, "by rate"
    assert made.losses_of(base[-1]) == {1.0: 1.0, 2.0: 2.0}, "the highest failed"


def test_all_kinds_have_as_many_tries(tmp_path: Path) -> None:
    runs = [run for e in EXPERIMENTS.values() for run in e.runs(PROFILE)]
    runner: Any = trained
    made = choose(runs, tmp_path / "runs.sqlite", FACTORS, runner=runner, progress=False)
    tries = Counter(
        (run.activation, run.hidden, run.epochs, run.dropout, run.fan, run.data.order, run.layers)
        for run in made.tries
    )
    assert set(tries.values()) == {len(FACTORS)}
    assert len(tries) == len(made.factors)


def test_of_one_rate_nothing_is_tried(tmp_path: Path) -> None:
    runs = PROFILE.seeded([DENSE, DENSE])
    runner: Any = trained
    made = choose(runs, tmp_path / "runs.sqlite", [0.5], runner=runner, progress=False)
    assert made.tries == []
    assert made.applied(runs[0]) == at_rate(runs[0], 0.5)


@pytest.mark.parametrize("shuffled", [False, True])
def test_what_rates_are_judged_by_is_not_among_what_is_compared(
    tmp_path: Path, shuffled: bool
) -> None:
    layers = [Wiring(topology="regular_rotating", degree=3), DENSE]
    runs = PROFILE.seeded(layers, shuffled=shuffled)
    runner: Any = trained
    made = choose(runs, tmp_path / "runs.sqlite", FACTORS, runner=runner, progress=False)
    assert not {run.seed for run in made.tries} & {run.seed for run in runs}
    orders = {run.data.order for run in made.tries}
    assert not orders & {run.data.order for run in runs} if shuffled else orders == {None}
    assert {run.layers for run in made.tries} == {runs[0].layers}


def test_the_middle_rate_goes_by_the_neurons_that_share_an_output() -> None:
    full = PROFILES["full"]
    first = Wiring(topology="constant_degree", degree=5)
    all_, few = (
        full.run([first, last], 0).optimizer.peak
        for last in (DENSE, Wiring(topology="constant_degree", degree=5))
    )
    assert few == full.run([first, DENSE], 0, hidden=[500]).optimizer.peak > all_
