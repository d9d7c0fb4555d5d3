"""The three products of a sparse layer, on its edges only.

A layer is a matrix W (n_out x n_in) in CSR form: row i lists the inputs of output neuron i.
With activations feature-major (`layout`), in matrix form::

    A  = f(scale W X + b)                     forward; scale is 1 but on the first layer
    dW = (dZ X^T) on the edges of W           weight_gradient; db = row sums of dZ
    dX = (W^T dZ) * slope of what made X      input_gradient

Each edge (i, j) is one vector operation on contiguous rows: ``Z[i] += w * X[j]`` forward, the dot
product ``dZ[i] . X[j]`` for its gradient. The row of the accumulator stays in registers (`vector`)
until its last edge. Nothing of size n_out x n_in is ever made.

**Blocks.** The columns of W are walked in blocks, so that the rows of X which a block reads stay
in a cache while all rows of W go through it (`plan` chooses the size). A row's edges are sorted
by column, so a block's share of them is contiguous: ``starts[block, i] : starts[block + 1, i]``.
No weight moves, and sums run in the order of the edges whatever the blocks are.

Shapes and dtypes, ``real`` being float32 or float64 throughout one call, ``width`` a whole number
of the tile's vectors, indices unchecked (`structure` is built from checked ones)::

    starts  : uint32[blocks + 1, rows]        indices : uint16 or uint32[edges]
    weights : real[edges]                     biases  : real[n_out]
    X       : real[n_in, width]               dX      : real[n_in, width]
              or uint32[n_in, width / 2]
    A, dZ   : real[n_out, width]

**Bytes.** Images come as bytes, and the first layer reads them as such, two in a word (see
`squares.pack`): a row is half as long as one of float32, and takes half as many loads. Their scale
is applied once per row, not once per value.

Cost of each: 2 * edges * width operations on its rows ``first <= i < last``. No race: calls with
different rows (for dW: rows or blocks) write to different places and each sum runs in a fixed
order, so the result does not depend on which thread computes a row.
"""

from __future__ import annotations

import numpy as np

from ..functions.activations import STRETCH, activation_slope, bias_activation
from ..machine.cpu import TARGET
from ..machine.dots import dot, dots, eight_dots, put
from ..machine.jit import inlined, jit
from ..machine.vector import fma, lanes, load, load_as, splat, store

EIGHT = TARGET.registers >= 32
"""True if registers hold eight sums beside a tile: with four, a CPU waits for their FMAs."""


@jit
def forward(tile, starts, indices, weights, biases, X, scale, function, A, first, last):  # type: ignore[no-untyped-def]
    """A = f(scale W X + b) for rows first to last; f while the row is still in L1.

    function : address of f (`values_at`).
    """
    step, width = lanes(tile, A), A.shape[1]
    zero = A.dtype.type(0)
    n_blocks = starts.shape[0] - 1
    for c in range(0, width, step):
        for block in range(n_blocks):
            for i in range(first, last):
                accumulator = splat(tile, zero) if block == 0 else load(tile, A, i, c)
                for k in range(starts[block, i], starts[block + 1, i]):
                    x = load_as(tile, A, X, indices[k], c)
                    accumulator = fma(splat(tile, weights[k]), x, accumulator)
                store(A, i, c, accumulator)
                if block == n_blocks - 1 and c + step == width:
                    bias_activation(function, biases, scale, A, i, i + 1)


@jit
def add_four(tile, dZ, row, X, columns, c, dW, at, n):  # type: ignore[no-untyped-def]
    """Dot products of a row of dZ, from sample c on, with four rows of X, to dW from ``at`` on.

    Sums over earlier samples are there already, unless c is 0. Four rows at a time take a third of
    the instructions of four one by one, and one store. If n, the number of remaining edges, is less
    than four, the last one is computed several times: cheaper than a loop whose length is hard to
    predict.
    """
    sums = dots(
        row,
        load_as(tile, dZ, X, columns[0], c),
        load_as(tile, dZ, X, columns[1], c),
        load_as(tile, dZ, X, columns[2], c),
        load_as(tile, dZ, X, columns[3], c),
    )
    put(dW, at, sums, n, c > 0)


