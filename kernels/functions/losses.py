"""Losses, and their gradients with respect to the outputs' activations A or pre-activations Z.

Arrays are feature-major: A, Z, T and the gradients real[n_out, width], one sample per column: N
samples, then padding. With n outputs, T the targets::

    squared_error           L = sum (A - T)^2 / (N n)                   dA = 2 (A - T) / (N n)
    huber                   L = sum h(A - T) / (N n)                    dA = h'(A - T) / (N n)
                            h(e) = e^2 / 2 where |e| <= 1, else |e| - 1/2
    binary_cross_entropy    L = -sum (T log A + (1 - T) log(1 - A)) / (N n),   A = sigmoid(Z)
                                                                        dZ = (A - T) / (N n)
    cross_entropy           L = -sum T log A / N,                       A = softmax(Z)
                                                                        dZ = (A - T) / N
    output                  L = sum T A                                 dA = T
                            for the gradients of outputs themselves; not to be trained with

If samples have weights w, each term of L and each column of the gradient is multiplied by the count
of its sample, N w_s / sum w; counts : float64[N], or empty where all are 1.

Cross-entropies start from Z, so that no digits are lost, and nothing is infinite, where A is close
to 0 or 1. They overwrite Z by A, as all losses of a softmax do.

A loss is a row of `LOSSES`. It is called by address: compiled only if it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..machine.dispatch import Row, table
from ..machine.dots import dot
from ..machine.exponentials import exp, log, log1p, sigmoid
from ..machine.jit import inlined, jit, whole_registers
from ..machine.vector import fma, lanes, load, splat
from .activations import column_maxima, softmax

SAMPLES = 16
"""Samples whose cross-entropies are added up to one share of the loss. Tasks have this many, or a
multiple, so that sums do not depend on how the work is divided."""


@inlined
def _count(values, counts):  # type: ignore[no-untyped-def]
    """Multiply each sample's value by its count, if samples do not all count as one."""
    for s in range(counts.shape[0]):
        values[s] *= values.dtype.type(counts[s])


@dataclass(frozen=True)
class Loss(Row):
    """A loss.

    Parameters
    ----------
    of_outputs : kernel (tile, A, T, n_samples, count, counts, losses, dA, first, last), optional
        For outputs first to last: their shares of the loss, losses : float64[n_out], for the caller
        to add up; and its gradient, 0 in the padding. count : float64, what sums are divided by: as
        many as there are samples and outputs, over the outputs' weight.
    of_samples : kernel (A, T, n_samples, counts, workspace, losses, dA, first, last), optional
        Instead, for outputs whose activation is over the whole layer: the same for samples first to
        last, first a multiple of `SAMPLES`; workspace : real[3, width]; losses : float64[width /
        SAMPLES or more], the shares of each so many samples.
    from_logits : bool
        Whether A is Z when it begins, and the gradient one by Z; it leaves A there.
    """

    of_outputs: Callable[..., None] | None = None
    of_samples: Callable[..., None] | None = None
    from_logits: bool = False


@inlined
def total_of(tile, terms, i, n_samples, counts):  # type: ignore[no-untyped-def]
    """Return the sum of row i of the terms over its samples, as float64.

    terms : real[n_out, width]. They are multiplied by what samples count as; padding becomes 0.
    """
    step, ones = lanes(tile, terms), splat(tile, terms.dtype.type(1))
    _count(terms[i], counts)
    for s in range(n_samples, terms.shape[1]):
        terms[i, s] = 0
    total = 0.0
    for c in range(0, terms.shape[1], step):
        total += np.float64(dot(load(tile, terms, i, c), ones))
    return total


@jit
def squared_error(tile, A, T, n_samples, count, counts, losses, dA, first, last):  # type: ignore[no-untyped-def]
    """Mean squared error over samples and outputs, and its gradient by the activations."""
    step = lanes(tile, A)
    factor = dA.dtype.type(2 / count)
    for i in range(first, last):
        for s in range(n_samples):
            dA[i, s] = A[i, s] - T[i, s]
        for s in range(n_samples, A.shape[1]):
            dA[i, s] = 0
        total = 0.0
        for c in range(0, A.shape[1], step):
            errors = load(tile, dA, i, c)
            total += np.float64(dot(errors, errors))
        if counts.shape[0] > 0:
            total = 0.0
            for s in range(n_samples):
                total += counts[s] * np.float64(dA[i, s]) ** 2
        losses[i] = total / count
        for s in range(n_samples):
            dA[i, s] *= factor
        _count(dA[i], counts)


@jit
def huber(tile, A, T, n_samples, count, counts, losses, dA, first, last):  # type: ignore[no-untyped-def]
    """Mean over samples and outputs of squares near 0 and distances beyond, and its gradient."""
    one, half = A.dtype.type(1), A.dtype.type(0.5)
    factor = dA.dtype.type(1 / count)
    for i in range(first, last):
        for s in range(n_samples):
            distance = abs(A[i, s] - T[i, s])
            dA[i, s] = distance - half if distance > one else half * distance * distance
        losses[i] = total_of(tile, dA, i, n_samples, counts) / count
        for s in range(n_samples):
            error = A[i, s] - T[i, s]
            slope = -one if error < -one else error
            dA[i, s] = (one if slope > one else slope) * factor
        _count(dA[i], counts)


