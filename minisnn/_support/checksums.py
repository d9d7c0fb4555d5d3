"""Checksums of arrays, CRC-32: against mistakes, not against malice."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from .arrays import Array


def checksum(arrays: Iterable[Array]) -> str:
    """Return a checksum of the bytes of arrays, in hexadecimal digits."""
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array).data, value)
    return f"{value:08x}"
