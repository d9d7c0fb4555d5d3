"""One sample at a time: sums over the edges of a row, and activations, are vectors.

The kernels of `sparse` read a register of samples for each edge; with a single sample all but one
of its lanes would be padding. Here the lanes of a register are edges of one row, in one of four
ways:

* *edges*: four edges at a time, whose inputs are gathered (`scattered`). About a cycle an edge;
* *masks*: columns that lie side by side, a register of inputs, for eight rows. A mask says for each
  row which of them it has; its next weights are spread over these lanes. It takes some 3.5 cycles a
  row, whether it has one of the columns or all;
* *places*: columns of two registers of inputs, for eight rows, as long as no row has more of them
  than a register has lanes. Inputs are brought to the row's weights, by their places in the
  registers. It takes some 4.3 cycles a row;
* *complete*: registers of W and of inputs.

Masks are for rows with nearly all columns, or with runs of them; places for rows with a seventh to
two thirds. Both are for AVX-512 only.

Rows go side by side, so that the processor has other sums to add to while one waits for its last
addition. Each lane has a sum of its own: the total is that of a batch but for its rounding. BLAS is
not called, and nothing depends on the number of threads.
"""

from __future__ import annotations

import numpy as np

from ..machine.jit import jit
from ..machine.scattered import (
    GATHERED,
    count,
    expanded,
    gathered,
    nothing,
    permuted,
    totals,
    values_from,
)
from ..machine.vector import fma

COMPLETE, EDGES, MASKS, PLACES = range(4)
"""Ways to sum up a group."""

ROWS = 8
"""Rows that share registers of inputs. With fewer, the instruction that spreads weights waits for
the register that it wrote to last (Zen 4)."""

_FOUR = (0,) * GATHERED


@jit
def _four_of(i, n):  # type: ignore[no-untyped-def]
    """Return four rows from i on; where fewer are left, the last one several times."""
    return i, min(i + 1, n - 1), min(i + 2, n - 1), min(i + 3, n - 1)


@jit
def edges_times(starts, indices, weights, x, z):  # type: ignore[no-untyped-def]
    """z = W x on the edges of W.

    starts : uint32[n_out + 1], each row's first edge; indices : uint16 or uint32[edges]; weights :
    real[edges]; x : real[n_in]; z : real[n_out]. Cost: 2 * edges operations.
    """
    n_out = z.shape[0]
    for i in range(0, n_out, 4):
        i0, i1, i2, i3 = _four_of(i, n_out)
        k0, k1, k2, k3 = (
            np.intp(starts[i0]),
            np.intp(starts[i1]),
            np.intp(starts[i2]),
            np.intp(starts[i3]),
        )
        e0, e1 = np.intp(starts[i0 + 1]), np.intp(starts[i1 + 1])
        e2, e3 = np.intp(starts[i2 + 1]), np.intp(starts[i3 + 1])
        a, b = nothing(_FOUR, z), nothing(_FOUR, z)
        c, d = nothing(_FOUR, z), nothing(_FOUR, z)
        common = min(min(e0 - k0, e1 - k1), min(e2 - k2, e3 - k3)) // GATHERED
        for _ in range(common):
            a = gathered(a, weights, indices, k0, x)
            b = gathered(b, weights, indices, k1, x)
            c = gathered(c, weights, indices, k2, x)
            d = gathered(d, weights, indices, k3, x)
            k0, k1, k2, k3 = k0 + GATHERED, k1 + GATHERED, k2 + GATHERED, k3 + GATHERED
        # Not in a function: a call takes twice as long where rows are short.
        while k0 + GATHERED <= e0:
            a = gathered(a, weights, indices, k0, x)
            k0 += GATHERED
        while k1 + GATHERED <= e1:
            b = gathered(b, weights, indices, k1, x)
            k1 += GATHERED
        while k2 + GATHERED <= e2:
            c = gathered(c, weights, indices, k2, x)
            k2 += GATHERED
        while k3 + GATHERED <= e3:
            d = gathered(d, weights, indices, k3, x)
            k3 += GATHERED
        z0, z1, z2, z3 = totals(a, b, c, d)
        for k in range(k0, e0):
            z0 = fma(weights[k], x[indices[k]], z0)
        for k in range(k1, e1):
            z1 = fma(weights[k], x[indices[k]], z1)
        for k in range(k2, e2):
            z2 = fma(weights[k], x[indices[k]], z2)
        for k in range(k3, e3):
            z3 = fma(weights[k], x[indices[k]], z3)
        z[i0], z[i1], z[i2], z[i3] = z0, z1, z2, z3


@jit
def _four_masks(masks, at):  # type: ignore[no-untyped-def]
    """Return four masks from a place on, which is not looked at for being negative."""
    return (
        masks[np.uint64(at)],
        masks[np.uint64(at + 1)],
        masks[np.uint64(at + 2)],
        masks[np.uint64(at + 3)],
    )


@jit
def _masked(sums, places, weights, x, masks, at):  # type: ignore[no-untyped-def]
    """Return the sums of four rows with some columns more, and where their next weights are."""
    a, b, c, d = sums
    k0, k1, k2, k3 = places
    m0, m1, m2, m3 = _four_masks(masks, at)
    a, b = expanded(a, weights, k0, x, m0), expanded(b, weights, k1, x, m1)
    c, d = expanded(c, weights, k2, x, m2), expanded(d, weights, k3, x, m3)
    return (a, b, c, d), (k0 + count(m0), k1 + count(m1), k2 + count(m2), k3 + count(m3))


