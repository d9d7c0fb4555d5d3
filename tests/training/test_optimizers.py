"""Optimisers against plain twins and PyTorch's; the same bits on any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import topology
from minisnn.network.layer import HIDDEN
from minisnn.network.losses import LOSSES
from minisnn.network.samples import check_samples
from minisnn.training.trainer import Trainer

OPTIMIZERS = [
    snn.SGD(0.2, 0.9, weight_decay=0.01),
    snn.NesterovSGD(0.2, weight_decay=0.01, clip_norm=0.1),
    snn.Adam(0.02, weight_decay=0.1),
    snn.Adam(0.02, beta_1=0.7, beta_2=0.95, epsilon=1e-4, clip_norm=0.1),
    snn.NesterovSGD(0.2, weight_decay=0.01, clip_norm=0.1, l1=0.02),
    snn.Adam(0.02, weight_decay=0.1, l1=0.3),
]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)


def problem(n: int = 160) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.random((n, 12))
    return X, (X[:, :4] @ [1, 2, 3, 4] > 5).astype(np.int64) + (X[:, 5] > 0.8)


def make(dtype: Any = np.float64, activation: str = "relu", output: str = "softmax") -> snn.MLP:
    graphs = [topology.constant_degree(12, 30, 8), topology.dense(30, 3)]
    return snn.MLP(graphs, dtype=dtype, activation=activation, output_activation=output)


def train(net: snn.MLP, optimizer: Any, n: int = 160, **options: Any) -> snn.History:
    X, labels = problem(n)
    options = {"batch_size": 16, "epochs": 2, "shuffle": False, **options}
    return snn.train(net, X.astype(net.dtype), labels, optimizer=optimizer, **options)


@every_optimizer
def test_training_makes_the_steps_of_update(optimizer: Any) -> None:
    """Those that are made as gradients come, and those of whole vectors; each at its own rate."""
    optimizer = replace(optimizer, learning_rate=snn.WarmUpDecay(2 * optimizer.learning_rate))
    net, twin = make(), make()
    train(net, optimizer)
    X, labels = problem()
    state = optimizer.initial_state(twin.parameters)
    lengths = [n for layer in twin.layers for n in (len(layer.weights), len(layer.biases))]
    for step in range(20):
        batch = slice(16 * (step % 10), 16 * (step % 10) + 16)
        _, gradients = twin.loss_and_gradients(X[batch], labels[batch])
        rate = optimizer.rate((step + 0.5) / 10, 2)
        optimizer.update(
            twin.parameters, state, gradients.parameters, rate, step=step, lengths=lengths
        )
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-9, atol=1e-12)


PAIRS = [(name, output) for name, loss in LOSSES.items() for output in loss.outputs]


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize(("loss", "output"), PAIRS)
@every_optimizer
def test_steps_are_pytorchs(optimizer: Any, loss: str, output: str, activation: str) -> None:
    """Of weighted samples, the last batch a short one."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # its threads would wait for one another, spinning
    net = make(np.float64, activation, output)
    parts = [part for layer in net.layers for part in (layer.weights, layer.biases)]
    twins = [torch.tensor(part.copy(), requires_grad=True) for part in parts]
    rate, decay = optimizer.learning_rate, optimizer.weight_decay
    groups = [
        {"params": twins[::2], "weight_decay": decay},
        {"params": twins[1::2], "weight_decay": 0},
    ]
    if isinstance(optimizer, snn.Adam):
        betas = optimizer.beta_1, optimizer.beta_2
        other = torch.optim.AdamW(groups, lr=rate, betas=betas, eps=optimizer.epsilon)
    else:
        other = torch.optim.SGD(
            groups, lr=rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov
        )
    functions = {
        "identity": lambda Z: Z,
        "leaky_relu": lambda Z: torch.nn.functional.leaky_relu(Z, 0.1),
        "softmax": lambda Z: torch.softmax(Z, dim=1),
    }

    def apply(name: str, Z: Any) -> Any:
        return functions.get(name, getattr(torch, name, None))(Z)

    def loss_of(Z: Any, T: Any) -> Any:
        """Of each sample."""
        if loss == "cross_entropy":
            return torch.nn.functional.cross_entropy(Z, T, reduction="none")
        if loss == "mse":
            return ((apply(output, Z) - T) ** 2).mean(dim=1)
        if loss == "huber":
            terms = torch.nn.functional.huber_loss(apply(output, Z), T, reduction="none")
            return terms.mean(dim=1)
        terms = torch.nn.functional.binary_cross_entropy_with_logits(Z, T, reduction="none")
        return terms.mean(dim=1)

    first, second = (torch.tensor(layer.topology.to_dense().T) for layer in net.layers)
    weights = np.random.default_rng(1).random(150)
    train(net, optimizer, n=150, epochs=1, loss=loss, sample_weight=weights)
    X, labels = problem(150)
    for start in range(0, 150, 16):
        batch = (array[start : start + 16] for array in (X, np.eye(3)[labels], weights))
        x, t, w = map(torch.tensor, batch)
        W, V = (torch.zeros(mask.shape, dtype=torch.float64) for mask in (first, second))
        W = W.masked_scatter(first.bool(), twins[0])
        V = V.masked_scatter(second.bool(), twins[2])
        Z = apply(activation, x @ W.T + twins[1]) @ V.T + twins[3]
        other.zero_grad()
        ((loss_of(Z, t) * w).sum() / w.sum()).backward()
        if optimizer.clip_norm is not None:
            norm = torch.nn.utils.get_total_norm([twin.grad for twin in twins])
            for twin in twins:  # torch's own clipping adds 1e-6 to the norm
                twin.grad *= min(1, optimizer.clip_norm / norm)
        with torch.no_grad():
            for twin in twins[::2]:
                if isinstance(optimizer, snn.Adam):
                    twin -= rate * optimizer.l1 * torch.sign(twin)
                else:
                    twin.grad += optimizer.l1 * torch.sign(twin)
        other.step()
    for part, twin in zip(parts, twins, strict=True):
        np.testing.assert_allclose(part, twin.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_optimizer
def test_same_bits_on_any_number_of_threads(
    threads: Callable[[int], None], optimizer: Any, dtype: Any
) -> None:
    results = []
    for n_threads in (1, 2, 3):
        threads(n_threads)
        net = make(dtype)
        history = train(net, optimizer, batch_size=77, dropout=0.2, validation_data=problem())
        columns = history.column("loss") + history.column("validation_loss")
        results.append((net.parameters, columns, net.predict(problem()[0])))
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("optimizer", [snn.SGD(0.1, l1=0.5), snn.Adam(0.1, l1=0.5)], ids=repr)
def test_l1_pulls_weights_by_its_strength_whatever_their_size(optimizer: Any) -> None:
    """Those at 0, and biases, stay where they are; gradients that are passed are not changed."""
    parameters, gradients = np.array([3.0, 0.01, -2.0, 0.0, 1.0]), np.zeros(5)
    for _ in range(2):
        state = optimizer.initial_state(parameters)
        optimizer.update(parameters, state, gradients, 0.1, lengths=[4, 1])
    np.testing.assert_allclose(parameters, [2.9, 0.01, -1.9, 0.0, 1.0], atol=1e-15)
    assert not gradients.any()


def test_l1_draws_small_weights_to_zero_and_leaves_large_ones() -> None:
    """Weight decay draws large ones most."""
    small, largest = [], []
    for options in ({}, {"l1": 0.002}, {"weight_decay": 0.02}):
        net = make(np.float32, "leaky_relu")
        train(net, snn.SGD(snn.CosineDecay(0.2), 0.9, **options), epochs=100, shuffle=True)
        weights = np.abs(np.concatenate([layer.weights for layer in net.layers]))
        small.append(np.mean(weights < 0.03))
        largest.append(weights.max())
    assert small[0] < 0.1
    assert small[1] > 0.5
    assert largest[1] > 0.8 * largest[0]
    assert largest[2] < 0.5 * largest[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_norm_that_clips_nothing_changes_nothing(dtype: Any) -> None:
    """Though all steps are then made after all gradients."""
    nets = [make(dtype) for _ in range(2)]
    for net, limit in zip(nets, (None, 1e9), strict=True):
        train(net, snn.Adam(0.02, weight_decay=0.1, clip_norm=limit))
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


@every_optimizer
def test_a_state_is_all_there_is_to_keep(optimizer: Any) -> None:
    X, labels = problem()
    samples, rates = np.arange(160), np.full(10, optimizer.rate(0, 1))

    def stepper(net: snn.MLP) -> Trainer:
        data = check_samples(net, X, labels, 1.0)
        loss = LOSSES["cross_entropy"]
        return Trainer(
            net, data, optimizer=optimizer, loss=loss, batch_size=16, dropout=(0.1, 0.1), seed=3
        )

    whole, half, last = make(), make(), make()
    through, begun = stepper(whole), stepper(half)
    for _ in range(2):
        through.steps(samples, rates)
    begun.steps(samples, rates)
    state = begun.state()
    assert state["optimizer"].shape == (optimizer.n_states, len(half.parameters))
    resumed = stepper(last)
    resumed.restore(state)
    resumed.steps(samples, rates)
    for name, expected in through.state().items():
        np.testing.assert_array_equal(resumed.state()[name], expected)


@every_optimizer
def test_a_training_goes_on_with_the_same_bits(optimizer: Any, tmp_path: Path) -> None:
    """From a checkpoint, beside one that was never stopped."""

    def crash(net: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 3:
            raise RuntimeError("crash")

    whole, resumed = make(), make()
    train(whole, optimizer, epochs=4)
    options: Any = {"epochs": 4, "checkpoint": tmp_path / "checkpoint", "checkpoint_every": 0}
    with pytest.raises(RuntimeError, match="crash"):
        train(make(), optimizer, callbacks=[crash], **options)
    train(resumed, optimizer, resume=True, **options)
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)


def test_adam_and_cross_entropy_learn() -> None:
    net = make(np.float32)
    train(net, snn.Adam(snn.WarmUp(snn.CosineDecay(0.02))), epochs=60, shuffle=True)
    assert (snn.evaluate(net, *problem()).accuracy or 0) > 0.97
