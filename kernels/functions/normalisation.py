"""Batch normalisation: rows brought to mean 0 and variance 1 over the samples of a batch.

Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", ICML 2015, arXiv:1502.03167. With Z the sums of a neuron, N samples, gain
gamma and shift beta::

    H = (Z - mean Z) / sqrt(var Z + EPSILON)       A = f(gamma H + beta)
    dbeta = sum dY,  dgamma = sum dY H             dY the gradient by gamma H + beta
    dZ = gamma / sqrt(var Z + EPSILON) (dY - dbeta / N - H dgamma / N)

Predictions take running means and variances instead, to which each step of training adds its own:
``running += MOMENTUM (batch's - running)``, the variance with N - 1 in the place of N, as PyTorch
has it. The padding of H is 0.

Shapes and dtypes: Z, A, H, dZ : real[n, width]; gains, shifts, means, variances : real[n];
statistics : real[N_STATISTICS, n], of rows by number. No race: calls with different rows write to
different places, and each sum runs in a fixed order. Cost: some passes over the values of each row.
"""

from __future__ import annotations

import numpy as np

from ..machine.dots import dot
from ..machine.jit import jit
from ..machine.vector import fma, lanes, load, splat, store
from .activations import activate

EPSILON = 1e-5
MOMENTUM = 0.1

MEAN, VARIANCE, INVERSE, SHIFT, GAIN = range(5)
N_STATISTICS = 5
"""Of a batch: mean, variance, 1 / deviation; then the gradients by shift and gain."""


_STRETCH = 1024
"""Values of rows that go through one loop after another, while they are in L1. Within a row one sum
waits for another; those of the next rows are under way meanwhile, which takes half the time."""


@jit
def normalise(tile, function, A, n, gains, shifts, H, statistics, first, last):  # type: ignore[no-untyped-def]
    """H and A = f(gain H + shift) of rows first to last, from A = Z of n samples."""
    n_rows = max(1, _STRETCH // A.shape[1])
    one, zero = A.dtype.type(1), A.dtype.type(0)
    for begin in range(first, last, n_rows):
        end = min(begin + n_rows, last)
        _set_statistics(tile, A, n, H, statistics, begin, end)
        for i in range(begin, end):
            _multiply(tile, H, statistics[INVERSE, i], gains[i], shifts[i], A, i)
        activate(function, A[begin:end].reshape(A[begin:end].size), one, -zero)


@jit
def _set_statistics(tile, A, n, H, statistics, first, last):  # type: ignore[no-untyped-def]
    """H = Z - mean Z and the statistics of rows first to last; the padding of Z and H is 0."""
    real, width, step = A.dtype.type, A.shape[1], lanes(tile, A)
    ones, count = splat(tile, real(1)), real(n)
    for i in range(first, last):
        for s in range(n, width):
            A[i, s] = 0
        total, squares = real(0), real(0)
        for c in range(0, width, step):
            total += dot(load(tile, A, i, c), ones)
        mean = total / count
        for c in range(0, width, step):
            store(H, i, c, fma(ones, load(tile, A, i, c), splat(tile, -mean)))
        for s in range(n, width):
            H[i, s] = 0
        for c in range(0, width, step):
            deviations = load(tile, H, i, c)
            squares += dot(deviations, deviations)
        variance = squares / count
        statistics[MEAN, i], statistics[VARIANCE, i] = mean, variance
        statistics[INVERSE, i] = real(1) / np.sqrt(variance + real(EPSILON))


@jit
def _multiply(tile, H, factor, gain, shift, A, i):  # type: ignore[no-untyped-def]
    """Multiply row i of H by a factor; A = gain H + shift."""
    factors, nothing = splat(tile, factor), splat(tile, A.dtype.type(-0.0))  # x - 0 = x, also of -0
    gains, shifts = splat(tile, gain), splat(tile, shift)
    for c in range(0, A.shape[1], lanes(tile, A)):
        product = fma(load(tile, H, i, c), factors, nothing)
        store(H, i, c, product)
        store(A, i, c, fma(product, gains, shifts))


@jit
def add_moments(n, statistics, means, variances, first, last, refused):  # type: ignore[no-untyped-def]
    """Add a batch of n samples to the running means and variances of rows first to last.

    Moments that would not be finite stay as they were; then refused : int64[1] becomes 1.
    """
    real = means.dtype.type
    momentum, unbiased = real(MOMENTUM), real(n) / real(max(n - 1, 1))
    for i in range(first, last):
        mean = means[i] + momentum * (statistics[MEAN, i] - means[i])
        variance = statistics[VARIANCE, i] * unbiased
        variance = variances[i] + momentum * (variance - variances[i])
        if np.isfinite(mean) and np.isfinite(variance):
            means[i], variances[i] = mean, variance
        else:
            refused[0] = 1


@jit
def apply_moments(function, A, gains, shifts, means, variances, first, last):  # type: ignore[no-untyped-def]
    """A = f(gain (Z - mean) / deviation + shift) of rows first to last, from A = Z."""
    for i in range(first, last):
        factor, shift = folded(gains[i], shifts[i], means[i], variances[i])
        activate(function, A[i], factor, shift)


@jit
def folded(gain, shift, mean, variance):  # type: ignore[no-untyped-def]
    """Return the factor and the shift that a normalisation by running moments comes to."""
    real = type(gain)
    factor = gain / np.sqrt(variance + real(EPSILON))
    return factor, fma(-factor, mean, shift)


@jit
def normalise_back(tile, dY, n, gains, H, statistics, first, last):  # type: ignore[no-untyped-def]
    """From dY to dZ, in place, for rows first to last; and the gradients by shift and gain."""
    real, width, step = dY.dtype.type, dY.shape[1], lanes(tile, dY)
    ones = splat(tile, real(1))
    for i in range(first, last):
        by_shift, by_gain = real(0), real(0)
        for c in range(0, width, step):
            row = load(tile, dY, i, c)
            by_shift += dot(row, ones)
            by_gain += dot(row, load(tile, H, i, c))
        statistics[SHIFT, i], statistics[GAIN, i] = by_shift, by_gain
        factor, mean = gains[i] * statistics[INVERSE, i], by_shift / real(n)
        slope = by_gain / real(n)
        for s in range(n):
            dY[i, s] = factor * (dY[i, s] - fma(H[i, s], slope, mean))
