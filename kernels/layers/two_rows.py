"""The products of `sparse`, two rows at a time.

Rows of structured graphs read mostly the same rows of X as their neighbours, or as those a stride
away; so do the neurons of one term of a hierarchy. A row of X that both need is loaded once and
used twice: eight loads serve sixteen multiply-adds, and half as many lines come from the caches
further away.

**Order.** Rows ``order[2 k]`` and ``order[2 k + 1]`` are taken together. Whatever the order, each
row's sum runs over its own edges.

**Runs.** The edges of both rows are cut into runs: of columns that both rows have, or of one row
alone. A run is a number: `BOTH`, `FIRST` or `SECOND`, and above it, shifted by `SHIFT`, the number
of its columns. A row's edges of a run stand one after another, so that no index is stored again and
no weight moves. Each sum runs in the order of its row's edges: the results are `sparse`'s bits.

Arrays as in `sparse`, and for each two rows in each block::

    order : uint32[rows]        run_starts : uint32[blocks + 1, rows // 2]        runs : uint32[...]

A range of rows, from an even one on, holds the same rows in this order. The last of an odd number
has no other, and goes through `sparse`. The part of a tile is one whose vectors for two rows and
for X stay in registers. The weight gradient takes whole tiles, on which its sums depend: where two
rows of dZ do not fit (`holds_two`), it stays `sparse`'s. Cost, and the reason why there is no race,
as there. Positions of edges are unsigned: Numba asks of signed ones, at each edge, whether they are
negative.
"""

from __future__ import annotations

import numpy as np

from ..functions.activations import activation_slope, bias_activation
from ..machine.cpu import TARGET
from ..machine.dots import cross_dots, put
from ..machine.jit import inlined, jit
from ..machine.vector import fma, lanes, load, load_as, splat, store
from . import sparse

FIRST, SECOND, BOTH = 1, 2, 3
SHIFT = 2
_WHO = 3


