"""Directed paths through a network from inputs to outputs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .._support.arrays import Array
from ..wiring.graph import Wiring
from .bipartite import Graph, graph_of

_WORD = 64


def n_paths(graph: Graph) -> int:
    """Return the number of paths from any input to any output: the sum of B1 B2 ... Bl.

    In a wiring, outputs may stand at any level, and on paths to others. Exact, however large:
    counted in Python's integers. Times the product of the weights along each, they are what a
    linear network computes.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.n_paths([snn.topology.dense(1000, 1000)] * 7)
    1000000000000000000000000
    """
    layers = graph_of(graph)
    if isinstance(layers, Wiring):
        return _paths_of_wiring(layers)
    arriving = np.full(layers[0].n_in, 1, dtype=object)  # paths from the inputs to each neuron
    for layer in layers:
        if layer.is_complete:
            arriving = np.full(layer.n_out, arriving.sum(), dtype=object)
        else:
            arriving = _gather(np.add, arriving, layer.indptr, layer.compact_indices)
    return int(arriving.sum())


def reach(graph: Graph) -> Array:
    """Return, for each output, the share of the inputs with a path to it.

    An output below 1 cannot see some inputs, whatever is trained.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    array of float64, shape (n_out,)
        Of the last layer's outputs, or of those of the wiring in their order, 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.

    Examples
    --------
    >>> import minisnn as snn
    >>> ring = snn.topology.regular_rotating(6, 6, degree=2)
    >>> snn.spectral.reach([ring, ring])
    array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    """
    layers = graph_of(graph)
    if isinstance(layers, Wiring):
        return _reach_of_wiring(layers)
    n_in, n_out = layers[0].n_in, layers[-1].n_out
    if len(layers) == 1:
        return layers[0].in_degrees / n_in
    by_input = [None if layer.is_complete else layer.to_scipy().tocsr() for layer in layers]
    seen = np.empty(n_out, dtype=np.int64)
    for first in range(0, n_out, _WORD):
        # Backwards from 64 outputs: bit k of a neuron's word tells whether it leads to output k.
        batch = np.arange(min(_WORD, n_out - first), dtype=np.uint64)
        leads = np.zeros(n_out, dtype=np.uint64)
        leads[first : first + len(batch)] = np.uint64(1) << batch
        for layer, B in zip(reversed(layers), reversed(by_input), strict=True):
            if B is None:
                leads = np.full(layer.n_in, np.bitwise_or.reduce(leads))
            else:
                leads = _gather(np.bitwise_or, leads, B.indptr, B.indices)
        bits = (leads[:, None] >> batch) & np.uint64(1)
        seen[first : first + len(batch)] = bits.sum(axis=0, dtype=np.int64)
    return seen / n_in


def _paths_of_wiring(wiring: Wiring) -> int:
    arriving = np.full(wiring.n_neurons, 1, dtype=object)
    for first, last in pairwise(wiring.level_starts[1:].tolist()):
        indptr = wiring.indptr[first : last + 1]
        sources = wiring.indices[indptr[0] : indptr[-1]]
        arriving[first:last] = _gather(np.add, arriving, indptr - indptr[0], sources)
    return int(arriving[_output_rows(wiring)].sum())


def _reach_of_wiring(wiring: Wiring) -> Array:
    outputs, indptr = _output_rows(wiring), wiring.indptr
    seen = np.empty(len(outputs), dtype=np.int64)
    for begin in range(0, len(outputs), _WORD):
        rows = outputs[begin : begin + _WORD]
        batch = np.arange(len(rows), dtype=np.uint64)
        leads = np.zeros(wiring.n_neurons, dtype=np.uint64)
        leads[rows] = np.uint64(1) << batch
        for first, last in reversed([*pairwise(wiring.level_starts[1:].tolist())]):
            sources = wiring.indices[indptr[first] : indptr[last]]
            words = np.repeat(leads[first:last], np.diff(indptr[first : last + 1]))
            np.bitwise_or.at(leads, sources, words)
        bits = (leads[: wiring.n_inputs, None] >> batch) & np.uint64(1)
        seen[begin : begin + len(rows)] = bits.sum(axis=0, dtype=np.int64)
    return seen / wiring.n_inputs


def _output_rows(wiring: Wiring) -> Array:
    rows = np.arange(wiring.n_neurons)
    return np.concatenate([rows[wiring.rows_of(name)] for name in wiring.outputs])


def _gather(operation: np.ufunc, values: Array, indptr: Array, indices: Array) -> Array:
    """Reduce, row by row of a CSR matrix, the values at its indices; 0 for an empty row."""
    result = np.zeros(len(indptr) - 1, dtype=values.dtype)
    filled = np.flatnonzero(np.diff(indptr))  # an empty row takes no room between the others
    result[filled] = operation.reduceat(values[indices], indptr[filled])
    return result
