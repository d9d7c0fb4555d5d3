"""Ctrl-C, sent by the process to itself: trainings end, and data stays whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import three_classes as problem

import minisnn as snn
from minisnn import topology
from minisnn._support import interruption
from minisnn._support.interruption import interruptible_at_once

OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0, 0.5))


@pytest.fixture(autouse=True)
def _long_after_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_pressed_at", float("-inf"))


def make() -> snn.MLP:
    graphs = [topology.constant_degree(12, 30, 8), topology.dense(30, 3)]
    return snn.MLP(graphs, dtype=np.float64, seed=0)


def press(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("when", ["in a step", "between epochs", "in the last epoch"])
def test_ctrl_c_returns_the_history_so_far(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    from minisnn.training.trainer import Trainer

    monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)  # one step at a time
    monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    X, labels = problem()
    net = make()
    handler = signal.getsignal(signal.SIGINT)
    run, count = Trainer.steps, 0

    def interrupted_run(self: Any, samples: Any, rates: Any) -> Any:
        nonlocal count
        count += len(rates)
        if when == "in a step" and count == 8:  # the second of the third epoch
            signal.raise_signal(signal.SIGINT)
        return run(self, samples, rates)

    def press(_: snn.MLP, epoch: snn.Epoch) -> None:
        if when == "between epochs" and epoch.epoch == 2:
            signal.raise_signal(signal.SIGINT)
        if when == "in the last epoch" and epoch.epoch == 5:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "steps", interrupted_run)
    history = snn.train(
        net, X, labels, optimizer=OPTIMIZER, epochs=5, batch_size=100, callbacks=[press]
    )
    assert history.interrupted
    assert len(history.epochs) == (5 if when == "in the last epoch" else 2)
    assert count == {"in a step": 8, "between epochs": 6, "in the last epoch": 15}[when]
    assert np.isfinite(net.parameters).all()
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_acts_at_once() -> None:
    def press_twice(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    X, labels = problem()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        snn.train(make(), X, labels, optimizer=OPTIMIZER, callbacks=[press_twice])
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_handler_of_the_users_own_stays_in_force() -> None:
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        X, labels = problem()
        history = snn.train(
            make(), X, labels, optimizer=OPTIMIZER, epochs=2,
            callbacks=[lambda *_: signal.raise_signal(signal.SIGINT)],
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [1, 1]
    assert len(history.epochs) == 2


def test_two_in_a_row_end_a_loop_of_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(interruption, "monotonic", lambda: clock[0])
    X, labels = problem()
    ended = []

    def press_after(seconds: float) -> snn.History:
        clock[0] += seconds
        return snn.train(
            make(), X, labels, optimizer=OPTIMIZER, epochs=5, seed=0, callbacks=[press]
        )

    for seconds in (0.0, 2.1, 60.0):
        history = press_after(seconds)
        ended.append((history.interrupted, len(history.epochs)))
    assert ended == [(True, 1)] * 3, "each ended the training that it came in"
    with pytest.raises(KeyboardInterrupt):
        press_after(1.9)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_two_in_a_row_end_a_search() -> None:
    model_selection = pytest.importorskip("sklearn.model_selection")
    from minisnn.sklearn import SparseMLPClassifier

    X, labels = problem()
    fits = []

    def first_epoch(net: snn.MLP, epoch: snn.Epoch) -> None:
        fits.append(epoch.epoch)
        press()

    search = model_selection.GridSearchCV(
        SparseMLPClassifier((9,), callbacks=[first_epoch], max_iter=3, random_state=0),
        {"batch_size": [20, 30]}, cv=2,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        search.fit(X, labels)
    assert fits == [1, 1], "the second one ended the search, in the second fit"


def test_the_first_one_says_what_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    X, labels = problem()
    options: Any = {"optimizer": OPTIMIZER, "epochs": 4, "seed": 0}
    snn.train(make(), X, labels, **options)
    assert capsys.readouterr().err == ""
    snn.train(make(), X, labels, **options, callbacks=[press])
    assert capsys.readouterr().err == (
        "Ctrl-C: this training has ended, after 1 epoch; a second Ctrl-C within 2 seconds of the "
        "first ends the program\n"
    )


def test_a_training_within_another_ends_with_it() -> None:
    X, labels = problem()
    inner = []

    def train_another(net: snn.MLP, epoch: snn.Epoch) -> None:
        options: Any = {"optimizer": OPTIMIZER, "epochs": 4, "seed": 0}
        inner.append(snn.train(make(), X, labels, **options, callbacks=[press]))

    outer = snn.train(
        make(), X, labels, optimizer=OPTIMIZER, epochs=5, seed=0, callbacks=[train_another]
    )
    assert [len(history.epochs) for history in inner] == [1]
    assert outer.interrupted
    assert len(outer.epochs) == 1


def test_where_half_a_training_is_nothing_it_is_a_keyboard_interrupt() -> None:
    """So in sweeps and comparisons: one that is interrupted is not stored."""
    X, labels = problem()
    with pytest.raises(KeyboardInterrupt), interruptible_at_once():
        snn.train(make(), X, labels, optimizer=OPTIMIZER, seed=0, callbacks=[press])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


INTERRUPTED = """
import os, signal, threading, time
import numpy as np
import minisnn as snn
from minisnn.kernels.machine import compiling
from minisnn.kernels.machine.jit import global_compiler_lock, jit

def press(kernel):
    if kernel == "execute":
        threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT]).start()

compiling.observers.append(press)
net = snn.MLP([snn.topology.dense(4, 2)], seed=0)
before = net.parameters.copy()
try:
    snn.train(net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=1, seed=0)
except KeyboardInterrupt:
    print("interrupted")
assert (net.parameters == before).all()
assert not compiling.under_way()
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

def compile_another():
    assert global_compiler_lock._lock.acquire(blocking=False)
    global_compiler_lock.release()
    print(jit(lambda x: x + 1)(1))

thread = threading.Thread(target=compile_another)
thread.start()
thread.join()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signals to send")
def test_ctrl_c_while_kernels_are_compiled(tmp_path: Path) -> None:
    """Nothing is trained yet, so it is a KeyboardInterrupt; others can compile afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.split() == ["interrupted", "2"], done.stderr
    assert "ignored" not in done.stderr


@pytest.mark.parametrize("where", ["__exit__", "_raw_object_cache_notify"])
def test_where_an_exception_would_do_harm_ctrl_c_waits(where: str) -> None:
    """A lock would be held for ever; an exception in LLVM's callbacks is dropped."""
    done = []

    def harmed() -> None:
        press()
        done.append(True)

    def compile_on() -> None:
        harmed()
        while True:
            time.sleep(0.01)

    harmed.__code__ = harmed.__code__.replace(co_name=where)
    interruption._observe("kernel")
    try:
        with pytest.raises(KeyboardInterrupt):
            compile_on()
    finally:
        interruption._observe(None)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_compiling_ctrl_c_is_what_it_was_before() -> None:
    with interruption.interruptible() as interrupted:
        interruption._observe("kernel")
        with pytest.raises(KeyboardInterrupt):
            press()
        interruption._observe(None)
        assert not interrupted.is_set()
        press()
        assert interrupted.is_set()
