"""A whole reproduction in small: trained once, examined, drawn, written."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minisnn import experiments, reproduction
from minisnn.experiments import Store, datasets
from minisnn.reproduction import EXPERIMENTS, PROFILES, Answer, select
from minisnn.reproduction.reproduce import GRAPHS, STORE, TRAININGS
from minisnn.reproduction.statistics import Interval
from minisnn.reproduction.trainings import RATES, MeasuredGraph, Training, read_rows, write_rows

pytest.importorskip("plotly", reason="needs the extra report")

QUICK = PROFILES["quick"]
TINY = replace(
    QUICK, hidden=24, wide=40, epochs=2, long=4, seeds=2, degrees=(1, 4, 16), equal_degrees=(1, 2),
    factors=(1.0, 2.0),
)  # fmt: skip
KEYS = list(EXPERIMENTS)


WHOLE = pytest.mark.slow  # what looks at the whole reproduction


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minisnn.reproduction.statistics.RESAMPLES", 50)
        folder = tmp_path_factory.mktemp("paper")
        made = reproduction.reproduce(TINY, folder, select([]), commit="abc", progress=False)
        return made, folder


@WHOLE
def test_every_experiment_has_an_answer(outcome: tuple[Any, Path]) -> None:
    made, _ = outcome
    assert [f"E{k}" for k in range(1, 14)] == KEYS
    assert [experiment.key for experiment, _ in made.findings] == KEYS
    assert made.summary.failed == made.summary.pending == 0
    for _, finding in made.findings:
        assert finding.answer in Answer
        assert finding.reason
        assert finding.charts or finding.tables or finding.pictures


@WHOLE
def test_files(outcome: tuple[Any, Path]) -> None:
    made, folder = outcome
    names = [c.name for _, f in made.findings for c in f.charts]
    names += [name for _, f in made.findings for name in f.pictures]
    assert len(set(names)) == len(names)
    for name in names:
        assert (folder / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert "<svg" in (folder / "figures" / f"{name}.svg").read_text()
    n_tables = sum(len(f.tables) for _, f in made.findings)
    assert len(list((folder / "tables").glob("*.csv"))) == n_tables + 3


@WHOLE
def test_the_table_of_all_networks_is_that_of_the_store(outcome: tuple[Any, Path]) -> None:
    made, folder = outcome
    with open(folder / "tables" / "all-networks.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    trainings = read_rows(folder / TRAININGS, Training)
    compared = [row for row in trainings if row.experiments != RATES]
    assert sum(int(row["seeds"]) for row in rows) == len(compared)
    runs = [run for e, _ in made.findings if e.key == "E6" for run in e.runs(TINY)][: TINY.seeds]
    results = reproduction.Results(trainings)
    expected = results.accuracy(runs), results.weights(runs[0])
    (row,) = [
        row for row in rows
        if (row["experiments"], row["layers"]) == ("E6", "regular_rotating:5%,dense")
    ]  # fmt: skip
    assert row["accuracy, %"] == reproduction.report.text_of(expected[0])
    assert int(row["weights"].replace(",", "")) == expected[1]
    assert (row["dropout"], row["seeds"]) == ("0.2 0.5", "2")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("dense", "dense"),
        (2_382_000, "2,382,000"),
        (0.4375, "0.4375"),
        (float("nan"), "-"),
        (Interval(97.764, 97.7, 97.82), "97.76 [97.70, 97.82]"),
        (Interval(97.764, -np.inf, np.inf), "97.76"),
        (Interval(np.nan, np.nan, np.nan), "-"),
    ],
)
def test_cells_of_tables(value: str | float | Interval, text: str) -> None:
    assert reproduction.report.text_of(value) == text


@WHOLE
def test_rows_are_what_the_store_holds(outcome: tuple[Any, Path]) -> None:
    _, folder = outcome
    rows = read_rows(folder / TRAININGS, Training)
    assert {row.commit for row in rows} == {"abc"}
    with Store(folder / STORE) as store:
        found = {r.figures.accuracy for r in store.records() if r.figures}
    assert {row.accuracy for row in rows} <= found
    tries = [row for row in rows if row.experiments == RATES]
    assert {row.judged for row in tries} == {"held out"}
    assert {row.judged for row in rows if row not in tries} == {"test"}
    dense = [row.rate for row in tries if row.wiring == "dense" and row.epochs == TINY.long]
    assert sorted(dense) == pytest.approx([min(dense), 2 * min(dense)])
    long = [row for row in rows if row.epochs == TINY.long and row not in tries]
    assert all(row.quarter != row.accuracy for row in long)


@WHOLE
def test_findings_follow_from_the_rows_alone(
    outcome: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minisnn.reproduction.statistics.RESAMPLES", 50)
    monkeypatch.setattr("minisnn.reproduction.findings.measured", None)  # all are in the file
    made, folder = outcome
    results = reproduction.Results(
        read_rows(folder / TRAININGS, Training), read_rows(folder / GRAPHS, MeasuredGraph)
    )
    for experiment, finding in made.findings:
        again = experiment.examine(TINY, results)
        assert (again.answer, again.reason) == (finding.answer, finding.reason)
        assert repr(again.tables) == repr(finding.tables)  # nan is not equal to itself


@WHOLE
def test_the_overview_has_all_answers(outcome: tuple[Any, Path]) -> None:
    made, folder = outcome
    with open(folder / "tables" / "all-experiments.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["here"] for row in rows] == [finding.answer.value for _, finding in made.findings]


@WHOLE
def test_the_report_holds_everything_itself(outcome: tuple[Any, Path]) -> None:
    made, _ = outcome
    text = made.report.read_text()
    assert 'src="http' not in text
    assert "<link" not in text.partition("<script>")[0]
    for experiment, finding in made.findings:
        assert f'id="{experiment.key}"' in text
        for chart in finding.charts:
            json.dumps(reproduction.charts.to_plotly(chart), allow_nan=False)
            assert f'id="{chart.name}"' in text


@WHOLE
def test_nothing_is_trained_twice(
    outcome: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, folder = outcome

    def never(runs: Any) -> Any:
        raise AssertionError("trained again")

    again = reproduction.reproduce(TINY, folder, select(["E2"]), runner=never, progress=False)
    assert again.summary.trained == 0
    before = next(finding for experiment, finding in made.findings if experiment.key == "E2")
    assert repr(again.findings[0][1]) == repr(before)  # nan is not equal to itself


@WHOLE
def test_trainings_of_another_machine_are_not_made_again(
    outcome: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of their rows alone all follows but the curves over a training."""
    monkeypatch.setattr("minisnn.reproduction.statistics.RESAMPLES", 50)
    made, folder = outcome
    rows = [
        replace(row, experiments=row.experiments.replace(" E8", ""))
        for row in read_rows(folder / TRAININGS, Training)
    ]
    others = [replace(row, profile="other") for row in rows[:3]]
    write_rows(tmp_path / TRAININGS, [*others, *rows], Training)

    def never(runs: Any) -> Any:
        raise AssertionError("trained again")

    keys = ["E2", "E8"]
    again = reproduction.reproduce(
        TINY, tmp_path, select(keys), runner=never, commit="def", progress=False
    )
    assert again.summary.done == 0
    before = [finding for experiment, finding in made.findings if experiment.key in keys]
    for (_, now), then in zip(again.findings, before, strict=True):
        assert (now.answer, now.reason) == (then.answer, then.reason)
        assert repr(now.tables) == repr(then.tables)
    assert before[1].charts
    assert not again.findings[1][1].charts
    found = read_rows(tmp_path / TRAININGS, Training)
    assert found[:3] == others
    assert {row.commit for row in found} == {"abc"}
    assert sorted(row.run for row in found[3:]) == sorted(row.run for row in rows)
    assert sum("E8" in row.experiments for row in found) == len(EXPERIMENTS["E8"].runs(TINY))
    assert again.report is not None
    assert f"{len(EXPERIMENTS['E2'].runs(TINY)) + len(EXPERIMENTS['E8'].runs(TINY))} more" in (
        again.report.read_text(encoding="utf-8")
    )


