"""IDX files, as MNIST's are."""

from __future__ import annotations

from typing import Any

import numpy as np


def idx(array: Any) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()
