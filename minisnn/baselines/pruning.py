"""Magnitude pruning: a trained network keeps its largest weights and is fine-tuned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_list, check_positive_integer
from .._support.messages import each_of
from ..network.layer import Layer
from ..network.mlp import MLP, check_mlp
from ..topology import from_edges
from ..topology.graph import Topology
from .rewiring import largest


def prune(net: MLP, n_edges: Sequence[int]) -> MLP:
    """Return the sparse network of each layer's largest weights, by absolute value.

    Source: S. Han, J. Pool, J. Tran, W. J. Dally, "Learning both Weights and Connections for
    Efficient Neural Networks", NIPS 2015, arXiv:1506.02626: train dense, prune, then train what is
    left from the weights it has. Here by number for each layer, not by a threshold, so that the
    result has as many weights as a network of fixed topology. Train it with `minisnn.train`.

    Parameters
    ----------
    net : MLP
        A trained network; it is not changed.
    n_edges : sequence of int
        Number of weights that each layer keeps. Of equal ones the first in edge order are kept.

    Returns
    -------
    MLP
        With all biases, and its weights and biases copied. Neurons may be left without
        connections; pruning has found that they do not matter, so there is no warning.

    Raises
    ------
    ValueError
        If there is not one number for each layer, or a layer has fewer weights.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> net = snn.MLP([snn.topology.dense(8, 6), snn.topology.dense(6, 2)])
    >>> baselines.prune(net, [10, 12])
    MLP(8 -> 6 -> 2, 22 connections, 8 biases, float32)
    """
    layers, numbers = check_mlp(net).layers, as_list(n_edges, "n_edges", "whole numbers")
    if len(numbers) != len(layers):
        raise ValueError(
            f"n_edges must have one number for {each_of(len(layers), 'layer')}, got {len(numbers)}"
        )
    graphs: list[Topology] = []
    parameters: list[Array] = []
    for number, (layer, n) in enumerate(zip(layers, numbers, strict=True), start=1):
        kept = _largest(layer, check_positive_integer(n, "n_edges"), number)
        graph = layer.topology
        if len(kept) < graph.n_edges:
            names = graph.input_names, graph.output_names
            graph = from_edges(*graph.shape, graph.edges()[kept]).with_names(*names)
        graphs.append(graph)
        parameters += [layer.weights[kept], layer.biases]
    functions = net.activation, net.output_activation
    return MLP.from_parameters(graphs, np.concatenate(parameters), *functions)


def _largest(layer: Layer, n: int, number: int) -> Array:
    """Return the numbers of a layer's n largest weights, in edge order."""
    if n > layer.topology.n_edges:
        raise ValueError(f"layer {number} has {layer.topology.n_edges} weights, it cannot keep {n}")
    return largest(np.abs(layer.weights), n)