@jit
def binary_cross_entropy(tile, Z, T, n_samples, count, counts, losses, dZ, first, last):  # type: ignore[no-untyped-def]
    """Cross-entropy of sigmoids, the mean over samples and outputs, and its gradient by Z.

    Z is overwritten by A = sigmoid(Z). As a function of z and t a term is
    max(z, 0) - z t + log(1 + exp(-|z|)).
    """
    whole_registers()
    zero = Z.dtype.type(0)
    factor = dZ.dtype.type(1 / count)
    for i in range(first, last):
        for s in range(n_samples):
            z = Z[i, s]
            positive, distance = (zero, -z) if z < zero else (z, z)
            dZ[i, s] = fma(-z, T[i, s], positive) + log1p(exp(-distance))
        losses[i] = total_of(tile, dZ, i, n_samples, counts) / count
        for s in range(Z.shape[1]):
            Z[i, s] = sigmoid(Z[i, s])
        for s in range(n_samples):
            dZ[i, s] = (Z[i, s] - T[i, s]) * factor
        _count(dZ[i], counts)


@inlined
def _share(terms, n_here, count, losses, first):  # type: ignore[no-untyped-def]
    """Add up the terms of each so many samples, the first being ``first``, over a count."""
    for begin in range(0, terms.shape[0], SAMPLES):
        total = 0.0
        for s in range(begin, min(begin + SAMPLES, n_here)):
            total += np.float64(terms[s])
        losses[(first + begin) // SAMPLES] = total / count


@jit
def cross_entropy(Z, T, n_samples, counts, workspace, losses, dZ, first, last):  # type: ignore[no-untyped-def]
    """Cross-entropy of a softmax, the mean over samples, and its gradient by Z.

    The targets of a sample are probabilities, with sum 1. Z is overwritten by A = softmax(Z). The
    loss of a sample is log(sum_i exp(z_i - m)) - sum_i t_i (z_i - m), m = max z.
    """
    whole_registers()
    column_maxima(Z, workspace[0], first, last)
    maxima, sums = workspace[0, first:last], workspace[1, first:last]
    terms = workspace[2, first:last]
    terms[:] = 0
    for i in range(Z.shape[0]):
        z, t = Z[i, first:last], T[i, first:last]
        for s in range(last - first):
            terms[s] = fma(t[s], z[s] - maxima[s], terms[s])
    softmax(Z, workspace, first, last)
    for s in range(last - first):
        terms[s] = log(sums[s]) - terms[s]
    n_here = max(0, min(last, n_samples) - first)  # samples, before the padding
    here = counts[first : first + n_here]
    _count(terms, here)
    _share(terms, n_here, n_samples, losses, first)
    factor = dZ.dtype.type(1 / n_samples)
    for i in range(Z.shape[0]):
        a, t, gradient = Z[i, first:last], T[i, first:last], dZ[i, first:last]
        for s in range(n_here):
            gradient[s] = (a[s] - t[s]) * factor
        _count(gradient, here)
        gradient[n_here:] = 0


@jit
def output(tile, A, T, n_samples, count, counts, losses, dA, first, last):  # type: ignore[no-untyped-def]
    """Sum of T A over samples and outputs, and its gradient by the activations."""
    for i in range(first, last):
        for s in range(n_samples):
            dA[i, s] = A[i, s] * T[i, s]
        losses[i] = total_of(tile, dA, i, n_samples, counts)
        for s in range(n_samples):
            dA[i, s] = T[i, s]
        _count(dA[i], counts)


@jit
def output_of_softmax(Z, T, n_samples, counts, workspace, losses, dZ, first, last):  # type: ignore[no-untyped-def]
    """Sum of T A over samples and outputs, and its gradient by Z: a_i (t_i - sum_k t_k a_k).

    Z is overwritten by A = softmax(Z).
    """
    softmax(Z, workspace, first, last)
    terms = workspace[2, first:last]
    terms[:] = 0
    for i in range(Z.shape[0]):
        a, t = Z[i, first:last], T[i, first:last]
        for s in range(last - first):
            terms[s] = fma(t[s], a[s], terms[s])
    n_here = max(0, min(last, n_samples) - first)  # samples, before the padding
    here = counts[first : first + n_here]
    for i in range(Z.shape[0]):
        a, t, gradient = Z[i, first:last], T[i, first:last], dZ[i, first:last]
        for s in range(n_here):
            gradient[s] = a[s] * (t[s] - terms[s])
        _count(gradient, here)
        gradient[n_here:] = 0
    _count(terms, here)
    _share(terms, n_here, 1, losses, first)


LOSSES = table(
    Loss("mse", squared_error),
    Loss("huber", huber),
    Loss("binary_cross_entropy", binary_cross_entropy, from_logits=True),
    Loss("cross_entropy", of_samples=cross_entropy, from_logits=True),
    Loss("output", output, output_of_softmax),
)
"""The losses by name."""


OF_OUTPUTS = {row.number: row.of_outputs for row in LOSSES.values() if row.of_outputs}
OF_SAMPLES = {row.number: row.of_samples for row in LOSSES.values() if row.of_samples}
"""The functions of the losses by number."""
