"""One training step: batch, forward, backward, update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .graph import Array
from .kernels.dropout import key_of
from .mlp import MLP
from .optimizers import SGD
from .propagation import Propagation


class Stepper:
    """What training holds beside the network: velocities, buffers, the count of steps.

    Parameters
    ----------
    net : MLP
        Trained in place.
    X, Y : arrays
        Inputs and targets, as `minisnn.checks` returns them.
    optimizer : SGD
        How a step is made of a gradient.
    batch_size : int
        Largest number of samples in a step.
    loss : str
        Name of the loss.
    dropout : sequence of float
        Rates for the input and each hidden layer.
    input_scale : float
        Factor on the inputs.
    seed : int
        Seed of the dropout masks.
    """

    def __init__(
        self,
        net: MLP,
        X: Array,
        Y: Array,
        *,
        optimizer: SGD,
        batch_size: int,
        loss: str = "mse",
        dropout: Sequence[float] = (),
        input_scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        self._parameters = net.parameters
        self._velocities = np.zeros_like(net.parameters)
        self._propagation = Propagation(net.layers, batch_size, backward=True)
        self._X, self._Y = X, Y
        self._optimizer, self._loss = optimizer, loss
        self._rates, self._scale, self._seed = dropout, input_scale, seed
        self._steps = 0

    def compile(self) -> None:
        """Compile every kernel that a step calls, or load it; nothing is trained."""
        self._propagate(np.zeros(1, dtype=np.int64))
        nothing = self._parameters[:0]
        self._optimizer.update(nothing, nothing, nothing, 0.0)

    def step(self, samples: Array, rate: float) -> float:
        """Train on ``X[samples]`` with a learning rate; return the loss before the update."""
        loss = self._propagate(samples)
        self._optimizer.update(
            self._parameters, self._velocities, self._propagation.gradients, rate
        )
        self._steps += 1
        return loss

    def _propagate(self, samples: Array) -> float:
        keys = [key_of(self._seed, self._steps, layer) for layer in range(len(self._rates))]
        self._propagation.forward(self._X, samples, self._scale, self._rates, keys)
        return self._propagation.backward(self._Y, samples, self._loss)
