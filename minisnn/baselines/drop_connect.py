"""DropConnect: a new random sparse matrix for each batch, over weights that are all trained."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_number
from ..topology.validation import check_widths
from .weight_map import WeightMap


class DropConnect(WeightMap):
    """Each connection exists with probability ``keep``: W = M ∘ θ, with M drawn for each batch.

    Source: L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus, "Regularization of Neural Networks
    using DropConnect", ICML 2013. Predictions use the mean, W = keep θ. Our simplifications: one
    mask for a batch where the source has one for each sample, so that the batch's product stays
    one of matrices; the mean weights where it samples pre-activations from a Gaussian; biases are
    never dropped.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.
    keep : float
        Probability of a connection, above 0 and below or equal to 1.

    Raises
    ------
    ValueError
        If the probability is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn import baselines
    >>> layer = baselines.DropConnect(3, 2, keep=0.5)
    >>> layer.expand(np.ones(6))
    array([[0.5, 0.5, 0.5],
           [0.5, 0.5, 0.5]])
    >>> layer.draw(np.random.default_rng(2)).expand(np.ones(6))
    array([[0., 1., 1.],
           [1., 1., 0.]])
    """

    def __init__(self, n_in: int, n_out: int, keep: float) -> None:
        n_in, n_out = check_widths(n_in, n_out)
        super().__init__(n_in, n_out, n_in * n_out)
        self.keep = check_number(keep, "keep", 0)
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep is a probability, above 0 and at most 1, got {keep}")
        self._factors: float | Array = self.keep  # of θ: the mean of masks, or bool[n_out, n_in]

    @classmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        return cls(n_in, n_out, min(1.0, n_weights / (n_in * n_out)))

    def initial(self, rng: np.random.Generator) -> Array:
        """Return weights so large that those of M ∘ θ have Glorot's variance, zeros included.

        These are Glorot's weights of a sparse layer of that density, its fans counted by edges.
        """
        return super().initial(rng) / np.sqrt(self.keep)

    def _expand(self, theta: Array) -> Array:
        """Return the mean of W, keep θ; of a map that was drawn, M ∘ θ."""
        return self._factors * theta.reshape(self.shape[::-1])

    def _adjoint(self, theta: Array, dW: Array) -> Array:
        """Return keep dW; of a map that was drawn, M ∘ dW."""
        return (self._factors * dW).ravel()

    def draw(self, rng: np.random.Generator) -> DropConnect:
        """Return the map W = M ∘ θ with a new mask M."""
        drawn = copy.copy(self)
        drawn._factors = rng.random(self.shape[::-1], dtype=np.float32) < self.keep
        return drawn

    @property
    def n_connections(self) -> int:
        """Expected number of connections."""
        return round(self.keep * super().n_connections)
