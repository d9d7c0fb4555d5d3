"""Forward and backward through a network, on buffers made once for a plan.

With dropout masks M_l (see `minisnn.kernels.dropout`; all ones without dropout), A_0 the scaled
inputs and T the targets, in matrix form with one sample a column::

    forward    A_0 = M_0 * scale * X
               A_l = M_l * sigmoid(W_l A_(l-1) + b_l)         M of the last layer is 1
    loss       L   = mean (A_L - T)^2
    backward   dA_L = 2 (A_L - T) / (N n_L)
               dZ_l = dA_l * M_l * sigmoid'(Z_l)
               dW_l = dZ_l A_(l-1)^T  on the edges,   db_l = dZ_l 1
               dA_(l-1) = W_l^T dZ_l
    update     v <- μ v - η dW,   W <- W + μ v - η dW          edge by edge, as dW is made
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .graph import Array
from .kernels.batch import source_of
from .kernels.engine import DIFFERENTIATE, PREDICT, Memory, Work, execute
from .kernels.layout import feature_major
from .kernels.plan import Plan
from .kernels.team import run

LOSSES = ("mse",)
"""Names of the losses."""


class Propagation:
    """The buffers of one network for one plan.

    Parameters
    ----------
    plan : Plan
        Says what is done, batch by batch; and whether inputs must be bytes.
    parameters : array, shape (n_parameters,)
        Weights and biases, read at each call; in training overwritten.
    velocities : array, shape (n_parameters,), optional
        The optimiser's, for training.
    """

    def __init__(self, plan: Plan, parameters: Array, velocities: Array | None = None) -> None:
        self._plan = plan
        widths, dtype = plan.wiring.widths, parameters.dtype
        nothing = np.empty(0, dtype=dtype)
        forward_only = plan.purpose == PREDICT
        skipped = 0 if plan.purpose == DIFFERENTIATE else widths[0]
        keeps = plan.purpose == DIFFERENTIATE or plan.wiring.uses_blas
        keeps = keeps and not forward_only

        def buffer(n_rows: int) -> Array:
            return feature_major(n_rows, plan.width, dtype)

        self.activations = buffer(sum(widths))
        n_bytes = widths[0] if plan.keeps_bytes else 0
        self._bytes = feature_major(n_bytes, plan.width, np.uint8)
        self._pairs = feature_major(n_bytes, plan.width // 2, np.uint32)
        self.deltas = buffer(0 if forward_only else sum(widths) - skipped)
        self.gradients = np.empty_like(parameters) if keeps else nothing
        self._velocities = nothing if velocities is None else velocities
        self._parameters = parameters
        self._partials = buffer(plan.n_partials)
        self._targets = buffer(0 if forward_only else widths[-1])
        scratch = (plan.n_threads, 0 if forward_only else plan.scratch_size)
        self._scratch = np.empty(scratch, dtype=dtype)

    def run(
        self,
        X: Array,
        Y: Array | None,
        samples: Array,
        scale: float,
        *,
        dropout: Sequence[float] = (),
        seed: int = 0,
        first_step: int = 0,
        rates: Array | None = None,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> tuple[Array, Array]:
        """Go through samples batch by batch; return losses and outputs.

        Parameters
        ----------
        X, Y : arrays
            Inputs and targets, checked; predictions need no Y.
        samples : array of int64
            Numbers of the samples, one batch after another. With none, all is compiled and
            nothing done.
        scale : float
            Factor on X.
        dropout : sequence of float
            Rates of the inputs and each hidden layer; none by default.
        seed, first_step : int
            Of the dropout masks.
        rates : array of float64, shape (batches,), optional
            Learning rates, for training.
        momentum, nesterov
            Of the optimiser, for training.

        Returns
        -------
        losses : array of float64, shape (batches,)
            Of each batch before its update; zeros where the plan is for predictions.
        outputs : array, shape (samples, n_out)
            For predictions, else without rows.
        """
        plan, n_layers = self._plan, len(self._plan.wiring.graphs)
        n_out = plan.wiring.widths[-1]
        n_steps = -(-len(samples) // plan.batch_size)
        losses = np.zeros((n_steps, n_out))
        n_outputs = len(samples) if plan.purpose == PREDICT else 0
        outputs = np.empty((n_outputs, n_out), dtype=plan.dtype)
        memory = Memory(
            self._parameters,
            self._velocities,
            self.gradients,
            self.activations,
            self._bytes,
            self._pairs,
            self.deltas,
            self._targets,
            self._partials,
            self._scratch,
            losses,
            outputs,
        )
        work = Work(
            plan.purpose,
            source_of(X),
            source_of(Y),
            plan.keeps_bytes,
            samples,
            plan.batch_size,
            float(scale),
            np.zeros(n_steps) if rates is None else rates,
            float(momentum),
            bool(nesterov),
            np.asarray(dropout if len(dropout) else np.zeros(n_layers), dtype=np.float64),
            int(seed),
            int(first_step),
        )
        run(execute, plan.threads_for(n_steps), plan.tile, plan.half, plan.tables, memory, work)
        return losses.sum(axis=1), outputs

    def activations_of(self, layer: int, n_samples: int) -> Array:
        """Return the activations of a layer, 0 being the inputs, as a (samples, n) copy."""
        begin = sum(self._plan.wiring.widths[:layer])
        rows = self.activations[begin : begin + self._plan.wiring.widths[layer]]
        return np.ascontiguousarray(rows[:, :n_samples].T)

    def input_gradients(self, n_samples: int) -> Array:
        """Return the gradients by the scaled inputs, as a (samples, n_in) copy."""
        rows = self.deltas[: self._plan.wiring.widths[0]]
        return np.ascontiguousarray(rows[:, :n_samples].T)
