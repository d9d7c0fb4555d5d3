"""Plots of the graphs between layers: adjacency matrices, degrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_list_of
from ..topology.graph import Topology
from .style import COLORS, new_figure, plain

_MOST_CELLS = 500  # a side of the picture of an adjacency matrix
_MOST_BARS = 50  # of a histogram


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
    figure = new_figure(5 * len(topologies), 4.6)
    for number, graph in enumerate(topologies):
        axes = figure.add_subplot(1, len(topologies), number + 1)
        _draw_adjacency(axes, graph)
        axes.set_title(
            f"layer {number + 1}: {plain(graph.name)}\n"
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
    figure = new_figure(12, 3.6 * len(topologies))
    grid = figure.subplots(len(topologies), 3, squeeze=False, width_ratios=(1.2, 1, 1))
    for graph, (matrix, left, right) in zip(topologies, grid, strict=True):
        _draw_adjacency(matrix, graph)
        matrix.set_title(f"{plain(graph.name)}, density {100 * graph.density:.3g} %", fontsize=10)
        _draw_degrees(left, graph.out_degrees, "input", COLORS[0])
        _draw_degrees(right, graph.in_degrees, "output", COLORS[1])
    return figure


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
