"""A real Dask cluster of two worker processes, one of which dies in the middle."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeping import FAILING, make_runs, n_done, records_of, wait_until

import minisnn as snn
from minisnn import experiments
from minisnn.experiments import Status, Store

dask = pytest.importorskip("dask", reason="needs the extra sweep")
distributed = pytest.importorskip("distributed", reason="needs the extra sweep")

N_EPOCHS = 75  # a quarter of a second or so


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
        silence_logs=50,
    ) as found:  # fmt: skip
        yield found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_worker_is_killed(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with distributed.Client(cluster, set_as_default=False) as client:
        victim = min(client.run(os.getpid).values())
    runs = make_runs(6, epochs=N_EPOCHS, data={"name": "mnist_sample"})

    def kill() -> None:
        wait_until(lambda: n_done(path) >= 1)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = experiments.sweep(
        [*runs, FAILING], path, runner=experiments.cluster(cluster.scheduler_address)
    )
    killer.join()
    assert (summary.done, summary.failed, summary.pending) == (6, 1, 0)
    records = records_of(path)
    assert [record.hash for record in records] == [run.hash for run in [*runs, FAILING]]
    assert [record.status for record in records] == [Status.DONE] * 6 + [Status.FAILED]
    with Store(path) as store:
        assert all(len(store.history(run.hash)) == N_EPOCHS for run in runs)


@pytest.mark.slow
def test_a_wiring_and_arrays_go_to_workers(cluster: Any, tmp_path: Path) -> None:
    def mean_output(targets: Any, outputs: Any) -> float:
        """Goes by value, as what is written in a notebook does: workers cannot import tests."""
        return float(np.mean(outputs))

    edges = [("a", "p"), ("b", "p"), ("p", "out"), ("b", "out")]
    X = np.random.default_rng(0).random((40, 2))
    own = experiments.Arrays(X, X[:, :1], test_rows=np.arange(20), metrics={"mean": mean_output})
    description = {
        "data": {"name": "tiny", "arrays": own},
        "wiring": {"name": "tiny", "graph": snn.wiring.from_edges(edges), "keep": "graph"},
        "optimizer": {"peak": 0.1},
    }
    runs = experiments.expand({"base": description, "grid": {"seed": [0, 1]}})
    runner = experiments.cluster(cluster.scheduler_address)
    paths = tmp_path / "cluster", tmp_path / "here"
    for path, way in zip(paths, (runner, experiments.here), strict=True):
        assert experiments.sweep(runs, path, runner=way).done == 2
    losses = [[record.figures.loss for record in records_of(path)] for path in paths]
    assert losses[0] == losses[1]


def test_a_scheduler_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    runner = experiments.cluster("tcp://127.0.0.1:1")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(OSError, match="Timed out trying to connect"),
    ):
        experiments.sweep(make_runs(1), path, runner=runner)
    assert [record.status for record in records_of(path)] == [Status.PENDING]
