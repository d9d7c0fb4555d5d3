"""The three products of a complete layer that is too small, or in the wrong company, for BLAS.

Such as the ten outputs behind a sparse layer, whose three products would otherwise take longer
than those of a thin hidden layer. Every output has every input, so that rows can share what they
load: `GROUP` rows at a time, each with its own accumulators for half a tile's samples, take each
row of X from the cache once and multiply it by a weight each. W needs no indices.

Shapes and dtypes as in `products`, with W : real[n_out, n_in]. Cost of each: 2 * n_in * n_out *
width operations on all rows. No race and no dependence on the number of threads, as there.
"""

from __future__ import annotations

from .elementwise import sigmoid_slope
from .jit import jit
from .vector import dot, dots, fma, lanes, load, load_as, splat, store

GROUP = 5
"""Rows at a time: with half a tile of four registers they take 20, beside four for X."""

COLUMNS = 64
"""Rows of X, as a block that stays in L1 while all groups use it."""


@jit
def complete_forward(half, W, X, Z, first, last, begin, end):  # type: ignore[no-untyped-def]
    """Z = W X for rows first to last and samples begin to end, whole vectors; no bias yet."""
    n_in = W.shape[1]
    zero = splat(half, Z.dtype.type(0))
    for c in range(begin, end, lanes(half, Z)):
        for block in range(0, n_in, COLUMNS):
            for i in range(first, last, GROUP):
                # Where the rows do not fill the group, the last one is made several times.
                i1, i2 = min(i + 1, last - 1), min(i + 2, last - 1)
                i3, i4 = min(i + 3, last - 1), min(i + 4, last - 1)
                a0 = zero if block == 0 else load(half, Z, i, c)
                a1 = zero if block == 0 else load(half, Z, i1, c)
                a2 = zero if block == 0 else load(half, Z, i2, c)
                a3 = zero if block == 0 else load(half, Z, i3, c)
                a4 = zero if block == 0 else load(half, Z, i4, c)
                for j in range(block, min(block + COLUMNS, n_in)):
                    x = load_as(half, Z, X, j, c)
                    a0 = fma(splat(half, W[i, j]), x, a0)
                    a1 = fma(splat(half, W[i1, j]), x, a1)
                    a2 = fma(splat(half, W[i2, j]), x, a2)
                    a3 = fma(splat(half, W[i3, j]), x, a3)
                    a4 = fma(splat(half, W[i4, j]), x, a4)
                store(Z, i, c, a0)
                store(Z, i1, c, a1)
                store(Z, i2, c, a2)
                store(Z, i3, c, a3)
                store(Z, i4, c, a4)


@jit
def complete_input_gradient(half, W, dZ, X, keep, dX, first, last):  # type: ignore[no-untyped-def]
    """dX = W^T dZ for inputs first to last, times the slope of X's sigmoid unless keep is 0."""
    n_out = W.shape[0]
    zero = splat(half, dX.dtype.type(0))
    for j in range(first, last, GROUP):
        j1, j2 = min(j + 1, last - 1), min(j + 2, last - 1)
        j3, j4 = min(j + 3, last - 1), min(j + 4, last - 1)
        for c in range(0, dX.shape[1], lanes(half, dX)):
            a0, a1, a2, a3, a4 = zero, zero, zero, zero, zero
            for i in range(n_out):
                dz = load(half, dZ, i, c)
                a0 = fma(splat(half, W[i, j]), dz, a0)
                a1 = fma(splat(half, W[i, j1]), dz, a1)
                a2 = fma(splat(half, W[i, j2]), dz, a2)
                a3 = fma(splat(half, W[i, j3]), dz, a3)
                a4 = fma(splat(half, W[i, j4]), dz, a4)
            store(dX, j, c, a0)
            store(dX, j1, c, a1)
            store(dX, j2, c, a2)
            store(dX, j3, c, a3)
            store(dX, j4, c, a4)
        if keep > 0:
            sigmoid_slope(X, keep, dX, j, j4 + 1)


@jit
def complete_weight_gradient(tile, dZ, X, dW, rows, columns):  # type: ignore[no-untyped-def]
    """dW = dZ X^T for some rows and columns, row after row without gaps.

    rows, columns : (first, last); dW : real[edges in them or more].
    """
    length = columns[1] - columns[0]
    for c in range(0, dZ.shape[1], lanes(tile, dZ)):
        for block in range(columns[0], columns[1], COLUMNS):
            stop = min(block + COLUMNS, columns[1])
            for i in range(rows[0], rows[1]):
                row = load(tile, dZ, i, c)
                at = (i - rows[0]) * length + block - columns[0]
                j = block
                while j + 4 <= stop:
                    d0, d1, d2, d3 = dots(
                        row,
                        load_as(tile, dZ, X, j, c),
                        load_as(tile, dZ, X, j + 1, c),
                        load_as(tile, dZ, X, j + 2, c),
                        load_as(tile, dZ, X, j + 3, c),
                    )
                    if c > 0:
                        d0, d1 = dW[at] + d0, dW[at + 1] + d1
                        d2, d3 = dW[at + 2] + d2, dW[at + 3] + d3
                    dW[at], dW[at + 1], dW[at + 2], dW[at + 3] = d0, d1, d2, d3
                    j += 4
                    at += 4
                while j < stop:
                    value = dot(row, load_as(tile, dZ, X, j, c))
                    dW[at] = value if c == 0 else dW[at] + value
                    j += 1
                    at += 1
