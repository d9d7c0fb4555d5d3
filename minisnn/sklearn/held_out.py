"""Selection of the samples that early stopping holds out."""

from __future__ import annotations

import math

import numpy as np
from sklearn.model_selection import train_test_split

from .._support.arrays import Array
from ..network.samples import relative_weights


def split_rows(
    n_rows: int, weights: Array | None, classes: Array | None, fraction: float, seed: int
) -> tuple[Array, Array]:
    """Return the rows to train on, and those to hold out.

    Rows of weight 0, as in bagging, are in neither, since no score can be computed on them alone.
    The split is stratified by class, unless a class is too small for that.

    Parameters
    ----------
    n_rows : int
        Number of samples.
    weights : array, shape (n_rows,), optional
        Of the samples.
    classes : array, shape (n_rows,), optional
        Of the samples, if each has one.
    fraction : float
        Share of the rows to hold out.
    seed : int
        Chooses them.

    Raises
    ------
    ValueError
        If fewer than 2 would be held out, or none left.
    """
    rows = np.arange(n_rows)
    if weights is not None:
        rows = np.flatnonzero(relative_weights(weights))
    n_held = math.ceil(fraction * len(rows))
    if not 2 <= n_held < len(rows):
        which = "" if weights is None else " whose weight is not 0"
        raise ValueError(
            f"early_stopping holds back {n_held} of {len(rows)} samples{which}; it needs 2 at "
            "least, and others to train on: take another validation_fraction, or more samples"
        )
    if classes is not None:
        classes = classes[rows]
        counts = np.unique(classes, return_counts=True)[1]
        if counts.min() == 1 or len(counts) > min(n_held, len(rows) - n_held):
            classes = None
    trained, held = train_test_split(rows, test_size=n_held, random_state=seed, stratify=classes)
    return trained, held
