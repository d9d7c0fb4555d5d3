"""History of a training."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from os import PathLike
from statistics import median
from typing import Any

from .._support import html, svg
from .._support.extras import require
from .._support.files import replace_text
from .._support.messages import counted, did_you_mean, shown
from .optimizer_state import OptimizerState

_MOST_EPOCHS = 10  # of a table in a notebook


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch.

    Parameters
    ----------
    epoch : int
        1 for the first.
    loss : float
        Mean training loss over the epoch's samples, each measured before the update of its batch
        and with dropout, if any. Samples of weight 0 do not count. Where targets are missing, it is
        the mean over outputs of their means over the targets that are there, as by `evaluate`.
    validation_loss, validation_accuracy : float or None
        After the epoch, without dropout; None without validation data, accuracy also without
        labels.
    learning_rate : float
        At the epoch's last step.
    seconds : float
        Time of training; neither compilation nor validation nor callbacks are in it.
    step_microseconds : float
        Median time of a training step.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    step_microseconds: float


@dataclass
class History:
    """All epochs of a training, which can be iterated over.

    ``pandas.DataFrame(history)`` has a row for each.

    Parameters
    ----------
    epochs : list of Epoch
        The finished epochs, in order.
    compile_seconds : float
        Time before the first epoch to compile the kernels, or to load them from Numba's cache.
    interrupted : bool
        Whether Ctrl-C ended the training.
    optimizer_state : OptimizerState or None
        State of the optimiser at the end, for a training that continues from there: that of the
        last step, also where `EarlyStopping` has put back the weights of an earlier epoch.
    seed : int or None
        Of shuffling and dropout: with this number the same training is made again.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(1.0), epochs=3)
    >>> [epoch.epoch for epoch in history.epochs], len(history.column("loss"))
    ([1, 2, 3], 3)
    """

    epochs: list[Epoch] = field(default_factory=list)
    compile_seconds: float = 0.0
    interrupted: bool = False
    optimizer_state: OptimizerState | None = field(default=None, repr=False, compare=False)
    seed: int | None = None

    def __repr__(self) -> str:
        figures = f", {describe(self.epochs[-1])}" if self.epochs else ""
        seed = "" if self.seed is None else f", seed={self.seed}"
        ended = ", interrupted" * self.interrupted
        return f"History({counted(len(self), 'epoch')}{figures}{seed}{ended})"

    def _repr_html_(self) -> str:
        columns = {item.name: self.column(item.name) for item in fields(Epoch)}
        known = {name: column for name, column in columns.items() if {*column} - {None}}
        rows = [[_written(figure) for figure in row] for row in zip(*known.values(), strict=True)]
        header = [name.replace("_", " ") for name in known]
        table = html.table(header, rows, words=(), most=_MOST_EPOCHS) if rows else ""
        return html.block(html.paragraph(repr(self)), curves(self), table)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def column(self, name: str) -> list[Any]:
        """Return one figure of all epochs, by the name it has in `Epoch`."""
        known = [item.name for item in fields(Epoch)]
        if name not in known:
            near = did_you_mean(name, known)
            raise KeyError(f"no column {shown(name)}; there are {known}{near}")
        return [getattr(epoch, name) for epoch in self.epochs]

    def to_frame(self) -> Any:
        """Return the figures as a pandas.DataFrame: a row for each epoch, NaN for missing figures.

        Raises
        ------
        ImportError
            If pandas (extra ``pandas``) is missing.

        Examples
        --------
        >>> import minisnn as snn
        >>> history = snn.History([snn.Epoch(1, 0.1, None, None, 0.5, 2.0, 9.0)])
        >>> history.to_frame()[["epoch", "loss", "validation_loss"]]
           epoch  loss  validation_loss
        0      1   0.1              NaN
        """
        pandas = require("pandas", "pandas", "a table of a history")
        columns = {item.name: self.column(item.name) for item in fields(Epoch)}
        return pandas.DataFrame(columns).astype("float64").astype({"epoch": "int64"})

    @property
    def has_accuracy(self) -> bool:
        """True if there was validation data with labels."""
        return bool(self) and None not in self.column("validation_accuracy")

    @property
    def seconds_per_epoch(self) -> float:
        """Median time of an epoch; NaN if none was finished."""
        return median(self.column("seconds")) if self.epochs else float("nan")


def describe(record: Epoch) -> str:
    """Return the figures of an epoch in a few words."""
    words = f"loss {record.loss:.5f}"
    if record.validation_accuracy is not None:
        words += f", accuracy {100 * record.validation_accuracy:.2f} %"
    elif record.validation_loss is not None:
        words += f", validation loss {record.validation_loss:.5f}"
    return words


def curves(history: History) -> str:
    """Return small plots of loss and accuracy by epoch, in SVG; "" below two epochs."""
    names = {"training": "loss", "validation": "validation_loss"}
    losses = {label: history.column(name) for label, name in names.items()}
    shares = history.column("validation_accuracy")
    accuracies = [None if share is None else 100 * share for share in shares]
    first = history.epochs[0].epoch if history.epochs else 1
    plots = svg.line_chart("loss", losses, first)
    return plots + svg.line_chart("accuracy, %", {"validation": accuracies}, first)


def _written(figure: float | None) -> str:
    """Return a figure of an epoch in a few digits."""
    return "" if figure is None else str(figure) if isinstance(figure, int) else f"{figure:.4g}"


def write_csv(path: str | PathLike[str], histories: Mapping[str, History]) -> None:
    """Write histories to a file: a head, then one line per epoch, the network's name first."""
    with replace_text(path) as file:
        writer = csv.DictWriter(file, ["network", *(item.name for item in fields(Epoch))])
        writer.writeheader()
        for name, history in histories.items():
            writer.writerows({"network": name, **asdict(epoch)} for epoch in history.epochs)
