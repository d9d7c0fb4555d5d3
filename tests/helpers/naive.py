"""Brute-force twins: obviously correct, slow, independent of the library's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def sigmoid(Z: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-Z))


ACTIVATIONS: dict[str, Callable[[Matrix], Matrix]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda Z: np.maximum(Z, 0),
    "leaky_relu": lambda Z: np.where(Z < 0, 0.1 * Z, Z),
    "identity": lambda Z: Z,
    "softmax": lambda Z: np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True),
}
"""By name, on (samples, n) pre-activations."""


def random_structure(
    rng: np.random.Generator, n_in: int, n_out: int, density: float, empty_rows: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """Return read-only (indptr, indices) of a random CSR structure with at least one edge."""
    mask = rng.random((n_out, n_in)) < density
    if empty_rows:
        mask[:: max(2, n_out // 3)] = False
    if not mask.any():
        mask[-1, 0] = True
    indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    indices = np.nonzero(mask)[1].astype(np.uint32)
    indptr.flags.writeable = indices.flags.writeable = False
    return indptr, indices


class MaskedNetwork:
    """Dense matrices with masks, as the paper's own program had them; (samples, n) activations."""

    def __init__(
        self, weights: Sequence[Matrix], masks: Sequence[Matrix], biases: Sequence[Matrix]
    ) -> None:
        self.weights = [w * m for w, m in zip(weights, masks, strict=True)]  # (n_in, n_out)
        self.masks = list(masks)
        self.biases = [b.copy() for b in biases]
        self._velocities = [np.zeros_like(p) for p in (*self.weights, *self.biases)]

    def forward(self, X: Matrix) -> list[Matrix]:
        activations = [X]
        for W, b in zip(self.weights, self.biases, strict=True):
            activations.append(sigmoid(activations[-1] @ W + b))
        return activations

    def gradients(self, X: Matrix, Y: Matrix) -> tuple[float, list[Matrix], list[Matrix]]:
        A = self.forward(X)
        loss = float(np.mean((A[-1] - Y) ** 2))
        dA = 2 * (A[-1] - Y) / Y.size
        dW, db = [], []
        for number in reversed(range(len(self.weights))):
            dZ = dA * A[number + 1] * (1 - A[number + 1])
            dW.insert(0, (A[number].T @ dZ) * self.masks[number])
            db.insert(0, dZ.sum(axis=0))
            dA = dZ @ self.weights[number].T
        return loss, dW, db

    def nesterov_step(self, X: Matrix, Y: Matrix, rate: float, momentum: float) -> float:
        loss, dW, db = self.gradients(X, Y)
        for p, v, g in zip(
            (*self.weights, *self.biases), self._velocities, (*dW, *db), strict=True
        ):
            v *= momentum
            v -= rate * g
            p += momentum * v - rate * g
        return loss


def related_structure(
    rng: np.random.Generator, n_in: int, n_out: int, density: float = 0.4, alike: float = 0.5
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return indptr and indices of rows that are alike, some of them empty."""
    rows = []
    row = rng.random(n_in) < density
    for _ in range(n_out):
        row = np.where(rng.random(n_in) < alike, row, rng.random(n_in) < density)
        rows.append(np.flatnonzero(row & (rng.random() < 0.9)))
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return indptr, np.concatenate([*rows, []]).astype(np.int64)
