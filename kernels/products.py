"""The three products of a sparse layer, on its edges only.

A layer is a matrix W (n_out x n_in) in CSR form: row i lists the inputs of output neuron i.
With activations feature-major (`layout`), in matrix form::

    A  = sigmoid(W X + b)                forward
    dW = (dZ X^T) on the edges of W      weight_gradient; db = row sums of dZ
    dX = W^T dZ                          input_gradient

Each edge (i, j) is one vector operation on contiguous rows: ``Z[i] += w * X[j]`` forward, the dot
product ``dZ[i] . X[j]`` for its gradient. The row of the accumulator stays in registers (`vector`)
until its last edge. Nothing of size n_out x n_in is ever made.

Shapes and dtypes, ``real`` being float32 or float64 throughout one call, ``width`` a whole number
of vectors, index arrays unchecked (`plan` is built from checked ones)::

    indptr  : int64[rows + 1]     indices : uint32[edges]     weights, dW : real[edges]
    X, dX   : real[n_in, width]   A, dZ   : real[n_out, width]   biases, db : real[n_out]

Cost of each: 2 * edges * width operations. No race: a row of the output (for dW: the edges of a
row) belongs to one thread and is summed in a fixed order, so the result does not depend on the
number of threads.
"""

from __future__ import annotations

from numba import prange

from .jit import jit
from .sigmoid import sigmoid
from .vector import dot, fma, lanes, load, splat, store


@jit(parallel=True)
def forward(indptr, indices, weights, biases, X, A):  # type: ignore[no-untyped-def]
    """A = sigmoid(W X + b); bias and sigmoid while the row is still in L1."""
    n_out, width = A.shape
    step = lanes(A)
    for i in prange(n_out):
        for c in range(0, width, step):
            accumulator = splat(biases[i])
            for k in range(indptr[i], indptr[i + 1]):
                accumulator = fma(splat(weights[k]), load(X, indices[k], c), accumulator)
            store(A, i, c, accumulator)
        for s in range(width):
            A[i, s] = sigmoid(A[i, s])


@jit(parallel=True)
def weight_gradient(indptr, indices, dZ, X, dW, db):  # type: ignore[no-untyped-def]
    """dW = dZ X^T on the edges, db = row sums of dZ."""
    n_out, width = dZ.shape
    step = lanes(dZ)
    one = dZ.dtype.type(1)
    for i in prange(n_out):
        row = load(dZ, i, 0)
        db[i] = dot(row, splat(one))
        for k in range(indptr[i], indptr[i + 1]):
            dW[k] = dot(row, load(X, indices[k], 0))
        for c in range(step, width, step):
            row = load(dZ, i, c)
            db[i] += dot(row, splat(one))
            for k in range(indptr[i], indptr[i + 1]):
                dW[k] += dot(row, load(X, indices[k], c))


@jit(parallel=True)
def input_gradient(indptr, indices, edges, weights, dZ, dX):  # type: ignore[no-untyped-def]
    """dX = W^T dZ, by rows of W^T.

    Here indptr : int64[n_in + 1] and indices : uint32[edges] are those of W^T, and
    edges : uint32[edges] says where each of its entries stands in W.
    """
    n_in, width = dX.shape
    step = lanes(dX)
    zero = dX.dtype.type(0)
    for j in prange(n_in):
        for c in range(0, width, step):
            accumulator = splat(zero)
            for k in range(indptr[j], indptr[j + 1]):
                weight = splat(weights[edges[k]])
                accumulator = fma(weight, load(dZ, indices[k], c), accumulator)
            store(dX, j, c, accumulator)
