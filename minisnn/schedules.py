"""Learning rates that change while a network trains.

A schedule is any function ``schedule(epoch, epochs)`` that returns the learning rate, given the
fractional epoch that has been trained (0 at the first step, 2.5 in the middle of the third epoch)
and the number of epochs in all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .checks import check_number

Schedule = Callable[[float, int], float]


@dataclass(frozen=True)
class WarmUpDecay:
    """A learning rate that rises linearly to its peak and then falls along half a cosine.

    Sigmoid neurons with squared error on a wide layer saturate at once when the rate is high from
    the first step, and learn slowly when it is low throughout. Warmed up they bear, and want, a
    high rate; the decay to zero then lets the weights settle.

    Parameters
    ----------
    peak : float
        Highest learning rate.
    warm_up : float
        Share of the training, 0 to below 1, in which the rate rises from 0 to the peak. The
        default is slow on purpose: see docs/training.md for what a steeper rise does.

    Raises
    ------
    ValueError
        Where the peak is negative or the share not in [0, 1).

    Examples
    --------
    >>> import minisnn as snn
    >>> rate = snn.WarmUpDecay(peak=2.0, warm_up=0.5)
    >>> [round(rate(epoch, 4), 3) for epoch in (0, 1, 2, 3, 4)]
    [0.0, 1.0, 2.0, 1.0, 0.0]
    """

    peak: float
    warm_up: float = 0.5

    def __post_init__(self) -> None:
        check_number(self.peak, "peak", 0)
        check_number(self.warm_up, "warm_up", 0, 1)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the rate at a fractional epoch of a training of ``epochs``."""
        progress = min(epoch / epochs, 1.0)
        if progress < self.warm_up:
            return self.peak * progress / self.warm_up
        decayed = (progress - self.warm_up) / (1 - self.warm_up)
        return self.peak * (1 + math.cos(math.pi * decayed)) / 2
