"""Stochastic gradient descent with momentum, in Keras's form."""

from __future__ import annotations

from dataclasses import dataclass

from .checks import check_number
from .graph import Array
from .kernels import elementwise
from .schedules import Schedule


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with momentum if wanted.

    With gradient g, rate η, momentum μ and velocity v (zero at first), as Keras has it::

        v <- μ v - η g
        w <- w + v               (classical)
        w <- w + μ v - η g       (Nesterov)

    Parameters
    ----------
    learning_rate : float or schedule
        η: a number, or a function of (epoch, epochs) such as `WarmUpDecay`.
    momentum : float
        μ, in [0, 1).
    nesterov : bool
        Whether to step in Nesterov's form.

    Raises
    ------
    ValueError
        Where the rate is negative or the momentum not in [0, 1).

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.SGD(learning_rate=0.5)
    SGD(learning_rate=0.5, momentum=0.0, nesterov=False)
    """

    learning_rate: float | Schedule
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        if not callable(self.learning_rate):
            check_number(self.learning_rate, "learning_rate", 0)
        check_number(self.momentum, "momentum", 0, 1)

    def rate(self, epoch: float, epochs: int) -> float:
        """Return the learning rate at a fractional epoch of a training of ``epochs``."""
        if callable(self.learning_rate):
            rate = self.learning_rate(epoch, epochs)
            return check_number(rate, f"the schedule's rate at epoch {epoch:g}", 0)
        return float(self.learning_rate)

    def update(self, weights: Array, velocities: Array, gradients: Array, rate: float) -> None:
        """Make one step, in place.

        Parameters
        ----------
        weights, velocities, gradients : array of float32 or float64, shape (n,)
            Weights and velocities are overwritten.
        rate : float
            Learning rate of this step.

        Raises
        ------
        ValueError
            Where the arrays differ in shape or dtype.
        """
        kinds = {(array.shape, array.dtype) for array in (weights, velocities, gradients)}
        if len(kinds) != 1 or weights.ndim != 1:
            raise ValueError(
                "weights, velocities and gradients must be vectors of one length and dtype, got "
                + ", ".join(f"{a.dtype} {a.shape}" for a in (weights, velocities, gradients))
            )
        real = weights.dtype.type
        elementwise.momentum_update(
            weights, velocities, gradients, real(rate), real(self.momentum), self.nesterov
        )


def NesterovSGD(learning_rate: float | Schedule, momentum: float = 0.9) -> SGD:
    """Return stochastic gradient descent with Nesterov momentum, as the paper trains.

    Source: Y. Nesterov 1983; in the form of Keras, see `SGD`.

    Parameters
    ----------
    learning_rate : float or schedule
        A number, or a function of (epoch, epochs) such as `WarmUpDecay`.
    momentum : float
        In [0, 1).

    Returns
    -------
    SGD

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.NesterovSGD(learning_rate=0.1)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    """
    return SGD(learning_rate, momentum, nesterov=True)
