"""Training method of a run: the optimiser, and the course of its learning rate."""

from __future__ import annotations

from math import inf
from typing import Any

from .._support import checks
from .._support.checks import check_choice
from ..training import optimizers
from ..training.optimizer import Optimizer as Base
from ..training.schedules import Schedule, StepDecay, WarmUp, WarmUpDecay
from .validation import Section

_COSINE, _STEP, _NONE = DECAYS = ("cosine", "step", "none")

_NUMBERS = {"peak": inf, "warm_up": 1, "weight_decay": inf, "l1": inf}
_LIMITS = {**_NUMBERS, "momentum": 1, "every": inf, "factor": inf, "clip_norm": inf}
"""Upper bound of each; all are at least 0, and those of the first line are never None."""


class Optimizer(Section, frozen=True, kw_only=True):
    """An optimiser whose rate rises from 0 to a peak and then, mostly, falls again.

    Attributes
    ----------
    peak : float
        Highest learning rate.
    warm_up : float
        Share of the training in which the rate rises, 0 to below 1.
    momentum : float, optional
        In [0, 1), by default 0.9; Adam takes none.
    name : {"nesterov", "sgd", "adam"}
        `minisnn.NesterovSGD`, `minisnn.SGD` with classical momentum, or `minisnn.Adam`.
    decay : {"cosine", "step", "none"}
        The rate after its peak: it falls to 0 along half a cosine, is multiplied by ``factor``
        whenever ``every`` epochs have passed, or stays.
    every : float, optional
        Epochs; to be given with steps, and only then.
    factor : float, optional
        With steps, by default 0.1.
    weight_decay : float
        As the optimiser has it.
    clip_norm : float, optional
        As the optimiser has it; by default nothing is clipped.
    l1 : float
        As the optimiser has it.

    Examples
    --------
    >>> from minisnn.experiments import Optimizer
    >>> Optimizer(peak=2).make().learning_rate
    WarmUpDecay(peak=2.0, warm_up=0.5)
    >>> Optimizer(name="adam", peak=0.001, warm_up=0, decay="step", every=5).make().learning_rate
    WarmUp(then=StepDecay(start=0.001, every=5.0, factor=0.1), share=0.0)
    """

    peak: float
    warm_up: float = 0.5
    momentum: float | None = None
    name: str = "nesterov"
    decay: str = _COSINE
    every: float | None = None
    factor: float | None = None
    weight_decay: float = 0.0
    clip_norm: float | None = None
    l1: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self.name, "name", optimizers.OPTIMIZERS)
        has_momentum = optimizers.takes(self.name, "momentum")
        check_choice(self.decay, "decay", DECAYS)
        if not has_momentum and self.momentum is not None:
            raise ValueError(
                f"momentum must not be given with name {self.name!r}; null takes it back"
            )
        if self.decay == _STEP and self.every is None:
            raise ValueError("every is missing: the epochs from one step of the rate to the next")
        for key in ("every", "factor"):
            if self.decay != _STEP and getattr(self, key) is not None:
                raise ValueError(f"{key} must not be given with decay {self.decay!r}, only 'step'")
        if has_momentum and self.momentum is None:
            self._set(momentum=0.9)
        if self.decay == _STEP and self.factor is None:
            self._set(factor=0.1)
        for key, below in _LIMITS.items():
            value = getattr(self, key)
            if value is not None or key in _NUMBERS:
                self._set(**{key: checks.check_number(value, key, 0, below)})
        self.make()  # says what else is wrong

    def make(self) -> Base:
        """Return it as an optimiser of `minisnn`."""
        rate: Schedule
        if self.decay == _COSINE:
            rate = WarmUpDecay(self.peak, self.warm_up)
        elif self.every is not None and self.factor is not None:
            rate = WarmUp(StepDecay(self.peak, self.every, self.factor), self.warm_up)
        else:
            rate = WarmUp(self.peak, self.warm_up)
        options: dict[str, Any] = {
            "weight_decay": self.weight_decay, "clip_norm": self.clip_norm, "l1": self.l1
        }  # fmt: skip
        if self.momentum is not None:
            options["momentum"] = self.momentum
        return optimizers.OPTIMIZERS[self.name](rate, **options)
