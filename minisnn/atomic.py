"""Files that are there complete, or as they were before."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .arguments import check_path


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file that takes its name only when all of it is on the disk.

    The content goes to a temporary file in the same folder, which is flushed to the disk and then
    renamed: whoever reads the name, also after a crash or a power cut, finds the old file or the
    new one, never a part. Where the block raises, the temporary file is removed and the old one
    stays; a process that is killed leaves its temporary file, ``.minisnn-*.tmp``, behind.

    Parameters
    ----------
    path : path
        File to write. One that exists is replaced and keeps its permissions; where it is a symbolic
        link, what it points to is replaced.

    Yields
    ------
    binary file
        Open for writing, seekable.

    Raises
    ------
    OSError
        Where the folder does not exist or cannot be written to, or the name belongs to a file that
        is write-protected, or to something that is no file, such as a folder or a device.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn.atomic import replace_file
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
    if exists and not os.access(target, os.W_OK):  # to be renamed over, it would not have to be
        raise PermissionError(errno.EACCES, "The file is write-protected", str(target))
    temporary = target.with_name(f".minisnn-{secrets.token_hex(8)}.tmp")
    try:
        with _new_file(temporary, target) as file:
            if exists:
                shutil.copymode(target, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _flush_folder(target.parent)


def _new_file(temporary: Path, target: Path) -> BinaryIO:
    """Open the temporary file; where it cannot be made, name the one that was asked for."""
    try:
        return open(temporary, "xb")
    except OSError as error:
        error.filename = str(target)
        raise


def _flush_folder(folder: Path) -> None:
    """Put the new name on the disk, too, where that can be asked for.

    Windows and some network shares have no way to: there the system does it in its own time, and
    until then a power cut brings back the old file.
    """
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
