"""Reading IDX files, the format that MNIST comes in.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats": two zero
bytes, a type code (8: unsigned byte), the number of dimensions, their sizes as big-endian 32-bit
integers, then the values.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from pathlib import Path

import numpy as np

from ._support.archive import FileFormatError
from ._support.arrays import Array

LARGEST = 2**26
"""Bytes that a file may have, inflated or not: MNIST's largest has 47 million."""

_UNSIGNED_BYTE = 8
_GZIP = 31  # zlib's number for a gzip header and trailer
_DIMENSIONS = range(1, 4)


class DatasetError(FileFormatError):
    """A file of a data set is missing, damaged, or not the one it should be."""


def read_bytes(path: Path) -> bytes:
    """Return the contents of a file, decompressed if it is gzip; 64 MiB at most."""
    size = path.stat().st_size
    content = path.read_bytes() if size <= LARGEST else b""
    if content[:2] == b"\x1f\x8b":
        content = _inflate(content, path)
        size = len(content)
    if size > LARGEST:
        raise DatasetError(
            f"{path} holds more than {LARGEST} bytes: it is no file of MNIST; fetch it again"
        )
    return content


def _inflate(content: bytes, path: Path) -> bytes:
    """Return what a gzip file holds, or the first `LARGEST` + 1 bytes of more than that."""
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(content, LARGEST + 1)
        if not inflater.eof and len(inflated) <= LARGEST:
            raise EOFError("it ends too early")
        if inflater.unused_data:
            raise EOFError("something follows its end")
    except (EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path} is a truncated or corrupt gzip file ({error}); fetch it again"
        ) from error
    return inflated


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
    if n_dimensions not in _DIMENSIONS:
        raise DatasetError(
            f"{path} has {n_dimensions} dimensions; MNIST's labels have 1, its images 3"
        )
    start = 4 + 4 * n_dimensions
    if len(content) < start:
        raise DatasetError(f"{path} is truncated: {len(content)} bytes, its head takes {start}")
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    expected = start + math.prod(shape)
    if len(content) != expected or 0 in shape:
        raise DatasetError(
            f"{path} is truncated or corrupt: its head promises shape {shape}, {expected} bytes "
            f"in all, got {len(content)}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
