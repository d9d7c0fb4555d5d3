"""Optimisers: stochastic gradient descent with momentum, and Adam."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice, check_flag, check_number
from .._support.messages import shown
from ..kernels.functions import optimizers as updates
from .optimizer import Optimizer
from .schedules import Schedule

_LEAST_EPSILON = 1e-30  # times the root of 1 - beta_2 it must be a number of float32, not 0


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    With gradient g, rate η, momentum μ, weight decay λ and velocity v (zero at first), as Keras has
    it::

        g <- g + λ w + λ₁ sign(w)        (weights only, not biases; sign(0) = 0)
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
        scaled down to it, before weight decay and L1. A step then takes two phases more, since no
        weight can move before all gradients are there.
    l1 : float
        λ₁: adds the gradient of λ₁ times the absolute values of all weights (L1 regularisation).
        A weight that is exactly 0 is not pulled. Weights end near 0 and cross it, but seldom stay
        at 0: prune small weights.

    Raises
    ------
    ValueError
        If rate, decay or L1 is negative, the momentum not in [0, 1), or the norm not above 0.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.SGD(learning_rate=0.5)
    SGD(learning_rate=0.5, momentum=0.0, nesterov=False, weight_decay=0.0, clip_norm=None, l1=0.0)
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    _: KW_ONLY
    nesterov: bool = False
    weight_decay: float = 0.0
    clip_norm: float | None = None
    l1: float = 0.0

    kernel = "sgd"
    n_states = 1  # velocities

    def __post_init__(self) -> None:
        self._check()
        check_number(self.momentum, "momentum", 0, 1)
        check_flag(self.nesterov, "nesterov")

    def coefficients(self, rates: Array, first_step: int) -> Array:
        """Return the coefficients of each step; see `Optimizer`."""
        rows = super().coefficients(rates, first_step)
        rows[:, updates.L1] = self.l1  # in the gradient
        rows[:, updates.FIRST] = self.momentum
        rows[:, updates.SECOND] = self.nesterov
        return rows


def NesterovSGD(
    learning_rate: float | Schedule = 0.01,
    momentum: float = 0.9,
    *,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    l1: float = 0.0,
) -> SGD:
    """Return stochastic gradient descent with Nesterov momentum, as the paper trains.

    Source: Y. Nesterov 1983; in the form of Keras, see `SGD`.

    Parameters
    ----------
    learning_rate : float or schedule
        A number, or a function of (epoch, epochs) such as `WarmUpDecay`.
    momentum : float
        In [0, 1).
    weight_decay, clip_norm, l1
        As for `SGD`.

    Returns
    -------
    SGD

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.NesterovSGD(learning_rate=0.1)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.0, clip_norm=None, l1=0.0)
    """
    return SGD(
        learning_rate,
        momentum,
        nesterov=True,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        l1=l1,
    )


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, with decoupled weight decay (AdamW) if wanted.

    Sources: D. P. Kingma, J. Ba 2015, arXiv:1412.6980; for the decay I. Loshchilov, F. Hutter 2019,
    arXiv:1711.05101. With gradient g, rate η, decay λ, and means m and v (zero at first), in step
    t = 1, 2, ...::

        m <- β₁ m + (1 - β₁) g,   v <- β₂ v + (1 - β₂) g²
        w <- w - η λ₁ sign(w)            (where there is L1; sign(0) = 0)
        w <- w - η λ w - η m̂ / (√v̂ + ε),   m̂ = m / (1 - β₁^t),   v̂ = v / (1 - β₂^t)

    Only weights decay, biases do not. Neither decay nor L1 is part of the gradient, or else
    m̂ / √v̂ would undo it where gradients are large.

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
    l1 : float
        λ₁; as for `SGD`, weights cross 0 and seldom stay there.

    Raises
    ------
    ValueError
        If rate, decay or L1 is negative, a β not in [0, 1), or ε or the norm not above 0.

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
    l1: float = 0.0

    kernel = "adam"
    n_states = 2  # means of the gradients, and of their squares
    squares = (1,)

    def __post_init__(self) -> None:
        self._check()
        check_number(self.beta_1, "beta_1", 0, 1)
        check_number(self.beta_2, "beta_2", 0, 1)
        if check_number(self.epsilon, "epsilon", 0) < _LEAST_EPSILON:
            raise ValueError(
                f"epsilon must be at least {_LEAST_EPSILON}, got {shown(self.epsilon)}; it would "
                "be 0 in float32, and 0 / 0 is NaN"
            )

    def coefficients(self, rates: Array, first_step: int) -> Array:
        """Return the coefficients of each step; see `Optimizer`."""
        steps = first_step + 1.0 + np.arange(len(rates))
        first, root = 1 - self.beta_1**steps, np.sqrt(1 - self.beta_2**steps)
        rows = super().coefficients(rates, first_step)
        rows[:, updates.RATE] = rates * root / first
        rows[:, updates.FIRST] = 1 - self.beta_1
        rows[:, updates.SECOND] = 1 - self.beta_2
        rows[:, updates.SMALL] = self.epsilon * root
        return rows


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "nesterov": NesterovSGD,
    "sgd": SGD,
    "adam": Adam,
}
"""The optimisers by name, for every argument that takes an optimiser."""

KINDS: tuple[type[Optimizer], ...] = tuple(
    made for made in OPTIMIZERS.values() if isinstance(made, type)
)
"""The classes among them."""

PUBLIC = [made.__name__ for made in OPTIMIZERS.values()]
if not TYPE_CHECKING:
    __all__ = PUBLIC


def takes(name: str, option: str) -> bool:
    """Return whether an optimiser has an option."""
    return option in inspect.signature(OPTIMIZERS[name]).parameters


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
    if isinstance(value, Optimizer) and type(value) in KINDS:
        return value
    raise TypeError(
        f"optimizer must be a name ({', '.join(OPTIMIZERS)}), or one of "
        f"{', '.join(kind.__name__ for kind in KINDS)}, such as SGD(0.1), got {shown(value)}"
    )
