"""Batch assembly: samples of a data set, gathered into the feature-major layout.

The data set stays as it is, of any of `KINDS` and with any strides, one sample per row; only the
samples of a batch are read, each value once. They are turned in squares in registers (`transpose`),
so that both the reads and the writes are of whole vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from ..machine.jit import in_kernels, jit, part_of_kernels
from ..machine.layout import feature_major, read_only
from ..machine.transpose import KINDS, SIDE, TURNED, address_of, copy_item, load_row, prefetch, turn
from ..machine.vector import lanes, pair

LINE = 64
"""Bytes of a cache line."""

TILE = 512
"""Lines of a tile of CSR data, which takes 32 KB: one for each feature."""

_STRETCH = 4 * SIDE  # features between two requests for the next batch: more at once would wait
_BYTES, _SINGLES, _DOUBLES = TURNED


class Source(NamedTuple):
    """A data set, as numbers: code that reads one is compiled once for all data sets.

    The caller holds the array, or those of CSR data. Of these the values have an address and no
    strides; of other data the last three arrays are empty.
    """

    kind: int  # of `KINDS`; labels have none
    size: int  # bytes of a value
    address: int  # of the first value
    row_stride: int  # bytes from a sample to the next
    column_stride: int  # bytes from a column to the next
    columns: Any  # uint32[n]: the column of each feature
    ascending: bool  # whether these are in order
    labels: Any  # int64[N], or empty
    indptr: Any  # int64[N + 1]: where each sample's values begin
    indices: Any  # int32[n_values]: the column of each value, in order within a sample
    features: (
        Any  # int32[n_columns]: the feature of each column, -1 for none; empty: its own number
    )


def source_of(data: Any, columns: npt.NDArray[Any] | None = None) -> Source:
    """Return labels, or a matrix of a dtype among `KINDS`, as a `Source`; or nothing.

    Parameters
    ----------
    data
        int64[N], or a matrix of N rows: an array, or a CSR array of SciPy's, with the indices of
        each row in order and none there twice.
    columns : array of uint32, shape (n,), optional
        The column of each feature; by default those of the matrix in their order. Of a CSR array
        they must be in order.
    """
    if data is None or data.ndim == 1:
        return _NOTHING if data is None else _NOTHING._replace(labels=read_only(data))
    n_columns = data.shape[1]
    if columns is None:
        columns = np.arange(n_columns, dtype=np.uint32)
    source = _NOTHING._replace(
        kind=kind_of(data.dtype),
        size=data.dtype.itemsize,
        columns=read_only(columns),
        ascending=bool((columns[1:] > columns[:-1]).all()),
    )
    if isinstance(data, np.ndarray):
        rows, places = data.strides
        return source._replace(address=data.ctypes.data, row_stride=rows, column_stride=places)
    features = np.full(n_columns if len(columns) < n_columns else 0, -1, dtype=np.int32)
    if features.size:
        features[columns] = np.arange(len(columns), dtype=np.int32)
    return source._replace(
        address=data.data.ctypes.data,
        indptr=read_only(data.indptr.astype(np.int64)),
        indices=read_only(data.indices.astype(np.int32, copy=False)),
        features=read_only(features),
    )


_NONE = read_only(np.empty(0, dtype=np.int32))
_NOTHING = Source(
    -1, 0, 0, 0, 0, read_only(np.empty(0, dtype=np.uint32)), True,
    read_only(np.empty(0, dtype=np.int64)), read_only(np.empty(0, dtype=np.int64)), _NONE, _NONE,
)  # fmt: skip


def kind_of(dtype: np.dtype[Any]) -> int:
    """Return the number of a dtype among `KINDS`; -1 for one that cannot be read."""
    return KINDS.get(f"{dtype.kind}{dtype.itemsize}", -1) if dtype.isnative else -1


class Space(NamedTuple):
    """Room for one square and one tile, of one thread."""

    addresses: Any  # int64[3, SIDE]: of its rows in the data, in items and in doubles
    items: Any  # float64[SIDE, SIDE], or what takes less: values that lay apart
    doubles: Any  # float64[SIDE, SIDE]: values that were of other kinds
    square: Any  # of X's dtype, [SIDE, SIDE]: turned, where not all of it is wanted
    tile: Any  # float64[TILE + 1, LINE / 8]: zeros, but while CSR data is scattered in it
    places: Any  # int64[n_samples]: places of a batch's samples in CSR data


def space_for(n_threads: int, dtype: npt.DTypeLike, n_samples: int) -> Space:
    """Return workspace for a number of threads, one entry of the first axis each.

    n_samples : the most that a batch may have.
    """
    side = (n_threads, SIDE, SIDE)
    addresses = np.empty((n_threads, 3, SIDE), dtype=np.int64)
    tile = feature_major(n_threads * (TILE + 1), LINE // 8, np.float64)
    places = np.empty((n_threads, n_samples), dtype=np.int64)
    return Space(
        addresses, np.empty(side), np.empty(side), np.empty(side, dtype=dtype),
        tile.reshape(n_threads, TILE + 1, LINE // 8), places,
    )  # fmt: skip


@jit
def gather(source, samples, following, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * data[samples[s], columns[f]] for features first to last.

    source : of a matrix; samples : int64[n_samples], within the data; following :
    int64[n_samples], those of the next batch, which are fetched from memory on the way; scale :
    float64, and so is the product until it is rounded; X : real[n, width], or uint8[n, width] for
    bytes that are not scaled; space : of the thread alone. The padding is set to 0.

    Returns 0 where all values are finite when they are rounded, and whole numbers are exactly
    those of float64. Cost: each value read once, and written once.
    """
    n_samples, stride, square = samples.shape[0], source.column_stride, space.square
    rows, broken = space.addresses[0], 0
    begin, end = np.int64(source.columns[first]), np.int64(source.columns[last - 1])
    in_line = source.ascending and stride == source.size
    whole = first  # features in whole squares that lie side by side
    if in_line and end - begin == last - 1 - first:
        whole += (last - first) // SIDE * SIDE
    for j in range(SIDE):
        space.addresses[1, j] = address_of(space.items) + 8 * SIDE * j
        space.addresses[2, j] = address_of(space.doubles) + 8 * SIDE * j
    for s in range(0, n_samples, SIDE):
        n_rows = min(SIDE, n_samples - s)
        for j in range(SIDE):  # past the last sample, the last again
            rows[j] = source.address + samples[s + min(j, n_rows - 1)] * source.row_stride
        n_done = first if n_rows < SIDE else whole
        for f in range(first, last, _STRETCH):
            stop = min(f + _STRETCH, last)
            if in_line:
                _prefetch(source, following, s, f, stop)
            at, stop = np.int64(source.columns[f]) * stride, min(stop, n_done)
            broken |= turned(source.kind, rows, at, stride, scale, X, f, stop, s, space)
        for f in range(n_done, last, SIDE):
            n_columns = min(SIDE, last - f)
            at, near = _bring_together(source, f, n_columns, space)
            broken |= turned(source.kind, near, at, stride, scale, square, 0, SIDE, 0, space)
            copy_square(square, X, f, s, n_columns, n_rows)
    for f in range(first, last):
        for s in range(n_samples, X.shape[1]):
            X[f, s] = 0
    return broken


