"""Batch assembly: samples of the data set, gathered into the feature-major layout.

The data set stays as it is, uint8 or float, one sample a row. The transpose goes feature by
feature, so that it writes whole rows; in tiles of features, so that the cache lines of the
samples that it reads from (one line of uint8 holds a tile) stay in L1 from feature to feature.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import jit

_TILE = 64  # features


@jit(parallel=True)
def gather(data, samples, scale, X):  # type: ignore[no-untyped-def]
    """X[f, s] = scale * np.float64(data[samples[s], f]), 0 in the padding.

    data : uint8, float32 or float64[N, n]; samples : int64[n_samples], within the data;
    scale : float64, and so is the product until it is rounded; X : real[n, width].
    Cost: one read of n_samples * n values, scattered by sample. Each tile of rows of X belongs
    to one thread.
    """
    n, width = X.shape
    n_samples = samples.shape[0]
    for tile in prange((n + _TILE - 1) // _TILE):
        first = tile * _TILE
        last = min(first + _TILE, n)
        for f in range(first, last):
            for s in range(n_samples):
                X[f, s] = scale * np.float64(data[samples[s], f])
            for s in range(n_samples, width):
                X[f, s] = 0


@jit()
def gather_one_hot(labels, samples, T):  # type: ignore[no-untyped-def]
    """T[c, s] = 1 where c is the label of sample s, else 0.

    labels : int64[N], 0 <= label < n_out; samples : int64[n_samples]; T : real[n_out, width].
    """
    T[:] = 0
    for s in range(samples.shape[0]):
        T[labels[samples[s]], s] = 1
