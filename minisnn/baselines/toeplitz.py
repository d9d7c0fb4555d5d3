"""Matrices of Toeplitz and of circulant blocks: weights shared along diagonals."""

from __future__ import annotations

from typing import Self

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from .._support.memory import check_fits
from ..topology.validation import check_widths
from .sharing import SharedWeights


class Toeplitz(SharedWeights):
    """Square blocks, each constant along its diagonals: t_(a-b) in row a, column b of a block.

    Source: V. Sindhwani, T. N. Sainath, S. Kumar, "Structured Transforms for Small-Footprint Deep
    Learning", NIPS 2015, arXiv:1510.01722. One block that holds all of W is the plain Toeplitz
    matrix of n_in + n_out - 1 weights; of smaller blocks each has 2 block - 1. Blocks at the right
    and lower edges are cut off where W ends; weights of which no entry is left are not counted.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.
    block : int
        Size of a block, 1 (then every entry is a weight of its own) to the larger width.

    Raises
    ------
    ValueError
        If the block is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn import baselines
    >>> baselines.Toeplitz(4, 3, block=4).expand(np.arange(6))
    array([[3, 2, 1, 0],
           [4, 3, 2, 1],
           [5, 4, 3, 2]])
    """

    def __init__(self, n_in: int, n_out: int, block: int) -> None:
        n_in, n_out = check_widths(n_in, n_out)
        self.block = check_positive_integer(block, "block")
        if self.block > max(n_in, n_out):
            raise ValueError(
                f"block must be at most {max(n_in, n_out)}, the larger width of {n_in} -> {n_out}, "
                f"got {block}"
            )
        check_fits(40 * n_in * n_out, f"the table of a matrix {n_in} -> {n_out}")
        rows, columns = np.arange(n_out)[:, None], np.arange(n_in)
        blocks_a_row = -(-n_in // self.block)
        number = rows // self.block * blocks_a_row + columns // self.block
        diagonal = self._diagonal(rows % self.block - columns % self.block)
        labels, table = np.unique(number * 2 * self.block + diagonal, return_inverse=True)
        super().__init__(len(labels), table.reshape(n_out, n_in))

    def _diagonal(self, offset: Array) -> Array:
        """Number the weights of a block, from 0, by row minus column."""
        return offset + self.block - 1

    @staticmethod
    def _weights_of(n_rows: int, n_columns: int, block: int) -> int:
        """Return the number of weights of a block that is cut to these rows and columns."""
        return n_rows + n_columns - 1

    @classmethod
    def _nearest(cls, n_in: int, n_out: int, n_weights: int) -> Self:
        def total(block: int) -> int:
            return sum(
                down * across * cls._weights_of(n_rows, n_columns, block)
                for down, n_rows in _pieces(n_out, block)
                for across, n_columns in _pieces(n_in, block)
            )

        sizes = range(1, max(n_in, n_out) + 1)
        return cls(n_in, n_out, min(sizes, key=lambda block: abs(total(block) - n_weights)))


class Circulant(Toeplitz):
    """The same of circulant blocks, whose rows are one row rotated: t_(a-b mod B), B weights.

    Source: Y. Cheng et al., "An Exploration of Parameter Redundancy in Deep Networks with Circulant
    Projections", ICCV 2015, arXiv:1502.03436; in blocks: C. Ding et al., "CirCNN", MICRO 2017,
    arXiv:1708.08917.

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output neurons.
    block : int
        Size of a block, 1 (then every entry is a weight of its own) to the larger width.

    Raises
    ------
    ValueError
        If the block is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn import baselines
    >>> baselines.Circulant(4, 3, block=4).expand(np.arange(4))
    array([[0, 3, 2, 1],
           [1, 0, 3, 2],
           [2, 1, 0, 3]])
    """

    def _diagonal(self, offset: Array) -> Array:
        return offset % self.block

    @staticmethod
    def _weights_of(n_rows: int, n_columns: int, block: int) -> int:
        return min(block, n_rows + n_columns - 1)


def _pieces(width: int, block: int) -> list[tuple[int, int]]:
    """Return (how many, how wide) of the pieces that a width is cut into: whole ones and a rest."""
    return [piece for piece in ((width // block, block), (1, width % block)) if all(piece)]
