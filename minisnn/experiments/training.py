"""Training of one run, from its configuration to its figures, as a worker process does it."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from statistics import median
from time import perf_counter

import numpy as np

from .._support.compile_notice import compile_notice
from .._support.environment import describe_environment
from .._support.interruption import interruptible_at_once
from ..kernels.machine.threads import set_num_threads
from ..network.mlp import MLP
from ..network.topology_warnings import DeadNeuronWarning
from ..training.history import Epoch
from ..training.train import train
from .datasets import load_once, spread
from .layers import make_graph
from .records import Figures, LayerWeights, Outcome, Versions
from .run import Run

_SCALE = 1 / 255  # of bytes to inputs


def build_network(run: Run) -> MLP:
    """Return the network of a run, not trained yet."""
    graphs = [
        make_graph(wiring, n_in, n_out, seed)
        for wiring, (n_in, n_out), seed in zip(
            run.layers, run.shapes, run.wiring_seeds, strict=True
        )
    ]
    with warnings.catch_warnings():  # in a grid over degrees dead neurons are no mistake
        warnings.simplefilter("ignore", DeadNeuronWarning)
        return MLP(
            graphs,
            activation=run.activation,
            output_activation=run.output_activation,
            seed=run.seed,
            initializer=run.initializer,
            fan=run.fan,
            dtype=run.dtype,
        )


def train_run(configuration: str) -> Outcome:
    """Train one network on one thread of this process, from now on; return the result.

    Parameters
    ----------
    configuration : str
        What `Run.to_json` returned: it reads the same in every process, on every machine.

    Returns
    -------
    Outcome
        Of a run that failed, too.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C is pressed.
    """
    set_num_threads(1)  # one process per core trains more runs than one on all cores
    run = Run.from_json(configuration)
    started, clock = datetime.now(UTC), perf_counter()
    figures: Figures | None = None
    epochs: tuple[Epoch, ...] = ()
    layers: tuple[LayerWeights, ...] = ()
    error: str | None = None
    try:
        figures, epochs, layers = _train(run)
    except Exception:
        error = traceback.format_exc()
    return Outcome(
        hash=run.hash,
        started=started.isoformat(timespec="milliseconds"),
        seconds=perf_counter() - clock,
        versions=_versions(),
        figures=figures,
        epochs=epochs,
        layers=layers,
        error=error,
    )


def _train(run: Run) -> tuple[Figures, tuple[Epoch, ...], tuple[LayerWeights, ...]]:
    data = load_once(run.data.name)
    images, labels = data.train_images, data.train_labels
    if run.data.samples is not None:
        chosen = spread(labels)[: run.data.samples]
        images, labels = images[chosen], labels[chosen]
    net = build_network(run)
    with interruptible_at_once(), compile_notice(True):
        history = train(
            net,
            images,
            labels,
            optimizer=run.optimizer.make(),
            loss=run.loss,
            batch_size=run.batch_size,
            epochs=run.epochs,
            validation_data=(data.test_images, data.test_labels),
            dropout=run.dropout,
            input_scale=_SCALE,
            seed=run.seed,
            progress=False,
        )
    accuracies = history.column("validation_accuracy")
    figures = Figures(
        accuracy=accuracies[-1],
        best_accuracy=max(accuracies),
        loss=history.column("validation_loss")[-1],
        weights=net.n_connections,
        bytes=net.parameter_bytes + net.structure_bytes,
        step_microseconds=median(history.column("step_microseconds")),
    )
    return figures, tuple(history.epochs), tuple(_weights_of(net))


def _weights_of(net: MLP) -> Iterator[LayerWeights]:
    for number, layer in enumerate(net.layers, start=1):
        weights = layer.weights.astype(np.float64)
        yield LayerWeights(
            layer=number,
            lowest=float(weights.min()),
            highest=float(weights.max()),
            mean=float(weights.mean()),
            deviation=float(weights.std()),
        )


@cache
def _versions() -> Versions:
    environment = describe_environment()
    names = ("minisnn", "numpy", "numba", "python")
    return Versions(
        **{name: environment["versions"][name] for name in names}, cpu=environment["cpu"]
    )
