"""Tests against null models: p, effect and interval; results that are kept; trainings that fail."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

import minisnn as snn
from minisnn import FileFormatError, experiments
from minisnn.experiments import NullTest, Store, wiring_test
from minisnn.experiments.null_models import _Nulls

GRAPH = snn.topology.scale_free(12, 9, 3, seed=0)
WIRING = snn.wiring.from_edges(
    [("a", "p"), ("b", "p"), ("c", "q"), ("d", "q"), ("p", "out"), ("q", "out"), ("a", "out")]
)


def first_edges(real: Any, seed: int) -> float:
    """Some number that hangs on the wiring and on the seed."""
    edges = real.edges() if isinstance(real, snn.Topology) else np.stack(real.term_edges(), axis=1)
    return float(np.cumsum(edges[:, 0]).sum() % 97 + seed / 2**32)


class Counting:
    """A training that says what it was called with, in this process."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.calls: list[tuple[Any, int]] = []
        self.stop_after = stop_after

    def __call__(self, real: Any, seed: int) -> float:
        if len(self.calls) == self.stop_after:
            raise KeyboardInterrupt
        self.calls.append((real, seed))
        return first_edges(real, seed)


# Trainings


@pytest.mark.parametrize("real", [GRAPH, WIRING])
@pytest.mark.parametrize("keep", ["degrees", "in_degree", "density", "graph"])
def test_what_is_trained(real: Any, keep: str) -> None:
    train = Counting()
    result = wiring_test(real, train, n=5, keep=keep, seeds=2, seed=3, jobs=1)
    wirings = [wiring for wiring, _ in train.calls]
    assert len(train.calls) == 12
    assert wirings[0] == wirings[6] == real
    assert wirings[1:6] == wirings[7:], "each is trained twice"
    seeds = {seed for _, seed in train.calls}
    assert len(seeds) == 12
    assert max(seeds) < 2**32
    module = snn.topology if real is GRAPH else snn.wiring
    seed, _ = _Nulls(real, keep, 3).seeds_of((4, 1))
    if keep == "graph":
        assert wirings[4] == module.permuted(real, seed=seed)
    else:
        assert wirings[4] == module.rewired(real, keep, seed=seed)
    values = np.array([first_edges(*call) for call in train.calls]).reshape(2, 6).T
    np.testing.assert_array_equal(result.real_values, values[0])
    np.testing.assert_array_equal(result.null_values, values[1:])
    assert result.keep == keep


def test_more_nulls_and_more_seeds_begin_with_those_before() -> None:
    few = wiring_test(GRAPH, first_edges, n=3, jobs=1)
    many = wiring_test(GRAPH, first_edges, n=7, seeds=2, jobs=1)
    np.testing.assert_array_equal(many.null_values[:3, :1], few.null_values)
    np.testing.assert_array_equal(many.real_values[:1], few.real_values)
    other = wiring_test(GRAPH, first_edges, n=3, seed=1, jobs=1)
    assert (other.null_values != few.null_values).any()


