"""Weight sharing by a table: each entry of W is one of few parameters, perhaps negated."""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array
from .weight_map import WeightMap


class SharedWeights(WeightMap):
    """Entry (i, j) of the matrix is W_ij = s_ij θ_h(i,j), for a fixed table h and signs s.

    The adjoint sums up what is shared: dθ_k = sum of s_ij dW_ij over all (i, j) with h(i, j) = k.
    The subclasses document source and rule of the table. They compute it, so that it need not be
    stored with the network.

    Parameters
    ----------
    n_parameters : int
        Length of θ.
    table : array of int, shape (n_out, n_in)
        Parameter of each entry, 0 to n_parameters - 1.
    signs : array of -1 and 1, shape (n_out, n_in), optional
        By default 1.
    """

    def __init__(self, n_parameters: int, table: Array, signs: Array | None = None) -> None:
        n_out, n_in = table.shape
        super().__init__(n_in, n_out, n_parameters)
        self.table, self.signs = table.astype(np.intp), signs

    def _expand(self, theta: Array) -> Array:
        """Return W_ij = s_ij θ_h(i,j)."""
        W = theta[self.table]
        return W if self.signs is None else W * self.signs

    def _adjoint(self, theta: Array, dW: Array) -> Array:
        """Return the sums of s_ij dW_ij over equal h(i, j), summed in float64."""
        signed = dW if self.signs is None else dW * self.signs
        sums = np.bincount(self.table.ravel(), signed.ravel(), minlength=self.n_parameters)
        return sums.astype(theta.dtype)
