"""Work on each value by itself: slope of the sigmoid, squared error, momentum update, row sums.

Arrays are feature-major (`layout`) or one value an edge. ``real`` is float32 or float64
throughout one call. A row, or a chunk of values, belongs to one thread; sums run in a fixed order.

Rows and chunks are fixed pieces of work, whatever the number of threads. That matters to the last
bit even where every value stands for itself: LLVM may round the vectorised body of a loop
differently from its remainder, so what is body and what is remainder must not move.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import jit
from .vector import dot, lanes, load, splat

_CHUNK = 4096  # values; three float32 arrays of it fill an L1 cache


@jit(parallel=True)
def sigmoid_slope(A, keep, dA):  # type: ignore[no-untyped-def]
    """dZ = dA * sigmoid'(Z), in place, from the activations: sigmoid' = a (1 - a).

    A, dA : real[n, width]; keep : real, the share of activations that dropout left.

    After inverted dropout A holds a / keep where the neuron was kept and 0 where it was dropped.
    So a = A * keep gives the slope a (1 - a) / keep of a kept one, and of a dropped one 0: the
    mask need not be stored.
    """
    n, width = A.shape
    one = A.dtype.type(1)
    scale = one / keep
    for i in prange(n):
        for s in range(width):
            a = A[i, s] * keep
            dA[i, s] *= a * (one - a) * scale


@jit(parallel=True)
def squared_error(A, T, n_samples, losses, dA):  # type: ignore[no-untyped-def]
    """Mean squared error over samples and outputs, and its gradient by the activations.

    A, T, dA : real[n_out, width]; losses : float64[n_out], each output's share of the loss, for
    the caller to add up (a sum in here would become a parallel one, whose order depends on the
    number of threads)::

        L = sum (A - T)^2 / (N n_out),   dA = 2 (A - T) / (N n_out),   0 in the padding
    """
    n_out, width = A.shape
    count = n_samples * n_out
    factor = dA.dtype.type(2 / count)
    for i in prange(n_out):
        total = 0.0
        for s in range(n_samples):
            error = A[i, s] - T[i, s]
            total += np.float64(error) * np.float64(error)
            dA[i, s] = factor * error
        for s in range(n_samples, width):
            dA[i, s] = 0
        losses[i] = total / count


@jit(parallel=True)
def momentum_update(weights, velocities, gradients, rate, momentum, nesterov):  # type: ignore[no-untyped-def]
    """Stochastic gradient descent with momentum, in place, in the form that Keras gives it.

    weights, velocities, gradients : real[n]; rate, momentum : real; nesterov : bool::

        v <- momentum v - rate g
        w <- w + momentum v - rate g   (Nesterov)      w <- w + v   (classical)
    """
    n = weights.shape[0]
    for chunk in prange((n + _CHUNK - 1) // _CHUNK):
        for k in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, n)):
            step = rate * gradients[k]
            velocity = momentum * velocities[k] - step
            velocities[k] = velocity
            weights[k] += momentum * velocity - step if nesterov else velocity


@jit(parallel=True)
def row_sums(dZ, db):  # type: ignore[no-untyped-def]
    """db = row sums of dZ, for layers whose weight gradient is done by BLAS.

    dZ : real[n_out, width], whole vectors, zero in the padding; db : real[n_out].
    """
    n_out, width = dZ.shape
    step = lanes(dZ)
    one = splat(dZ.dtype.type(1))
    for i in prange(n_out):
        total = dot(load(dZ, i, 0), one)
        for c in range(step, width, step):
            total += dot(load(dZ, i, c), one)
        db[i] = total
