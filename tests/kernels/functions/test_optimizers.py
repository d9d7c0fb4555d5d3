"""The optimisers' steps against their twins, and the norm of gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bench import twins

import minisnn as snn
from minisnn.kernels.functions import optimizers as updates

FINE = np.zeros(1, np.int64)  # becomes 1 where a parameter is refused
REALS = [np.float32, np.float64]
CLOSE: dict[Any, dict[str, float]] = {
    np.float32: {"rtol": 2e-6, "atol": 2e-6},
    np.float64: {"rtol": 1e-14, "atol": 1e-14},
}
OPTIMIZERS = [
    snn.SGD(0.3, 0.9, weight_decay=0.2), snn.NesterovSGD(0.3, 0.8), snn.Adam(0.3, weight_decay=0.2),
    snn.SGD(0.3, 0.9, l1=0.2), snn.Adam(0.3, weight_decay=0.2, l1=0.1),
]  # fmt: skip


@pytest.mark.parametrize("decay", [0.0, 0.25])
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("real", REALS)
def test_momentum_update(rng: np.random.Generator, real: Any, nesterov: bool, decay: float) -> None:
    w, v, g = (rng.standard_normal(1001).astype(real) for _ in range(3))
    rate, momentum = real(0.3), real(0.9)
    expected_w, expected_v = twins.momentum_update(w, v, g, rate, momentum, nesterov, decay)
    updates.momentum_update(w, v, g, rate, momentum, nesterov, rate * real(decay), FINE)
    np.testing.assert_allclose(w, expected_w, **CLOSE[real])
    np.testing.assert_allclose(v, expected_v, **CLOSE[real])


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("real", REALS)
def test_l1_of_sgd(rng: np.random.Generator, real: Any, nesterov: bool) -> None:
    """Of a part of the parameters, with gradients still to be halved."""
    optimizer = snn.SGD(0.3, 0.9, nesterov=nesterov, weight_decay=0.2, l1=0.4)
    w, g = rng.standard_normal(1001).astype(real), rng.standard_normal(901).astype(real)
    w[200:210] = 0
    state = rng.standard_normal((1, 1001)).astype(real)
    (row,) = optimizer.coefficients(np.array([0.3]), 0)
    expected = twins.momentum_update(w[100:], state[0, 100:], 0.5 * g, 0.3, 0.9, nesterov, 0.2, 0.4)
    updates.OPTIMIZERS[optimizer.kernel].step(row, real(0.5), True, w, state, 100, g, FINE)
    for found, wanted in zip((w, state[0]), expected, strict=True):
        np.testing.assert_allclose(found[100:], wanted, **CLOSE[real])


@pytest.mark.parametrize("l1", [0.0, 0.4])
@pytest.mark.parametrize("decay", [0.0, 0.25])
@pytest.mark.parametrize("real", REALS)
def test_adam(rng: np.random.Generator, real: Any, decay: float, l1: float) -> None:
    """Three steps, of a part of the parameters, with gradients still to be halved."""
    optimizer = snn.Adam(0.3, beta_1=0.8, beta_2=0.99, epsilon=1e-3, weight_decay=decay, l1=l1)
    w = rng.standard_normal(1001).astype(real)
    state = np.zeros((2, 1001), real)
    expected = w[100:].astype(np.float64), *state[:, 100:].copy()
    rows = optimizer.coefficients(np.array([0.3, 0.3, 0.1]), 0)
    for step, rate in enumerate((0.3, 0.3, 0.1), start=1):
        g = rng.standard_normal(901).astype(real)
        updates.OPTIMIZERS[optimizer.kernel].step(
            rows[step - 1], real(0.5), True, w, state, 100, g, FINE
        )
        expected = twins.adam_update(*expected, 0.5 * g, rate, (0.8, 0.99), 1e-3, step, decay, l1)
    for found, wanted in zip((w, *state), expected, strict=True):
        np.testing.assert_allclose(found[100:], wanted, **CLOSE[real])
    assert not state[:, :100].any()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("real", REALS)
def test_pieces_of_an_update_have_the_bits_of_the_whole(
    rng: np.random.Generator, real: Any, optimizer: Any
) -> None:
    """However vectorised loops and their remainders fall."""
    before = [rng.standard_normal(999).astype(real) for _ in range(2)]
    start = rng.random((optimizer.n_states, 999)).astype(real)
    (row,) = optimizer.coefficients(np.array([0.3]), 4)
    results = []
    for piece in (999, 100, 7):
        (w, g), state = (array.copy() for array in before), start.copy()
        for first in range(0, 999, piece):
            part = g[first : first + piece]
            updates.OPTIMIZERS[optimizer.kernel].step(
                row, real(0.7), True, w, state, first, part, FINE
            )
        results.append((w, state))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0][0], other[0])
        np.testing.assert_array_equal(results[0][1], other[1])


@pytest.fixture(autouse=True)
def nothing_is_refused() -> Iterator[None]:
    yield
    assert FINE == [0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("rate", [0.3, 1e300])
def test_what_is_not_finite_is_not_stored(
    rng: np.random.Generator, real: Any, optimizer: Any, rate: float
) -> None:
    """Of each parameter all stays as it was, or moves as it would alone."""
    (row,) = optimizer.coefficients(np.array([rate]), 0)
    w, g = (rng.standard_normal(999).astype(real) for _ in range(2))
    state = rng.random((optimizer.n_states, 999)).astype(real)
    broken = rng.permutation(999)[:60]
    g[broken] = np.resize([np.nan, np.inf, -np.inf, np.finfo(real).max], 60)
    w[broken[::2]] *= np.finfo(real).max / 8
    before, refused = np.vstack([w, state]), np.zeros(1, np.int64)
    step_of = updates.OPTIMIZERS[optimizer.kernel].step
    with np.errstate(all="ignore"):
        step_of(row, real(1), True, w, state, 0, g.copy(), refused)
        found = np.vstack([w, state])
        assert np.isfinite(found).all()
        assert refused == [1]
        for k in range(999):
            one, its_state, flag = before[:1, k].copy(), before[1:, k : k + 1].copy(), refused * 0
            step_of(row, real(1), True, one, its_state, 0, g[k : k + 1].copy(), flag)
            np.testing.assert_array_equal(found[:, k], np.r_[one, its_state[:, 0]])
            stays = (found[:, k] == before[:, k]).all()
            assert stays or flag == [0]
            assert flag == [1] or k not in broken or np.isfinite(g[k])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_biases_do_not_decay(optimizer: Any) -> None:
    (row,) = optimizer.coefficients(np.array([0.3]), 0)
    for decays in (True, False):
        w, state = np.ones(5), np.zeros((optimizer.n_states, 5))
        updates.OPTIMIZERS[optimizer.kernel].step(row, 1.0, decays, w, state, 0, np.zeros(5), FINE)
        assert (w < 1).all() == (decays and optimizer.weight_decay + optimizer.l1 > 0)


@pytest.mark.parametrize("n", [1, 31, 4096, 4097, 20_000])
@pytest.mark.parametrize("real", REALS)
def test_the_norm_of_gradients(rng: np.random.Generator, real: Any, n: int) -> None:
    gradients = rng.standard_normal(n).astype(real)
    n_blocks = -(-n // updates.NORM_BLOCK)
    together, alone = np.full((2, n_blocks), np.nan)
    updates.block_norms((0, 0), gradients, together, 0, n_blocks)
    for k in range(n_blocks):
        updates.block_norms((0, 0), gradients, alone, k, k + 1)
    np.testing.assert_array_equal(alone, together)
    norm = np.linalg.norm(gradients.astype(np.float64))
    assert together.sum() == pytest.approx(norm**2, rel=1e-5)
    assert updates.clipping(together, norm / 4) == pytest.approx(0.25, rel=1e-5)
    assert updates.clipping(together, norm * 1.01) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.7e308])
def test_a_norm_that_is_not_finite_has_no_factor(value: float) -> None:
    with np.errstate(over="ignore"):
        assert np.isnan(updates.clipping(np.array([1.7e308, value]), 0.1))


def test_bounds_of_parameters(rng: np.random.Generator) -> None:
    values, lower = rng.standard_normal(9), np.full(9, -np.inf)
    upper = np.full(9, np.inf)
    lower[:3], upper[3:6], lower[6], upper[6] = 0, 0, 0.5, 0.5
    values[8] = np.nan
    found = values.copy()
    updates.clamp(found, lower, upper, 0, 8)
    np.testing.assert_array_equal(found[:8], np.clip(values, lower, upper)[:8])
    updates.clamp(found, lower, upper, 8, 9)
    assert np.isnan(found[8])
    gradients = np.ones(9)
    updates.leave_out_frozen(gradients, lower, upper, 0, 9)
    np.testing.assert_array_equal(gradients, np.arange(9) != 6)
