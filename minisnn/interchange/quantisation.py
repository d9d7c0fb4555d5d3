"""Quantisation of weights to bytes, with one factor per neuron."""

from __future__ import annotations

import copy

import numpy as np

from .._support.arrays import Array
from ..network.layer import Layer
from ..network.mlp import MLP
from ..network.network import Network
from .sums import sums_of

_LARGEST = 127


def quantised(layer: Layer) -> tuple[Array, Array]:
    """Return a layer's weights as whole numbers, and the factor on those of each neuron.

    Weights w of an output neuron become ``round(w / scale)``, ``scale = max |w| / 127``: symmetric,
    so that zero stays zero, and off by half a scale at most.

    Returns
    -------
    weights : array of int8, shape (n_edges,)
        From -127 to 127.
    scales : array of the network's dtype, shape (n_out,)
        1 for a neuron whose weights are all zero.
    """
    graph = layer.topology
    largest = np.zeros(graph.n_out)
    rows = np.flatnonzero(graph.in_degrees)
    largest[rows] = np.maximum.reduceat(np.abs(layer.weights), graph.indptr[rows])
    scales = np.where(largest > 0, largest / _LARGEST, 1).astype(layer.weights.dtype)
    scales[scales == 0] = 1  # what float32 cannot hold
    ratios = layer.weights / np.repeat(scales, graph.in_degrees)
    return np.clip(np.rint(ratios), -_LARGEST, _LARGEST).astype(np.int8), scales


def with_quantised_weights(net: MLP | Network) -> MLP | Network:
    """Return a copy of the network with the weights that the bytes and scales encode.

    Batch normalisation is folded into them first.
    """
    twin = copy.deepcopy(net if isinstance(net, MLP) else net.folded())
    for layer in [each.layer for each in sums_of(twin).sums]:
        weights, scales = quantised(layer)
        layer.weights[:] = weights * np.repeat(scales, layer.topology.in_degrees)
    return twin
