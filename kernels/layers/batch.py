"""Batch assembly: samples of a data set, gathered into the feature-major layout.

The data set stays as it is, of any of `KINDS` and with any strides, one sample per row; only the
columns of a batch's samples that have edges are read, each value once. They are turned in squares
in registers (`transpose`), so that both the reads and the writes are of whole vectors: from where
they are, if their columns lie side by side, else from rows of a square that they are collected in.

A stretch of features is done for all samples before the next one. Its rows of the batch, and bytes
until they are pairs, then stay in a cache. Meanwhile the next stretch is fetched from memory: its
values, and the lines that they will be written to.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..machine.jit import jit
from ..machine.layout import read_only
from ..machine.transpose import KINDS, SIDE, copy_item, prefetch
from .squares import LINE, MOST, pack, request_rows, row_of, turn_rows

STRETCH = 16 * SIDE
"""Features that are gathered, of all samples, before those that follow them."""


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


@jit
def gather(source, samples, following, scale, X, space, first, last):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * data[samples[s], columns[f]] for features first to last.

    source : of a matrix; samples : int64[n_samples], within the data; following :
    int64[n_samples], those of the next batch, which are fetched from memory on the way; scale :
    float64, and so is the product until it is rounded; X : real[n, width]; space : of the thread
    alone. The padding is set to 0.

    Returns 0 where all values are finite when they are rounded, and whole numbers are exactly
    those of float64. Cost: each value read once, and written once; twice where its column is not
    one of `SIDE` that lie side by side.
    """
    broken = 0
    for f in range(first, last, STRETCH):
        n = min(STRETCH, last - f)
        for s in range(0, X.shape[1], SIDE):
            _request(source, samples, following, s, f, first, last)
            request_rows(X, f + n, n, s, SIDE)
            broken |= _gather(source, samples, s, f, n, scale, X, f, s, space.square, space)
    return broken


@jit
def gather_bytes(source, samples, following, pairs, like, space, first, last):  # type: ignore[no-untyped-def]
    """Gather features first to last of a batch of bytes, which are not scaled, as pairs.

    pairs, like : as for `pack`.
    """
    width, tile, square = 2 * pairs.shape[1], space.bytes, space.bytes[MOST:]
    for f in range(first, last, STRETCH):
        n = min(STRETCH, last - f)
        for g in range(0, width, LINE):
            for s in range(g, min(g + LINE, width), SIDE):
                _request(source, samples, following, s, f, first, last)
                _gather(source, samples, s, f, n, 1.0, tile, 0, s - g, square, space)
            request_rows(pairs, f + n, n, g // 2, LINE // 2)
            pack(tile[:n], like, pairs, f, g)


@jit
def _gather(source, samples, s, f, n, scale, X, i, k, square, space):  # type: ignore[no-untyped-def]
    """X[i : i + n, k : k + SIDE] = n features from f on, of samples from s on; the rest is 0."""
    kind, size, stride, rows = source.kind, source.size, source.column_stride, space.addresses[0]
    n_rows, broken, whole = max(0, min(SIDE, samples.shape[0] - s)), 0, 0
    begin, end = np.int64(source.columns[f]), np.int64(source.columns[f + n - 1])
    for j in range(n_rows):
        rows[j] = source.address + samples[s + j] * source.row_stride
    if source.ascending and end - begin == n - 1 and stride == size and n_rows == SIDE:
        whole, at = n // SIDE * SIDE, begin * stride
        broken = turn_rows(kind, size, rows, at, whole, scale, X, i, k, square, space)
    if whole < n:
        _collect(source, rows, n_rows, f + whole, n - whole, space)
        i, n = i + whole, n - whole
        at = np.int64(0)  # no literal: there is one `turn_rows` for both
        broken |= turn_rows(kind, size, rows, at, n, scale, X, i, k, square, space)
    return broken


@jit
def _collect(source, rows, n_rows, f, n, space):  # type: ignore[no-untyped-def]
    """Bring values of n features together, row by row, and have rows say where they are.

    Those of rows that are none are 0. Up to a multiple of `SIDE`, the last column is repeated.
    """
    size = source.size
    for j in range(n_rows):
        row = row_of(space, j)
        _collect_row(size, source, rows[j], f, n, row)
        rows[j] = row
    for j in range(n_rows, SIDE):
        space.items[j, : n + SIDE] = 0
        rows[j] = row_of(space, j)


@jit
def _collect_row(size, source, address, f, n, row):  # type: ignore[no-untyped-def]
    columns, stride, item = source.columns, source.column_stride, row
    for i in range(f, f + n):
        copy_item(size, address + np.int64(columns[np.uint64(i)]) * stride, item)
        item += size
    last = address + np.int64(columns[f + n - 1]) * stride
    for i in range(n, n + -n % SIDE):
        copy_item(size, last, row + i * size)


@jit
def _request(source, samples, following, s, f, first, last):  # type: ignore[no-untyped-def]
    """Have the next stretch of samples fetched from memory; or the first, of the next batch."""
    f += STRETCH
    if f >= last:
        samples, f = following, first
    stop, stride, columns = min(f + STRETCH, last), source.column_stride, source.columns
    begin, end = np.int64(columns[f]) * stride, (np.int64(columns[stop - 1]) + 1) * stride
    by_lines = stride == source.size and 0 < end - begin < (stop - f) * LINE
    for k in range(s, min(s + SIDE, samples.shape[0])):
        row = source.address + samples[k] * source.row_stride
        if by_lines:
            for at in range(begin, end, LINE):
                prefetch(row + at)
        else:
            for i in range(f, stop):
                prefetch(row + np.int64(columns[i]) * stride)


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
