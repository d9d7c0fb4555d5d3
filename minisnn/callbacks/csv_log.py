"""Training log as a CSV file, one row per epoch."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import asdict, fields
from os import PathLike

from .._support.checks import check_path
from .._support.files import replace_file
from ..network.base import SparseNetwork
from ..training.callback import Callback, Training
from ..training.history import Epoch

_COLUMNS = [item.name for item in fields(Epoch)]


class CSVLog(Callback):
    """Write the figures of each epoch to a file, as soon as it is finished.

    The first epoch that a training finishes replaces the file, with those before it if the
    training was resumed; the others are appended. So each has one row, however often the training
    was killed and resumed. An estimator's calls of ``partial_fit`` are one training.

    Parameters
    ----------
    path : path
        The file. One row per epoch, under a head with the names of `Epoch`'s figures; missing
        figures are empty.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import minisnn as snn
    >>> path = os.path.join(tempfile.mkdtemp(), "log.csv")
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(
    ...     net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=3,
    ...     callbacks=[snn.callbacks.CSVLog(path)],
    ... )
    >>> with open(path) as file:
    ...     [line.split(",")[0] for line in file]
    ['epoch', '1', '2', '3']
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = check_path(path)
        self._begun = False

    def begin(self, training: Training) -> None:
        """Begin a new table with the next epoch.

        Raises
        ------
        FileNotFoundError
            If its folder does not exist: this is checked before the first epoch, not after it.
        """
        folder = os.path.dirname(os.path.abspath(self.path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"there is no folder {folder} for the log {self.path}")
        self._training, self._begun = training, False

    def end(self) -> None:
        """Forget the training."""
        del self._training

    def __call__(self, net: SparseNetwork, epoch: Epoch) -> None:
        """Add an epoch's row.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        try:
            self._write(epoch)
        except OSError as error:
            raise OSError(f"cannot write the log {self.path}: {error}") from error

    def _write(self, epoch: Epoch) -> None:
        epochs = self._training.history.epochs
        goes_on = epochs[0].epoch > 1 and os.path.exists(self.path)  # from a call of partial_fit
        if self._begun or goes_on:
            with open(self.path, "ab") as file:
                file.write(_rows([epoch]))
        else:
            with replace_file(self.path) as file:
                file.write(",".join(_COLUMNS).encode() + b"\r\n")
                file.write(_rows(epochs))
        self._begun = True


def _rows(epochs: Sequence[Epoch]) -> bytes:
    text = io.StringIO(newline="")
    csv.DictWriter(text, _COLUMNS).writerows(map(asdict, epochs))
    return text.getvalue().encode()