def test_a_network_that_could_not_be_trained_is_named(tmp_path: Path) -> None:
    def fails(runs: Any) -> Any:
        for run in runs:
            error = "Traceback\nMemoryError: too large"
            versions = experiments.records.Versions()
            yield experiments.records.Outcome(run.hash, None, None, versions, error=error)

    with pytest.raises(
        LookupError, match="a run that this needs is failed: MemoryError: too large"
    ):
        reproduction.reproduce(TINY, tmp_path, select(["E2"]), runner=fails, progress=False)


def test_experiments_are_chosen_by_their_keys() -> None:
    assert [experiment.key for experiment in select(["E9", "E2"])] == ["E9", "E2"]
    with pytest.raises(ValueError, match=r"must be one of E1, E2, .* got 'E14'"):
        select(["E14"])


def test_no_two_streams_of_runs_meet() -> None:
    """Of wiring, first weights, shuffling and the order of pixels, by their first numbers."""
    layers = [experiments.Wiring(topology="constant_degree", degree=10)] * 2
    numbers: list[int] = []
    for run in TINY.seeded(layers, shuffled=True):
        sequence = np.random.SeedSequence(run.seed)
        streams = [*run.wiring_seeds, *sequence.spawn(2), sequence]
        streams.append(np.random.SeedSequence(run.data.order, spawn_key=(datasets._ORDER,)))
        numbers += [int(np.random.default_rng(stream).integers(2**62)) for stream in streams]
    assert len(set(numbers)) == len(numbers) == 2 * 6


def test_rates_follow_from_the_number_of_steps() -> None:
    layers = [experiments.Wiring(topology="dense")] * 2
    steps = TINY.epochs * 4000 / TINY.batch_size
    for width, share in ((1000, 1), (250, 8), (4000, 1 / 8)):
        run = TINY.run(layers, seed=0, hidden=(width,))
        assert run.optimizer.peak == pytest.approx(steps / 2800 * share)
    longest = PROFILES["full"].run(layers, seed=0, epochs=200)
    assert longest.optimizer.peak == 20
