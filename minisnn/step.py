"""Steps of training: batch, forward, backward, update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .checks import Samples
from .graph import Array
from .kernels.engine import TRAIN
from .mlp import MLP
from .optimizers import SGD
from .passes import keeps_bytes
from .propagation import Propagation

_FIRST_CHUNK = 3e7  # cycles, some ten milliseconds


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
        dropout: Sequence[float] = (),
        seed: int = 0,
    ) -> None:
        as_bytes = keeps_bytes(samples.inputs, dropout)
        self.plan = net.plan_for(batch_size, TRAIN, keeps_bytes=as_bytes)
        self._propagation = Propagation(self.plan, net.parameters, np.zeros_like(net.parameters))
        self._samples, self._optimizer = samples, optimizer
        self._dropout, self._seed = dropout, seed
        self._steps = 0
        # How many steps to make at once, for the caller to change as it sees how long they take.
        self.chunk = max(1, int(_FIRST_CHUNK / self.plan.cycles))

    def compile(self) -> None:
        """Compile what a step calls, or load it; nothing is trained."""
        self.run(np.empty(0, dtype=np.int64), np.empty(0))

    def run(self, samples: Array, rates: Array) -> Array:
        """Train on the samples with these numbers; return the losses before each update.

        Parameters
        ----------
        samples : array of int64
            One batch after another, all but the last of the full size.
        rates : array of float64
            The learning rate of each batch.
        """
        losses, _ = self._propagation.run(
            self._samples.inputs,
            self._samples.targets,
            samples,
            self._samples.scale,
            dropout=self._dropout,
            seed=self._seed,
            first_step=self._steps,
            rates=rates,
            momentum=self._optimizer.momentum,
            nesterov=self._optimizer.nesterov,
        )
        self._steps += len(rates)
        return losses
