"""Labels: the number of each sample's class, and advice for values that are not labels."""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array
from .._support.checks import missing_in
from .._support.messages import counted, each_of

_CODE = "np.unique({}, return_inverse=True)"


def check_labels(labels: Array, chosen: Array, n_out: int, name: str) -> Array:
    """Return labels as new int64, if they are whole numbers and the chosen ones are outputs.

    Raises
    ------
    TypeError
        If they are no whole numbers; the message says how to make some.
    ValueError
        If one that is chosen is not the number of an output, or there is only one output: all
        samples would be of its class.
    """
    if labels.dtype.kind not in "ui":
        raise TypeError(
            f"{name} of shape {labels.shape} must be integer labels, got {labels.dtype}"
            f"{_advice(labels, n_out, name)}"
        )
    if n_out == 1:
        raise ValueError(
            f"{name} must have a column for the one output, got labels of shape {labels.shape}, "
            f"which number the outputs{_as_yes_or_no(labels, name)}"
        )
    outside = chosen[(chosen < 0) | (chosen >= n_out)]
    if outside.size:
        raise ValueError(
            f"{name} must hold labels from 0 to {n_out - 1}, one for {each_of(n_out, 'output')}, "
            f"got {outside[0]}"
        )
    return labels.astype(np.int64)


def encoding_advice(values: Array, name: str) -> str:
    """Return the advice to number classes if values are texts or other objects, else nothing."""
    if values.dtype.kind in "biufc":
        return ""
    values_of = name.split()[-1] if values.ndim == 1 else f"np.ravel({name.split()[-1]})"
    return f"; number the classes: classes, labels = {_CODE.format(values_of)}"


def _advice(labels: Array, n_out: int, name: str) -> str:
    n, variable, missing = len(labels), name.split()[-1], missing_in(labels)
    if len(missing):
        return (
            f" with {counted(len(missing), 'missing value')}, the first in sample {missing[0]}; "
            "leave such samples out, or fill in labels"
        )
    if labels.dtype.kind == "b":
        as_whole = f"; pass np.asarray({variable}).astype(int)"
        return _as_yes_or_no(labels, name) if n_out == 1 else as_whole
    if labels.dtype.kind != "f":
        shape = f", and give labels the shape ({n}, 1) for one output" * (n_out == 1)
        return encoding_advice(labels, name) + shape
    if n_out == 1:
        return f"; for one real target a sample pass np.asarray({variable})[:, None]"
    if np.isin(labels, np.arange(n_out)).all():
        return f"; pass np.asarray({variable}).astype(int)"
    return (
        f"; real targets have shape ({n}, {n_out}) here; one per sample takes a network of 1 output"
    )


def _as_yes_or_no(labels: Array, name: str) -> str:
    n, variable = len(labels), name.split()[-1]
    return (
        f"; for 0/1 targets of one output give it shape ({n}, 1): np.asarray({variable})[:, None]"
    )
