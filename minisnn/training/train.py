"""Entry point of training: validate the arguments, assemble the parts, run the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from os import PathLike
from time import perf_counter

import numpy as np
import numpy.typing as npt

from .._support import checks, console
from .._support.arguments import as_list, check_flag, check_pair, check_path, counted, shown
from .._support.columns import Known
from .._support.compile_notice import compile_notice
from .._support.interruption import AGAIN, interruptible
from .._support.progress import progress_bar, require_tqdm
from .._support.seeds import Seed, seed_of
from ..network.losses import check_loss
from ..network.mlp import MLP, check_network
from ..network.passes import PREDICTION_BATCH
from ..network.samples import DataError, Samples, check_samples
from . import fingerprints
from .callback import Callback, EpochFunction, Training
from .checkpoint import EXTEND, Checkpoint, Part, Recorded, recorded
from .history import History
from .loop import Course, Loop
from .optimizer_state import OptimizerState
from .optimizers import Optimizer, as_optimizer
from .step import Stepper, Steps

_MOST_EPOCHS = 2**20  # 56 MiB of figures


def train(
    net: MLP,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: Optimizer | str,
    optimizer_state: OptimizerState | None = None,
    loss: str | None = None,
    batch_size: int = 128,
    epochs: int = 10,
    rows: npt.ArrayLike | None = None,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    validation_rows: npt.ArrayLike | None = None,
    dropout: float | Sequence[float] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    input_scale: float = 1.0,
    shuffle: bool = True,
    seed: Seed = None,
    callbacks: Sequence[EpochFunction] = (),
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    resume: bool | str = False,
    progress: bool | None = None,
) -> History:
    """Train a network in place, by mini-batches.

    The data is read where it lies, batch by batch, of any number type and in any layout: a memory
    map, every other column, an array in Fortran order. It is never copied as a whole, and read once
    per epoch. The same seed gives bit-identical weights on the same machine, whatever the
    number of threads (unless the network is mostly dense: see `MLP.runs_on_blas`).

    Parameters
    ----------
    net : MLP
        The network; its weights and biases are changed.
    X : array of numbers or bool, or DataFrame, shape (samples, n_in)
        Inputs. Columns of a DataFrame are matched by name (`MLP.input_names`); of an array they are
        taken by position. Inputs that no edge uses are not read. Values are whole numbers, or
        floats of 16, 32 or 64 bits. A value counts as its float64, times ``input_scale``, rounded
        to the network's precision; bytes are multiplied by ``input_scale`` in sum, but for that it
        is the same. So 2**24 + 1 is 2**24 to a network of float32. Whole numbers beyond 2**53,
        which float64 does not have, are refused.
    Y : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, trained as one-hot targets, or the target of each output.
    optimizer : SGD, Adam, or str
        How a step is made of a gradient; see `NesterovSGD`. ``"nesterov"``, ``"sgd"`` and
        ``"adam"`` are `NesterovSGD`, `SGD` and `Adam` with their defaults.
    optimizer_state : OptimizerState, optional
        What the optimiser remembers of the training before: ``optimizer_state`` of its `History`,
        or of `load_optimizer_state`. It is not changed. By default it begins at zero. Epochs,
        which schedules count, and the order of samples begin anew in any case.
    loss : str, optional
        ``"mse"``: mean squared error over samples and outputs, as in Keras, for any outputs but
        softmax; ``"binary_cross_entropy"``: over samples and outputs, for sigmoid outputs and
        targets from 0 to 1; ``"cross_entropy"``: over samples, for softmax outputs and labels or
        the probabilities of each sample. By default cross-entropy where outputs are a softmax,
        else mean squared error.
    batch_size : int
        Samples in a step; the last batch of an epoch may be smaller.
    epochs : int
        Passes over the data.
    rows : array of int, or of bool, shape (samples,), optional
        Which rows of X, Y and ``sample_weight`` are the samples: their numbers, or True for each
        that is one; all by default. A row may come several times. ``X[rows]`` would copy them.
    validation_data : (X, Y), optional
        Evaluated after each epoch.
    validation_rows : array of int, or of bool, optional
        Which rows of ``validation_data`` to evaluate, or without these which rows of X and Y.
    dropout : float, or one for the input and each hidden layer, optional
        Shares of neurons dropped at random in each step (inverted dropout).
    sample_weight : array of numbers, shape (samples,), optional
        How much each sample counts: the loss of a batch is the weighted mean over its samples.
    input_scale : float
        Factor on the inputs, applied as a batch is assembled: 1/255 for uint8 images.
    shuffle : bool
        Whether each epoch visits the samples in a new random order.
    seed : int, SeedSequence or Generator, optional
        Of shuffling and dropout; by default fresh, and kept in ``history.seed``.
    callbacks : sequence of callables
        Each is called as ``callback(net, epoch)`` after an epoch, with its `Epoch`. One that
        returns True (or anything true) ends the training. `minisnn.callbacks` has some, such as
        `EarlyStopping`, and the protocol of those that do more.
    checkpoint : path, optional
        File to keep the training in: all that it takes to go on from there to the same bits. It is
        written at the beginning, when ``checkpoint_every`` has passed, and at the end, after Ctrl-C
        too; always whole, so that whatever happens, the last one that was written is there.
    checkpoint_every : float
        Seconds between two writes: what may be lost, but for what a few steps take.
    resume : bool or "extend"
        Whether to go on from the checkpoint; the weights that the network has are replaced, and so
        is ``optimizer_state``. All other arguments must be those of the training that wrote it;
        columns of frames are matched by the names that it has.
        With ``"extend"`` there may be more ``epochs``, or fewer, but not fewer than are done: the
        training goes on to the same bits as one that was begun with so many. That takes a rate
        that does not depend on their number, such as a constant or a `StepDecay`. A training that
        a callback has ended stays ended, as it would have been with more epochs: a warning says so.
        If there is no such file, the training begins anew, so that one command both starts and
        resumes. Without a seed, that of the checkpoint is taken. Without ``resume`` a checkpoint
        that is there already is an error: it is not overwritten.
    progress : bool, optional
        Whether to show a progress bar (extra ``progress``); by default in a notebook, and where
        standard error is a terminal, if tqdm is installed. False also keeps quiet that kernels are
        being compiled.

    Returns
    -------
    History
        After Ctrl-C too, which ends this training alone and says so on standard error: the step
        under way is finished, so that the network is intact, and ``history.interrupted`` is True.

    Raises
    ------
    ValueError, TypeError
        If the data does not fit the network, or an option is out of range.
    DataError
        If a value of the data is not finite, or not in the network's precision (a ValueError). It
        is found when its batch is read, in the first epoch; the network is then as it was before
        the call. With a checkpoint, all values are checked before anything is written.
    FloatingPointError
        If a loss or a weight is no longer finite; the message names the step and the layer. The
        network is as it was before that step.
    FileFormatError
        If the checkpoint is damaged, or belongs to another training (a ValueError). Nothing is
        changed.
    OSError
        If the checkpoint cannot be written, or exists and ``resume`` is not set.
    KeyboardInterrupt
        If Ctrl-C is pressed while kernels are compiled, before anything is trained. If it is
        pressed a second time in this training, or within two seconds of one in the training before,
        so that loops and searches can be ended.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((200, 8), dtype=np.float32)
    >>> Y = (X[:, 0] > X[:, 1]).astype(int)
    >>> graphs = [snn.topology.fibonacci_rotating(8, 9, degree=4), snn.topology.dense(9, 2)]
    >>> net = snn.MLP(graphs, seed=0)
    >>> history = snn.train(
    ...     net, X, Y, optimizer=snn.NesterovSGD(1.0), batch_size=20, epochs=30, seed=0
    ... )
    >>> snn.evaluate(net, X, Y).accuracy > 0.9
    True
    """
    return run_training(
        net,
        partial(Stepper, net),
        X,
        Y,
        optimizer=optimizer,
        optimizer_state=optimizer_state,
        loss=loss,
        batch_size=batch_size,
        epochs=epochs,
        rows=rows,
        validation_data=validation_data,
        validation_rows=validation_rows,
        dropout=dropout,
        sample_weight=sample_weight,
        input_scale=input_scale,
        shuffle=shuffle,
        seed=seed,
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
        progress=progress,
    )


def run_training(
    net: MLP,
    make_steps: Callable[..., Steps],
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: Optimizer | str,
    optimizer_state: OptimizerState | None,
    loss: str | None,
    batch_size: int,
    epochs: int,
    rows: npt.ArrayLike | None,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    validation_rows: npt.ArrayLike | None,
    dropout: float | Sequence[float] | None,
    sample_weight: npt.ArrayLike | None,
    input_scale: float,
    shuffle: bool,
    seed: Seed,
    callbacks: Sequence[EpochFunction],
    checkpoint: str | PathLike[str] | None,
    checkpoint_every: float,
    resume: bool | str,
    progress: bool | None,
    course: Course | None = None,
) -> History:
    """Validate the arguments of `train`, and run its loop with steps of any kind.

    ``make_steps(samples, optimizer=, loss=, batch_size=, dropout=, seed=)`` makes what trains
    ``net``. ``course`` is what the epochs are a part of, if more calls make it up.
    """
    net = check_network(net)
    kept = _check_resume(checkpoint, resume)
    samples = check_samples(
        net, X, Y, input_scale, weights=sample_weight, rows=rows, known=kept.known(net)
    )
    if validation_data is None and validation_rows is not None:
        validation_data = X, Y
    validation = _check_validation(net, samples, validation_data, input_scale, validation_rows)
    known = check_loss(loss, net.output_activation, samples)
    if validation is not None:
        check_loss(loss, net.output_activation, validation)
    optimizer = as_optimizer(optimizer)
    epochs = checks.check_positive_integer(epochs, "epochs")
    batch_size = min(checks.check_positive_integer(batch_size, "batch_size"), samples.n_samples)
    dropout = checks.check_dropout(dropout, len(net.layers))
    checkpoint_every = checks.check_number(checkpoint_every, "checkpoint_every", 0)
    callbacks = as_list(callbacks, "callbacks", "functions of (net, epoch)")
    told = _check_callbacks(callbacks)
    shuffle = check_flag(shuffle, "shuffle")
    if progress is not None and check_flag(progress, "progress"):
        require_tqdm()  # the bar is made after compiling, which takes its time
    if checkpoint is not None and epochs > _MOST_EPOCHS:
        raise ValueError(
            f"a training with a checkpoint, which has a row for each epoch, may have "
            f"{_MOST_EPOCHS} at most, got {epochs}"
        )

    number = seed_of(kept.seed if seed is None else seed)
    with compile_notice(progress is not False):
        steps = make_steps(
            samples,
            optimizer=optimizer,
            loss=known,
            batch_size=batch_size,
            dropout=dropout,
            seed=number,
        )
    if optimizer_state is not None:
        if not isinstance(optimizer_state, OptimizerState):
            raise TypeError(
                "optimizer_state must be an OptimizerState, such as history.optimizer_state, got "
                f"{type(optimizer_state).__name__}"
            )
        optimizer_state.check_for(steps.parameters, optimizer)
        steps.restore({**steps.state(), **optimizer_state.arrays()})
    loop = Loop(
        net,
        steps,
        samples,
        validation,
        optimizer=optimizer,
        loss=known,
        epochs=epochs,
        course=course or Course(epochs, np.random.default_rng(number)),
        shuffle=shuffle,
        seed=number,
        callbacks=callbacks,
    )
    names, file = (samples.inputs.names, samples.targets.names), None
    if checkpoint is not None:
        for data in [samples] if validation is None else [samples, validation]:
            net.check_values(data)  # all is read for the fingerprint in any case
        stateful = [callback for callback in told if type(callback).state is not Callback.state]
        fingerprint = {
            "network": steps.fingerprint(),
            "training data": fingerprints.of_samples(samples),
            "validation data": fingerprints.of_samples(validation),
            "input_scale": repr(samples.scale),
            "loss": known.name,
            "batch_size": str(batch_size),
            "dropout": str(dropout),
            "shuffle": str(shuffle),
            "seed": str(number),
            "callbacks": ", ".join(map(repr, stateful)) or "none",
        }

        def fingerprint_for(epochs: int) -> dict[str, str]:
            rates = fingerprints.of_optimizer(optimizer, epochs)
            return {**fingerprint, **rates, "epochs": str(epochs)}

        parts: dict[str, Part] = {"steps": steps, "loop": loop}  # it asks for their number
        parts |= {
            f"callback_{number}": callback for number, callback in enumerate(stateful, start=1)
        }
        file = Checkpoint(
            checkpoint, checkpoint_every, fingerprint_for, epochs, loop.rates, parts, steps, names
        )
    with compile_notice(progress is not False), _untouched_if_refused(net, steps):
        loop.history.compile_seconds = _compile(net, steps, validation)
        with interruptible() as interrupted, ExitStack() as ends:
            bar = progress_bar(progress, epochs * math.ceil(samples.n_samples / batch_size))
            ends.callback(bar.close)
            training = Training(loop.history, steps, loop.figures)
            ends.callback(training.end)  # last of all
            net.input_names, net.output_names = names
            for callback in told:
                callback.begin(training)
                ends.callback(callback.end)
            if file is not None:
                file.begin(resume)
            loop.run(interrupted, file, bar)
    if loop.history.interrupted:
        console.say(
            f"Ctrl-C: this training has ended, after {counted(len(loop.history), 'epoch')}; a "
            f"second Ctrl-C within {AGAIN:.0f} seconds of the first ends the program"
        )
    loop.history.optimizer_state = OptimizerState.from_arrays(steps.state())
    return loop.history


@contextmanager
def _untouched_if_refused(net: MLP, steps: Steps) -> Iterator[None]:
    """Put names back if no step was made; parameters, too, if a value of the data is none.

    That turns out in the first epoch, in which all the data is read: no callback has seen the end
    of one.
    """
    before, names = steps.parameters.copy(), (net.input_names, net.output_names)
    begun = steps.state()["steps"].copy()
    try:
        yield
    except BaseException as error:
        if isinstance(error, DataError):
            steps.restore({**steps.state(), "parameters": before, "steps": begun})
        if steps.state()["steps"] == begun:
            net.input_names, net.output_names = names
        raise


def _check_resume(checkpoint: str | PathLike[str] | None, resume: bool | str) -> Recorded:
    """Return the checkpoint's record, if there is one to continue from."""
    if not (isinstance(resume, (bool, np.bool_)) or (isinstance(resume, str) and resume == EXTEND)):
        raise TypeError(f"resume must be True, False or {EXTEND!r}, got {shown(resume)}")
    if checkpoint is not None:
        check_path(checkpoint, "checkpoint")
    elif resume:
        raise ValueError("resume needs the checkpoint to go on from: pass checkpoint=path")
    return Recorded() if checkpoint is None or not resume else recorded(checkpoint)


def _check_callbacks(callbacks: Sequence[EpochFunction]) -> list[Callback]:
    """Return those that are more than functions."""
    for callback in callbacks:
        if not callable(callback) or isinstance(callback, type):
            raise TypeError(
                "callbacks must be functions of (net, epoch), or objects such as EarlyStopping(), "
                f"got {shown(callback)}"
            )
    return [callback for callback in callbacks if isinstance(callback, Callback)]


def _check_validation(
    net: MLP,
    samples: Samples,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    input_scale: float,
    rows: npt.ArrayLike | None,
) -> Samples | None:
    if validation_data is None:
        return None
    X, Y = check_pair(validation_data, "validation_data")
    known = [Known(table.names, "the training") for table in (samples.inputs, samples.targets)]
    return check_samples(net, X, Y, input_scale, "validation ", rows=rows, known=known)


def _compile(net: MLP, steps: Steps, validation: Samples | None) -> float:
    """Compile all kernels that the training will call; return the seconds it took."""
    started = perf_counter()
    steps.compile()
    if validation is not None:
        net.predict_checked(validation.first(PREDICTION_BATCH))
    return perf_counter() - started
