"""Callbacks: their calls during a training, and the end of a training by them."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import baselines
from minisnn.callbacks import Callback, CSVLog, EarlyStopping, TensorBoard

OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(6.0))


def problem(n: int = 120) -> tuple[Any, Any]:
    X = np.random.default_rng(0).random((n, 12))
    return X, (X[:, 0] > X[:, 1]).astype(np.int64)


def make() -> snn.MLP:
    graphs = [snn.topology.constant_degree(12, 30, 8), snn.topology.dense(30, 2)]
    return snn.MLP(graphs, dtype=np.float64)


def train(net: snn.MLP, callbacks: Any, **options: Any) -> snn.History:
    options = {"optimizer": OPTIMIZER, "batch_size": 40, "epochs": 8, **options}
    X, Y = problem()
    return snn.train(
        net, X[:80], Y[:80], validation_data=(X[80:], Y[80:]), callbacks=callbacks, **options
    )


# The protocol


class Witness(Callback):
    def __init__(self, fails: bool = False) -> None:
        self.calls: list[Any] = []
        self.fails = fails

    def begin(self, training: Any) -> None:
        self.training = training
        self.calls.append("begin")

    def __call__(self, net: snn.MLP, epoch: snn.Epoch) -> None:
        assert self.training.history.epochs[-1] is epoch
        assert np.shares_memory(self.training.parameters, net.parameters)
        self.calls.append(epoch.epoch)
        if self.fails:
            raise RuntimeError("no more")

    def end(self) -> None:
        self.calls.append("end")

    def state(self) -> dict[str, Any]:
        return {"n": np.array(len(self.calls))}

    def restore(self, state: Any) -> None:
        self.calls.append(("restore", int(state["n"])))


def test_order_of_calls(tmp_path: Path) -> None:
    witness, path = Witness(), tmp_path / "checkpoint.npz"
    train(make(), [witness, lambda _, epoch: epoch.epoch == 3], checkpoint=path)
    assert witness.calls == ["begin", 1, 2, 3, "end"]
    resumed = Witness()
    train(make(), [resumed], checkpoint=path, resume=True)
    assert resumed.calls == ["begin", ("restore", 4), "end"], "it had been ended"
    failing = Witness(fails=True)
    with pytest.raises(RuntimeError, match="no more"):
        train(make(), [failing])
    assert failing.calls == ["begin", 1, "end"]
    assert repr(failing) == "Witness()"


class Keeper(Callback):
    """Has the state that it is given for each epoch."""

    def __init__(self, *states: Any) -> None:
        self.states, self.epoch = states, 0

    def __call__(self, net: snn.MLP, epoch: snn.Epoch) -> None:
        self.epoch = epoch.epoch

    def state(self) -> Any:
        return self.states[min(self.epoch, len(self.states) - 1)]

    def restore(self, state: Any) -> None:
        self.restored = dict(state)


@pytest.mark.parametrize(
    ("states", "error", "message"),
    [
        ([[1.0]], TypeError, r"state\(\) of Keeper\(\) must return a dictionary of arrays, got"),
        ([{"name": "x"}], TypeError, r"arrays of numbers, got <U1 of shape \(\) as 'name'"),
        ([{"on": True}], TypeError, r"arrays of numbers, got bool of shape \(\) as 'on'"),
        ([{"a": []}, {"a": [1.0]}], ValueError,
         r"whose names, shapes and dtypes stay the same, so that a resumed training can read them: "
         r"first \{'a': 'float64 of shape \(0,\)'\}, then \{'a': 'float64 of shape \(1,\)'\}"),
        ([{"a": 0}, {"a": 0.5}], ValueError, "first {'a': 'int64 of shape .* then {'a': 'float64"),
        ([{"a": 0}, {"b": 0}], ValueError, "stay the same"),
    ],
)  # fmt: skip
def test_states_that_no_resumed_training_could_read(
    tmp_path: Path, states: Any, error: type[Exception], message: str
) -> None:
    """They are refused when they are written, not when they are needed."""
    with pytest.raises(error, match=message):
        train(make(), [Keeper(*states)], checkpoint=tmp_path / "checkpoint", checkpoint_every=0)


def test_a_state_of_plain_numbers(tmp_path: Path) -> None:
    path, again = tmp_path / "checkpoint", Keeper({"n": 0, "best": 0.0})
    train(make(), [Keeper({"n": 3, "best": 0.5})], checkpoint=path)
    train(make(), [again], checkpoint=path, resume=True)
    assert again.restored == {"n": 3, "best": 0.5}


def test_the_least_that_a_callback_must_do() -> None:
    assert len(train(make(), [Callback()]).epochs) == 8


# Early stopping


@pytest.mark.parametrize("monitor", ["loss", "validation_loss", "validation_accuracy"])
@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (3, 0.0), (3, 0.002)])
def test_early_stopping(monitor: str, patience: int, min_delta: float) -> None:
    """Against the rule written out, over a training that gets better and then worse."""
    rates = snn.SGD(lambda epoch, epochs: 3.0 if epoch < 12 else 60.0)
    weights: list[Any] = []
    keep = [lambda net, _: weights.append(net.parameters.copy())]
    figures = train(make(), keep, optimizer=rates, epochs=40).column(monitor)
    losses = [-figure if monitor == "validation_accuracy" else figure for figure in figures]
    best, last = 0, 0
    while last + 1 < len(losses) and last - best < patience:
        last += 1
        if losses[last] < losses[best] - min_delta:
            best = last
    net, stopping = make(), EarlyStopping(patience, monitor=monitor, min_delta=min_delta)
    history = train(net, [stopping], optimizer=rates, epochs=40)
    assert history.column(monitor) == figures[: last + 1]
    assert stopping.best_epoch == best + 1
    np.testing.assert_array_equal(net.parameters, weights[best])


def test_best_weights_at_the_end_of_any_training() -> None:
    """Trainings that end without patience, by Ctrl-C, and by an error."""
    weights: list[Any] = []

    def keep(net: snn.MLP, epoch: snn.Epoch) -> None:
        weights.append(net.parameters.copy())
        if epoch.epoch == 5:
            raise RuntimeError("enough")

    worse = snn.SGD(lambda epoch, epochs: 3.0 if epoch < 2 else 500.0)
    for options in ({"epochs": 4}, {"epochs": 9}):
        weights.clear()
        net, stopping = make(), EarlyStopping(50)
        if options["epochs"] == 9:
            with pytest.raises(RuntimeError, match="enough"):
                train(net, [stopping, keep], optimizer=worse, **options)
        else:
            train(net, [stopping, keep], optimizer=worse, **options)
        assert stopping.best_epoch < len(weights)
        np.testing.assert_array_equal(net.parameters, weights[stopping.best_epoch - 1])


def test_the_state_of_the_optimizer_is_that_of_the_last_epoch() -> None:
    """As is documented: the weights are of the best epoch, moving averages are not kept twice."""
    worse = snn.SGD(lambda epoch, epochs: 3.0 if epoch < 2 else 500.0, momentum=0.9)
    stopping = EarlyStopping(3)
    history = train(make(), [stopping], optimizer=worse, epochs=20)
    known, last = history.optimizer_state, len(history)
    assert known is not None
    assert stopping.best_epoch < last
    twin = train(make(), [], optimizer=worse, epochs=last).optimizer_state
    assert twin is not None
    assert known.steps == twin.steps
    np.testing.assert_array_equal(known.vectors, twin.vectors)


def test_early_stopping_begins_anew_with_each_training() -> None:
    stopping = EarlyStopping(2)
    still = snn.SGD(0.0)
    for _ in range(2):
        assert len(train(make(), [stopping], optimizer=still).epochs) == 3
        assert stopping.best_epoch == 1


def test_early_stopping_goes_on_after_a_resume(tmp_path: Path) -> None:
    """Patience counts the epochs before, and the best weights may be from before, too."""
    path, worse = tmp_path / "checkpoint.npz", snn.SGD(lambda epoch, _: 3.0 if epoch < 2 else 500.0)
    whole, expected = make(), EarlyStopping(5)
    history = train(whole, [expected], optimizer=worse, epochs=20)

    class Crash(Exception):
        pass

    def crash(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 5:
            raise Crash

    with pytest.raises(Crash):
        train(
            make(), [EarlyStopping(5), crash], optimizer=worse, epochs=20, checkpoint=path,
            checkpoint_every=0,
        )  # fmt: skip
    net, stopping = make(), EarlyStopping(5)
    resumed = train(net, [stopping], optimizer=worse, epochs=20, checkpoint=path, resume=True)
    assert resumed.column("loss") == history.column("loss")
    assert stopping.best_epoch == expected.best_epoch < 4
    np.testing.assert_array_equal(net.parameters, whole.parameters)


def test_early_stopping_of_a_reparametrised_network() -> None:
    net = baselines.Reparametrised([baselines.LowRank(12, 20, 2), baselines.Identity(20, 2)])
    thetas: list[Any] = []
    stopping = EarlyStopping(2, monitor="loss")
    baselines.train_reparametrised(
        net, *problem(), optimizer=snn.SGD(lambda epoch, _: 1.0 if epoch < 3 else 100.0),
        epochs=30, callbacks=[stopping, lambda *_: thetas.append(net.parameters.copy())],
    )  # fmt: skip
    assert stopping.best_epoch < len(thetas)
    np.testing.assert_array_equal(net.parameters, thetas[stopping.best_epoch - 1])
    predicted = net.expanded.parameters.copy()
    net.expand()
    np.testing.assert_array_equal(net.expanded.parameters, predicted)


def test_what_early_stopping_needs() -> None:
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        EarlyStopping(0)
    with pytest.raises(ValueError, match="min_delta must be a finite number, at least 0, got -1"):
        EarlyStopping(min_delta=-1)
    with pytest.raises(
        ValueError, match="monitor must be one of loss, validation_loss, validation_accuracy, got"
    ):
        EarlyStopping(monitor="accuracy")
    with pytest.raises(
        ValueError,
        match="EarlyStopping monitors validation_loss, which this training does not have; pass "
        "validation_data, or monitor='loss'",
    ):
        snn.train(make(), *problem(), optimizer=OPTIMIZER, callbacks=[EarlyStopping()])


# Logs


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_log(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("what an earlier training left\n")
    lengths: list[int] = []
    log = CSVLog(path)
    history = train(make(), [log, lambda *_: lengths.append(len(rows_of(path)))])
    assert lengths == [1, 2, 3, 4, 5, 6, 7, 8], "each epoch is there as soon as it is finished"
    rows = rows_of(path)
    for row, epoch in zip(rows, history.epochs, strict=True):
        assert {name: float(value) for name, value in row.items()} == vars(epoch)
    snn.train(make(), *problem(), optimizer=OPTIMIZER, epochs=2, callbacks=[log])
    assert [row["validation_loss"] for row in rows_of(path)] == ["", ""]


@pytest.mark.parametrize("spoiled_in", [1, 3])
def test_a_log_that_cannot_be_written(tmp_path: Path, spoiled_in: int) -> None:
    path = tmp_path / "log.csv"

    def spoil(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == spoiled_in:
            path.unlink(missing_ok=True)
            path.mkdir()

    with pytest.raises(OSError, match=r"cannot write the log .*log\.csv: "):
        train(make(), [spoil, CSVLog(path)])


def test_a_resumed_log_has_each_epoch_once(tmp_path: Path) -> None:
    """A row whose epoch is not in the checkpoint, half a row, and no file at all."""
    path, log = tmp_path / "checkpoint.npz", tmp_path / "log.csv"
    history = train(
        make(), [CSVLog(log)], checkpoint=path, checkpoint_every=0, epochs=8,
    )  # fmt: skip
    expected = [row["loss"] for row in rows_of(log)]

    class Crash(Exception):
        pass

    def crash(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 5:
            raise Crash

    for damage in (lambda: None, lambda: log.write_bytes(log.read_bytes()[:-9]), log.unlink):
        path.unlink()
        with pytest.raises(Crash):
            train(make(), [CSVLog(log), crash], checkpoint=path, checkpoint_every=0)
        assert len(rows_of(log)) == 5
        damage()
        train(make(), [CSVLog(log)], checkpoint=path, resume=True)
        assert [row["epoch"] for row in rows_of(log)] == [str(n) for n in range(1, 9)]
        assert [row["loss"] for row in rows_of(log)] == expected
    assert [float(loss) for loss in expected] == history.column("loss")


def events_of(folder: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the scalars of each file in turn, by (name, step), and the steps purged from on."""
    from tensorboardX.proto import event_pb2

    files, purges = [], []
    for path in sorted(folder.iterdir()):
        content, scalars, place = path.read_bytes(), {}, 0
        while place < len(content):  # length, its checksum, the event, its checksum
            length = int.from_bytes(content[place : place + 8], "little")
            event = event_pb2.Event.FromString(content[place + 12 : place + 12 + length])
            place += 16 + length
            for value in event.summary.value:
                assert (value.tag, event.step) not in scalars, "once only"
                scalars[value.tag, event.step] = value.simple_value
            if event.HasField("session_log"):
                purges.append(event.step)
        files.append(scalars)
    return files, purges


