"""The three products of a complete layer that does not run on BLAS.

An example is the ten outputs behind a sparse layer, whose three products would otherwise take
longer than those of a thin hidden layer. Every output has every input, so rows can share their
loads: `GROUP` rows at a time, each with its own accumulators for a part of a tile's samples, take
each row of X from the cache once and multiply it by one weight each. W needs no indices.

**Blocks.** Sums run over `COLUMNS` inputs at a time, and then over these blocks in their order:
so each block's inputs stay in L1 while all rows use them, and different threads may sum blocks,
each near the inputs that it has just made, without changing a bit. Such blocks of a layer with few
outputs leave their sums in *partials*, which `add_partials` adds up.

Shapes and dtypes as in `sparse`, with W : real[n_out, n_in]. Cost of each: 2 * n_in * n_out *
width operations on all rows. No race and no dependence on the number of threads, as there.
"""

from __future__ import annotations

import numpy as np

from ..functions.activations import activation_slope
from ..machine.cpu import TARGET
from ..machine.jit import jit
from ..machine.vector import fma, lanes, load, splat, store
from .sparse import add_four

GROUP = 5
"""Rows at a time: with parts of four registers they take 20, beside four for X and a weight."""

COLUMNS = 64
"""Inputs of a block: rows of X that stay in L1 while all groups use them."""


def part_of(
    tile: tuple[int, ...], rows: int = GROUP, registers: int = TARGET.registers
) -> tuple[int, ...]:
    """Return the largest part of a tile that leaves the accumulators of some rows in registers.

    Each register of the part is taken once for each row, and once for X; a weight has one more.
    """
    part = len(tile)
    while part * (rows + 1) + 1 > registers:
        part //= 2
    return tile[:part]


@jit
def _five(part, W, X, c, rows, begin, stop):  # type: ignore[no-untyped-def]
    """Return five rows of W X, over the columns begin to stop, for a part's samples from c on.

    W may be a transpose.
    """
    zero = splat(part, W.dtype.type(0))
    i0, i1, i2, i3, i4 = rows
    a0, a1, a2, a3, a4 = zero, zero, zero, zero, zero
    for j in range(begin, stop):
        x = load(part, X, j, c)
        a0 = fma(splat(part, W[i0, j]), x, a0)
        a1 = fma(splat(part, W[i1, j]), x, a1)
        a2 = fma(splat(part, W[i2, j]), x, a2)
        a3 = fma(splat(part, W[i3, j]), x, a3)
        a4 = fma(splat(part, W[i4, j]), x, a4)
    return a0, a1, a2, a3, a4


@jit
def _group_of(i, last):  # type: ignore[no-untyped-def]
    """Return five rows from i on; where fewer are left, the last one several times."""
    return i, min(i + 1, last - 1), min(i + 2, last - 1), min(i + 3, last - 1), min(i + 4, last - 1)


@jit
def complete_forward(part, W, X, Z, partials, rows, columns):  # type: ignore[no-untyped-def]
    """Z = W X for some rows, over some blocks of columns; no bias yet.

    rows, columns : (first, last), columns from a multiple of `COLUMNS` on. partials :
    real[(blocks - 1) * n_out, width], for the sums of all blocks but the first, which is in Z;
    or no rows: then a call has all columns, and Z is their sum.
    """
    n_out = W.shape[0]
    one = splat(part, Z.dtype.type(1))
    for block in range(columns[0], columns[1], COLUMNS):
        stop = min(block + COLUMNS, columns[1])
        apart = block > 0 and partials.shape[0] > 0
        begin = (block // COLUMNS - 1) * n_out  # of the block's partials
        for c in range(0, Z.shape[1], lanes(part, Z)):
            for first in range(rows[0], rows[1], GROUP):
                group = _group_of(first, rows[1])
                sums = _five(part, W, X, c, group, block, stop)
                if not apart and block > 0:
                    sums = (
                        fma(one, load(part, Z, group[0], c), sums[0]),
                        fma(one, load(part, Z, group[1], c), sums[1]),
                        fma(one, load(part, Z, group[2], c), sums[2]),
                        fma(one, load(part, Z, group[3], c), sums[3]),
                        fma(one, load(part, Z, group[4], c), sums[4]),
                    )
                if apart:
                    _put(partials, begin, group, c, sums)
                else:
                    _put(Z, 0, group, c, sums)


@jit
def _put(Z, begin, group, c, sums):  # type: ignore[no-untyped-def]
    store(Z, begin + group[0], c, sums[0])
    store(Z, begin + group[1], c, sums[1])
    store(Z, begin + group[2], c, sums[2])
    store(Z, begin + group[3], c, sums[3])
    store(Z, begin + group[4], c, sums[4])


@jit
def add_partials(Z, partials, first, last):  # type: ignore[no-untyped-def]
    """Z += the partials of all blocks, one after the other, for rows first to last."""
    for begin in range(0, partials.shape[0], Z.shape[0]):
        for i in range(first, last):
            for s in range(Z.shape[1]):
                Z[i, s] += partials[begin + i, s]


@jit
def complete_input_gradient(part, W, dZ, X, slopes, keep, dX, first, last):  # type: ignore[no-untyped-def]
    """dX = W^T dZ for inputs first to last, times the slope of X's activation."""
    for j in range(first, last, GROUP):
        group = _group_of(j, last)
        for c in range(0, dX.shape[1], lanes(part, dX)):
            _put(dX, 0, group, c, _five(part, W.T, dZ, c, group, 0, W.shape[0]))
        activation_slope(slopes, X, keep, dX, j, group[4] + 1)


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
                    add_four(tile, dZ, row, X, (j, j + 1, j + 2, j + 3), c, dW, at, np.intp(4))
                    j += 4
                    at += 4
                if j < stop:
                    j1, j2 = min(j + 1, stop - 1), min(j + 2, stop - 1)
                    add_four(tile, dZ, row, X, (j, j1, j2, j2), c, dW, at, stop - j)
