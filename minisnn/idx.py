"""Reading IDX files, the format that MNIST comes in.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats": two zero
bytes, a type code (8: unsigned byte), the number of dimensions, their sizes as big-endian 32-bit
integers, then the values.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np

from .graph import Array

_UNSIGNED_BYTE = 8


class DatasetError(ValueError):
    """A file of a data set is missing, damaged, or not the one it should be."""


def read_bytes(path: Path) -> bytes:
    """Return the contents of a file, decompressed if it is gzip."""
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(
            f"{path} is a truncated or corrupt gzip file ({error}); fetch it again"
        ) from error


def check_sha256(content: bytes, expected: str, path: Path) -> None:
    """Raise unless the (uncompressed) content has the SHA-256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DatasetError(
            f"{path} is not the file it should be: SHA-256 of its uncompressed content is "
            f"{found}, expected {expected}; fetch it again"
        )


def parse_idx(content: bytes, path: Path) -> Array:
    """Return the array that an IDX file of unsigned bytes holds, read-only."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise DatasetError(
            f"{path} is not an IDX file of unsigned bytes: it begins with {content[:4].hex()!r}"
        )
    n_dimensions = content[3]
    start = 4 + 4 * n_dimensions
    if len(content) < start:
        raise DatasetError(f"{path} is truncated: {len(content)} bytes, its head takes {start}")
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise DatasetError(
            f"{path} is truncated or corrupt: its head promises shape {shape}, {expected} bytes "
            f"in all, got {len(content)}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
