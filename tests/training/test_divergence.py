"""Divergence: detected, undone and explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import baselines
from minisnn.network.samples import check_samples
from minisnn.training.trainer import Trainer

EXPLODES = snn.SGD(lambda epoch, epochs: 0.5 if epoch < 1.5 else 1e200, momentum=0.5)
"""From the middle of the second epoch on at a rate that is infinite in float32."""


def problem() -> tuple[Any, Any]:
    X = np.random.default_rng(0).random((100, 8)) + 1e-3
    return X, np.random.default_rng(1).random((100, 2))


def make(dtype: Any = np.float64) -> snn.MLP:
    graphs = [snn.topology.constant_degree(8, 12, 6), snn.topology.dense(12, 2)]
    return snn.MLP(graphs, seed=1, dtype=dtype)


def break_at(step: int, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Trainer], None]) -> None:
    """Let a step, the first being 0, leave something behind that is not finite."""
    run = Trainer.steps

    def breaking(self: Any, samples: Any, rates: Any) -> Any:
        losses = run(self, samples, rates)
        if self._n_steps - len(rates) <= step < self._n_steps:
            spoil(self)
        return losses

    monkeypatch.setattr(Trainer, "steps", breaking)


def spoiler(place: int, value: float = np.nan) -> Callable[[Trainer], None]:
    def spoil(steps: Trainer) -> None:
        steps.parameters[place] = value

    return spoil


def after(n_steps: int, dropout: float) -> Any:
    """Return the parameters after so many steps of batches of 10, one by one."""
    net, (X, Y) = make(), problem()
    samples = check_samples(net, X, Y, 1.0)
    steps = Trainer(net, samples, optimizer=EXPLODES, batch_size=10, dropout=(dropout,) * 2, seed=3)
    rng, made = np.random.default_rng(3), 0
    while made < n_steps:
        order = np.arange(100)
        rng.shuffle(order)
        for start in range(0, 100, 10):
            if made < n_steps:
                steps.steps(order[start : start + 10], np.array([0.5]))
                made += 1
    return net.parameters


@pytest.mark.parametrize("step", [0, 1, 9, 10, 13])
@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_network_is_as_it_was_before_the_step(
    monkeypatch: pytest.MonkeyPatch, step: int, one_by_one: bool, dropout: float
) -> None:
    expected = after(step, dropout)
    if one_by_one:
        monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)
        monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    break_at(step, monkeypatch, spoiler(5))
    net = make()
    with pytest.raises(
        FloatingPointError,
        match=rf"the training diverged: in step {step + 1}, at a learning rate of 0\.5, "
        "the weights of layer 1 are no longer finite. The network is as it was before that step. "
        "Take a lower rate, or warm it up with WarmUpDecay; if that does not help, bring "
        "inputs and targets to the order of 1",
    ):
        snn.train(
            net, *problem(), optimizer=EXPLODES, batch_size=10, epochs=3, seed=3, dropout=dropout
        )
    np.testing.assert_array_equal(net.parameters, expected)


def test_a_rate_that_is_far_too_high() -> None:
    net, (X, Y) = make(np.float32), problem()
    with pytest.raises(
        FloatingPointError,
        match=r"in step 16, at a learning rate of 1e\+200, the weights of layer 1",
    ):
        snn.train(net, X, Y, optimizer=EXPLODES, batch_size=10, epochs=9, seed=3)
    assert np.isfinite(net.parameters).all()
    assert np.isfinite(net.predict(X)).all()


@pytest.mark.parametrize(
    ("place", "what"),
    [(0, "weights of layer 1"), (48, "biases of layer 1"), (60, "weights of layer 2"),
     (-1, "biases of layer 2")],
)  # fmt: skip
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_which_layer(monkeypatch: pytest.MonkeyPatch, place: int, what: str, value: float) -> None:
    break_at(3, monkeypatch, spoiler(place, value))
    with pytest.raises(FloatingPointError, match=f"in step 4, .*, the {what} are no longer finite"):
        snn.train(make(), *problem(), optimizer=snn.SGD(0.1), batch_size=10)


def test_activations_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a layer overflows in the forward pass, and all weights after it."""

    def spoil(steps: Trainer) -> None:
        steps._execution.activations[8 + 12 :] = np.nan
        steps.parameters[:] = np.nan

    break_at(3, monkeypatch, spoil)
    with pytest.raises(FloatingPointError, match=r"in step 4, .*, the activations of layer 2 are"):
        snn.train(make(), *problem(), optimizer=snn.SGD(0.1), batch_size=10)


