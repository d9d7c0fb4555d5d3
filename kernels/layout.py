"""Feature-major activations: one row a neuron, one column a sample.

An edge then reads and writes contiguous rows, and one weight serves a whole vector of samples:
no gather, no scatter. Rows begin at multiples of 64 bytes, the size of a cache line (rows that
straddle lines cost a third of the speed), and are padded to whole vectors. The columns past the
last sample are *padding*. Kernels keep to one rule there: activations may hold anything finite,
gradients hold zero, so that sums over a row are sums over the samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .vector import lanes_of

_CACHE_LINE = 64  # bytes


def padded(n_samples: int, dtype: Any) -> int:
    """Return the smallest whole number of vectors, in columns, that holds ``n_samples``."""
    lanes = lanes_of(dtype) if np.dtype(dtype).kind == "f" else 1
    return -(-max(n_samples, 1) // lanes) * lanes


def feature_major(n_features: int, n_samples: int, dtype: Any) -> npt.NDArray[Any]:
    """Return zeros of shape (n_features, padded(n_samples)), rows aligned to a cache line."""
    shape = (n_features, padded(n_samples, dtype))
    size = shape[0] * shape[1] * np.dtype(dtype).itemsize
    raw = np.zeros(size + _CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)
