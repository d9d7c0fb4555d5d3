"""Weights of classes: a factor on the weight of each sample of a class."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_number
from .._support.messages import did_you_mean, shown
from ..network.samples import Samples
from ..network.tables import Table

_BALANCED = "balanced"

ClassWeight = str | Mapping[Hashable, float]
"""``"balanced"``, or the weight of each class."""


def weighted_by_class(samples: Samples, class_weight: ClassWeight | None, n_out: int) -> Samples:
    """Return samples whose weights are multiplied by those of their classes.

    Parameters
    ----------
    samples : Samples
        With labels; or targets that say the class of each sample, see `minisnn.train`.
    class_weight : "balanced", mapping of int to float, or None
        As for `minisnn.train`.
    n_out : int
        Number of outputs.

    Raises
    ------
    ValueError, TypeError
        If it is neither, names a class that there is not, a weight is below 0, or all samples get
        0; if targets do not say the class of a sample.
    """
    if class_weight is None:
        return samples
    check_class_weight(class_weight)
    classes, n_classes = _classes_of(samples, n_out)
    weights = np.ones(samples.n_samples)
    if samples.weights is not None:
        weights = samples.of_each(Table(samples.weights, "sample_weight"))
    if isinstance(class_weight, str):
        factors = _balanced(np.bincount(classes, weights, n_classes))
    else:
        factors = _given(class_weight, n_classes)
    weights = weights * factors[classes]
    if not weights.any():
        raise ValueError(
            f"class_weight must not be 0 for all samples, got {shown(class_weight)}: none would be "
            "trained on"
        )
    return replace(samples, weights=samples.weights_of_rows(weights))


def check_class_weight(value: object) -> None:
    """Raise unless a value is "balanced", or a mapping."""
    if not isinstance(value, Mapping) and not (isinstance(value, str) and value == _BALANCED):
        raise TypeError(
            f"class_weight must be {_BALANCED!r}, or a dict of classes and their weights, got "
            f"{shown(value)}{did_you_mean(value, [_BALANCED])}"
        )


def _balanced(sums: Array) -> Array:
    """Return the factor of each class, n / (k * count), from the weights of all of its samples."""
    there = sums > 0
    factors = np.zeros(len(sums))
    factors[there] = sums[there].sum() / (np.count_nonzero(there) * sums[there])
    return factors


def _given(class_weight: Mapping[Hashable, float], n_classes: int) -> Array:
    factors = np.ones(n_classes)
    for label, weight in class_weight.items():
        if label not in range(n_classes):
            raise ValueError(
                f"class_weight must have classes as keys, from 0 to {n_classes - 1}, got "
                f"{shown(label)}"
            )
        factors[int(label)] = check_number(weight, "a class weight", 0)  # type: ignore[call-overload]
    return factors


def _classes_of(samples: Samples, n_out: int) -> tuple[Array, int]:
    """Return the class of each sample, and the number of classes."""
    targets: Table = samples.targets
    if targets.values.ndim == 1:
        return samples.of_each(targets), n_out
    classes, first, one_hot = np.empty(samples.n_samples, dtype=np.int64), 0, None
    for rows, chunk in samples.chunks(targets):
        if one_hot is None:
            one_hot = bool((chunk[0] != chunk[0, 0]).any())
        n_ones = np.count_nonzero(chunk == 1, axis=1)
        n_zeros = np.count_nonzero(chunk == 0, axis=1)
        if one_hot:
            fits = (n_ones == 1) & (n_zeros == n_out - 1)
        else:
            fits = (n_ones == n_out) | (n_zeros == n_out)
        wrong = np.flatnonzero(~fits)
        if len(wrong):
            raise ValueError(
                f"class_weight needs the class of each sample, so {targets.name} must hold labels, "
                "or in each row a single 1 among 0, or the same 0 or 1 for all outputs; got "
                f"{shown(chunk[wrong[0]].tolist())} in sample {rows[wrong[0]]}; pass sample_weight "
                "instead"
            )
        classes[first : first + len(rows)] = chunk.argmax(axis=1) if one_hot else chunk[:, 0]
        first += len(rows)
    return classes, n_out if one_hot else 2
