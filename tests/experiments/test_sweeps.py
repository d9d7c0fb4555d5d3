"""Sweeps in this process and in others: stored, skipped and killed runs."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sweeping import (
    FAILING,
    KILLING,
    UNSENDABLE,
    describe,
    make_runs,
    n_done,
    records_of,
    run,
    start,
    train_run_or_die,
    wait_until,
    worker_processes,
)

import minisnn as snn
from minisnn import experiments
from minisnn._support.seeds import spawned
from minisnn.experiments import Run, Status, Store, runners
from minisnn.experiments.arrays import spread
from minisnn.experiments.datasets import Data, arrays_of, load
from minisnn.experiments.records import Begun, Outcome
from minisnn.experiments.training import build_network, train_run

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
LONG = {"epochs": 200, "data": {"name": "mnist_sample"}}
"""A third of a second or so."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def write_config(folder: Path, count: int, *failing: dict[str, Any], **changes: Any) -> None:
    """Describe some runs that differ in their seeds, and some more."""
    entries = [*({"seed": seed} for seed in range(count)), *failing]
    (folder / "a.json").write_text(json.dumps({"base": describe(**changes), "list": entries}))


def test_a_run_is_the_training_it_describes() -> None:
    layers = [
        {"topology": "constant_degree", "density": 0.2, "options": {"seed": 8}},
        {"topology": "random_rotating", "degree": 4},
        {"topology": "dense"},
    ]
    single = Run.from_dict(
        describe(
            hidden=[30, 20], layers=layers, epochs=2, dropout=[0.1, 0.2, 0.0], batch_size=50,
            optimizer={"peak": 0.5, "momentum": 0.8, "warm_up": 0.3}, fan="width", seed=3,
            initializer="glorot_uniform",
        )
    )  # fmt: skip
    before = snn.get_num_threads()
    outcome = train_run({}, single.to_json())
    assert snn.get_num_threads() == 1
    snn.set_num_threads(before)

    topology, digits = snn.topology, snn.datasets.load_mnist("sample")
    graphs = [
        topology.constant_degree(784, 30, 6, seed=8),
        topology.random_rotating(30, 20, 4, seed=spawned(3, 3)[1]),
        topology.dense(20, 10),
    ]
    by_class = [np.flatnonzero(digits.train_labels == label)[:30] for label in range(10)]
    chosen = [members[place] for place in range(30) for members in by_class]
    net = snn.MLP(graphs, seed=3, initializer="glorot_uniform", fan="width")
    assert np.array_equal(build_network(single).parameters, net.parameters)
    assert build_network(replace(single, dtype="float64")).dtype == np.float64
    history = snn.train(
        net, digits.train_images[chosen], digits.train_labels[chosen], batch_size=50, epochs=2,
        seed=3, optimizer=snn.NesterovSGD(snn.WarmUpDecay(0.5, 0.3), 0.8), dropout=[0.1, 0.2, 0.0],
        validation_data=(digits.test_images, digits.test_labels), input_scale=1 / 255,
    )  # fmt: skip
    assert [epoch.loss for epoch in outcome.epochs] == history.column("loss")
    accuracies = history.column("validation_accuracy")
    figures = outcome.figures
    assert figures is not None
    assert (figures.accuracy, figures.best_accuracy) == (accuracies[-1], max(accuracies))
    assert figures.loss == history.column("validation_loss")[-1]
    assert figures.weights == net.n_connections
    assert figures.bytes == net.parameter_bytes + net.structure_bytes
    assert figures.step_microseconds > 0
    assert outcome.versions.minisnn == snn.__version__
    assert outcome.versions.cpu


