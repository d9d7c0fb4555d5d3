"""Activations, their slopes and what they are made of, against their twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
from bench import twins

from minisnn.kernels.functions import activations
from minisnn.kernels.functions.activations import ACTIVATIONS, slopes_at, values_at
from minisnn.kernels.machine import exponentials
from minisnn.kernels.machine.cpu import TARGET
from minisnn.kernels.machine.jit import DISABLED, jit

REALS = [np.float32, np.float64]
CLOSE: dict[Any, dict[str, float]] = {  # some roundings, in units of the values at hand
    np.float32: {"rtol": 2e-6, "atol": 2e-6},
    np.float64: {"rtol": 1e-14, "atol": 1e-14},
}
BY_ROW = [name for name, row in ACTIVATIONS.items() if row.over_layer is None]


def applied(name: str, values: Any) -> Any:
    """f of each value, by the kernel."""
    found = np.ascontiguousarray(values)[None, :].copy()
    real = found.dtype.type
    function = values_at(ACTIVATIONS[name].number, real)
    activations.bias_activation(function, np.zeros(1, real), real(1), found, 0, 1)
    return found[0]


@pytest.mark.parametrize(
    ("real", "end", "error", "rounded"),
    [(np.float32, 87, 4e-7, 3e-9), (np.float64, 708, 1e-15, 4e-17)],
)
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_curves_are_exact_to_a_few_roundings(
    name: str, real: Any, end: int, error: float, rounded: float
) -> None:
    """From end to end; tanh next to 0, too, where exp(2z) - 1 would lose all digits.

    What is rounded in ln 2 shows where a sigmoid is next to 0; on a CPU that fuses nothing, so
    does what is rounded in its product.
    """
    if not TARGET.fuses:
        rounded += float(np.finfo(real).eps)
    z = np.linspace(-end, end, 4096).astype(real)
    z = np.concatenate([z, np.geomspace(1e-30, 1, 1000).astype(real)])
    for at in (z, -z):
        expected = twins.activate(name, at.astype(np.float64))
        np.testing.assert_array_less(
            np.abs(applied(name, at) - expected), np.abs(expected) * (error + rounded * np.abs(at))
        )


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", BY_ROW)
def test_the_ends(name: str, real: Any) -> None:
    z = np.array([-np.inf, -1e30, -1000, 0, 1000, 1e30, np.inf, np.nan], dtype=real)
    found, expected = applied(name, z), twins.activate(name, z.astype(np.float64))
    np.testing.assert_allclose(found[:-1], expected[:-1], atol=1e-30)
    assert np.isnan(found[-1])


@jit
def _logarithms(x, y):  # type: ignore[no-untyped-def]
    one = x.dtype.type(1)
    for k in range(x.shape[0]):
        y[0, k] = exponentials.log1p(x[k])
        y[1, k] = exponentials.log(one + x[k])
        y[2, k] = exponentials.log(one / x[k])
        y[3, k] = exponentials.exp(-one / x[k])


@pytest.mark.parametrize(("real", "error"), [(np.float32, 4e-7), (np.float64, 4e-15)])
def test_logarithms_and_exp(real: Any, error: float) -> None:
    x = np.concatenate([np.geomspace(1e-30, 1, 2000), np.linspace(0.012, 1, 1000)]).astype(real)
    found = np.empty((4, len(x)), real)
    _logarithms(x, found)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(found[0], np.log1p(wide), rtol=error)
    sums = (1 + x).astype(np.float64)
    np.testing.assert_allclose(found[1], np.log(sums), rtol=error, atol=0)
    np.testing.assert_allclose(found[2], np.log((1 / x).astype(np.float64)), rtol=error, atol=error)
    moderate = wide > 0.012  # else clipped
    expected = np.exp(-(1 / x).astype(np.float64))
    np.testing.assert_allclose(found[3][moderate], expected[moderate], rtol=20 * error)
    assert (found[3][~moderate] < 1e-36).all()


@pytest.mark.parametrize("real", REALS)
def test_a_logarithm_of_nothing_finite_is_nan(real: Any) -> None:
    if DISABLED:
        pytest.skip("NumPy's logarithm of infinity is infinity")
    x, found = np.array([np.nan, np.inf], real), np.empty((4, 2), real)
    _logarithms(x, found)
    assert np.isnan(found[1]).all()


@pytest.mark.skipif(not DISABLED, reason="kernels are machine code here")
@pytest.mark.parametrize("real", REALS)
def test_the_formulas_of_the_kernels_in_plain_python(real: Any) -> None:
    from numba import from_dtype

    formulas = exponentials.FUNCTIONS[from_dtype(np.dtype(real))]
    for z in (-80.0, -3.0, -0.1, 0.0, 0.3, 2.0, 80.0):
        for name in ("sigmoid", "tanh", "exp"):
            found, plain = (getattr(module, name)(real(z)) for module in (formulas, exponentials))
            assert found == pytest.approx(float(plain), rel=5e-6, abs=1e-37)
    for z in (1.0, 1.5, 2.0, 1000.0):
        assert formulas.log(real(z)) == pytest.approx(np.log(z), rel=1e-6)
        assert formulas.log1p(real(1 / z)) == pytest.approx(np.log1p(1 / z), rel=1e-6)


@pytest.mark.parametrize("name", BY_ROW)
@pytest.mark.parametrize("real", REALS)
def test_bias_activation(rng: np.random.Generator, real: Any, name: str) -> None:
    Z, biases = rng.standard_normal((7, 30)).astype(real), rng.standard_normal(7).astype(real)
    expected = twins.bias_activation(name, biases, real(0.5) * Z)
    function = values_at(ACTIVATIONS[name].number, real)
    activations.bias_activation(function, biases, real(0.5), Z, 0, 7)
    np.testing.assert_allclose(Z, expected, **CLOSE[real])


@pytest.mark.parametrize("keep", [1.0, 0.5])
@pytest.mark.parametrize("name", BY_ROW)
@pytest.mark.parametrize("real", REALS)
def test_activation_slope(rng: np.random.Generator, real: Any, name: str, keep: float) -> None:
    Z, dA = (rng.standard_normal((5, 40)).astype(real) for _ in range(2))
    dropped = rng.random(Z.shape) < 0.3
    A = np.where(dropped, real(0), twins.activate(name, Z).astype(real) / real(keep))
    expected = twins.activation_slope(name, A, keep, dA)
    slopes = slopes_at(ACTIVATIONS[name].number, real)
    activations.activation_slope(slopes, A, real(keep), dA, 0, 5)
    np.testing.assert_allclose(dA, expected, **CLOSE[real])
    if ACTIVATIONS[name].shows_dropped:
        assert not dA[dropped].any()


@pytest.mark.parametrize("name", BY_ROW)
def test_slopes_are_derivatives(name: str) -> None:
    """The twins' own formulas, by differences."""
    Z = np.linspace(-3, 3, 100)[None, :]  # not at 0, where a ReLU has none
    rise = (twins.activate(name, Z + 1e-6) - twins.activate(name, Z - 1e-6)) / 2e-6
    slope = twins.activation_slope(name, twins.activate(name, Z), 1.0, np.ones_like(Z))
    np.testing.assert_allclose(slope, rise, atol=1e-8)


