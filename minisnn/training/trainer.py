"""Steps of training: batch, forward, backward, update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from .._support.arrays import Array
from ..kernels.program.plan import Plan
from ..kernels.program.records import TRAIN
from ..network.base import SparseNetwork
from ..network.execution import Diverged, Execution
from ..network.losses import LOSSES, Loss
from ..network.passes import drops_of, keeps_bytes
from ..network.samples import Samples
from .constraints import Constraints, bounds, with_signs
from .optimizer import Optimizer, updates_of

_FIRST_CHUNK = 3e7  # cycles, some ten milliseconds


class AnyTrainer(Protocol):
    """Protocol between the loop and an object that makes the steps, such as `Trainer`."""

    plan: Plan
    chunk: int  # how many steps to make at once, for the loop to change
    initial_seed: int | None  # seed of the parameters before the training

    @property
    def parameters(self) -> Array:
        """The vector that is trained."""
        ...

    def compile(self) -> None:
        """Compile what a step calls, or load it; nothing is trained."""

    def steps(self, samples: Array, rates: Array) -> Array:
        """Train on samples, batch after batch; return the losses before each update.

        Where targets may be missing, there is a column for the part of each output.
        A step of which not all is finite is `Diverged`.
        """
        ...

    def state(self) -> dict[str, Array]:
        """Return all that the next step depends on, ``parameters`` and ``steps`` among it.

        The arrays may be those that the next step changes. Their names, shapes and dtypes stay
        the same throughout a training.
        """
        ...

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a state, which is copied."""

    def activations_of(self, layer: int, n_samples: int) -> Array:
        """Return a layer's activations in the last step, of the first samples; 0 is the input."""
        ...

    def fingerprint(self) -> str:
        """Return the fingerprint of the network, independent of its weights."""
        ...


class Trainer:
    """State of training beside the network: the optimiser's state, buffers, the count of steps.

    Parameters
    ----------
    net : MLP or Network
        Trained in place.
    samples : Samples
        Training data.
    optimizer : Optimizer
        Optimiser that makes a step from a gradient.
    batch_size : int
        Largest number of samples in a step.
    loss : Loss
        Loss that is minimised.
    dropout : sequence of float
        Rates for the input and each hidden layer.
    seed : int
        Seed of the dropout masks.
    constraints : Constraints, optional
        Constraints that each step keeps.
    """

    def __init__(
        self,
        net: SparseNetwork,
        samples: Samples,
        *,
        optimizer: Optimizer,
        batch_size: int,
        loss: Loss = LOSSES["mse"],
        dropout: Sequence[float] = (),
        seed: int = 0,
        constraints: Constraints | None = None,
    ) -> None:
        self.plan = net.plan_for(
            batch_size,
            TRAIN,
            keeps_bytes=keeps_bytes(samples, dropout),
            drops=drops_of(dropout),
            logits=loss.wants_logits,
            clips=optimizer.clip_norm is not None,
            gaps=samples.targets.gaps,
            bounded=constraints is not None,
        )
        self.parameters, self._state = net.parameters, optimizer.initial_state(net.parameters)
        self._codes: Array | None = None
        limits = None
        if constraints is not None:
            self._codes = constraints.codes(net)
            limits = bounds(self._codes, self.parameters)
        self._bounds = limits
        self._execution = Execution(self.plan, self.parameters, self._state, limits)
        self._net = net
        self._samples, self._optimizer, self._loss = samples, optimizer, loss
        self._dropout, self._seed = dropout, seed
        self._n_steps = 0
        self.chunk = max(1, int(_FIRST_CHUNK / self.plan.cycles))

    @property
    def initial_seed(self) -> int | None:
        """Seed of the network's initial weights; see `AnyTrainer`."""
        return self._net.seed

    @initial_seed.setter
    def initial_seed(self, seed: int | None) -> None:
        self._net._seed = seed

    def compile(self) -> None:
        """Compile what a step calls, or load it; nothing is trained."""
        self.steps(np.empty(0, dtype=np.int64), np.empty(0))

    def steps(self, samples: Array, rates: Array) -> Array:
        """Train on the samples in these rows; return the losses before each update.

        They are as those of `AnyTrainer`.

        Parameters
        ----------
        samples : array of int64
            One batch after another, all but the last of the full size.
        rates : array of float64
            The learning rate of each batch.

        Raises
        ------
        Diverged
            If not all of a step is finite; those before it are made, and count.
        """
        if self._codes is not None and len(samples):
            self.parameters[:] = with_signs(self._codes, self.parameters)
        try:
            losses, _ = self._execution.run(
                self._samples,
                samples,
                loss=self._loss,
                dropout=self._dropout,
                seed=self._seed,
                first_step=self._n_steps,
                updates=updates_of(self._optimizer, rates, self._n_steps),
            )
        except Diverged as diverged:
            self._n_steps += diverged.step
            raise
        self._n_steps += len(rates)
        return losses

    def state(self) -> dict[str, Array]:
        """Return all that the next step depends on; see `AnyTrainer`."""
        return {
            "parameters": self.parameters,
            "optimizer": self._state,
            "steps": np.array(self._n_steps),
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a state; see `AnyTrainer`."""
        self.parameters[:] = state["parameters"]
        self._state[:] = state["optimizer"]
        self._n_steps = int(state["steps"])
        self._keep_frozen()

    def _keep_frozen(self) -> None:
        """Let bounds follow the values of parameters that stay as they are."""
        if self._codes is not None and self._bounds is not None:
            for own, new in zip(self._bounds, bounds(self._codes, self.parameters), strict=True):
                own[:] = new

    def activations_of(self, layer: int, n_samples: int) -> Array:
        """Return a layer's activations in the last step; see `AnyTrainer`."""
        return self._execution.activations_of(layer, n_samples)

    def fingerprint(self) -> str:
        """Return the fingerprint of the network: its shape and its wiring."""
        return self._net.fingerprint()
