"""Data sets of images: downloaded, cached and checked; and an embedded sample of MNIST.

`load` takes the name of a data set. `load_mnist` returns MNIST, or the sample if it is not at hand.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from .._support.arrays import Array
from .._support.checks import check_choice
from .download import Fetch
from .files import from_cache, from_folders
from .idx import DatasetError
from .table import TABLE

__all__ = ["Dataset", "DatasetError", "load", "load_mnist"]

ENVIRONMENT_VARIABLE = "MINISNN_DATA"

_PATIENCE = {"full": (60.0, 3600.0), "auto": (4.0, 30.0)}
"""Seconds to wait for a silent mirror, and for the whole download."""

_logger = logging.getLogger("minisnn")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their classes.

    Parameters
    ----------
    train_images, test_images : array of uint8, shape (samples, pixels)
        Pixels row by row, 0 to 255, read-only.
    train_labels, test_labels : array of uint8, shape (samples,)
        Number of the class of each, from 0, read-only.
    source : str
        Their source, in words.
    title : str
        Title of the data set.
    classes : tuple of str
        Meaning of each class.
    """

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array
    source: str
    title: str
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"{self.title}({len(self.train_labels):,} images to train, {len(self.test_labels):,} "
            f"to test; {self.source})"
        )


def load(name: str) -> Dataset:
    """Return a data set, each of its files checked against its SHA-256.

    Parameters
    ----------
    name : str
        ``"mnist"``; ``"sample"``, 5,000 digits of it that come with minisnn; ``"fashion"``
        (Fashion-MNIST); ``"kmnist"`` (Kuzushiji-MNIST); ``"emnist-balanced"``,
        ``"emnist-letters"`` or ``"emnist-digits"``. Files are read from a sub-folder of the
        folder that the environment variable MINISNN_DATA names (``fashion``, ``kmnist``,
        ``emnist``; MNIST's may lie in that folder itself), an error if they are not there; else
        from the user's cache, else they are downloaded into it (both need the extra ``data``).
        EMNIST's images, which are stored column by column, are turned upright, and the labels of
        its letters, 1 to 26 in the files, count from 0.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If there is no such data set.
    DatasetError
        If a file is missing, truncated, corrupt, or not the one it should be, or if no mirror
        answers; the log has the details at level DEBUG. A bad file in the cache is removed.
    ImportError
        If a download needs pooch and it is not installed.

    Examples
    --------
    >>> import minisnn as snn
    >>> digits = snn.datasets.load("sample")
    >>> digits.train_images.shape, digits.test_labels.shape
    ((4000, 784), (1000,))
    >>> len(digits.classes)
    10
    """
    return _load(name, "full")


def load_mnist(source: str = "auto") -> Dataset:
    """Return MNIST, each file checked against its SHA-256.

    Parameters
    ----------
    source : {"auto", "full", "sample"}
        ``"full"``: 60,000 training and 10,000 test digits, as ``load("mnist")``.
        ``"sample"``: 4,000 and 1,000 digits that come with minisnn, all of them from MNIST's
        training set, as ``load("sample")``.
        ``"auto"``: the full set if it is there or can be had within half a minute, else the
        sample; a line in the log (standard error) then says so.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If there is no such source.
    DatasetError, ImportError
        If `load` would raise it.

    Examples
    --------
    >>> import minisnn as snn
    >>> digits = snn.datasets.load_mnist("sample")
    >>> digits.train_images.shape, digits.test_labels.shape
    ((4000, 784), (1000,))
    """
    check_choice(source, "source", ("auto", "full", "sample"))
    if source == "sample":
        return load("sample")
    try:
        return _load("mnist", source)
    except (DatasetError, ImportError) as error:
        if source == "full" or os.environ.get(ENVIRONMENT_VARIABLE):
            raise
        _logger.warning(
            "Full MNIST is not at hand (%s): using the embedded sample of 5,000 digits. "
            "load_mnist('full') tells more.",
            "pooch is not installed" if isinstance(error, ImportError) else "download failed",
        )
        return load("sample")


def _load(name: str, patience: str) -> Dataset:
    row = TABLE[check_choice(name, "name", TABLE)]
    root = os.environ.get(ENVIRONMENT_VARIABLE)
    if not row.addresses:
        place = row.folders[0]
        arrays = from_folders(row, [Path(place)], "install minisnn again")
    elif root:
        place = f"{ENVIRONMENT_VARIABLE}={root}"
        folders = [Path(root) / folder for folder in row.folders]
        hint = f"get it from {row.addresses[0]}, or unset {ENVIRONMENT_VARIABLE} for a download"
        arrays = from_folders(row, folders, hint)
    else:
        hint = (
            f"put the files of {row.title} into DIR/{row.folders[0]} and set "
            f"{ENVIRONMENT_VARIABLE} to DIR; load('sample') needs no download"
        )
        fetch = Fetch(row.title, hint, *_PATIENCE[patience])
        cache = fetch.cache / row.folders[0]
        place = str(cache)
        arrays = from_cache(row, cache, fetch)
    train_images, train_labels, test_images, test_labels = arrays
    source = row.note or f"full {row.title} from {place}"
    return Dataset(
        train_images, train_labels, test_images, test_labels, source, row.title, row.classes
    )
