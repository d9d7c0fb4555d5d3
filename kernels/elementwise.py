"""Work on each value by itself: slope of the sigmoid, squared error, momentum update.

Arrays are feature-major (`layout`) or one value an edge. ``real`` is float32 or float64
throughout one call. Every value is computed from its own inputs alone, with `fma` where rounding
once is meant, so it has the same bits in whatever pieces the work is cut; sums run in a fixed
order.
"""

from __future__ import annotations

import numpy as np

from .jit import jit
from .sigmoid import sigmoid
from .vector import dot, fma, lanes, load


@jit
def bias_sigmoid(biases, scale, Z, first, last):  # type: ignore[no-untyped-def]
    """A = sigmoid(scale Z + b) for rows first to last, in place.

    biases : real[n_out]; scale : real; Z : real[n_out, width], overwritten by A.
    """
    for i in range(first, last):
        for s in range(Z.shape[1]):
            Z[i, s] = sigmoid(fma(Z[i, s], scale, biases[i]))


@jit
def sigmoid_slope(A, keep, dA, first, last):  # type: ignore[no-untyped-def]
    """dZ = dA * sigmoid'(Z) for rows first to last, in place, from the activations.

    A, dA : real[n, width]; keep : real, the share of activations that dropout left.

    sigmoid' = a (1 - a). After inverted dropout A holds a / keep where the neuron was kept and 0
    where it was dropped. So a = A * keep gives the slope a (1 - a) / keep of a kept one, and of a
    dropped one 0: the mask need not be stored.
    """
    one = A.dtype.type(1)
    scale = one / keep
    for i in range(first, last):
        for s in range(A.shape[1]):
            a = A[i, s] * keep
            dA[i, s] *= a * (one - a) * scale


@jit
def squared_error(tile, A, T, n_samples, losses, dA, first, last):  # type: ignore[no-untyped-def]
    """Mean squared error over samples and outputs, and its gradient by the activations.

    For outputs first to last: A, T, dA : real[n_out, width]; losses : float64[n_out], each
    output's share of the loss, for the caller to add up::

        L = sum (A - T)^2 / (N n_out),   dA = 2 (A - T) / (N n_out),   0 in the padding
    """
    step = lanes(tile, A)
    count = n_samples * A.shape[0]
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
        losses[i] = total / count
        for s in range(n_samples):
            dA[i, s] *= factor


@jit
def momentum_update(weights, velocities, gradients, rate, momentum, nesterov):  # type: ignore[no-untyped-def]
    """Stochastic gradient descent with momentum, in place, in the form that Keras gives it.

    weights, velocities, gradients : real[n]; rate, momentum : real; nesterov : bool::

        v <- momentum v - rate g
        w <- w + momentum v - rate g   (Nesterov)      w <- w + v   (classical)
    """
    for k in range(weights.shape[0]):
        step = -rate * gradients[k]
        velocity = fma(momentum, velocities[k], step)
        velocities[k] = velocity
        weights[k] += fma(momentum, velocity, step) if nesterov else velocity
