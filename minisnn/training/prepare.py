"""Preparation of a training: its options checked, its parts made and put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support import checks
from .._support.checks import as_list, check_flag, check_kind, check_pair, check_path
from .._support.checksums import checksum
from .._support.columns import known_of
from .._support.compile_notice import compile_notice
from .._support.messages import shown
from .._support.progress import check_bar
from .._support.seeds import Seed, seed_of
from ..network.base import SparseNetwork, check_network
from ..network.losses import check_loss
from ..network.output_weights import OutputWeights
from ..network.samples import Samples, check_samples
from . import fingerprints
from .callback import Callback, EpochFunction
from .checkpoint import EXTEND, Checkpoint, Part, Recorded, recorded
from .class_weight import ClassWeight, weighted_by_class
from .constraints import Constraints
from .loop import Course, Loop
from .optimizer import Optimizer
from .optimizer_state import OptimizerState
from .optimizers import as_optimizer
from .trainer import AnyTrainer, Trainer

_MOST_EPOCHS = 2**20  # 56 MiB of figures


@dataclass(frozen=True)
class Options:
    """Options of a training, as they were passed; see `minisnn.train`."""

    optimizer: Optimizer | str
    optimizer_state: OptimizerState | None = None
    loss: str | None = None
    batch_size: int = 128
    epochs: int = 10
    rows: npt.ArrayLike | None = None
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None
    validation_rows: npt.ArrayLike | None = None
    dropout: float | Sequence[float] | None = None
    sample_weight: npt.ArrayLike | None = None
    class_weight: ClassWeight | None = None
    output_weights: OutputWeights | None = None
    missing_targets: bool = False
    constraints: Constraints | None = None
    input_scale: float = 1.0
    shuffle: bool = True
    seed: Seed = None
    callbacks: Sequence[EpochFunction] = ()
    checkpoint: str | PathLike[str] | None = None
    checkpoint_every: float = 60.0
    resume: bool | str = False
    progress: bool | None = None


def prepare(
    net: SparseNetwork,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    options: Options,
    *,
    make_trainer: Callable[..., AnyTrainer] = Trainer,
    trained: Any = None,
    course: Course | None = None,
) -> Loop:
    """Return the loop of a training, all checked and nothing changed.

    Parameters
    ----------
    net : MLP or Network
        The network that predicts.
    X, Y
        As for `minisnn.train`.
    options : Options
        As passed.
    make_trainer : callable, optional
        ``make_trainer(trained, samples, optimizer=, loss=, batch_size=, dropout=, seed=)`` makes
        the trainer.
    trained : object, optional
        What is trained, if not the network itself.
    course : Course, optional
        What the epochs are a part of, if more calls make it up.

    Raises
    ------
    ValueError, TypeError
        If the data does not fit the network, or an option is out of range.
    """
    net = check_network(net)
    kept = _check_resume(options.checkpoint, options.resume)
    samples = check_samples(
        net,
        X,
        Y,
        options.input_scale,
        weights=options.sample_weight,
        rows=options.rows,
        known=kept.known(net),
        output_weights=options.output_weights,
        missing_targets=options.missing_targets,
    )
    samples = weighted_by_class(samples, options.class_weight, net.n_out)
    validation = _check_validation(net, samples, X, Y, options)
    loss = check_loss(options.loss, net.output_activation, samples)
    if validation is not None:
        check_loss(options.loss, net.output_activation, validation)
    optimizer = as_optimizer(options.optimizer)
    epochs = checks.check_positive_integer(options.epochs, "epochs")
    batch_size = checks.check_positive_integer(options.batch_size, "batch_size")
    batch_size = min(batch_size, samples.n_samples)
    dropout = checks.check_dropout(options.dropout, net.n_levels)
    every = checks.check_number(options.checkpoint_every, "checkpoint_every", 0)
    callbacks = _check_callbacks(options.callbacks)
    shuffle = check_flag(options.shuffle, "shuffle")
    if options.progress is not None and check_flag(options.progress, "progress"):
        check_bar()  # the bar is made after compiling, which takes its time
    if options.checkpoint is not None and epochs > _MOST_EPOCHS:
        raise ValueError(
            f"a training with a checkpoint, which has a row for each epoch, may have "
            f"{_MOST_EPOCHS} at most, got {epochs}"
        )

    seed = seed_of(kept.seed if options.seed is None else options.seed)
    with compile_notice(options.progress is not False):
        trainer = make_trainer(
            net if trained is None else trained,
            samples,
            optimizer=optimizer,
            loss=loss,
            batch_size=batch_size,
            dropout=dropout,
            seed=seed,
            **_constrained(options.constraints),
        )
    _take_state(options.optimizer_state, trainer, optimizer)
    loop = Loop(
        net,
        trainer,
        samples,
        validation,
        optimizer=optimizer,
        loss=loss,
        epochs=epochs,
        course=course or Course(epochs, np.random.default_rng(seed)),
        shuffle=shuffle,
        seed=seed,
        callbacks=callbacks,
        progress=options.progress,
    )
    if options.checkpoint is not None:
        for data in [samples] if validation is None else [samples, validation]:
            net.check_values(data)  # all is read for the fingerprint in any case
        stateful = [
            callback
            for callback in callbacks
            if isinstance(callback, Callback) and type(callback).state is not Callback.state
        ]
        constrained = options.constraints
        codes = {} if constrained is None else {"constraints": checksum([constrained.codes(net)])}
        fingerprint = codes | {
            "network": trainer.fingerprint(),
            "training data": fingerprints.of_samples(samples),
            "validation data": fingerprints.of_samples(validation),
            "input_scale": repr(samples.scale),
            "loss": loss.name + _weighted(samples),
            "batch_size": str(batch_size),
            "dropout": str(dropout),
            "shuffle": str(shuffle),
            "seed": str(seed),
            "callbacks": ", ".join(map(repr, stateful)) or "none",
        }

        def fingerprint_for(epochs: int) -> dict[str, str]:
            rates = fingerprints.of_optimizer(optimizer, epochs)
            return {**fingerprint, **rates, "epochs": str(epochs)}

        parts: dict[str, Part] = {"steps": trainer, "loop": loop}  # it asks for their number
        parts |= {
            f"callback_{number}": callback for number, callback in enumerate(stateful, start=1)
        }
        loop.checkpoint = Checkpoint(
            options.checkpoint, every, fingerprint_for, epochs, loop.rates, parts, trainer,
            loop.names,
        )  # fmt: skip
        loop.resume = options.resume
    return loop


def _take_state(state: OptimizerState | None, trainer: AnyTrainer, optimizer: Optimizer) -> None:
    """Let the trainer go on from the optimiser's state after another training."""
    if state is None:
        return
    if not isinstance(state, OptimizerState):
        raise TypeError(
            "optimizer_state must be an OptimizerState, such as history.optimizer_state, got "
            f"{type(state).__name__}"
        )
    state.check_for(trainer.parameters, optimizer)
    trainer.restore({**trainer.state(), **state.arrays()})


