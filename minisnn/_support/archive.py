"""Archives of named arrays that are safe to read from untrusted input.

An archive is a NumPy .npz file, that is a zip of .npy files, of one strict form:

* ``header.json``, an object: ``minisnn`` says what kind of thing this is, ``format`` which layout
  of it, and the rest belongs to the kind;
* the arrays, ``NAME.npy``, plain numbers;
* ``SHA256SUMS``, the SHA-256 of each of the others, for the program sha256sum: after ``unzip``,
  ``sha256sum -c SHA256SUMS`` checks them. It is not read here: the zip's CRCs find damage.

Nothing is compressed, so a member is as long in memory as it is in the file: no small file can
ask for much memory. Nothing in an archive is ever run: no pickle, no object arrays; NumPy reads
.npy headers as literals of limited length. Entries that were not asked for by name, type and shape
are refused.

Checksums detect damage, not intent. That is why the reader of each kind checks the numbers, too.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .arrays import Array, frozen
from .checks import open_file

HEADER, SUMS = "header.json", "SHA256SUMS"
TEXT_LIMIT = 2**20
"""Most bytes of the header; longer lists belong in arrays."""

_NPY_LIMIT = 1024  # characters of a .npy header; those written here have 118
SYMPTOMS = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, RuntimeError,
    TypeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Exceptions of zipfile, json and the checks of graphs on malformed files."""


class FileFormatError(ValueError):
    """A file has another kind or format than expected, is damaged, or is malicious."""


def write_archive(
    file: BinaryIO, kind: str, number: int, content: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write an archive; the same things give the same bytes.

    Parameters
    ----------
    file : binary file
        Open for writing; take `minisnn._support.files.replace_file`.
    kind : str
        Kind of content, such as ``"network"``.
    number : int
        Number of the kind's format.
    content : mapping
        Other entries of the header, as JSON can hold them; 1 MiB at most.
    arrays : mapping of str to array
        Unsigned or signed integers or real numbers.

    Raises
    ------
    ValueError
        If the header is too long, or holds NaN or inf.
    TypeError
        If an array holds anything but numbers.
    """
    header = {"minisnn": kind, "format": number, **content}
    text = json.dumps(header, indent=1, allow_nan=False).encode()
    if len(text) > TEXT_LIMIT:
        raise ValueError(
            f"the header of a {kind} may have {TEXT_LIMIT} bytes, got {len(text)}: "
            "make longer lists arrays"
        )
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        sums = _write_member(archive, HEADER, text)
        for name, array in arrays.items():
            sums += _write_member(archive, f"{name}.npy", _npy_head(array), _bytes_of(array))
        _write_member(archive, SUMS, sums.encode())


def _write_member(archive: zipfile.ZipFile, name: str, *parts: bytes | memoryview) -> str:
    """Write one member and return its line of the checksums."""
    info = zipfile.ZipInfo(name)  # dated 1980: the time is no part of the content
    info.file_size = sum(map(len, parts))  # says whether zip64 is needed
    digest = hashlib.sha256()
    with archive.open(info, "w") as stream:
        for part in parts:
            stream.write(part)
            digest.update(part)
    return f"{digest.hexdigest()}  {name}\n"


def _bytes_of(array: Array) -> memoryview:
    """Return the array's bytes in the order that files have."""
    ordered = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8).data


def _npy_head(array: Array) -> bytes:
    if array.dtype.kind not in "uif":
        raise TypeError(f"an archive holds arrays of numbers, got {array.dtype}")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head,
        {
            "descr": array.dtype.newbyteorder("<").str,
            "fortran_order": False,
            "shape": array.shape,
        },
    )
    return head.getvalue()


@contextmanager
def read_archive(
    path: str | os.PathLike[str], kind: str, numbers: Sequence[int], *, whole: bool = True
) -> Iterator[Archive]:
    """Open an archive; in the block, all of it must be asked for, if the whole is wanted.

    Parameters
    ----------
    path : path
        The file.
    kind : str
        Kind that it must have.
    numbers : sequence of int
        The formats that the block can read.
    whole : bool
        Whether the block reads all arrays, so that any other is one too many.

    Yields
    ------
    Archive

    Raises
    ------
    OSError
        If the file cannot be read, such as FileNotFoundError.
    FileFormatError
        If it is not such an archive, is damaged, has another format, or holds anything that the
        block did not ask for. An error that the block raises on what it reads, such as a KeyError
        or a ValueError, becomes a FileFormatError, too.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from minisnn._support.archive import read_archive, write_archive
    >>> from minisnn._support.files import replace_file
    >>> path = os.path.join(tempfile.mkdtemp(), "squares.npz")
    >>> with replace_file(path) as file:
    ...     write_archive(file, "table", 1, {"unit": "m"}, {"squares": np.arange(4.0) ** 2})
    >>> with read_archive(path, "table", [1]) as archive:
    ...     archive.entry("unit", str), archive.array("squares", [np.float64], (4,))
    ('m', array([0., 1., 4., 9.]))
    """
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as opened:
                archive = Archive(opened, os.fstat(file.fileno()).st_size)
                found = archive.entry("minisnn", str), archive.entry("format", int)
                if found[0] == kind and found[1] not in numbers:
                    raise FileFormatError(
                        f"{path} has format {found[1]!r:.20}, this version of minisnn reads format "
                        f"{' and '.join(map(str, numbers))}"
                        f"{'; update minisnn' if found[1] > max(numbers) else ''}"
                    )
                if found[0] != kind:
                    raise ValueError(f"it is a {found[0]!r:.60}")
                yield archive
                if whole:
                    archive.check_all_read()
        except FileFormatError:
            raise
        except SYMPTOMS as error:
            raise FileFormatError(
                f"{path} is not a {kind} saved by minisnn, or damaged: "
                f"{error or type(error).__name__}"
            ) from error


