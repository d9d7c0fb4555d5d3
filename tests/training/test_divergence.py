"""Divergence: the step is not made, or no more of it than is finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines
from minisnn.kernels.program.records import BROKEN_UPDATE
from minisnn.network.execution import Diverged
from minisnn.network.losses import LOSSES
from minisnn.network.samples import check_samples
from minisnn.training.trainer import Trainer

ADVICE = (
    "Take a lower rate, or warm it up with WarmUpDecay; if that does not help, bring inputs and "
    "targets to the order of 1"
)


@pytest.fixture(autouse=True)
def overflows_are_no_warnings() -> Iterator[None]:
    """As in compiled code, so also without compilation."""
    with np.errstate(all="ignore"):
        yield


def problem() -> tuple[Any, Any]:
    X = np.random.default_rng(0).random((100, 8)) + 1e-3
    return X, np.random.default_rng(1).random((100, 2))


def make(dtype: Any = np.float64, width: int = 12, **options: Any) -> snn.MLP:
    sparse = width == 12
    graphs = [snn.topology.constant_degree(8, 12, 6) if sparse else snn.topology.dense(8, width),
              snn.topology.dense(width, 2)]  # fmt: skip
    return snn.MLP(graphs, seed=1, dtype=dtype, **options)


def trainer_of(net: snn.MLP, X: Any, Y: Any, optimizer: Any, **options: Any) -> Trainer:
    samples = check_samples(net, X, Y, 1.0, missing_targets=options.pop("missing_targets", False))
    return Trainer(net, samples, optimizer=optimizer, batch_size=10, loss=LOSSES["mse"], **options)


def make_steps(trainer: Trainer, n_steps: int) -> None:
    """Make the first steps of a training with seed 3, one by one."""
    rng, optimizer, made = np.random.default_rng(3), trainer._optimizer, 0
    while made < n_steps:
        order = np.arange(100)
        rng.shuffle(order)
        for start in range(0, 100, 10):
            if made < n_steps:
                rate = optimizer.rate((made + 0.5) / 10, 3)
                trainer.steps(order[start : start + 10], np.array([rate]))
                made += 1


def after(n_steps: int, net: snn.MLP, optimizer: Any, **options: Any) -> Any:
    """Return a network's parameters after these steps."""
    make_steps(trainer_of(net, *problem(), optimizer, **options), n_steps)
    return net.parameters


def jump_at(step: int, rate: float) -> Callable[[float, int], float]:
    """Return a schedule that is 0.5, but from a step on, the first being 0, higher."""
    return lambda epoch, epochs: 0.5 if epoch < step / 10 else rate


@pytest.fixture(params=[False, True])
def one_by_one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """True if the loop makes steps one by one."""
    if request.param:
        monkeypatch.setattr("minisnn.training.loop._CHUNK_SECONDS", 0.0)
        monkeypatch.setattr("minisnn.training.trainer._FIRST_CHUNK", 1.0)
    return bool(request.param)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("step", [1, 9, 10, 13])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_nothing_is_made_of_a_step_whose_loss_is_not_finite(
    threads: Any, one_by_one: bool, n_threads: int, step: int, dropout: float
) -> None:
    """The step before has taken the outputs to 1e200, whose square no float64 holds."""
    threads(n_threads)
    optimizer = snn.SGD(jump_at(step - 1, 1e200), momentum=0.5)
    about: Any = {"output_activation": "identity"}
    expected = after(step, make(**about), optimizer, dropout=(dropout,) * 2, seed=3)
    assert np.isfinite(expected).all()
    net = make(**about)
    with pytest.raises(
        FloatingPointError,
        match=rf"the training diverged: in step {step + 1}, at a learning rate of 1e\+200, "
        rf"the loss is no longer finite. The network is as it was before that step. {ADVICE}$",
    ):
        snn.train(
            net, *problem(), optimizer=optimizer, batch_size=10, epochs=3, seed=3, dropout=dropout
        )
    np.testing.assert_array_equal(net.parameters, expected)


