"""Protocol between a training and its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .._support.arrays import Array
from ..network.base import SparseNetwork
from .history import Epoch, History
from .trainer import AnyTrainer

EpochFunction = Callable[[Any, Epoch], bool | None]
"""A callback in its simplest form: called after each epoch, and ends the training if true."""


class Training:
    """View of the training that a `Callback` receives.

    A callback that stores it keeps no data: after the training it holds only the history.

    Parameters
    ----------
    history : History
        The epochs so far; those before a resume are among them.
    trainer : AnyTrainer
        Trainer of the network.
    figures : collection of str
        Names of the figures in `Epoch` that each epoch of this training has.
    """

    def __init__(self, history: History, trainer: AnyTrainer, figures: Collection[str]) -> None:
        self.history, self.figures = history, figures
        self._trainer: AnyTrainer | None = trainer

    @property
    def parameters(self) -> Array:
        """The vector that is trained, for reading: it changes with every step.

        Raises
        ------
        RuntimeError
            If the training has ended.
        """
        return self._under_way().parameters

    def replace_parameters(self, parameters: Array) -> None:
        """Let the network have these parameters.

        Raises
        ------
        RuntimeError
            If the training has ended.
        """
        trainer = self._under_way()
        trainer.restore({**trainer.state(), "parameters": parameters})

    def end(self) -> None:
        """Release the objects that train, and so the data."""
        self._trainer = None

    def _under_way(self) -> AnyTrainer:
        if self._trainer is None:
            raise RuntimeError("the training has ended; its parameters are those of its network")
        return self._trainer


class Callback:
    """A callback that knows when a training begins and ends, and can be kept in its checkpoint.

    Methods that are not overridden do nothing. The order of calls is `begin`, then `restore` if
    the training is resumed from a checkpoint, then the callback itself after each epoch, and
    `state` whenever a checkpoint is written; at last `end`.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> class Best(snn.callbacks.Callback):
    ...     def begin(self, training):
    ...         self.loss = np.array(np.inf)
    ...     def __call__(self, net, epoch):
    ...         self.loss = np.minimum(self.loss, epoch.loss)
    ...     def state(self):
    ...         return {"loss": self.loss}
    ...     def restore(self, state):
    ...         self.loss = state["loss"]
    >>> net, best = snn.MLP([snn.topology.dense(4, 2)]), Best()
    >>> history = snn.train(
    ...     net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=5, callbacks=[best]
    ... )
    >>> bool(best.loss == min(history.column("loss")))
    True
    """

    def begin(self, training: Training) -> None:
        """Learn that a training begins; the network has the names of its columns.

        Parameters
        ----------
        training : Training
            It may be stored. Before a resumed training goes on, it has no history yet; after the
            end it has nothing else.
        """

    def __call__(self, net: SparseNetwork, epoch: Epoch) -> bool | None:
        """Learn of a finished epoch; return True to end the training."""

    def end(self) -> None:
        """Learn that the training has ended: by itself, by a callback, by Ctrl-C or an error."""

    def state(self) -> dict[str, Array]:
        """Return the state that a resumed training needs, as numbers or arrays of numbers.

        From `begin` on their names, shapes and dtypes must stay the same: the checkpoint refuses
        others when it is written.
        """
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from the result of `state`; the arrays are read-only."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
