"""exp, log and functions derived from them, without calls to libm.

A loop over ``np.exp`` calls scalar libm once per value, which for a layer of 1000 neurons costs as
much as its whole product at 10 % density. Here exp is straight-line code that LLVM vectorises::

    exp(x) = 2**n * exp(r),   n = floor(x / ln 2 + 1/2),   |r| = |x - n ln 2| <= ln 2 / 2

with exp(r) by its Taylor series (degree 7 for float32: 5e-9; degree 13 for float64: 4e-18) and
2**n assembled in the exponent bits. ln 2 is itself rounded, which adds a relative error of 3e-9 |x|
(float32) or 4e-17 |x| (float64): at the far ends four units in the last place, or 210, next to zero
less than one. The argument is clipped to where 2**n is a normal number, so
sigmoid saturates at about 1e-38 (float32) and 1e-307 (float64) instead of zero. NaN stays NaN.

tanh(z) = u / (u + 2) with u = exp(2z) - 1, made without its 1 where z is small, so that small
values keep their digits. The logarithms are those that losses need::

    log(1 + x) = 2 artanh(x / (x + 2)),   0 <= x <= 1, by its series in (x / (x + 2))**2 <= 1/9
    log(x)     = n ln 2 + log(m),         x = 2**n * m >= 1,   1 <= m < 2

On a CPU without fused multiply-add the product n ln 2 is rounded by itself, and the smallest
results lose some digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types

from .jit import in_kernels, part_of_kernels
from .vector import floor, fma

_BOUND = {np.float32: 87.0, np.float64: 708.0}  # exp of +-bound is a normal number


class _Functions(NamedTuple):
    """All of them in one precision, each of one value."""

    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    log1p: Callable[[Any], Any]
    log: Callable[[Any], Any]


def _functions_of(
    real: Any, integer: Any, degree: int, terms: int, bias: int, mantissa_bits: int
) -> _Functions:
    """Return the functions in one precision; every constant carries that precision's type."""
    bound, one, two, half = real(_BOUND[real]), real(1), real(2), real(0.5)
    exponents = real(1.5 * 2**mantissa_bits + bias)  # plus n has bias + n for its last bits
    log2_e, ln_2 = real(1 / math.log(2)), real(math.log(2))
    leading = real(1 / math.factorial(degree))
    series = tuple(real(1 / math.factorial(k)) for k in reversed(range(1, degree)))
    artanh_leading = real(2 / (2 * terms + 1))
    artanh = tuple(real(2 / (2 * k + 1)) for k in reversed(range(terms)))
    fraction, one_bits = integer((1 << mantissa_bits) - 1), integer(bias << mantissa_bits)

    @part_of_kernels
    def parts(x: Any) -> Any:
        """Return (p, r, 2**n): exp(x) = (1 + p r) 2**n."""
        x = bound if x > bound else x  # in this order a NaN passes through
        x = -bound if x < -bound else x
        n = floor(fma(x, log2_e, half))
        r = fma(n, -ln_2, x)
        p = leading
        for coefficient in series:
            p = fma(p, r, coefficient)
        return p, r, integer(real(n + exponents).view(integer) << mantissa_bits).view(real)

    @part_of_kernels
    def log1p(x: Any) -> Any:
        s = x / (x + two)
        total = artanh_leading
        for coefficient in artanh:
            total = fma(total, s * s, coefficient)
        return s * total

    def sigmoid(z: Any) -> Any:
        p, r, power = parts(-z)
        return one / fma(fma(p, r, one), power, one)

    def tanh(z: Any) -> Any:
        p, r, power = parts(two * z)
        u = fma(p * r, power, power - one)
        return u / (u + two)

    def exp(x: Any) -> Any:
        p, r, power = parts(x)
        return fma(p, r, one) * power

    def log(x: Any) -> Any:
        bits = real(x).view(integer)
        n = real((bits >> mantissa_bits) - bias)
        m = integer((bits & fraction) | one_bits).view(real)
        return fma(n, ln_2, log1p(m - one)) + (x - x)  # NaN of inf and NaN

    return _Functions(sigmoid, tanh, exp, log1p, log)


FUNCTIONS: dict[Any, _Functions] = {
    types.float32: _functions_of(np.float32, np.int32, 7, 7, 127, 23),
    types.float64: _functions_of(np.float64, np.int64, 13, 16, 1023, 52),
}


def sigmoid(z):  # type: ignore[no-untyped-def]
    """Return 1 / (1 + exp(-z)) of one value; inside kernels the code above takes its place."""
    return 1 / (1 + exp(-z))


def tanh(z):  # type: ignore[no-untyped-def]
    """Return the hyperbolic tangent of one value, as `sigmoid` does."""
    return np.tanh(z)


def exp(x):  # type: ignore[no-untyped-def]
    """Return e to the power of one value, as `sigmoid` does."""
    bound = x.dtype.type(_BOUND[x.dtype.type])
    return np.exp(np.clip(x, -bound, bound))


def log1p(x):  # type: ignore[no-untyped-def]
    """Return log(1 + x) of one value from 0 to 1, as `sigmoid` does."""
    return np.log1p(x)


def log(x):  # type: ignore[no-untyped-def]
    """Return the natural logarithm of one value of at least 1, as `sigmoid` does."""
    return np.log(x)


@in_kernels(sigmoid)
def _sigmoid_in_kernels(z: Any) -> Any:
    return FUNCTIONS[z].sigmoid if z in FUNCTIONS else None


@in_kernels(tanh)
def _tanh_in_kernels(z: Any) -> Any:
    return FUNCTIONS[z].tanh if z in FUNCTIONS else None


@in_kernels(exp)
def _exp_in_kernels(x: Any) -> Any:
    return FUNCTIONS[x].exp if x in FUNCTIONS else None


@in_kernels(log1p)
def _log1p_in_kernels(x: Any) -> Any:
    return FUNCTIONS[x].log1p if x in FUNCTIONS else None


@in_kernels(log)
def _log_in_kernels(x: Any) -> Any:
    return FUNCTIONS[x].log if x in FUNCTIONS else None