@jit
def copy_square(square, X, f, s, n_columns, n_rows):  # type: ignore[no-untyped-def]
    """X[f + i, s + j] = square[i, j] for i below n_columns, j below n_rows."""
    for i in range(n_columns):
        for j in range(n_rows):
            X[f + i, s + j] = square[i, j]


@jit
def _prefetch(source, following, s, first, last):  # type: ignore[no-untyped-def]
    """Request the cache lines of these features, of as many samples of the next batch."""
    begin, end = np.int64(source.columns[first]), np.int64(source.columns[last - 1]) + 1
    for k in range(s, min(s + SIDE, following.shape[0])):
        row = source.address + following[k] * source.row_stride
        for at in range(begin * source.size, end * source.size, LINE):
            prefetch(row + at)


@jit
def _bring_together(source, f, n_columns, space):  # type: ignore[no-untyped-def]
    """Return the address of contiguous values of a square: in place, or of a copy.

    Beyond its last column, that column is repeated.
    """
    size, stride, columns = source.size, source.column_stride, source.columns
    first, in_place = np.int64(columns[f]), stride == size and n_columns == SIDE
    for i in range(1, n_columns):
        in_place &= np.int64(columns[f + i]) == first + i
    if in_place:
        return first * stride, space.addresses[0]
    for i in range(SIDE):
        column = np.int64(columns[f + min(i, n_columns - 1)]) * stride
        for j in range(SIDE):
            copy_item(size, space.addresses[0, j] + column, space.addresses[1, j] + i * size)
    return 0, space.addresses[1]


