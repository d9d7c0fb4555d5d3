"""Weights of samples: a sample of weight 2 counts as two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn.kernels.functions import losses
from minisnn.kernels.machine.layout import feature_major

OUTPUTS = {"mse": "identity", "binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}


def network(loss: str) -> snn.MLP:
    graphs = [snn.topology.biregular(6, 12, 4), snn.topology.dense(12, 3)]
    return snn.MLP(
        graphs, activation="tanh", output_activation=OUTPUTS[loss], dtype=np.float64, seed=1
    )


def data(rng: np.random.Generator, loss: str, n: int) -> tuple[Any, Any]:
    Y: Any = rng.random((n, 3))
    if loss == "cross_entropy":
        Y = rng.integers(0, 3, n)
    return rng.standard_normal((n, 6)), Y


@pytest.mark.parametrize("loss", OUTPUTS)
def test_weights_are_repetitions(rng: np.random.Generator, loss: str) -> None:
    X, Y = data(rng, loss, 40)
    weights = rng.integers(0, 4, 40)
    value, gradients = network(loss).loss_and_gradients(X, Y, loss=loss, sample_weight=weights)
    repeated = (np.repeat(array, weights, axis=0) for array in (X, Y))
    expected, others = network(loss).loss_and_gradients(*repeated, loss=loss)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradients.parameters, others.parameters, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("loss", OUTPUTS)
def test_only_their_ratios_matter(rng: np.random.Generator, loss: str) -> None:
    X, Y = data(rng, loss, 20)
    plain, gradients = network(loss).loss_and_gradients(X, Y, loss=loss)
    for weight in (0.37, 1.7e308, 5e-324):  # the sum of the second is no number
        same, others = network(loss).loss_and_gradients(
            X, Y, loss=loss, sample_weight=np.full(20, weight)
        )
        assert same == pytest.approx(plain, rel=1e-13)
        np.testing.assert_allclose(gradients.parameters, others.parameters, rtol=1e-11, atol=1e-15)


def test_batches_are_weighted_means_and_those_without_weight_change_nothing(
    rng: np.random.Generator,
) -> None:
    X, Y = data(rng, "mse", 30)
    weights = np.repeat([0.0, 1.0, 2.0], 10)
    net, twin = network("mse"), network("mse")
    optimizer = snn.SGD(0.1)
    snn.train(
        net,
        X,
        Y,
        optimizer=optimizer,
        batch_size=10,
        epochs=1,
        shuffle=False,
        sample_weight=weights,
    )
    for first in (10, 20):
        part = slice(first, first + 10)
        snn.train(
            twin, X[part], Y[part], optimizer=optimizer, batch_size=10, epochs=1, shuffle=False
        )
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12)


def test_batches_without_weight_have_no_loss(rng: np.random.Generator) -> None:
    X, Y = data(rng, "mse", 40)
    weights = np.repeat([0.0, 1.0, 0.0, 2.0], 10)
    options: Any = {"optimizer": snn.SGD(0.0), "batch_size": 10, "epochs": 2, "shuffle": False}
    all_of_them = snn.train(network("mse"), X, Y, sample_weight=weights, **options)
    chosen = weights > 0
    others = snn.train(
        network("mse"), X[chosen], Y[chosen], sample_weight=weights[chosen], **options
    )
    assert all_of_them.column("loss") == others.column("loss")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 2.3e-308, 1e-301])
def test_weights_that_are_nothing_beside_others_are_zero(
    rng: np.random.Generator, tiny: float, dtype: Any
) -> None:
    """Also where they have a batch for themselves, and where a kernel's precision ends earlier."""
    X, Y = data(rng, "mse", 40)
    about: Any = {"optimizer": snn.Adam(0.1), "batch_size": 10, "epochs": 2, "shuffle": False}
    nets = []
    for least in (tiny, 0.0):
        weights = np.repeat([least, 1.0, 0.5, least], 10)
        weights[10:13] = least
        nets.append(snn.MLP(network("mse").topologies, seed=1, dtype=dtype))
        snn.train(nets[-1], X.astype(dtype), Y, sample_weight=weights, **about)
    assert nets[0].parameters.tobytes() == nets[1].parameters.tobytes()


