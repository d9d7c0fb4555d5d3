"""Sweeps of wirings between names and of arrays of the user's own: results, reports, stores."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import (
    arrays,
    distance,
    labelled,
    of_wiring,
)
from sweeping import make_runs, outcome_of, records_of

import minisnn as snn
from minisnn import experiments
from minisnn.experiments import Run, Status, Store
from minisnn.experiments.records import Outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture(autouse=True)
def number_of_threads() -> Any:
    before = snn.get_num_threads()
    yield
    snn.set_num_threads(before)


@pytest.mark.slow
def test_processes_give_what_one_process_gives(path: Path) -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    factor = 2.0
    data = arrays(metrics={"twice": lambda targets, outputs: factor * distance(targets, outputs)})
    grid = {"wiring.keep": [None, "degrees"], "seed": [0, 1]}
    runs = experiments.expand({"base": of_wiring(data), "grid": grid})
    summary = experiments.sweep(runs, path, runner=experiments.processes(2))
    assert (summary.done, summary.failed) == (4, 0)
    again = experiments.sweep(runs, path)
    assert (again.trained, again.done) == (0, 4)
    experiments.sweep(runs, path.with_name("here"))
    for one, other in zip(records_of(path), records_of(path.with_name("here")), strict=True):
        assert one.figures is not None
        assert other.figures is not None
        assert one.figures.metrics == other.figures.metrics
        assert one.figures.loss == other.figures.loss


def test_a_metric_that_is_none_fails_its_run(path: Path) -> None:
    def fails(targets: Any, outputs: Any) -> Any:
        raise ZeroDivisionError("of the user")

    metrics: list[Any] = [distance, lambda *_: np.nan, lambda *_: "high", fails]
    data = [
        {"name": str(number), "arrays": arrays(metrics={"mine": metric}, input_scale=1 + number)}
        for number, metric in enumerate(metrics)
    ]
    runs = experiments.expand({"base": of_wiring(), "grid": {"data": data}})
    summary = experiments.sweep(runs, path)
    assert (summary.done, summary.failed) == (1, 3)
    errors = [str(record.error).strip().splitlines()[-1] for record in records_of(path)[1:]]
    assert errors == [
        "ValueError: the metric 'mine' must be a finite number, got nan",
        "TypeError: the metric 'mine' must be a number, got 'high'",
        "ZeroDivisionError: of the user",
    ]


def test_reports(path: Path, tmp_path: Path) -> None:
    data = {"name": "genes", "arrays": arrays(), "samples": 50}
    grid = {"wiring.units": [1, 2], "wiring.keep": [None, "degrees"]}
    runs = experiments.expand({"base": of_wiring(data=data), "grid": grid})
    experiments.sweep(runs[:3], path)
    with Store(path) as store:
        records = store.records(runs)
    head, _, *lines = experiments.format_records(records).splitlines()
    about = ["status", "hash", "data", "hidden", "layers", "peak", "batch", "epochs", "seed"]
    results = ["distance", "loss", "seconds", "error"]
    assert head.split() == [*about, "wiring.keep", "wiring.units", *results]
    assert lines[0].split()[2:11] == [
        "genes:50", "-", "pathways", "0.01", "20", "2", "0", "-", "1"
    ]  # fmt: skip
    assert lines[-1].split()[0] == "pending"
    mixed = experiments.expand({"base": labelled()})
    experiments.sweep(mixed, path)
    text = experiments.format_records(records_of(path))
    assert {"distance", "accuracy", "loss"} <= {*text.splitlines()[0].split()}
    experiments.write_csv(tmp_path / "a.csv", records)
    pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
    frame = experiments.records_frame(records)
    assert frame["metric.distance"].notna().tolist() == [True, True, True, False]
    assert frame["result.accuracy"].isna().all()
    assert list(pandas.read_csv(tmp_path / "a.csv").columns) == list(frame.columns)


def test_the_store_keeps_metrics(path: Path) -> None:
    run = Run.from_dict(of_wiring())
    experiments.sweep([run], path)
    (record,) = records_of(path)
    assert record.status is Status.DONE
    assert record.configuration["wiring"] == run.to_dict()["wiring"]
    assert record.configuration["data"] == run.to_dict()["data"]
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT hash, name, value FROM metrics").fetchall()
    assert record.figures is not None
    assert rows == [(run.hash, "distance", record.figures.metrics["distance"])]


def make_first_version(path: Path) -> list[Outcome]:
    """Make a store as minisnn made it when all runs had an accuracy and no metrics."""
    runs = make_runs(2)
    outcomes = [outcome_of(run) for run in runs]
    outcomes = [
        dataclasses.replace(it, figures=dataclasses.replace(it.figures, metrics={}))
        for it in outcomes
    ]
    with Store(path, write=True) as store:
        store.add(runs)
        for outcome in outcomes:
            store.finish(outcome)
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'results'"
        ).fetchone()
        connection.execute("DROP TABLE metrics")
        connection.execute("ALTER TABLE results RENAME TO old")
        connection.execute(text.replace("accuracy REAL,", "accuracy REAL NOT NULL,"))
        connection.execute("INSERT INTO results SELECT * FROM old")
        connection.execute("DROP TABLE old")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return outcomes


def test_stores_of_the_first_version_are_read_and_continued(path: Path) -> None:
    outcomes = make_first_version(path)
    before = records_of(path)
    assert [record.figures for record in before] == [outcome.figures for outcome in outcomes]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,), "it is only read"
    experiments.sweep([Run.from_dict(of_wiring())], path)
    *kept, new = records_of(path)
    assert kept == before
    assert new.figures is not None
    assert new.figures.accuracy is None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
