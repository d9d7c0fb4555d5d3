"""Batch assembly of CSR data: only the values that are there are read.

The values of a few samples are scattered into a *tile* of zeros, which stays in a cache: a line of
it for each feature, a value for each sample. Its lines are then written into the batch, and become
zeros again. Where values are rare, they are scattered among the zeros of the batch before, whose
own values are taken out. A batch has the bits of the same data with its zeros either way.

Places in the tile are bounded, whatever the indices of the data: what lies outside is written into
one line more that nobody reads.
"""

from __future__ import annotations

import numpy as np
from numba import types

from ..machine.jit import in_kernels, inlined, jit, part_of_kernels
from ..machine.transpose import SIDE, TURNED, address_of, load_value, prefetch
from ..machine.vector import dot, fma, lanes, load, splat, store
from .batch import LINE, TILE

_VISIT = 8  # rare values of a sample to set at a time, so that finding the next takes little
_BYTES, _SINGLES, _DOUBLES = TURNED
_HALVES = (np.arange(256, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)


@jit
def are_rare(source, previous, samples, X):  # type: ignore[no-untyped-def]
    """Return whether values are best scattered in X: few in both batches, of which one was before.

    To set a value and take it out again takes 2.5 times as long as to write a line.
    """
    if previous.shape[0] == 0:
        return False
    n_lines = source.columns.shape[0] * (X.shape[1] // _side(X))
    return 5 * (_n_values(source, previous) + _n_values(source, samples)) < 4 * n_lines


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
def expand(source, samples, scale, X, like, space, first, last):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * data[samples[s], columns[f]] of CSR data, for features first to last.

    Arguments, what is returned and padding are those of `batch.gather`; X may also be uint16[n,
    width], see `exchange`. Cost: each value read once and written once into a cache, and each line
    of X written once.
    """
    broken, n_samples, side, places = 0, samples.shape[0], _side(X), space.places
    begin, tile = np.int64(source.columns[first]), space.tile.view(X.dtype)
    for s in range(n_samples):
        places[s] = _first_from(source, samples[s], begin)
    for f in range(first, last, TILE):
        n = min(TILE, last - f)
        stop = np.int64(source.columns[f + n - 1])
        for g in range(0, X.shape[1], side):
            for s in range(g, min(g + side, n_samples)):
                end, lane = source.indptr[samples[s] + 1], _lane(X, like, s) - g
                places[s] = _scatter(source, places[s], end, stop, scale, X, tile, f, n, lane)
            broken |= _write(tile, n, X, f, g)
    return broken


@inlined
def _scatter(source, k, end, stop, scale, X, tile, first, n, lane):  # type: ignore[no-untyped-def]
    """Set a sample's values in a tile, from a place on, up to a column; return the next one's.

    As many again are then fetched from memory: they are likely to be those of the next tile.
    """
    kind, flat = source.kind, tile.reshape((TILE + 1) * _side(X))
    if kind == _SINGLES:
        after = _scatter_all(np.float32, source, k, end, stop, scale, X, flat, first, n, lane)
    elif kind == _BYTES:
        after = _scatter_all(np.uint8, source, k, end, stop, scale, X, flat, first, n, lane)
    elif kind == _DOUBLES:
        after = _scatter_all(np.float64, source, k, end, stop, scale, X, flat, first, n, lane)
    else:
        after = _scatter_all(kind, source, k, end, stop, scale, X, flat, first, n, lane)
    values, indices, size = source.address, address_of(source.indices), source.size
    for at in range(values + after * size, values + (2 * after - k) * size, LINE):
        prefetch(at)
    for at in range(indices + after * 4, indices + (2 * after - k) * 4, LINE):
        prefetch(at)
    return after


@jit
def _scatter_all(kind, source, k, end, stop, scale, X, flat, first, n, lane):  # type: ignore[no-untyped-def]
    """Do that for values of one kind. Indices are unsigned: none counts from an end."""
    indices, features, size = source.indices, source.features, source.size
    at, n, stop = source.address + k * size, np.uint64(n), np.uint64(stop)
    side, lane, nowhere = np.uint64(_side(X)), np.uint64(lane), np.uint64(TILE)
    has_idle = features.shape[0] > 0
    while k < end:
        column = np.uint64(indices[np.uint64(k)])
        if column > stop:
            break
        f = np.int64(features[column]) if has_idle else np.int64(column)
        line = np.uint64(f - first)
        line = line if line < n else nowhere
        flat[line * side + lane] = _value(load_value(kind, at), scale, X)
        k += 1
        at += size
    return k


@part_of_kernels
def _write_reals(tile, n, X, f, s):  # type: ignore[no-untyped-def]
    """Write n lines of a tile into X[f:, s:], and zeros into the tile; return 0 if all are finite.

    The lines of X that come next are fetched meanwhile: else their stores would wait for memory.
    """
    width, wide = min(tile.shape[1], X.shape[1] - s), lanes((0,), X)
    zero = splat((0,), X.dtype.type(0))
    nothing = zero  # plus zero times each: NaN, where one is not finite
    following = _following(X, f, s)
    for i in range(n):
        prefetch(following + i * X.strides[0])
        for k in range(0, width, wide):
            line = load((0,), tile, i, k)
            nothing = fma(line, zero, nothing)
            store(X, f + i, s + k, line)
            store(tile, i, k, zero)
    return int(np.isnan(dot(nothing, nothing)))


@part_of_kernels
def _write_halves(tile, n, X, f, s):  # type: ignore[no-untyped-def]
    """Do that for halves of words, of bytes, which are finite."""
    lines, words, at = tile.view(np.float64), X.view(np.float64), s // 4  # four halves each
    width, wide, zero = min(lines.shape[1], words.shape[1] - at), lanes((0,), lines), np.float64(0)
    following, nothing = _following(X, f, s), splat((0,), zero)
    for i in range(n):
        prefetch(following + i * X.strides[0])
        for k in range(0, width - wide + 1, wide):
            store(words, f + i, at + k, load((0,), lines, i, k))
            store(lines, i, k, nothing)
        for k in range(width - width % wide, width):
            words[f + i, at + k] = lines[i, k]
            lines[i, k] = zero
    return 0


@inlined
def _following(X, f, s):  # type: ignore[no-untyped-def]
    """Return the address of the line of X after that of [f, s], or of the next tile's first."""
    here, pitch, at = address_of(X) + f * X.strides[0], X.strides[0], s * X.itemsize + LINE
    return here + (at if at < pitch else TILE * pitch)


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


# Reals, or halves of words


def _side(X):  # type: ignore[no-untyped-def]
    """Return how many values of X are in a line."""
    return LINE // X.dtype.itemsize


def _write(tile, n, X, f, s):  # type: ignore[no-untyped-def]
    with np.errstate(invalid="ignore"):
        return (_write_halves if X.dtype == np.uint16 else _write_reals)(tile, n, X, f, s)


@in_kernels(_side)
def _side_in_kernels(X):  # type: ignore[no-untyped-def]
    side = 8 * LINE // X.dtype.bitwidth
    return lambda X: side


@in_kernels(_write)
def _write_in_kernels(tile, n, X, f, s):  # type: ignore[no-untyped-def]
    return _write_halves if X.dtype == types.uint16 else _write_reals


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
    if are_rare(source, previous, samples, X):
        return exchange(source, previous, samples, scale, X, X, space, first, last)
    return expand(source, samples, scale, X, X, space, first, last)


@jit
def assemble_bytes(source, previous, samples, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """The same of bytes, which stay bytes, as pairs; pairs, like : as for `batch.pack`."""
    halves = pairs.view(np.uint16)
    if are_rare(source, previous, samples, halves):
        exchange(source, previous, samples, 1.0, halves, like, space, first, last)
    else:
        expand(source, samples, 1.0, halves, like, space, first, last)
