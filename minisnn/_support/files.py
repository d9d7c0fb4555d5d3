"""Atomic writing of files: complete, or as they were before."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from .checks import check_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FULL_FSYNC = getattr(fcntl, "F_FULLFSYNC", None)
"""Of macOS, whose fsync only hands the content to the drive: this waits until it is written."""

_IS_WINDOWS = os.name == "nt"
_PATIENCE = 2.0  # seconds: on Windows a scanner or an indexer may have a file open for a moment

_NOT_TO_BE_RENAMED = {errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS}
"""Errors for a file that may be written, but not replaced: mounted by itself, as into a container
(EBUSY, EXDEV), in a read-only folder, or another user's in a folder like /tmp."""


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file that takes its name only when all of it is on the disk.

    The content goes to a temporary file in the same folder, which is flushed to the disk and then
    renamed: a reader finds the old file or the new one, never a part, even after a crash or a power
    cut. If the block raises, the temporary file is removed and the old one stays; a process that is
    killed leaves its temporary file, ``.minisnn-*.tmp``, behind.

    A file that cannot be replaced, such as one that is mounted into a container by itself, is
    written in place, with a warning: a crash in the middle of that would leave a part of it.

    Parameters
    ----------
    path : path
        File to write. One that exists is replaced and keeps its permissions, and its owner and
        group where this process may set them; if it is a symbolic link, its target is replaced.

    Yields
    ------
    binary file
        Open for writing, seekable.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to, or the name belongs to a file that is
        write-protected, or to something that is not a file, such as a folder or a device.

    Warns
    -----
    RuntimeWarning
        If the file is written in place.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn._support.files import replace_file
    >>> path = pathlib.Path(tempfile.mkdtemp(), "numbers.txt")
    >>> with replace_file(path) as file:
    ...     _ = file.write(b"1 2 3")
    >>> path.read_text()
    '1 2 3'
    """
    target = Path(os.path.realpath(check_path(path)))
    exists = target.exists()
    if exists and not target.is_file():
        raise OSError(f"{target} is not a file and cannot be replaced by one; give another name")
    if exists and not os.access(target, os.W_OK):  # renaming would ignore the protection
        raise PermissionError(errno.EACCES, "The file is write-protected", str(target))
    temporary, file = _new_file(target, exists)
    keep = False
    try:
        with file:
            if exists:
                _keep_owner_and_mode(target, temporary)
            yield file
            file.flush()
            _flush(file.fileno())
        try:
            _rename(temporary, target)
        except OSError as error:
            if _IS_WINDOWS or not exists or error.errno not in _NOT_TO_BE_RENAMED:
                raise
            _warn_of_writing_in_place(target, error)
            keep = True  # until all of it is elsewhere, too
            _write_in_place(temporary, target)
            keep = False
            temporary.unlink()
    except BaseException:
        if not keep:
            with suppress(OSError):
                temporary.unlink()
        raise
    _flush_folder(target.parent)


@contextmanager
def replace_text(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """Write a file of text in UTF-8 in the same way; ends of lines are written as they are.

    Parameters
    ----------
    path : path
        As for `replace_file`, whose errors and warnings this has, too.

    Yields
    ------
    text file
        Open for writing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn._support.files import replace_text
    >>> path = pathlib.Path(tempfile.mkdtemp(), "greek.txt")
    >>> with replace_text(path) as file:
    ...     _ = file.write("σ")
    >>> path.read_bytes().hex()
    'cf83'
    """
    with replace_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield text
        finally:
            text.detach()


def _new_file(target: Path, exists: bool) -> tuple[Path, BinaryIO]:
    """Make the temporary file; where it cannot be made, name the one that was asked for."""
    temporary = target.with_name(f".minisnn-{secrets.token_hex(8)}.tmp")
    try:
        return temporary, open(temporary, "xb")
    except OSError as error:
        if exists and not _IS_WINDOWS and error.errno in _NOT_TO_BE_RENAMED:
            descriptor, name = tempfile.mkstemp(".tmp", ".minisnn-")
            return Path(name), open(descriptor, "wb")
        error.filename = str(target)
        raise


def _keep_owner_and_mode(target: Path, temporary: Path) -> None:
    """Copy permissions and ownership from the old file; only root may change the owner."""
    old = target.stat()
    if hasattr(os, "chown"):
        for owner in (old.st_uid, -1):
            with suppress(OSError):
                os.chown(temporary, owner, old.st_gid)
                break
    shutil.copymode(target, temporary)
    if hasattr(os, "chown") and temporary.stat().st_gid != old.st_gid:
        others = stat.S_IMODE(old.st_mode) & stat.S_IRWXO  # all that another group gets
        temporary.chmod(stat.S_IMODE(old.st_mode) & ~stat.S_IRWXG | others << 3)


def _rename(temporary: Path, target: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            os.replace(temporary, target)
        except PermissionError:
            if not _IS_WINDOWS or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _warn_of_writing_in_place(target: Path, error: OSError) -> None:
    warnings.warn(
        f"{target} cannot be replaced ({error.strerror}), so it is written in place: a crash in "
        "the middle of that would leave a part of it. Files that are mounted by themselves are "
        "like that; mount their folder",
        RuntimeWarning,
        stacklevel=5,  # the caller of the function with the block
    )


def _write_in_place(temporary: Path, target: Path) -> None:
    try:
        with open(temporary, "rb") as source, open(target, "r+b") as file:
            shutil.copyfileobj(source, file)
            file.truncate()
            file.flush()
            _flush(file.fileno())
    except OSError as error:
        raise OSError(
            error.errno,
            f"{target} could be written in place only, and not to its end: {error}. "
            f"All of its new content is in {temporary}",
        ) from error


def _flush(descriptor: int) -> None:
    """Put a file's content on the disk."""
    if _FULL_FSYNC is not None:
        with suppress(OSError):  # some file systems have no such call
            fcntl.fcntl(descriptor, _FULL_FSYNC)
            return
    os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    """Put the new name on the disk, too, if the system can be asked to.

    Windows and some network shares cannot: the system does it later, and until then a power cut
    brings back the old file.
    """
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            _flush(descriptor)
        finally:
            os.close(descriptor)
