"""One training step: batch, forward, backward, update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .checks import Samples
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
    samples : Samples
        What it is trained on.
    optimizer : SGD
        How a step is made of a gradient.
    batch_size : int
        Largest number of samples in a step.
    loss : str
        Name of the loss.
    dropout : sequence of float
        Rates for the input and each hidden layer.
    seed : int
        Seed of the dropout masks.
    """

    def __init__(
        self,
        net: MLP,
        samples: Samples,
        *,
        optimizer: SGD,
        batch_size: int,
        loss: str = "mse",
        dropout: Sequence[float] = (),
        seed: int = 0,
    ) -> None:
        self._parameters = net.parameters
        self._velocities = np.zeros_like(net.parameters)
        self._propagation = Propagation(net.layers, batch_size, backward=True)
        self._samples, self._optimizer, self._loss = samples, optimizer, loss
        self._rates, self._seed = dropout, seed
        self._steps = 0

    def compile(self) -> None:
        """Compile every kernel that a step calls, or load it; nothing is trained."""
        self._propagate(np.zeros(1, dtype=np.int64))
        nothing = self._parameters[:0]
        self._optimizer.update(nothing, nothing, nothing, 0.0)

    def step(self, batch: Array, rate: float) -> float:
        """Train on the samples with these numbers; return their loss before the update."""
        loss = self._propagate(batch)
        self._optimizer.update(
            self._parameters, self._velocities, self._propagation.gradients, rate
        )
        self._steps += 1
        return loss

    def _propagate(self, batch: Array) -> float:
        samples = self._samples
        keys = [key_of(self._seed, self._steps, layer) for layer in range(len(self._rates))]
        self._propagation.forward(samples.inputs, batch, samples.scale, self._rates, keys)
        return self._propagation.backward(samples.targets, batch, self._loss)
