"""A fully connected network with as many weights as a sparse one: the same depth, fewer neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..network.layer import check_graphs
from ..topology.graph import Topology


@dataclass(frozen=True)
class Narrower:
    """Widths of a fully connected network.

    Parameters
    ----------
    widths : tuple of int
        Of all layers, inputs and outputs included.
    n_weights : int
        Weights of the fully connected network of these widths; biases are not counted.
    difference : int
        ``n_weights`` minus the number of edges of the sparse network.
    """

    widths: tuple[int, ...]
    n_weights: int
    difference: int


def narrower(topologies: Sequence[Topology]) -> Narrower:
    """Return the hidden widths of a fully connected network with as many weights.

    All hidden widths are scaled by one factor and rounded, the factor whose count comes nearest;
    then single widths go up or down by one as long as that brings it nearer still. With one hidden
    layer the result is the nearest there is.

    Parameters
    ----------
    topologies : sequence of Topology
        The sparse network's graphs, two or more.

    Returns
    -------
    Narrower

    Raises
    ------
    ValueError
        If the network has no hidden layer, or widths do not fit.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> graph = snn.topology.fibonacci_rotating(784, 1000, degree=150)
    >>> baselines.narrower([graph, snn.topology.dense(1000, 10)])
    Narrower(widths=(784, 161, 10), n_weights=127834, difference=234)
    """
    graphs = check_graphs(topologies)
    if len(graphs) < 2:
        raise ValueError(
            "a network without a hidden layer cannot be made narrower; give two graphs"
        )
    n_in, n_out = graphs[0].n_in, graphs[-1].n_out
    wide = [graph.n_out for graph in graphs[:-1]]
    target = sum(graph.n_edges for graph in graphs)

    def count(hidden: Sequence[int]) -> int:
        return sum(left * right for left, right in pairwise([n_in, *hidden, n_out]))

    def distance(hidden: Sequence[int]) -> int:
        return abs(count(hidden) - target)

    scaled = (
        [max(1, round(width * part / max(wide))) for width in wide]
        for part in range(1, max(wide) + 1)
    )
    hidden = min(scaled, key=distance)
    while True:
        neighbours = [
            [*hidden[:k], hidden[k] + step, *hidden[k + 1 :]]
            for k in range(len(hidden))
            for step in (-1, 1)
            if hidden[k] + step > 0
        ]
        nearest = min(neighbours, key=distance)
        if distance(nearest) >= distance(hidden):
            n_weights = count(hidden)
            return Narrower((n_in, *hidden, n_out), n_weights, n_weights - target)
        hidden = nearest
