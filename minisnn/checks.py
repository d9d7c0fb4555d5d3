"""Checks of what a user passes: what was wrong, what was given, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import Array

_CHUNK = 4096  # samples looked at together, so that a check needs no copy of the data


def check_inputs(X: npt.ArrayLike, n_in: int, name: str = "X") -> Array:
    """Return X as a C-contiguous (samples, n_in) array that the kernels can read."""
    inputs = np.asarray(X)
    if inputs.ndim == 1 and inputs.shape[0] == n_in:
        raise ValueError(
            f"{name} must have shape (samples, {n_in}), got {inputs.shape}. "
            f"Add a sample axis with {name}[None, :]."
        )
    if inputs.ndim != 2 or inputs.shape[1] != n_in:
        hint = f" Flatten each sample with {name}.reshape(len({name}), -1)." * (inputs.ndim > 2)
        raise ValueError(f"{name} must have shape (samples, {n_in}), got {inputs.shape}.{hint}")
    if inputs.dtype not in (np.uint8, np.float32, np.float64):
        raise TypeError(
            f"{name} must be uint8, float32 or float64, got {inputs.dtype}; "
            f"convert it with {name}.astype(np.float32)"
        )
    if len(inputs) == 0:
        raise ValueError(f"{name} holds no samples, shape {inputs.shape}")
    _check_finite(inputs, name)
    return np.ascontiguousarray(inputs)


def check_targets(Y: npt.ArrayLike, n_samples: int, n_out: int, name: str = "Y") -> Array:
    """Return Y as int64 labels (samples,) or as a C-contiguous float (samples, n_out) matrix."""
    targets = np.asarray(Y)
    if targets.shape[:1] != (n_samples,):
        raise ValueError(
            f"{name} must have one entry for each of the {n_samples} samples, "
            f"got shape {targets.shape}"
        )
    if targets.ndim == 1:
        return _check_labels(targets, n_out, name)
    if targets.shape != (n_samples, n_out):
        raise ValueError(
            f"{name} must have shape ({n_samples}, {n_out}), or ({n_samples},) for integer "
            f"labels, got {targets.shape}"
        )
    if not (np.issubdtype(targets.dtype, np.number) or targets.dtype == bool) or np.iscomplexobj(
        targets
    ):
        raise TypeError(f"{name} must hold real numbers, got {targets.dtype}")
    if targets.dtype not in (np.uint8, np.float32):
        targets = targets.astype(np.float64)
    _check_finite(targets, name)
    return np.ascontiguousarray(targets)


def _check_labels(labels: Array, n_out: int, name: str) -> Array:
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(
            f"{name} of shape {labels.shape} must be integer labels, got {labels.dtype}; "
            f"for one real target a sample pass {name}[:, None]"
        )
    outside = labels[(labels < 0) | (labels >= n_out)]
    if outside.size:
        raise ValueError(
            f"{name} must hold labels from 0 to {n_out - 1}, one for each of the {n_out} outputs, "
            f"got {outside[0]}"
        )
    return labels.astype(np.int64)


def _check_finite(array: Array, name: str) -> None:
    if not np.issubdtype(array.dtype, np.floating):
        return
    for start in range(0, len(array), _CHUNK):
        bad = np.argwhere(~np.isfinite(array[start : start + _CHUNK]))
        if bad.size:
            sample, feature = bad[0] + (start, 0)
            raise ValueError(
                f"{name} must be finite, got {array[sample, feature]} in sample {sample}, "
                f"column {feature}; remove or replace such values first"
            )


def check_positive_integer(value: object, name: str) -> int:
    """Return a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value)


def check_number(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """Return a finite number with ``low <= value < high``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (np.isfinite(value) and low <= value < high):
        limit = "" if high == np.inf else f" and below {high:g}"
        raise ValueError(f"{name} must be a finite number, at least {low:g}{limit}, got {value}")
    return float(value)


def check_scale(value: Any) -> float:
    """Return the factor that inputs are multiplied by: finite, not zero."""
    number = check_number(value, "input_scale", -np.inf)
    if number == 0:
        raise ValueError("input_scale must not be 0: it would erase the inputs; take 1/255 or 1.0")
    return number


def check_dropout(dropout: float | Sequence[float] | None, n_layers: int) -> tuple[float, ...]:
    """Return one rate for the input and one for each hidden layer."""
    if dropout is None:
        return (0.0,) * n_layers
    if isinstance(dropout, (int, float)):
        dropout = [dropout] * n_layers
    if len(dropout) != n_layers:
        raise ValueError(
            f"dropout must be one rate, or {n_layers}: for the input and each of the "
            f"{n_layers - 1} hidden layers; got {len(dropout)}"
        )
    return tuple(check_number(rate, "a dropout rate", 0, 1) for rate in dropout)