@jit
def forward(  # type: ignore[no-untyped-def]
    part, starts, order, run_starts, runs, indices, weights, biases, X, scale, function, A,
    first, last,
):  # fmt: skip
    """A = f(scale W X + b) for rows first to last; f while the rows are still in L1."""
    step, width = lanes(part, A), A.shape[1]
    zero = A.dtype.type(0)
    n_blocks = starts.shape[0] - 1
    for c in range(0, width, step):
        for block in range(n_blocks):
            for k in range(first // 2, last // 2):
                i, j = np.intp(order[2 * k]), np.intp(order[2 * k + 1])
                a = splat(part, zero) if block == 0 else load(part, A, i, c)
                b = splat(part, zero) if block == 0 else load(part, A, j, c)
                p, q = np.uint64(starts[block, i]), np.uint64(starts[block, j])
                for r in range(run_starts[block, k], run_starts[block + 1, k]):
                    who, n = runs[r] & _WHO, np.uint64(runs[r] >> SHIFT)
                    if who == BOTH:
                        for e in range(n):
                            x = load_as(part, A, X, indices[p + e], c)
                            a = fma(splat(part, weights[p + e]), x, a)
                            b = fma(splat(part, weights[q + e]), x, b)
                        p, q = p + n, q + n
                    elif who == FIRST:
                        for e in range(p, p + n):
                            x = load_as(part, A, X, indices[e], c)
                            a = fma(splat(part, weights[e]), x, a)
                        p += n
                    else:
                        for e in range(q, q + n):
                            x = load_as(part, A, X, indices[e], c)
                            b = fma(splat(part, weights[e]), x, b)
                        q += n
                store(A, i, c, a)
                store(A, j, c, b)
                if block == n_blocks - 1 and c + step == width:
                    bias_activation(function, biases, scale, A, i, i + 1)
                    bias_activation(function, biases, scale, A, j, j + 1)
    if last % 2:
        i = np.intp(order[last - 1])
        sparse.forward(part, starts, indices, weights, biases, X, scale, function, A, i, i + 1)


@jit
def input_gradient(  # type: ignore[no-untyped-def]
    part, starts, order, run_starts, runs, indices, edges, weights, dZ, X, slopes, keep, dX,
    first, last,
):  # fmt: skip
    """dX = W^T dZ for inputs first to last, by rows of W^T, times the slope of X's activation.

    Arguments as in `sparse.input_gradient`.
    """
    step, width = lanes(part, dX), dX.shape[1]
    n_blocks = starts.shape[0] - 1
    zero = dX.dtype.type(0)
    for c in range(0, width, step):
        for block in range(n_blocks):
            for k in range(first // 2, last // 2):
                i, j = np.intp(order[2 * k]), np.intp(order[2 * k + 1])
                a = splat(part, zero) if block == 0 else load(part, dX, i, c)
                b = splat(part, zero) if block == 0 else load(part, dX, j, c)
                p, q = np.uint64(starts[block, i]), np.uint64(starts[block, j])
                for r in range(run_starts[block, k], run_starts[block + 1, k]):
                    who, n = runs[r] & _WHO, np.uint64(runs[r] >> SHIFT)
                    if who == BOTH:
                        for e in range(n):
                            dz = load(part, dZ, indices[p + e], c)
                            a = fma(splat(part, weights[edges[p + e]]), dz, a)
                            b = fma(splat(part, weights[edges[q + e]]), dz, b)
                        p, q = p + n, q + n
                    elif who == FIRST:
                        for e in range(p, p + n):
                            weight = splat(part, weights[edges[e]])
                            a = fma(weight, load(part, dZ, indices[e], c), a)
                        p += n
                    else:
                        for e in range(q, q + n):
                            weight = splat(part, weights[edges[e]])
                            b = fma(weight, load(part, dZ, indices[e], c), b)
                        q += n
                store(dX, i, c, a)
                store(dX, j, c, b)
                if block == n_blocks - 1 and c + step == width:
                    together = 1 + (j == i + 1)
                    activation_slope(slopes, X, keep, dX, i, i + together)
                    if together == 1:
                        activation_slope(slopes, X, keep, dX, j, j + 1)
    if last % 2:
        i = np.intp(order[last - 1])
        sparse.input_gradient(
            part, starts, indices, edges, weights, dZ, X, slopes, keep, dX, i, i + 1
        )


def holds_two(tile: tuple[int, ...], registers: int = TARGET.registers) -> bool:
    """Return whether registers hold a tile's vectors of two rows, beside what four sums take."""
    return 2 * len(tile) + 6 <= registers


@jit
def weight_gradient(  # type: ignore[no-untyped-def]
    tile, starts, order, run_starts, runs, indices, dZ, X, dW, first, last
):
    """dW = dZ X^T on the edges of rows first to last, row after row without gaps.

    dW : real[edges in them or more].
    """
    begin = np.intp(starts[0, first])
    for c in range(0, dZ.shape[1], lanes(tile, dZ)):
        for block in range(starts.shape[0] - 1):
            for k in range(first // 2, last // 2):
                i, j = np.intp(order[2 * k]), np.intp(order[2 * k + 1])
                a, b = load(tile, dZ, i, c), load(tile, dZ, j, c)
                p, q = np.intp(starts[block, i]), np.intp(starts[block, j])
                for r in range(run_starts[block, k], run_starts[block + 1, k]):
                    who, n = runs[r] & _WHO, np.intp(runs[r] >> SHIFT)
                    if who == BOTH:
                        _add_both(tile, dZ, a, b, X, indices, p, n, c, dW, p - begin, q - begin)
                        p, q = p + n, q + n
                    else:  # written once for both rows: it is long
                        row, e = (a, p) if who == FIRST else (b, q)
                        sparse.add_edges(tile, dZ, row, X, indices, e, e + n, c, dW, e - begin)
                        p, q = (p + n, q) if who == FIRST else (p, q + n)
    if last % 2:
        i = np.intp(order[last - 1])
        at = np.intp(starts[0, i]) - begin
        blocks = np.intp(0), starts.shape[0] - 1
        sparse.weight_gradient(tile, starts, indices, dZ, X, dW[at:], (i, i + 1), blocks)


@inlined
def _add_both(tile, dZ, a, b, X, indices, p, n, c, dW, at, other):  # type: ignore[no-untyped-def]
    """Dot products of two rows of dZ with the rows of X of n edges, two by two.

    Those of row a to dW from ``at`` on, those of row b from ``other`` on. Of an odd number the last
    column goes by itself.
    """
    for e in range(0, n - 1, 2):
        x = load_as(tile, dZ, X, np.intp(indices[np.uint64(p + e)]), c)
        y = load_as(tile, dZ, X, np.intp(indices[np.uint64(p + e + 1)]), c)
        of_a, of_b = cross_dots(a, b, x, y)
        put(dW, at + e, of_a, 2, c > 0)
        put(dW, other + e, of_b, 2, c > 0)
    if n % 2:
        e = n - 1
        x = load_as(tile, dZ, X, np.intp(indices[np.uint64(p + e)]), c)
        of_a, of_b = cross_dots(a, b, x, x)
        put(dW, at + e, of_a, 1, c > 0)
        put(dW, other + e, of_b, 1, c > 0)
