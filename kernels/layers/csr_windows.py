"""Values of CSR data spread among zeros by windows of columns.

A value by itself takes some two cycles, and each piece of a sample ends in a branch that no CPU
foresees. A window of 64 columns takes about a dozen cycles, whatever is in it (`windows`), where
columns are features. Of a sample's last values, behind which another's are, each is copied by
itself.

What lies outside a window is never written, whatever the indices of the data.
"""

from __future__ import annotations

import numpy as np

from ..machine.jit import inlined, jit
from ..machine.transpose import SIDE, address_of, copy_item, prefetch
from ..machine.windows import TAKEN, WINDOW, columns_of, ones, spread
from .batch import STRETCH
from .squares import LINE, row_of

LONG_STRETCH = 2 * STRETCH
"""Features of a sample's windows, one after the other: so many lines of its values lie side by side
that a CPU foresees the next ones. Values are fetched as far ahead."""


@jit
def spread_windows(source, samples, s, f, n, space):  # type: ignore[no-untyped-def]
    """Put n features of `SIDE` samples together, with their zeros, and have rows say where.

    All columns are used. places : of space, where the samples' next values are, before and after.
    Cost: each value read and written once, and as much for a window of zeros as for a full one.
    """
    size, n_rows = source.size, max(0, min(SIDE, samples.shape[0] - s))
    for j in range(SIDE):
        space.addresses[0, j] = row_of(space, j)
    space.items[n_rows:, : (n + SIDE) * size // 8] = 0
    if size == 1:
        _spread_all(1, source, samples[s : s + n_rows], s, f, n, space)
    elif size == 2:
        _spread_all(2, source, samples[s : s + n_rows], s, f, n, space)
    elif size == 4:
        _spread_all(4, source, samples[s : s + n_rows], s, f, n, space)
    else:
        _spread_all(8, source, samples[s : s + n_rows], s, f, n, space)


@inlined
def _spread_all(size, source, samples, s, f, n, space):  # type: ignore[no-untyped-def]
    indices, values, rows = source.indices, source.address, space.addresses[0]
    # The next window of a sample waits for this one; those of the others do not.
    places, ends = space.places[s : s + samples.shape[0]], space.addresses[1]
    n_values, n_columns = 0, source.columns.shape[0]
    for j in range(samples.shape[0]):
        ends[j] = source.indptr[samples[j] + 1]
        n_values += ends[j] - source.indptr[samples[j]]
    ahead = n_values * LONG_STRETCH // (n_columns * max(1, samples.shape[0]))
    for i in range(0, n, WINDOW):
        for j in range(np.uint64(samples.shape[0])):  # never counted from the end
            k, row = places[j], rows[j] + i * size
            if k + WINDOW <= ends[j]:
                word = columns_of(indices, k, f + i)
                if ones(word) == TAKEN:
                    word |= columns_of(indices, k + TAKEN, f + i)
                at = address_of(indices) + (k + ahead) * indices.itemsize
                prefetch(at)
                prefetch(at + LINE)
                prefetch(values + (k + ahead) * size)
                spread(size, values + k * size, word, row)
                places[j] = k + ones(word)
            else:
                spread(size, values, np.uint64(0), row)
                places[j] = _spread_few(source, k, ends[j], f + i, row)


@jit
def _spread_few(source, k, end, f, row):  # type: ignore[no-untyped-def]
    """Copy values of a window, which is of zeros, one by one; return the next value's place."""
    size, indices, values = source.size, source.indices, source.address
    while k < end and np.uint64(indices[np.uint64(k)]) < np.uint64(f + WINDOW):
        place = np.uint64(np.int64(indices[np.uint64(k)]) - f)
        if place < np.uint64(WINDOW):
            copy_item(size, values + k * size, row + np.int64(place) * size)
        k += 1
    return k
