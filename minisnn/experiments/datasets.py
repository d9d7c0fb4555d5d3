"""The data sets that a run can name, read once in a process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from .._support.arrays import Array
from ..datasets import MNIST, load_mnist


@dataclass(frozen=True)
class Source:
    """What is known of a data set before it is read.

    Parameters
    ----------
    mnist : {"full", "sample"}
        What `load_mnist` calls it. Not "auto": a run must mean the same data everywhere.
    n_samples : int
        Training samples.
    shuffled : bool
        Whether the pixels stand in a random order, the same for all images: what is near in an
        image is then nowhere near in the inputs.
    n_features, n_classes : int
        Widths of the first and of the last layer of a network.
    """

    mnist: str
    n_samples: int
    shuffled: bool = False
    n_features: int = 784
    n_classes: int = 10


SOURCES = {
    "mnist": Source("full", 60_000),
    "mnist_sample": Source("sample", 4_000),
    "mnist_shuffled": Source("full", 60_000, shuffled=True),
    "mnist_sample_shuffled": Source("sample", 4_000, shuffled=True),
}


def load(name: str) -> MNIST:
    """Return a data set, read (and downloaded, if need be) anew."""
    source = SOURCES[name]
    data = load_mnist(source.mnist)
    if not source.shuffled:
        return data
    order = np.random.default_rng(0).permutation(source.n_features)
    return replace(
        data, train_images=data.train_images[:, order], test_images=data.test_images[:, order]
    )


load_once = cache(load)
"""The same, kept: a worker process reads a data set for its first run only."""


def spread(labels: Array) -> Array:
    """Return an order of samples in which any beginning has as many of each class as can be.

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
