"""Forward product and input gradient of `sparse`, two rows at a time.

Neighbouring rows of structured graphs, and the neurons of one term of a hierarchy, read mostly the
same rows of X. A row of X that both need is loaded once and used twice: eight loads serve sixteen
multiply-adds, and half as many lines come from the caches further away. (The weight gradient has
its row of dZ in registers already, and gains nothing: it stays `sparse`'s.)

**Runs.** The columns of both rows, in order, are cut into runs: columns that both rows have, or one
alone. A run is a number: `BOTH`, `FIRST` or `SECOND`, and above it, shifted by `SHIFT`, the number
of its columns. A row's edges of a run stand one after another, so that no index is stored again and
no weight moves. Each sum runs in the order of its row's edges: the results are `sparse`'s bits.

Arrays as in `sparse`, and for rows 2 k and 2 k + 1 in each block::

    run_starts : uint32[blocks + 1, rows // 2]        runs : uint32[...]

Ranges of rows begin at even ones. The last of an odd number of rows has no other, and goes through
`sparse`. The part of a tile is one whose vectors for two rows and for X stay in registers. Cost,
and the reason why there is no race, as in `sparse`.
"""

from __future__ import annotations

import numpy as np

from ..functions.activations import activation_slope, bias_activation
from ..machine.jit import jit
from ..machine.vector import fma, lanes, load, load_as, splat, store
from . import sparse

FIRST, SECOND, BOTH = 1, 2, 3
SHIFT = 2
_WHO = 3


@jit
def forward(  # type: ignore[no-untyped-def]
    part, starts, run_starts, runs, indices, weights, biases, X, scale, function, A, first, last
):
    """A = f(scale W X + b) for rows first to last; f while the rows are still in L1."""
    step, width = lanes(part, A), A.shape[1]
    zero = A.dtype.type(0)
    n_blocks = starts.shape[0] - 1
    for c in range(0, width, step):
        for block in range(n_blocks):
            for i in range(first, last - 1, 2):
                a = splat(part, zero) if block == 0 else load(part, A, i, c)
                b = splat(part, zero) if block == 0 else load(part, A, i + 1, c)
                p, q = np.intp(starts[block, i]), np.intp(starts[block, i + 1])
                for r in range(run_starts[block, i // 2], run_starts[block + 1, i // 2]):
                    who, n = runs[r] & _WHO, np.intp(runs[r] >> SHIFT)
                    if who == BOTH:
                        for k in range(n):
                            x = load_as(part, A, X, indices[p + k], c)
                            a = fma(splat(part, weights[p + k]), x, a)
                            b = fma(splat(part, weights[q + k]), x, b)
                        p, q = p + n, q + n
                    elif who == FIRST:
                        for k in range(p, p + n):
                            x = load_as(part, A, X, indices[k], c)
                            a = fma(splat(part, weights[k]), x, a)
                        p += n
                    else:
                        for k in range(q, q + n):
                            x = load_as(part, A, X, indices[k], c)
                            b = fma(splat(part, weights[k]), x, b)
                        q += n
                store(A, i, c, a)
                store(A, i + 1, c, b)
                if block == n_blocks - 1 and c + step == width:
                    bias_activation(function, biases, scale, A, i, i + 2)
    if last % 2:
        sparse.forward(
            part, starts, indices, weights, biases, X, scale, function, A, last - 1, last
        )


@jit
def input_gradient(  # type: ignore[no-untyped-def]
    part, starts, run_starts, runs, indices, edges, weights, dZ, X, slopes, keep, dX, first,
    last,
):  # fmt: skip
    """dX = W^T dZ for inputs first to last, by rows of W^T, times the slope of X's activation.

    Arguments as in `sparse.input_gradient`.
    """
    step, width = lanes(part, dX), dX.shape[1]
    n_blocks = starts.shape[0] - 1
    zero = dX.dtype.type(0)
    for c in range(0, width, step):
        for block in range(n_blocks):
            for j in range(first, last - 1, 2):
                a = splat(part, zero) if block == 0 else load(part, dX, j, c)
                b = splat(part, zero) if block == 0 else load(part, dX, j + 1, c)
                p, q = np.intp(starts[block, j]), np.intp(starts[block, j + 1])
                for r in range(run_starts[block, j // 2], run_starts[block + 1, j // 2]):
                    who, n = runs[r] & _WHO, np.intp(runs[r] >> SHIFT)
                    if who == BOTH:
                        for k in range(n):
                            dz = load(part, dZ, indices[p + k], c)
                            a = fma(splat(part, weights[edges[p + k]]), dz, a)
                            b = fma(splat(part, weights[edges[q + k]]), dz, b)
                        p, q = p + n, q + n
                    elif who == FIRST:
                        for k in range(p, p + n):
                            weight = splat(part, weights[edges[k]])
                            a = fma(weight, load(part, dZ, indices[k], c), a)
                        p += n
                    else:
                        for k in range(q, q + n):
                            weight = splat(part, weights[edges[k]])
                            b = fma(weight, load(part, dZ, indices[k], c), b)
                        q += n
                store(dX, j, c, a)
                store(dX, j + 1, c, b)
                if block == n_blocks - 1 and c + step == width:
                    activation_slope(slopes, X, keep, dX, j, j + 2)
    if last % 2:
        sparse.input_gradient(
            part, starts, indices, edges, weights, dZ, X, slopes, keep, dX, last - 1, last
        )
