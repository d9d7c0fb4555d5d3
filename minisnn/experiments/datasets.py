"""Data sets that a run can name, read once per process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from .. import datasets
from .._support.arrays import Array
from .._support.checks import check_choice, check_positive_integer
from ..datasets import Dataset
from ..datasets.table import TABLE
from .validation import Section


@dataclass(frozen=True)
class Source:
    """Description of a data set before it is read.

    Parameters
    ----------
    dataset : str
        Its name for `minisnn.datasets.load`. A run means the same data everywhere.
    n_samples : int
        Training samples.
    n_features, n_classes : int
        Widths of the first and of the last layer of a network.
    shuffled : bool
        Whether the pixels stand in a random order, the same for all images: neighbours in an image
        are then no neighbours in the inputs.
    """

    dataset: str
    n_samples: int
    n_features: int
    n_classes: int
    shuffled: bool = False


def sources() -> dict[str, Source]:
    """Return the data sets of the table, and each of them shuffled, by their names in runs."""
    known = {
        _NAMES.get(name, name): Source(name, row.n_train, row.n_features, len(row.classes))
        for name, row in TABLE.items()
    }
    shuffled = {f"{name}_shuffled": replace(each, shuffled=True) for name, each in known.items()}
    return known | shuffled


_NAMES = {"sample": "mnist_sample"}
"""Names in runs that differ from those of `minisnn.datasets`: stores hold them."""


class Data(Section, frozen=True, kw_only=True):
    """Training samples of a run. It is tested on all test samples of the data set.

    Attributes
    ----------
    name : str
        ``"mnist_sample"``, which comes with minisnn, or another name that
        `minisnn.datasets.load` takes; with ``_shuffled`` after it, pixels stand in a random
        order, the same for all images.
    samples : int, optional
        Only so many training samples, evenly of all classes: the first of each in the data's
        order. By default all.

    Examples
    --------
    >>> from minisnn.experiments import Data
    >>> Data(name="mnist_sample", samples=300)
    Data(name='mnist_sample', samples=300)
    """

    name: str
    samples: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.name, "name", sources())
        if self.samples is not None:
            self._set(samples=check_positive_integer(self.samples, "samples"))
            available = sources()[self.name].n_samples
            if self.samples > available:
                raise ValueError(
                    f"samples must be at most {available}, the training samples of {self.name}, "
                    f"got {self.samples}"
                )
            if self.samples == available:
                self._set(samples=None)  # the same run, so the same hash


def load(name: str) -> Dataset:
    """Return a data set, read again, and downloaded if needed."""
    source = sources()[name]
    data = datasets.load(source.dataset)
    if not source.shuffled:
        return data
    order = np.random.default_rng(0).permutation(source.n_features)
    return replace(
        data, train_images=data.train_images[:, order], test_images=data.test_images[:, order]
    )


load_once = cache(load)
"""The same, kept: a worker process reads a data set for its first run only."""


def spread(labels: Array) -> Array:
    """Return an order of samples whose every prefix has classes as equal as possible.

    First comes the first sample of each class, then the second of each. A data set's own order
    will not do: that of the embedded sample has all zeros first, then all ones.

    Parameters
    ----------
    labels : array of int, shape (samples,)
        Class of each sample.

    Returns
    -------
    array of int, shape (samples,)
        A permutation, without any chance in it.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.experiments.datasets import spread
    >>> spread(np.array([0, 0, 0, 1, 1, 2])).tolist()
    [0, 3, 5, 1, 4, 2]
    """
    places = np.empty(len(labels), dtype=np.int64)  # of each sample within its class
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[members] = np.arange(len(members))
    return np.argsort(places, kind="stable")