def test_targets_that_overflow_the_loss() -> None:
    X, Y = problem()
    Y[47] = 3e38  # whose square no float32 holds
    net = make(np.float32)
    with pytest.raises(FloatingPointError, match=r"in step 5, .* loss is no longer finite"):
        snn.train(net, X, Y, optimizer=snn.SGD(0.0), batch_size=10, shuffle=False)
    np.testing.assert_array_equal(net.parameters, make(np.float32).parameters)


def test_shares_that_are_finite_may_have_a_sum_that_is_not() -> None:
    X, Y = problem()
    net, before = make(), make().parameters.copy()
    Y[:, :] = 1.7e154  # each output's share is 1.4e308
    with pytest.raises(FloatingPointError, match=r"in step 1, .* the loss is no longer finite"):
        snn.train(net, X, Y, optimizer=snn.SGD(0.0), batch_size=10)
    np.testing.assert_array_equal(net.parameters, before)


def test_the_first_layer_that_overflows_is_named() -> None:
    optimizer = snn.SGD(jump_at(3, 1e30))
    net = make(np.float32, activation="identity", output_activation="identity")
    X, Y = problem()
    with pytest.raises(FloatingPointError, match=r"in step 5, .*, the activations of layer 2 are"):
        snn.train(net, X, Y, optimizer=optimizer, batch_size=10, epochs=3, seed=3)
    net.layers[0].weights[:] = 3e38
    with pytest.raises(FloatingPointError, match=r"in step 1, .*, the activations of layer 1 are"):
        snn.train(net, X, Y, optimizer=optimizer, batch_size=10, epochs=3, seed=3)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", [snn.SGD, snn.NesterovSGD, snn.Adam])
@pytest.mark.parametrize("width", [12, 40])
def test_an_update_that_overflows(threads: Any, kind: Any, width: int, n_threads: int) -> None:
    """At a rate that is infinite in float32, where no parameter can move; also on BLAS."""
    threads(n_threads)
    optimizer = kind(jump_at(15, 1e45))
    expected = after(15, make(np.float32, width), optimizer)
    net = make(np.float32, width)
    assert net.runs_on_blas == (width == 40)
    with pytest.raises(
        FloatingPointError,
        match=r"in step 16, at a learning rate of 1e\+45, the update of layer 1 is no longer "
        "finite. The network is finite: parameters that the step would have broken are as "
        rf"before it, all others have made it. {ADVICE}$",
    ):
        snn.train(net, *problem(), optimizer=optimizer, batch_size=10, epochs=9, seed=3)
    np.testing.assert_array_equal(net.parameters, expected)


def steep(size: float) -> tuple[snn.MLP, Any, Any]:
    """Return a problem in which the gradients by one input's weights are as large as 1e10 size."""
    net = snn.MLP([snn.topology.dense(3, 2)], output_activation="identity", seed=0)
    net.layers[0].weights.reshape(2, 3)[:, 0] = 0
    X, Y = np.random.default_rng(0).random((10, 3)), np.full((10, 2), 1e10)
    X[:, 0] = size
    return net, X, Y


