"""W = θ: the fully connected layer, as a weight map."""

from __future__ import annotations

from typing import Self

from .._support.arrays import Array
from ..topology.validation import check_widths
from .weight_map import WeightMap


class Identity(WeightMap):
    """Every weight is a parameter of its own: W = θ, written row by row.

    For the layers of a network that stay as they are; and the mechanism's own check, since a
    network of such layers must train exactly as `minisnn.train` trains dense ones.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.

    Examples
    --------
    >>> from minisnn import baselines
    >>> baselines.Identity(784, 10)
    Identity(784 -> 10, 7840 parameters)
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        n_in, n_out = check_widths(n_in, n_out)
        super().__init__(n_in, n_out, n_in * n_out)

    @classmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        return cls(n_in, n_out)

    def _expand(self, theta: Array) -> Array:
        """Return W = θ."""
        return theta.reshape(self.shape[::-1])

    def _adjoint(self, theta: Array, dW: Array) -> Array:
        """Return dθ = dW."""
        return dW.ravel()
