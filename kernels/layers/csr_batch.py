"""Batch assembly of CSR data: only the values that are there are read.

The values of a few samples are spread among zeros, in rows that stay in a cache. There they are as
those of other data are, and are turned into the batch in the same way (`squares`). Where values are
many, they are spread by windows of columns (`csr_windows`). Fewer bytes that become pairs need no
turning: each is set where it belongs in a tile of lines, which are moved to the batch. Where values
are rare, they are set among the zeros of the batch before, whose own values
are taken out. A batch has the bits of the same data with its zeros in each way.

Places in rows and tiles are bounded, whatever the indices of the data: what lies outside is written
behind all others, where nobody reads it.
"""

from __future__ import annotations

import numpy as np
from numba import types

from ..machine.jit import in_kernels, inlined, jit, part_of_kernels
from ..machine.transpose import SIDE, address_of, are_within, copy_item, load_value, prefetch
from ..machine.vector import lanes
from ..machine.windows import SPREADS
from .csr_windows import LONG_STRETCH, spread_windows
from .squares import LINE, MOST, move_lines, pack, request_rows, row_of, turn_rows

SAMPLES = LINE // 2
"""Samples of a line of pairs."""

_VISIT = 8  # rare values of a sample to set at a time, so that finding the next takes little
_RARE, _RARE_BYTES = 0.8, 0.5  # values of two batches for each line: see `are_rare`
_MANY = 0.15  # values for each place: see `are_many`
_HALVES = (np.arange(256, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)


@jit
def are_rare(source, previous, samples, X, share):  # type: ignore[no-untyped-def]
    """Return whether values are best scattered in X: few in both batches, of which one was before.

    share : values for each line. To set a value and take it out again takes as long as to write
    2 / share lines.
    """
    if previous.shape[0] == 0:
        return False
    n_lines = source.columns.shape[0] * (X.shape[1] * X.itemsize // LINE)
    return _n_values(source, previous) + _n_values(source, samples) < share * n_lines


@jit
def are_many(source, samples):  # type: ignore[no-untyped-def]
    """Return whether values are best spread by windows, which take as long with few of them."""
    if not SPREADS or source.features.shape[0] > 0:
        return False
    return _n_values(source, samples) > _MANY * (samples.shape[0] * source.columns.shape[0])


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


# Values among zeros


@jit
def expand(source, samples, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * data[samples[s], columns[f]] of CSR data, for features first to last.

    Arguments, what is returned and padding are those of `batch.gather`. Cost: each value that is
    there read once, and each of the batch written twice.
    """
    broken, rows, many = 0, space.addresses[0], are_many(source, samples)
    _find(source, samples, first, space)
    for f in range(first, last, MOST):
        n = min(MOST, last - f)
        for s in range(0, X.shape[1], SIDE):
            request_rows(X, f, n, s, SIDE)
            if many:
                spread_windows(source, samples, s, f, n, space)
            else:
                _spread(source, samples, s, f, n, space)
            broken |= turn_rows(
                source.kind, source.size, rows, 0, n, scale, X, f, s, space.square, space
            )
    return broken


@jit
def expand_bytes(source, samples, following, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """Do that for bytes, which are not scaled, as pairs; pairs, like : as for `squares.pack`.

    following : int64[...], the samples of the next batch. Cost: each value read once and written
    once, and for the zeros of `SAMPLES` samples one line read and two written.
    """
    tile = space.bytes
    tile[: min(MOST, last - first)] = 0
    _find(source, samples, first, space)
    for f in range(first, last, MOST):
        n = min(MOST, last - f)
        for s in range(0, 2 * pairs.shape[1], SAMPLES):
            for j in range(s, min(s + SAMPLES, samples.shape[0])):
                k, end = space.places[j], source.indptr[samples[j] + 1]
                ahead = _next_place(source, samples, following, j, f, first, last, space) - k
                column = address_of(tile) + 2 * (_half_lane(pairs, like, j) - s)
                space.places[j] = _set_halves(source, k, end, f, n, ahead, column)
            move_lines(tile, n, pairs, f, s // 2)


@jit
def expand_many_bytes(source, samples, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """Do that as for dense data, where values are many: each is spread, turned and packed."""
    tile, square, rows = space.bytes, space.bytes[MOST:], space.addresses[0]
    width = 2 * pairs.shape[1]
    _find(source, samples, first, space)
    for f in range(first, last, LONG_STRETCH):
        n = min(LONG_STRETCH, last - f)
        for g in range(0, width, LINE):
            for s in range(g, min(g + LINE, width), SIDE):
                spread_windows(source, samples, s, f, n, space)
                turn_rows(source.kind, 1, rows, 0, n, 1.0, tile, 0, s - g, square, space)
            request_rows(pairs, f + n, n, g // 2, LINE // 2)
            pack(tile[:n], like, pairs, f, g)


@jit
def _find(source, samples, first, space):  # type: ignore[no-untyped-def]
    """Set the place of each sample's first value among features from a first one on."""
    column = np.int64(source.columns[first])
    for s in range(samples.shape[0]):
        space.places[s] = _first_from(source, samples[s], column)


@jit
def _spread(source, samples, s, f, n, space):  # type: ignore[no-untyped-def]
    """Put n features of `SIDE` samples together, with their zeros, and have rows say where."""
    size, places = source.size, space.places
    for j in range(SIDE):
        row = row_of(space, j)
        space.items[j, : (n + SIDE) * size // 8] = 0
        space.addresses[0, j] = row
        if s + j < samples.shape[0]:
            begin, end = places[s + j], source.indptr[samples[s + j] + 1]
            if size == 1:
                places[s + j] = _spread_row(1, source, begin, end, f, n, row)
            elif size == 2:
                places[s + j] = _spread_row(2, source, begin, end, f, n, row)
            elif size == 4:
                places[s + j] = _spread_row(4, source, begin, end, f, n, row)
            else:
                places[s + j] = _spread_row(8, source, begin, end, f, n, row)


@inlined
def _spread_row(size, source, k, end, f, n, row):  # type: ignore[no-untyped-def]
    """Copy a sample's values from a place on, up to a column, to where their features are.

    Many at once where all of their columns are among those of the features. Returns the next
    value's place.
    """
    indices, features, values = source.indices, source.features, source.address
    stop, has_idle = np.uint64(source.columns[f + n - 1]), features.shape[0] > 0
    while not has_idle and k + SIDE <= end and are_within(indices, k, f, n):
        for i in range(k, k + SIDE):
            copy_item(size, values + i * size, row + (np.int64(indices[np.uint64(i)]) - f) * size)
        k += SIDE
    while k < end and np.uint64(indices[np.uint64(k)]) <= stop:
        feature = np.int64(indices[np.uint64(k)])
        if has_idle:
            feature = np.int64(features[np.uint64(feature)])
        place = min(np.uint64(feature - f), np.uint64(MOST))
        copy_item(size, values + k * size, row + np.int64(place) * size)
        k += 1
    return k


# Bytes among zeros, as halves of pairs


@jit
def _set_halves(source, k, end, f, n, ahead, column):  # type: ignore[no-untyped-def]
    """Set a sample's bytes from a place on, of n features from f on, in a column of the tile.

    column : address, in its first line. Returns the next value's place. Meanwhile as many values
    that lie so far ahead are fetched, since of so many rows read by turns no CPU foresees the next.
    """
    indices, features, values = source.indices, source.features, source.address
    stop, has_idle = np.uint64(source.columns[f + n - 1]), features.shape[0] > 0
    while not has_idle and k + SIDE <= end and are_within(indices, k, f, n):
        prefetch(address_of(indices) + (k + ahead) * indices.itemsize)
        prefetch(values + k + ahead)
        for i in range(k, k + SIDE):
            _set_half(values + i, column + (np.int64(indices[np.uint64(i)]) - f) * LINE)
        k += SIDE
    prefetch(address_of(indices) + (k + ahead) * indices.itemsize)
    prefetch(values + k + ahead)
    while k < end and np.uint64(indices[np.uint64(k)]) <= stop:
        feature = np.int64(indices[np.uint64(k)])
        if has_idle:
            feature = np.int64(features[np.uint64(feature)])
        place = min(np.uint64(feature - f), np.uint64(MOST))
        _set_half(values + k, column + np.int64(place) * LINE)
        k += 1
    return k


@inlined
def _set_half(source, target):  # type: ignore[no-untyped-def]
    """Write the byte at an address to another, as a half."""
    byte = np.int64(load_value(np.uint8, source))
    copy_item(2, address_of(_HALVES) + byte * _HALVES.itemsize, target)


@jit
def _next_place(source, samples, following, j, f, first, last, space):  # type: ignore[no-untyped-def]
    """Return about where the values lie that follow a sample's next ones, or the next batch's."""
    sample, place, share = samples[j], space.places[j], MOST
    if f + MOST >= last:
        if j >= following.shape[0]:
            return place
        sample, share = following[j], first
        place = source.indptr[sample]
    n_values = source.indptr[sample + 1] - source.indptr[sample]
    return place + n_values * share // source.columns.shape[0]


# Rare values


@jit
def exchange(source, previous, samples, scale, X, like, space, first, last):  # type: ignore[no-untyped-def]
    """Do what `expand` does in an X that has the samples before, by their values alone.

    previous : int64[...], those samples. X may also be uint16[n, width], bytes that are not
    scaled, as halves of the words that `squares.pack` makes of them. like : of the network's dtype.
    Cost: for each value of either batch a line of the cache read and written.
    """
    _set_all(source, previous, scale, X, like, space, first, last, False)
    return _set_all(source, samples, scale, X, like, space, first, last, True)


@jit
def _set_all(source, samples, scale, X, like, space, first, last, stay):  # type: ignore[no-untyped-def]
    """Set samples' values of features first to last, to 0 unless they are to stay."""
    broken, places, begin = 0, space.places, np.int64(source.columns[first])
    n_values = _n_values(source, samples) // samples.shape[0] + 1
    stretch = max(SIDE, _VISIT * source.columns.shape[0] // n_values)
    for s in range(0, samples.shape[0], SIDE):
        n_rows = min(SIDE, samples.shape[0] - s)
        for j in range(n_rows):
            places[j] = _first_from(source, samples[s + j], begin)
        for f in range(first, last, stretch):
            stop = np.int64(source.columns[min(f + stretch, last) - 1])
            for j in range(n_rows):
                end, lane = source.indptr[samples[s + j] + 1], _lane(X, like, s + j)
                found, places[j] = _set(source, places[j], end, stop, scale, X, lane, stay)
                broken |= found
    return broken


@jit
def _set(source, k, end, stop, scale, X, lane, stay):  # type: ignore[no-untyped-def]
    """Set a sample's values from a place on, up to a column; return the next one's place."""
    broken, indices, features = 0, source.indices, source.features
    while k < end and np.uint64(indices[k]) <= np.uint64(stop):
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


# Reals, or halves of pairs


def _value(value, scale, X):  # type: ignore[no-untyped-def]
    """Return a value, in float64, as X holds it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (_half if X.dtype == np.uint16 else _scaled)(value, scale, X)


def _lane(X, like, s):  # type: ignore[no-untyped-def]
    """Return the column of X that holds a sample."""
    return (_half_lane if X.dtype == np.uint16 else _same)(X, like, s)


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


@in_kernels(_value)
def _value_in_kernels(value, scale, X):  # type: ignore[no-untyped-def]
    return _half if X.dtype == types.uint16 else _scaled


@in_kernels(_lane)
def _lane_in_kernels(X, like, s):  # type: ignore[no-untyped-def]
    return _half_lane if X.dtype == types.uint16 else _same


@jit
def assemble_inputs(source, previous, samples, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """Put features first to last of a batch of CSR data together; see `exchange` and `expand`.

    previous : int64[...], the samples before these.
    """
    if are_rare(source, previous, samples, X, _RARE):
        return exchange(source, previous, samples, scale, X, X, space, first, last)
    return expand(source, samples, scale, X, space, first, last)


@jit
def assemble_bytes(source, previous, samples, following, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """The same of bytes, which stay bytes, as pairs; see `expand_bytes`."""
    halves = pairs.view(np.uint16)
    if are_rare(source, previous, samples, halves, _RARE_BYTES):
        exchange(source, previous, samples, 1.0, halves, like, space, first, last)
    elif are_many(source, samples):
        expand_many_bytes(source, samples, pairs, like, space, first, last)
    else:
        expand_bytes(source, samples, following, pairs, like, space, first, last)
