"""Subnormal numbers, which are slow on CPUs: zero in kernels, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn.kernels.machine.cpu import TARGET
from minisnn.kernels.machine.jit import DISABLED, jit
from minisnn.kernels.machine.subnormals import ON_X86, flush_subnormals, restore

pytestmark = pytest.mark.skipif(DISABLED or not ON_X86, reason="nothing is changed here")
REALS = [np.float32, np.float64]


@jit
def _halves(x, flushed, plain):  # type: ignore[no-untyped-def]
    half = x.dtype.type(0.5)
    control = flush_subnormals()
    for k in range(x.shape[0]):
        flushed[k] = half * x[k]
    restore(control)
    for k in range(x.shape[0]):
        plain[k] = half * x[k]


def halves_are_there(real: Any) -> bool:
    x = np.full(40, np.finfo(real).tiny)
    return bool((real(0.5) * x > 0).all())


@pytest.mark.parametrize("real", REALS)
def test_zero_between_flush_and_restore(real: Any) -> None:
    limits = np.finfo(real)
    x = np.array([limits.tiny, limits.smallest_subnormal, 4 * limits.tiny, -1, np.nan], real)
    flushed, plain = np.full_like(x, 7), np.full_like(x, 7)
    _halves(x, flushed, plain)
    np.testing.assert_array_equal(flushed, [0, 0, 2 * limits.tiny, -0.5, np.nan])
    np.testing.assert_array_equal(plain, real(0.5) * x)
    assert plain[0] > 0


@pytest.mark.parametrize("n_samples", [1, 200])
@pytest.mark.parametrize("real", REALS)
def test_predictions(threads: Callable[[int], None], n_samples: int, real: Any) -> None:
    """On every thread, and nothing is left of it afterwards."""
    graphs = [snn.topology.biregular(50, 400, 200), snn.topology.dense(400, 2)]
    net = snn.MLP(graphs, dtype=real, activation="identity", output_activation="identity")
    net.parameters[:] = 0
    net.layers[0].weights[:] = np.finfo(real).tiny / 1000
    for n_threads in (1, 3):
        threads(n_threads)
        hidden, _ = net.forward(np.ones((n_samples, 50)))
        assert not hidden.any()
        assert halves_are_there(real)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("optimizer", [snn.NesterovSGD(0.1), snn.Adam(0.1)], ids=repr)
def test_means_of_gradients_that_have_become_zero_end(optimizer: Any, real: Any) -> None:
    """Instead of shrinking to the smallest numbers, which rounding would keep for ever.

    Where nothing is fused, Adam's stay at the smallest number of full precision: what they would
    lose in a step is itself next to zero.
    """
    net = snn.MLP([snn.topology.dense(4, 3)], dtype=real, output_activation="identity")
    net.parameters[:] = 0
    tiny = np.finfo(real).tiny
    vectors = np.full((optimizer.n_states, 15), tiny)
    state = snn.OptimizerState(vectors, 1)
    history = snn.train(
        net, np.ones((8, 4)), np.zeros((8, 3)), optimizer=optimizer, optimizer_state=state, epochs=1
    )
    assert history.optimizer_state is not None
    left = history.optimizer_state.vectors
    assert not left[left < tiny].any(), "a subnormal number"
    assert not left.any() or not TARGET.fuses
    assert halves_are_there(real)