@jit
def masks_times(register, starts, steps, columns, masks, weights, x, z):  # type: ignore[no-untyped-def]
    """z = W x by masks.

    register : a tuple with an item for each lane of a register; starts : as for `edges_times`;
    steps : int64[ceil(n_out / ROWS) + 1], where the steps of each `ROWS` rows begin; columns :
    uint16 or uint32[n_steps], the first column of each; masks : uint16[n_steps * ROWS]; x :
    real[n_in and more], with a register to be read from each column on. Where fewer than `ROWS`
    rows are left, the last one is there several times.
    """
    n_out, zero = z.shape[0], nothing(register, z)
    for i in range(0, n_out, ROWS):
        i0, i1, i2, i3 = _four_of(i, n_out)
        i4, i5, i6, i7 = _four_of(min(i + 4, n_out - 1), n_out)
        first = (zero, zero, zero, zero)
        second = (zero, zero, zero, zero)
        k = (np.intp(starts[i0]), np.intp(starts[i1]), np.intp(starts[i2]), np.intp(starts[i3]))
        q = (np.intp(starts[i4]), np.intp(starts[i5]), np.intp(starts[i6]), np.intp(starts[i7]))
        for s in range(steps[i // ROWS], steps[i // ROWS + 1]):
            values = values_from(zero, x, np.intp(columns[np.uint64(s)]))
            first, k = _masked(first, k, weights, values, masks, s * ROWS)
            second, q = _masked(second, q, weights, values, masks, s * ROWS + 4)
        z[i0], z[i1], z[i2], z[i3] = totals(first[0], first[1], first[2], first[3])
        z[i4], z[i5], z[i6], z[i7] = totals(second[0], second[1], second[2], second[3])


@jit
def _placed(sums, edges, weights, places, x, y, masks, at):  # type: ignore[no-untyped-def]
    """Return the sums of four rows with some columns more, and where their next weights are."""
    a, b, c, d = sums
    k0, k1, k2, k3 = edges
    m0, m1, m2, m3 = _four_masks(masks, at)
    a = permuted(a, weights, places, k0, x, y, m0)
    b = permuted(b, weights, places, k1, x, y, m1)
    c = permuted(c, weights, places, k2, x, y, m2)
    d = permuted(d, weights, places, k3, x, y, m3)
    return (a, b, c, d), (k0 + count(m0), k1 + count(m1), k2 + count(m2), k3 + count(m3))


@jit
def places_times(  # type: ignore[no-untyped-def]
    register, starts, steps, columns, masks, places, weights, x, z
):
    """z = W x by places.

    Arguments as for `masks_times`; but a mask has as many ones, the first, as the row has edges in
    the step, and from each column on two registers of x can be read. places : uint8[edges and the
    lanes of a register], of each edge's input in the two registers.
    """
    n_out, zero = z.shape[0], nothing(register, z)
    for i in range(0, n_out, ROWS):
        i0, i1, i2, i3 = _four_of(i, n_out)
        i4, i5, i6, i7 = _four_of(min(i + 4, n_out - 1), n_out)
        first = (zero, zero, zero, zero)
        second = (zero, zero, zero, zero)
        k = (np.intp(starts[i0]), np.intp(starts[i1]), np.intp(starts[i2]), np.intp(starts[i3]))
        q = (np.intp(starts[i4]), np.intp(starts[i5]), np.intp(starts[i6]), np.intp(starts[i7]))
        for s in range(steps[i // ROWS], steps[i // ROWS + 1]):
            a = values_from(zero, x, np.intp(columns[np.uint64(s)]))
            b = values_from(zero, x, np.intp(columns[np.uint64(s)]) + len(register))
            first, k = _placed(first, k, weights, places, a, b, masks, s * ROWS)
            second, q = _placed(second, q, weights, places, a, b, masks, s * ROWS + 4)
        z[i0], z[i1], z[i2], z[i3] = totals(first[0], first[1], first[2], first[3])
        z[i4], z[i5], z[i6], z[i7] = totals(second[0], second[1], second[2], second[3])


@jit
def complete_times(register, W, x, z):  # type: ignore[no-untyped-def]
    """z = W x of a complete layer, W : real[n_out, n_in]."""
    n_out, n_in = W.shape
    weights, zero, lanes = W.reshape(n_out * n_in), nothing(register, z), len(register)
    whole = n_in // lanes * lanes
    for i in range(0, n_out, 4):
        i0, i1, i2, i3 = _four_of(i, n_out)
        a, b, c, d = zero, zero, zero, zero
        for j in range(0, whole, lanes):
            values = values_from(zero, x, j)
            a = fma(values_from(zero, weights, i0 * n_in + j), values, a)
            b = fma(values_from(zero, weights, i1 * n_in + j), values, b)
            c = fma(values_from(zero, weights, i2 * n_in + j), values, c)
            d = fma(values_from(zero, weights, i3 * n_in + j), values, d)
        z0, z1, z2, z3 = totals(a, b, c, d)
        for j in range(whole, n_in):
            z0 = fma(W[i0, j], x[j], z0)
            z1 = fma(W[i1, j], x[j], z1)
            z2 = fma(W[i2, j], x[j], z2)
            z3 = fma(W[i3, j], x[j], z3)
        z[i0], z[i1], z[i2], z[i3] = z0, z1, z2, z3
