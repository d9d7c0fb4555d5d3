"""Networks of named wirings, which other systems train as well: the task, and our side of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

import minisnn as snn
from minisnn.kernels.program.structure import Structure
from minisnn.network.losses import check_loss
from minisnn.network.samples import check_samples
from minisnn.training.trainer import Trainer

from .base import Array

RATE, MOMENTUM = 0.01, 0.9
CHECKED_STEPS = 3
_LOSS = "binary_cross_entropy"


@dataclass(frozen=True, eq=False)
class Task:
    """A wiring and the data that its network is trained on, by Nesterov's method.

    All terms but the outputs have batch normalisation and a tanh; outputs are sigmoids, with a
    weight each in the cross-entropy, and nothing reads them.

    Attributes
    ----------
    name
        For tables.
    wiring
        Every input has an edge.
    X, Y
        Shapes (n_samples, n_inputs) and (n_samples, n_outputs), float32; Y is 0 or 1.
    output_weights
        Weight of each output.
    batch_size
        Samples of a step.
    """

    name: str
    wiring: snn.wiring.Wiring
    X: Array
    Y: Array
    output_weights: Array
    batch_size: int

    def network(self, dtype: str) -> snn.Network:
        """Return the network as it is before training, in this precision."""
        return snn.Network(self.wiring, activation="tanh", batch_norm=True, seed=0, dtype=dtype)


def make_task(
    name: str,
    wiring: snn.wiring.Wiring,
    *,
    head_weight: float = 1.0,
    batch_size: int = 64,
    n_samples: int = 4096,
) -> Task:
    """Return the task with random data.

    Parameters
    ----------
    name, wiring, batch_size
        As for `Task`.
    head_weight
        Weight of all outputs but the first.
    n_samples
        As many that a batch is not to be found in a cache.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, wiring.n_inputs), dtype=np.float32)
    Y = (rng.random((n_samples, len(wiring.outputs))) < 0.5).astype(np.float32)
    weights = np.full(len(wiring.outputs), head_weight)
    weights[0] = 1
    return Task(name, wiring, X, Y, weights, batch_size)


class Side(ABC):
    """A system that trains the network of a task.

    Parameters
    ----------
    task
        Nothing in it is changed.
    threads
        Number of threads used inside `limits`.
    dtype
        "float32" or "float64".

    Attributes
    ----------
    name
        For tables.
    """

    name: ClassVar[str]

    def __init__(self, task: Task, threads: int, dtype: str) -> None:
        self.task, self.threads, self.dtype = task, threads, dtype

    @abstractmethod
    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let the system use `threads` threads; to be entered once for many steps."""
        yield

    @abstractmethod
    def steps(self, samples: Array) -> None:
        """Train on batches of samples, int64[n_steps, batch_size]."""

    @abstractmethod
    def gradients(self, samples: Array) -> tuple[float, Array]:
        """Return the loss of one batch, and its gradients in the order of our parameters.

        Those of running moments are 0.
        """

    @abstractmethod
    def parameters(self) -> Array:
        """Return a copy of all parameters in our order, running moments among them."""

    @abstractmethod
    def n_weights(self) -> int:
        """Return the number of weights that are stored, on edges or not."""

    def runner(self, rng: np.random.Generator) -> Callable[[int], None]:
        """Return a function that trains for ``n`` steps of samples chosen at random."""
        n_samples, size = len(self.task.X), self.task.batch_size
        return lambda n: self.steps(rng.integers(0, n_samples, (n, size)))


class Ours(Side):
    """Training by minisnn, as `minisnn.train` does it."""

    name = "minisnn"

    def __init__(self, task: Task, threads: int, dtype: str) -> None:
        super().__init__(task, threads, dtype)
        self.network = task.network(dtype)

    @cached_property
    def _trainer(self) -> Trainer:  # its plan is that of the threads at the time
        task = self.task
        X, Y = (array.astype(self.dtype, copy=False) for array in (task.X, task.Y))
        samples = check_samples(self.network, X, Y, 1.0, output_weights=task.output_weights)
        trainer = Trainer(
            self.network,
            samples,
            optimizer=snn.NesterovSGD(RATE, MOMENTUM),
            batch_size=task.batch_size,
            loss=check_loss(_LOSS, "sigmoid", samples),
        )
        trainer.compile()
        return trainer

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let minisnn use `threads` threads."""
        before = snn.get_num_threads()
        snn.set_num_threads(self.threads)
        try:
            yield
        finally:
            snn.set_num_threads(before)

    def steps(self, samples: Array) -> None:
        """Train on batches of samples, int64[n_steps, batch_size]."""
        self._trainer.steps(samples.ravel(), np.full(len(samples), RATE))

    def gradients(self, samples: Array) -> tuple[float, Array]:
        """Return the loss of one batch, and its gradients; see `Side`."""
        X, Y = (array[samples].astype(self.dtype) for array in (self.task.X, self.task.Y))
        weights = self.task.output_weights
        loss, found = self.network.loss_and_gradients(X, Y, loss=_LOSS, output_weights=weights)
        return loss, found.parameters

    def parameters(self) -> Array:
        """Return a copy of all parameters."""
        return self.network.parameters.copy()

    def n_weights(self) -> int:
        """Return the number of edges."""
        return self.network.n_connections


def kinds_of(structure: Structure) -> dict[str, Array]:
    """Return the positions of weights, biases, gains and running moments among all parameters."""
    positions = np.arange(structure.n_parameters)
    parts: dict[str, list[Array]] = {}
    for number, group in structure.summing:
        weights, biases = structure.parts(positions, number)
        found = {"weights": weights, "biases": biases}
        if group.normal is not None:
            normal = structure.normal_parts(positions, number)
            found |= zip(("gains", "means", "variances"), normal, strict=True)
        for kind, part in found.items():
            parts.setdefault(kind, []).append(part)
    return {kind: np.concatenate(arrays) for kind, arrays in parts.items()}


def check(ours: Ours, other: Side, tolerance: float) -> float:
    """Return the largest difference between two sides, relative to the largest value of its kind.

    Compared are the loss and the gradients of a batch, and all parameters after some steps.

    Raises
    ------
    AssertionError
        If it is above the tolerance: what does another thing must not be timed.
    """
    batches = np.arange(CHECKED_STEPS * ours.task.batch_size).reshape(CHECKED_STEPS, -1)
    batches %= len(ours.task.X)
    results = []
    for side in (ours, other):
        with side.limits():
            loss, gradients = side.gradients(batches[0])
            side.steps(batches)
            results.append((np.array([loss]), gradients, side.parameters()))
    worst = 0.0
    for what, mine, theirs in zip(("loss", "gradient", "steps"), *results, strict=True):
        kinds = {"": np.arange(1)} if what == "loss" else kinds_of(ours.network.structure)
        for kind, places in kinds.items():
            scale = float(np.abs(mine[places]).max())
            error = float(np.abs(mine[places] - theirs[places]).max()) / (scale or 1.0)
            if not error < tolerance:
                raise AssertionError(
                    f"{what} of {other.name} differ from ours by {error:.2g} of the largest "
                    f"{kind}; what does another thing must not be timed"
                )
            worst = max(worst, error)
    return worst