@pytest.mark.parametrize("size", [1e12, 1e30])
def test_only_what_overflows_stays_as_it_was(size: float) -> None:
    """The gradients, or only Adam's means of their squares: the weights would be finite."""
    net, X, Y = steep(size)
    before = net.parameters.copy().reshape(-1)
    trainer = trainer_of(net, X, Y, snn.Adam(0.1))
    with pytest.raises(Diverged, match="all others have made the step"):
        trainer.steps(np.arange(10), np.array([0.1]))
    assert all(np.isfinite(array).all() for array in trainer.state().values())
    other = steep(size)[0]
    twin = trainer_of(other, X * [0, 1, 1], Y, snn.Adam(0.1))  # there these weights do not move
    twin.steps(np.arange(10), np.array([0.1]))
    np.testing.assert_array_equal(net.parameters, other.parameters)
    np.testing.assert_array_equal(trainer.state()["optimizer"], twin.state()["optimizer"])
    np.testing.assert_array_equal(net.parameters == before, [1, 0, 0, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_no_step_is_made_by_gradients_without_a_norm(threads: Any, n_threads: int) -> None:
    threads(n_threads)
    net, X, Y = steep(1e30)
    before = net.parameters.copy()
    with pytest.raises(
        FloatingPointError,
        match=r"the norm of the gradients is no longer finite\. The network is as it was",
    ):
        snn.train(net, X, Y, optimizer=snn.NesterovSGD(0.1, clip_norm=1.0), batch_size=10)
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("broken", ["loss", "moments", "gradients"])
def test_running_moments(broken: str, clip_norm: float | None) -> None:
    """They belong to the step: made with it or not at all, and finite."""
    wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "out")]).with_units(4)
    net = snn.Network(
        wiring, activation="identity", batch_norm=True, output_activation="identity", seed=0
    )
    gains, _, _ = net.structure.normal_parts(net.parameters, 1)
    weights, _ = net.structure.parts(net.parameters, 2)
    X, Y = np.random.default_rng(0).random((10, 2)), np.random.default_rng(1).random((10, 1))
    if broken == "loss":
        Y[3] = 3e38
    elif broken == "moments":
        X *= 1e25  # sums whose variance is infinite; divided by it they are 0
    else:
        gains[:], weights[:] = 1e36, 1e-30  # outputs are 1e6, and gradients 1e42
    before = net.parameters.copy()
    with pytest.raises(FloatingPointError) as caught:
        snn.train(net, X, Y, optimizer=snn.SGD(0.1, clip_norm=clip_norm), batch_size=10, epochs=1)
    assert np.isfinite(net.parameters).all()
    if broken == "loss" or (broken == "gradients" and clip_norm):
        assert "The network is as it was before that step" in str(caught.value)
        np.testing.assert_array_equal(net.parameters, before)
    else:
        number = 1 if broken == "moments" else 2
        assert f"the update of {net.place_of(number)} is no longer finite" in str(caught.value)
        for found, old in zip(
            *(net.structure.normal_parts(vector, 1)[1:] for vector in (net.parameters, before)),
            strict=True,
        ):
            assert (found == old).all() == (broken == "moments")


DTYPES = [np.float32, np.float64]
SIZES = st.floats(-40, 300)
OPTIMIZERS = st.sampled_from(
    [
        lambda rate: snn.SGD(rate, weight_decay=0.1),
        lambda rate: snn.NesterovSGD(rate, l1=0.1),
        lambda rate: snn.NesterovSGD(rate, clip_norm=1.0),
        lambda rate: snn.Adam(rate, weight_decay=0.1, l1=0.1),
        lambda rate: snn.Adam(rate, clip_norm=1e30),
    ]
)


@settings(max_examples=150)
@given(
    optimizer=OPTIMIZERS,
    dtype=st.sampled_from(DTYPES),
    activation=st.sampled_from(["sigmoid", "relu", "identity"]),
    sizes=st.tuples(SIZES, SIZES, SIZES),
    width=st.sampled_from([12, 40]),
    gaps=st.booleans(),
    constraints=st.sampled_from(
        [None, snn.Constraints(non_negative=True), snn.Constraints(frozen_biases=True)]
    ),
)
def test_whatever_happens_all_is_finite(
    optimizer: Any,
    dtype: Any,
    activation: str,
    sizes: Any,
    width: int,
    gaps: bool,
    constraints: Any,
) -> None:
    """And but for an update that overflows, the network is that of the steps before."""
    X, Y = problem()
    rate, *factors = (10.0 ** min(size, 300 if dtype == np.float64 else 36) for size in sizes)
    X, Y = X * factors[0], Y * factors[1]
    if gaps:
        Y[::3, 0] = np.nan
    about: Any = {"missing_targets": gaps, "constraints": constraints}

    def start() -> snn.MLP:
        net = make(dtype, width, activation=activation, output_activation="identity")
        net.parameters[:] = np.abs(net.parameters)
        return net

    net, n_steps = start(), 0

    def batch(step: int) -> Any:
        return np.arange(10) + 10 * (step % 10)

    trainer = trainer_of(net, X, Y, optimizer(rate), **about)
    try:
        while n_steps < 15:
            trainer.steps(batch(n_steps), np.array([rate]))
            n_steps += 1
    except Diverged as diverged:
        assert int(trainer.state()["steps"]) == n_steps
        if diverged.fault != BROKEN_UPDATE:
            twin = trainer_of(start(), X, Y, optimizer(rate), **about)
            for step in range(n_steps):
                twin.steps(batch(step), np.array([rate]))
            for name, array in trainer.state().items():
                np.testing.assert_array_equal(array, twin.state()[name])
    assert all(np.isfinite(array).all() for array in trainer.state().values())


