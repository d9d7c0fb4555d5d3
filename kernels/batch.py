"""Batch assembly: samples of the data set, gathered into the feature-major layout.

The data set stays as it is, uint8 or float, one sample a row; only the samples of a batch are
read, each value once. They are turned in squares in registers (`squares`), so that both the
reads and the writes are of whole vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from .jit import jit
from .layout import read_only
from .squares import SIDE, turn
from .vector import lanes, pair, prefetch


def converted(value, scale, X):  # type: ignore[no-untyped-def]
    """Return ``scale * value``, or the value itself where X is of bytes."""
    return value if X.dtype == np.uint8 else scale * np.float64(value)


@overload(converted)
def _converted_in_kernels(value, scale, X):  # type: ignore[no-untyped-def]
    if X.dtype == types.uint8:
        return lambda value, scale, X: value
    return lambda value, scale, X: scale * np.float64(value)


@jit
def gather(data, samples, following, scale, X, first, last):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * data[samples[s], f] for features first to last, 0 in the padding.

    data : uint8, float32 or float64[N, n]; samples : int64[n_samples], within the data;
    following : int64[n_samples], those of the next batch, which are fetched from memory on the
    way; scale : float64, and so is the product until it is rounded; X : real[n, width], or
    uint8[n, width] for bytes that are not scaled.
    """
    n_samples = samples.shape[0]
    n_turned = 0
    whole = first + (last - first) // SIDE * SIDE
    line = 64 // data.itemsize  # values in a cache line
    for s in range(0, n_samples - SIDE + 1, SIDE):
        for f in range(first, whole, SIDE):
            turn(data, samples, s, f, scale, X)
            if (f - first) % line < SIDE:
                for k in range(s, min(s + SIDE, following.shape[0])):
                    prefetch(data, following[k], f)
        n_turned = s + SIDE
    for f in range(first, last):
        for s in range(n_turned if f < whole else 0, n_samples):
            X[f, s] = converted(data[samples[s], f], scale, X)
        for s in range(n_samples, X.shape[1]):
            X[f, s] = 0


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
def one_hot(labels, samples, T, first, last):  # type: ignore[no-untyped-def]
    """T[i, s] = 1 where i is the label of sample s, else 0, for outputs first to last.

    labels : int64[N]; samples : int64[n_samples]; T : real[n_out, width].
    """
    for i in range(first, last):
        for s in range(samples.shape[0]):
            T[i, s] = labels[samples[s]] == i


class Source(NamedTuple):
    """A data set of one of several dtypes, as arrays of which one is it and the others are empty.

    So code that reads a data set is compiled once for all of them.
    """

    labels: Any  # int64[N]
    bytes: Any  # uint8[N, n]
    singles: Any  # float32[N, n]
    doubles: Any  # float64[N, n]


def source_of(data: npt.NDArray[Any] | None) -> Source:
    """Return int64 labels, or a matrix of uint8, float32 or float64, as a `Source`; or nothing."""
    kinds = {"labels": np.int64, "bytes": np.uint8, "singles": np.float32, "doubles": np.float64}
    empty = {
        name: np.empty((0,) if name == "labels" else (0, 0), dtype=kind)
        for name, kind in kinds.items()
    }
    if data is not None:
        (name,) = (name for name, kind in kinds.items() if data.dtype == kind)
        empty[name] = data
    return Source(**{name: read_only(array) for name, array in empty.items()})


@jit
def assemble(source, samples, following, scale, X, first, last):  # type: ignore[no-untyped-def]
    """Gather rows first to last of a batch from whichever array holds the data."""
    if source.labels.shape[0] > 0:
        one_hot(source.labels, samples, X, first, last)
    elif source.bytes.shape[0] > 0:
        gather(source.bytes, samples, following, scale, X, first, last)
    elif source.singles.shape[0] > 0:
        gather(source.singles, samples, following, scale, X, first, last)
    else:
        gather(source.doubles, samples, following, scale, X, first, last)
