"""Comparison of trained networks: their figures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._support import html
from .._support.arrays import Array
from .._support.tables import align
from ..network.mlp import MLP
from ..training.history import History
from .machine_load import TOLERABLE
from .timing import StepTimes


@dataclass(frozen=True)
class NetworkFigures:
    """Measured figures of one trained network.

    Parameters
    ----------
    name : str
        Name of the network.
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
    step_microseconds : float or None
        Median time of a training step, all networks measured in turn; of a network on its own,
        that of its epochs, None where no epoch was finished.
    step_cpu_microseconds : float or None
        The same in CPU time on one thread; None of a network on its own.
    speedup_vs_dense, cpu_speedup_vs_dense : float or None
        The dense network's step time over this one's, by the clock and in CPU time on one thread;
        None without a dense network.
    load : float or None
        Largest share of the CPUs that other programs took while times were measured, 0 to 1.
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
    step_microseconds: float | None
    step_cpu_microseconds: float | None
    speedup_vs_dense: float | None
    cpu_speedup_vs_dense: float | None
    load: float | None


def figures_of(
    name: str,
    net: MLP,
    history: History,
    test_accuracy: float,
    times: StepTimes | None = None,
    dense_times: StepTimes | None = None,
    loads: Sequence[float | None] = (),
) -> NetworkFigures:
    """Return the figures of a trained network; step times as `timing` measures them.

    ``loads`` are those of `machine_load` while it was trained and while steps were timed.
    """
    microseconds = history.column("step_microseconds") if times is None else times.wall
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
        step_microseconds=float(np.median(microseconds)) if len(microseconds) else None,
        step_cpu_microseconds=None if times is None else float(np.median(times.cpu)),
        speedup_vs_dense=None
        if times is None or dense_times is None
        else _ratio(dense_times.wall, times.wall),
        cpu_speedup_vs_dense=None
        if times is None or dense_times is None
        else _ratio(dense_times.cpu, times.cpu),
        load=max((load for load in loads if load is not None), default=None),
    )


def _ratio(these: Array, those: Array) -> float:
    """Return the medians' ratio; CPU time may be too short for the system's clock."""
    return float(np.median(these)) / max(float(np.median(those)), 1e-9)


def describe_load(networks: Sequence[NetworkFigures]) -> str:
    """Return a warning if the machine was too busy for reliable times, else ""."""
    load = max((item.load for item in networks if item.load is not None), default=0.0)
    if load <= TOLERABLE:
        return ""
    return (
        f"Times are not to be trusted: other programs took up to {100 * load:.0f} % of the CPUs "
        "while they were measured.\nRun this again on a quiet machine; CPU time on one thread is "
        "disturbed the least."
    )


@dataclass(frozen=True)
class Comparison:
    """Figures of networks side by side: a table, which ``print`` and notebooks show.

    Parameters
    ----------
    networks : sequence of NetworkFigures
        A column each.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn.measurement.comparison import Comparison, figures_of
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(1.0), epochs=3)
    >>> print(str(Comparison([figures_of("small", net, history, 0.5)])).splitlines()[0].strip())
    small
    """

    networks: Sequence[NetworkFigures]

    def __str__(self) -> str:
        return format_comparison(self.networks)

    def _repr_html_(self) -> str:
        busy = describe_load(self.networks)
        return html.table(*_table(self.networks), notes=busy.splitlines())


def format_comparison(networks: Sequence[NetworkFigures]) -> str:
    """Return the figures as an aligned table, one column per network."""
    return align(*_table(networks))


def _table(networks: Sequence[NetworkFigures]) -> tuple[list[str], list[list[str]]]:
    """Return the names of the networks, and a row for each figure that one of them has."""

    def line(label: str, form: str, field: str) -> list[str]:
        values = [getattr(item, field) for item in networks]
        return [label, *("-" if value is None else form.format(value) for value in values)]

    lines = [
        line("topology", "{}", "topology"),
        ["degree", *(", ".join(f"{d:.4g}" for d in item.degrees) for item in networks)],
        ["density", *(f"{100 * item.density:.2f} %" for item in networks)],
        line("connections", "{:,}", "n_connections"),
        line("parameter bytes", "{:,}", "parameter_bytes"),
        line("structure bytes", "{:,}", "structure_bytes"),
        ["test accuracy", *(f"{100 * item.test_accuracy:.2f} %" for item in networks)],
        line("epochs", "{}", "epochs"),
        line("seconds per epoch", "{:.3f}", "seconds_per_epoch"),
        line("step, microseconds", "{:.0f}", "step_microseconds"),
    ]
    if len(networks) > 1:
        lines += [
            line("speed-up over dense", "{:.2f} x", "speedup_vs_dense"),
            line("1 thread, CPU microseconds", "{:.0f}", "step_cpu_microseconds"),
            line("1 thread, CPU speed-up", "{:.2f} x", "cpu_speedup_vs_dense"),
        ]
    loads = [None if item.load is None else 100 * item.load for item in networks]
    lines.append(
        ["CPUs taken by others", *("-" if load is None else f"{load:.0f} %" for load in loads)]
    )
    known = [row for row in lines if any(value != "-" for value in row[1:])]
    return ["", *(item.name for item in networks)], known