@pytest.mark.parametrize("n_out", [1, 2, 10])
@pytest.mark.parametrize("real", REALS)
def test_softmax(rng: np.random.Generator, real: Any, n_out: int) -> None:
    Z = (10 * rng.standard_normal((n_out, 48))).astype(real)
    Z[:, 5] += real(1e4)  # would overflow
    expected = twins.activate("softmax", Z.astype(np.float64))
    pieces, workspace = Z.copy(), np.full((2, 48), np.nan, real)
    activations.softmax(Z, workspace, 0, 48)
    error = 3e-6 if real is np.float32 else 1e-13
    if not TARGET.fuses:
        error += 50 * float(np.finfo(real).eps)  # of exponents down to -50
    np.testing.assert_allclose(Z, expected, rtol=error)
    for first, last in ((0, 16), (16, 17), (17, 48)):
        activations.softmax(pieces, workspace, first, last)
    np.testing.assert_array_equal(pieces, Z)


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_softmax_keeps_nan(row: int, bad: float) -> None:
    Z = np.zeros((3, 2))
    Z[row, 0] = bad
    with np.errstate(invalid="ignore"):  # where kernels are plain Python
        activations.softmax(Z, np.empty((2, 2)), 0, 2)
    assert np.isnan(Z[row, 0])
    np.testing.assert_allclose(Z[:, 1], scipy.special.softmax(np.zeros(3)))
