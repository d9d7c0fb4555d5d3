"""Reports of a training: figures of its epochs, times, a bar; and evaluations."""

from __future__ import annotations

import io
import itertools
import math
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import three_classes as problem

import minisnn as snn
from minisnn import topology

OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0, 0.5))


def make() -> snn.MLP:
    graphs = [topology.constant_degree(12, 30, 8), topology.dense(30, 3)]
    return snn.MLP(graphs, dtype=np.float64)


def test_history() -> None:
    X, labels = problem()
    seen = []
    history = snn.train(
        make(), X, labels, optimizer=OPTIMIZER, epochs=4, batch_size=128,
        validation_data=(X, labels), callbacks=[lambda net, epoch: seen.append(epoch)],
    )  # fmt: skip
    assert history.column("epoch") == [1, 2, 3, 4]
    assert repr(history).startswith("History(4 epochs, loss 0.")
    assert repr(snn.History(interrupted=True)) == "History(0 epochs, interrupted)"
    assert seen == history.epochs
    assert not history.interrupted
    assert history.compile_seconds > 0
    assert all(epoch.seconds > 0 for epoch in history.epochs)
    assert 0 < history.epochs[0].step_microseconds <= 1e6 * history.epochs[0].seconds
    middles = [epoch + 2.5 / 3 for epoch in range(4)]  # of the last of three steps
    assert history.column("learning_rate") == [OPTIMIZER.rate(at, 4) for at in middles]
    assert len(set(history.column("learning_rate"))) == 4
    assert isinstance(history.epochs[0].step_microseconds, float)
    assert history.seconds_per_epoch == np.median(history.column("seconds"))
    assert math.isnan(snn.History().seconds_per_epoch)
    with pytest.raises(KeyError, match=r"no column 'accuracy'; there are \['epoch'"):
        history.column("accuracy")


def test_times_are_of_each_epoch_and_of_its_median_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.cycle([0.0, 1.0, 0.0, 2.0, 0.0, 6.0])  # before and in each of three steps
    clock = itertools.accumulate(seconds)
    monkeypatch.setattr("minisnn.training.loop.perf_counter", lambda: next(clock))
    monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    history = snn.train(make(), *problem(), optimizer=OPTIMIZER, epochs=3, batch_size=100)
    assert history.column("seconds") == [9.0] * 3
    assert history.column("step_microseconds") == [2e6] * 3


