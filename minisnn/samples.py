"""Samples: inputs and targets that fit a network, where they lie, and which rows of them count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .arguments import as_array
from .checks import check_number
from .graph import Array

_LEAST_WEIGHT = 2.0**-960  # of the largest: any number of samples, divided by it, is finite
_CHUNK = 4096  # samples looked at together, so that a check needs no copy of the data


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
    """Inputs, and targets where there are any, that have been checked: the kernels may trust them.

    Parameters
    ----------
    inputs : array of uint8, float32 or float64, shape (rows, n_in), C-contiguous
    scale : float
        Factor on the inputs.
    rows : array of int64, shape (n_samples,), optional
        Numbers of the rows that are the samples, in their order; by default all.
    targets : array of int64, shape (rows,), or real, shape (rows, n_out), C-contiguous, optional
    weights : array of float64, shape (rows,), optional
        How much each sample counts, at most 1; those that are nothing beside others are 0.
    """

    inputs: Array
    scale: float
    rows: Array | None = None
    targets: Any = None
    weights: Array | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.inputs if self.rows is None else self.rows)

    def order(self) -> Array:
        """Return the number of each sample's row, as a new array."""
        return np.arange(len(self.inputs)) if self.rows is None else self.rows.copy()

    def first(self, n: int) -> Samples:
        """Return so many of the samples, or all there are."""
        return replace(self, rows=self.order()[:n])

    def chunks(self, array: Array) -> Iterator[tuple[Array, Array]]:
        """Go through the samples' entries in an array that has one for each row, some at a time.

        Yields the numbers of rows, and the entries that these have.
        """
        for start in range(0, self.n_samples, _CHUNK):
            if self.rows is None:
                stop = min(start + _CHUNK, self.n_samples)
                yield np.arange(start, stop), array[start:stop]
            else:
                rows = self.rows[start : start + _CHUNK]
                yield rows, array[rows]

    def of_each(self, array: Array) -> Array:
        """Return the entry that each sample has in an array with one for each row."""
        return array if self.rows is None else array[self.rows]


def check_samples(
    net: Network,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    input_scale: Any,
    prefix: str = "",
    *,
    weights: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
) -> Samples:
    """Return samples with targets that fit the network.

    Parameters
    ----------
    net : Network
        What they must fit.
    X, Y, input_scale, weights, rows
        As for `minisnn.train`.
    prefix : str
        Goes before the names of X, Y and rows in messages.
    """
    inputs = check_inputs(net, X, input_scale, prefix, rows=rows)
    targets = _check_targets(net, Y, inputs, prefix + "Y")
    return replace(inputs, targets=targets, weights=_check_weights(weights, inputs))


def check_inputs(
    net: Network,
    X: npt.ArrayLike,
    input_scale: Any,
    prefix: str = "",
    *,
    rows: npt.ArrayLike | None = None,
) -> Samples:
    """Return samples without targets that fit the network; see `check_samples`."""
    scale, name = check_number(input_scale, "input_scale", -np.inf), prefix + "X"
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
    samples = Samples(
        np.ascontiguousarray(inputs)[:], scale, _check_rows(rows, len(inputs), prefix + "rows")
    )
    _check_range(samples, samples.inputs, scale, net.dtype, name)
    return samples


def _check_rows(rows: npt.ArrayLike | None, n_rows: int, name: str) -> Array | None:
    if rows is None:
        return None
    given = as_array(rows, name)
    if given.size and given.dtype.kind not in "bui":
        raise TypeError(
            f"{name} must be row numbers, or a mask of True and False, got {given.dtype}"
        )
    if given.ndim != 1 or (given.dtype == bool and len(given) != n_rows):
        raise ValueError(
            f"{name} must be a list of row numbers, or have True or False for each of the {n_rows} "
            f"rows, got shape {given.shape}"
        )
    numbers = np.flatnonzero(given) if given.dtype == bool else given
    if len(numbers) == 0:
        raise ValueError(f"{name} chooses none of the {n_rows} rows")
    outside = numbers[(numbers < -n_rows) | (numbers >= n_rows)]
    if len(outside):
        raise ValueError(
            f"{name} must be from {-n_rows} to {n_rows - 1}, as there are {n_rows} rows, "
            f"got {outside[0]}"
        )
    numbers = numbers.astype(np.int64)
    numbers[numbers < 0] += n_rows  # as NumPy counts them, from the end
    return numbers


