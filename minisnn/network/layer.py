"""One layer: a graph with a weight on each edge and a bias on each output neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import as_array, as_list, check_choice, check_kind
from .._support.checksums import checksum
from .._support.messages import shown
from ..kernels.functions.activations import ACTIVATIONS
from ..kernels.program.graphs import Graph, choose_products, without_idle
from ..kernels.program.structure import Structure, chain
from ..topology.chains import check_chain
from ..topology.graph import Topology

PRECISIONS = (np.float32, np.float64)

HIDDEN = tuple(name for name, row in ACTIVATIONS.items() if row.over_layer is None)
"""Activations of each neuron by itself: those that hidden layers can have."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A graph with weights and biases: A = f(W X + b), f the network's activation.

    The arrays may be written into, not replaced.

    Parameters
    ----------
    topology : Topology
        The graph.
    weights : array of float32 or float64, shape (n_edges,)
        One weight per edge, in the graph's edge order: by output neuron, then by input neuron.
    biases : array of float32 or float64, shape (n_out,)
        One bias per output neuron.

    Examples
    --------
    >>> import minisnn as snn
    >>> graph = snn.topology.constant_degree(6, 4, degree=2, seed=0)
    >>> net = snn.MLP([graph, snn.topology.dense(4, 3)])
    >>> net.layers[0].weights.shape, net.layers[0].biases.shape
    ((12,), (4,))
    """

    topology: Topology
    weights: Array = field(repr=False)
    biases: Array = field(repr=False)

    def __post_init__(self) -> None:
        graph = check_kind(self.topology, Topology, "topology")
        for name, length in (("weights", graph.n_edges), ("biases", graph.n_out)):
            array = as_array(getattr(self, name), name)
            if array.shape != (length,) or array.dtype not in (np.float32, np.float64):
                raise ValueError(
                    f"{name} must be float32 or float64 of shape ({length},), "
                    f"got {array.dtype} of shape {array.shape}"
                )
            object.__setattr__(self, name, array)

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


def check_precision(dtype: Any) -> np.dtype[Any]:
    """Return the dtype of a network; raise unless it is float32 or float64."""
    try:
        found = None if dtype is None else np.dtype(dtype)
    except (TypeError, ValueError):
        found = None
    if found not in PRECISIONS:
        raise ValueError(f"dtype must be float32 or float64, got {shown(dtype)}")
    return found


def check_parameters(parameters: Array, graphs: Sequence[Topology]) -> Array:
    """Return a vector, if it can hold all weights and biases of layers with these graphs."""
    vector = as_array(parameters, "parameters")
    if vector.shape != (n_parameters(graphs),) or vector.dtype not in PRECISIONS:
        raise ValueError(
            f"these topologies need a float32 or float64 vector of {n_parameters(graphs)} "
            f"parameters, got {vector.dtype} of shape {vector.shape}"
        )
    return vector


def check_graphs(topologies: Sequence[Topology]) -> list[Topology]:
    """Return the graphs of a network's layers, if their widths fit."""
    if isinstance(topologies, Topology):
        raise TypeError("an MLP takes a list of topologies, got one; write MLP([topology])")
    graphs = as_list(topologies, "topologies", "graphs, one per layer")
    if not graphs:
        raise ValueError("an MLP needs at least one layer, got no topology")
    for number, graph in enumerate(graphs, start=1):
        if not isinstance(graph, Topology):
            raise TypeError(
                f"layer {number} must be a Topology, got {type(graph).__name__}; "
                "make one with minisnn.topology, e.g. dense(n_in, n_out) or from_scipy(matrix)"
            )
    check_chain(graphs)
    return graphs


def describe(graphs: Sequence[Topology], dtype: Any, *activations: str) -> str:
    """Return a line that describes a network with these graphs."""
    widths = " -> ".join(str(width) for width in [graphs[0].n_in, *(g.n_out for g in graphs)])
    n_weights, n_biases = sum(g.n_edges for g in graphs), sum(g.n_out for g in graphs)
    words = [f"{n_weights} connections", f"{n_biases} biases", str(dtype)]
    words += activations if activations != ("sigmoid", "sigmoid") else ()
    return f"{widths}, {', '.join(words)}"


def checksum_of(graphs: Sequence[Topology]) -> str:
    """Return a checksum of the edges of all layers; those of complete ones are not listed."""
    return checksum(
        array
        for graph in graphs
        for array in ([] if graph.is_complete else [graph.indptr, graph.indices])
    )


def structure_of(graphs: Sequence[Topology], activation: str, output_activation: str) -> Structure:
    """Return the structure of a network of these layers, for the kernels."""
    structures = [
        Graph(graph.n_in, graph.n_out, graph.n_edges)
        if graph.is_complete
        else Graph(graph.n_in, graph.n_out, graph.n_edges, graph.indptr, graph.compact_indices)
        for graph in graphs
    ]
    first, inputs = without_idle(structures[0])
    return chain(
        [first, *structures[1:]],
        choose_products(structures),  # by the whole first layer, before inputs are left out
        [activation] * (len(graphs) - 1) + [output_activation],
        inputs=inputs,
        n_in=graphs[0].n_in,
    )


def check_activations(activation: str, output_activation: str, n_out: int) -> None:
    """Raise unless hidden and output layers can have these activations."""
    if isinstance(activation, str) and activation in ACTIVATIONS and activation not in HIDDEN:
        raise ValueError(
            f"a {activation} is over all outputs, not for hidden layers; take "
            f"output_activation={activation!r}"
        )
    check_choice(activation, "activation", HIDDEN)
    check_choice(output_activation, "output_activation", ACTIVATIONS)
    if output_activation not in HIDDEN and n_out == 1:
        raise ValueError(
            f"a {output_activation} over one output is always 1; take output_activation='sigmoid'"
        )