def test_processes_give_what_one_gives() -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    offset = np.float64(2)  # sent along with the function, which no process could import

    def train(graph: snn.Topology, seed: int) -> float:
        return float(graph.edges()[:, 0].cumsum().sum() % 97 + seed / 2**32 + offset)

    here, there = (wiring_test(GRAPH, train, n=6, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(here.null_values, there.null_values)
    np.testing.assert_array_equal(here.real_values, there.real_values)


def test_a_dask_cluster_gives_the_same() -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra sweep")
    here = wiring_test(WIRING, first_edges, n=4, jobs=1)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=50
    ) as cluster:
        before = snn.get_num_threads()
        there = wiring_test(
            WIRING, first_edges, n=4, scheduler=cluster.scheduler_address, progress=False
        )
        snn.set_num_threads(before)  # its workers are threads of this process
    np.testing.assert_array_equal(here.null_values, there.null_values)


def test_a_wiring_like_its_nulls_has_a_uniform_p() -> None:
    """A real wiring that is a null model itself: the probability is right, not only small."""
    found = []
    for seed in range(60):
        real = snn.topology.rewired(GRAPH, "in_degree", seed=seed + 1000)
        found.append(wiring_test(real, first_edges, n=19, keep="in_degree", seed=seed, jobs=1).p)
    assert kstest(found, "uniform").pvalue > 0.05
    assert {round(20 * p, 9) % 1 for p in found} == {0}


# Results


def test_statistics_by_hand() -> None:
    nulls = np.array([[1.0, 3.0], [2.0, 2.0], [4.0, 6.0], [0.0, 0.0]])  # means 2, 2, 5, 0
    result = NullTest("degrees", np.array([3.0, 7.0]), nulls)
    assert result.real == 5
    assert result.nulls.tolist() == [2, 2, 5, 0]
    assert result.effect == 5 - 2.25
    assert result.deviation == pytest.approx(np.std([2, 2, 5, 0], ddof=1))
    assert result.standardised_effect == pytest.approx(2.75 / result.deviation)
    assert (result.n_as_good, result.p) == (1, 2 / 5), "an equal one is as good"
    low, high = result.interval
    assert low < result.effect < high
    assert (low, high) == result.interval


@pytest.mark.parametrize(
    ("real", "nulls", "message"),
    [
        ([1.0], [[1.0], [np.nan]], r"null_values must be finite, got nan in place \[1, 0\]; train"),
        ([np.inf, 1.0], [[1.0, 2.0]], r"real_values must be finite, got inf in place \[0\]"),
        ([1.0], [1.0, 2.0], r"null_values \(n, seeds\), got \(1,\) and \(2,\)"),
        ([1.0, 2.0], [[1.0]], r"got \(2,\) and \(1, 1\)"),
        ([1.0], np.empty((0, 1)), r"got \(1,\) and \(0, 1\)"),
        ([1.0], [["a"]], "null_values must hold real numbers, got <U1"),
    ],
)
def test_values_that_are_none(real: Any, nulls: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        NullTest("degrees", real, nulls)


def test_the_interval_covers() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        low, high = NullTest("degrees", np.array([2.0]), rng.normal(0, 1, (60, 1))).interval
        covered += low <= 2 <= high
    assert 51 <= covered <= 60


def test_a_single_null_and_nulls_that_are_alike() -> None:
    one = NullTest("degrees", np.array([2.0]), np.array([[1.0]]))
    assert one.p == 0.5
    assert np.isnan([one.deviation, one.standardised_effect]).all()
    assert one.interval == (1, 1)
    alike = NullTest("degrees", np.array([2.0]), np.ones((9, 1)))
    assert alike.deviation == 0
    assert np.isnan(alike.standardised_effect)


def test_frame() -> None:
    result = NullTest("degrees", np.array([9.0, 8.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    frame = result.to_frame()
    assert frame["value"].tolist() == [9, 8, 1, 2, 3, 4]
    assert frame["wiring"].tolist() == [0, 0, 1, 1, 2, 2]
    assert frame["repetition"].tolist() == [0, 1] * 3
    assert frame["is_real"].tolist() == [True, True, *[False] * 4]


# The store


def test_an_interrupted_test_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "nulls.sqlite"
    whole = wiring_test(WIRING, first_edges, n=9, seeds=2, jobs=1)
    with pytest.raises(KeyboardInterrupt):
        wiring_test(WIRING, Counting(stop_after=7), n=9, seeds=2, jobs=1, store=path)
    rest = Counting()
    result = wiring_test(WIRING, rest, n=9, seeds=2, jobs=1, store=path)
    assert len(rest.calls) == 20 - 7
    np.testing.assert_array_equal(result.null_values, whole.null_values)
    more = Counting()
    wiring_test(WIRING, more, n=12, seeds=2, jobs=1, store=path)
    assert len(more.calls) == 6
    none = Counting()
    assert wiring_test(WIRING, none, n=9, jobs=2, store=path).null_values.shape == (9, 1)
    assert not none.calls


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"real": GRAPH}, "another wiring: it has [0-9a-f]{64}, this one [0-9a-f]{64}; name a new"),
        ({"keep": "density"}, "another keep: it has degrees, this one density"),
        ({"seed": 1}, "another seed: it has 0, this one 1"),
    ],
)
def test_a_store_of_another_test(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "nulls.sqlite"
    wiring_test(WIRING, first_edges, n=2, jobs=1, store=path)
    before = path.read_bytes()
    arguments = {"real": WIRING, "train": first_edges, "n": 2, "jobs": 1, "store": path, **changes}
    with pytest.raises(ValueError, match=message):
        wiring_test(**arguments)
    assert path.read_bytes() == before


def test_files_of_others(tmp_path: Path) -> None:
    runs, text, damaged = (tmp_path / name for name in ("runs", "text", "damaged"))
    Store(runs, write=True).close()
    text.write_text("a text of some length")
    wiring_test(WIRING, first_edges, n=2, jobs=1, store=damaged)
    with sqlite3.connect(damaged) as connection:
        connection.execute("UPDATE results SET value = 'high' WHERE wiring = 1")
    connection.close()
    for path, message in (
        (runs, "runs is not a store of trainings of null models: it is the SQLite file of another"),
        (text, "text is not a store of trainings of null models, or damaged"),
        (damaged, "damaged is not a store of trainings of null models, or damaged: a result is"),
    ):
        with pytest.raises(FileFormatError, match=message):
            wiring_test(WIRING, first_edges, n=2, jobs=1, store=path)
    with pytest.raises(FileFormatError, match="is not a store of runs"):
        Store(damaged)


def test_one_test_at_a_time_writes(tmp_path: Path) -> None:
    path = tmp_path / "nulls.sqlite"

    def train(real: Any, seed: int) -> float:
        with pytest.raises(BlockingIOError, match=r"another process is writing to .*nulls"):
            wiring_test(WIRING, first_edges, n=1, jobs=1, store=path)
        return 0.0

    wiring_test(WIRING, train, n=1, jobs=1, store=path)


# Trainings that fail


def test_a_bad_metric_names_the_null(tmp_path: Path) -> None:
    path = tmp_path / "nulls.sqlite"
    for bad, error, text in (
        (np.nan, ValueError, "must be a finite number, got nan"),
        (np.inf, ValueError, "must be a finite number, got inf"),
        (None, TypeError, "must be a number, got None"),
    ):
        values = iter([1.0, 2.0, bad])
        seed, training_seed = _Nulls(WIRING, "degrees", 0).seeds_of((2, 0))
        message = (
            rf"the metric of null 2, rewired\(keep='degrees', seed={seed}\), trained with seed "
            rf"{training_seed}, {text}"
        )
        with pytest.raises(error, match=message):
            wiring_test(WIRING, lambda *_, values=values: next(values), n=4, jobs=1)
    with pytest.raises(ValueError, match=r"the metric of the real wiring, trained with seed \d+, "):
        wiring_test(WIRING, lambda *_: np.nan, n=4, jobs=1, store=path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_user_has_a_note(jobs: int) -> None:
    if jobs > 1:
        pytest.importorskip("joblib", reason="needs the extra sweep")
    real = snn.topology.from_edges(9, 9, [(i, i) for i in range(9)])

    def train(graph: Any, seed: int) -> float:
        if graph != real:
            raise ZeroDivisionError("of the user")
        return 0.0

    with pytest.raises(ZeroDivisionError, match="of the user") as caught:
        wiring_test(real, train, n=1, jobs=jobs)
    (note,) = caught.value.__notes__
    assert note.startswith("train was called with null 1, rewired(keep='degrees', seed=")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_dies() -> None:
    pytest.importorskip("joblib", reason="needs the extra sweep")
    with pytest.raises(RuntimeError, match=r"process of .*, trained with seed \d+, died \(SIGKILL"):
        wiring_test(WIRING, lambda *_: os.kill(os.getpid(), signal.SIGKILL), n=1, jobs=2)


def test_dead_neurons_of_null_models_are_no_mistake() -> None:
    real = snn.topology.biregular(12, 6, 1, seed=0)  # nulls of its density have dead neurons

    def train(graph: snn.Topology, seed: int) -> float:
        snn.MLP([graph, snn.topology.dense(6, 2)], seed=seed)
        return float(graph.isolated_outputs.size)

    assert wiring_test(real, train, n=9, keep="density", jobs=1).nulls.max() > 0
    dead = snn.topology.from_edges(3, 6, [(0, 0), (1, 1), (2, 2)])
    with pytest.warns(snn.DeadNeuronWarning):
        wiring_test(dead, train, n=1, jobs=1)


# It finds what is there


def test_a_network_of_the_right_wiring_is_better() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 16))
    names = [f"x{column}" for column in range(16)]
    real = snn.wiring.from_edges([(name, f"h{number // 4}") for number, name in enumerate(names)])
    sums = X.reshape(300, 4, 4).sum(axis=2)  # what each term reads, and nothing else

    def explained(wiring: Any, _: int) -> float:
        read = wiring.matrix().toarray()[16:, :16]
        return float(
            np.mean([np.corrcoef(X @ row, sums[:, k])[0, 1] for k, row in enumerate(read)])
        )

    result = wiring_test(real, explained, n=99, jobs=1)
    assert result.p == 0.01
    assert result.real == pytest.approx(1)
    assert result.standardised_effect > 5
    assert experiments.wiring_test(real, explained, n=19, keep="graph", jobs=1).p == 0.05
