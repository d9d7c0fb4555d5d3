"""MNIST: the full set where it can be had, else an embedded sample of real digits."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from . import data as sample
from ._support.arguments import check_choice
from ._support.arrays import Array
from ._support.extras import require
from ._support.progress import progress_bar
from .idx import LARGEST, DatasetError, check_sha256, parse_idx, read_bytes

__all__ = ["MNIST", "DatasetError", "load_mnist"]

ENVIRONMENT_VARIABLE = "MINISNN_DATA"

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

FULL_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the uncompressed content of each file of the full set."""

_PATIENCE = {"full": (60.0, 3600.0), "auto": (4.0, 30.0)}
"""Seconds to wait for a silent mirror, and for the whole download."""


_logger = logging.getLogger("minisnn")


@dataclass(frozen=True, eq=False)
class MNIST:
    """Handwritten digits.

    Parameters
    ----------
    train_images, test_images : array of uint8, shape (samples, 784)
        Pixels row by row, 0 to 255, read-only.
    train_labels, test_labels : array of uint8, shape (samples,)
        Digits 0 to 9, read-only.
    source : str
        Where they came from, in words.
    """

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array
    source: str

    def __repr__(self) -> str:
        return (
            f"MNIST({len(self.train_labels):,} digits to train, {len(self.test_labels):,} to test; "
            f"{self.source})"
        )


def load_mnist(source: str = "auto") -> MNIST:
    """Return MNIST, each file checked against its SHA-256.

    Parameters
    ----------
    source : {"auto", "full", "sample"}
        ``"full"``: 60,000 training and 10,000 test digits, from the folder that the environment
        variable MINISNN_DATA names (IDX files, gzipped or not; an error if they are not there),
        else from the user's cache, else downloaded into it (both need the extra ``data``).
        ``"sample"``: 4,000 and 1,000 digits that come with minisnn, all of them from MNIST's
        training set.
        ``"auto"``: the full set if it is there or can be had within half a minute, else the
        sample; a line in the log (standard error) then says so.

    Returns
    -------
    MNIST

    Raises
    ------
    ValueError
        Where there is no such source.
    DatasetError
        Where a file is missing, truncated, corrupt, or not the one it should be, or where no
        mirror answers; the log has the details at level DEBUG. A bad file in the cache is removed.
    ImportError
        Where a download needs pooch and it is not installed.

    Examples
    --------
    >>> import minisnn as snn
    >>> digits = snn.datasets.load_mnist("sample")
    >>> digits.train_images.shape, digits.test_labels.shape
    ((4000, 784), (1000,))
    """
    check_choice(source, "source", ("auto", "full", "sample"))
    if source == "sample":
        return _load_sample()
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        folder = Path(named)
        return _assemble(
            lambda name: _read_from(
                folder,
                name,
                FULL_SHA256,
                f"put MNIST's four IDX files there, or unset {ENVIRONMENT_VARIABLE}",
            ),
            f"full MNIST from {ENVIRONMENT_VARIABLE}={named}",
        )
    try:
        pooch = require("pooch", "data", "downloading MNIST")
        cache = Path(pooch.os_cache("minisnn")) / "mnist"
        fetch = Fetch(*_PATIENCE[source])
        with _quiet(pooch.get_logger()):
            return _assemble(
                lambda name: _download(pooch, cache, name, fetch), f"full MNIST from {cache}"
            )
    except (DatasetError, ImportError) as error:
        if source == "full":
            raise
        _logger.warning(
            "Full MNIST is not at hand (%s): using the embedded sample of 5,000 digits. "
            "load_mnist('full') tells more.",
            "pooch is not installed" if isinstance(error, ImportError) else "download failed",
        )
        return _load_sample()


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from printing the sum of each file, which we check ourselves."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _load_sample() -> MNIST:
    return _assemble(
        lambda name: _read_from(sample.FOLDER, name, sample.SHA256, "install minisnn again"),
        "embedded sample: 5,000 digits of MNIST's training set",
    )


def _assemble(read: Callable[[str], Array], source: str) -> MNIST:
    parts = {}
    for part in ("train", "t10k"):
        images = read(f"{part}-images-idx3-ubyte")
        parts[part] = images.reshape(len(images), -1), read(f"{part}-labels-idx1-ubyte")
    return MNIST(*parts["train"], *parts["t10k"], source)


def _read_from(folder: Path, name: str, sums: Mapping[str, str], hint: str) -> Array:
    other = name.replace("-idx", ".idx")  # as some programs name them that unpack them
    for path in (folder / f"{each}{end}" for each in (name, other) for end in (".gz", "")):
        if path.is_file():
            return _read(path, sums[name])
    raise DatasetError(f"no {name} or {name}.gz in {folder}; {hint}")


def _read(path: Path, sha256: str) -> Array:
    content = read_bytes(path)
    array = parse_idx(content, path)
    check_sha256(content, sha256, path)
    return array


def _download(pooch: Any, cache: Path, name: str, fetch: Fetch) -> Array:
    """Return a file from the cache, downloaded if need be; leave no bad file behind."""
    path = cache / f"{name}.gz"
    outside = sys.exception()  # of a caller who is handling one
    failures: dict[str, str] = {}  # why, by who was asked
    for url in (None, *(mirror + path.name for mirror in MIRRORS)):
        if url is None and not path.exists():
            continue
        try:
            if url is not None:
                pooch.retrieve(url, known_hash=None, fname=path.name, path=cache, downloader=fetch)
            return _read(path, FULL_SHA256[name])
        except (DatasetError, OSError) as error:  # what requests raises is an OSError
            if isinstance(error, DatasetError):
                path.unlink(missing_ok=True)
            _logger.debug("could not get %s from %s: %s", path.name, url or path, error)
            failures[urlsplit(url).netloc if url else str(path)] = _reason(error, outside)
    reasons = set(failures.values())
    each = [f"{place} ({why})" if len(reasons) > 1 else place for place, why in failures.items()]
    why = f" ({reasons.pop()})" if len(reasons) == 1 else ""
    raise DatasetError(
        f"could not get {path.name} from {' or '.join(each)}{why}: put MNIST's four IDX files into "
        f"a folder and set {ENVIRONMENT_VARIABLE} to it, or take load_mnist('sample')"
    ) from None


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


class Fetch:
    """Downloads, as pooch asks for them, all within one stretch of time.

    Parameters
    ----------
    silence : float
        Seconds to wait for a mirror that says nothing.
    limit : float
        Seconds for all files together.
    """

    def __init__(self, silence: float, limit: float) -> None:
        self._silence = silence
        self._limit = limit
        self._deadline = monotonic() + limit

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        """Write what the address gives to a file name or an open file."""
        requests = require("requests", "data", "downloading MNIST")
        with requests.get(url, stream=True, timeout=self._silence) as answer:
            answer.raise_for_status()
            bar = progress_bar(None, int(answer.headers.get("Content-Length", 0)), "B")
            bar.set_description(url.rpartition("/")[2])
            with closing(bar), open(output_file, "wb") as file:
                room = LARGEST
                for chunk in answer.iter_content(chunk_size=65_536):
                    if monotonic() > self._deadline:
                        raise TimeoutError(f"not downloaded within {self._limit:g} seconds")
                    room -= len(chunk)
                    if room < 0:
                        raise DatasetError(f"{url} gives more than {LARGEST} bytes")
                    file.write(chunk)
                    bar.update(len(chunk))
