"""Data of a run: a data set that it names, read once per process, or arrays of the user's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from .. import datasets
from .._support.arrays import Array
from .._support.checks import check_choice, check_positive_integer
from ..datasets import Dataset
from ..datasets.table import TABLE
from .arrays import Arrays, first_rows
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
    """Samples of a run. It is tested on all test samples.

    Attributes
    ----------
    name : str
        ``"mnist_sample"``, which comes with minisnn, or another name that
        `minisnn.datasets.load` takes; with ``_shuffled`` after it, pixels stand in a random
        order, the same for all images. Of arrays of your own: another name, for reports.
    samples : int, optional
        Only so many training samples, evenly of all classes: the first of each in the data's
        order. By default all. Of targets that are no labels, those that differ are the classes.
    arrays : Arrays, optional
        Samples of your own.

    Examples
    --------
    >>> from minisnn.experiments import Data
    >>> Data(name="mnist_sample", samples=300)
    Data(name='mnist_sample', samples=300, arrays=None)
    """

    name: str
    samples: int | None = None
    arrays: Arrays | None = None

    def __post_init__(self) -> None:
        if self.arrays is None:
            check_choice(self.name, "name", sources())
        elif self.name in sources():
            raise ValueError(
                f"name must be another than that of a data set of minisnn, got {self.name!r} "
                "with arrays"
            )
        if self.samples is not None:
            self._set(samples=check_positive_integer(self.samples, "samples"))
            available = (
                sources()[self.name].n_samples if self.arrays is None else self.arrays.n_train
            )
            if self.samples > available:
                raise ValueError(
                    f"samples must be at most {available}, the training samples of {self.name}, "
                    f"got {self.samples}"
                )
            if self.samples == available:
                self._set(samples=None)  # the same run, so the same hash

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and outputs of a network for them: of labels one output for each class."""
        if self.arrays is not None:
            return self.arrays.n_in, self.arrays.n_out
        source = sources()[self.name]
        return source.n_features, source.n_classes


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


@cache
def _arrays_of(name: str) -> Arrays:
    """Return the same as arrays; a worker process reads a data set for its first run only."""
    data = load(name)
    return Arrays(
        data.train_images,
        data.train_labels,
        test_data=(data.test_images, data.test_labels),
        input_scale=1 / 255,  # of bytes
    )


def arrays_of(data: Data) -> tuple[Arrays, Array | None]:
    """Return the arrays of a run's data, and the rows of them to train on."""
    arrays = data.arrays or _arrays_of(data.name)
    return arrays, arrays.rows if data.samples is None else first_rows(arrays, data.samples)
