"""Execution of a plan: forward and backward passes on buffers that are allocated once.

With dropout masks M_l (see `dropout` of the kernels; all ones without dropout), A_0 the scaled
inputs, f_l the activations and T the targets, in matrix form with one sample per column::

    forward    A_0 = M_0 * scale * X
               A_l = M_l * f_l(W_l A_(l-1) + b_l)             M of the last layer is 1
    loss       L   = mean (A_L - T)^2                         others: kernels/functions/losses.py
    backward   dA_L = 2 (A_L - T) / (N n_L)
               dZ_l = dA_l * M_l * f_l'(Z_l)
               dW_l = dZ_l A_(l-1)^T  on the edges,   db_l = dZ_l 1
               dA_(l-1) = W_l^T dZ_l
    update     v <- μ v - η dW,   W <- W + μ v - η dW          edge by edge, as dW is made; others:
                                                              kernels/functions/optimizers.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._support.arrays import Array
from .._support.memory import check_fits
from .._support.seeds import word_of
from ..kernels.functions.activations import ACTIVATIONS
from ..kernels.functions.losses import OF_OUTPUTS, OF_SAMPLES
from ..kernels.functions.normalisation import N_STATISTICS
from ..kernels.functions.optimizers import KEEP, N_COEFFICIENTS, UPDATES
from ..kernels.layers.batch import Source, source_of
from ..kernels.layers.squares import space_for
from ..kernels.machine.layout import feature_major
from ..kernels.machine.threads import run
from ..kernels.program import records
from ..kernels.program.engine import execute, prepare
from ..kernels.program.operations import OPERATIONS
from ..kernels.program.plan import Plan
from ..kernels.program.prepared import Prepared
from ..kernels.program.records import (
    DIFFERENTIATE,
    PREDICT,
    PULL_BACK,
    TRAIN,
    Context,
    Memory,
    Work,
)
from .losses import LOSSES, Loss
from .samples import Samples


class Updates(NamedTuple):
    """The optimiser's part in a row of steps, as kernels read it."""

    optimizer: int  # its number
    coefficients: Array  # float64[steps, N_COEFFICIENTS]
    limit: float  # of the gradients' norm, where they are clipped; else infinite


class Diverged(FloatingPointError):
    """A step of which not all is finite.

    Parameters
    ----------
    fault : int
        `BROKEN_LOSS`, `BROKEN_NORM` or `BROKEN_UPDATE`, see `records`.
    step : int
        Its number within a run, from 0. Those before it are made.
    groups : sequence of int
        Groups whose parameters the step has moved in part only.
    """

    def __init__(self, fault: int, step: int = 0, groups: Sequence[int] = ()) -> None:
        super().__init__(_FAULTS[fault])
        self.fault, self.step, self.groups = fault, step, groups


_FAULTS = {
    records.BROKEN_LOSS: "the loss is not finite: the step was not made",
    records.BROKEN_NORM: "the norm of the gradients is not finite: the step was not made",
    records.BROKEN_UPDATE: "new parameters are not finite: they and their state stay as they were, "
    "all others have made the step",
}
_NOTHING = np.empty(0)
_NO_ADDRESSES = np.empty(0, dtype=np.int64)
_NO_UPDATES = Updates(0, np.empty((0, N_COEFFICIENTS)), np.inf)