def test_weights_that_were_broken_before() -> None:
    net = make()
    net.parameters[3] = np.nan
    with pytest.raises(
        FloatingPointError,
        match="has parameters that are not finite before epoch 1; make it anew, or load it",
    ):
        snn.train(net, *problem(), optimizer=snn.SGD(0.5))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_callbacks_break(value: float) -> None:
    def spoil(net: snn.MLP, epoch: snn.Epoch) -> None:
        net.parameters[7] = value

    with pytest.raises(FloatingPointError, match="parameters that are not finite before epoch 2"):
        snn.train(make(), *problem(), optimizer=snn.SGD(0.1), batch_size=10, callbacks=[spoil])


def test_what_callbacks_change_is_not_undone() -> None:
    def change(net: snn.MLP, epoch: snn.Epoch) -> None:
        net.parameters[:] = 0.25

    X, Y = problem()
    net = make(np.float32)
    optimizer = snn.SGD(jump_at(20, 1e39))
    with pytest.raises(FloatingPointError, match="in step 21, "):
        snn.train(net, X, Y, optimizer=optimizer, batch_size=10, epochs=3, callbacks=[change])
    np.testing.assert_array_equal(net.parameters, 0.25)


@pytest.mark.parametrize("step", [14, 19])
@pytest.mark.parametrize("rate", [1e39, 1e30])
def test_a_broken_network_is_never_in_a_checkpoint(tmp_path: Any, step: int, rate: float) -> None:
    path = tmp_path / "checkpoint.npz"
    net = make(np.float32, output_activation="identity")
    with pytest.raises(FloatingPointError, match=f"in step {step + 1 + (rate < 1e39)}, "):
        snn.train(
            net, *problem(), optimizer=snn.SGD(jump_at(step, rate)), batch_size=10,
            checkpoint=path, checkpoint_every=0, epochs=3,
        )  # fmt: skip
    with np.load(path) as archive:
        assert np.isfinite(archive["steps.parameters"]).all()
        assert archive["steps.steps"] <= step + (rate < 1e39)


@pytest.mark.parametrize(("rate", "real"), [(1e200, np.float64), (1e39, np.float32)])
def test_a_reparametrised_network_that_diverges(rate: float, real: Any) -> None:
    """In a step whose matrices are not finite, or one that is too long."""
    nets = []
    for epochs in (1, 9):
        layers = [baselines.LowRank(8, 12, 2), baselines.Identity(12, 2)]
        nets.append(baselines.Reparametrised(layers, dtype=real, seed=0))
        optimizer = snn.SGD(lambda epoch, _: 0.5 if epoch < 1 else rate)
        with ExitStack() as refused:
            if epochs > 1:
                message = r"in step 1\d, at a learning rate of 1e\+\d+, the .* no longer finite"
                refused.enter_context(pytest.raises(FloatingPointError, match=message))
            baselines.train_reparametrised(
                nets[-1], *problem(), optimizer=optimizer, batch_size=10, epochs=epochs, seed=0
            )
    assert np.isfinite(nets[1].parameters).all()
    assert (nets[0].parameters == nets[1].parameters).all() == (real == np.float32)
