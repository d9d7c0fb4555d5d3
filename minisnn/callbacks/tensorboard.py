"""Training log for TensorBoard."""

from __future__ import annotations

import os
from dataclasses import asdict
from os import PathLike
from typing import Any

from .._support.checks import check_path
from .._support.extras import require
from ..network.base import SparseNetwork
from ..training.callback import Callback, Training
from ..training.history import Epoch


class TensorBoard(Callback):
    """Write the figures of each epoch as event files, which TensorBoard shows (extra
    ``tensorboard``).

    They are on the disk about a second after the epoch, under the names that they have in `Epoch`,
    the number of the epoch being the step. A resumed training writes a file with all its epochs,
    and marks those of earlier files as obsolete. An estimator's calls of ``partial_fit`` are one
    training.

    Parameters
    ----------
    folder : path
        Folder of one training, created if needed: ``tensorboard --logdir`` of the folder above it
        shows several side by side.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import minisnn as snn
    >>> folder = tempfile.mkdtemp()
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(
    ...     net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=3,
    ...     callbacks=[snn.callbacks.TensorBoard(folder)],
    ... )
    >>> len(os.listdir(folder))
    1
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = check_path(folder, "folder")
        _tensorboardX()  # to be missed now, not after an epoch
        self._writer: Any = None

    def begin(self, training: Training) -> None:
        """Begin a new log with the next epoch.

        Raises
        ------
        NotADirectoryError
            If the name belongs to a file.
        """
        if os.path.exists(self.folder) and not os.path.isdir(self.folder):
            raise NotADirectoryError(f"{self.folder} is a file, not a folder for TensorBoard's log")
        self._training = training

    def __call__(self, net: SparseNetwork, epoch: Epoch) -> None:
        """Add an epoch's figures."""
        if self._writer is None:
            epochs = self._training.history.epochs
            self._writer = _tensorboardX().SummaryWriter(
                self.folder,
                purge_step=epochs[0].epoch,
                flush_secs=1,
                filename_suffix=f".{epoch.epoch:08d}",  # two files of one second are two
            )
            for earlier in epochs[:-1]:
                self._add(earlier)
        self._add(epoch)

    def end(self) -> None:
        """Close the file."""
        del self._training
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _add(self, epoch: Epoch) -> None:
        for name, figure in asdict(epoch).items():
            if figure is not None and name != "epoch":
                self._writer.add_scalar(name, figure, epoch.epoch)


def _tensorboardX() -> Any:
    return require("tensorboardX", "tensorboard", "a log for TensorBoard")
