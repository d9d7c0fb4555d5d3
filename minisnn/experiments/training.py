"""Training of one run, from its configuration to its figures, as a worker process does it."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from .._support.compile_notice import compile_notice
from .._support.environment import describe_environment
from .._support.interruption import interruptible_at_once
from ..kernels.machine.threads import set_num_threads
from ..network.base import SparseNetwork
from ..network.mlp import MLP
from ..network.network import Network
from ..network.topology_warnings import DeadNeuronWarning
from ..topology.graph import Topology
from ..training.history import Epoch
from ..training.train import train
from .datasets import arrays_of, training_inputs
from .layers import make_graph
from .records import Figures, LayerWeights, Outcome, Versions
from .run import Run


def build_network(run: Run) -> SparseNetwork:
    """Return the network of a run, not trained yet: of layers an MLP, of a wiring a Network."""
    about: dict[str, Any] = {
        "activation": run.activation,
        "output_activation": run.output_activation,
        "seed": run.seed,
        "initializer": run.initializer,
        "fan": run.fan,
        "dtype": run.dtype,
    }
    with warnings.catch_warnings():  # in a grid over degrees dead neurons are no mistake
        warnings.simplefilter("ignore", DeadNeuronWarning)
        if run.wiring is not None:
            return Network(run.wiring.draw(run.wiring_seeds[0]), batch_norm=run.batch_norm, **about)
        return MLP(graphs_of(run), **about)


def graphs_of(run: Run) -> list[Topology]:
    """Return the graphs of a run's layers."""
    return [
        make_graph(wiring, n_in, n_out, seed, partial(training_inputs, run.data))
        for wiring, (n_in, n_out), seed in zip(
            run.layers, run.shapes, run.wiring_seeds, strict=True
        )
    ]


def train_run(objects: Mapping[str, object], configuration: str) -> Outcome:
    """Train one network on one thread of this process, from now on; return the result.

    Parameters
    ----------
    objects : mapping of str to object
        `Run.objects` of the run, and of others.
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
    run = Run.from_json(configuration, objects)
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
    arrays, rows = arrays_of(run.data)
    net, scale = build_network(run), arrays.input_scale
    weights: dict[Any, float] = dict(run.output_weights)
    with interruptible_at_once(), compile_notice(True):
        history = train(
            net,
            arrays.X,
            arrays.Y,
            optimizer=run.optimizer.make(),
            loss=run.loss,
            batch_size=run.batch_size,
            epochs=run.epochs,
            rows=rows,
            validation_data=arrays.test_data,
            validation_rows=arrays.test_rows,
            dropout=run.dropout,
            class_weight=run.class_weight,
            output_weights=weights or None,
            missing_targets=arrays.missing_targets,
            input_scale=scale,
            seed=run.seed,
            progress=False,
        )
    accuracies = [value for value in history.column("validation_accuracy") if value is not None]
    figures = Figures(
        accuracy=accuracies[-1] if accuracies else None,
        best_accuracy=max(accuracies, default=None),
        loss=history.column("validation_loss")[-1],
        weights=net.n_connections,
        bytes=net.parameter_bytes + net.structure_bytes,
        step_microseconds=median(history.column("step_microseconds")),
        metrics=arrays.measure(net),
    )
    return figures, tuple(history.epochs), tuple(_weights_of(net))


def _weights_of(net: SparseNetwork) -> Iterator[LayerWeights]:
    structure = net.structure
    for number, groups in enumerate(structure.levels, start=1):
        parts = [structure.parts(net.parameters, group)[0] for group in groups]
        weights = np.concatenate(parts).astype(np.float64)
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
