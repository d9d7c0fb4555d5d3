"""Forward and backward through a network, on buffers made once for a plan.

With dropout masks M_l (see `dropout` of the kernels; all ones without dropout), A_0 the scaled
inputs, f_l the activations and T the targets, in matrix form with one sample a column::

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
from ..kernels.functions.optimizers import N_COEFFICIENTS
from ..kernels.layers.batch import Source, source_of, space_for
from ..kernels.machine.layout import feature_major
from ..kernels.machine.threads import run
from ..kernels.program.engine import execute
from ..kernels.program.plan import Plan
from ..kernels.program.records import DIFFERENTIATE, PREDICT, TRAIN, Context, Memory, Work
from .losses import LOSSES, Loss
from .samples import Samples


class Updates(NamedTuple):
    """The optimiser's part in a row of steps, as kernels read it."""

    optimizer: int  # its number
    coefficients: Array  # float64[steps, N_COEFFICIENTS]
    limit: float  # of the gradients' norm, where they are clipped; else infinite


_NO_UPDATES = Updates(0, np.empty((0, N_COEFFICIENTS)), np.inf)


class Execution:
    """The buffers of one network for one plan.

    Parameters
    ----------
    plan : Plan
        Says what is done, batch by batch; and whether inputs must be bytes.
    parameters : array, shape (n_parameters,)
        Weights and biases, read at each call; in training overwritten.
    state : array, shape (n_states, n_parameters), optional
        The optimiser's, for training; overwritten.
    """

    def __init__(self, plan: Plan, parameters: Array, state: Array | None = None) -> None:
        self._plan = plan
        widths, dtype = plan.wiring.widths, parameters.dtype
        nothing = np.empty(0, dtype=dtype)
        forward_only = plan.purpose == PREDICT
        skipped = 0 if plan.purpose == DIFFERENTIATE else widths[0]
        self._keeps_gradients = plan.purpose == DIFFERENTIATE or plan.clips
        keeps = self._keeps_gradients or (plan.wiring.uses_blas and not forward_only)

        check_fits(
            (2 - forward_only) * sum(widths) * plan.width * dtype.itemsize,
            f"the activations of {plan.batch_size} samples at once",
            "take fewer samples at a time",
        )

        def buffer(n_rows: int) -> Array:
            return feature_major(n_rows, plan.width, dtype)

        self.activations = buffer(sum(widths))
        n_bytes = widths[0] if plan.keeps_bytes else 0
        self._bytes = feature_major(n_bytes, plan.width, np.uint8)
        self._pairs = feature_major(n_bytes, plan.width // 2, np.uint32)
        self.deltas = buffer(0 if forward_only else sum(widths) - skipped)
        self.gradients = np.empty_like(parameters) if keeps else nothing
        self._state = np.empty((0, 0), dtype=dtype) if state is None else state
        self._norms = np.zeros(plan.norm_blocks)
        self._parameters = parameters
        self._partials = buffer(plan.n_partials)
        self._targets = buffer(0 if forward_only else widths[-1])
        self._workspace = buffer(3 if plan.wiring.activations[-1] == "softmax" else 0)
        scratch = (plan.n_threads, 0 if forward_only else plan.scratch_size)
        self._scratch = np.empty(scratch, dtype=dtype)
        self._space = space_for(plan.n_threads, dtype)
        self._byte_square = space_for(plan.n_threads, np.uint8).square
        self._sources: tuple[Samples, tuple[Source, Source]] | None = None

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
            One that goes with the outputs.
            What the plan's outputs are made for, if not for a prediction.
        dropout : sequence of float
            Rates of the inputs and each hidden layer, where the plan drops; none by default.
        seed : int
            Of the dropout masks.
        first_step : int
            How many steps were made before.
        updates : Updates, optional
            For training, a row of coefficients for each batch.

        Returns
        -------
        losses : array of float64, shape (batches,)
            Of each batch before its update; zeros where the plan is for predictions.
        outputs : array, shape (samples, n_out)
            For predictions, else without rows.

        Raises
        ------
        DataError
            If a value of the data is invalid. All batches before its own are done, none of its own.
        """
        plan, n_layers = self._plan, len(self._plan.wiring.graphs)
        n_out = plan.wiring.widths[-1]
        n_steps = -(-len(samples) // plan.batch_size)
        losses = np.zeros((n_steps, plan.loss_shares))
        faults = np.zeros(n_steps, dtype=np.int64)
        coefficients = updates.coefficients
        if plan.purpose != TRAIN:
            coefficients = np.zeros((n_steps, N_COEFFICIENTS))
        n_outputs = len(samples) if plan.purpose == PREDICT else 0
        outputs = np.empty((n_outputs, n_out), dtype=plan.dtype)
        memory = Memory(
            self._parameters,
            self._state,
            self.gradients,
            self._norms,
            self.activations,
            self._bytes,
            self._pairs,
            self.deltas,
            self._targets,
            self._partials,
            self._scratch,
            self._workspace,
            self._space,
            self._byte_square,
            faults,
            losses,
            outputs,
        )
        work = Work(
            *self._sources_of(data),
            samples,
            plan.batch_size,
            float(data.scale),
            loss.number,
            self._keeps_gradients,
            updates.optimizer,
            _counts_of(data.weights, samples, plan.batch_size),
            coefficients,
            float(updates.limit),
            np.asarray(dropout if len(dropout) else np.zeros(n_layers), dtype=np.float64),
            word_of(seed),
            int(first_step),
        )
        context = Context(plan.tile, plan.part, plan.tables, memory, work)
        addresses = plan.addresses_for(context)
        with plan.limits_blas():
            run(execute, plan.threads_for(n_steps), addresses, context)
        if faults.any():
            step = int(faults.argmax())
            batch = samples[step * plan.batch_size : (step + 1) * plan.batch_size]
            data.taking(plan.wiring.inputs).check(np.sort(batch), plan.dtype)
        return losses.sum(axis=1), outputs

    def _sources_of(self, data: Samples) -> tuple[Source, Source]:
        """Return inputs and targets as kernels read them; made once for all runs on them."""
        if self._sources is None or self._sources[0] is not data:
            X, Y = data.taking(self._plan.wiring.inputs).inputs, data.targets
            targets = source_of(None) if Y is None else source_of(Y.values, Y.columns)
            self._sources = data, (source_of(X.values, X.places), targets)
        return self._sources[1]

    def activations_of(self, layer: int, n_samples: int) -> Array:
        """Return the activations of a layer as a (samples, n) copy; 0 is the inputs with edges."""
        begin = sum(self._plan.wiring.widths[:layer])
        rows = self.activations[begin : begin + self._plan.wiring.widths[layer]]
        return np.ascontiguousarray(rows[:, :n_samples].T)

    def input_gradients(self, n_samples: int) -> Array:
        """Return the gradients by the scaled inputs, as a (samples, n_in) copy."""
        wiring = self._plan.wiring
        rows = self.deltas[: wiring.widths[0], :n_samples]
        if wiring.inputs is None:
            return np.ascontiguousarray(rows.T)
        gradients = np.zeros((n_samples, wiring.n_in), dtype=rows.dtype)
        gradients[:, wiring.inputs] = rows.T
        return gradients


def _counts_of(weights: Array | None, samples: Array, batch_size: int) -> Array:
    """Return how many samples each counts as: weights, so that their mean over a batch is one.

    Where all of a batch weigh nothing, they count for nothing.
    """
    if weights is None or not len(samples):
        return np.empty(0)
    chosen = weights[samples]
    begins = np.arange(0, len(samples), batch_size)
    sizes = np.diff([*begins, len(samples)])
    totals = np.add.reduceat(chosen, begins)
    factors = np.divide(sizes, totals, out=np.zeros(len(totals)), where=totals > 0)
    return chosen * np.repeat(factors, sizes)
