"""Reading IDX files, the format that MNIST comes in.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats": two zero
bytes, a type code (8: unsigned byte), the number of dimensions, their sizes as big-endian 32-bit
integers, then the values.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .._support.archive import FileFormatError
from .._support.arrays import Array

_UNSIGNED_BYTE = 8
_GZIP = 31  # zlib's number for a gzip header and trailer
_DIMENSIONS = range(1, 4)
_AGAIN = "fetch it again"


class DatasetError(FileFormatError):
    """A file of a data set is missing, damaged, or not the one it should be."""


def idx_size(shape: Sequence[int]) -> int:
    """Return the bytes of an IDX file of unsigned bytes."""
    return 4 + 4 * len(shape) + math.prod(shape)


def gzip_size(size: int) -> int:
    """Return the largest gzip file for a number of bytes: incompressible data grows."""
    return size + size // 1000 + 1024


def read_within(path: Path, largest: int) -> bytes:
    """Return the bytes of a file, up to a limit."""
    size = path.stat().st_size
    if size > largest:
        raise DatasetError(f"{path} has {size} bytes, {largest} at most belong there; {_AGAIN}")
    return path.read_bytes()


def inflate(content: bytes, largest: int, name: Path | str) -> bytes:
    """Return bytes, inflated if they are gzipped; raise if they exceed a limit."""
    if content[:2] != b"\x1f\x8b":
        return content
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(content, largest + 1)
        if len(inflated) > largest:
            raise DatasetError(f"{name} holds more than {largest} bytes; {_AGAIN}")
        if not inflater.eof:
            raise EOFError("it ends too early")
        if inflater.unused_data:
            raise EOFError("something follows its end")
    except (EOFError, zlib.error) as error:
        raise DatasetError(
            f"{name} is a truncated or corrupt gzip file ({error}); {_AGAIN}"
        ) from error
    return inflated


def check_sha256(found: str, expected: str, name: Path | str, of: str = "") -> None:
    """Raise unless a SHA-256 is the expected one."""
    if found != expected:
        raise DatasetError(
            f"{name} is not the file it should be: SHA-256{of} is {found}, expected {expected}; "
            f"{_AGAIN}"
        )


def read_idx(path: Path, sha256: str, shape: Sequence[int], *, as_it_lies: bool) -> Array:
    """Return the array of an IDX file, gzipped or not, that has the SHA-256.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Of the file as it lies, or else of its uncompressed content. Nothing is parsed before it
        is found right.
    shape : sequence of int
        Shape that the array must have. It bounds the bytes that are read and inflated.
    as_it_lies : bool
        Whether the checksum is of the file itself, and not of its content.

    Returns
    -------
    array of uint8, read-only

    Raises
    ------
    OSError
        If the file cannot be read.
    DatasetError
        If it is not that file.
    """
    size = idx_size(shape)
    content = read_within(path, gzip_size(size))
    if as_it_lies:
        check_sha256(hashlib.sha256(content).hexdigest(), sha256, path)
    content = inflate(content, size, path)
    if not as_it_lies:
        found = hashlib.sha256(content).hexdigest()
        check_sha256(found, sha256, path, " of its uncompressed content")
    return parse_idx(content, path, shape)


def parse_idx(content: bytes, name: Path | str, shape: Sequence[int] | None = None) -> Array:
    """Return the array that an IDX file of unsigned bytes holds, read-only."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise DatasetError(
            f"{name} is not an IDX file of unsigned bytes: it begins with {content[:4].hex()!r}"
        )
    n_dimensions = content[3]
    if n_dimensions not in _DIMENSIONS:
        raise DatasetError(f"{name} has {n_dimensions} dimensions; labels have 1, images 3")
    start = 4 + 4 * n_dimensions
    if len(content) < start:
        raise DatasetError(f"{name} is truncated: {len(content)} bytes, its head takes {start}")
    found = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    expected = idx_size(found)
    if len(content) != expected or 0 in found:
        raise DatasetError(
            f"{name} is truncated or corrupt: its head promises shape {found}, {expected} bytes "
            f"in all, got {len(content)}"
        )
    if shape is not None and found != tuple(shape):
        raise DatasetError(f"{name} holds an array of shape {found}, expected {tuple(shape)}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(found)