@given(weights=st.lists(st.floats(0, 1e308), min_size=8, max_size=8).filter(any))
def test_no_weights_are_a_divergence(weights: list[float]) -> None:
    X = np.random.default_rng(0).random((8, 4))
    for real in (np.float32, np.float64):
        net = snn.MLP([snn.topology.dense(4, 2)], seed=0, dtype=real)
        snn.train(
            net, X, [0, 1] * 4, optimizer="nesterov", batch_size=3, epochs=2, seed=0,
            sample_weight=weights,
        )  # fmt: skip
        value, gradients = net.loss_and_gradients(X, [0, 1] * 4, sample_weight=weights)
        assert np.isfinite(value)
        assert np.isfinite(gradients.parameters).all()


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("n_samples", [1, 7, 129])
def test_kernels(rng: np.random.Generator, real: Any, n_samples: int) -> None:
    """Each sample's share of the loss and column of the gradient, times what it counts as."""
    counts, tile = rng.random(n_samples) * 3, (0,)
    close = {"rtol": 1e-5 if real is np.float32 else 1e-13, "atol": 1e-7}

    def filled() -> Any:
        array = feature_major(4, n_samples, real)
        array[:, :n_samples] = rng.random((4, n_samples))
        return array

    def columns(function: Any, A: Any, T: Any, counts: Any) -> tuple[float, Any]:
        gradient, shares = np.zeros_like(A), np.zeros(4 + A.shape[1])
        function(A.copy(), T, n_samples, counts, shares, gradient)
        return shares.sum(), gradient

    def squared(A: Any, T: Any, n: int, counts: Any, shares: Any, gradient: Any) -> None:
        losses.squared_error(tile, A, T, n, 4.0 * n, counts, shares, gradient, 0, 4)

    def binary(A: Any, T: Any, n: int, counts: Any, shares: Any, gradient: Any) -> None:
        losses.binary_cross_entropy(tile, A, T, n, 4.0 * n, counts, shares, gradient, 0, 4)

    def categorical(A: Any, T: Any, n: int, counts: Any, shares: Any, gradient: Any) -> None:
        workspace = np.zeros((3, A.shape[1]), real)
        losses.cross_entropy(A, T, n, counts, workspace, shares, gradient, 0, A.shape[1])

    for function in (squared, binary, categorical):
        A, T = filled(), filled()
        value, gradient = columns(function, A, T, counts)
        _, plain = columns(function, A, T, np.empty(0))
        np.testing.assert_allclose(gradient[:, :n_samples], plain[:, :n_samples] * counts, **close)
        assert not gradient[:, n_samples:].any()
        total = 0.0
        for s in range(n_samples):  # the loss of each sample alone
            one_A, one_T = feature_major(4, 1, real), feature_major(4, 1, real)
            one_A[:, 0], one_T[:, 0] = A[:, s], T[:, s]
            shares, nothing = np.zeros(4 + one_A.shape[1]), np.zeros_like(one_A)
            function(one_A, one_T, 1, np.empty(0), shares, nothing)
            total += counts[s] * shares.sum() / n_samples
        assert value == pytest.approx(total, rel=close["rtol"])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            [1.0, 2.0],
            r"sample_weight must have one entry for each of the 4 samples, got shape \(2,",
        ),
        (["a"] * 4, "sample_weight must hold real numbers, got <U1"),
        ([1, -1, 1, 1], "finite numbers of 0 and more, got -1 for sample 1, 1 such value in all"),
        ([1, 1, np.nan, -np.inf], "got nan for sample 2, 2 such values in all; weight 0 leaves"),
        ([np.inf, 1, 1, 1], "got inf for sample 0, 1 such value in all"),
        (pd.array([1, None, 1, 1], dtype="Float64"), "got nan for sample 1, 1 such value in all"),
        ([0, 0, 0, 0], "sample_weight must not be 0 for all samples"),
        ([[1], [1], [1], [1]], r"got shape \(4, 1\); pass np\.ravel\(sample_weight\)"),
    ],
)
def test_bad_weights(rng: np.random.Generator, weights: Any, message: str) -> None:
    X, Y = data(rng, "mse", 4)
    with pytest.raises((ValueError, TypeError), match=message):
        snn.train(network("mse"), X, Y, optimizer=snn.SGD(0.1), sample_weight=weights)


def test_a_bad_weight_is_found_by_its_row(rng: np.random.Generator) -> None:
    X, Y = data(rng, "mse", 4)
    weights = [np.nan, 1, 1, np.nan]
    with pytest.raises(ValueError, match="got nan for sample 3, 1 such value in all"):
        snn.train(
            network("mse"), X, Y, optimizer=snn.SGD(0.1), sample_weight=weights, rows=[1, 3, 2]
        )