def test_the_bar_counts_all_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three an epoch, the last of them smaller; those before a resume among them."""

    class Counting:
        def __init__(self, _: Any, total: int, *__: Any, **___: Any) -> None:
            self.left = total
            bars.append(self)

        def update(self, n: int) -> None:
            self.left -= n

        def __getattr__(self, _: str) -> Any:
            return lambda *_, **__: None

    bars: list[Counting] = []
    monkeypatch.setattr("minisnn.training.loop.progress_bar", Counting)
    for resume in (False, True):
        snn.train(
            make(), *problem(100), optimizer=OPTIMIZER, epochs=2, batch_size=40,
            checkpoint=tmp_path / "checkpoint.npz", resume=resume,
        )  # fmt: skip
    assert [bar.left for bar in bars] == [0, 0]


def test_a_history_is_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    history = snn.train(
        make(), *problem(100), optimizer=OPTIMIZER, epochs=3, validation_data=problem(50)
    )
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert len(history) == 3
    frame = history.to_frame()
    assert list(frame.columns) == [
        "epoch", "loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds",
        "step_microseconds",
    ]  # fmt: skip
    assert list(frame["epoch"]) == [1, 2, 3]
    assert list(frame["loss"]) == history.column("loss")
    pandas.testing.assert_frame_equal(pandas.DataFrame(history), frame)
    unjudged = snn.History([snn.Epoch(1, 0.1, None, None, 0.5, 2.0, 9.0)]).to_frame()
    assert unjudged["validation_loss"].dtype == np.float64
    assert unjudged["validation_loss"].isna().all()
    assert snn.History().to_frame().shape == (0, 7)


def test_a_table_without_pandas_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ImportError, match=r"a table of a history needs pandas, .* pip install 'minisnn\[pandas\]'"
    ):
        snn.History().to_frame()


def test_the_bar_says_where_a_training_stands() -> None:
    """The epoch and the figures of the last one; within the first, those so far."""

    class Noting:
        initial = 0

        def __init__(self) -> None:
            self.description, self.figures, self.shown = "", "", []

        def set_description(self, text: str, refresh: bool = True) -> None:
            self.description = text

        def set_postfix_str(self, text: str, refresh: bool = True) -> None:
            self.figures = re.sub(r"0\.\d+", "x", text)

        def update(self, n: int) -> None:
            self.shown.append((self.description, self.figures))

        def __getattr__(self, _: str) -> Any:
            return lambda *_, **__: None

    bar = Noting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minisnn.training.loop.progress_bar", lambda *_, **__: bar)
        patch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)  # one step at a time
        patch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
        snn.train(
            make(), *problem(100), optimizer=OPTIMIZER, epochs=3, batch_size=50,
            callbacks=[lambda _, epoch: epoch.epoch == 2],
        )  # fmt: skip
    assert bar.shown == [
        ("epoch 1 of 3", ""),
        ("epoch 1 of 3", "loss x so far"),
        ("epoch 1 of 3", "loss x so far"),
        ("epoch 2 of 3", "loss x"),
        ("epoch 2 of 3", "loss x"),
        ("epoch 2 of 3", "loss x"),  # a callback has ended it: nothing is left to do
    ]


def test_a_notebook_has_a_bar_that_ends_as_a_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs neither tqdm nor widgets, and writes nothing in the red of errors."""

    class OutStream(io.StringIO):
        pass

    OutStream.__module__ = "ipykernel.iostream"
    shown: list[dict[str, str]] = []

    def show(data: dict[str, str], *, raw: bool, display_id: bool = False) -> Any:
        assert raw
        assert display_id is (not shown)
        shown.append(data)
        return types.SimpleNamespace(update=show)

    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=show))
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stdout", OutStream())
    monkeypatch.setattr(sys, "stderr", OutStream())
    options = {"optimizer": OPTIMIZER, "epochs": 3, "validation_data": problem(50)}
    history = snn.train(make(), *problem(100), **options)
    assert shown[0]["text/plain"].startswith("0 %")
    last = shown[-1]
    assert last["text/plain"].startswith("epoch 3 of 3, 100 %")
    assert f"loss {history.epochs[-1].loss:.5f}, accuracy " in last["text/plain"]
    assert last["text/html"].count("<svg") == 2
    assert last["text/html"].count("<polyline") == 3
    assert sys.stdout.getvalue() == sys.stderr.getvalue() == ""  # type: ignore[attr-defined]
    shown.clear()
    snn.train(make(), *problem(100), **options, progress=True)
    assert shown[-1]["text/html"].count("<svg") == 2
    shown.clear()
    snn.train(make(), *problem(100), **options, progress=False)
    assert not shown


def test_loss_of_an_epoch_is_the_mean_over_samples() -> None:
    """At rate 0 it is the loss over the data, though the last batch is smaller."""
    X, labels = problem(100)
    net = make()
    history = snn.train(net, X, labels, optimizer=snn.SGD(0.0), epochs=1, batch_size=64)
    assert history.epochs[0].loss == pytest.approx(net.loss_and_gradients(X, labels)[0])
    assert history.epochs[0].validation_loss is None
    assert history.epochs[0].validation_accuracy is None


def test_evaluation_of_a_matrix_has_no_accuracy() -> None:
    X, _ = problem(10)
    Y = np.random.default_rng(0).random((10, 3))
    net = make()
    evaluation = snn.evaluate(net, X, Y)
    assert evaluation.accuracy is None
    assert evaluation.loss == pytest.approx(net.loss_and_gradients(X, Y)[0])