def entry(mapping: Any, name: str, kind: type) -> Any:
    """Return a header's entry; raise unless it has the type.

    Raises
    ------
    ValueError
        If it is missing or of another type; true and false are not numbers.
    """
    value = mapping.get(name) if isinstance(mapping, dict) else None
    if type(value) is not kind:
        raise ValueError(f"{name} in its header must be of type {kind.__name__}, got {value!r:.60}")
    return value


class Archive:
    """An open archive, for `read_archive`.

    Parameters
    ----------
    opened : ZipFile
        The zip.
    size : int
        Bytes of the whole file: no member may promise more.

    Attributes
    ----------
    header : dict
        Content of ``header.json``: not yet checked, beyond being JSON.
    """

    header: dict[str, Any]

    def __init__(self, opened: zipfile.ZipFile, size: int) -> None:
        self._zip = opened
        self._members = _checked_members(opened.infolist(), size)
        self._unread = self._members.keys() - {SUMS}
        text = self._read(HEADER, TEXT_LIMIT).decode()
        self.header = json.loads(text, parse_constant=_refuse_constant)

    def entry(self, name: str, kind: type) -> Any:
        """Return an entry of the header, if it has the type; see `entry`."""
        return entry(self.header, name, kind)

    def array(
        self, name: str, dtypes: Sequence[npt.DTypeLike], shape: tuple[int | None, ...]
    ) -> Array:
        """Return an array, read-only.

        Parameters
        ----------
        name : str
            Its name, without .npy.
        dtypes : sequence of dtype
            Those that it may have.
        shape : tuple of int or None
            The shape that it must have; None is any length. The file's own size bounds it.

        Raises
        ------
        ValueError
            If it is missing, damaged, or of another dtype or shape.
        """
        content = self._read(f"{name}.npy")
        start, found, dtype = _read_npy_head(content, name)
        fits = len(found) == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, found, strict=True)
        )
        known = [np.dtype(dtype).newbyteorder("=") for dtype in dtypes]
        if dtype.newbyteorder("=") not in known or not fits:
            names = " or ".join(map(str, known))
            raise ValueError(
                f"{name} must be {names} of shape {shape}, got {dtype} of shape {found}".replace(
                    "None", "any"
                )
            )
        if len(content) - start != math.prod(found) * dtype.itemsize:
            raise ValueError(f"{name} does not have the length that its shape {found} takes")
        array = np.frombuffer(content, dtype, offset=start).reshape(found)
        return frozen(array.astype(dtype.newbyteorder("="), copy=False))

    def check_all_read(self) -> None:
        """Raise if the archive holds entries that were not read."""
        if self._unread:
            raise ValueError(f"it also holds {min(self._unread):.60}, which does not belong there")

    def _read(self, name: str, limit: float = math.inf) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise ValueError(f"it has no {name}")
        if info.file_size > limit:
            raise ValueError(f"{name} has {info.file_size} bytes, {limit} at most are allowed")
        self._unread.discard(name)
        return self._zip.read(info)  # raises if its CRC is another


def _read_npy_head(content: bytes, name: str) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
    """Return where the numbers of a .npy file begin, their shape and their dtype."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream, _NPY_LIMIT)
    except Exception as error:  # NumPy lets through what its parsers raise, such as a TokenError
        raise ValueError(f"{name} is not a plain array of numbers") from error
    if version != (1, 0) or is_fortran:
        raise ValueError(f"{name} is not a plain array of numbers")
    return stream.tell(), shape, dtype


def _checked_members(infos: Sequence[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; raise unless all are as `write_archive` makes them."""
    members = {info.filename: info for info in infos}
    if len(members) != len(infos):
        raise ValueError("a member comes twice")
    for name, info in members.items():
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise ValueError(f"{name:.60} is compressed or encrypted")
        if info.file_size != info.compress_size or not 0 <= info.header_offset < size:
            raise ValueError(f"{name:.60} promises more than there is")
    if sum(info.file_size for info in infos) > size:
        raise ValueError(f"its members promise more than the {size} bytes that there are")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"its header holds {name}, which is no JSON")
