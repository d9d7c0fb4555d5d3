"""The training loop: epochs of batches, from the current position of a training to its end."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from time import perf_counter
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.progress import Bar
from ..network.evaluation import evaluate_samples
from ..network.losses import Loss
from ..network.mlp import MLP
from ..network.samples import Samples
from .callback import EpochFunction
from .checkpoint import Checkpoint
from .divergence import Watch
from .generators import generator_state, set_generator_state
from .history import Epoch, History, describe
from .optimizers import Optimizer
from .step import Steps

_CHUNK_SECONDS = 0.08
"""Time that compiled code runs before the loop looks for Ctrl-C, for a checkpoint that is due, at
the losses, and moves the bar; 1000 steps or so."""


@dataclass
class Course:
    """A training as its schedules see it, made by one call or by several in turn.

    Parameters
    ----------
    epochs : int
        On which schedules count. At the end the rate stays what it is.
    order : numpy.random.Generator
        Shuffles the samples in each epoch; it is advanced.
    done : int
        Epochs that the calls before have made.
    """

    epochs: int
    order: np.random.Generator
    done: int = 0


class Loop:
    """A training under way.

    Parameters
    ----------
    net : MLP
        The network that predicts.
    steps : Steps
        What trains it.
    samples : Samples
        Training data.
    validation : Samples, optional
        Evaluated after each epoch.
    optimizer : Optimizer
        Says the learning rates.
    loss : Loss
        What is evaluated.
    epochs : int
        Passes over the data.
    course : Course
        What these epochs are a part of.
    shuffle : bool
        Whether each has an order of its own.
    seed : int
        What the history says of the seed.
    callbacks : sequence of callables
        Called after each epoch.
    """

    def __init__(
        self,
        net: MLP,
        steps: Steps,
        samples: Samples,
        validation: Samples | None,
        *,
        optimizer: Optimizer,
        loss: Loss,
        epochs: int,
        course: Course,
        shuffle: bool,
        seed: int,
        callbacks: Sequence[EpochFunction],
    ) -> None:
        self.history = History(seed=seed)
        self._net, self._steps, self._watch = net, steps, Watch(steps, net)
        self._samples, self._validation = samples, validation
        self._optimizer, self._epochs, self._shuffle = optimizer, epochs, shuffle
        self._loss = loss
        self._callbacks = callbacks
        self._starts = np.arange(0, samples.n_samples, steps.plan.batch_size)
        self._sizes = np.diff([*self._starts, samples.n_samples])
        # Where it stands, beside the history:
        self._course, self._rng = course, course.order
        self._before = generator_state(self._rng)  # the shuffling of the epoch under way
        self._losses = np.zeros(len(self._sizes))  # of its steps
        self._counts = self._sizes  # of samples for which each loss stands
        self._done = 0  # how many of them were made
        self._seconds = 0.0  # how long they took
        self._stopped = False  # by a callback

    def run(self, interrupted: threading.Event, checkpoint: Checkpoint | None, bar: Bar) -> None:
        """Go on to the end, or to an interruption."""
        begun_at = self._place()
        bar.initial = len(self.history.epochs) * len(self._sizes) + self._done
        self._show(bar)
        bar.update(bar.initial)
        while not (
            len(self.history.epochs) == self._epochs or self._stopped or interrupted.is_set()
        ):
            rates, seconds_a_step = self._run_epoch(interrupted, checkpoint, bar)
            if self._done == len(self._sizes):
                self._finish_epoch(rates[-1], seconds_a_step)
                self._show(bar)
                if checkpoint is not None and checkpoint.due:
                    checkpoint.write()
        if self._stopped:  # nothing is left to do
            bar.update((self._epochs - len(self.history.epochs)) * len(self._sizes))
        self.history.interrupted = interrupted.is_set()
        if checkpoint is not None and self._place() != begun_at:
            checkpoint.write()

    def _show(self, bar: Bar) -> None:
        """Say where it stands, with the bar's next update: to draw takes as long as some steps."""
        epochs = self.history.epochs
        number = min(len(epochs) + (not self._stopped), self._epochs)
        bar.set_description(f"epoch {number} of {self._epochs}", refresh=False)
        if epochs:
            bar.set_postfix_str(describe(epochs[-1]), refresh=False)
        elif self._done:  # an epoch may take hours
            so_far = float(np.mean(self._losses[: self._done]))
            bar.set_postfix_str(f"loss {so_far:.5f} so far", refresh=False)

    def _run_epoch(
        self, interrupted: threading.Event, checkpoint: Checkpoint | None, bar: Bar
    ) -> tuple[Array, list[float]]:
        """Make the steps that are left of an epoch, chunk by chunk.

        Return the rates of all its steps, and each chunk's seconds a step.
        """
        n_steps, size = len(self._sizes), self._steps.plan.batch_size
        order = self._samples.order()
        if self._shuffle:
            self._rng.shuffle(order)
        if self._samples.weights is not None:  # a batch in which no sample counts has no loss
            weights = self._samples.weights[order]
            self._counts = self._sizes * np.logical_or.reduceat(weights, self._starts)
        course = self._course
        rates = self.rates(course.done + len(self.history.epochs), course.epochs)
        seconds: list[float] = []
        self._watch.keep()
        while self._done < n_steps and not interrupted.is_set():
            stop = min(self._done + self._steps.chunk, n_steps)
            started = perf_counter()
            self._losses[self._done : stop] = self._watch.run(
                order[self._done * size : stop * size], rates[self._done : stop]
            )
            elapsed = perf_counter() - started
            self._seconds += elapsed
            seconds.append(elapsed / (stop - self._done))
            self._steps.chunk = max(1, int(_CHUNK_SECONDS / seconds[-1]))
            self._done, done = stop, stop - self._done
            if not self.history.epochs:
                self._show(bar)
            bar.update(done)
            if checkpoint is not None and checkpoint.due and self._done < n_steps:
                self._watch.check()
                checkpoint.write()
        self._watch.check()
        return rates, seconds

    def _finish_epoch(self, rate: float, seconds_a_step: Sequence[float]) -> None:
        """Record an epoch, and call the callbacks."""
        figures = None
        if self._validation is not None:
            figures = evaluate_samples(self._net, self._validation, self._loss)
        record = Epoch(
            epoch=self._course.done + len(self.history.epochs) + 1,
            loss=float(self._losses @ self._counts) / int(self._counts.sum()),
            validation_loss=None if figures is None else figures.loss,
            validation_accuracy=None if figures is None else figures.accuracy,
            learning_rate=float(rate),
            seconds=self._seconds,
            step_microseconds=float(1e6 * np.median(seconds_a_step)),
        )
        self.history.epochs.append(record)
        self._before = generator_state(self._rng)
        self._losses[:], self._done, self._seconds = 0, 0, 0.0
        stops = [callback(self._net, record) for callback in self._callbacks]
        self._stopped = any(stops)

    @property
    def figures(self) -> list[str]:
        """Names of the figures that each epoch has."""
        names = [item.name for item in fields(Epoch)]
        if self._validation is None:
            names.remove("validation_loss")
        if self._validation is None or self._validation.targets.values.ndim == 2:
            names.remove("validation_accuracy")
        return names

    def rates(self, epoch: int, epochs: int) -> Array:
        """Return the learning rate of each step of an epoch, counted from 0, in a training."""
        n_steps = len(self._sizes)
        # the middle of each step, so that no schedule begins or ends one at nothing
        times = np.minimum(epoch + (np.arange(n_steps) + 0.5) / n_steps, epochs)
        return np.array([self._optimizer.rate(time, epochs) for time in times.tolist()])

    # What a checkpoint keeps

    def _place(self) -> list[int]:
        """Return the finished epochs, the steps since, and whether a callback has ended it."""
        return [len(self.history.epochs), self._done, int(self._stopped)]

    def state(self) -> dict[str, Array]:
        """Return the position of the training, without the state of the steps."""
        columns = len(fields(Epoch))
        history = np.full((self._epochs, columns), np.nan)
        for row, epoch in zip(history, self.history.epochs, strict=False):
            row[:] = [np.nan if figure is None else figure for figure in astuple(epoch)]
        return {
            "place": np.array(self._place(), dtype=np.int64),
            "history": history,
            "generator": self._before,
            "losses": self._losses,
            "seconds": np.array(self._seconds),
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the position of a training, which may have been planned for more or fewer epochs.

        Raises
        ------
        ValueError
            If this training has no such position.
        """
        n_epochs, done, stopped = state["place"].tolist()
        rows = state["history"][: max(n_epochs, 0)].tolist()
        if not (
            0 <= n_epochs <= self._epochs
            and [row[0] for row in rows] == list(range(1, n_epochs + 1))
            and 0 <= done < len(self._losses)
            and (done == 0 or n_epochs < self._epochs)
            and stopped in (0, 1)
            and n_epochs * len(self._losses) + done <= self._steps.state()["steps"]
        ):
            raise ValueError(f"a training cannot stand at {[n_epochs, done, stopped]}")
        always = [not item.name.startswith("validation") for item in fields(Epoch)]
        there = [state["history"][:n_epochs, always], state["losses"], state["seconds"]]
        if not all(np.isfinite(array).all() for array in there):
            raise ValueError("figures of the epochs so far are not finite")
        figures: list[list[Any]] = [[None if math.isnan(x) else x for x in row] for row in rows]
        self.history.epochs[:] = [Epoch(int(row[0]), *row[1:]) for row in figures]
        self._done, self._stopped = done, bool(stopped)
        self._before, self._losses[:] = state["generator"].copy(), state["losses"]
        self._seconds = float(state["seconds"])
        set_generator_state(self._rng, self._before)
