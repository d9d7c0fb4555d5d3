"""Forward and backward through a network, on buffers made once for a batch size.

With dropout masks M_l (see `minisnn.kernels.dropout`; all ones without dropout), A_0 the scaled
inputs and T the targets, in matrix form with one sample a column::

    forward    A_0 = M_0 * scale * X
               A_l = M_l * sigmoid(W_l A_(l-1) + b_l)         M of the last layer is 1
    loss       L   = mean (A_L - T)^2
    backward   dA_L = 2 (A_L - T) / (N n_L)
               dZ_l = dA_l * M_l * sigmoid'(Z_l)
               dW_l = dZ_l A_(l-1)^T  on the edges,   db_l = dZ_l 1
               dA_(l-1) = W_l^T dZ_l
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .graph import Array
from .kernels import batch, dropout, elementwise
from .kernels.layout import feature_major
from .kernels.threads import launch, threads_for_values
from .layer import Layer, n_parameters, split_parameters

LOSSES = {"mse": elementwise.squared_error}
"""Losses by name: kernel(A, T, n_samples, losses, dA), losses being the share of each output."""


class Propagation:
    """The buffers of one network for batches of up to ``batch_size`` samples.

    Parameters
    ----------
    layers : sequence of Layer
        The network, whose weights are read at each call.
    batch_size : int
        Largest number of samples in a batch.
    backward
        Whether to make the buffers of the backward pass, which a prediction does not need.
    """

    def __init__(self, layers: Sequence[Layer], batch_size: int, *, backward: bool = False) -> None:
        launch()
        self._layers = layers
        self._real = layers[0].weights.dtype.type
        self._n_samples = 0
        graphs = [layer.topology for layer in layers]
        self._widths = [graphs[0].n_in, *(graph.n_out for graph in graphs)]
        self._batch_size = batch_size
        self._activations = self._buffers(self._widths)
        if backward:
            self._deltas = self._buffers(self._widths[1:])
            (self._targets,) = self._buffers(self._widths[-1:])
            self._losses = np.empty(self._widths[-1])
            self.gradients = np.empty(n_parameters(graphs), dtype=self._real)
            self._views = split_parameters(self.gradients, graphs)

    def _buffers(self, widths: Sequence[int]) -> list[Array]:
        return [feature_major(width, self._batch_size, self._real) for width in widths]

    def _drop(self, layer: int, array: Array) -> None:
        with threads_for_values(array):
            dropout.dropout(array, self._rates[layer], self._keys[layer])

    def activations(self, layer: int) -> Array:
        """Return the activations of a layer, 0 being the inputs, as a (samples, n) view."""
        return self._activations[layer][:, : self._n_samples].T

    def forward(
        self,
        X: Array,
        samples: Array,
        scale: float,
        rates: Sequence[float] = (),
        keys: Sequence[int] = (),
    ) -> None:
        """Run the samples ``X[samples]``, scaled, through the network.

        ``rates`` and ``keys`` are the dropout rates and keys of the input and the hidden layers;
        without them nothing is dropped.
        """
        A = self._activations
        self._n_samples = len(samples)
        self._rates = tuple(rates) or (0.0,) * len(self._layers)
        self._keys = tuple(keys) or (0,) * len(self._layers)
        with threads_for_values(A[0]):
            batch.gather(X, samples, scale, A[0])
        for number, layer in enumerate(self._layers):
            if self._rates[number]:
                self._drop(number, A[number])
            layer.plan.forward(layer.weights, layer.biases, A[number], A[number + 1])

    def backward(self, Y: Array, samples: Array, loss: str) -> float:
        """Return the loss of the last forward pass against ``Y[samples]``; fill `gradients`."""
        A, dZ = self._activations, self._deltas
        if Y.ndim == 1:
            batch.gather_one_hot(Y, samples, self._targets)
        else:
            with threads_for_values(self._targets):
                batch.gather(Y, samples, 1.0, self._targets)
        with threads_for_values(dZ[-1]):
            LOSSES[loss](A[-1], self._targets, len(samples), self._losses, dZ[-1])
        for number in reversed(range(len(self._layers))):
            layer, (dW, db) = self._layers[number], self._views[number]
            is_last = number == len(self._layers) - 1
            keep = 1.0 if is_last else 1.0 - self._rates[number + 1]
            with threads_for_values(dZ[number]):
                elementwise.sigmoid_slope(A[number + 1], self._real(keep), dZ[number])
            layer.plan.weight_gradient(dZ[number], A[number], dW, db)
            if number:
                layer.plan.input_gradient(layer.weights, dZ[number], dZ[number - 1])
        return float(self._losses.sum())

    def input_gradient(self, scale: float) -> Array:
        """Return the gradient by X of the last backward pass, (samples, n_in)."""
        (dX,) = self._buffers(self._widths[:1])
        first = self._layers[0]
        first.plan.input_gradient(first.weights, self._deltas[0], dX)
        if self._rates[0]:
            self._drop(0, dX)
        return np.ascontiguousarray(dX[:, : self._n_samples].T) * self._real(scale)

    def predict(self, X: Array, scale: float) -> Array:
        """Return the outputs (samples, n_out) for all of X, batch by batch."""
        outputs = np.empty((len(X), self._widths[-1]), dtype=self._real)
        for start in range(0, len(X), self._batch_size):
            samples = np.arange(start, min(start + self._batch_size, len(X)))
            self.forward(X, samples, scale)
            outputs[samples] = self.activations(-1)
        return outputs
