"""The sigmoid, without a call to libm.

A loop over ``np.exp`` calls scalar libm once a value, which for a layer of 1000 neurons costs as
much as its whole product at 10 % density. Here exp is straight-line code that LLVM vectorises::

    exp(x) = 2**n * exp(r),   n = floor(x / ln 2 + 1/2),   |r| = |x - n ln 2| <= ln 2 / 2

with exp(r) by its Taylor series (degree 7 for float32: 5e-9; degree 13 for float64: 4e-18) and
2**n assembled in the exponent bits. The argument is clipped to where 2**n is a normal number, so
sigmoid saturates at about 1e-38 (float32) and 1e-307 (float64) instead of zero. NaN stays NaN.

On a CPU without fused multiply-add the product n ln 2 is rounded by itself, and the smallest
results lose some digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from .vector import fma

_BOUND = {np.float32: 87.0, np.float64: 708.0}  # exp of +-bound is a normal number


def _sigmoid_of(real: Any, integer: Any, degree: int, bias: int, mantissa_bits: int) -> Any:
    """Return the sigmoid in one precision; every constant carries that precision's type."""
    bound, one, half = real(_BOUND[real]), real(1), real(0.5)
    log2_e, minus_ln_2 = real(1 / math.log(2)), real(-math.log(2))
    leading = real(1 / math.factorial(degree))
    series = tuple(real(1 / math.factorial(k)) for k in reversed(range(degree)))

    def sigmoid(z: Any) -> Any:
        x = -z
        x = bound if x > bound else x  # in this order a NaN passes through
        x = -bound if x < -bound else x
        n = np.floor(fma(x, log2_e, half))
        r = fma(n, minus_ln_2, x)
        exp_r = leading
        for coefficient in series:
            exp_r = fma(exp_r, r, coefficient)
        power = integer((integer(n) + bias) << mantissa_bits).view(real)
        return one / fma(exp_r, power, one)

    return sigmoid


SIGMOIDS: dict[Any, Callable[[Any], Any]] = {
    types.float32: _sigmoid_of(np.float32, np.int32, 7, 127, 23),
    types.float64: _sigmoid_of(np.float64, np.int64, 13, 1023, 52),
}


def sigmoid(z):  # type: ignore[no-untyped-def]
    """Return 1 / (1 + exp(-z)) of one value; inside kernels the code above takes its place."""
    bound = _BOUND[z.dtype.type]
    return z.dtype.type(1 / (1 + np.exp(-np.clip(z, -bound, bound))))


@overload(sigmoid)
def _sigmoid_in_kernels(z: Any) -> Any:
    return SIGMOIDS.get(z)
