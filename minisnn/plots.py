"""Plots of networks and trainings; needs the extra ``plot``.

Each function returns a Matplotlib figure, made without pyplot: no window, no global state. A
notebook shows it, and ``figure.savefig(path)`` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._support.arrays import Array
from ._support.checks import as_array, as_list_of, check_kind
from ._support.extras import require
from ._support.messages import shown
from .topology.graph import Topology
from .training.history import History

__all__ = ["plot_adjacency", "plot_step_times", "plot_topologies", "plot_training"]

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by colour-blind readers too
_MOST_CELLS = 500  # a side of the picture of an adjacency matrix
_MOST_BARS = 50  # of a histogram


def _figure(width: float, height: float) -> Any:
    require("matplotlib", "plot", "a plot")
    from ._support.figure import ShownFigure

    return ShownFigure(figsize=(width, height), dpi=120, layout="constrained")


def plot_training(histories: History | Mapping[str, History]) -> Any:
    """Return a figure of loss per epoch, and of accuracy if there was validation data.

    Parameters
    ----------
    histories : History, or mapping of str to History
        Of one network, or of several by their names.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the argument is of another type.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=3)
    >>> figure = plots.plot_training(history)
    >>> [axes.get_title() for axes in figure.axes]
    ['Loss']
    """
    if isinstance(histories, History):
        histories = {"": histories}
    if not isinstance(histories, Mapping):
        raise TypeError(
            "histories must be a History, or a mapping of names to some, such as "
            f"{{'sparse': history, 'dense': other}}, got {shown(histories)}"
        )
    if not histories:
        raise ValueError("histories must hold one at least, got none")
    for name, history in histories.items():
        check_kind(history, History, f"histories[{name!r}]")
    judged = any(history.has_accuracy for history in histories.values())
    figure = _figure(10 if judged else 5, 4)
    *left, right = figure.subplots(1, 1 + judged, squeeze=False)[0]
    for axes in left:
        _draw_accuracies(axes, histories)
    for number, (name, history) in enumerate(histories.items()):
        losses = {
            "training": ("loss", {}),
            "test": ("validation_loss", {"ls": "--", "mfc": "none"}),
        }
        for data, (column, line) in losses.items():
            if None not in history.column(column):
                label = f"{_plain(name)}, {data}" if name else data
                line = {**line, **_style(number, history)}
                right.plot(history.column("epoch"), history.column(column), label=label, **line)
    right.set(title="Loss", xlabel="epoch", yscale="log")
    for axes in (*left, right):
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    return figure


def _draw_accuracies(axes: Any, histories: Mapping[str, History]) -> None:
    settled = []  # accuracies after the first quarter, which the axis is made for
    for number, (name, history) in enumerate(histories.items()):
        if history.has_accuracy:
            percent = [100 * value for value in history.column("validation_accuracy")]
            label = _plain(name)
            axes.plot(history.column("epoch"), percent, label=label, **_style(number, history))
            settled += percent[len(percent) // 4 :]
    axes.set(title="Test accuracy", xlabel="epoch", ylabel="%")
    margin = 0.05 * (max(settled) - min(settled)) + 0.1
    axes.set_ylim(min(settled) - margin, max(settled) + margin)


def _style(number: int, history: History) -> dict[str, str]:
    """Return the style of a network's lines; a single point is shown by a marker."""
    return {"color": _COLORS[number % len(_COLORS)], "marker": "o" * (len(history) == 1)}


def plot_adjacency(topologies: Sequence[Topology]) -> Any:
    """Return a figure of the adjacency matrix of each layer: input neurons down, output right.

    Parameters
    ----------
    topologies : sequence of Topology
        The graphs of a network.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the argument is of another type.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> figure = plots.plot_adjacency(snn.topology.butterfly(8))
    >>> len(figure.axes)  # one for each layer
    3
    """
    topologies = _some_graphs(topologies)
    figure = _figure(5 * len(topologies), 4.6)
    for number, graph in enumerate(topologies):
        axes = figure.add_subplot(1, len(topologies), number + 1)
        _draw_adjacency(axes, graph)
        axes.set_title(
            f"layer {number + 1}: {_plain(graph.name)}\n"
            f"{graph.n_edges:,} edges, density {100 * graph.density:.3g} %",
            fontsize=10,
        )
    return figure