def test_tensorboard(tmp_path: Path) -> None:
    history = train(make(), [TensorBoard(tmp_path / "log")])
    (scalars,), _ = events_of(tmp_path / "log")
    for epoch in history.epochs:
        for name, figure in vars(epoch).items():
            if name != "epoch":
                assert scalars.pop((name, epoch.epoch)) == pytest.approx(figure, rel=1e-6)
    assert not scalars


def test_tensorboard_after_a_resume(tmp_path: Path) -> None:
    """The last file has all epochs, and hides what was written before."""
    path, folder = tmp_path / "checkpoint.npz", tmp_path / "log"

    def crash(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 3:
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        train(make(), [TensorBoard(folder), crash], checkpoint=path, checkpoint_every=0)
    history = train(make(), [TensorBoard(folder)], checkpoint=path, resume=True)
    files, purges = events_of(folder)
    assert [max(step for _, step in scalars) for scalars in files] == [3, 8]
    assert {step for _, step in files[-1]} == set(range(1, 9))
    assert purges == [1, 1]
    losses = [files[-1]["loss", n] for n in range(1, 9)]
    np.testing.assert_allclose(losses, history.column("loss"), rtol=1e-6)


def test_tensorboard_over_partial_fits(tmp_path: Path) -> None:
    """Each pass has a file, which hides none but of another training."""
    estimators = pytest.importorskip("minisnn.sklearn", reason="needs the extra sklearn")
    X, Y = problem()
    model = estimators.SparseMLPRegressor(callbacks=[TensorBoard(tmp_path)], random_state=0)
    for _ in range(11):
        model.partial_fit(X, Y)
    files, purges = events_of(tmp_path)
    assert [scalars["loss", n] for n, scalars in enumerate(files, start=1)] == pytest.approx(
        model.loss_curve_
    )
    assert purges == list(range(1, 12))


def test_tensorboard_is_an_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(
        ImportError,
        match=r"a log for TensorBoard needs tensorboardX, which is not installed; get it with: "
        r"pip install 'minisnn\[tensorboard\]'",
    ):
        TensorBoard(tmp_path)