def _check_resume(checkpoint: str | PathLike[str] | None, resume: bool | str) -> Recorded:
    """Return the checkpoint's record, if there is one to go on from."""
    if not (isinstance(resume, (bool, np.bool_)) or (isinstance(resume, str) and resume == EXTEND)):
        raise TypeError(f"resume must be True, False or {EXTEND!r}, got {shown(resume)}")
    if checkpoint is not None:
        check_path(checkpoint, "checkpoint")
    elif resume:
        raise ValueError("resume needs the checkpoint to go on from: pass checkpoint=path")
    return Recorded() if checkpoint is None or not resume else recorded(checkpoint)


def _check_callbacks(callbacks: Sequence[EpochFunction]) -> Sequence[EpochFunction]:
    callbacks = as_list(callbacks, "callbacks", "functions of (net, epoch)")
    for callback in callbacks:
        if not callable(callback) or isinstance(callback, type):
            raise TypeError(
                "callbacks must be functions of (net, epoch), or objects such as EarlyStopping(), "
                f"got {shown(callback)}"
            )
    told = [callback for callback in callbacks if isinstance(callback, Callback)]
    for place, callback in enumerate(told):
        if any(callback is other for other in told[:place]):
            raise ValueError(
                f"callbacks must be different objects, got {callback!r} twice; make another one"
            )
    return callbacks


def _check_validation(
    net: SparseNetwork, samples: Samples, X: npt.ArrayLike, Y: npt.ArrayLike, options: Options
) -> Samples | None:
    data, rows = options.validation_data, options.validation_rows
    if data is None and rows is None:
        return None
    X, Y = (X, Y) if data is None else check_pair(data, "validation_data")
    known = [
        own._replace(names=table.names, owner="the training")
        for own, table in zip(known_of(net), (samples.inputs, samples.targets), strict=True)
    ]
    return check_samples(
        net,
        X,
        Y,
        options.input_scale,
        "validation ",
        rows=rows,
        known=known,
        output_weights=options.output_weights,
        missing_targets=options.missing_targets,
    )


def _constrained(constraints: Constraints | None) -> dict[str, Constraints]:
    """Return the constraints as an option, if there are any."""
    if constraints is None:
        return {}
    return {"constraints": check_kind(constraints, Constraints, "constraints")}


def _weighted(samples: Samples) -> str:
    """Return the part of the loss that is in no option by itself, for the fingerprint."""
    weights = samples.output_weights
    gaps = ", targets missing" if samples.targets.gaps else ""
    return gaps if weights is None else f", outputs times {weights.tolist()}{gaps}"
