"""What is worked out once from a layer's fixed structure, and the products that follow from it.

Two plans offer the same three products. `SparsePlan` runs the kernels of `products` and holds,
beside the structure itself, its transpose. `DensePlan` runs BLAS, the best dense product there
is, and holds nothing. Weights have the same order in both: by output neuron, then by input.

`runs_on_blas` chooses for a whole network, since our kernels and BLAS do not share their threads
(`threads`): BLAS where most connections lie in wide complete layers, else our kernels for all
layers, complete ones too. A narrow complete layer, such as ten outputs, is no reason for BLAS:
its product is small. Our kernels also give the same bits for any number of threads; BLAS does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from . import elementwise, products, sigmoid
from .threads import threads_for

NARROW = 32
"""A complete layer with fewer outputs than this is no reason to run a network on BLAS."""

Array = npt.NDArray[Any]


class Plan(Protocol):
    """The products of one layer; see `minisnn.kernels.products` for the arrays' shapes."""

    @property
    def nbytes(self) -> int:
        """Bytes that the structure takes, index arrays of both directions together."""
        ...

    def forward(self, weights: Array, biases: Array, X: Array, A: Array) -> None:
        """A = sigmoid(W X + b)."""
        ...

    def weight_gradient(self, dZ: Array, X: Array, dW: Array, db: Array) -> None:
        """dW = dZ X^T on the edges, db = row sums of dZ."""
        ...

    def input_gradient(self, weights: Array, dZ: Array, dX: Array) -> None:
        """dX = W^T dZ."""
        ...


@dataclass(frozen=True, eq=False)
class SparsePlan:
    """Products on the edges of W, given as CSR by output neuron.

    Parameters
    ----------
    n_in
        Number of inputs.
    indptr, indices
        int64[n_out + 1] and uint32[edges]: CSR structure of W, checked by the caller.
    """

    n_in: int
    indptr: Array
    indices: Array
    transposed_indptr: Array = field(init=False, repr=False)
    transposed_indices: Array = field(init=False, repr=False)
    transposed_edges: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n_out = len(self.indptr) - 1
        # A stable sort by input keeps the outputs of each input in ascending order.
        edges = np.argsort(self.indices, kind="stable").astype(np.uint32)
        targets = np.repeat(np.arange(n_out, dtype=np.uint32), np.diff(self.indptr))
        degrees = np.bincount(self.indices, minlength=self.n_in)
        indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
        for name, array in (
            ("transposed_indptr", indptr),
            ("transposed_indices", targets[edges]),
            ("transposed_edges", edges),
        ):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def nbytes(self) -> int:
        """Bytes of the index arrays, both directions together."""
        return sum(
            array.nbytes
            for array in (
                self.indptr,
                self.indices,
                self.transposed_indptr,
                self.transposed_indices,
                self.transposed_edges,
            )
        )

    def forward(self, weights: Array, biases: Array, X: Array, A: Array) -> None:
        """A = sigmoid(W X + b)."""
        with self._threads(X):
            products.forward(self.indptr, self.indices, weights, biases, X, A)

    def weight_gradient(self, dZ: Array, X: Array, dW: Array, db: Array) -> None:
        """dW = dZ X^T on the edges, db = row sums of dZ."""
        with self._threads(X):
            products.weight_gradient(self.indptr, self.indices, dZ, X, dW, db)

    def input_gradient(self, weights: Array, dZ: Array, dX: Array) -> None:
        """dX = W^T dZ."""
        with self._threads(dX):
            products.input_gradient(
                self.transposed_indptr,
                self.transposed_indices,
                self.transposed_edges,
                weights,
                dZ,
                dX,
            )

    def _threads(self, activations: Array) -> threads_for:
        return threads_for(2 * len(self.indices) * activations.shape[1])


@dataclass(frozen=True)
class DensePlan:
    """Products of a complete graph by BLAS; the weights are W itself, row by row."""

    n_in: int
    n_out: int

    @property
    def nbytes(self) -> int:
        """Bytes of the index arrays, both directions together."""
        return 0

    def _matrix(self, weights: Array) -> Array:
        return weights.reshape(self.n_out, self.n_in)

    def forward(self, weights: Array, biases: Array, X: Array, A: Array) -> None:
        """A = sigmoid(W X + b)."""
        np.matmul(self._matrix(weights), X, out=A)
        sigmoid.bias_sigmoid(biases, A)

    def weight_gradient(self, dZ: Array, X: Array, dW: Array, db: Array) -> None:
        """dW = dZ X^T on the edges, db = row sums of dZ."""
        np.matmul(dZ, X.T, out=self._matrix(dW))
        elementwise.row_sums(dZ, db)

    def input_gradient(self, weights: Array, dZ: Array, dX: Array) -> None:
        """dX = W^T dZ."""
        np.matmul(self._matrix(weights).T, dZ, out=dX)


def runs_on_blas(shapes: Sequence[tuple[int, int, int]]) -> bool:
    """Return whether a network's complete layers run on BLAS; see the module for the rule.

    Parameters
    ----------
    shapes
        n_in, n_out and number of edges of each layer.
    """
    wide = sum(
        n_edges for n_in, n_out, n_edges in shapes if n_edges == n_in * n_out and n_out >= NARROW
    )
    return 2 * wide > sum(n_edges for _, _, n_edges in shapes)