def _check_weights(weights: npt.ArrayLike | None, samples: Samples) -> Array | None:
    if weights is None:
        return None
    array, n_rows = as_array(weights, "sample_weight"), len(samples.inputs)
    if array.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have one entry for each of the {n_rows} samples, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"sample_weight must hold real numbers, got {array.dtype}")
    array = array.astype(np.float64)
    chosen = samples.of_each(array)
    if not (np.isfinite(chosen).all() and (chosen >= 0).all() and chosen.any()):
        raise ValueError(
            "sample_weight must hold finite numbers of 0 and more, not all of them 0, got "
            f"{chosen.min():g} to {chosen.max():g}"
        )
    chosen = relative_weights(chosen)
    if samples.rows is None:
        return chosen
    scaled = np.zeros(n_rows)
    scaled[samples.rows] = chosen
    return scaled


def relative_weights(weights: Array) -> Array:
    """Return weights of which the largest is about 1; those that are nothing beside it are 0.

    They are divided by a power of two, which is exact, so that no sum of them overflows.
    """
    relative = np.ldexp(weights.astype(np.float64), -np.frexp(weights.max())[1])
    relative[relative < _LEAST_WEIGHT] = 0
    return relative


def _check_targets(net: Network, Y: npt.ArrayLike, samples: Samples, name: str) -> Array:
    targets, n_rows = as_array(Y, name), len(samples.inputs)
    if targets.shape[:1] != (n_rows,):
        raise ValueError(
            f"{name} must have one entry for each of the {n_rows} samples, "
            f"got shape {targets.shape}"
        )
    if targets.ndim == 1:
        return _check_labels(targets, net.n_out, samples, name)
    if targets.shape != (n_rows, net.n_out):
        raise ValueError(
            f"{name} must have shape ({n_rows}, {net.n_out}), or ({n_rows},) for integer "
            f"labels, got {targets.shape}"
        )
    if targets.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, got {targets.dtype}")
    if targets.dtype not in (np.uint8, np.float32):
        targets = targets.astype(np.float64)
    _check_range(samples, targets, 1.0, net.dtype, name)
    return np.ascontiguousarray(targets)[:]  # a view, whose shape stays as it is


def _check_labels(labels: Array, n_out: int, samples: Samples, name: str) -> Array:
    if labels.dtype.kind not in "ui":
        raise TypeError(
            f"{name} of shape {labels.shape} must be integer labels, got {labels.dtype}; "
            f"for one real target a sample give it shape ({len(labels)}, 1)"
        )
    chosen = samples.of_each(labels)
    outside = chosen[(chosen < 0) | (chosen >= n_out)]
    if outside.size:
        hint = f"; for 0/1 targets of one output give it shape ({len(labels)}, 1)" * (n_out == 1)
        raise ValueError(
            f"{name} must hold labels from 0 to {n_out - 1}, one for each of the {n_out} outputs, "
            f"got {outside[0]}{hint}"
        )
    return labels.astype(np.int64)


def _check_range(
    samples: Samples, array: Array, scale: float, real: np.dtype[Any], name: str
) -> None:
    """Raise unless every value, scaled, is a number of the network's precision."""
    if array.dtype.kind != "f":
        return
    largest = float(np.finfo(real).max) / abs(scale)
    for rows, chunk in samples.chunks(array):
        if float(np.abs(chunk).max()) <= largest:  # false for a NaN, too
            continue
        sample, column = np.argwhere(~(np.abs(chunk.astype(np.float64)) <= largest))[0]
        value = chunk[sample, column]
        where = f"got {value} in sample {rows[sample]}, column {column}"
        if np.isfinite(value):
            raise ValueError(f"{name} must fit into the network's {real}, {where}; rescale it")
        raise ValueError(f"{name} must be finite, {where}; remove or replace such values first")
