"""Checks of what a user passes: what was wrong, what was given, what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .arguments import as_array, as_list, is_whole, shown
from .graph import Array

_CHUNK = 4096  # samples looked at together, so that a check needs no copy of the data
_LARGEST_SEED = 2**32 - 1
_LARGEST = 2**53  # whole number that is one in float64, too


class Network(Protocol):
    """What data must fit."""

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        ...

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision."""
        ...


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs and targets that have been checked against a network: the kernels may trust them.

    Parameters
    ----------
    inputs : array of uint8, float32 or float64, shape (n_samples, n_in), C-contiguous
    targets : array of int64, shape (n_samples,), or real, shape (n_samples, n_out), C-contiguous
    scale : float
        Factor on the inputs.
    weights : array of float64, shape (n_samples,), optional
        How much each sample counts.
    """

    inputs: Array
    targets: Array
    scale: float
    weights: Array | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.inputs)


def check_samples(
    net: Network,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    input_scale: Any,
    prefix: str = "",
    weights: npt.ArrayLike | None = None,
) -> Samples:
    """Return inputs, targets, scale and weights of samples that fit the network."""
    inputs, scale = check_inputs(net, X, input_scale, prefix + "X")
    targets = _check_targets(net, Y, len(inputs), prefix + "Y")
    return Samples(inputs, targets, scale, _check_weights(weights, len(inputs)))


def _check_weights(weights: npt.ArrayLike | None, n_samples: int) -> Array | None:
    if weights is None:
        return None
    array = as_array(weights, "sample_weight")
    if array.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one entry for each of the {n_samples} samples, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"sample_weight must hold real numbers, got {array.dtype}")
    array = array.astype(np.float64)
    if not (np.isfinite(array).all() and (array >= 0).all() and array.any()):
        raise ValueError(
            "sample_weight must hold finite numbers of 0 and more, not all of them 0, got "
            f"{array.min():g} to {array.max():g}"
        )
    return np.ldexp(array, -np.frexp(array.max())[1])  # exact; no sum of these overflows


def check_inputs(
    net: Network, X: npt.ArrayLike, input_scale: Any, name: str = "X"
) -> tuple[Array, float]:
    """Return inputs that the kernels can read, and the factor on them."""
    scale = check_number(input_scale, "input_scale", -np.inf)
    if scale == 0:
        raise ValueError("input_scale must not be 0: it would erase the inputs; take 1/255 or 1.0")
    inputs = as_array(X, name)
    if inputs.shape == (net.n_in,):
        raise ValueError(
            f"{name} must have shape (samples, {net.n_in}), got {inputs.shape}. "
            f"Add a sample axis: np.asarray({name})[None, :]."
        )
    if inputs.ndim != 2 or inputs.shape[1] != net.n_in:
        hint = f" Flatten each sample with {name}.reshape(len({name}), -1)." * (inputs.ndim > 2)
        raise ValueError(f"{name} must have shape (samples, {net.n_in}), got {inputs.shape}.{hint}")
    if inputs.dtype not in (np.uint8, np.float32, np.float64):
        raise TypeError(
            f"{name} must be uint8, float32 or float64, got {inputs.dtype}; "
            f"convert it: np.asarray({name}, dtype=np.float32)"
        )
    if len(inputs) == 0:
        raise ValueError(f"{name} holds no samples, shape {inputs.shape}")
    _check_range(inputs, scale, net.dtype, name)
    return np.ascontiguousarray(inputs)[:], scale


def _check_targets(net: Network, Y: npt.ArrayLike, n_samples: int, name: str) -> Array:
    targets = as_array(Y, name)
    if targets.shape[:1] != (n_samples,):
        raise ValueError(
            f"{name} must have one entry for each of the {n_samples} samples, "
            f"got shape {targets.shape}"
        )
    if targets.ndim == 1:
        return _check_labels(targets, net.n_out, name)
    if targets.shape != (n_samples, net.n_out):
        raise ValueError(
            f"{name} must have shape ({n_samples}, {net.n_out}), or ({n_samples},) for integer "
            f"labels, got {targets.shape}"
        )
    if targets.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, got {targets.dtype}")
    if targets.dtype not in (np.uint8, np.float32):
        targets = targets.astype(np.float64)
    _check_range(targets, 1.0, net.dtype, name)
    return np.ascontiguousarray(targets)[:]  # a view, whose shape stays as it is


def _check_labels(labels: Array, n_out: int, name: str) -> Array:
    if labels.dtype.kind not in "ui":
        raise TypeError(
            f"{name} of shape {labels.shape} must be integer labels, got {labels.dtype}; "
            f"for one real target a sample give it shape ({len(labels)}, 1)"
        )
    outside = labels[(labels < 0) | (labels >= n_out)]
    if outside.size:
        hint = f"; for 0/1 targets of one output give it shape ({len(labels)}, 1)" * (n_out == 1)
        raise ValueError(
            f"{name} must hold labels from 0 to {n_out - 1}, one for each of the {n_out} outputs, "
            f"got {outside[0]}{hint}"
        )
    return labels.astype(np.int64)


def _check_range(array: Array, scale: float, real: np.dtype[Any], name: str) -> None:
    """Raise unless every value, scaled, is a number of the network's precision."""
    if array.dtype.kind != "f":
        return
    largest = float(np.finfo(real).max) / abs(scale)
    for start in range(0, len(array), _CHUNK):
        chunk = array[start : start + _CHUNK]
        if float(np.abs(chunk).max()) <= largest:  # false for a NaN, too
            continue
        sample, column = np.argwhere(~(np.abs(chunk.astype(np.float64)) <= largest))[0]
        value = chunk[sample, column]
        where = f"got {value} in sample {start + sample}, column {column}"
        if np.isfinite(value):
            raise ValueError(f"{name} must fit into the network's {real}, {where}; rescale it")
        raise ValueError(f"{name} must be finite, {where}; remove or replace such values first")


def check_positive_integer(value: object, name: str) -> int:
    """Return a whole number of at least 1."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    number = int(value)  # a class derived from int may compare as it likes
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {shown(number)}")
    if number > _LARGEST:
        raise ValueError(f"{name} must be at most {_LARGEST}, got {shown(number)}")
    return number


def check_whole_number(value: object, name: str, low: int, high: int) -> int:
    """Return a whole number with ``low <= value <= high``."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {shown(number)}")
    return number


def check_seed(value: object) -> int:
    """Return a seed."""
    return check_whole_number(value, "seed", 0, _LARGEST_SEED)


def check_number(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """Return a finite number with ``low <= value < high``."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 308 digits
        number = math.inf
    if not (math.isfinite(number) and low <= number < high):
        limits = "" if low == -math.inf else f", at least {low:g}"
        limits += "" if high == math.inf else f" and below {high:g}"
        raise ValueError(f"{name} must be a finite number{limits}, got {shown(value)}")
    return number


def check_dropout(dropout: float | Sequence[float] | None, n_layers: int) -> tuple[float, ...]:
    """Return one rate for the input and one for each hidden layer."""
    if dropout is None:
        return (0.0,) * n_layers
    if isinstance(dropout, Real):
        rates: list[Any] = [dropout] * n_layers
    else:
        rates = as_list(dropout, "dropout", "rates, or one rate")  # type: ignore[arg-type]
    if len(rates) != n_layers:
        raise ValueError(
            f"dropout must be one rate, or {n_layers}: for the input and each of the "
            f"{n_layers - 1} hidden layers; got {len(rates)}"
        )
    return tuple(check_number(rate, "a dropout rate", 0, 1) for rate in rates)
