"""MNIST: the full set where it can be had, else an embedded sample of real digits."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import data as sample
from .extras import require
from .graph import Array
from .idx import DatasetError, check_sha256, parse_idx, read_bytes

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

_PATIENCE = {"full": 60.0, "auto": 4.0}  # seconds without an answer from a mirror

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


def load_mnist(source: str = "auto") -> MNIST:
    """Return MNIST, each file checked against its SHA-256.

    Parameters
    ----------
    source : {"auto", "full", "sample"}
        ``"full"``: 60,000 training and 10,000 test digits, from the folder that the environment
        variable MINISNN_DATA names (IDX files, gzipped or not), else from the user's cache, else
        downloaded into it (extra ``data``).
        ``"sample"``: 4,000 and 1,000 digits that come with minisnn, all of them from MNIST's
        training set.
        ``"auto"``: the full set if it is there or can be had at once, else the sample; a line in
        the log (standard error) then says so.

    Returns
    -------
    MNIST

    Raises
    ------
    DatasetError
        Where a file is missing, truncated, corrupt, or not the one it should be, or where no
        mirror answers. A bad file in the cache is removed.
    ImportError
        Where a download needs pooch and it is not installed.

    Examples
    --------
    >>> import minisnn as snn
    >>> digits = snn.datasets.load_mnist("sample")
    >>> digits.train_images.shape, digits.test_labels.shape
    ((4000, 784), (1000,))
    """
    if source not in ("auto", "full", "sample"):
        raise ValueError(f"source must be 'auto', 'full' or 'sample', got {source!r}")
    if source == "sample":
        return _load_sample()
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        folder = Path(named)
        return _assemble(
            lambda name: _read_from(folder, name, FULL_SHA256),
            f"full MNIST from {ENVIRONMENT_VARIABLE}={named}",
        )
    try:
        pooch = require("pooch", "data", "downloading MNIST")
        cache = Path(pooch.os_cache("minisnn")) / "mnist"
        return _assemble(
            lambda name: _download(pooch, cache, name, _PATIENCE[source]),
            f"full MNIST from {cache}",
        )
    except (DatasetError, ImportError) as error:
        if source == "full":
            raise
        _logger.warning(
            "Full MNIST is not at hand, using the embedded sample of 5,000 digits (%s)",
            str(error).splitlines()[0],
        )
        return _load_sample()


def _load_sample() -> MNIST:
    return _assemble(
        lambda name: _read_from(sample.FOLDER, name, sample.SHA256),
        "embedded sample: 5,000 digits of MNIST's training set",
    )


def _assemble(read: Callable[[str], Array], source: str) -> MNIST:
    parts = {}
    for part in ("train", "t10k"):
        images = read(f"{part}-images-idx3-ubyte")
        parts[part] = images.reshape(len(images), -1), read(f"{part}-labels-idx1-ubyte")
    return MNIST(*parts["train"], *parts["t10k"], source)


def _read_from(folder: Path, name: str, sums: Mapping[str, str]) -> Array:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return _read(path, sums[name])
    raise DatasetError(
        f"no {name} or {name}.gz in {folder}; put MNIST's four IDX files there, or unset "
        f"{ENVIRONMENT_VARIABLE}"
    )


def _read(path: Path, sha256: str) -> Array:
    content = read_bytes(path)
    array = parse_idx(content, path)
    check_sha256(content, sha256, path)
    return array


def _download(pooch: Any, cache: Path, name: str, patience: float) -> Array:
    """Return a file from the cache, downloaded if need be; leave no bad file behind."""
    path = cache / f"{name}.gz"
    failures = []
    for mirror in MIRRORS:
        try:
            if not path.exists():
                _retrieve(pooch, mirror + path.name, path, patience)
            return _read(path, FULL_SHA256[name])
        except DatasetError as error:
            path.unlink(missing_ok=True)
            failures.append(str(error))
        except OSError as error:  # what requests raises, too
            failures.append(f"{mirror}: {type(error).__name__}")
    raise DatasetError(
        f"could not get {name}: {'; '.join(failures)}. Put MNIST's four IDX files into a folder "
        f"and set {ENVIRONMENT_VARIABLE} to it."
    )


def _retrieve(pooch: Any, url: str, path: Path, patience: float) -> None:
    pooch.get_logger().setLevel("WARNING")  # it would print the sum of each file
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=patience)
    pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent, downloader=downloader)
