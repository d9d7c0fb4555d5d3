"""Data of a run: a data set or a table that it names, read once per process, or its own arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from .. import datasets
from .._support.arrays import Array
from .._support.checks import check_choice, check_flag, check_positive_integer
from .._support.columns import read_columns
from .._support.seeds import seed_of
from ..datasets import Dataset
from ..datasets.table import TABLE
from .arrays import Arrays, first_rows, spread
from .tables import TABLES, each_of
from .validation import Section

_HELD_OUT = 6  # one of so many training samples
_KEPT = 4  # data sets in other orders are copies, of 55 MB for MNIST
_ORDER = 0x07DE7  # key of the generator of an order: layers have the keys 0, 1, ...


@dataclass(frozen=True)
class Source:
    """Description of a data set before it is read.

    Parameters
    ----------
    dataset : str
        Its name for `minisnn.datasets.load`; of a table its own. A run means the same data
        everywhere.
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
    """Return the data sets, each of them shuffled, and the tables, by their names in runs."""
    known = {
        _NAMES.get(name, name): Source(name, row.n_train, row.n_features, len(row.classes))
        for name, row in TABLE.items()
    }
    shuffled = {f"{name}_shuffled": replace(each, shuffled=True) for name, each in known.items()}
    tables = {
        name: Source(name, table.n_train, table.n_features, table.n_classes)
        for name, table in TABLES.items()
    }
    return known | shuffled | tables


_NAMES = {"sample": "mnist_sample"}
"""Names in runs that differ from those of `minisnn.datasets`: stores hold them."""


class Data(Section, frozen=True, kw_only=True):
    """Samples of a run. It is tested on all test samples, unless samples are held out.

    Attributes
    ----------
    name : str
        ``"mnist_sample"``, which comes with minisnn, or another name that
        `minisnn.datasets.load` takes; with ``_shuffled`` after it, pixels stand in a random
        order, the same for all images. Or a table: ``"sklearn_digits"`` and
        ``"sklearn_breast_cancer"`` (extra ``sklearn``), ``"made_groups_one_by_one"`` and
        ``"made_groups_in_pairs"``. Of arrays of your own: another name, for reports.
    samples : int, optional
        Number of training samples, evenly from all classes: the first of each in the data's
        order. By default all. Of targets that are no labels, those that differ are the classes.
    arrays : Arrays, optional
        Samples of your own.
    order : int, SeedSequence or Generator, optional
        Seed of a random order of the inputs, the same for all samples; kept as the number that
        stands for it. By default the data's own.
    held_out : bool
        Whether the run is tested on a sixth of the training samples, and trained on the others: a
        choice, such as that of a rate, then sees no test sample. Of images those that are trained
        on are as many of each class as can be; of tables each class has its share in both.

    Examples
    --------
    >>> from minisnn.experiments import Data
    >>> Data(name="mnist_sample", samples=300)
    Data(name='mnist_sample', samples=300, arrays=None, order=None, held_out=False)
    """

    name: str
    samples: int | None = None
    arrays: Arrays | None = None
    order: Any = None  # what `seed_of` takes, and then the number
    held_out: bool = False

    def __post_init__(self) -> None:
        check_flag(self.held_out, "held_out")
        if self.order is not None:
            self._set(order=seed_of(self.order, "order"))
        for key, given in {"order": self.order is not None, "held_out": self.held_out}.items():
            if given and self.arrays is not None:
                raise ValueError(
                    f"{key} must not be given with arrays; choose their columns and rows yourself"
                )
        if self.arrays is None:
            check_choice(self.name, "name", sources())
        elif self.name in sources():
            raise ValueError(
                f"name must be another than that of a data set of minisnn, got {self.name!r} "
                "with arrays"
            )
        if self.samples is not None:
            self._set(samples=check_positive_integer(self.samples, "samples"))
            available = self.n_train
            if self.samples > available:
                raise ValueError(
                    f"samples must be at most {available}, the training samples of {self.name}, "
                    f"got {self.samples}"
                )
            if self.samples == available:
                self._set(samples=None)  # the same run, so the same hash

    @property
    def n_train(self) -> int:
        """Number of samples to train on, where no number is given."""
        if self.arrays is not None:
            return self.arrays.n_train
        n = sources()[self.name].n_samples
        return n - n // _HELD_OUT if self.held_out else n

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and outputs of a network for them: of labels one output for each class."""
        if self.arrays is not None:
            return self.arrays.n_in, self.arrays.n_out
        source = sources()[self.name]
        return source.n_features, source.n_classes


def load(name: str) -> Dataset:
    """Return a data set of images, read again, and downloaded if needed."""
    source = sources()[name]
    data = datasets.load(source.dataset)
    if not source.shuffled:
        return data
    order = np.random.default_rng(0).permutation(source.n_features)
    # not images[:, order], which lies column by column: batches of it take many times as long
    train_images, test_images = (
        np.take(images, order, axis=1) for images in (data.train_images, data.test_images)
    )
    return replace(data, train_images=train_images, test_images=test_images)


def samples_of(name: str) -> tuple[tuple[Array, Array], tuple[Array, Array], float]:
    """Return inputs and labels to train on, those to test on, and the factor on inputs."""
    if name in TABLES:
        return *TABLES[name].parts(), 1.0
    data = load(name)
    train, test = (data.train_images, data.train_labels), (data.test_images, data.test_labels)
    return train, test, 1 / 255


@lru_cache(_KEPT)
def _arrays_of(name: str, order: int | None, held_out: bool) -> Arrays:
    """Return the same as arrays; a worker process reads a data set for its first run only."""
    (X, labels), (test_X, test_labels), scale = samples_of(name)
    if order is not None:
        rng = np.random.default_rng(np.random.SeedSequence(order, spawn_key=(_ORDER,)))
        places = rng.permutation(X.shape[1])
        X, test_X = (np.take(inputs, places, axis=1) for inputs in (X, test_X))
    if not held_out:
        return Arrays(X, labels, test_data=(test_X, test_labels), input_scale=scale)
    if name in TABLES:
        held = each_of(labels, _HELD_OUT)
    else:  # stored runs of images mean these
        held = spread(labels)[len(labels) - len(labels) // _HELD_OUT :]
    return Arrays(X, labels, test_rows=held, input_scale=scale)


def arrays_of(data: Data) -> tuple[Arrays, Array | None]:
    """Return the arrays of a run's data, and the rows of them to train on."""
    arrays = data.arrays or _arrays_of(data.name, data.order, data.held_out)
    return arrays, arrays.rows if data.samples is None else first_rows(arrays, data.samples)


def training_inputs(data: Data) -> Array:
    """Return the inputs that a run trains on, without the names of their columns."""
    arrays, rows = arrays_of(data)
    X = read_columns(arrays.X, "X")[0]
    return X if rows is None else X[rows]