def test_a_run_with_other_ingredients() -> None:
    optimizer = {"name": "adam", "peak": 0.01, "warm_up": 0.2, "decay": "step", "every": 1}
    single = Run.from_dict(
        describe(
            activation="relu", output_activation="softmax", initializer="he_normal", epochs=3,
            optimizer=optimizer,
        )
    )  # fmt: skip
    before = snn.get_num_threads()
    outcome = train_run({}, single.to_json())
    snn.set_num_threads(before)
    net = build_network(single)
    assert (net.activation, net.output_activation) == ("relu", "softmax")
    digits = snn.datasets.load_mnist("sample")
    chosen = spread(digits.train_labels)[:300]
    schedule = snn.WarmUp(snn.StepDecay(0.01, every=1), share=0.2)
    history = snn.train(
        net, digits.train_images[chosen], digits.train_labels[chosen], epochs=3,
        loss="cross_entropy", optimizer=snn.Adam(schedule), input_scale=1 / 255,
    )  # fmt: skip
    assert [epoch.loss for epoch in outcome.epochs] == history.column("loss")
    assert [epoch.learning_rate for epoch in outcome.epochs] == history.column("learning_rate")


def test_few_samples_are_of_all_classes(digits: Any) -> None:
    """The embedded sample is sorted by class: its beginning would be zeros only."""
    order = spread(digits.train_labels)
    assert sorted(order) == list(range(4000))
    assert np.bincount(digits.train_labels[order[:300]]).tolist() == [30] * 10
    assert np.bincount(digits.train_labels[order[:304]]).tolist() == [31] * 4 + [30] * 6
    uneven = np.array([2, 0, 0, 0, 1])
    assert spread(uneven).tolist() == [0, 1, 4, 2, 3]


def test_shuffled_images_are_the_same_pixels_in_one_other_order(digits: Any) -> None:
    shuffled = load("mnist_sample_shuffled")

    def columns(data: Any) -> list[bytes]:
        """Each pixel over all images, so that both parts must have one order."""
        return [column.tobytes() for column in np.vstack([data.train_images, data.test_images]).T]

    assert columns(shuffled) != columns(digits)
    assert sorted(columns(shuffled)) == sorted(columns(digits))
    assert (shuffled.train_labels == digits.train_labels).all()
    assert load("mnist_sample_shuffled").train_images.tobytes() == shuffled.train_images.tobytes()


def test_an_order_is_that_of_its_seed(digits: Any) -> None:
    """And no stream of a run with this seed: neither its shuffling nor the first layer's."""
    pixels = np.vstack([digits.train_images, digits.test_images])
    found = []
    for seed in (3, 4):
        arrays, _ = arrays_of(Data(name="mnist_sample", order=seed))
        images = arrays.X, arrays.test_data[0]
        assert all(each.flags.c_contiguous for each in images), "as batches are gathered fast"
        both = np.vstack(images)
        assert sorted(c.tobytes() for c in both.T) == sorted(c.tobytes() for c in pixels.T)
        for rng in (seed, *np.random.SeedSequence(seed).spawn(3)):
            others = pixels[:, np.random.default_rng(rng).permutation(784)]
            assert (both != others).any()
        found.append(both)
    assert (found[0] != found[1]).any()


def test_what_is_held_out_is_not_trained_on(digits: Any) -> None:
    arrays, rows = arrays_of(Data(name="mnist_sample", held_out=True))
    assert rows is not None
    assert sorted([*rows, *arrays.test_rows]) == list(range(4000))
    assert np.bincount(digits.train_labels[arrays.test_rows]).min() == 66
    assert Data(name="mnist_sample", held_out=True).n_train == len(rows) == 3334
    few = arrays_of(Data(name="mnist_sample", held_out=True, samples=50))[1]
    assert len(set(few) & set(rows)) == 50


def test_a_sweep_learns(path: Path) -> None:
    """Better than any network that has not seen all classes could be."""
    layers = [{"topology": "fibonacci_rotating", "degree": 10}, {"topology": "dense"}]
    learning = describe(
        data={"name": "mnist_sample", "samples": 1000}, hidden=[100], layers=layers,
        optimizer={"peak": 1.0}, batch_size=32, epochs=30,
    )  # fmt: skip
    experiments.sweep([Run.from_dict(learning)], path)
    (record,) = records_of(path)
    assert record.figures is not None
    assert record.figures.accuracy > 0.6


