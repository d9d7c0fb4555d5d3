"""One layer: a graph with a weight on each edge and a bias on each output neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import scipy.sparse

from .graph import Array, Topology


@dataclass(frozen=True, eq=False)
class Layer:
    """A graph with weights and biases: A = sigmoid(W X + b).

    The arrays may be written into, not replaced.

    Parameters
    ----------
    topology : Topology
        The graph.
    weights : array of float32 or float64, shape (n_edges,)
        One weight an edge, in the graph's edge order: by output neuron, then by input neuron.
    biases : array of float32 or float64, shape (n_out,)
        One bias an output neuron.

    Examples
    --------
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(6, 4, degree=2), snn.topology.dense(4, 3)])
    >>> net.layers[0].weights.shape, net.layers[0].biases.shape
    ((12,), (4,))
    """

    topology: Topology
    weights: Array = field(repr=False)
    biases: Array = field(repr=False)

    def to_scipy(self) -> scipy.sparse.csc_array:
        """Return the weights as a SciPy CSC array of shape (n_in, n_out), a copy."""
        matrix = self.topology.to_scipy().astype(self.weights.dtype)
        matrix.data[:] = self.weights
        return matrix


def n_parameters(graphs: Sequence[Topology]) -> int:
    """Return the number of weights and biases of layers with these graphs."""
    return sum(graph.n_edges + graph.n_out for graph in graphs)


def split_parameters(parameters: Array, graphs: Sequence[Topology]) -> list[tuple[Array, Array]]:
    """Return each layer's (weights, biases), as views of the vector that holds them all."""
    views, start = [], 0
    for graph in graphs:
        middle, stop = start + graph.n_edges, start + graph.n_edges + graph.n_out
        views.append((parameters[start:middle], parameters[middle:stop]))
        start = stop
    return views
