"""Plain twins of the kernels for tests: NumPy and SciPy, slow and obviously correct.

Same arguments, but results are returned instead of written into the last argument, and arrays
have no padding: (features, samples).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.special

Array = npt.NDArray[Any]


def _matrix(indptr: Array, indices: Array, values: Array, n_columns: int) -> Any:
    shape = (len(indptr) - 1, n_columns)
    return scipy.sparse.csr_array((values, indices.astype(np.int64), indptr), shape=shape)


def sigmoid(Z: Array) -> Array:
    """1 / (1 + exp(-Z))."""
    return np.asarray(scipy.special.expit(Z))


class Activation(NamedTuple):
    """f(Z), of a softmax over each column; and f'(Z) from a = f(Z)."""

    values: Callable[[Array], Any]
    slopes: Callable[[Array], Any] | None
    shows_dropped: bool = False


ACTIVATIONS = {
    "identity": Activation(lambda Z: Z, np.ones_like),
    "sigmoid": Activation(sigmoid, lambda a: a * (1 - a), shows_dropped=True),
    "tanh": Activation(np.tanh, lambda a: 1 - a**2),
    "relu": Activation(lambda Z: np.maximum(Z, 0), lambda a: a > 0, shows_dropped=True),
    "leaky_relu": Activation(
        lambda Z: np.where(Z < 0, 0.1 * Z, Z), lambda a: np.where(a > 0, 1, 0.1)
    ),
    "softmax": Activation(lambda Z: scipy.special.softmax(Z, axis=0), None),
}


def activate(activation: str, Z: Array) -> Array:
    """f(Z), a softmax over each column."""
    return np.asarray(ACTIVATIONS[activation].values(Z))


def bias_activation(activation: str, biases: Array, Z: Array) -> Array:
    """f(Z + b)."""
    return activate(activation, Z + biases[:, None])


def forward(
    activation: str, indptr: Array, indices: Array, weights: Array, biases: Array, X: Array
) -> Array:
    """f(W X + b)."""
    return bias_activation(activation, biases, _matrix(indptr, indices, weights, len(X)) @ X)


def weight_gradient(indptr: Array, indices: Array, dZ: Array, X: Array) -> tuple[Array, Array]:
    """dZ X^T edge by edge, and the row sums of dZ."""
    targets = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    dW = np.array([dZ[i] @ X[j] for i, j in zip(targets, indices, strict=True)], dtype=dZ.dtype)
    return dW, dZ.sum(axis=1)


def input_gradient(indptr: Array, indices: Array, weights: Array, n_in: int, dZ: Array) -> Array:
    """W^T dZ, from the structure of W itself."""
    return np.asarray(_matrix(indptr, indices, weights, n_in).T @ dZ)


def activation_slope(activation: str, A: Array, keep: float, dA: Array) -> Array:
    """dA times the derivative of f(Z), from dropout(f(Z)); of what shows it, dropout's, too."""
    row = ACTIVATIONS[activation]
    assert row.slopes is not None
    slopes = row.slopes(A * keep) / (keep if row.shows_dropped else 1)
    return np.asarray(dA * slopes).astype(dA.dtype)


def squared_error(A: Array, T: Array) -> tuple[float, Array]:
    """Mean over samples and outputs of (A - T)^2, and its gradient by A."""
    return float(np.mean((A - T) ** 2)), 2 * (A - T) / A.size


def huber(A: Array, T: Array) -> tuple[float, Array]:
    """Mean over samples and outputs of Huber's loss with delta 1, and its gradient by A."""
    return float(np.mean(scipy.special.huber(1, A - T))), np.clip(A - T, -1, 1) / A.size


def binary_cross_entropy(Z: Array, T: Array) -> tuple[float, Array]:
    """Mean over samples and outputs of the cross-entropy of sigmoid(Z), its gradient by Z."""
    terms = -T * scipy.special.log_expit(Z) - (1 - T) * scipy.special.log_expit(-Z)
    return float(np.mean(terms)), (sigmoid(Z) - T) / Z.size


def cross_entropy(Z: Array, T: Array) -> tuple[float, Array]:
    """Mean over samples of the cross-entropy of softmax(Z), its gradient by Z."""
    terms = -T * scipy.special.log_softmax(Z, axis=0)
    return float(terms.sum() / Z.shape[1]), (scipy.special.softmax(Z, axis=0) - T) / Z.shape[1]


LOSSES = {
    "mse": squared_error,
    "huber": huber,
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
}


def momentum_update(
    weights: Array,
    velocities: Array,
    gradients: Array,
    rate: float,
    momentum: float,
    nesterov: bool,
    decay: float = 0.0,
    l1: float = 0.0,
) -> tuple[Array, Array]:
    """New weights and velocities, in Keras's form, of gradients with what draws weights to 0."""
    gradients = gradients + decay * weights + l1 * np.sign(weights)
    velocities = momentum * velocities - rate * gradients
    step = momentum * velocities - rate * gradients if nesterov else velocities
    return weights + step, velocities


def adam_update(
    weights: Array,
    means: Array,
    squares: Array,
    gradients: Array,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    step: int,
    decay: float = 0.0,
    l1: float = 0.0,
) -> tuple[Array, Array, Array]:
    """New weights, means and squares after step 1, 2, ..., as Kingma and Ba write it."""
    weights = weights - rate * l1 * np.sign(weights)
    means = betas[0] * means + (1 - betas[0]) * gradients
    squares = betas[1] * squares + (1 - betas[1]) * gradients**2
    corrected = means / (1 - betas[0] ** step), squares / (1 - betas[1] ** step)
    moved = rate * corrected[0] / (np.sqrt(corrected[1]) + epsilon)
    return weights - rate * decay * weights - moved, means, squares


def row_sums(dZ: Array) -> Array:
    """Row sums."""
    return np.asarray(dZ.sum(axis=1))


def _mix(x: Array) -> Array:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def dropout(A: Array, rate: float, key: int) -> Array:
    """A with a share ``rate`` of zeros, the rest divided by 1 - rate."""
    rows = np.arange(A.shape[0], dtype=np.uint32)[:, None]
    columns = np.arange(A.shape[1], dtype=np.uint32)[None, :]
    row_keys = _mix(_mix(np.array([[key]], dtype=np.uint32)) + rows)
    kept = _mix(row_keys + columns) >= int(rate * 2**32)
    return np.where(kept, A / A.dtype.type(1 - rate), A.dtype.type(0))


def gather(data: Array, samples: Array, scale: float, dtype: Any) -> Array:
    """The samples as columns, scaled."""
    return np.asarray((data[samples].astype(np.float64) * scale).T.astype(dtype))


def one_hot(labels: Array, samples: Array, n_out: int, dtype: Any) -> Array:
    """One column per sample, 1 in the row of its label."""
    return np.eye(n_out, dtype=dtype)[:, labels[samples]]
