"""Reading of selected members of a zip archive, as untrusted input, without unpacking the rest."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._support.archive import SYMPTOMS
from .._support.checks import open_file
from .idx import DatasetError, check_sha256

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other methods inflate whole blocks, of any size, and so would ignore the limit."""


def read_members(
    path: Path, sha256: str, size: int, members: Mapping[str, int]
) -> Iterator[tuple[str, bytes]]:
    """Yield members of a zip archive that has the SHA-256.

    Parameters
    ----------
    path : Path
        The archive.
    sha256 : str
        Of the whole file. Nothing in it is looked at before it is found right.
    size : int
        Bytes that the file may have.
    members : mapping of str to int
        Their names, and the most bytes that each may have.

    Yields
    ------
    name : str
        Of the archive and the member, for messages.
    content : bytes
        Of the member.

    Raises
    ------
    OSError
        If the file cannot be read.
    DatasetError
        If it is not that file, or a member is missing, damaged or too large.
    """
    with open_file(path) as file:
        found = os.fstat(file.fileno()).st_size
        if found > size:
            raise DatasetError(f"{path} has {found} bytes, {size} at most belong there")
        digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type] # it is buffered
        check_sha256(digest.hexdigest(), sha256, path)
        try:
            with zipfile.ZipFile(file) as archive:
                known = set(archive.namelist())
                for name, limit in members.items():
                    if name not in known:
                        raise DatasetError(f"{path} has no member {name}")
                    yield f"{path}, {name}", _read(archive, name, limit)
        except DatasetError:
            raise
        except SYMPTOMS as error:
            raise DatasetError(
                f"{path} is a damaged zip archive, or another one: {error or type(error).__name__}"
            ) from error


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type not in _METHODS:
        raise ValueError(f"{name} is compressed by method {info.compress_type}")
    if info.file_size > limit:
        raise ValueError(f"{name} has {info.file_size} bytes, {limit} at most belong there")
    if info.header_offset < 0:  # seeking there would raise an error of the file system
        raise ValueError(f"{name} begins before the file")
    with archive.open(info) as stream:
        return stream.read(info.file_size)  # without a bound all would be inflated at once
