"""Squares of data: rows of samples, turned into rows of features, and bytes of these into pairs.

What gathers samples (`batch`, `csr_batch`) says where their values lie in rows, or brings them
together in rows of the thread's `Space`. From there they go in squares of `SIDE` through registers
(`transpose`), so that reads and writes are of whole vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from ..machine.jit import in_kernels, jit, part_of_kernels
from ..machine.layout import feature_major
from ..machine.transpose import (
    SIDE,
    TURNED,
    address_of,
    copy_item,
    load_row,
    move_line,
    prefetch,
    turn,
)
from ..machine.vector import lanes, pair

LINE = 64
"""Bytes of a cache line."""

MOST = 2048
"""Values of a row that are brought together at once."""

_AHEAD = 256  # rows from a line that is moved to one that is fetched: stores would wait for it
_BYTES, _SINGLES, _DOUBLES = TURNED


class Space(NamedTuple):
    """Room for a few rows of data and squares of them, of one thread."""

    addresses: Any  # int64[2, SIDE]: of samples in the data, and of doubles
    items: Any  # float64[SIDE, ...], or what takes less: values of samples, brought together
    doubles: Any  # float64[SIDE, SIDE]: values that were of other kinds
    square: Any  # of X's dtype, [SIDE, SIDE]: turned, where not all of it is wanted
    bytes: Any  # uint8[MOST + SIDE, LINE]: turned, at the end a square; or lines of pairs
    places: Any  # int64[n_samples]: places of a batch's samples in CSR data


def space_for(n_threads: int, dtype: npt.DTypeLike, n_samples: int) -> Space:
    """Return workspace for a number of threads, one entry of the first axis each.

    n_samples : the most that a batch may have.
    """

    def aligned(n_rows: int, width: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        rows = feature_major(n_threads * n_rows, width, dtype)
        return rows.reshape(n_threads, n_rows, width)

    return Space(
        addresses=np.empty((n_threads, 2, SIDE), dtype=np.int64),
        items=aligned(SIDE, MOST + LINE // 8, np.float64),  # rows begin in different sets of L1
        doubles=aligned(SIDE, SIDE, np.float64),
        square=aligned(SIDE, SIDE, dtype),
        bytes=aligned(MOST + SIDE, LINE, np.uint8),
        places=np.empty((n_threads, n_samples), dtype=np.int64),
    )


@jit
def row_of(space, j):  # type: ignore[no-untyped-def]
    """Return the address of a row of items."""
    return address_of(space.items) + j * space.items.strides[0]


@jit
def turn_rows(kind, size, rows, at, n, scale, X, f, s, square, space):  # type: ignore[no-untyped-def]
    """X[f : f + n, s : s + SIDE] = n values of rows, each of so many bytes; 0 if all are finite.

    rows : int64[SIDE], addresses; at : bytes from there to the first value, of which there are a
    multiple of `SIDE`; square : of X's dtype, for squares that X has no room for.
    """
    broken, whole, n_lanes = 0, 0, min(SIDE, X.shape[1] - s)
    if n_lanes == SIDE:
        whole = n // SIDE * SIDE
        broken = turned(kind, rows, at, size, scale, X, f, f + whole, s, space)
    for i in range(whole, n, SIDE):
        broken |= turned(kind, rows, at + i * size, size, scale, square, 0, SIDE, 0, space)
        for m in range(min(SIDE, n - i)):
            for j in range(n_lanes):
                X[f + i + m, s + j] = square[m, j]
    return broken


@jit
def turn_back(A, n_samples, begin, column, outputs, first, last, space):  # type: ignore[no-untyped-def]
    """outputs[begin + s, column + i] = A[i, s] for rows first to last of A, its samples in turn.

    A : real[n, width], n_samples of its columns; outputs : real[...] of the same precision. Whole
    squares go through registers; what is left at the ends, fewer than `SIDE` rows or samples, value
    by value.
    """
    rows, whole = space.addresses[1], n_samples // SIDE * SIDE
    for i in range(first, last, SIDE):
        n_rows, done = min(SIDE, last - i), 0
        if n_rows == SIDE:
            for j in range(SIDE):
                rows[j] = address_of(A) + (i + j) * A.strides[0]
            done = whole
            _turn_back(rows, A, whole, outputs, begin, column + i)
        for s in range(done, n_samples):
            for j in range(i, i + n_rows):
                outputs[begin + s, column + j] = A[j, s]


def _turn_back(rows, A, n_samples, outputs, begin, column):  # type: ignore[no-untyped-def]
    """Turn squares of rows that are samples of `SIDE` neurons into those of the outputs."""
    for s in range(0, n_samples, SIDE):
        turn(A.dtype.type, rows, s * A.itemsize, 1.0, outputs, begin + s, column)


@in_kernels(_turn_back)
def _turn_back_in_kernels(rows, A, n_samples, outputs, begin, column):  # type: ignore[no-untyped-def]
    return _back_of_singles if A.dtype == types.float32 else _back_of_doubles


@part_of_kernels
def _back_of_singles(rows, A, n_samples, outputs, begin, column):  # type: ignore[no-untyped-def]
    for s in range(0, n_samples, SIDE):
        turn(np.float32, rows, 4 * s, 1.0, outputs, begin + s, column)


@part_of_kernels
def _back_of_doubles(rows, A, n_samples, outputs, begin, column):  # type: ignore[no-untyped-def]
    for s in range(0, n_samples, SIDE):
        turn(np.float64, rows, 8 * s, 1.0, outputs, begin + s, column)


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
            space.addresses[1, j] = address_of(space.doubles) + j * space.doubles.strides[0]
            load_row(kind, rows[j] + at, space.doubles, j)
        broken |= turn(np.float64, space.addresses[1], 0, scale, X, f, s)
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
def request_rows(X, f, n, s, width):  # type: ignore[no-untyped-def]
    """Have X[f : f + n, s : s + width] fetched, as far as there is: stores would wait for it."""
    begin, end = s * X.itemsize, min(s + width, X.shape[1]) * X.itemsize
    for i in range(f, min(f + n, X.shape[0])):
        for at in range(begin, end, LINE):
            prefetch(address_of(X) + i * X.strides[0] + at)


@jit
def pack(X, like, pairs, f, s):  # type: ignore[no-untyped-def]
    """Put each two bytes into a word, as `vector.load_as` reads them: in rows of pairs from f on.

    X : uint8[n, width], of samples from s on, width a multiple of two registers of the dtype of
    ``like``, but those past the pairs' width; pairs : uint32[..., width / 2].

    A byte is exactly a float32 whose lower half is zeros, so a word holds the upper halves of
    two: of sample s in its lower 16 bits, and of s + lanes in its upper ones. To read them takes
    one load, a shift and a mask for two registers, where bytes take a load, a shuffle and a
    conversion for each; and a row is half as long as that of float32.
    """
    two = lanes((0, 0), like)
    width = min(X.shape[1], 2 * pairs.shape[1] - s)
    for i in range(X.shape[0]):
        for k in range(0, width, two):
            pair(like, X, i, k, pairs, f + i, s + k)


@jit
def move_lines(tile, n, pairs, f, k):  # type: ignore[no-untyped-def]
    """pairs[f + i, k:] = the i-th line of a tile, as far as there is room, for i below n.

    tile : uint8[..., LINE], where zeros stay; pairs : uint32[..., ...].
    """
    n_words = min(LINE // pairs.itemsize, pairs.shape[1] - k)
    for i in range(n):
        line = address_of(tile) + i * LINE
        target = address_of(pairs) + (f + i) * pairs.strides[0] + k * pairs.itemsize
        if n_words * pairs.itemsize == LINE:
            prefetch(target + _AHEAD * pairs.strides[0])
            move_line(line, target)
        else:
            for word in range(n_words):
                copy_item(4, line + 4 * word, target + 4 * word)
            tile[i] = 0
