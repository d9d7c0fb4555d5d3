"""Training of estimators: its end, its continuation, and its samples."""

from __future__ import annotations

import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from estimating import QUICK

import minisnn as snn

pytest.importorskip("sklearn", reason="needs the extra sklearn")

import joblib
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from minisnn._support.seeds import layer_seeds
from minisnn.sklearn import SparseMLPClassifier, SparseMLPRegressor


def test_callbacks_are_told_of_each_pass_and_may_end_it(table: Any) -> None:
    X, y = table
    told: list[float] = []

    def until_three(net: snn.MLP, epoch: snn.Epoch) -> bool:
        told.append(epoch.loss)
        return len(told) == 3

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the training did not end for want of passes
        model = SparseMLPClassifier(callbacks=[until_three]).fit(X, y)
    assert model.loss_curve_ == told
    assert model.n_iter_ == 3


def test_partial_fit_is_one_epoch(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    for _ in range(30):
        model.partial_fit(X, y, classes=["a", "b", "c", "d"])
    assert len(model.loss_curve_) == 30
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 1.5
    assert model.predict_proba(X).shape == (400, 4)
    with pytest.raises(ValueError, match=r"y has classes \['e'\] that are not among"):
        model.partial_fit(X[:2], ["a", "e"])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        SparseMLPClassifier(early_stopping=True).partial_fit(X, y, classes=["a", "b", "c"])
    regressor = SparseMLPRegressor(random_state=0)
    assert regressor.partial_fit(X, X[:, 0]) is regressor


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "nesterov", "learning_rate": snn.WarmUpDecay(0.1)},
     {"optimizer": snn.Adam(snn.StepDecay(0.01, every=2), clip_norm=0.1)}],
    ids=["adam", "warm-up and decay", "steps, clipped"],
)  # fmt: skip
def test_partial_fits_are_a_fit(
    table: Any, tmp_path: Path, options: Any, dropout: float, shuffle: bool
) -> None:
    """To the bit: orders of samples, dropout, schedule and optimiser go on where they were."""
    X, y = table
    options = {**QUICK, "max_iter": 5, "shuffle": shuffle, "dropout": dropout, **options}
    whole, parts = SparseMLPClassifier(**options).fit(X, y), SparseMLPClassifier(**options)
    for _ in range(5):
        parts.partial_fit(X, y, classes=["a", "b", "c"])
        joblib.dump(parts, tmp_path / "model")  # which keeps where they were, too
        parts = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(parts.net_.parameters, whole.net_.parameters)
    assert parts.loss_curve_ == whole.loss_curve_


