"""Safe writing to standard output and standard error, whatever they are connected to.

A daemon has neither; a pipe's reader leaves while it is written to; a Windows console has no
Greek letters; a logger in place of standard error has ``write`` and no more. None of that may end
a training, or keep a program from writing its files.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

_GONE = (errno.EPIPE, errno.EBADF, errno.EINVAL, errno.EIO)
"""Errors of writing to a stream without a reader: a pipe (EINVAL on Windows), a closed file, a
terminal that was closed."""


class Output:
    """A stream for people: characters that it cannot encode are escaped, failed writes are dropped.

    Parameters
    ----------
    stream : text file, or any object with ``write``, or None
        Destination of the text; None drops it.
    drops_all : bool
        Whether any failure drops the text. Otherwise one that the user should hear of, such as a
        full disk, is raised.
    """

    def __init__(self, stream: Any, *, drops_all: bool = False) -> None:
        self._stream, self._drops_all = stream, drops_all
        self.lost = stream is None

    def write(self, text: str) -> int:
        """Write text; return its length."""
        try:
            self._try("write", text)
        except UnicodeEncodeError:
            encoding = getattr(self._stream, "encoding", None) or "ascii"
            self._try("write", text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._try("flush")

    def isatty(self) -> bool:
        """Return whether a person is looking."""
        try:
            return not self.lost and bool(self._stream.isatty())
        except (AttributeError, OSError, ValueError):  # it has no such method, or was closed
            return False

    def _try(self, method: str, *arguments: str) -> None:
        if self.lost:
            return
        try:
            getattr(self._stream, method)(*arguments)
        except UnicodeEncodeError:
            raise
        except (OSError, ValueError) as error:  # ValueError: the file was closed
            if isinstance(error, OSError) and not (self._drops_all or error.errno in _GONE):
                raise
            self.lost = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def in_notebook() -> bool:
    """Return whether output goes to a notebook, which displays it without a terminal."""
    return type(sys.stdout).__module__.startswith("ipykernel.")


def error_output() -> Output:
    """Return standard error as it is now."""
    return Output(sys.stderr, drops_all=True)


def say(text: str) -> None:
    """Write a line to standard error."""
    output = error_output()
    output.write(f"{text}\n")
    output.flush()


@contextmanager
def forgiving() -> Iterator[None]:
    """Have all that a program prints, by whatever function, go through `Output`."""
    _open_closed_descriptors()
    before = sys.stdout, sys.stderr
    outputs = Output(sys.stdout), error_output()
    sys.stdout, sys.stderr = (cast(TextIO, output) for output in outputs)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for output in outputs:
            with suppress(OSError):
                output.flush()
                if not output.lost:
                    continue
            _discard(output)


def _open_closed_descriptors() -> None:
    """Keep later files from becoming standard output or error, in this process or a child."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free


def _discard(output: Output) -> None:
    """Discard the buffer of a lost stream, which Python would flush at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, output.fileno())
        finally:
            os.close(nowhere)
