"""The training loop: epochs of batches, from the current position of a training to its end."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, fields
from time import perf_counter
from typing import Any

import numpy as np

from .._support import console
from .._support.arrays import Array
from .._support.compile_notice import compile_notice
from .._support.interruption import AGAIN, interruptible
from .._support.messages import counted
from .._support.progress import Bar, progress_bar
from ..network.base import SparseNetwork
from ..network.evaluation import evaluate_samples
from ..network.execution import Diverged
from ..network.losses import Loss
from ..network.passes import PREDICTION_BATCH
from ..network.samples import Samples
from ..network.tables import DataError
from .callback import Callback, EpochFunction, Training
from .checkpoint import Checkpoint
from .divergence import check_finite, divergence
from .generators import generator_state, set_generator_state
from .history import Epoch, History, curves, describe
from .optimizer import Optimizer
from .optimizer_state import OptimizerState
from .trainer import AnyTrainer

_CHUNK_SECONDS = 0.08
"""Time that compiled code runs before the loop looks for Ctrl-C, for a checkpoint that is due, at
the losses, and moves the bar; 1000 steps or so."""


@dataclass
class Course:
    """A training as its schedules see it, made by one call or by several in turn.

    Parameters
    ----------
    epochs : int
        Number of epochs that schedules span. After the end the rate stays constant.
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
    net : MLP or Network
        The network that predicts.
    trainer : AnyTrainer
        Trainer of the network.
    samples : Samples
        Training data.
    validation : Samples, optional
        Evaluated after each epoch.
    optimizer : Optimizer
        Optimiser, which has the learning rates.
    loss : Loss
        Loss to evaluate.
    epochs : int
        Passes over the data.
    course : Course
        Training that these epochs are a part of.
    shuffle : bool
        Whether each has an order of its own.
    seed : int
        Seed that the history records.
    callbacks : sequence of callables
        Called after each epoch.
    progress : bool or None
        Whether to show a bar, as for `minisnn.train`.
    """

    def __init__(
        self,
        net: SparseNetwork,
        trainer: AnyTrainer,
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
        progress: bool | None,
    ) -> None:
        self.history = History(seed=seed)
        self.checkpoint: Checkpoint | None = None
        self.resume: bool | str = False  # from the checkpoint
        self.names = samples.inputs.names, samples.targets.names
        self._net, self._trainer = net, trainer
        self._samples, self._validation = samples, validation
        self._optimizer, self._epochs, self._shuffle = optimizer, epochs, shuffle
        self._loss = loss
        self._callbacks, self._progress = callbacks, progress
        self._n_steps = -(-samples.n_samples // trainer.plan.batch_size)  # of an epoch
        # Position, beside the history:
        self._course, self._rng = course, course.order
        self._before = generator_state(self._rng)  # the shuffling of the epoch under way
        shape = (self._n_steps, net.n_out) if samples.targets.gaps else (self._n_steps,)
        self._losses = np.zeros(shape)  # of its steps, or of their outputs
        self._counts = np.ones(shape, dtype=np.int64)  # of samples for which each loss stands
        self._done = 0  # how many of them were made
        self._seconds = 0.0  # how long they took
        self._stopped = False  # by a callback
        self._initial: Array | None = None  # parameters, until all data has been read
        check_finite(trainer.parameters, course.done + 1)

    def run(self) -> History:
        """Go on to the end, or to an interruption; return the history.

        Raises
        ------
        DataError
            If a value of the data is invalid; the network is then as it was before.
        FloatingPointError
            If the training diverges; the network is finite, and but for an overflow of an update
            as it was before that step.
        FileFormatError, OSError
            If there is something wrong with the checkpoint.
        """
        n_steps, size = self._n_steps, self._trainer.plan.batch_size
        with self._under_way() as (interrupted, bar):
            begun_at = self._place()
            bar.initial = len(self.history.epochs) * n_steps + self._done
            self._show(bar)
            bar.update(bar.initial)
            while not (self._is_over() or interrupted.is_set()):
                order, rates = self._begin_epoch()
                seconds: list[float] = []  # of each chunk, a step
                while self._done < n_steps and not interrupted.is_set():
                    first, last = self._done, min(self._done + self._trainer.chunk, n_steps)
                    samples = order[first * size : last * size]
                    started = perf_counter()
                    losses = self._steps(samples, rates[first:last])
                    seconds.append((perf_counter() - started) / (last - first))
                    self._note(first, last, losses, seconds[-1], bar)
                if self._done == n_steps:
                    self._finish_epoch(rates[-1], seconds)
                    self._show(bar)
                    if self.checkpoint is not None and self.checkpoint.due:
                        self.checkpoint.write()
            if self._stopped:  # nothing is left to do
                bar.update((self._epochs - len(self.history.epochs)) * n_steps)
            self.history.interrupted = interrupted.is_set()
            if self.checkpoint is not None and self._place() != begun_at:
                self.checkpoint.write()
        if self.history.interrupted:
            console.say(
                f"Ctrl-C: this training has ended, after {counted(len(self.history), 'epoch')}; a "
                f"second Ctrl-C within {AGAIN:.0f} seconds of the first ends the program"
            )
        self.history.optimizer_state = OptimizerState.from_arrays(self._trainer.state())
        return self.history

    @contextmanager
    def _under_way(self) -> Iterator[tuple[threading.Event, Bar]]:
        """Compile, begin, and whatever happens end: the bar, the callbacks, the checkpoint."""
        told = [callback for callback in self._callbacks if isinstance(callback, Callback)]
        n_steps = self._epochs * self._n_steps
        with ExitStack() as whole:
            whole.callback(self._let_go)
            whole.enter_context(compile_notice(self._progress is not False))
            whole.enter_context(self._untouched_if_refused())
            self.history.compile_seconds = self._compile()
            with interruptible() as interrupted, ExitStack() as ends:
                bar = progress_bar(self._progress, n_steps, below=lambda: curves(self.history))
                ends.callback(bar.close)
                training = Training(self.history, self._trainer, self.figures)
                ends.callback(training.end)  # last of all
                self._net.input_names, self._net.output_names = self.names
                for callback in told:
                    callback.begin(training)
                    ends.callback(callback.end)
                if self.checkpoint is not None:
                    self.checkpoint.begin(self.resume)
                yield interrupted, bar

    def _let_go(self) -> None:
        self.checkpoint = None  # which knows this loop, and so the data

    @contextmanager
    def _untouched_if_refused(self) -> Iterator[None]:
        """Put names back if no step was made; parameters, too, if a value of the data is none.

        That turns out in the first epoch, in which all the data is read: no callback has seen the
        end of one.
        """
        net, trainer = self._net, self._trainer
        names, begun = (net.input_names, net.output_names), trainer.state()["steps"].copy()
        data = [self._samples] if self._validation is None else [self._samples, self._validation]
        if any(samples.may_be_refused for samples in data):
            self._initial = trainer.parameters.copy()
        try:
            yield
        except BaseException as error:
            if isinstance(error, DataError) and self._initial is not None:
                state = {"parameters": self._initial, "steps": begun}
                trainer.restore(trainer.state() | state)
            if trainer.state()["steps"] == begun:
                net.input_names, net.output_names = names
            raise

    def _compile(self) -> float:
        """Compile all kernels that the training will call; return the seconds it took."""
        started = perf_counter()
        self._trainer.compile()
        if self._validation is not None:
            self._net.predict_checked(self._validation.first(PREDICTION_BATCH))
        return perf_counter() - started

    def _is_over(self) -> bool:
        return len(self.history.epochs) == self._epochs or self._stopped

    def _show(self, bar: Bar) -> None:
        """Show the position, with the bar's next update: to draw takes as long as some steps."""
        epochs = self.history.epochs
        number = min(len(epochs) + (not self._stopped), self._epochs)
        bar.set_description(f"epoch {number} of {self._epochs}", refresh=False)
        if epochs:
            bar.set_postfix_str(describe(epochs[-1]), refresh=False)
        elif self._done:  # an epoch may take hours
            bar.set_postfix_str(f"loss {self._mean_loss():.5f} so far", refresh=False)

    def _mean_loss(self) -> float:
        """Return the mean loss of the epoch so far over all that counts: of outputs in sum."""
        made = [
            each[: self._done].reshape(self._done, -1).T for each in (self._losses, self._counts)
        ]
        parts = [float(of @ n) / int(n.sum()) for of, n in zip(*made, strict=True) if n.any()]
        return math.fsum(parts)

    def _steps(self, samples: Array, rates: Array) -> Array:
        """Make steps; return their losses."""
        try:
            return self._trainer.steps(samples, rates)
        except Diverged as diverged:
            raise divergence(diverged, self._trainer, self._net, samples, rates) from None

    def _begin_epoch(self) -> tuple[Array, Array]:
        """Return the order of an epoch's samples, and the rate of each of its steps."""
        order = self._samples.order()
        if self._shuffle:
            self._rng.shuffle(order)
        self._counts = self._samples.counts(order, self._trainer.plan.batch_size)
        epoch = self._course.done + len(self.history.epochs)
        check_finite(self._trainer.parameters, epoch + 1)
        return order, self.rates(epoch, self._course.epochs)

    def _note(self, first: int, last: int, losses: Array, seconds_a_step: float, bar: Bar) -> None:
        """Note the steps from first to last that were made."""
        self._losses[first:last] = losses
        self._seconds += seconds_a_step * (last - first)
        self._trainer.chunk = max(1, int(_CHUNK_SECONDS / seconds_a_step))
        self._done = last
        if not self.history.epochs:
            self._show(bar)
        bar.update(last - first)
        if self.checkpoint is not None and self.checkpoint.due and last < self._n_steps:
            self.checkpoint.write()

    def _finish_epoch(self, rate: float, seconds_a_step: Sequence[float]) -> None:
        """Record an epoch, and call the callbacks."""
        figures = None
        if self._validation is not None:
            figures = evaluate_samples(self._net, self._validation, self._loss)
        self._initial = None
        record = Epoch(
            epoch=self._course.done + len(self.history.epochs) + 1,
            loss=self._mean_loss(),
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
        n_steps = self._n_steps
        # the middle of each step, so that no schedule begins or ends one at nothing
        times = np.minimum(epoch + (np.arange(n_steps) + 0.5) / n_steps, epochs)
        return np.array([self._optimizer.rate(time, epochs) for time in times.tolist()])

    # State in checkpoints

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
            and n_epochs * len(self._losses) + done <= self._trainer.state()["steps"]
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