def plot_topologies(topologies: Sequence[Topology]) -> Any:
    """Return a figure with a row for each graph: adjacency matrix, left and right degrees.

    Parameters
    ----------
    topologies : sequence of Topology
        Graphs to compare, one below the other.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the argument is of another type.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> names = "biregular", "scale_free"
    >>> graphs = [snn.topology.make(name, 64, 48, 6, seed=0) for name in names]
    >>> figure = plots.plot_topologies(graphs)
    >>> len(figure.axes)  # two rows of three
    6
    """
    topologies = _some_graphs(topologies)
    figure = _figure(12, 3.6 * len(topologies))
    grid = figure.subplots(len(topologies), 3, squeeze=False, width_ratios=(1.2, 1, 1))
    for graph, (matrix, left, right) in zip(topologies, grid, strict=True):
        _draw_adjacency(matrix, graph)
        matrix.set_title(f"{_plain(graph.name)}, density {100 * graph.density:.3g} %", fontsize=10)
        _draw_degrees(left, graph.out_degrees, "input", _COLORS[0])
        _draw_degrees(right, graph.in_degrees, "output", _COLORS[1])
    return figure


def _plain(name: Any) -> str:
    """Return a name with every $ escaped: two of them would enclose a formula, or be an error."""
    return str(name).replace("$", r"\$")


def _some_graphs(topologies: Sequence[Topology]) -> list[Topology]:
    graphs = as_list_of(Topology, topologies, "topologies")
    if not graphs:
        raise ValueError("topologies must hold one at least, got none")
    return graphs


def _draw_adjacency(axes: Any, graph: Topology) -> None:
    axes.imshow(
        _cells(graph),
        extent=(0, graph.n_out, graph.n_in, 0),
        aspect="auto",
        interpolation="nearest",
        cmap="Blues",
        vmin=0,
        vmax=1,
    )
    axes.set(xlabel=f"{graph.n_out} output neurons", ylabel=f"{graph.n_in} input neurons")
    axes.locator_params(integer=True)


def _draw_degrees(axes: Any, degrees: Array, side: str, color: str) -> None:
    """Draw a histogram of degrees, whole degrees to a bar."""
    low, high = int(degrees.min()), int(degrees.max())
    step = -(-(high - low + 1) // _MOST_BARS)
    edges = np.arange(low, high + step + 1, step) - 0.5
    axes.hist(degrees, edges, color=color)
    middle = (low + high) / 2  # few degrees: narrow bars all the same
    axes.set_xlim(min(edges[0], middle - 5), max(edges[-1], middle + 5))
    axes.locator_params(integer=True)
    axes.set_title(f"mean {degrees.mean():.4g}, {low} to {high}", fontsize=10)
    axes.set(xlabel=f"edges of an {side} neuron", ylabel="neurons")
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)


def _cells(graph: Topology) -> Array:
    """Return the density in each cell of the adjacency matrix, 0 to 1; 500 x 500 cells at most."""
    if graph.is_complete:
        return np.ones((1, 1))
    side_in, side_out = (-(-width // _MOST_CELLS) for width in graph.shape)
    cells = np.zeros((-(-graph.n_in // side_in), -(-graph.n_out // side_out)))
    edges = graph.edges()
    np.add.at(cells, (edges[:, 0] // side_in, edges[:, 1] // side_out), 1 / (side_in * side_out))
    return cells


def plot_step_times(times: Mapping[str, Array]) -> Any:
    """Return a figure of the time of a training step: the median, and the middle half as a line.

    Parameters
    ----------
    times : mapping of str to array
        Microseconds, by the name of the network.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the argument is of another type.

    Examples
    --------
    >>> from minisnn import plots
    >>> figure = plots.plot_step_times({"sparse": [150, 160, 155], "dense": [620, 600, 640]})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['sparse', 'dense']
    """
    if not check_kind(times, Mapping, "times"):
        raise ValueError("times must hold those of one network at least, got none")
    for name, values in times.items():
        array = as_array(values, f"times[{name!r}]")
        if array.dtype.kind not in "uif" or not array.size or not np.isfinite(array).all():
            raise ValueError(f"times[{name!r}] must be finite numbers, one at least, got {array}")
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
    axes.set_yticks(range(len(names)), map(_plain, names))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.2 * max(np.percentile(values, 75) for values in times.values()))
    axes.set(xlabel="time of a training step, µs: median, and the middle half of all rounds")
    return figure