def turned(kind, rows, at, stride, scale, X, first, last, s, space):  # type: ignore[no-untyped-def]
    """Turn squares of values of any kind into X[first:last, s:]; return 0 where all are finite.

    rows : int64[SIDE], addresses of samples; at : bytes from there to the first feature.
    """
    if X.dtype == np.uint8:
        return _turn_bytes(kind, rows, at, stride, scale, X, first, last, s, space)
    return _turn_reals(kind, rows, at, stride, scale, X, first, last, s, space)


@in_kernels(turned)
def _turned_in_kernels(kind, rows, at, stride, scale, X, first, last, s, space):  # type: ignore[no-untyped-def]
    return _turn_bytes if X.dtype == types.uint8 else _turn_reals


@part_of_kernels
def _turn_bytes(kind, rows, at, stride, scale, X, first, last, s, space):  # type: ignore[no-untyped-def]
    return _turn_all(np.uint8, 1, rows, at, scale, X, first, last, s)


@part_of_kernels
def _turn_reals(kind, rows, at, stride, scale, X, first, last, s, space):  # type: ignore[no-untyped-def]
    if kind == _BYTES:
        return _turn_all(np.uint8, 1, rows, at, scale, X, first, last, s)
    if kind == _SINGLES:
        return _turn_all(np.float32, 4, rows, at, scale, X, first, last, s)
    if kind == _DOUBLES:
        return _turn_all(np.float64, 8, rows, at, scale, X, first, last, s)
    broken = 0
    for f in range(first, last, SIDE):
        for j in range(SIDE):
            load_row(kind, rows[j] + at, space.doubles, j)
        broken |= turn(np.float64, space.addresses[2], 0, scale, X, f, s)
        at += SIDE * stride
    return broken


@jit
def _turn_all(kind, size, rows, at, scale, X, first, last, s):  # type: ignore[no-untyped-def]
    broken = 0
    for f in range(first, last, SIDE):
        broken |= turn(kind, rows, at, scale, X, f, s)
        at += SIDE * size
    return broken


@jit
def pack(X, like, pairs, first, last):  # type: ignore[no-untyped-def]
    """Put each two bytes into a word, for features first to last, as `vector.load_as` reads them.

    X : uint8[n, width], width a multiple of two registers of the dtype of ``like``; pairs :
    uint32[n, width / 2].

    A byte is exactly a float32 whose lower half is zeros, so a word holds the upper halves of
    two: of sample s in its lower 16 bits, and of s + lanes in its upper ones. To read them takes
    one load, a shift and a mask for two registers, where bytes take a load, a shuffle and a
    conversion for each; and a row is half as long as that of float32.
    """
    two = lanes((0, 0), like)
    for i in range(first, last):
        for s in range(0, X.shape[1], two):
            pair(like, X, i, s, pairs)


@jit
def gather_bytes(source, samples, following, X, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """Gather features first to last of a batch of bytes, which stay bytes, as pairs.

    X : uint8[n, width], for the bytes alone; pairs, like : as for `pack`.
    """
    gather(source, samples, following, 1.0, X, space, first, last)
    pack(X, like, pairs, first, last)


@jit
def one_hot(labels, samples, T, first, last):  # type: ignore[no-untyped-def]
    """T[i, s] = 1 where i is the label of sample s, else 0, for outputs first to last.

    labels : int64[N]; samples : int64[n_samples]; T : real[n_out, width].
    """
    for i in range(first, last):
        for s in range(samples.shape[0]):
            T[i, s] = labels[samples[s]] == i


@jit
def assemble(source, samples, following, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """Gather rows first to last of a batch, of labels or of a matrix; see `gather`."""
    if source.kind < 0:
        one_hot(source.labels, samples, X, first, last)
        return 0
    return gather(source, samples, following, scale, X, space, first, last)
