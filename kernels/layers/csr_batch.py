"""Batch assembly of CSR data: only the values that are there are read.

Rows get their zeros back a stretch at a time, in a cache, and are turned as dense rows are. Where
values are rare, they are scattered among the zeros of the batch before, whose own values are taken
out. A batch has the bits of the same data with its zeros either way.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload

from ..machine.jit import jit, part_of_kernels
from ..machine.transpose import SIDE, address_of, copy_item, load_value
from ..machine.vector import lanes
from .batch import ROW, copy_square, gather, pack, turned

_RARE = 32  # columns to a value, or more: to set each takes less than to write all zeros
_VISIT = 8  # values of a sample to set at a time, so that finding the next takes little
_HALVES = (np.arange(256, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)


@jit
def are_rare(source, previous, samples, width):  # type: ignore[no-untyped-def]
    """Return whether values are best scattered: few in both batches, of which one was before."""
    if previous.shape[0] == 0:
        return False
    return _RARE * (_n_values(source, previous) + _n_values(source, samples)) < (
        2 * width * source.columns.shape[0]
    )


@jit
def _n_values(source, samples):  # type: ignore[no-untyped-def]
    """Return how many values samples have."""
    n = 0
    for s in range(samples.shape[0]):
        n += source.indptr[samples[s] + 1] - source.indptr[samples[s]]
    return n


@jit
def _first_from(source, sample, column):  # type: ignore[no-untyped-def]
    """Return the place of a sample's first value in a column or behind it."""
    low, high = source.indptr[sample], source.indptr[sample + 1]
    if column == 0:
        return low
    while low < high:
        middle = (low + high) // 2
        if source.indices[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low


# Rows with their zeros


@jit
def expand(source, samples, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * data[samples[s], columns[f]] of CSR data, for features first to last.

    Arguments, what is returned and padding are those of `batch.gather`. Cost: each value read once
    and written twice, each zero written twice, once of them in a cache.
    """
    n_samples, size, broken = samples.shape[0], source.size, 0
    rows, places, begin = space.addresses[0], space.addresses[1], np.int64(source.columns[first])
    stretch = ROW * 8 // size
    for j in range(SIDE):
        rows[j] = address_of(space.rows) + 8 * space.rows.shape[1] * j
        space.addresses[2, j] = address_of(space.doubles) + 8 * SIDE * j
    for s in range(0, n_samples, SIDE):
        n_rows = min(SIDE, n_samples - s)
        for j in range(n_rows):
            places[j] = _first_from(source, samples[s + j], begin)
        for f in range(first, last, stretch):
            stop = min(f + stretch, last)
            n_doubles = (stop - f + SIDE - 1) // SIDE * SIDE * size // 8
            for j in range(SIDE):
                for i in range(n_doubles):
                    space.rows[j, i] = 0.0
            for j in range(n_rows):
                end = source.indptr[samples[s + j] + 1]
                places[j] = _fill(source, places[j], end, rows[j], f, stop)
            whole = f + (stop - f) // SIDE * SIDE if n_rows == SIDE else f
            broken |= turned(source.kind, rows, 0, size, scale, X, f, whole, s, space)
            for g in range(whole, stop, SIDE):
                at, square = (g - f) * size, space.square
                broken |= turned(source.kind, rows, at, size, scale, square, 0, SIDE, 0, space)
                copy_square(square, X, g, s, min(SIDE, stop - g), n_rows)
    for f in range(first, last):
        for s in range(n_samples, X.shape[1]):
            X[f, s] = 0
    return broken


@jit
def _fill(source, k, end, row, first, last):  # type: ignore[no-untyped-def]
    """Copy a sample's values of features first to last into its row; return the next one's place.

    k : place of the first value.
    """
    size, indices, features = source.size, source.indices, source.features
    address, stop = source.address, np.int64(source.columns[last - 1])
    while k < end and indices[k] <= stop:
        f = np.int64(indices[k])
        if features.shape[0] > 0:
            f = np.int64(features[f])
        if f >= 0:
            copy_item(size, address + k * size, row + (f - first) * size)
        k += 1
    return k


# Rare values


@jit
def exchange(source, previous, samples, scale, X, like, space, first, last):  # type: ignore[no-untyped-def]
    """Do what `expand` does in an X that has the samples before, by their values alone.

    previous : int64[...], those samples. X may also be uint16[n, width], bytes that are not
    scaled, as halves of the words that `batch.pack` makes of them. like : of the network's dtype.
    Cost: for each value of either batch a line of the cache read and written.
    """
    _set_all(source, previous, scale, X, like, space, first, last, False)
    return _set_all(source, samples, scale, X, like, space, first, last, True)


@jit
def _set_all(source, samples, scale, X, like, space, first, last, stay):  # type: ignore[no-untyped-def]
    """Set samples' values of features first to last, to 0 unless they are to stay."""
    broken, places, begin = 0, space.addresses[1], np.int64(source.columns[first])
    n_values = _n_values(source, samples) // samples.shape[0] + 1
    stretch = max(SIDE, _VISIT * source.columns.shape[0] // n_values)
    for s in range(0, samples.shape[0], SIDE):
        n_rows = min(SIDE, samples.shape[0] - s)
        for j in range(n_rows):
            places[j] = _first_from(source, samples[s + j], begin)
        for f in range(first, last, stretch):
            stop = min(f + stretch, last)
            for j in range(n_rows):
                end, lane = source.indptr[samples[s + j] + 1], _lane(X, like, s + j)
                stop_ = np.int64(source.columns[stop - 1])
                found, places[j] = _set(source, places[j], end, stop_, scale, X, lane, stay)
                broken |= found
    return broken


@jit
def _set(source, k, end, stop, scale, X, lane, stay):  # type: ignore[no-untyped-def]
    """Set a sample's values from a place on, up to a column; return the next one's place."""
    broken, indices, features = 0, source.indices, source.features
    while k < end and indices[k] <= stop:
        f = np.int64(indices[k])
        if features.shape[0] > 0:
            f = np.int64(features[f])
        if f >= 0:
            value = X.dtype.type(0)
            if stay:
                number = load_value(source.kind, source.address + k * source.size)
                value = _value(number, scale, X)
                broken |= not np.isfinite(value)
            X[f, lane] = value
        k += 1
    return broken, k


# Reals, or halves of words


@part_of_kernels
def _scaled(value, scale, X):  # type: ignore[no-untyped-def]
    return X.dtype.type(scale * value)


@part_of_kernels
def _half(value, scale, X):  # type: ignore[no-untyped-def]
    return _HALVES[np.intp(value)]


@part_of_kernels
def _same(X, like, s):  # type: ignore[no-untyped-def]
    return s


@part_of_kernels
def _half_lane(X, like, s):  # type: ignore[no-untyped-def]
    n = lanes((0,), like)
    return s // (2 * n) * (2 * n) + s % n * 2 + s // n % 2


def _value(value, scale, X):  # type: ignore[no-untyped-def]
    """Return a value, in float64, as X holds it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (_half if X.dtype == np.uint16 else _scaled)(value, scale, X)


def _lane(X, like, s):  # type: ignore[no-untyped-def]
    """Return the column of X that holds a sample."""
    return (_half_lane if X.dtype == np.uint16 else _same)(X, like, s)


@overload(_value)
def _value_in_kernels(value, scale, X):  # type: ignore[no-untyped-def]
    return _half if X.dtype == types.uint16 else _scaled


@overload(_lane)
def _lane_in_kernels(X, like, s):  # type: ignore[no-untyped-def]
    return _half_lane if X.dtype == types.uint16 else _same


@jit
def assemble_inputs(source, previous, samples, following, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """Put features first to last of a batch together, of a matrix of either kind.

    previous, following : int64[...], the samples before and after these; see `exchange` and
    `batch.gather`.
    """
    if source.indptr.shape[0] == 0:
        return gather(source, samples, following, scale, X, space, first, last)
    if are_rare(source, previous, samples, X.shape[1]):
        return exchange(source, previous, samples, scale, X, X, space, first, last)
    return expand(source, samples, scale, X, space, first, last)


@jit
def assemble_bytes(source, previous, samples, following, X, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """Put features first to last of a batch of bytes together, which stay bytes, as pairs.

    X : uint8[n, width], for those that are gathered; pairs, like : as for `batch.pack`.
    """
    if source.indptr.shape[0] == 0:
        gather(source, samples, following, 1.0, X, space, first, last)
    elif are_rare(source, previous, samples, X.shape[1]):
        halves = pairs.view(np.uint16)
        exchange(source, previous, samples, 1.0, halves, like, space, first, last)
        return
    else:
        expand(source, samples, 1.0, X, space, first, last)
    pack(X, like, pairs, first, last)