def test_targets_that_overflow_the_loss() -> None:
    X, Y = problem()
    Y[47] = 3e38  # whose square no float32 holds
    net = make(np.float32)
    with pytest.raises(FloatingPointError, match=r"in step 5, .* (loss is|layer \d are) no longer"):
        snn.train(net, X, Y, optimizer=snn.SGD(0.0), batch_size=10, shuffle=False)
    np.testing.assert_array_equal(net.parameters, make(np.float32).parameters)


def test_weights_that_were_broken_before() -> None:
    net = make()
    net.parameters[3] = np.nan
    with pytest.raises(
        FloatingPointError, match="has parameters that are not finite before any training; make it"
    ):
        snn.train(net, *problem(), optimizer=snn.SGD(0.5))


def test_what_callbacks_change_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(net: snn.MLP, epoch: snn.Epoch) -> None:
        net.parameters[:] = 0.25

    break_at(20, monkeypatch, spoiler(0))
    net = make()
    with pytest.raises(FloatingPointError, match="in step 21, "):
        snn.train(net, *problem(), optimizer=snn.SGD(0.1), batch_size=10, callbacks=[change])
    np.testing.assert_array_equal(net.parameters, 0.25)


@pytest.mark.parametrize("step", [14, 19])
def test_a_broken_network_is_never_in_a_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, step: int
) -> None:
    """One step of an epoch breaks it, or the last one, which no loss has told yet."""
    monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    monkeypatch.setattr(
        "minisnn.training.divergence._SHARE", 1e-9
    )  # a state only where an epoch begins
    break_at(step, monkeypatch, spoiler(0, np.inf))
    path = tmp_path / "checkpoint.npz"
    seen: list[int] = []
    with pytest.raises(FloatingPointError, match=f"in step {step + 1}, "):
        snn.train(
            make(), *problem(), optimizer=snn.SGD(0.1), batch_size=10, checkpoint=path,
            checkpoint_every=0, callbacks=[lambda _, epoch: seen.append(epoch.epoch)],
        )  # fmt: skip
    assert seen == [1]
    with np.load(path) as archive:
        assert np.isfinite(archive["steps.parameters"]).all()
        assert archive["steps.steps"] == step


def test_states_are_kept_as_often_as_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    from minisnn.training import divergence

    clock = [0.0]
    copies: list[float] = []

    def copy(self: Any) -> None:
        clock[0] += 0.01
        copies.append(clock[0])

    monkeypatch.setattr(divergence, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(divergence.Watch, "_copy", copy)
    net = make()
    samples = check_samples(net, *problem(), 1.0)
    steps = Trainer(net, samples, optimizer=snn.SGD(0.1), batch_size=10)
    watch = divergence.Watch(steps, net)
    watch.keep()
    for _ in range(1000):
        clock[0] += 0.1
        watch.made(np.arange(10), np.array([0.1]), np.array([0.5]))
    assert 0.01 * len(copies) <= 0.0021 * clock[0]
    assert len(copies) > 15


def test_a_reparametrised_network_that_diverges() -> None:
    net = baselines.Reparametrised(
        [baselines.LowRank(8, 12, 2), baselines.Identity(12, 2)], dtype=np.float64
    )
    X, Y = problem()
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"at a learning rate of 1e\+200, the .* of layer"),
    ):
        baselines.train_reparametrised(net, X, Y, optimizer=EXPLODES, batch_size=10, epochs=9)
    assert np.isfinite(net.parameters).all()
    assert np.isfinite(net.expanded.predict(X)).all()
