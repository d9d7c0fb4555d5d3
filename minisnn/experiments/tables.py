"""Tables that runs know by their names: of scikit-learn, and made ones of known structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .._support.arrays import Array
from .._support.extras import require

_TESTED = 5  # one of so many rows is to test on
_FAR = 5.0  # standard deviations: pixels at a border are nearly always 0
_ROWS, _GROUPS, _COPIES = 4000, 8, 8  # of made tables


@dataclass(frozen=True)
class Table:
    """Description of a table before it is made.

    Parameters
    ----------
    n_rows, n_features, n_classes : int
        Rows in all, columns, and classes of the labels.
    make : function
        Returns the inputs (rows, columns) and the labels (rows,).
    """

    n_rows: int
    n_features: int
    n_classes: int
    make: Callable[[], tuple[Array, Array]]

    @property
    def n_train(self) -> int:
        """Number of rows to train on."""
        return self.n_rows - self.n_rows // _TESTED

    def parts(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Return inputs and labels to train on, and those to test on: the same in each call.

        Inputs have a mean of 0 and a deviation of 1 over the rows to train on, in float32.
        """
        X, labels = self.make()
        if X.shape != (self.n_rows, self.n_features):
            raise ValueError(
                f"the table must have shape {(self.n_rows, self.n_features)}, as in the version of "
                f"its library that runs were defined with, got {X.shape}"
            )
        test_rows = each_of(labels, _TESTED)
        rows = np.setdiff1d(np.arange(self.n_rows), test_rows)
        mean, deviation = X[rows].mean(axis=0), X[rows].std(axis=0)
        deviation[deviation == 0] = 1
        X = np.clip((X - mean) / deviation, -_FAR, _FAR).astype(np.float32)
        return (X[rows], labels[rows]), (X[test_rows], labels[test_rows])


def each_of(labels: Array, n: int) -> Array:
    """Return one of n rows, in which each class has its share."""
    return np.sort(np.argsort(labels, kind="stable")[n - 1 :: n])


def groups(seed: int, *, products: bool, n_rows: int = _ROWS) -> tuple[Array, Array]:
    """Return 8 groups of 8 columns side by side: noisy copies of a hidden number each.

    The label is whether many of these numbers are far from 0: each group says something by itself.
    Or whether the products of pairs are positive on the whole: one group alone says nothing.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n_rows, _GROUPS))
    X = np.repeat(hidden, _COPIES, axis=1)
    X += rng.standard_normal(X.shape)
    if products:
        score = (hidden[:, ::2] * hidden[:, 1::2]).sum(axis=1)
        return X, (score > 0).astype(np.int64)
    score = np.abs(hidden).sum(axis=1)
    return X, (score > np.median(score)).astype(np.int64)


def _of_sklearn(name: str) -> tuple[Array, Array]:
    datasets = require("sklearn.datasets", "sklearn", f"the table sklearn_{name}")
    X, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    return X, labels


TABLES = {
    "sklearn_digits": Table(1797, 64, 10, partial(_of_sklearn, "digits")),
    "sklearn_breast_cancer": Table(569, 30, 2, partial(_of_sklearn, "breast_cancer")),
    "made_groups_one_by_one": Table(_ROWS, 64, 2, partial(groups, 0, products=False)),
    "made_groups_in_pairs": Table(_ROWS, 64, 2, partial(groups, 0, products=True)),
}
"""By name; digits are images of 8 x 8 pixels, see `groups` for those that are made."""
