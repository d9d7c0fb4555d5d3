"""Base of all optimisers.

An optimiser holds settings and nothing else. Its *state*, which a step leaves to the next, is one
array of shape (n_states, n_parameters) and the number of steps made; the trainer keeps them
(`minisnn.training.trainer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_array, as_list, check_number, check_whole_number
from .._support.memory import check_fits
from ..kernels.functions import optimizers as updates
from ..kernels.machine.blas_threads import blas_threads
from ..kernels.program.records import BROKEN_NORM, BROKEN_UPDATE
from ..network.execution import Diverged, Updates
from .schedules import Schedule, check_rate


class Optimizer:
    """Base of all optimisers.

    Attributes
    ----------
    learning_rate : float or schedule
        A number, or a function of (epoch, epochs); see `minisnn.training.schedules`.
    weight_decay : float
        Strength with which weights, but not biases, are pulled to zero.
    clip_norm : float or None
        Largest norm of the gradient by all parameters; a longer one is scaled down to it.
    l1 : float
        The same, whatever the size of a weight.
    kernel : str
        Its name among the kernels' optimisers.
    n_states : int
        Vectors, each as long as the parameters, that it remembers from step to step.
    squares : tuple of int
        Which of these are means of squares, and so never negative.
    """

    learning_rate: float | Schedule
    weight_decay: float
    clip_norm: float | None
    l1: float
    kernel: ClassVar[str]
    n_states: ClassVar[int]
    squares: ClassVar[tuple[int, ...]] = ()

    def _check(self) -> None:
        check_rate(self.learning_rate, "learning_rate")
        check_number(self.weight_decay, "weight_decay", 0)
        check_number(self.l1, "l1", 0)
        if self.clip_norm is not None and check_number(self.clip_norm, "clip_norm", 0) == 0:
            raise ValueError("clip_norm must be above 0, got 0; take None to clip nothing")

    def rate(self, epoch: float, epochs: int) -> float:
        """Return the learning rate at a fractional epoch of a training of ``epochs``."""
        if callable(self.learning_rate):
            rate = self.learning_rate(epoch, epochs)
            return check_number(rate, f"the schedule's rate at epoch {epoch:g}", 0)
        return float(self.learning_rate)

    @property
    def number(self) -> int:
        """Its number for the kernels."""
        return updates.OPTIMIZERS[self.kernel].number

    def coefficients(self, rates: Array, first_step: int) -> Array:
        """Return the coefficients of the kernels, a row for each step; see `functions.optimizers`.

        Parameters
        ----------
        rates : array of float64, shape (steps,)
            Learning rates.
        first_step : int
            Number of steps made before.

        Returns
        -------
        array of float64, shape (steps, N_COEFFICIENTS)
            Rate, weight decay and L1 of a step that has them beside its gradient, for each kind of
            optimiser to change and to add to.
        """
        rows = np.zeros((len(rates), updates.N_COEFFICIENTS))
        rows[:, updates.RATE] = rates
        rows[:, updates.SHRINK] = rates * self.weight_decay
        rows[:, updates.L1] = rates * self.l1
        return rows

    def initial_state(self, parameters: Array) -> Array:
        """Return the state before the first step: zeros of shape (n_states, n_parameters).

        Raises
        ------
        MemoryError
            If it does not fit.
        """
        parameters = as_array(parameters, "parameters")
        check_fits(
            self.n_states * parameters.nbytes,
            f"to train {len(parameters)} parameters by {type(self).__name__}",
        )
        return np.zeros((self.n_states, len(parameters)), parameters.dtype)

    def update(
        self,
        parameters: Array,
        state: Array,
        gradients: Array,
        rate: float,
        *,
        step: int = 0,
        lengths: Sequence[int] | None = None,
    ) -> None:
        """Make one step, in place.

        Parameters
        ----------
        parameters, gradients : array of float32 or float64, shape (n,)
            Parameters are overwritten.
        state : array of the same dtype, shape (n_states, n)
            As `initial_state` returned it, or the last step left it; overwritten.
        rate : float
            Learning rate of this step.
        step : int
            Number of steps made before.
        lengths : sequence of int, optional
            Lengths of weights and biases, in turn, as they stand in the vector. By default all are
            weights, which decay.

        Raises
        ------
        ValueError, TypeError
            If the arrays do not fit or cannot be written into, or a number is out of range.
        FloatingPointError
            If new parameters are not finite: they and their state stay as they were, all others
            have made the step. If the norm of the gradients is not, where it is clipped: none has.
        """
        arrays = [np.asarray(array) for array in (parameters, gradients, state)]
        n = arrays[0].size
        if (
            [array.shape for array in arrays] != [(n,), (n,), (self.n_states, n)]
            or len({array.dtype for array in arrays}) > 1
            or arrays[0].dtype not in (np.float32, np.float64)
        ):
            raise ValueError(
                f"parameters and gradients must be vectors of one length and precision, and the "
                f"state {self.n_states} such, got "
                + ", ".join(f"{array.dtype} {array.shape}" for array in arrays)
            )
        for name, array in (("parameters", parameters), ("state", state)):
            if not (isinstance(array, np.ndarray) and array.flags.carray):
                raise ValueError(
                    f"{name} must be a C-contiguous array that can be written into; "
                    f"take np.array({name})"
                )
        rate, step = check_number(rate, "rate", 0), check_whole_number(step, "step", 0, 2**53)
        parts = [n] if lengths is None else as_list(lengths, "lengths", "whole numbers")
        parts = [check_whole_number(part, "a length", -n, 2**63) for part in parts]
        if min(parts, default=0) < 0 or sum(parts) != n:
            raise ValueError(f"lengths must be those of parts of {n} parameters, got {parts}")
        factor, gradients = 1.0, arrays[1]
        if self.clip_norm is not None:
            with blas_threads():
                norm = float(np.linalg.norm(gradients.astype(np.float64)))
            if not np.isfinite(norm):
                raise Diverged(BROKEN_NORM)
            factor = self.clip_norm / norm if norm > self.clip_norm else 1.0
        if self.l1 > 0:
            gradients = gradients.copy()  # kernels may overwrite them
        (row,) = self.coefficients(np.array([rate]), step)
        scale, first, refused = parameters.dtype.type(factor), 0, np.zeros(1, np.int64)
        step_of = updates.OPTIMIZERS[self.kernel].step
        for number, length in enumerate(parts):
            piece = gradients[first : first + length]
            step_of(row, scale, number % 2 == 0, parameters, state, first, piece, refused)
            first += length
        if refused[0]:
            raise Diverged(BROKEN_UPDATE)


def updates_of(optimizer: Optimizer, rates: Array, first_step: int) -> Updates:
    """Return an optimiser's part in a row of steps; parameters as of `Optimizer.coefficients`."""
    limit = np.inf if optimizer.clip_norm is None else optimizer.clip_norm
    return Updates(optimizer.number, optimizer.coefficients(rates, first_step), limit)
