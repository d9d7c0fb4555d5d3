"""Weights of outputs in the loss."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import check_number
from .._support.columns import known_of, read_labelled
from .._support.messages import few, shown

OutputWeights = Mapping[Hashable, float] | npt.ArrayLike


def check_output_weights(value: OutputWeights | None, net: Any) -> Array | None:
    """Return a weight for each output, from weights by position or by name; None: all are 1.

    Raises
    ------
    ValueError, TypeError
        If they do not fit the outputs, or are not finite numbers of 0 and more.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        wiring = getattr(net, "wiring", None)
        names = net.output_names if wiring is None else wiring.outputs
        if names is None:
            raise ValueError(
                "output_weights by name need names of the outputs, which this network has not; "
                "pass a list"
            )
        unknown = [name for name in value if name not in names]
        if unknown:
            raise ValueError(f"output_weights must be of outputs, {few(names)}, got {few(unknown)}")
        units = [1] * len(names) if wiring is None else [_units(wiring, name) for name in names]
        weights = np.repeat([_weight(value.get(name, 1.0)) for name in names], units)
    else:
        weights, _ = read_labelled(value, known_of(net)[1], "output_weights")
        if weights.shape != (net.n_out,):
            raise ValueError(
                f"output_weights must have one entry for each of the {net.n_out} outputs, got "
                f"shape {weights.shape}"
            )
        if weights.dtype.kind not in "buif":
            raise TypeError(f"output_weights must hold real numbers, got {weights.dtype}")
        weights = np.array([_weight(weight) for weight in weights.astype(np.float64).tolist()])
    if not weights.any():
        raise ValueError(f"output_weights must not all be 0, got {shown(value)}")
    return weights


def _units(wiring: Any, name: Hashable) -> int:
    rows = wiring.rows_of(name)
    return int(rows.stop - rows.start)


def _weight(value: Any) -> float:
    return check_number(value, "an output weight", 0)
