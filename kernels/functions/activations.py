"""Activations A = f(Z), and their slopes as functions of A.

Arrays are feature-major (`layout`). ``real`` is float32 or float64 throughout one call. Every
value is computed from its own inputs alone, with `fma` where one rounding is meant. So its bits do
not depend on how the work is divided.

An activation is a row of `ACTIVATIONS`. Kernels get the addresses of its functions (`values_at`,
`slopes_at`), so that they are compiled once for all activations, and each of these if it is used::

    identity    f(z) = z                     slope  1
    sigmoid            1 / (1 + exp(-z))            a (1 - a)
    tanh               tanh(z)                      1 - a^2
    relu               max(z, 0)                    1 where a > 0, else 0
    leaky_relu         z where z > 0, else z / 10   1 where a > 0, else 1 / 10
    softmax            exp(z_i) / sum_k exp(z_k), over all neurons of the layer: for outputs only

The functions of each row take vectors and loop over their values. With bounds as arguments the loop
would not become vector code, and functions of single values would be called once per value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba import from_dtype, types

from ..machine.calls import address_of, call
from ..machine.dispatch import Row, by_number, table
from ..machine.exponentials import exp, sigmoid, tanh
from ..machine.jit import inlined, jit, whole_registers
from ..machine.vector import fma

STRETCH = 1024
"""Values of rows that go through one function after another, while they are in L1."""

LEAK = 0.1
"""Slope of a leaky ReLU below 0."""


@dataclass(frozen=True)
class Activation(Row):
    """An activation.

    Parameters
    ----------
    values : function (values, scale, bias)
        values = f(scale values + bias), in place; values : real[n]. A NaN stays one.
    slopes : function (A, keep, dA)
        dA *= f'(Z), in place, from the activations A; A, dA : real[n]. keep : real, the share of
        activations that dropout left.
    shows_dropped : bool
        Whether slopes are those after inverted dropout, which holds a / keep where a neuron was
        kept and 0 where it was dropped: then the slope / keep, and 0 where A is 0. This requires a
        function that is never 0, or whose slope is 0 there; the mask then need not be applied to
        the gradient. Otherwise slopes are those before dropout, of a = A keep.
    over_layer : kernel (Z, workspace, first, last), optional
        The last part of the function, for samples first to last, once the layer has all values;
        Z : real[n_out, width], workspace : real[2 or more, width]. Only outputs can have it.
    """

    values: Callable[..., None]
    slopes: Callable[..., None]
    shows_dropped: bool = False
    over_layer: Callable[..., None] | None = None


@jit
def _identity(values, scale, bias):  # type: ignore[no-untyped-def]
    for s in range(values.shape[0]):
        values[s] = fma(values[s], scale, bias)


@jit
def _slopes_of_1(A, keep, dA):  # type: ignore[no-untyped-def]
    pass


@jit
def _sigmoid(values, scale, bias):  # type: ignore[no-untyped-def]
    whole_registers()
    for s in range(values.shape[0]):
        values[s] = sigmoid(fma(values[s], scale, bias))


@jit
def _sigmoid_slopes(A, keep, dA):  # type: ignore[no-untyped-def]
    one = A.dtype.type(1)
    scale = one / keep
    for s in range(A.shape[0]):
        a = A[s] * keep
        dA[s] *= a * (one - a) * scale


@jit
def _tanh(values, scale, bias):  # type: ignore[no-untyped-def]
    whole_registers()
    for s in range(values.shape[0]):
        values[s] = tanh(fma(values[s], scale, bias))


@jit
def _tanh_slopes(A, keep, dA):  # type: ignore[no-untyped-def]
    one = A.dtype.type(1)
    for s in range(A.shape[0]):
        a = A[s] * keep
        dA[s] *= fma(-a, a, one)


@jit
def _relu(values, scale, bias):  # type: ignore[no-untyped-def]
    zero = values.dtype.type(0)
    for s in range(values.shape[0]):
        z = fma(values[s], scale, bias)
        values[s] = zero if z < zero else z


@jit
def _relu_slopes(A, keep, dA):  # type: ignore[no-untyped-def]
    zero, scale = A.dtype.type(0), A.dtype.type(1) / keep
    for s in range(A.shape[0]):
        dA[s] = zero if A[s] <= zero else dA[s] * scale


@jit
def _leaky_relu(values, scale, bias):  # type: ignore[no-untyped-def]
    zero, leak = values.dtype.type(0), values.dtype.type(LEAK)
    for s in range(values.shape[0]):
        z = fma(values[s], scale, bias)
        values[s] = z * leak if z < zero else z


@jit
def _leaky_relu_slopes(A, keep, dA):  # type: ignore[no-untyped-def]
    zero, leak = A.dtype.type(0), A.dtype.type(LEAK)
    for s in range(A.shape[0]):
        dA[s] = dA[s] * leak if A[s] <= zero else dA[s]


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


ACTIVATIONS = table(
    Activation("sigmoid", _sigmoid, _sigmoid_slopes, shows_dropped=True),
    Activation("tanh", _tanh, _tanh_slopes),
    Activation("relu", _relu, _relu_slopes, shows_dropped=True),
    Activation("leaky_relu", _leaky_relu, _leaky_relu_slopes),
    Activation("identity", _identity, _slopes_of_1),
    Activation("softmax", _identity, _slopes_of_1, over_layer=softmax),
)
"""The activations by name."""

IDENTITY = ACTIVATIONS["identity"].number
"""Of inputs, and of outputs that stay pre-activations."""

NONE = -1
"""In the place of a number: there is nothing to apply, not even a bias."""


def values_at(number: int, dtype: Any) -> int:
    """Return the address of `Activation.values` for a precision; compile it first if needed."""
    real = from_dtype(dtype)
    return address_of(_ROWS[number].values, types.Array(real, 1, "C"), real, real)


def slopes_at(number: int, dtype: Any) -> int:
    """Return the address of `Activation.slopes` for a precision; compile it first if needed."""
    real = from_dtype(dtype)
    vector = types.Array(real, 1, "C")
    return address_of(_ROWS[number].slopes, vector, real, vector)


_ROWS: tuple[Any, ...] = tuple(ACTIVATIONS.values())


@inlined
@by_number([row.over_layer for row in _ROWS])
def activate_layer(activation, Z, workspace, first, last):  # type: ignore[no-untyped-def]
    """A = f(Z) for samples first to last, where f is over all neurons of the layer."""


@jit
def activate(f, values, scale, bias):  # type: ignore[no-untyped-def]
    """values = f(scale values + bias), in place; f : address, of `values_at`."""
    call(f, (values, scale, bias))


@jit
def bias_activation(f, biases, scale, Z, first, last):  # type: ignore[no-untyped-def]
    """A = f(scale Z + b) for rows first to last, in place.

    f : address, of `values_at`, or 0: then Z stays as it is; biases : real[n_out]; scale : real;
    Z : real[n_out, width], overwritten by A.
    """
    if f == 0:
        return
    for i in range(first, last):
        call(f, (Z[i], scale, biases[i]))


@jit
def activation_slope(slopes, A, keep, dA, first, last):  # type: ignore[no-untyped-def]
    """dZ = dA * f'(Z) for rows first to last, in place, from the activations.

    slopes : address, of `slopes_at`; A, dA : real[n, width], row after row without gaps; keep :
    real, the share of activations that dropout left.
    """
    rows, gradients = A[first:last], dA[first:last]
    call(slopes, (rows.reshape(rows.size), keep, gradients.reshape(gradients.size)))
