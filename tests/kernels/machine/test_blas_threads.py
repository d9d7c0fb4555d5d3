"""Number of threads of BLAS: minisnn's during its calls, afterwards the previous one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from concurrency import at_once, forked
from threadpoolctl import threadpool_info, threadpool_limits

import minisnn as snn
from minisnn import baselines, experiments, spectral
from minisnn.baselines import products
from minisnn.kernels.machine import blas_threads as module
from minisnn.kernels.machine.blas_threads import blas_threads
from minisnn.kernels.machine.jit import DISABLED
from minisnn.network import execution


def numbers() -> set[int]:
    """Return the numbers of threads that the BLAS libraries use."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    """Have BLAS use two threads, however many cores there are."""
    import scipy.linalg.cython_blas  # noqa: F401

    with threadpool_limits(2, user_api="blas"):
        yield


def test_within_and_after() -> None:
    with blas_threads(1):
        assert numbers() == {1}
        with blas_threads(2):
            assert numbers() == {1}  # the least that anybody asks for
        assert numbers() == {1}
    assert numbers() == {2}
    with pytest.raises(ZeroDivisionError), blas_threads(1):
        raise ZeroDivisionError
    assert numbers() == {2}


def test_it_is_never_more_than_before() -> None:
    with blas_threads(64):
        assert numbers() == {2}
    with threadpool_limits(1, user_api="blas"):
        with blas_threads(2):
            assert numbers() == {1}
        assert numbers() == {1}


def test_what_others_set_meanwhile_stays() -> None:
    with blas_threads(2):
        threadpool_limits(1, user_api="blas")
    assert numbers() == {1}


def test_what_others_set_more_is_heard_at_the_next_call() -> None:
    with blas_threads(1):
        threadpool_limits(2, user_api="blas")
        with blas_threads(1):
            assert numbers() == {1}
    assert numbers() == {2}


@pytest.mark.parametrize("ends_first", [0, 1])
def test_two_threads_at_once(ends_first: int) -> None:
    """Neither the one that ends first nor the other one leaves a wrong number behind."""
    began, ended = threading.Barrier(2), threading.Event()
    seen: list[set[int]] = []

    def work(number: int) -> None:
        with blas_threads(1):
            began.wait(10)
            if number == ends_first:
                return
            assert ended.wait(10)
            seen.append(numbers())

    def first() -> None:
        work(ends_first)
        ended.set()

    at_once(first, lambda: work(1 - ends_first))
    assert seen == [{1}]
    assert numbers() == {2}


def test_another_thread_has_set_a_limit_of_its_own() -> None:
    """It keeps threadpoolctl from listening to this one, as long as it is alive."""
    done, over = threading.Event(), threading.Event()

    def other() -> None:
        threadpool_limits(2, user_api="blas")
        done.set()
        assert over.wait(10)

    def ours() -> None:
        assert done.wait(10)
        try:
            with blas_threads(1):
                assert numbers() == {1}
            assert numbers() == {2}
        finally:
            over.set()

    at_once(other, ours)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_another_thread_computes() -> None:
    """In the child nobody would ever take its limit back."""
    began, over = threading.Event(), threading.Event()

    def compute() -> None:
        with blas_threads(1):
            began.set()
            assert over.wait(10)

    def fork() -> None:
        assert began.wait(10)
        try:
            assert numbers() == {1}
            assert forked(lambda: numbers() == {2})
            with blas_threads(1):
                assert forked(lambda: numbers() == {1})  # the limit of the thread that forks
            assert numbers() == {1}
        finally:
            over.set()

    at_once(compute, fork)
    assert numbers() == {2}


class _Library:
    """A BLAS with a number for each thread, as one on OpenMP."""

    internal_api, threading_layer = "openblas", "openmp"

    def __init__(self) -> None:
        self._own = threading.local()

    def get_num_threads(self) -> int:
        return getattr(self._own, "number", 8)

    def set_num_threads(self, number: int) -> None:
        self._own.number = number


def test_libraries_that_have_a_number_for_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    assert module._counts_by_thread(library)
    assert module._counts_by_thread(SimpleNamespace(internal_api="mkl", threading_layer="intel"))
    assert not module._counts_by_thread(
        SimpleNamespace(internal_api="openblas", threading_layer="pthreads")
    )
    monkeypatch.setattr(module, "_libraries", lambda: ([], [library]))
    monkeypatch.setattr(module, "_shared", None)
    monkeypatch.setattr(module, "_of_thread", threading.local())
    began = threading.Barrier(3)

    def work(limit: int) -> None:
        with blas_threads(limit):
            began.wait(10)
            assert library.get_num_threads() == limit
        assert library.get_num_threads() == 8

    at_once(*[lambda limit=limit: work(limit) for limit in (1, 2, 3)])
    assert library.get_num_threads() == 8


# All that calls BLAS


def dense_net() -> snn.MLP:
    return snn.MLP([snn.topology.dense(8, 40), snn.topology.dense(40, 3)], seed=0)


X = np.random.default_rng(0).random((30, 8), dtype=np.float32)
LABELS = np.arange(30) % 3


def train_low_rank() -> None:
    net = baselines.Reparametrised([baselines.LowRank(8, 40, 3), baselines.Identity(40, 3)], seed=0)
    baselines.train_reparametrised(
        net, X, LABELS, optimizer=snn.SGD(0.1, clip_norm=1.0), epochs=1, progress=False, seed=0
    )


def fit_estimator() -> None:
    pytest.importorskip("sklearn")
    from minisnn.sklearn import SparseMLPClassifier

    model = SparseMLPClassifier((40,), topology="dense", max_iter=2, tol=None, random_state=0)
    model.fit(X, LABELS).predict(X)


CALLS: dict[str, Callable[[], Any]] = {
    "train": lambda: snn.train(
        dense_net(), X, LABELS, optimizer=snn.SGD(0.1), epochs=1, progress=False, seed=0
    ),
    "predict": lambda: dense_net().predict(X),
    "forward": lambda: dense_net().forward(X),
    "evaluate": lambda: snn.evaluate(dense_net(), X, LABELS),
    "gradients": lambda: dense_net().loss_and_gradients(X, LABELS),
    "baselines": train_low_rank,
    "a baseline's matrix": lambda: baselines.LowRank(8, 40, 3).expand(np.ones(144)),
    "estimators": fit_estimator,
    "measures": lambda: spectral.spectral_gap(snn.topology.constant_degree(30, 20, 4, seed=0)),
}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Return the numbers of threads whenever BLAS is about to be called, as they come."""
    numbers_seen: list[set[int]] = []

    def watched(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            numbers_seen.append(numbers())
            return function(*arguments, **options)

        return call

    blas = products.get_blas_funcs
    monkeypatch.setattr(execution, "run", watched(execution.run))
    monkeypatch.setattr(products, "get_blas_funcs", lambda *a: [watched(f) for f in blas(*a)])
    for name in ("eigvalsh", "norm"):
        monkeypatch.setattr(np.linalg, name, watched(getattr(np.linalg, name)))
    return numbers_seen


@pytest.mark.parametrize("call", CALLS)
def test_all_that_calls_blas_limits_it(
    seen: list[set[int]], threads: Callable[[int], None], call: str
) -> None:
    threads(1)
    CALLS[call]()
    assert seen
    assert set.union(*seen) == {1}
    assert numbers() == {2}


def test_runs_of_sweeps_use_one_thread(
    seen: list[set[int]], threads: Callable[[int], None]
) -> None:
    threads(2)
    description = {
        "data": {"name": "mnist_sample", "samples": 50}, "hidden": [40], "epochs": 1,
        "layers": [{"topology": "dense"}, {"topology": "dense"}], "optimizer": {"peak": 0.1},
    }  # fmt: skip
    outcome = list(experiments.here([experiments.Run.from_dict(description)]))[-1]
    assert outcome.error is None
    assert set.union(*seen) == {1}
    assert numbers() == {2}
    assert snn.get_num_threads() == (1 if DISABLED else 2)


def test_networks_that_do_without_blas_leave_it_alone(
    monkeypatch: pytest.MonkeyPatch, threads: Callable[[int], None]
) -> None:
    monkeypatch.setattr(module, "_pools", lambda: pytest.fail("BLAS was asked"))
    threads(1)
    net = snn.MLP([snn.topology.biregular(8, 40, 20, seed=0), snn.topology.dense(40, 3)], seed=0)
    net.predict(X)
    net.predict(X[:1])
