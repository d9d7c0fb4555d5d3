"""Baselines, which samples are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.columns import known_of, read_labelled
from .._support.messages import shown
from ..network.base import SparseNetwork
from ..network.samples import Samples
from ..network.tables import Table


def baseline_of(net: SparseNetwork, samples: Samples, baseline: Any) -> Array:
    """Return the baseline, scaled as the samples are: float64[n_in], in the order of the inputs.

    Parameters
    ----------
    net : SparseNetwork
        Whose inputs it must fit.
    samples : Samples
        The samples, checked.
    baseline : "mean", or array or Series, shape (n_in,)
        The mean of the samples, or a value for each input.

    Raises
    ------
    ValueError, TypeError
        If it is neither, or not finite.
    """
    if isinstance(baseline, str):
        if baseline != "mean":
            raise ValueError(
                f"baseline must be 'mean', or a value for each input, got {shown(baseline)}"
            )
        return np.asarray(samples.total(samples.inputs) * samples.scale / samples.n_samples)
    array, names = read_labelled(baseline, known_of(net)[0], "baseline")
    if array.shape != (net.n_in,):
        raise ValueError(
            f"baseline must be 'mean', or have shape ({net.n_in},), a value for each input; "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"baseline must hold real numbers, got {array.dtype}")
    table = Table(array[None], "baseline", names=names)
    table.check(np.zeros(1, np.int64), samples.scale, net.dtype)
    return np.asarray(table.of(slice(None))[0].astype(np.float64) * samples.scale)
