"""W = U V: a matrix of low rank, as two thin factors."""

from __future__ import annotations

from typing import Self

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from ..topology.validation import check_widths
from .products import product
from .weight_map import WeightMap


class LowRank(WeightMap):
    """The product of two thin matrices: W = U V with U : [n_out, rank] and V : [rank, n_in].

    Source: T. N. Sainath et al., "Low-rank matrix factorization for deep neural network training
    with high-dimensional output targets", ICASSP 2013, doi:10.1109/ICASSP.2013.6638949. It has
    rank (n_in + n_out) parameters, U's and then V's, and the adjoint dU = dW Vᵀ, dV = Uᵀ dW.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.
    rank : int
        1 to the smaller of both; at that any matrix can be represented.

    Raises
    ------
    ValueError
        If the rank is out of range.

    Examples
    --------
    >>> from minisnn import baselines
    >>> baselines.LowRank.nearest(784, 1000, n_weights=117_600).rank
    66
    """

    def __init__(self, n_in: int, n_out: int, rank: int) -> None:
        n_in, n_out = check_widths(n_in, n_out)
        self.rank = check_positive_integer(rank, "rank")
        super().__init__(n_in, n_out, self.rank * (n_in + n_out))
        if self.rank > min(self.shape):
            raise ValueError(
                f"rank must be at most {min(self.shape)}, the smaller width of {n_in} -> {n_out}, "
                f"got {rank}"
            )

    @classmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        rank = round(n_weights / (n_in + n_out))
        return cls(n_in, n_out, min(max(1, rank), n_in, n_out))

    def initial(self, rng: np.random.Generator) -> Array:
        """Return factors of equal variance s²; an entry of W sums up rank products: rank s⁴."""
        scale = np.sqrt(self.deviation / np.sqrt(self.rank))
        return rng.standard_normal(self.n_parameters) * scale

    def _expand(self, theta: Array) -> Array:
        """Return W = U V."""
        U, V = self._factors(theta)
        return product(U, V)

    def _adjoint(self, theta: Array, dW: Array) -> Array:
        """Return dU = dW Vᵀ and dV = Uᵀ dW, in one vector."""
        U, V = self._factors(theta)
        return np.concatenate([product(dW, V.T).ravel(), product(U.T, dW).ravel()])

    def _factors(self, theta: Array) -> tuple[Array, Array]:
        n_in, n_out = self.shape
        U, V = np.split(theta, [n_out * self.rank])
        return U.reshape(n_out, self.rank), V.reshape(self.rank, n_in)