def test_partial_fit_by_another_optimizer(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(**QUICK).partial_fit(X, y, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"^SGD needs a state of shape \(1, "):
        model.set_params(optimizer="nesterov").partial_fit(X, y)


def test_schedules_go_on_over_partial_fits(table: Any) -> None:
    X, _ = table
    told: list[snn.Epoch] = []
    options = {**QUICK, "max_iter": 4, "batch_size": 400}
    model = SparseMLPRegressor(learning_rate=snn.CosineDecay(0.1), **options)
    model.set_params(callbacks=[lambda net, epoch: told.append(epoch)])
    for _ in range(4):
        model.partial_fit(X, X[:, 0])
    rate = snn.CosineDecay(0.1)
    assert [epoch.learning_rate for epoch in told] == [rate(k + 0.5, 4) for k in range(4)]
    assert [epoch.epoch for epoch in told] == [1, 2, 3, 4]
    before = model.net_.parameters.copy()
    with pytest.warns(UserWarning, match="pass 5 of partial_fit learns nothing: the schedule has"):
        model.partial_fit(X, X[:, 0])
    assert told[-1].learning_rate == 0
    np.testing.assert_array_equal(model.net_.parameters, before)
    model.set_params(max_iter=50).partial_fit(X, X[:, 0])
    assert told[-1].learning_rate == rate(5.5, 50)
    model.fit(X, X[:, 0])  # begins anew
    assert told[-1].epoch == 50
    model.set_params(learning_rate=snn.CosineDecay(0.1, end=0.02), max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            model.partial_fit(X, X[:, 0])
    assert told[-1].learning_rate == pytest.approx(0.02)


@pytest.mark.parametrize("calls", [1, 3])
def test_logs_go_on_over_partial_fits(table: Any, tmp_path: Path, calls: int) -> None:
    X, _ = table
    path = tmp_path / "log.csv"
    path.write_text("of another training")
    model = SparseMLPRegressor(callbacks=[snn.callbacks.CSVLog(path)], **QUICK)
    for _ in range(calls):
        model.partial_fit(X, X[:, 0])
    rows = path.read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["epoch", *map(str, range(1, calls + 1))]
    path.unlink()
    model.partial_fit(X, X[:, 0])
    assert len(path.read_text().splitlines()) == 2


def test_warm_start_goes_on(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(warm_start=True, **QUICK).fit(X, y)
    before = model.loss_
    model.fit(X, y)
    assert model.loss_curve_[QUICK["max_iter"]] < 1.1 * before
    assert len(model.loss_curve_) == 2 * QUICK["max_iter"]
    cold = SparseMLPClassifier(**QUICK).fit(X, y).fit(X, y)
    assert len(cold.loss_curve_) == QUICK["max_iter"]


def test_early_stopping_keeps_the_best(table: Any) -> None:
    X, y = table
    model = SparseMLPClassifier(early_stopping=True, max_iter=500, random_state=0).fit(X, y)
    assert model.n_iter_ == len(model.validation_scores_) < 500
    assert model.best_validation_score_ == max(model.validation_scores_)
    regressor = SparseMLPRegressor(early_stopping=True, max_iter=500, random_state=0)
    assert regressor.fit(X, X[:, 0]).n_iter_ < 500
    for share, held in ((0.1, 1), (0.9, 6), (0, 0)):
        with pytest.raises(
            ValueError,
            match=f"early_stopping holds back {held} of 6 samples; it needs 2 at least, and others",
        ):
            SparseMLPRegressor(early_stopping=True, validation_fraction=share).fit(X[:6], X[:6, 0])


def test_early_stopping_of_a_warm_start(table: Any) -> None:
    """The same samples are held back, and the weights that were there may stay the best."""
    X, y = table
    model = SparseMLPClassifier(early_stopping=True, warm_start=True, **QUICK).fit(X, y)
    best, before = model.best_validation_score_, model.net_.parameters.copy()
    model.set_params(learning_rate=0.0, max_iter=3).fit(X, y)
    assert model.validation_scores_[-3:] == [best] * 3
    model.set_params(optimizer=snn.SGD(30.0)).fit(X, y)
    assert max(model.validation_scores_[-3:]) < best == model.best_validation_score_
    np.testing.assert_array_equal(model.net_.parameters, before)
    later = SparseMLPClassifier(warm_start=True, **QUICK).fit(X, y)
    later.set_params(early_stopping=True).fit(X, y)
    assert len(later.validation_scores_) == QUICK["max_iter"]
    assert later.best_validation_score_ >= max(later.validation_scores_)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_held_back_is_like_the_rest(seed: int) -> None:
    """Constant inputs give the first class for all samples; no class is too rare."""
    options = {**QUICK, "random_state": seed, "learning_rate": 0.0, "max_iter": 1}
    y = np.repeat([0, 1], [90, 10])
    model = SparseMLPClassifier(early_stopping=True, **options).fit(np.zeros((100, 3)), y)
    assert model.validation_scores_ == [0.9]
    y[0] = 2
    assert (
        len(SparseMLPClassifier(early_stopping=True, **options).fit(np.eye(100), y).classes_) == 3
    )
    y = np.repeat(range(20), 5)
    assert (
        len(SparseMLPClassifier(early_stopping=True, **options).fit(np.eye(100), y).classes_) == 20
    )


def test_layers_are_wired_from_the_random_state(table: Any) -> None:
    """The first layer as before there were others: with random_state=0 by this number."""
    X, y = table
    options = {**QUICK, "hidden_layer_sizes": (30, 30, 30), "density": 0.2, "max_iter": 1}
    model = SparseMLPClassifier(**options).fit(X, y)
    seeds = [graph.parameters["seed"] for graph in model.net_.topologies[:3]]
    assert seeds == layer_seeds(209652396, 3)
    one = SparseMLPClassifier(**{**options, "hidden_layer_sizes": (30,)}).fit(X, y)
    assert one.net_.topologies[0] == snn.topology.biregular(30, 30, 6, seed=209652396)


def test_kinds_of_random_states(table: Any) -> None:
    X, y = table

    def fitted(random_state: Any) -> bytes:
        options = {**QUICK, "max_iter": 1, "dropout": 0.2, "random_state": random_state}
        return SparseMLPClassifier(**options).fit(X, y).net_.parameters.tobytes()

    for make in (np.random.RandomState, np.random.default_rng, np.random.SeedSequence):
        assert fitted(make(3)) == fitted(make(3)) != fitted(make(4))
    rng = np.random.default_rng(3)
    assert fitted(rng) != fitted(rng), "it was drawn from"
    assert fitted(3) == fitted(np.random.RandomState(3))
    assert fitted(None) != fitted(None)


def test_interruption_keeps_what_was_learnt(table: Any) -> None:
    X, y = table

    def rate(epoch: float, epochs: int) -> float:
        if epoch > 2:
            signal.raise_signal(signal.SIGINT)
        return 0.01

    with pytest.warns(UserWarning, match="training was interrupted"):
        model = SparseMLPClassifier(learning_rate=rate, batch_size=400, max_iter=50).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize(
    ("verbose", "shown"), [(True, True), (10, True), (0, False), (False, False)]
)
def test_verbose_is_a_bar(
    table: Any, capsys: pytest.CaptureFixture[str], verbose: Any, shown: bool
) -> None:
    pytest.importorskip("tqdm", reason="needs the extra progress")
    X, y = table
    SparseMLPClassifier(verbose=verbose, max_iter=2, tol=None).fit(X, y)
    assert ("epoch 2 of 2: 100%" in capsys.readouterr().err) == shown


@pytest.mark.parametrize("early", [False, True])
def test_patience_is_that_of_scikit_learns_own(table: Any, early: bool) -> None:
    X, y = table
    options = {"n_iter_no_change": 3, "early_stopping": early, "random_state": 0}
    still = SparseMLPClassifier(learning_rate=0.0, **options).fit(X, y)
    theirs = MLPClassifier(learning_rate_init=1e-30, **options)
    assert still.n_iter_ == theirs.fit(X, y).n_iter_ == 5


@pytest.mark.parametrize("optimizer", ["adam", "nesterov"])
def test_decay_shrinks_the_weights(table: Any, optimizer: str) -> None:
    X, y = table
    options = {**QUICK, "optimizer": optimizer, "learning_rate": 0.01}
    free, held = (
        SparseMLPClassifier(weight_decay=decay, **options).fit(X, y) for decay in (0.0, 1.0)
    )
    sizes = [np.square(model.coefs_[0].data).sum() for model in (held, free)]
    assert sizes[0] < sizes[1] / 1.5


def test_names_of_optimizers(table: Any) -> None:
    X, y = table
    options = {**QUICK, "max_iter": 2, "learning_rate": 0.01}
    named, meant = (
        SparseMLPClassifier(optimizer=optimizer, **options).fit(X, y)
        for optimizer in ("nesterov", snn.SGD(0.01, 0.9, nesterov=True))
    )
    assert named.net_.parameters.tobytes() == meant.net_.parameters.tobytes()
    with pytest.warns(FutureWarning, match="'sgd' will be .* without momentum .* take 'nesterov'"):
        old = SparseMLPClassifier(optimizer="sgd", **options).fit(X, y)
    assert old.net_.parameters.tobytes() == named.net_.parameters.tobytes()


def test_held_back_samples_have_their_weights() -> None:
    """Only samples of the second class count, which a network that knows nothing gets wrong."""
    y = np.repeat([0, 1], 50)
    options = {**QUICK, "learning_rate": 0.0, "max_iter": 1, "early_stopping": True}
    for model in (SparseMLPClassifier(**options), SparseMLPRegressor(**options)):
        assert model.fit(np.zeros((100, 3)), y, sample_weight=y).validation_scores_ == [0.0]


@pytest.mark.parametrize("kind", [SparseMLPClassifier, SparseMLPRegressor])
def test_samples_without_weight_are_not_held_back(kind: Any) -> None:
    """They are as good as not there: scores are of samples that count."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 5))
    y = (X[:, 0] > 0).astype(int)
    weights = np.zeros(200)
    weights[::20] = rng.random(10) + 0.5
    weights[1::20] = 1e-320
    options = {**QUICK, "early_stopping": True, "validation_fraction": 0.3}
    model = kind(**options).fit(X, y, sample_weight=weights)
    chosen = weights > 1e-300
    few = kind(**options).fit(X[chosen], y[chosen], sample_weight=weights[chosen])
    assert model.net_.parameters.tobytes() == few.net_.parameters.tobytes()
    assert model.validation_scores_ == few.validation_scores_
    message = "early_stopping holds back 1 of 3 samples whose weight is not 0; it needs 2 at least"
    with pytest.raises(ValueError, match=message):
        kind(**options).fit(X, y, sample_weight=np.arange(200) < 3)


@pytest.mark.parametrize("early", [False, True])
def test_ensembles(table: Any, early: bool) -> None:
    X, y = table
    options = {**QUICK, "early_stopping": early, "max_iter": 20, "learning_rate": 0.01}
    for ensemble, kind, target in (
        (BaggingClassifier, SparseMLPClassifier, y),
        (AdaBoostClassifier, SparseMLPClassifier, y),
        (BaggingRegressor, SparseMLPRegressor, X[:, 0]),
        (AdaBoostRegressor, SparseMLPRegressor, X[:, 0]),
    ):
        model = ensemble(kind(**options), n_estimators=3, random_state=0).fit(X, target)
        assert np.isfinite(model.score(X, target))
    zero_or_not = np.random.default_rng(0).integers(0, 2, len(X))
    weighted = BaggingClassifier(SparseMLPClassifier(**options), n_estimators=2, random_state=0)
    assert weighted.fit(X, y, sample_weight=zero_or_not).predict(X).shape == y.shape


def test_no_convergence_is_said(table: Any) -> None:
    X, y = table
    with pytest.warns(ConvergenceWarning, match="max_iter=2 reached before the training conv"):
        SparseMLPClassifier(max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SparseMLPClassifier(max_iter=2, tol=None).fit(X, y)


def test_the_same_seed_the_same_network(table: Any) -> None:
    X, y = table
    first, second = (SparseMLPClassifier(**QUICK).fit(X, y) for _ in range(2))
    assert first.net_.parameters.tobytes() == second.net_.parameters.tobytes()
    other = SparseMLPClassifier(**{**QUICK, "random_state": 1}).fit(X, y)
    assert other.net_.topologies[0] != first.net_.topologies[0]


def test_weights_of_samples_are_repetitions(table: Any, rng: np.random.Generator) -> None:
    X, y = table
    X, y = X[:40], y[:40]
    weights = rng.integers(0, 3, 40)
    model = SparseMLPClassifier(**QUICK).fit(X, y, sample_weight=weights)
    repeated = SparseMLPClassifier(**QUICK).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    np.testing.assert_allclose(model.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)