class Execution:
    """The buffers of one network for one plan.

    Parameters
    ----------
    plan : Plan
        Program to run for each batch; it also says if inputs must be bytes.
    parameters : array, shape (n_parameters,)
        Weights and biases, read at each call; in training overwritten.
    state : array, shape (n_states, n_parameters), optional
        The optimiser's, for training; overwritten.
    bounds : two arrays, shape (n_parameters,), optional
        Least and largest values of the parameters, where the plan has bounds.
    has_buffers : bool
        Whether it has any. If not, who runs its context brings them: see `calls`.
    """

    def __init__(
        self,
        plan: Plan,
        parameters: Array,
        state: Array | None = None,
        bounds: tuple[Array, Array] | None = None,
        *,
        has_buffers: bool = True,
    ) -> None:
        self._plan = plan
        structure, dtype = plan.structure, parameters.dtype
        forward_only = plan.purpose == PREDICT
        self._keeps_gradients = plan.purpose in (DIFFERENTIATE, PULL_BACK) or plan.clips
        n_threads = plan.n_threads * has_buffers
        keeps = self._keeps_gradients or (structure.uses_blas and not forward_only)

        check_fits(
            (structure.n_rows + (0 if forward_only else plan.n_deltas))
            * plan.width
            * dtype.itemsize,
            f"the activations of {plan.batch_size} samples at once",
            "take fewer samples at a time",
        )

        def buffer(n_rows: int) -> Array:
            return feature_major(n_rows * has_buffers, plan.width, dtype)

        n_bytes = structure.n_inputs if plan.keeps_bytes else 0
        gradients = np.zeros_like(parameters) if keeps else np.empty(0, dtype=dtype)
        self._memory = Memory(
            parameters=parameters,
            moved=gradients if self._keeps_gradients else parameters,
            state=np.empty((0, 0), dtype=dtype) if state is None else state,
            gradients=gradients,
            lower=gradients[:0] if bounds is None else bounds[0],
            upper=gradients[:0] if bounds is None else bounds[1],
            norms=np.zeros(plan.norm_blocks),
            activations=buffer(structure.n_rows),
            pairs=feature_major(n_bytes, plan.width // 2, np.uint32),
            deltas=buffer(0 if forward_only else plan.n_deltas),
            targets=buffer(0 if forward_only else structure.n_out),
            counts=np.empty((structure.n_out * plan.gaps, plan.batch_size)),
            partials=buffer(plan.n_partials),
            scratch=np.empty((n_threads, 0 if forward_only else plan.scratch_size), dtype),
            workspace=buffer(3 if plan.by_samples else 0),
            space=space_for(n_threads, dtype, plan.batch_size),
            faults=np.zeros(0, dtype=np.int64),
            refused=np.zeros(0, dtype=np.int64),
            normal=buffer(0 if forward_only else plan.n_normal),
            statistics=np.zeros((N_STATISTICS, plan.n_normal), dtype),
            zeros=np.zeros(structure.n_rows if plan.n_normal else 0, dtype),
            losses=np.zeros((0, plan.loss_shares)),
            outputs=np.empty((0, structure.n_out), dtype=dtype),
        )
        self._sources: tuple[Samples, tuple[Source, Source]] | None = None

    @property
    def activations(self) -> Array:
        """Of all layers, one row per neuron: the inputs with edges first."""
        return self._memory.activations

    @property
    def deltas(self) -> Array:
        """By pre-activations, and by inputs, where the plan differentiates: a row per neuron."""
        return self._memory.deltas[: self._plan.structure.n_rows]

    @property
    def gradients(self) -> Array:
        """By all parameters, where the plan keeps them."""
        return self._memory.gradients

    def compile(self) -> None:
        """Compile all that a run may call, or load it, whether the plan has it or not."""
        nothing = source_of(None)
        context = self._context(nothing, nothing, np.empty(0, dtype=np.int64))
        operations = dict(enumerate(OPERATIONS, records.FIRST_OPERATION))
        prepare(operations, context, range(len(ACTIVATIONS)), range(len(ACTIVATIONS)))
        for function in UPDATES:
            prepare({records.UPDATE: function}, context)
        for function in OF_OUTPUTS.values():
            prepare({records.LOSS: function}, context)
        for function in OF_SAMPLES.values():
            prepare({records.LOSS_OF_SAMPLES: function}, context)
        prepared = Prepared(context, {})
        prepared.run(1, prepared.words())  # of no samples

    def run(
        self,
        data: Samples,
        samples: Array,
        *,
        loss: Loss = LOSSES["mse"],
        dropout: Sequence[float] = (),
        seed: int = 0,
        first_step: int = 0,
        updates: Updates = _NO_UPDATES,
    ) -> tuple[Array, Array]:
        """Go through samples batch by batch; return losses and outputs.

        Parameters
        ----------
        data : Samples
            Inputs and, but for predictions, targets.
        samples : array of int64
            Numbers of rows of the data, one batch after another. With none, all is compiled and
            nothing done.
        loss : Loss
            Loss of the outputs, unless for a prediction.
        dropout : sequence of float
            Rates of the inputs and each level but the last, where the plan drops; none by default.
        seed : int
            Of the dropout masks.
        first_step : int
            Number of steps made before.
        updates : Updates, optional
            For training, a row of coefficients for each batch.

        Returns
        -------
        losses : array of float64, shape (batches,)
            Of each batch before its update; zeros where the plan is for predictions. Where targets
            may be missing (batches, n_out): each output's part in it, as its samples are its own.
        outputs : array, shape (samples, n_out)
            For predictions, else without rows.

        Raises
        ------
        DataError
            If a value of the data is invalid. All batches before its own are done, none of its own.
        Diverged
            If training comes to a step of which not all is finite.
        """
        plan, n_steps = self._plan, -(-len(samples) // self._plan.batch_size)
        context = self._context(
            *self._sources_of(data),
            samples,
            scale=float(data.scale),
            counts=_counts_of(data.weights, samples, plan.batch_size),
            dropout=dropout,
            seed=seed,
            first_step=first_step,
            updates=updates,
            output_weights=data.output_weights,
        )
        context = plan.ready(
            context,
            loss=loss.number,
            update=KEEP if self._keeps_gradients else updates.optimizer,
            optimizer=updates.optimizer,
        )
        with plan.limits_blas():
            run(execute, plan.threads_for(n_steps), context)
        faults, memory = context.memory.faults, context.memory
        if faults.any():
            step = int(np.flatnonzero(faults)[0])
            if faults[step] != records.BROKEN_BATCH:
                groups = np.flatnonzero(memory.refused).tolist()
                raise Diverged(int(faults[step]), step, groups)
            batch = samples[step * plan.batch_size : (step + 1) * plan.batch_size]
            data.taking(plan.structure.inputs).check(np.sort(batch), plan.dtype)
        as_given = plan.structure.as_given
        losses = as_given(memory.losses) if plan.gaps else memory.losses.sum(axis=1)
        return losses, as_given(memory.outputs)

    def context(self, n_samples: int) -> Context:
        """Return the context of a run over so many samples, without data and without their losses.

        All that it calls is compiled. Its arrays are read, not written to.
        """
        nothing, update = source_of(None), KEEP if self._keeps_gradients else 0
        context = self._context(nothing, nothing, np.arange(n_samples))
        return self._plan.ready(context, update=update)

    def _context(
        self,
        X: Source,
        Y: Source,
        samples: Array,
        *,
        scale: float = 1.0,
        counts: Array = _NOTHING,
        dropout: Sequence[float] = (),
        seed: int = 0,
        first_step: int = 0,
        updates: Updates = _NO_UPDATES,
        output_weights: Array | None = None,
    ) -> Context:
        """Return all that one run reads and writes. Of a plan, all have the same types."""
        plan = self._plan
        structure, n_steps = plan.structure, -(-len(samples) // plan.batch_size)
        n_outputs = len(samples) if plan.purpose == PREDICT else 0
        memory = self._memory._replace(
            faults=np.zeros(n_steps, dtype=np.int64),
            refused=np.zeros(len(structure.groups), dtype=np.int64),
            losses=np.zeros((n_steps, plan.loss_shares)),
            outputs=np.empty((n_outputs, structure.n_out), dtype=plan.dtype),
        )
        coefficients = updates.coefficients
        if plan.purpose != TRAIN:
            coefficients = np.zeros((n_steps, N_COEFFICIENTS))
        weights = np.ones(structure.n_out)
        if output_weights is not None:
            given = structure.outputs_given
            weights = output_weights if given is None else output_weights[given]
        work = Work(
            X=X,
            Y=Y,
            samples=samples,
            batch_size=plan.batch_size,
            scale=scale,
            output_counts=np.divide(
                structure.n_out, weights, out=np.full(len(weights), np.inf), where=weights > 0
            ),
            counts=counts,
            coefficients=coefficients,
            limit=float(updates.limit),
            dropout=np.array(structure.by_group(dropout)),
            seed=word_of(seed),
            first_step=int(first_step),
        )
        return Context(plan.tables, memory, work, _NO_ADDRESSES, plan.tile, plan.part, plan.two)

    def _sources_of(self, data: Samples) -> tuple[Source, Source]:
        """Return inputs and targets as kernels read them; made once for all runs on them."""
        if self._sources is None or self._sources[0] is not data:
            structure = self._plan.structure
            X, Y = data.taking(structure.inputs).inputs, data.targets
            targets = source_of(None)
            if Y is not None:
                targets = source_of(*structure.in_order(Y.values, Y.columns))
            self._sources = data, (source_of(X.values, X.places), targets)
        return self._sources[1]

    def activations_of(self, group: int, n_samples: int) -> Array:
        """Return the activations of a group as a (samples, n) copy; 0 is the inputs with edges."""
        first, last = self._plan.structure.rows[group : group + 2]
        return np.ascontiguousarray(self.activations[first:last, :n_samples].T)

    def input_gradients(self, n_samples: int) -> Array:
        """Return the gradients by the scaled inputs, as a (samples, n_in) copy."""
        structure = self._plan.structure
        rows = self._memory.deltas[: structure.n_inputs, :n_samples]
        if structure.inputs is None:
            return np.ascontiguousarray(rows.T)
        gradients = np.zeros((n_samples, structure.n_in), dtype=rows.dtype)
        gradients[:, structure.inputs] = rows.T
        return gradients


def _counts_of(weights: Array | None, samples: Array, batch_size: int) -> Array:
    """Return the count of each sample: weights, so that their mean over a batch is one.

    If no sample of a batch has a weight, none counts.
    """
    if weights is None or not len(samples):
        return np.empty(0)
    chosen = weights[samples]
    begins = np.arange(0, len(samples), batch_size)
    sizes = np.diff([*begins, len(samples)])
    totals = np.add.reduceat(chosen, begins)
    factors = np.divide(sizes, totals, out=np.zeros(len(totals)), where=totals > 0)
    return chosen * np.repeat(factors, sizes)
