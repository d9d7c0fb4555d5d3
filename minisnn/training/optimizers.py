"""Optimisers: stochastic gradient descent with momentum, and Adam.

An optimiser holds settings and nothing else. What it remembers from step to step, its *state*, is
one array of shape (n_states, n_parameters) and the number of steps that have been made; the trainer
keeps them (`minisnn.training.trainer`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from .._support.arrays import Array
from .._support.checks import (
    as_array,
    as_list,
    check_choice,
    check_flag,
    check_number,
    check_whole_number,
)
from .._support.memory import check_fits
from .._support.messages import shown
from ..kernels.functions import optimizers as updates
from ..kernels.machine.blas_threads import blas_threads
from ..network.execution import Updates
from .schedules import Schedule, check_rate

_LEAST_EPSILON = 1e-30  # times the root of 1 - beta_2 it must be a number of float32, not 0


class Optimizer(ABC):
    """Base of all optimisers.

    Attributes
    ----------
    learning_rate : float or schedule
        A number, or a function of (epoch, epochs); see `minisnn.training.schedules`.
    weight_decay : float
        Strength with which weights, but not biases, are pulled to zero.
    clip_norm : float or None
        Largest norm of the gradient by all parameters; a longer one is scaled down to it.
    n_states : int
        Vectors, each as long as the parameters, that it remembers from step to step.
    """

    learning_rate: float | Schedule
    weight_decay: float
    clip_norm: float | None
    n_states: ClassVar[int]

    def _check(self) -> None:
        check_rate(self.learning_rate, "learning_rate")
        check_number(self.weight_decay, "weight_decay", 0)
        if self.clip_norm is not None and check_number(self.clip_norm, "clip_norm", 0) == 0:
            raise ValueError("clip_norm must be above 0, got 0; take None to clip nothing")

    def rate(self, epoch: float, epochs: int) -> float:
        """Return the learning rate at a fractional epoch of a training of ``epochs``."""
        if callable(self.learning_rate):
            rate = self.learning_rate(epoch, epochs)
            return check_number(rate, f"the schedule's rate at epoch {epoch:g}", 0)
        return float(self.learning_rate)

    @property
    @abstractmethod
    def number(self) -> int:
        """Its number for the kernels."""

    @abstractmethod
    def coefficients(self, rates: Array, first_step: int) -> Array:
        """Return the coefficients of the kernels, a row for each step; see `functions.optimizers`.

        Parameters
        ----------
        rates : array of float64, shape (steps,)
            Learning rates.
        first_step : int
            Number of steps made before.
        """

    def initial_state(self, parameters: Array) -> Array:
        """Return the state before the first step: zeros of shape (n_states, n_parameters).

        Raises
        ------
        MemoryError
            If a training does not fit: it keeps a copy of parameters and state, too.
        """
        parameters = as_array(parameters, "parameters")
        check_fits(
            (2 * self.n_states + 1) * parameters.nbytes,
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
            factor = self.clip_norm / norm if norm > self.clip_norm else 1.0
        (row,) = self.coefficients(np.array([rate]), step)
        scale, first = parameters.dtype.type(factor), 0
        for number, length in enumerate(parts):
            updates.update(
                self.number, row, scale, number % 2 == 0, parameters, state, first,
                gradients[first : first + length],
            )  # fmt: skip
            first += length


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    With gradient g, rate η, momentum μ, weight decay λ and velocity v (zero at first), as Keras has
    it::

        g <- g + λ w             (weights only; biases do not decay)
        v <- μ v - η g
        w <- w + v               (classical)
        w <- w + μ v - η g       (Nesterov)

    Parameters
    ----------
    learning_rate : float or schedule
        η: a number, or a function of (epoch, epochs) such as `WarmUpDecay`. The default is Keras'.
    momentum : float
        μ, in [0, 1).
    nesterov : bool
        Whether to step in Nesterov's form.
    weight_decay : float
        λ: adds the gradient of λ/2 times the squares of all weights (L2 regularisation).
    clip_norm : float, optional
        If the norm of the gradient of all weights and biases is above it, the gradient is
        scaled down to it, before weight decay. A step then takes two phases more, since no weight
        can move before all gradients are there.

    Raises
    ------
    ValueError
        If rate or decay is negative, the momentum not in [0, 1), or the norm not above 0.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.SGD(learning_rate=0.5)
    SGD(learning_rate=0.5, momentum=0.0, nesterov=False, weight_decay=0.0, clip_norm=None)
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    _: KW_ONLY
    nesterov: bool = False
    weight_decay: float = 0.0
    clip_norm: float | None = None

    n_states = 1  # velocities

    def __post_init__(self) -> None:
        self._check()
        check_number(self.momentum, "momentum", 0, 1)
        check_flag(self.nesterov, "nesterov")

    @property
    def number(self) -> int:
        """Its number for the kernels."""
        return updates.NESTEROV if self.nesterov else updates.MOMENTUM

    def coefficients(self, rates: Array, first_step: int) -> Array:
        """Return the coefficients of each step; see `Optimizer`."""
        rows = np.zeros((len(rates), updates.N_COEFFICIENTS))
        rows[:, updates.RATE] = rates
        rows[:, updates.SHRINK] = rates * self.weight_decay
        rows[:, updates.FIRST] = self.momentum
        return rows


def NesterovSGD(
    learning_rate: float | Schedule = 0.01,
    momentum: float = 0.9,
    *,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
) -> SGD:
    """Return stochastic gradient descent with Nesterov momentum, as the paper trains.

    Source: Y. Nesterov 1983; in the form of Keras, see `SGD`.

    Parameters
    ----------
    learning_rate : float or schedule
        A number, or a function of (epoch, epochs) such as `WarmUpDecay`.
    momentum : float
        In [0, 1).
    weight_decay, clip_norm
        As for `SGD`.

    Returns
    -------
    SGD

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.NesterovSGD(learning_rate=0.1)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.0, clip_norm=None)
    """
    return SGD(
        learning_rate, momentum, nesterov=True, weight_decay=weight_decay, clip_norm=clip_norm
    )


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, with decoupled weight decay (AdamW) if wanted.

    Sources: D. P. Kingma, J. Ba 2015, arXiv:1412.6980; for the decay I. Loshchilov, F. Hutter 2019,
    arXiv:1711.05101. With gradient g, rate η, decay λ, and means m and v (zero at first), in step
    t = 1, 2, ...::

        m <- β₁ m + (1 - β₁) g,   v <- β₂ v + (1 - β₂) g²
        w <- w - η λ w - η m̂ / (√v̂ + ε),   m̂ = m / (1 - β₁^t),   v̂ = v / (1 - β₂^t)

    Only weights decay, biases do not. The decay is not part of the gradient, or else m̂ / √v̂ would
    undo it where gradients are large.

    Parameters
    ----------
    learning_rate : float or schedule
        η: a number, or a function of (epoch, epochs).
    beta_1, beta_2 : float
        β₁ and β₂, in [0, 1).
    epsilon : float
        ε, at least 1e-30.
    weight_decay : float
        λ.
    clip_norm : float, optional
        As for `SGD`.

    Raises
    ------
    ValueError
        If the rate or the decay is negative, a β not in [0, 1), or ε or the norm not above 0.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.Adam(weight_decay=0.01).weight_decay
    0.01
    """

    learning_rate: float | Schedule = 0.001
    _: KW_ONLY
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float | None = None

    n_states = 2  # means of the gradients, and of their squares

    def __post_init__(self) -> None:
        self._check()
        check_number(self.beta_1, "beta_1", 0, 1)
        check_number(self.beta_2, "beta_2", 0, 1)
        if check_number(self.epsilon, "epsilon", 0) < _LEAST_EPSILON:
            raise ValueError(
                f"epsilon must be at least {_LEAST_EPSILON}, got {shown(self.epsilon)}; it would "
                "be 0 in float32, and 0 / 0 is NaN"
            )

    @property
    def number(self) -> int:
        """Its number for the kernels."""
        return updates.ADAM

    def coefficients(self, rates: Array, first_step: int) -> Array:
        """Return the coefficients of each step; see `Optimizer`."""
        steps = first_step + 1.0 + np.arange(len(rates))
        first, root = 1 - self.beta_1**steps, np.sqrt(1 - self.beta_2**steps)
        rows = np.empty((len(rates), updates.N_COEFFICIENTS))
        rows[:, updates.RATE] = rates * root / first
        rows[:, updates.SHRINK] = rates * self.weight_decay
        rows[:, updates.FIRST] = 1 - self.beta_1
        rows[:, updates.SECOND] = 1 - self.beta_2
        rows[:, updates.SMALL] = self.epsilon * root
        return rows


OPTIMIZERS: dict[str, Callable[..., SGD | Adam]] = {
    "nesterov": NesterovSGD,
    "sgd": SGD,
    "adam": Adam,
}
"""By the names that stand for them wherever an optimiser is asked for."""


def as_optimizer(value: Any, **options: Any) -> Optimizer:
    """Return an optimiser; for a name the one that it stands for, with these options of it.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown, its options are out of range, or it is not an optimiser of minisnn:
        kernels trust what these say of their states.
    """
    if isinstance(value, str):
        return OPTIMIZERS[check_choice(value, "optimizer", OPTIMIZERS)](**options)
    if isinstance(value, Optimizer) and type(value) in (SGD, Adam):
        return value
    raise TypeError(
        f"optimizer must be a name ({', '.join(OPTIMIZERS)}), or an SGD or an Adam, such as "
        f"SGD(0.1), got {shown(value)}"
    )


def updates_of(optimizer: Optimizer, rates: Array, first_step: int) -> Updates:
    """Return an optimiser's part in a row of steps; parameters as of `Optimizer.coefficients`."""
    limit = np.inf if optimizer.clip_norm is None else optimizer.clip_norm
    return Updates(optimizer.number, optimizer.coefficients(rates, first_step), limit)
