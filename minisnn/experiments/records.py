"""Records of a run: those from a worker, and those from the store."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..training.history import Epoch


class Status(StrEnum):
    """State of a run.

    Examples
    --------
    >>> from minisnn.experiments import Status
    >>> print(*Status)
    pending running done failed
    """

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Figures:
    """Figures of a finished run, on all test samples.

    Parameters
    ----------
    accuracy : float or None
        After the last epoch; None if targets are no labels.
    best_accuracy : float or None
        After the best epoch. It was chosen on the test samples, which flatters it.
    loss : float
        After the last epoch.
    weights : int
        Connections.
    bytes : int
        Memory of weights, biases and index arrays.
    step_microseconds : float
        Median over the epochs of the time of a training step, on one thread.
    metrics : mapping of str to float
        Those of `Arrays`, after the last epoch.
    """

    accuracy: float | None
    best_accuracy: float | None
    loss: float
    weights: int
    bytes: int
    step_microseconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerWeights:
    """Distribution of the weights of one layer, or of one level of a wiring, after training.

    Parameters
    ----------
    layer : int
        Its number, from 1.
    lowest, highest, mean, deviation : float
        Of its weights; the deviation is the standard one.
    """

    layer: int
    lowest: float
    highest: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class Versions:
    """Software and hardware of a run."""

    minisnn: str | None = None
    numpy: str | None = None
    numba: str | None = None
    python: str | None = None
    cpu: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Result of a run.

    Parameters
    ----------
    hash : str
        Hash of the run.
    started : str or None
        Time of its start in UTC, as ISO 8601; None if the worker died before it could report.
    seconds : float or None
        Duration, with reading the data and compiling.
    versions : Versions
        Software and hardware of the worker.
    figures : Figures or None
        None if it failed.
    epochs : sequence of Epoch
        The history; empty if it failed.
    layers : sequence of LayerWeights
        Of the trained network; empty if it failed.
    error : str or None
        The traceback if it failed.
    """

    hash: str
    started: str | None
    seconds: float | None
    versions: Versions
    figures: Figures | None = None
    epochs: Sequence[Epoch] = ()
    layers: Sequence[LayerWeights] = ()
    error: str | None = None


@dataclass(frozen=True)
class Begun:
    """A run was handed to a worker that is free."""

    hash: str


Events = Generator[Begun | Outcome, None, None]
"""Items that a runner yields."""


@dataclass(frozen=True)
class Record:
    """Record of a run in a store.

    Parameters
    ----------
    hash : str
        Of the configuration.
    configuration : mapping
        As `Run.to_dict` gives it. Plain values, so that it can be read after a construction
        has got another name.
    status : Status
        Its state.
    error : str or None
        The traceback of a run that failed.
    started : str or None
        In UTC, as ISO 8601; None where it was never begun.
    seconds : float or None
        None where it has not ended.
    versions : Versions
        Software and hardware of the worker.
    figures : Figures or None
        None unless it is done.
    """

    hash: str
    configuration: Mapping[str, Any]
    status: Status
    error: str | None
    started: str | None
    seconds: float | None
    versions: Versions
    figures: Figures | None
