"""Learning rates that change while a network trains.

A schedule is any function ``schedule(epoch, epochs)`` that returns the learning rate, given a
fractional epoch (2.5 in the middle of the third) and the number of epochs in all. Each step has the
rate of its own middle: the first of ten in an epoch that at 0.05. Where a schedule is asked for, a
number is one, too: a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from .._support.checks import check_number
from .._support.messages import shown

Schedule = Callable[[float, float], float]


def check_rate(rate: Any, name: str) -> None:
    """Raise unless it is a learning rate: a number of at least 0, or a schedule."""
    if callable(rate):
        return
    if isinstance(rate, bool) or not isinstance(rate, Real):
        raise TypeError(
            f"{name} must be a number or a schedule, such as minisnn.CosineDecay(0.01), got "
            f"{shown(rate)}"
        )
    check_number(rate, name, 0)


def _progress(epoch: float, epochs: float) -> float:
    """Return the share of the training that is done, 1 at most."""
    if check_number(epochs, "epochs", 0) == 0:
        raise ValueError("epochs must be above 0, got 0")
    return min(check_number(epoch, "epoch", 0) / epochs, 1.0)


@dataclass(frozen=True)
class WarmUpDecay:
    """A learning rate that rises linearly to its peak and then falls along half a cosine.

    Sigmoid neurons with squared error on a wide layer saturate at once when the rate is high from
    the first step, and learn slowly when it is low throughout. After a warm-up they tolerate, and
    need, a high rate; the decay to zero then lets the weights settle.

    Parameters
    ----------
    peak : float
        Highest learning rate.
    warm_up : float
        Share of the training, 0 to below 1, in which the rate rises from 0 to the peak. The default
        is slow on purpose: see docs/training.md for the effect of a steeper rise.

    Raises
    ------
    ValueError
        If the peak is negative or the share not in [0, 1).

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

    def __call__(self, epoch: float, epochs: float) -> float:
        """Return the rate at a fractional epoch of a training of ``epochs``."""
        progress = _progress(epoch, epochs)
        if progress < self.warm_up:
            return self.peak * progress / self.warm_up
        decayed = (progress - self.warm_up) / (1 - self.warm_up)
        return self.peak * (1 + math.cos(math.pi * decayed)) / 2


@dataclass(frozen=True)
class CosineDecay:
    """A learning rate that falls along half a cosine from the first step to the last.

    Source: I. Loshchilov, F. Hutter 2017, arXiv:1608.03983, without restarts.

    Parameters
    ----------
    start, end : float
        Learning rates before the first epoch and after the last.

    Raises
    ------
    ValueError
        If one is negative.

    Examples
    --------
    >>> import minisnn as snn
    >>> rate = snn.CosineDecay(start=2.0, end=1.0)
    >>> [round(rate(epoch, 4), 3) for epoch in (0, 2, 4)]
    [2.0, 1.5, 1.0]
    """

    start: float
    end: float = 0.0

    def __post_init__(self) -> None:
        check_number(self.start, "start", 0)
        check_number(self.end, "end", 0)

    def __call__(self, epoch: float, epochs: float) -> float:
        """Return the rate at a fractional epoch of a training of ``epochs``."""
        fallen = (1 - math.cos(math.pi * _progress(epoch, epochs))) / 2
        return self.start + (self.end - self.start) * fallen


@dataclass(frozen=True)
class StepDecay:
    """A learning rate that is multiplied by a factor after every ``every`` epochs.

    Parameters
    ----------
    start : float
        Learning rate at first.
    every : float
        Epochs from one change to the next, above 0.
    factor : float
        At each change.

    Raises
    ------
    ValueError
        If the rate or the factor is negative, or ``every`` not above 0.

    Examples
    --------
    >>> import minisnn as snn
    >>> rate = snn.StepDecay(start=1.0, every=10, factor=0.5)
    >>> [rate(epoch, 30) for epoch in (0, 9.9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """

    start: float
    every: float
    factor: float = 0.1

    def __post_init__(self) -> None:
        check_number(self.start, "start", 0)
        check_number(self.factor, "factor", 0)
        if check_number(self.every, "every", 0) == 0:
            raise ValueError("every must be above 0 epochs, got 0")

    def __call__(self, epoch: float, epochs: float) -> float:
        """Return the rate at a fractional epoch of a training of ``epochs``."""
        _progress(epoch, epochs)
        try:
            return self.start * self.factor ** math.floor(epoch / self.every)
        except OverflowError:  # refused wherever a rate is asked for
            return math.inf


@dataclass(frozen=True)
class WarmUp:
    """A learning rate that rises linearly from 0, and then stays or follows another schedule.

    Parameters
    ----------
    then : float or schedule
        The rate that it rises to and keeps, or the schedule whose first rate it rises to, and
        whose epochs then are those that are left.
    share : float
        Share of the training, 0 to below 1, in which it rises.

    Raises
    ------
    ValueError
        If the rate is negative or the share not in [0, 1).

    Examples
    --------
    >>> import minisnn as snn
    >>> rate = snn.WarmUp(snn.CosineDecay(1.0), share=0.2)
    >>> [round(rate(epoch, 10), 3) for epoch in (0, 1, 2, 6, 10)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    then: float | Schedule
    share: float = 0.1

    def __post_init__(self) -> None:
        check_rate(self.then, "then")
        check_number(self.share, "share", 0, 1)

    def __call__(self, epoch: float, epochs: float) -> float:
        """Return the rate at a fractional epoch of a training of ``epochs``."""
        _progress(epoch, epochs)
        warm_up = self.share * epochs
        if epoch < warm_up:
            return self._after(0.0, epochs - warm_up) * epoch / warm_up
        return self._after(epoch - warm_up, epochs - warm_up)

    def _after(self, epoch: float, epochs: float) -> float:
        return self.then(epoch, epochs) if callable(self.then) else float(self.then)
