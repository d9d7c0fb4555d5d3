"""State of an optimiser between trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from .._support.arrays import Array, frozen
from .._support.checks import as_array, check_whole_number
from .._support.messages import counted
from ..network.layer import PRECISIONS
from .optimizer import Optimizer
from .optimizers import KINDS

_LARGEST = 2**63 - 1  # of int64
_MOST_STEPS = 2**53  # to go on from, so that there is room for more


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """State of an optimiser, with which a later training continues as if without a break.

    `minisnn.train` leaves it in ``history.optimizer_state`` and takes it back as
    ``optimizer_state``; `minisnn.save` keeps it in a file.

    Parameters
    ----------
    vectors : array of float32 or float64, shape (n_states, n_parameters)
        As `Optimizer.initial_state` begins it: the velocities of SGD, or the two means of Adam.
        Held as it is, read-only.
    steps : int
        Number of steps made.

    Raises
    ------
    TypeError, ValueError
        If the vectors are not such an array, or the steps are not a whole number from 0 that fits
        into int64.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> X, Y, adam = np.eye(4), [0, 1, 0, 1], snn.Adam(0.01)
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(net, X, Y, optimizer=adam, epochs=3)
    >>> history.optimizer_state
    OptimizerState(2 vectors of 10 float32, 3 steps)
    >>> state = history.optimizer_state
    >>> history = snn.train(net, X, Y, optimizer=adam, epochs=2, optimizer_state=state)
    >>> history.optimizer_state.steps
    5
    """

    vectors: Array
    steps: int

    def __post_init__(self) -> None:
        vectors = as_array(self.vectors, "vectors").view()
        if vectors.ndim != 2 or vectors.dtype not in PRECISIONS:
            raise ValueError(
                "vectors must be float32 or float64 of shape (n_states, n_parameters), got "
                f"{vectors.dtype} of shape {vectors.shape}"
            )
        object.__setattr__(self, "vectors", frozen(vectors))
        object.__setattr__(self, "steps", check_whole_number(self.steps, "steps", 0, _LARGEST))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """Return the optimiser's part of the arrays that `AnyTrainer.state` returns."""
        return cls(arrays["optimizer"], int(arrays["steps"]))

    def arrays(self) -> dict[str, Array]:
        """Return it as `AnyTrainer.restore`, and files, take it."""
        return {"optimizer": self.vectors, "steps": np.array(self.steps, dtype=np.int64)}

    def check_for(self, parameters: Array, optimizer: Optimizer | None = None) -> None:
        """Raise unless it can be the state of an optimiser, by default of any, of parameters.

        Raises
        ------
        ValueError
            If it belongs to other parameters or another optimiser, holds NaN, inf or negative means
            of squares, or has made more than 2**53 steps.
        """
        check_whole_number(self.steps, "steps", 0, _MOST_STEPS)
        found, wanted = self.vectors, (len(self.vectors), len(parameters))
        if optimizer is not None:
            wanted = optimizer.n_states, len(parameters)
        if found.shape != wanted or found.dtype != parameters.dtype:
            who = "the optimiser" if optimizer is None else type(optimizer).__name__
            raise ValueError(
                f"{who} needs a state of shape {wanted} and {parameters.dtype} for this network, "
                f"got {found.shape} and {found.dtype}; pass what the same kind of optimiser left "
                "after training this network"
            )
        if not np.isfinite(found).all():
            raise ValueError(
                "the state of the optimiser holds NaN or inf: its training has diverged; go on "
                "without it"
            )
        kinds = [kind for kind in KINDS if kind.n_states == len(found)]
        if optimizer is not None:
            kinds = [type(optimizer)]
        names = " or ".join(kind.__name__ for kind in kinds)
        for number, vector in enumerate(found):
            if all(number in kind.squares for kind in kinds or [Optimizer]) and vector.min() < 0:
                raise ValueError(
                    f"the state of {names} holds means of squared gradients, which are not below "
                    f"0, got {vector.min():g}; go on without it"
                )

    def __repr__(self) -> str:
        n_states, n_parameters = self.vectors.shape
        return (
            f"OptimizerState({counted(n_states, 'vector')} of {n_parameters} {self.vectors.dtype}, "
            f"{counted(self.steps, 'step')})"
        )
