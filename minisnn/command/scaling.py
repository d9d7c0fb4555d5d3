"""Standardisation of a table, which ends in the weights: a saved network takes the table as it is.

A network is trained on (x - mean) / scale of each column, and where it predicts an amount, on
(y - mean) / scale of that. Both are linear, and so are sums: with weights w / scale of the edges
from inputs, and biases less the sum of w mean / scale, the network predicts the same from x. So the
file, and what is exported from it, needs no other step before it or behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from ..network.mlp import MLP
from ..network.network import Network

_ROWS = 2**16  # that are made float64 at once
TOLERANCE = 1e-4
"""Largest difference of outputs, of amounts in units of their scale, that float32 may make."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """A mean and a scale for each of some columns.

    Parameters
    ----------
    mean, scale : array of float64, shape (columns,)
        Of a column that is constant, the scale is 1.
    """

    mean: Array
    scale: Array

    def __call__(self, values: Any) -> Any:
        """Return values less the means, over the scales, in float32; sparse ones stay so."""
        if scipy.sparse.issparse(values):  # whose means are 0
            return (values * (1 / self.scale)[None, :]).tocsr().astype(np.float32)
        result = np.empty(values.shape, dtype=np.float32)
        for start in range(0, len(values), _ROWS):
            rows = slice(start, start + _ROWS)
            result[rows] = (values[rows].astype(np.float64) - self.mean) / self.scale
        return result


def no_scaling(n_columns: int) -> Scaling:
    """Return the scaling that changes nothing."""
    return Scaling(np.zeros(n_columns), np.ones(n_columns))


def scaling_of(values: Any, rows: Array) -> Scaling:
    """Return means and standard deviations of columns, over some rows.

    Sparse values are not centred, since zeros would not stay zeros: their scale is the root of the
    mean square.

    Parameters
    ----------
    values : array or csr_array, shape (rows, columns)
        The table.
    rows : array of int
        Rows to look at, those that are trained on.
    """
    n = len(rows)
    if scipy.sparse.issparse(values):
        chosen = values[rows].astype(np.float64)
        squares = np.asarray(chosen.multiply(chosen).sum(axis=0)).ravel() / n
        mean = np.zeros(values.shape[1])
    else:
        mean, squares = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for start in range(0, n, _ROWS):
            mean += values[rows[start : start + _ROWS]].astype(np.float64).sum(axis=0) / n
        for start in range(0, n, _ROWS):
            chosen = values[rows[start : start + _ROWS]].astype(np.float64) - mean
            squares += (chosen**2).sum(axis=0) / n
    scale = np.sqrt(squares)
    is_constant = scale <= 1e-12 * np.abs(mean)
    return Scaling(mean, np.where(is_constant | (scale == 0), 1.0, scale))


def folded(net: MLP | Network, inputs: Scaling, outputs: Scaling, values: Any) -> MLP | Network:
    """Return a network that takes unscaled inputs, and gives unscaled outputs.

    It has the precision of the trained one unless that would change its predictions by more than
    `TOLERANCE`, as where a column's values are far from 0 and close together; then float64.

    Parameters
    ----------
    net : MLP or Network
        Trained on scaled values; without batch normalisation. If outputs are scaled, they are
        identities in the last level, and the scaling has one column.
    inputs, outputs : Scaling
        Of the columns, and of the outputs.
    values : array or csr_array, shape (rows, n_in)
        Unscaled inputs to compare predictions for.
    """
    parameters = _unscaled(net, inputs, outputs)
    result = _with(net, parameters.astype(net.dtype))
    wanted = net.predict(inputs(values)) * outputs.scale + outputs.mean
    difference = np.abs(result.predict(values) - wanted) / outputs.scale
    if difference.max(initial=0) > TOLERANCE:
        return _with(net, parameters)
    return result


def _unscaled(net: MLP | Network, inputs: Scaling, outputs: Scaling) -> Array:
    structure = net.structure
    vector = net.parameters.astype(np.float64)
    for number, group in structure.summing:
        weights, biases = structure.parts(vector, number)
        indptr, indices = group.graph.rows()
        rows = indices.astype(np.int64) + group.reads
        edges = np.flatnonzero(rows < structure.n_inputs)
        columns = rows[edges]
        if structure.inputs is not None:
            columns = structure.inputs[columns]
        weights[edges] /= inputs.scale[columns]
        neurons = np.repeat(np.arange(group.n_rows), np.diff(indptr))[edges]
        shifts = weights[edges] * inputs.mean[columns]
        biases -= np.bincount(neurons, shifts, minlength=group.n_rows)
        if group.output is not None and (outputs.scale != 1).any() | (outputs.mean != 0).any():
            weights *= outputs.scale[0]
            biases *= outputs.scale[0]
            biases += outputs.mean[0]
    return vector


def _with(net: MLP | Network, parameters: Array) -> MLP | Network:
    functions: Any = net.activation, net.output_activation, net.seed
    if isinstance(net, Network):
        return Network.from_parameters(net.wiring, parameters, *functions)
    result = MLP.from_parameters(net.topologies, parameters, *functions)
    result.input_names, result.output_names = net.input_names, net.output_names
    return result