@jit
def add_eight(tile, dZ, row, X, columns, c, dW, at):  # type: ignore[no-untyped-def]
    """The same with eight rows of X, where registers hold so many sums."""
    sums = eight_dots(
        row,
        load_as(tile, dZ, X, columns[0], c),
        load_as(tile, dZ, X, columns[1], c),
        load_as(tile, dZ, X, columns[2], c),
        load_as(tile, dZ, X, columns[3], c),
        load_as(tile, dZ, X, columns[4], c),
        load_as(tile, dZ, X, columns[5], c),
        load_as(tile, dZ, X, columns[6], c),
        load_as(tile, dZ, X, columns[7], c),
    )
    put(dW, at, sums, np.intp(8), c > 0)


@inlined
def _columns(indices, k0, k1, k2, k3):  # type: ignore[no-untyped-def]
    # as complete layers have them, so that there is one `add_four` for both
    return np.intp(indices[k0]), np.intp(indices[k1]), np.intp(indices[k2]), np.intp(indices[k3])


@inlined
def add_edges(tile, dZ, row, X, indices, k, stop, c, dW, at):  # type: ignore[no-untyped-def]
    """The same with the rows of X of edges k to stop, eight by eight or four by four."""
    if EIGHT:
        while k + 8 <= stop:
            four = _columns(indices, k, k + 1, k + 2, k + 3)
            eight = four + _columns(indices, k + 4, k + 5, k + 6, k + 7)
            add_eight(tile, dZ, row, X, eight, c, dW, at)
            k += 8
            at += 8
    while k + 4 <= stop:
        four = _columns(indices, k, k + 1, k + 2, k + 3)
        add_four(tile, dZ, row, X, four, c, dW, at, np.intp(4))
        k += 4
        at += 4
    if k < stop:
        k1, k2 = min(k + 1, stop - 1), min(k + 2, stop - 1)
        four = _columns(indices, k, k1, k2, k2)
        add_four(tile, dZ, row, X, four, c, dW, at, stop - k)


@jit
def weight_gradient(tile, starts, indices, dZ, X, dW, rows, blocks):  # type: ignore[no-untyped-def]
    """dW = dZ X^T on the edges of some rows and blocks, row after row without gaps.

    rows, blocks : (first, last); dW : real[edges in them or more].
    """
    step = lanes(tile, dZ)
    for c in range(0, dZ.shape[1], step):
        for block in range(blocks[0], blocks[1]):
            row_begin = np.intp(0)  # where the row's edges begin in dW
            for i in range(rows[0], rows[1]):
                k, stop = np.intp(starts[block, i]), np.intp(starts[block + 1, i])
                row_start = np.intp(starts[blocks[0], i])
                at = row_begin + k - row_start
                row_begin += np.intp(starts[blocks[1], i]) - row_start
                add_edges(tile, dZ, load(tile, dZ, i, c), X, indices, k, stop, c, dW, at)


@jit
def row_sums(tile, dZ, db, first, last):  # type: ignore[no-untyped-def]
    """db[i - first] = sum of row i of dZ, which is zero in the padding."""
    step = lanes(tile, dZ)
    ones = splat(tile, dZ.dtype.type(1))
    for i in range(first, last):
        total = dot(load(tile, dZ, i, 0), ones)
        for c in range(step, dZ.shape[1], step):
            total += dot(load(tile, dZ, i, c), ones)
        db[i - first] = total


@jit
def input_gradient(  # type: ignore[no-untyped-def]
    tile, starts, indices, edges, weights, dZ, X, slopes, keep, dX, first, last
):
    """dX = W^T dZ for inputs first to last, by rows of W^T, times the slope of X's activation.

    Here starts : uint32[blocks + 1, n_in] and indices are those of W^T, and edges : uint32[edges]
    says where each of its entries stands in W. slopes, keep : of what made X, and the share of it
    that dropout left, as in `activation_slope`.
    """
    step, width = lanes(tile, dX), dX.shape[1]
    n_blocks, n_rows = starts.shape[0] - 1, max(1, STRETCH // width)
    zero = dX.dtype.type(0)
    for c in range(0, width, step):
        for block in range(n_blocks):
            for begin in range(first, last, n_rows):
                end = min(begin + n_rows, last)
                for j in range(begin, end):
                    accumulator = splat(tile, zero) if block == 0 else load(tile, dX, j, c)
                    for k in range(starts[block, j], starts[block + 1, j]):
                        weight = splat(tile, weights[edges[k]])
                        accumulator = fma(weight, load(tile, dZ, indices[k], c), accumulator)
                    store(dX, j, c, accumulator)
                if block == n_blocks - 1 and c + step == width:
                    activation_slope(slopes, X, keep, dX, begin, end)
