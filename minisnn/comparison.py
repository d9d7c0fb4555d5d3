"""What a fixed sparsity bought: figures of trained networks side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .graph import Array
from .history import History
from .mlp import MLP
from .tables import align


@dataclass(frozen=True)
class NetworkFigures:
    """Measured figures of one trained network.

    Parameters
    ----------
    name : str
        Which network it is.
    topology : str
        Construction of each layer, joined by commas.
    degrees : list of float
        Edges per left neuron of each layer.
    density : float
        Connections as a share of the fully connected network's, 0 to 1.
    n_connections : int
        Number of weights.
    bytes, parameter_bytes, structure_bytes : int
        Memory of weights and biases, of the index arrays, and of both.
    test_accuracy : float
        Share of test samples whose largest output is the label's, 0 to 1.
    epochs : int
        Epochs trained.
    seconds_per_epoch : float or None
        Median; None where no epoch was finished.
    training_seconds : float
        All epochs together.
    compile_seconds : float
        Compiling the kernels or loading them, before the first epoch.
    step_microseconds : float
        Median time of a training step, all networks measured in turn.
    speedup_vs_dense : float or None
        The dense network's step time over this one's; None without a dense network.
    """

    name: str
    topology: str
    degrees: list[float]
    density: float
    n_connections: int
    bytes: int
    parameter_bytes: int
    structure_bytes: int
    test_accuracy: float
    epochs: int
    seconds_per_epoch: float | None
    training_seconds: float
    compile_seconds: float
    step_microseconds: float
    speedup_vs_dense: float | None


def figures_of(
    name: str,
    net: MLP,
    history: History,
    test_accuracy: float,
    step_times: Array,
    dense_step_times: Array | None,
) -> NetworkFigures:
    """Return the figures of a trained network; step times as `minisnn.timing` measures them."""
    microseconds = float(np.median(step_times))
    return NetworkFigures(
        name=name,
        topology=", ".join(graph.name for graph in net.topologies),
        degrees=[graph.degree for graph in net.topologies],
        density=net.density,
        n_connections=net.n_connections,
        bytes=net.parameter_bytes + net.structure_bytes,
        parameter_bytes=net.parameter_bytes,
        structure_bytes=net.structure_bytes,
        test_accuracy=test_accuracy,
        epochs=len(history.epochs),
        seconds_per_epoch=history.seconds_per_epoch if history.epochs else None,
        training_seconds=sum(history.column("seconds")),
        compile_seconds=history.compile_seconds,
        step_microseconds=microseconds,
        speedup_vs_dense=None
        if dense_step_times is None
        else float(np.median(dense_step_times)) / microseconds,
    )


def format_comparison(networks: Sequence[NetworkFigures]) -> str:
    """Return the figures as an aligned table, one column a network."""
    lines: list[tuple[str, list[str]]] = [
        ("", [item.name for item in networks]),
        ("topology", [item.topology for item in networks]),
        ("degree", [", ".join(f"{d:.4g}" for d in item.degrees) for item in networks]),
        ("density", [f"{100 * item.density:.2f} %" for item in networks]),
        ("connections", [f"{item.n_connections:,}" for item in networks]),
        ("parameter bytes", [f"{item.parameter_bytes:,}" for item in networks]),
        ("structure bytes", [f"{item.structure_bytes:,}" for item in networks]),
        ("test accuracy", [f"{100 * item.test_accuracy:.2f} %" for item in networks]),
        ("epochs", [f"{item.epochs}" for item in networks]),
        ("seconds per epoch", [_optional(item.seconds_per_epoch, "{:.3f}") for item in networks]),
        ("step, microseconds", [f"{item.step_microseconds:.0f}" for item in networks]),
        (
            "speed-up over dense",
            [_optional(item.speedup_vs_dense, "{:.2f} x") for item in networks],
        ),
    ]
    header, *rows = ([label, *cells] for label, cells in lines)
    return align(header, rows)


def _optional(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