def test_done_is_skipped_and_failed_is_recorded(path: Path) -> None:
    runs = [*make_runs(2), FAILING]
    before = snn.get_num_threads()
    summary = experiments.sweep(runs, path)
    assert snn.get_num_threads() == before
    assert str(summary) == "3 runs: 2 done (0 of them before), 1 failed, 0 pending"
    with Store(path) as store:
        *done, failed = store.records()
        assert len(store.history(runs[0].hash)) == 1
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error.startswith("Traceback")
    assert "ValueError: degree must be between 1 and n_out = 30" in failed.error
    assert all(record.figures and record.seconds for record in done)

    again = experiments.sweep([*runs, make_runs(3)[-1]], path)
    assert (again.trained, again.done, again.failed) == (1, 3, 1)
    assert records_of(path)[:3] == [*done, failed]

    experiments.sweep(runs, path, retry_failed=True)
    *kept, tried = records_of(path)[:3]
    assert kept == done
    assert tried.status is Status.FAILED
    assert tried.started != failed.started


def test_a_runner_that_breaks_leaves_nothing_running(path: Path) -> None:
    def breaks(runs: Any) -> Any:
        yield Begun(runs[0].hash)
        yield train_run({}, runs[0].to_json())
        yield Begun(runs[1].hash)
        raise RuntimeError("the machine is on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        experiments.sweep(make_runs(3), path, runner=breaks)
    statuses = [record.status for record in records_of(path)]
    assert statuses == [Status.DONE, Status.PENDING, Status.PENDING]


def test_processes_give_what_one_process_gives(path: Path) -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    runs = [*make_runs(5), FAILING]
    seen, others = [], worker_processes()
    runner = experiments.processes(2)

    def watched(runs: Any) -> Any:
        for event in runner(runs):
            seen.append(event)
            yield event

    summary = experiments.sweep(runs, path, runner=watched)
    assert (summary.done, summary.failed) == (5, 1)
    assert [type(event) for event in seen[:2]] == [Begun, Begun], "as many as there are processes"
    begun = [event.hash for event in seen if isinstance(event, Begun)]
    ended = [event.hash for event in seen if not isinstance(event, Begun)]
    assert begun == [run.hash for run in runs]
    assert sorted(ended) == sorted(begun)
    experiments.sweep(runs, path.with_name("here"))
    for one, other in zip(records_of(path), records_of(path.with_name("here")), strict=True):
        assert one.hash == other.hash
        if one.figures and other.figures:
            assert one.figures.accuracy == other.figures.accuracy
            assert one.figures.loss == other.figures.loss
    assert not worker_processes(others), "none stays"


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize(("jobs", "seeds"), [(2, [0, 1, 3, 4, 2]), (1, [1, 0]), (2, [1])])
def test_a_worker_that_dies_fails_its_own_run(
    path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int, seeds: list[int]
) -> None:
    """The others go on, and no run is trained in this process: not the last one, nor a single."""
    pytest.importorskip("joblib", reason="needs the extra sweep")
    monkeypatch.setattr(runners, "train_run", train_run_or_die)
    runs = [make_runs(5)[seed] for seed in seeds]
    runner, others = experiments.processes(jobs), worker_processes()
    summary = experiments.sweep(runs, path, runner=runner)
    assert (summary.failed, summary.pending) == (len({1, 2} & {*seeds}), 0)
    for seed, record in zip(seeds, records_of(path), strict=True):
        assert (record.status is Status.FAILED) == (seed in (KILLING, UNSENDABLE))
        if seed == KILLING:
            assert record.error is not None
            assert record.error.startswith("the process that trained this run died (SIGKILL(-9)): ")
        elif seed == UNSENDABLE:
            assert "cannot pickle '_thread.lock' object" in str(record.error)
    assert not worker_processes(others)
    again = experiments.sweep(runs, path, runner=runner)
    assert (again.trained, again.failed) == (0, summary.failed), "it is not begun again"
    monkeypatch.setattr(runners, "train_run", train_run)
    last = experiments.sweep(runs, path, retry_failed=True)
    assert (last.trained, last.failed) == (summary.failed, 0)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no list of processes")
def test_a_worker_that_dies_while_it_is_idle(path: Path) -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    events, others = experiments.processes(1)(make_runs(2)), worker_processes()
    assert [type(next(events)) for _ in range(2)] == [Begun, Outcome]
    for process in worker_processes(others):
        os.kill(process, signal.SIGKILL)
    time.sleep(0.5)  # in which that is noticed: else the next run is taken to have killed it
    begun, outcome = events
    assert isinstance(outcome, Outcome)
    assert begun.hash == outcome.hash
    assert outcome.figures is not None


def test_no_extra_is_imported_with_the_library() -> None:
    program = (
        "import sys, minisnn; assert 'minisnn.experiments' not in sys.modules;"
        "import minisnn.experiments;"
        "print({'joblib', 'distributed', 'dask', 'pyarrow'} & set(sys.modules))"
    )  # yaml is no question: Numba imports it, where it is there
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(snn.__file__).parents[1], capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert found.stdout == "set()\n"


@pytest.mark.slow
@POSIX
def test_a_killed_sweep_goes_on_where_it_was(path: Path, tmp_path: Path) -> None:
    """None is lost, none is trained twice."""
    pytest.importorskip("joblib", reason="needs the extra sweep")
    write_config(tmp_path, 8, **LONG)
    command = ["a.json", "--store", str(path), "--jobs", "2"]
    with start(*command, cwd=tmp_path) as process:
        wait_until(lambda: n_done(path) >= 2)
        process.kill()
        process.communicate(timeout=20)  # its workers, who share its output, end soon, too
    killed = records_of(path)
    finished = [record for record in killed if record.status is Status.DONE]
    assert 2 <= len(finished) < 8
    assert any(record.status is Status.RUNNING for record in killed)

    with start(*command, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=200)
    assert (process.returncode, err) == (0, "")
    assert out == f"8 runs: 8 done ({len(finished)} of them before), 0 failed, 0 pending\n"
    after = {record.hash: record for record in records_of(path)}
    assert len(after) == 8
    assert [after[record.hash] for record in finished] == finished, "not trained again"
    with Store(path) as store:
        assert all(len(store.history(run_hash)) == LONG["epochs"] for run_hash in after)


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished(path: Path, tmp_path: Path, jobs: str) -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    write_config(tmp_path, 40, **(LONG | {"epochs": 100}))
    with start("a.json", "--store", str(path), "--jobs", jobs, cwd=tmp_path) as process:
        wait_until(lambda: n_done(path) >= 3)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all processes get it
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    statuses = [record.status for record in records_of(path)]
    done = statuses.count(Status.DONE)
    assert 3 <= done < 40
    assert statuses.count(Status.PENDING) == 40 - done
    assert out == f"40 runs: {done} done (0 of them before), 0 failed, {40 - done} pending\n"


def test_the_program_lists_and_exports(path: Path, tmp_path: Path) -> None:
    failing = {"layers.0.degree": 31}
    write_config(tmp_path, 1, failing)
    common = ["a.json", "--store", str(path)]
    code, out, err = run(*common, "--jobs", "1", cwd=tmp_path)
    assert (code, out, err) == (1, "2 runs: 1 done (0 of them before), 1 failed, 0 pending\n", "")

    write_config(tmp_path, 2, failing)
    code, out, _ = run(*common, "--list", "--export", "csv", "--output", "a.csv", cwd=tmp_path)
    assert code == 0
    head, _, done, pending, failed = (line.split() for line in out.splitlines())
    assert head[:3] == ["status", "hash", "data"]
    assert done[0] == "done"
    assert make_runs(1)[0].hash.startswith(done[1])
    assert done[2:5] == ["mnist_sample:300", "30", "constant_degree:5,dense"]
    assert pending[0] == "pending"
    assert failed[0] == "failed"
    assert "ValueError: degree must be" in " ".join(failed)
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "pending", "failed"]
    (record, _) = records_of(path)
    assert record.figures is not None
    assert float(rows[0]["result.accuracy"]) == record.figures.accuracy
    assert rows[0]["layers.0.degree"] == "5"
    assert rows[1]["result.accuracy"] == ""
    assert rows[2]["error"].startswith("Traceback")
