"""Forward and backward passes: choose a plan, allocate buffers, call the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from .._support.arrays import Array
from ..kernels.machine.threads import get_num_threads
from ..kernels.program.one_sample import KINDS, TAKEN, OneSample
from ..kernels.program.plan import Plan
from ..kernels.program.records import DIFFERENTIATE, PREDICT
from ..kernels.program.structure import Structure
from .execution import Execution
from .losses import Loss
from .samples import Samples

PREDICTION_BATCH = 128  # samples; as many as fill the tile on the widest registers
_PLANS_KEPT = 8


class Passes:
    """A network's structure and parameters, and the plans that have been made for them.

    Parameters
    ----------
    structure : Structure
        The structure of all layers.
    parameters : array, shape (n_parameters,)
        Weights and biases; read at each pass.
    """

    def __init__(self, structure: Structure, parameters: Array) -> None:
        self.structure, self._parameters = structure, parameters
        # Never changed, but replaced: another thread may be looking for a plan in it.
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._one: OneSample | None = None

    @property
    def structure_bytes(self) -> int:
        """Bytes of the index arrays and tables."""
        one = 0 if self._one is None else self._one.nbytes
        return self.structure.nbytes + one + sum(plan.nbytes for plan in self._plans.values())

    def plan_for(
        self,
        batch_size: int,
        purpose: int,
        *,
        keeps_bytes: bool = False,
        drops: tuple[bool, ...] = (),
        logits: bool = False,
        clips: bool = False,
        gaps: bool = False,
        bounded: bool = False,
    ) -> Plan:
        """Return the plan of batches of a size, which is kept for the next call."""
        n_threads = get_num_threads()
        options: dict[str, Any] = {
            "keeps_bytes": keeps_bytes,
            "drops": drops,
            "logits": logits,
            "clips": clips,
            "gaps": gaps,
            "bounded": bounded,
        }
        key = (batch_size, purpose, n_threads, *options.values())
        plan = self._plans.get(key)
        if plan is None:
            dtype = self._parameters.dtype
            plan = Plan(self.structure, batch_size, dtype, purpose, n_threads, **options)
            latest = list(self._plans.items())[1 - _PLANS_KEPT :]
            self._plans = {**dict(latest), key: plan}
        return plan

    def _run(
        self,
        purpose: int,
        batch_size: int,
        samples: Samples,
        *,
        logits: bool = False,
        dropout: Sequence[float] = (),
        **options: Any,
    ) -> tuple[Execution, Array, Array]:
        """Return the buffers, losses and outputs of one pass over all samples."""
        plan = self.plan_for(
            batch_size,
            purpose,
            keeps_bytes=keeps_bytes(samples, dropout),
            drops=drops_of(dropout),
            logits=logits,
            gaps=samples.targets is not None and samples.targets.gaps and purpose != PREDICT,
        )
        execution = Execution(plan, self._parameters)
        return execution, *execution.run(samples, samples.order(), dropout=dropout, **options)

    def forward(self, samples: Samples) -> list[Array]:
        """Return the activations of each layer, a row for each sample."""
        n_samples = samples.n_samples
        execution = self._run(PREDICT, n_samples, samples)[0]
        layers = range(1, len(self.structure.groups))
        return [execution.activations_of(layer, n_samples) for layer in layers]

    def activations(self, samples: Samples) -> Array:
        """Return the activations of all neurons, a row for each sample, made batch by batch."""
        n_inputs, size = self.structure.n_inputs, min(samples.n_samples, PREDICTION_BATCH)
        execution = Execution(
            self.plan_for(size, PREDICT, keeps_bytes=keeps_bytes(samples)), self._parameters
        )
        order, n_neurons = samples.order(), self.structure.n_rows - n_inputs
        values = np.empty((len(order), n_neurons), self._parameters.dtype)
        for begin in range(0, len(order), size):
            batch = order[begin : begin + size]
            execution.run(samples, batch)
            values[begin : begin + size] = execution.activations[n_inputs:, : len(batch)].T
        return values

    def differentiate(
        self, samples: Samples, *, loss: Loss, **options: Any
    ) -> tuple[float, Array, Array]:
        """Return the loss over all samples as one batch, and its gradients.

        These are by all parameters, and by the inputs as they were passed.
        """
        n_samples = samples.n_samples
        options |= {"loss": loss, "logits": loss.wants_logits}
        execution, losses, _ = self._run(DIFFERENTIATE, n_samples, samples, **options)
        by_inputs = execution.input_gradients(n_samples)
        by_inputs *= by_inputs.dtype.type(samples.scale)
        return float(losses.sum()), execution.gradients, by_inputs

    def check(self, samples: Samples) -> None:
        """Raise a DataError unless the network can read all values of samples."""
        samples.taking(self.structure.inputs).check(samples.order(), self._parameters.dtype)

    def predict(self, samples: Samples, *, logits: bool = False) -> Array:
        """Return the outputs, a row for each sample; or their pre-activations."""
        if samples.n_samples == 1:
            return self._predict_one(samples, logits=logits)
        batch_size = min(samples.n_samples, PREDICTION_BATCH)
        return self._run(PREDICT, batch_size, samples, logits=logits)[2]

    def predict_one(self, X: Any, scale: Any) -> Array | None:
        """Return the outputs for an array of one sample; None for all that must be checked first.

        The checks of `samples` would take several times as long as the kernel.
        """
        if type(X) is not np.ndarray or X.shape != (1, self.structure.n_in):
            return None
        kind = KINDS.get(X.dtype)
        if kind is None or type(scale) not in (float, int) or not 1e-30 < abs(scale) < 1e30:
            return None
        if not X.flags.carray:  # Numba would compile the kernel for others, too
            X = X.copy()
        return self._one_sample.run(X, kind, float(scale), self._parameters, False)

    def _predict_one(self, samples: Samples, *, logits: bool) -> Array:
        """Return the same for one sample of any form that has been checked."""
        samples = samples.taking(self.structure.inputs)
        samples.check(samples.order(), self._parameters.dtype)
        x = samples.of_each(samples.inputs).astype(np.float64, order="C")
        outputs = self._one_sample.run(x, TAKEN, samples.scale, self._parameters, logits)
        return cast(Array, outputs)

    @property
    def _one_sample(self) -> OneSample:
        if self._one is None:
            self._one = OneSample(self.structure, self._parameters.dtype)
        return self._one


def drops_of(dropout: Sequence[float]) -> tuple[bool, ...]:
    """Return whether some of each layer's inputs are dropped; nothing if no layer's are."""
    return tuple(rate > 0 for rate in dropout) if any(dropout) else ()


def keeps_bytes(samples: Samples, dropout: Sequence[float] = ()) -> bool:
    """Return whether inputs can stay bytes: they are, and dropout leaves them alone."""
    are_bytes = samples.inputs.values.dtype in (np.uint8, np.bool_)
    return are_bytes and not (len(dropout) and dropout[0])
