"""Downloads of the files of data sets into a cache, within limits of time and of bytes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from textwrap import shorten
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .._support.extras import require
from .._support.progress import progress_bar
from .idx import DatasetError

T = TypeVar("T")

_logger = logging.getLogger("minisnn")


class Fetch:
    """Downloads of the files of one data set into the user's cache, all within one stretch of time.

    Parameters
    ----------
    title : str
        Title of the data set.
    hint : str
        Advice if a file cannot be downloaded.
    silence : float
        Seconds to wait for a mirror that says nothing.
    limit : float
        Seconds for all files together.

    Attributes
    ----------
    cache : Path
        The user's cache.

    Raises
    ------
    ImportError
        If pooch is not installed.
    """

    def __init__(self, title: str, hint: str, silence: float, limit: float) -> None:
        self._pooch = require("pooch", "data", f"downloading {title}")
        self._title = title
        self._hint = hint
        self._silence = silence
        self._limit = limit
        self._deadline = monotonic() + limit
        self.cache = Path(self._pooch.os_cache("minisnn"))

    def __call__(
        self, path: Path, addresses: Sequence[str], largest: int, read: Callable[[Path], T]
    ) -> T:
        """Return the content of a file in the cache, downloaded if needed; remove a bad one.

        Parameters
        ----------
        path : Path
            The file.
        addresses : sequence of str
            Addresses of its publishers, each up to its name.
        largest : int
            Bytes that it may have.
        read : function of Path
            Function that checks and reads it.

        Raises
        ------
        DatasetError
            If no mirror delivers the file; the log has the details at level DEBUG.
        """
        outside = sys.exception()  # one that the caller is handling
        failures: dict[str, str] = {}  # reasons, by mirror
        for url in (None, *(address + path.name for address in addresses)):
            if url is None and not path.exists():
                continue
            try:
                if url is not None:
                    with _quiet(self._pooch.get_logger()):
                        self._pooch.retrieve(
                            url,
                            known_hash=None,
                            fname=path.name,
                            path=path.parent,
                            downloader=partial(self._write, largest=largest),
                        )
                return read(path)
            except (DatasetError, OSError) as error:  # what requests raises is an OSError
                if isinstance(error, DatasetError):
                    path.unlink(missing_ok=True)
                _logger.debug("could not get %s from %s: %s", path.name, url or path, error)
                failures[urlsplit(url).netloc if url else str(path)] = _reason(error, outside)
        reasons = set(failures.values())
        each = [
            f"{place} ({why})" if len(reasons) > 1 else place for place, why in failures.items()
        ]
        why = f" ({reasons.pop()})" if len(reasons) == 1 else ""
        raise DatasetError(
            f"could not get {path.name} from {' or '.join(each)}{why}: {self._hint}"
        ) from None

    def _write(self, url: str, output_file: Any, pooch: Any, *, largest: int) -> None:
        """Download the address to a file name or an open file, as pooch requires."""
        requests = require("requests", "data", f"downloading {self._title}")
        with requests.get(url, stream=True, timeout=self._silence) as answer:
            answer.raise_for_status()
            bar = progress_bar(None, int(answer.headers.get("Content-Length", 0)), "B")
            bar.set_description(url.rpartition("/")[2])
            with closing(bar), open(output_file, "wb") as file:
                room = largest
                for chunk in answer.iter_content(chunk_size=65_536):
                    if monotonic() > self._deadline:
                        raise TimeoutError(f"not downloaded within {self._limit:g} seconds")
                    room -= len(chunk)
                    if room < 0:
                        raise DatasetError(f"{url} gives more than {largest} bytes")
                    file.write(chunk)
                    bar.update(len(chunk))


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from printing the checksum of each file, which is checked here."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: BaseException, outside: BaseException | None) -> str:
    """Return in a few words why a download failed: libraries wrap errors into errors."""
    if isinstance(error, DatasetError):
        return "a damaged file, or another one"
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"HTTP {answer.status_code}"
    while (inner := error.__cause__ or error.__context__) not in (None, outside):
        error = inner
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return shorten(words, 80, placeholder=" ...")
