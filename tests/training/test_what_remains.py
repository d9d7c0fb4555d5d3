"""Objects that outlive a training do not refer to its data."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import baselines
from minisnn.callbacks import Callback, CSVLog, EarlyStopping, TensorBoard


class Keeping(Callback):
    """One of a user's own, which keeps all that it is given."""

    def begin(self, training: Any) -> None:
        self.training = training

    def __call__(self, net: snn.MLP, epoch: snn.Epoch) -> None:
        self.epoch = epoch


def failing(net: snn.MLP, epoch: snn.Epoch) -> None:
    raise RuntimeError("no more")


CALLBACKS: dict[str, Callable[[Path], list[Any]]] = {
    "none": lambda folder: [],
    "early stopping": lambda folder: [EarlyStopping(3, monitor="loss")],
    "log": lambda folder: [CSVLog(folder / "log.csv")],
    "tensorboard": lambda folder: [TensorBoard(folder / "runs")],
    "one's own": lambda folder: [Keeping()],
    "one that fails": lambda folder: [Keeping(), failing],
}


@pytest.fixture(autouse=True)
def no_collection(compiled: None) -> Iterator[None]:
    """Without cycles of references: what is large goes as soon as nobody has a name for it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The compiler leaves cycles of its own, in which frames of its callers are."""
    train(tmp_path_factory.mktemp("compiled"), "none", data(), data())


def data() -> list[np.ndarray]:
    """Return X, Y and weights, as they are read without a copy."""
    X = np.random.default_rng(0).random((200, 7))
    return [X, (X[:, 0] > X[:, 1]).astype(np.int64), np.ones(200)]


def train(folder: Path, name: str, given: list[Any], held: list[Any], **options: Any) -> list[Any]:
    """Return all that a training leaves; of one that fails, the network and the callbacks."""
    graphs = [snn.topology.dense(7, 300), snn.topology.dense(300, 2)]
    net = snn.MLP(graphs, output_activation="identity", seed=0, dtype="float64")
    callbacks = CALLBACKS[name](folder)
    about: Any = {"optimizer": "adam", "epochs": 2, "seed": 0, "callbacks": callbacks, **options}
    X, Y, weights = given
    try:
        history = snn.train(net, X, Y, sample_weight=weights, validation_data=held[:2], **about)
    except (RuntimeError, FloatingPointError, FileExistsError):
        return [net, callbacks]
    return [net, callbacks, history]


@pytest.mark.parametrize("name", CALLBACKS)
def test_the_data_goes_with_the_training(tmp_path: Path, name: str) -> None:
    if name == "tensorboard":
        pytest.importorskip("tensorboardX")  # its first import leaves cycles of its own
    given, held = data(), data()
    arrays = [weakref.ref(array) for array in (*given, *held)]
    left = train(tmp_path, name, given, held)
    stored = pickle.dumps(left)
    assert not any(row.tobytes()[8:-8] in stored for row in (*given[0], *held[0]))
    del given, held
    assert [array() for array in arrays] == [None] * 6
    assert left


@pytest.mark.parametrize(
    "options",
    [{"optimizer": snn.SGD(1e308)}, {"checkpoint": "there"}, {"checkpoint": "new"}],
    ids=["divergence", "a checkpoint that is there", "a checkpoint"],
)
def test_the_data_goes_with_a_training_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").touch()
    given, held = data(), data()
    arrays = [weakref.ref(array) for array in (*given, *held)]
    left = train(tmp_path, "early stopping", given, held, **options)
    del given, held
    assert [array() for array in arrays] == [None] * 6
    assert len(left) == (3 if options == {"checkpoint": "new"} else 2)


def test_the_data_goes_with_the_training_of_a_baseline() -> None:
    X, Y, _ = data()
    array = weakref.ref(X)
    net, keeping = baselines.Reparametrised([baselines.LowRank(7, 2, 1)], seed=0), Keeping()
    history = baselines.train_reparametrised(
        net, X, Y, optimizer="sgd", epochs=1, seed=0, callbacks=[keeping]
    )
    del X
    assert array() is None
    assert keeping.training.history is history
    with pytest.raises(RuntimeError, match="training has ended; its parameters are those of its"):
        _ = keeping.training.parameters
    with pytest.raises(RuntimeError, match="training has ended"):
        keeping.training.replace_parameters(net.parameters)


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("kind", ["SparseMLPClassifier", "SparseMLPRegressor"])
def test_estimators_keep_no_data(tmp_path: Path, kind: str, early: bool, name: str) -> None:
    estimators = pytest.importorskip("minisnn.sklearn")
    if name == "tensorboard":
        pytest.importorskip("tensorboardX")
    callbacks = CALLBACKS[name](tmp_path)
    model = getattr(estimators, kind)(
        max_iter=2, tol=None, callbacks=callbacks, early_stopping=early, random_state=0
    )
    X, y, weights = data()
    rows = [X[row].tobytes()[8:-8] for row in range(len(X))]
    arrays = [weakref.ref(array) for array in (X, y, weights)]
    fits = [model.fit, model.partial_fit][: 1 if early or failing in callbacks else 2]
    for fit in fits:
        try:
            fit(X, y, sample_weight=weights)
        except RuntimeError:
            assert failing in callbacks
    stored = pickle.dumps(model)
    assert not any(row in stored for row in rows)
    assert len(stored) < 40_000
    del X, y, weights
    assert [array() for array in arrays] == [None] * 3


@pytest.mark.parametrize("name", list(CALLBACKS)[1:-1])
def test_estimators_with_callbacks_are_cloned_and_pickled(tmp_path: Path, name: str) -> None:
    """Before a fit, and after it."""
    estimators = pytest.importorskip("minisnn.sklearn")
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    if name == "tensorboard":
        pytest.importorskip("tensorboardX")
    callbacks = CALLBACKS[name](tmp_path)
    X, y, _ = data()
    model = estimators.SparseMLPClassifier(
        max_iter=2, tol=None, callbacks=callbacks, random_state=0
    )
    for _ in range(2):
        for twin in (clone(model), pickle.loads(pickle.dumps(model))):
            assert [type(each) for each in twin.callbacks] == [type(each) for each in callbacks]
            twin.fit(X, y)
        model.fit(X, y)
    search = GridSearchCV(model, {"learning_rate": [0.1, 0.01]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
