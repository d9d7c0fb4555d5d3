"""Tensor train: the matrix as a product of small cores, one for each pair of index digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_list, check_positive_integer
from ..topology.assembly import divisors
from .products import product
from .weight_map import WeightMap

_N_CORES = 3
"""Cores that `TensorTrain.nearest` takes: two are a low-rank matrix in another order."""


class TensorTrain(WeightMap):
    """A weight matrix in the tensor-train format.

    Source: A. Novikov, D. Podoprikhin, A. Osokin, D. Vetrov, "Tensorizing Neural Networks", NIPS
    2015, arXiv:1509.06569. Output i and input j are written with digits i_1 … i_d and j_1 … j_d,
    whose ranges multiply up to n_out and n_in. Then, of cores G_k : [r_(k-1), m_k, n_k, r_k] with
    r_0 = r_d = 1::

        W(i, j) = G_1[i_1, j_1] G_2[i_2, j_2] … G_d[i_d, j_d]        a product of small matrices

    These are sum r_(k-1) m_k n_k r_k parameters. With L_k the product of the first k cores,
    real[m_1 n_1 … m_k n_k, r_k], R_k that of the others, real[r_k, m_(k+1) n_(k+1) …], and dW in
    the order of the digit pairs, the adjoint is dG_k = L_(k-1)ᵀ dW R_kᵀ.

    Parameters
    ----------
    in_factors, out_factors : sequence of int
        Ranges n_k and m_k of the digits, as many of both; their products are the widths.
    rank : int
        Every r_k, or less where fewer suffice for any matrix.

    Raises
    ------
    ValueError
        If inputs and outputs have different numbers of factors, or a factor or the rank is below 1.

    Examples
    --------
    >>> from minisnn import baselines
    >>> layer = baselines.TensorTrain((7, 8, 14), (10, 10, 10), rank=5)
    >>> layer
    TensorTrain(784 -> 1000, 3050 parameters)
    >>> layer.ranks
    (1, 5, 5, 1)
    """

    def __init__(self, in_factors: Sequence[int], out_factors: Sequence[int], rank: int) -> None:
        self.in_factors = tuple(as_list(in_factors, "in_factors", "whole numbers"))
        self.out_factors = tuple(as_list(out_factors, "out_factors", "whole numbers"))
        if len(self.in_factors) != len(self.out_factors) or not self.in_factors:
            raise ValueError(
                "in_factors and out_factors must be as many, one of each for a core, "
                f"got {self.in_factors} and {self.out_factors}"
            )
        for factor in self.in_factors + self.out_factors:
            check_positive_integer(factor, "a factor")
        pairs = [m * n for m, n in zip(self.out_factors, self.in_factors, strict=True)]
        rank = check_positive_integer(rank, "rank")
        self.ranks = tuple(
            1 if k in (0, len(pairs)) else min(rank, math.prod(pairs[:k]), math.prod(pairs[k:]))
            for k in range(len(pairs) + 1)
        )
        self._cores = list(zip(self.ranks, pairs, self.ranks[1:], strict=False))
        super().__init__(
            math.prod(self.in_factors),
            math.prod(self.out_factors),
            sum(map(math.prod, self._cores)),
        )

    @classmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        factors = _factors(n_in), _factors(n_out)[::-1]  # large with small: cores of like sizes
        below = above = cls(*factors, rank=1)
        while above.n_parameters < n_weights:
            below, above = above, cls(*factors, rank=max(above.ranks) + 1)
            if above.ranks == below.ranks:  # it can represent any matrix
                break
        return min(below, above, key=lambda layer: abs(layer.n_parameters - n_weights))

    def initial(self, rng: np.random.Generator) -> Array:
        """Return cores of equal variance s²; an entry sums up r_1 … r_(d-1) products: s^(2 d)."""
        variance = self.deviation**2 / math.prod(self.ranks)
        return rng.standard_normal(self.n_parameters) * variance ** (0.5 / len(self._cores))

    def _expand(self, theta: Array) -> Array:
        """Return the products of the cores, in the order of a matrix."""
        pairs = zip(self.out_factors, self.in_factors, strict=True)
        whole = self._products_from_left(self._split(theta))[-1]
        digits = whole.reshape([factor for pair in pairs for factor in pair])
        axes = range(digits.ndim)
        return digits.transpose([*axes[::2], *axes[1::2]]).reshape(self.shape[::-1])

    def _adjoint(self, theta: Array, dW: Array) -> Array:
        """Return dG_k = L_(k-1)ᵀ dW R_kᵀ for each core, in one vector."""
        d = len(self._cores)
        by_digits = dW.reshape(self.out_factors + self.in_factors)
        dW = by_digits.transpose([axis for k in range(d) for axis in (k, d + k)])
        cores = self._split(theta)
        right = np.ones((1, 1), dtype=theta.dtype)
        gradients = []
        for core, left in zip(cores[::-1], self._products_from_left(cores)[-2::-1], strict=True):
            before, pair, after = core.shape
            halfway = product(left.T, dW.reshape(len(left), -1)).reshape(before * pair, -1)
            gradients.append(product(halfway, right.T).ravel())
            right = product(core.reshape(before * pair, after), right).reshape(before, -1)
        return np.concatenate(gradients[::-1])

    def _split(self, theta: Array) -> list[Array]:
        """Return the cores, real[r_(k-1), m_k n_k, r_k]."""
        ends = np.cumsum([math.prod(shape) for shape in self._cores])
        parts = np.split(theta, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._cores, strict=True)]

    def _products_from_left(self, cores: Sequence[Array]) -> list[Array]:
        """Return L_0 to L_d."""
        products = [np.ones((1, 1), dtype=cores[0].dtype)]
        for core in cores:
            longer = product(products[-1], core.reshape(len(core), -1))
            products.append(longer.reshape(-1, core.shape[-1]))
        return products


def _factors(width: int) -> tuple[int, ...]:
    """Return `_N_CORES` factors of a width, as equal as its divisors allow."""
    factors = []
    for left in range(_N_CORES, 0, -1):
        factors.append(min(divisors(width), key=lambda n: abs(n - width ** (1 / left))))
        width //= factors[-1]
    return tuple(factors)
