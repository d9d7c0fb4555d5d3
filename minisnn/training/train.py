"""Training of a network: `minisnn.train`."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy.typing as npt

from .._support.seeds import Seed
from ..network.base import SparseNetwork
from ..network.output_weights import OutputWeights
from .callback import EpochFunction
from .class_weight import ClassWeight
from .constraints import Constraints
from .history import History
from .optimizer import Optimizer
from .optimizer_state import OptimizerState
from .prepare import Options, prepare


def train(
    net: SparseNetwork,
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
    class_weight: ClassWeight | None = None,
    output_weights: OutputWeights | None = None,
    missing_targets: bool = False,
    constraints: Constraints | None = None,
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

    The data is read in place, batch by batch, in any number type and any layout: a memory map,
    every other column, an array in Fortran order. It is never copied as a whole, and read once per
    epoch. The same seed gives bit-identical weights on the same machine, whatever the number of
    threads (unless the network is mostly dense: see `MLP.runs_on_blas`).

    Parameters
    ----------
    net : MLP or Network
        The network; its weights and biases are changed.
    X : array of numbers or bool, DataFrame, or sparse array, shape (samples, n_in)
        Inputs. A sparse array or matrix of SciPy's has the bits of the same X dense. It is read
        in place if it is CSR with int32 indices, in order and each once in its row; all else is
        converted once per call. Columns of a DataFrame are matched by name (`MLP.input_names`),
        those of an array by position. Inputs that no edge uses are not read. Values are whole
        numbers, or floats of 16, 32 or 64 bits. A value counts as its float64, times
        ``input_scale``, rounded to the network's precision; for bytes, sums are multiplied by
        ``input_scale`` instead. So 2**24 + 1 is 2**24 in a network of float32. Whole numbers beyond
        2**53 that float64 cannot represent are refused.
    Y : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, trained as one-hot targets, or the target of each output.
    optimizer : SGD, Adam, or str
        Optimiser that makes a step from a gradient; see `NesterovSGD`. ``"nesterov"``, ``"sgd"``
        and ``"adam"`` are `NesterovSGD`, `SGD` and `Adam` with their defaults.
    optimizer_state : OptimizerState, optional
        State of the optimiser from the training before: ``optimizer_state`` of its `History`,
        or of `load_optimizer_state`. It is not changed. By default it starts at zero. The epochs
        that schedules count and the order of samples always start again.
    loss : str, optional
        ``"mse"``: mean squared error over samples and outputs, as in Keras, for any outputs but
        softmax; ``"huber"``: the same with distances in place of squares beyond 1, in Keras's
        form; ``"binary_cross_entropy"``: over samples and outputs, for sigmoid outputs and
        targets from 0 to 1; ``"cross_entropy"``: over samples, for softmax outputs and labels or
        the probabilities of each sample. By default cross-entropy for softmax outputs, else mean
        squared error.
    batch_size : int
        Samples in a step; the last batch of an epoch may be smaller.
    epochs : int
        Passes over the data.
    rows : array of int, or of bool, shape (samples,), optional
        Rows of X, Y and ``sample_weight`` to train on: their numbers, or a mask of True and False;
        all by default. A row may be repeated. ``X[rows]`` would copy them.
    validation_data : (X, Y), optional
        Evaluated after each epoch.
    validation_rows : array of int, or of bool, optional
        Rows of ``validation_data`` to evaluate, or of X and Y without it.
    dropout : float, or one for the input and each hidden layer, optional
        Shares of neurons dropped at random in each step (inverted dropout). Of a `Network` the
        second one is that of the first level, and so on. Outputs are never dropped, those at inner
        levels neither: other neurons read all of them.
    sample_weight : array of numbers, shape (samples,), optional
        Weight of each sample: the loss of a batch is the weighted mean over its samples.
    class_weight : "balanced", or dict of int to float, optional
        Weight of each class, a factor on ``sample_weight``; 1 for classes that the dict lacks. The
        class is the label; or the output whose target is 1 where all others are 0; or 0 or 1 where
        all outputs have this target, such as a single one. ``"balanced"`` gives all classes the
        same weight in sum: n / (k * count) for k classes among the n samples to train on, those
        that ``rows`` select; samples count as their ``sample_weight``. Validation is not weighted.
    output_weights : mapping of names to float, array or Series, shape (n_out,), optional
        Weight of each output in the loss, also of validation: the loss is the mean over outputs of
        weight times the output's own loss. Names that are left out have weight 1.
    missing_targets : bool
        Whether NaN in Y stands for a target that is missing. It has no part in the loss, and each
        output's loss is the mean over the samples that have its target.
    constraints : Constraints, optional
        Signs of weights, and parameters that stay as they are; kept exactly after every step.
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
        File that holds the state of the training, from which it can continue to the same bits. It
        is written at the beginning, every ``checkpoint_every`` seconds, and at the end, also after
        Ctrl-C. Each write is atomic, so the last complete checkpoint always exists.
    checkpoint_every : float
        Seconds between two writes, which bound the work that can be lost.
    resume : bool or "extend"
        Whether to continue from the checkpoint; the weights of the network are replaced, and so is
        ``optimizer_state``. All other arguments must be those of the training that wrote it;
        columns of frames are matched by its names. With ``"extend"`` the number of ``epochs`` may
        differ, but must not be less than the finished ones: the result has the same bits as a
        training that was started with that number. This requires a rate that does not depend on the
        number, such as a constant or a `StepDecay`. A training that a callback has ended stays
        ended, as it would with more epochs: a warning says so. If there is no such file, the
        training starts, so that one command both starts and resumes. Without a seed, that of the
        checkpoint is used. Without ``resume`` an existing checkpoint is an error: it is not
        overwritten.
    progress : bool, optional
        Whether to show a progress bar (extra ``progress``); by default in a notebook, and if
        standard error is a terminal and tqdm is installed. False also silences the
        notice that kernels are being compiled.

    Returns
    -------
    History
        Also after Ctrl-C, which ends only this training, with a message on standard error: the
        current step is finished, so that the network is intact, and ``history.interrupted`` is
        True.

    Raises
    ------
    ValueError, TypeError
        If the data does not fit the network, or an option is out of range.
    DataError
        If a value of the data is not finite, or not in the network's precision (a ValueError). It
        is found when its batch is read, in the first epoch; the network is then as it was before
        the call. With a checkpoint, all values are checked before anything is written.
    FloatingPointError
        If a loss or an update is no longer finite; the message names the step and the layer. The
        network is finite: as it was before that step, unless the update alone overflows. Then
        parameters that would not be finite are as before it, and all others have made it.
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
    options = Options(
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
        class_weight=class_weight,
        output_weights=output_weights,
        missing_targets=missing_targets,
        constraints=constraints,
        input_scale=input_scale,
        shuffle=shuffle,
        seed=seed,
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
        progress=progress,
    )
    return prepare(net, X, Y, options).run()
