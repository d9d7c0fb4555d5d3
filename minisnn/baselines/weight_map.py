"""A layer's weight matrix as a function of few parameters: W = f(θ).

The gradient of the loss with respect to the matrix, dW, gives that with respect to the parameters:
dθ = f'(θ)ᵀ dW. So one mechanism trains low-rank, shared, masked and factorised matrices alike, and
each of them defines only f and the transpose of its derivative.

Matrices are as in Z = W X: real[n_out, n_in], row i the weights of output neuron i.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_array, check_positive_integer
from .._support.memory import check_fits
from ..topology.validation import check_widths

_BYTES = 4  # of an entry, at least


class WeightMap(ABC):
    """A function from parameters θ to a layer's weight matrix W.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.
    n_parameters : int
        Length of θ.
    """

    def __init__(self, n_in: int, n_out: int, n_parameters: int) -> None:
        self.shape = check_widths(n_in, n_out)
        self.n_parameters = int(n_parameters)

    @classmethod
    def nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        """Return the map of this kind whose number of weights is nearest to the one given.

        Parameters
        ----------
        n_in, n_out : int
            Number of input and output neurons.
        n_weights : int
            Such as the number of edges of a sparse layer.
        """
        n_in, n_out = check_widths(n_in, n_out)
        check_fits(_BYTES * n_in * n_out, f"a matrix {n_in} -> {n_out}")
        return cls._nearest(n_in, n_out, check_positive_integer(n_weights, "n_weights"))

    @classmethod
    @abstractmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self: ...

    def expand(self, theta: Array) -> Array:
        """Return W = f(θ), real[n_out, n_in], for θ : real[n_parameters].

        Raises
        ------
        ValueError
            If θ has another shape.
        """
        return self._expand(_real(theta, "theta", (self.n_parameters,)))

    def adjoint(self, theta: Array, dW: Array) -> Array:
        """Return dθ = f'(θ)ᵀ dW, real[n_parameters], for dW : real[n_out, n_in].

        Raises
        ------
        ValueError
            If θ or dW has another shape.
        """
        theta = _real(theta, "theta", (self.n_parameters,))
        return self._adjoint(theta, _real(dW, "dW", self.shape[::-1]))

    @abstractmethod
    def _expand(self, theta: Array) -> Array: ...

    @abstractmethod
    def _adjoint(self, theta: Array, dW: Array) -> Array: ...

    def initial(self, rng: np.random.Generator) -> Array:
        """Return a random θ, float64, for which the entries of W have Glorot's variance.

        Here for maps that give each entry of W one entry of θ, or its negative.
        """
        return rng.standard_normal(self.n_parameters) * self.deviation

    def draw(self, rng: np.random.Generator) -> WeightMap:
        """Return the map that one batch is trained with: this one, unless f itself is random."""
        return self

    @property
    def deviation(self) -> float:
        """Glorot's standard deviation of an entry of W: sqrt(2 / (n_in + n_out))."""
        return float(np.sqrt(2 / sum(self.shape)))

    @property
    def n_connections(self) -> int:
        """Number of entries of W in the product with a batch; the expected number if random."""
        return self.shape[0] * self.shape[1]

    def __repr__(self) -> str:
        n_in, n_out = self.shape
        return f"{type(self).__name__}({n_in} -> {n_out}, {self.n_parameters} parameters)"


def _real(value: Array, name: str, shape: tuple[int, ...]) -> Array:
    """Return an array of real numbers that has the shape."""
    array = as_array(value, name)
    if array.shape != shape or array.dtype.kind not in "uif":
        raise ValueError(
            f"{name} must be real numbers of shape {shape}, got {array.dtype} of shape "
            f"{array.shape}"
        )
    return array
