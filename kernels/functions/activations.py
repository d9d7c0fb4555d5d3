"""Activations A = f(Z), and their slopes as functions of A.

Arrays are feature-major (`layout`). ``real`` is float32 or float64 throughout one call. Every
value is computed from its own inputs alone, with `fma` where rounding once is meant, so it has
the same bits in whatever pieces the work is cut.

Which function it is comes as a number, so that one compilation serves all::

    IDENTITY    f(z) = z                     slope  1
    SIGMOID            1 / (1 + exp(-z))            a (1 - a)
    TANH               tanh(z)                      1 - a^2
    RELU               max(z, 0)                    1 where a > 0, else 0
    SOFTMAX            exp(z_i) / sum_k exp(z_k), over all neurons of the layer: for outputs only
"""

from __future__ import annotations

from ..machine.exponentials import exp, sigmoid, tanh
from ..machine.jit import jit, whole_registers
from ..machine.vector import fma

IDENTITY, SIGMOID, TANH, RELU, SOFTMAX = range(5)

ACTIVATIONS = {
    "sigmoid": SIGMOID, "tanh": TANH, "relu": RELU, "identity": IDENTITY, "softmax": SOFTMAX,
}  # fmt: skip
"""The numbers of the activations, by name."""

SHOW_DROPPED = (SIGMOID, RELU)
"""Of which `activation_slope` knows a dropped neuron by its activation."""


@jit
def activate(activation, values, scale, bias):  # type: ignore[no-untyped-def]
    """values = f(scale values + bias), in place; values : real[n]. `softmax` does its part later.

    A NaN stays one.
    """
    whole_registers()
    zero = values.dtype.type(0)
    if activation == SIGMOID:
        for s in range(values.shape[0]):
            values[s] = sigmoid(fma(values[s], scale, bias))
    elif activation == TANH:
        for s in range(values.shape[0]):
            values[s] = tanh(fma(values[s], scale, bias))
    elif activation == RELU:
        for s in range(values.shape[0]):
            z = fma(values[s], scale, bias)
            values[s] = zero if z < zero else z
    else:
        for s in range(values.shape[0]):
            values[s] = fma(values[s], scale, bias)


@jit
def bias_activation(activation, biases, scale, Z, first, last):  # type: ignore[no-untyped-def]
    """A = f(scale Z + b) for rows first to last, in place.

    biases : real[n_out]; scale : real; Z : real[n_out, width], overwritten by A.
    """
    for i in range(first, last):
        activate(activation, Z[i], scale, biases[i])


@jit
def activation_slope(activation, A, keep, dA, first, last):  # type: ignore[no-untyped-def]
    """dZ = dA * f'(Z) for rows first to last, in place, from the activations.

    A, dA : real[n, width]; keep : real, the share of activations that dropout left.

    After inverted dropout A holds a / keep where the neuron was kept and 0 where it was dropped.
    A sigmoid is never 0, and where a ReLU is 0 its slope is, too: so of these A * keep gives the
    slope / keep of a kept neuron, and of a dropped one 0, and the mask need not be stored. Of
    other activations (see `SHOW_DROPPED`) this is the slope before dropout, and the mask is to
    be applied to it.
    """
    one, zero = A.dtype.type(1), A.dtype.type(0)
    scale = one / keep
    for i in range(first, last):
        if activation == SIGMOID:
            for s in range(A.shape[1]):
                a = A[i, s] * keep
                dA[i, s] *= a * (one - a) * scale
        elif activation == TANH:
            for s in range(A.shape[1]):
                a = A[i, s] * keep
                dA[i, s] *= fma(-a, a, one)
        elif activation == RELU:
            for s in range(A.shape[1]):
                dA[i, s] = zero if A[i, s] <= zero else dA[i, s] * scale


@jit
def column_maxima(Z, maxima, first, last):  # type: ignore[no-untyped-def]
    """maxima[s] = the largest value of column s, for columns first to last.

    Z : real[n_out, width]; maxima : real[width].
    """
    largest = maxima[first:last]  # from 0 on, or loops would not become vector code
    for i in range(Z.shape[0]):
        row = Z[i, first:last]
        for s in range(last - first):
            largest[s] = row[s] if i == 0 or row[s] > largest[s] else largest[s]


@jit
def softmax(Z, workspace, first, last):  # type: ignore[no-untyped-def]
    """A = exp(Z) / (its sum over the column) for columns first to last, in place.

    Z : real[n_out, width], overwritten by A; workspace : real[2 or more, width], whose first row
    is left as the largest value of each column, and the second as the sum of exp(Z - largest),
    which is at least 1: nothing overflows. A NaN makes its column NaN. Sums run in the order of
    the rows.
    """
    whole_registers()
    column_maxima(Z, workspace[0], first, last)
    maxima, sums = workspace[0, first:last], workspace[1, first:last]
    sums[:] = 0
    for i in range(Z.shape[0]):
        row = Z[i, first:last]
        for s in range(last - first):
            power = exp(row[s] - maxima[s])
            row[s] = power
            sums[s] += power
    for i in range(Z.shape[0]):
        row = Z[i, first:last]
        for s in range(last - first):
            row[s] /= sums[s]
