"""Early stopping: end a training that no longer improves, and restore its best weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice, check_number, check_positive_integer
from ..network.base import SparseNetwork
from ..training.callback import Callback, Training
from ..training.history import Epoch

_MONITORS = tuple(item.name for item in fields(Epoch) if item.name.endswith(("loss", "accuracy")))


class EarlyStopping(Callback):
    """End a training when a figure has not improved for some epochs.

    However the training ends, the network gets the weights of its best epoch. The optimiser's state
    in the history is that of the last epoch, and its moving averages are of the weights that are
    given up: who trains the best weights further leaves out ``optimizer_state=``. Another copy of
    the state would cost one or two times the memory of all weights, and the time to write it.

    Source of the idea: L. Prechelt, "Early Stopping - But When?", 1998,
    doi:10.1007/3-540-49430-8_3.

    Parameters
    ----------
    patience : int
        Epochs without a better figure after which the training ends.
    min_delta : float
        By how much a figure must be better than the best so far to count as better.
    monitor : str
        Figure of `Epoch` to watch: a loss, or an accuracy. The training
        must have it: ``validation_loss`` and ``validation_accuracy`` need validation data, and
        should not be those of the data on which the network is judged in the end.

    Attributes
    ----------
    best_epoch : int
        The epoch with the best figure; 0 before the first.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or the figure unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> X = np.random.default_rng(0).random((100, 8), dtype=np.float32)
    >>> Y = (X[:, 0] > X[:, 1]).astype(int)
    >>> net = snn.MLP([snn.topology.dense(8, 2)])
    >>> stopping = snn.callbacks.EarlyStopping(patience=2)
    >>> history = snn.train(
    ...     net, X[:50], Y[:50], optimizer=snn.SGD(0.0), epochs=50,
    ...     validation_data=(X[50:], Y[50:]), callbacks=[stopping],
    ... )
    >>> len(history.epochs), stopping.best_epoch
    (3, 1)
    """

    def __init__(
        self, patience: int = 10, *, min_delta: float = 0.0, monitor: str = "validation_loss"
    ) -> None:
        self.patience = check_positive_integer(patience, "patience")
        self.min_delta = check_number(min_delta, "min_delta", 0)
        self.monitor = check_choice(monitor, "monitor", _MONITORS)
        self.best_epoch = 0

    def begin(self, training: Training) -> None:
        """Forget the best epoch of an earlier training.

        Raises
        ------
        ValueError
            If the training does not have the figure.
        """
        if self.monitor not in training.figures:
            raise ValueError(
                f"EarlyStopping monitors {self.monitor}, which this training does not have; "
                "pass validation_data, or monitor='loss'"
            )
        self._training = training
        self._parameters = training.parameters.copy()
        self._least, self.best_epoch = math.inf, 0

    def __call__(self, net: SparseNetwork, epoch: Epoch) -> bool:
        """Keep the weights, if they are the best so far; return whether patience is at its end."""
        figure = getattr(epoch, self.monitor)
        value = -figure if self.monitor.endswith("accuracy") else figure
        if value < self._least - self.min_delta:
            self._least, self.best_epoch = value, epoch.epoch
            self._parameters[:] = self._training.parameters
        return epoch.epoch - self.best_epoch >= self.patience

    def end(self) -> None:
        """Give the network its best weights."""
        if self.best_epoch:
            self._training.replace_parameters(self._parameters)
        del self._training, self._parameters

    def state(self) -> dict[str, Array]:
        """Return the best figure, epoch and weights."""
        return {
            "parameters": self._parameters,
            "least": np.array(self._least),
            "epoch": np.array(self.best_epoch),
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the best figure, epoch and weights."""
        if not np.isfinite(state["parameters"]).all() or np.isnan(state["least"]):
            raise ValueError("the best weights are not finite")
        self._parameters[:] = state["parameters"]
        self._least, self.best_epoch = float(state["least"]), int(state["epoch"])

    def __repr__(self) -> str:
        return (
            f"EarlyStopping(patience={self.patience}, min_delta={self.min_delta:g}, "
            f"monitor={self.monitor!r})"
        )
