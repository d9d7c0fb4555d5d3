"""Pictures of networks and trainings; extra ``plot``.

Each function returns a Matplotlib figure, made without pyplot: no window, no global state.
``figure.savefig(path)`` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .extras import require
from .graph import Array, Topology
from .history import History

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by colour-blind readers too
_MARKED_EDGES = 20_000  # up to so many edges, each is drawn as a mark large enough to see


def _figure(width: float, height: float) -> Any:
    require("matplotlib", "plot", "a plot")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def plot_training(histories: Mapping[str, History]) -> Any:
    """Return a figure of accuracy and loss per epoch.

    Parameters
    ----------
    histories : mapping of str to History
        By the name of the network.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure(10, 4)
    left, right = figure.subplots(1, 2)
    for color, (name, history) in zip(_COLORS, histories.items(), strict=False):
        epochs = history.column("epoch")
        accuracy = history.column("validation_accuracy")
        if None not in accuracy:
            percent = [100 * value for value in accuracy]
            left.plot(epochs, percent, color=color, label=name)
        right.plot(epochs, history.column("loss"), color=color, label=f"{name}, training")
        loss = history.column("validation_loss")
        if None not in loss:
            right.plot(epochs, loss, "--", color=color, label=f"{name}, test")
    left.set(title="Test accuracy", xlabel="epoch", ylabel="%")
    right.set(title="Loss", xlabel="epoch", ylabel="mean squared error", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    return figure


def plot_adjacency(topologies: Sequence[Topology]) -> Any:
    """Return a figure of the adjacency matrix of each layer: input neurons down, output right.

    Parameters
    ----------
    topologies : sequence of Topology
        The graphs of a network.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure(5 * len(topologies), 4.6)
    for number, graph in enumerate(topologies):
        axes = figure.add_subplot(1, len(topologies), number + 1)
        if graph.is_complete:
            axes.set_facecolor(_COLORS[0])
        else:
            edges = graph.edges()
            size = 2.0 if graph.n_edges <= _MARKED_EDGES else 0.5
            axes.plot(
                edges[:, 1], edges[:, 0], ",", color=_COLORS[0], markersize=size, rasterized=True
            )
        axes.set_xlim(-0.5, graph.n_out - 0.5)
        axes.set_ylim(graph.n_in - 0.5, -0.5)
        axes.set_title(
            f"layer {number + 1}: {graph.name}\n"
            f"{graph.n_edges:,} edges, density {100 * graph.density:.3g} %",
            fontsize=10,
        )
        axes.set(xlabel=f"{graph.n_out} output neurons", ylabel=f"{graph.n_in} input neurons")
    return figure


def plot_step_times(times: Mapping[str, Array]) -> Any:
    """Return a figure of the time of a training step: the median, and the middle half as a line.

    Parameters
    ----------
    times : mapping of str to array
        Microseconds, by the name of the network.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import numpy as np

    figure = _figure(7, 0.8 + 0.7 * len(times))
    axes = figure.subplots()
    names = list(times)
    for row, name in enumerate(names):
        low, middle, high = np.percentile(times[name], [25, 50, 75])
        axes.barh(row, middle, color=_COLORS[row % len(_COLORS)], height=0.6)
        axes.plot([low, high], [row, row], color="black", linewidth=2)
        axes.annotate(
            f" {middle:,.0f} µs", (max(high, middle), row), va="center", annotation_clip=False
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.2 * max(np.percentile(values, 75) for values in times.values()))
    axes.set(xlabel="time of a training step, µs: median, and the middle half of all steps")
    return figure
