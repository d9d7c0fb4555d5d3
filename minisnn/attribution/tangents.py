"""Derivatives of activations in a direction of the inputs: the forward pass, differentiated.

With A_0 + alpha D for the inputs, in matrix form with one sample per column::

    dA_0 / dalpha = D
    dZ_l / dalpha = W_l dA_(l-1) / dalpha,   dA_l / dalpha = f_l'(Z_l) dZ_l / dalpha
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from ..kernels.functions.activations import ACTIVATIONS, activation_slope, slopes_at
from ..kernels.program.graphs import BLAS
from ..kernels.program.structure import Structure


class Tangents:
    """Derivatives of pre-activations along paths of the inputs.

    Parameters
    ----------
    structure : Structure
        Of the network.
    parameters : array, shape (n_parameters,)
        Its weights and biases.
    """

    def __init__(self, structure: Structure, parameters: Array) -> None:
        self._structure = structure
        self._matrices = {
            number: _matrix(structure, parameters, number)
            for number, _ in structure.summing
            if structure.readers[number]
        }

    def along(self, activations: Array, directions: Array) -> Array:
        """Return the derivatives of the pre-activations of all neurons that others read.

        Parameters
        ----------
        activations : array, shape (n_rows, width)
            A row for each neuron, inputs first; a column for each point.
        directions : array, shape (n_inputs, width)
            Of the inputs at each point.

        Returns
        -------
        array of the activations' dtype, shape (n_rows, width)
            Zeros for neurons that nothing reads; those of inputs are their directions.
        """
        structure, one = self._structure, activations.dtype.type(1)
        by_activations = np.zeros_like(activations, order="C")
        by_sums = np.zeros_like(by_activations)
        by_activations[: structure.n_inputs] = by_sums[: structure.n_inputs] = directions
        for number, matrix in self._matrices.items():
            group, (first, last) = structure.groups[number], structure.rows[number : number + 2]
            sums = matrix @ by_activations[group.reads : group.reads + group.graph.n_in]
            by_sums[first:last] = by_activations[first:last] = sums
            slopes = slopes_at(ACTIVATIONS[group.activation].number, activations.dtype)
            A = np.ascontiguousarray(activations[first:last])  # as the kernel takes it
            activation_slope(slopes, A, one, by_activations[first:last], 0, last - first)
        return by_sums


def _matrix(structure: Structure, parameters: Array, number: int) -> Any:
    """Return the weights of a group as a matrix: dense where BLAS multiplies by them anyway."""
    group, weights = structure.groups[number], structure.parts(parameters, number)[0]
    shape = group.n_rows, group.graph.n_in
    if group.products == BLAS:
        return weights.reshape(shape)
    indptr, indices = group.graph.rows()
    return scipy.sparse.csr_array((weights, indices.astype(np.int32), indptr), shape=shape)
