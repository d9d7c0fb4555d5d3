"""The training loop."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Protocol

import numpy as np
import numpy.typing as npt

from . import checks
from .checks import Samples
from .evaluation import evaluate_samples
from .graph import Array
from .history import Epoch, History
from .interruption import interruptible
from .kernels.plan import Plan
from .mlp import MLP, check_loss
from .optimizers import SGD
from .progress import Bar, progress_bar
from .step import Stepper

Callback = Callable[[MLP, Epoch], bool | None]

_CHUNK_SECONDS = 0.08
"""How long compiled code runs before it looks for Ctrl-C and moves the bar; 1000 steps or so."""


def train(
    net: MLP,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: SGD,
    loss: str = "mse",
    batch_size: int = 128,
    epochs: int = 10,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    dropout: float | Sequence[float] | None = None,
    input_scale: float = 1.0,
    shuffle: bool = True,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
) -> History:
    """Train a network in place, by mini-batches.

    The data is read where it is, sample by sample, never copied as a whole (unless it is not
    C-contiguous). The same seed gives bit-identical weights on the same machine, whatever the
    number of threads (unless the network is mostly dense: see `MLP.runs_on_blas`).

    Parameters
    ----------
    net : MLP
        The network; its weights and biases are changed.
    X : array of uint8, float32 or float64, shape (samples, n_in)
        Inputs.
    Y : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, trained as one-hot targets, or the target of each output.
    optimizer : SGD
        How a step is made of a gradient; see `NesterovSGD`. Its velocities begin at zero.
    loss : {"mse"}
        Mean squared error over samples and outputs, as in Keras.
    batch_size : int
        Samples in a step; the last batch of an epoch may be smaller.
    epochs : int
        Passes over the data.
    validation_data : (X, Y), optional
        Evaluated after each epoch.
    dropout : float, or one for the input and each hidden layer, optional
        Shares of neurons dropped at random in each step (inverted dropout).
    input_scale : float
        Factor on the inputs, applied as a batch is assembled: 1/255 for uint8 images.
    shuffle : bool
        Whether each epoch visits the samples in a new random order.
    seed : int
        Seed of shuffling and dropout.
    callbacks : sequence of callables
        Each is called as ``callback(net, epoch)`` after an epoch, with its `Epoch`. One that
        returns True (or anything true) ends the training.
    progress : bool, optional
        Whether to show a progress bar (extra ``progress``); by default, where standard error is
        a terminal and tqdm is installed.

    Returns
    -------
    History
        After Ctrl-C too: the step (or the compilation) under way is finished, so that the network
        is intact, and ``history.interrupted`` is True. A second Ctrl-C acts at once.

    Raises
    ------
    ValueError, TypeError
        Where the data does not fit the network, holds NaN or inf, or an option is out of range.
    FloatingPointError
        Where the loss is no longer finite at the end of an epoch.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((200, 8), dtype=np.float32)
    >>> Y = (X[:, 0] > X[:, 1]).astype(int)
    >>> net = snn.MLP([snn.topology.fibonacci_rotating(8, 9, degree=4), snn.topology.dense(9, 2)])
    >>> history = snn.train(net, X, Y, optimizer=snn.NesterovSGD(1.0), batch_size=20, epochs=30)
    >>> snn.evaluate(net, X, Y).accuracy > 0.9
    True
    """
    return run_training(
        net,
        partial(Stepper, net),
        X,
        Y,
        optimizer=optimizer,
        loss=loss,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=validation_data,
        dropout=dropout,
        input_scale=input_scale,
        shuffle=shuffle,
        seed=seed,
        callbacks=callbacks,
        progress=progress,
    )


class Steps(Protocol):
    """What the loop asks of whoever makes the steps, such as `Stepper`."""

    plan: Plan
    chunk: int

    def compile(self) -> None:
        """Compile what a step calls, or load it; nothing is trained."""

    def run(self, samples: Array, rates: Array) -> Array:
        """Train on samples, batch after batch; return the losses before each update."""
        ...


def run_training(
    net: MLP,
    make_stepper: Callable[..., Steps],
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: SGD,
    loss: str,
    batch_size: int,
    epochs: int,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    dropout: float | Sequence[float] | None,
    input_scale: float,
    shuffle: bool,
    seed: int,
    callbacks: Sequence[Callback],
    progress: bool | None,
) -> History:
    """Check what was passed to `train`, and run its loop with steps of any kind.

    ``make_stepper(samples, optimizer=, batch_size=, dropout=, seed=)`` makes what trains ``net``.
    """
    samples = checks.check_samples(net, X, Y, input_scale)
    validation = _check_validation(net, validation_data, input_scale)
    check_loss(loss)
    if not isinstance(optimizer, SGD):
        raise TypeError(f"optimizer must be an SGD, such as NesterovSGD(0.1), got {optimizer!r}")
    seed = checks.check_seed(seed)
    epochs = checks.check_positive_integer(epochs, "epochs")
    batch_size = min(checks.check_positive_integer(batch_size, "batch_size"), samples.n_samples)
    n_steps = math.ceil(samples.n_samples / batch_size)
    history = History()
    rng = np.random.default_rng(seed)
    stepper = make_stepper(
        samples,
        optimizer=optimizer,
        batch_size=batch_size,
        dropout=checks.check_dropout(dropout, len(net.layers)),
        seed=seed,
    )
    bar = progress_bar(progress, epochs * n_steps, "step")
    try:
        with interruptible() as interrupted:
            bar.set_description("compiling")
            history.compile_seconds = _compile(net, stepper, validation)
            bar.set_description("training")
            for epoch in range(epochs):
                order = np.arange(samples.n_samples)
                if shuffle:
                    rng.shuffle(order)
                # the middle of each step, so that no schedule begins or ends one at nothing
                times = epoch + (np.arange(n_steps) + 0.5) / n_steps
                rates = np.array([optimizer.rate(time, epochs) for time in times.tolist()])
                started = perf_counter()
                losses, step_seconds = _run_epoch(stepper, order, rates, interrupted, bar)
                seconds = perf_counter() - started
                if len(losses) < n_steps:
                    history.interrupted = True
                    return history
                sizes = np.diff([*range(0, samples.n_samples, batch_size), samples.n_samples])
                figures = None if validation is None else evaluate_samples(net, validation)
                record = Epoch(
                    epoch=epoch + 1,
                    loss=float(losses @ sizes) / samples.n_samples,
                    validation_loss=None if figures is None else figures.loss,
                    validation_accuracy=None if figures is None else figures.accuracy,
                    learning_rate=float(rates[-1]),
                    seconds=seconds,
                    step_microseconds=float(1e6 * np.median(step_seconds)),
                )
                _check_finite(record)
                history.epochs.append(record)
                bar.set_postfix_str(describe(record))
                stops = [callback(net, record) for callback in callbacks]
                history.interrupted = interrupted.is_set()
                if history.interrupted or any(stops):
                    break
    finally:
        bar.close()
    return history


def _run_epoch(
    stepper: Steps, order: Array, rates: Array, interrupted: threading.Event, bar: Bar
) -> tuple[Array, list[float]]:
    """Train on the samples in this order, chunk by chunk, until the end or an interruption.

    Return the loss of each step that was made, and each chunk's seconds a step.
    """
    losses, seconds = [np.empty(0)], []
    done, size = 0, stepper.plan.batch_size
    while done < len(rates) and not interrupted.is_set():
        stop = min(done + stepper.chunk, len(rates))
        started = perf_counter()
        losses.append(stepper.run(order[done * size : stop * size], rates[done:stop]))
        seconds.append((perf_counter() - started) / (stop - done))
        stepper.chunk = max(1, int(_CHUNK_SECONDS / seconds[-1]))
        bar.update(stop - done)
        done = stop
    return np.concatenate(losses), seconds


def describe(record: Epoch) -> str:
    """Return the figures of an epoch in a few words."""
    words = f"loss {record.loss:.5f}"
    if record.validation_accuracy is not None:
        words += f", accuracy {100 * record.validation_accuracy:.2f} %"
    elif record.validation_loss is not None:
        words += f", validation loss {record.validation_loss:.5f}"
    return words


def _check_validation(
    net: MLP, validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None, input_scale: float
) -> Samples | None:
    if validation_data is None:
        return None
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(
            f"validation_data must be a pair (X, Y), got {type(validation_data).__name__}"
        )
    return checks.check_samples(net, *validation_data, input_scale, "validation ")


def _compile(net: MLP, stepper: Steps, validation: Samples | None) -> float:
    """Compile all kernels that the training will call; return the seconds it took."""
    started = perf_counter()
    stepper.compile()
    if validation is not None:
        net.predict_checked(validation.inputs[:1], validation.scale)
    return perf_counter() - started


def _check_finite(record: Epoch) -> None:
    if not math.isfinite(record.loss):
        raise FloatingPointError(
            f"the loss became {record.loss} in epoch {record.epoch}, at a learning rate of "
            f"{record.learning_rate:g}; take a lower rate, or warm it up with WarmUpDecay"
        )
