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
A stretch of rows goes through one pass after another while it is in L1. Four rows at a time share
the additions of their lanes, and the rows of a stretch their divisions and roots.
"""

from __future__ import annotations

import numpy as np

from ..machine.dots import dots, put, row_dots
from ..machine.jit import inlined, jit
from ..machine.vector import fma, lanes, load, splat, store
from .activations import STRETCH, activate

EPSILON = 1e-5
MOMENTUM = 0.1

MEAN, VARIANCE, INVERSE, SHIFT, GAIN = range(5)
N_STATISTICS = 5
"""Of a batch: mean, variance, 1 / deviation; then the gradients by shift and gain."""


@jit
def normalise(tile, function, A, n, gains, shifts, H, statistics, first, last):  # type: ignore[no-untyped-def]
    """H and A = f(gain H + shift) of rows first to last, from A = Z of n samples."""
    n_rows = max(1, STRETCH // A.shape[1])
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
    means, variances = statistics[MEAN, first:last], statistics[VARIANCE, first:last]
    inverses = statistics[INVERSE, first:last]
    _clear_padding(A, n, first, last)
    _add_row_sums(tile, A, means, first, last)
    for k in range(last - first):
        means[k] /= count
    for i in range(first, last):
        mean = splat(tile, -means[i - first])
        for c in range(0, width, step):
            store(H, i, c, fma(ones, load(tile, A, i, c), mean))
    _clear_padding(H, n, first, last)
    _add_row_dots(tile, H, H, variances, first, last)
    for k in range(last - first):
        variances[k] /= count
        inverses[k] = real(1) / np.sqrt(variances[k] + real(EPSILON))


@jit
def _clear_padding(rows, n, first, last):  # type: ignore[no-untyped-def]
    """Set what is behind n samples to 0, in rows first to last."""
    for i in range(first, last):
        for s in range(n, rows.shape[1]):
            rows[i, s] = 0


@inlined
def _next_four(i, last):  # type: ignore[no-untyped-def]
    """Return four rows from i on; where fewer are left, the last one several times."""
    return i, min(i + 1, last - 1), min(i + 2, last - 1), min(i + 3, last - 1)


@jit
def _add_row_sums(tile, rows, sums, first, last):  # type: ignore[no-untyped-def]
    """sums[i - first] = the sum of row i, four rows at a time."""
    ones = splat(tile, rows.dtype.type(1))
    sums[:] = 0
    for begin in range(first, last, 4):
        i, j, k, m = _next_four(begin, last)
        for c in range(0, rows.shape[1], lanes(tile, rows)):
            found = dots(
                ones, load(tile, rows, i, c), load(tile, rows, j, c), load(tile, rows, k, c),
                load(tile, rows, m, c),
            )  # fmt: skip
            put(sums, begin - first, found, min(4, last - begin), True)


@jit
def _add_row_dots(tile, X, Y, sums, first, last):  # type: ignore[no-untyped-def]
    """sums[i - first] = the dot product of rows i of X and of Y, four rows at a time."""
    sums[:] = 0
    for begin in range(first, last, 4):
        i, j, k, m = _next_four(begin, last)
        for c in range(0, X.shape[1], lanes(tile, X)):
            found = row_dots(
                load(tile, X, i, c), load(tile, X, j, c), load(tile, X, k, c), load(tile, X, m, c),
                load(tile, Y, i, c), load(tile, Y, j, c), load(tile, Y, k, c), load(tile, Y, m, c),
            )  # fmt: skip
            put(sums, begin - first, found, min(4, last - begin), True)


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
    real, step = dY.dtype.type, lanes(tile, dY)
    minus, nothing = splat(tile, real(-1)), splat(tile, real(-0.0))
    n_rows = max(1, STRETCH // dY.shape[1])
    for begin in range(first, last, n_rows):
        end = min(begin + n_rows, last)
        _add_row_sums(tile, dY, statistics[SHIFT, begin:end], begin, end)
        _add_row_dots(tile, dY, H, statistics[GAIN, begin:end], begin, end)
        for i in range(begin, end):
            factor = splat(tile, gains[i] * statistics[INVERSE, i])
            mean = splat(tile, statistics[SHIFT, i] / real(n))
            slope = splat(tile, statistics[GAIN, i] / real(n))
            for c in range(0, dY.shape[1], step):
                expected = fma(load(tile, H, i, c), slope, mean)
                rest = fma(minus, expected, load(tile, dY, i, c))
                store(dY, i, c, fma(factor, rest, nothing))
        _clear_padding(dY, n, begin, end)
