"""Networks from matrices of weights, sparse or dense."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import as_array, as_list, checked_sparse
from .._support.columns import Known, read_labelled, read_matrix
from ..network.layer import check_graphs
from ..network.mlp import MLP
from ..network.topology_warnings import warn_of_graphs
from ..topology import from_edges
from ..topology.graph import Topology


def from_weights(
    layers: Iterable[tuple[Any, Any]],
    *,
    activation: str = "sigmoid",
    output_activation: str = "sigmoid",
) -> MLP:
    """Return the network that has the given weights, such as one that another program pruned.

    The reverse of `Layer.to_scipy`.

    Parameters
    ----------
    layers : iterable of (W, b)
        For each layer its weights, shape (n_in, n_out): a SciPy sparse array, each stored entry of
        which is an edge (a stored zero is an edge with weight 0), or a dense array, whose zeros are
        not edges; the index and the columns of a DataFrame, if they are text, name the neurons. And
        its biases, shape (n_out,), a Series by these names, or None for zeros.
    activation, output_activation : str
        As for `MLP`, since matrices do not contain it.

    Returns
    -------
    MLP
        In float32 if all arrays are float32 or float16, else in float64.

    Raises
    ------
    TypeError
        If weights or biases are not real numbers, or the layers are not pairs.
    ValueError
        If shapes do not fit, an entry is stored twice, a number is NaN or inf, a layer has no edge,
        or an activation is unknown.

    Warns
    -----
    DeadNeuronWarning
        If a hidden or output neuron has no input, or a hidden one no output.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> net = snn.from_weights([(np.array([[0.5, 0], [0, -1], [2, 3]]), [0.1, 0.2])])
    >>> net
    MLP(3 -> 2, 4 connections, 2 biases, float64)
    >>> net.layers[0].to_scipy().toarray()
    array([[ 0.5,  0. ],
           [ 0. , -1. ],
           [ 2. ,  3. ]])
    """
    net = assemble(layers, activation, output_activation)
    warn_of_graphs(net.topologies)
    return net


def assemble(layers: Iterable[tuple[Any, Any]], activation: str, output_activation: str) -> MLP:
    """Return the same network without a warning."""
    graphs, arrays = [], []
    for number, layer in enumerate(as_list(layers, "layers", "pairs (weights, biases)"), start=1):
        if not isinstance(layer, (tuple, list)) or len(layer) != 2:
            raise TypeError(
                f"layer {number} must be a pair (weights, biases), got {type(layer).__name__}; "
                "without biases write (weights, None)"
            )
        try:
            graph, weights = _edges_of(layer[0])
            biases = np.zeros(graph.n_out, np.float32)
            if layer[1] is not None:
                known = Known(graph.output_names, "the weights")
                biases, _ = read_labelled(layer[1], known, "biases")
            arrays += [weights, numbers(biases, "biases")]
            if arrays[-1].shape != (graph.n_out,):
                raise ValueError(
                    f"biases must have shape (n_out,) = ({graph.n_out},), got {arrays[-1].shape}"
                )
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"layer {number}: {error}") from error
        graphs.append(graph)
    check_graphs(graphs)
    parameters = np.concatenate(arrays)
    return MLP.from_parameters(graphs, parameters, activation, output_activation)


def _edges_of(matrix: Any) -> tuple[Topology, Array]:
    """Return the graph of a matrix, and the weights in its edges' order."""
    input_names = output_names = None
    if scipy.sparse.issparse(matrix):
        entries = checked_sparse(matrix).tocoo()
        values, shape, places = entries.data, entries.shape, entries.coords
        if len(shape) != 2:
            raise ValueError(f"weights must have shape (n_in, n_out), got {shape}")
    else:
        dense, input_names, output_names = read_matrix(matrix, "weights")
        if dense.ndim != 2:
            raise ValueError(f"weights must have shape (n_in, n_out), got {dense.shape}")
        shape, places = dense.shape, np.nonzero(dense)
        values = dense[places]
    weights = numbers(values, "weights")
    sources, targets = (np.asarray(axis, dtype=np.int64) for axis in places)
    graph = from_edges(shape[0], shape[1], np.stack([sources, targets], axis=1))
    if graph.is_complete:
        graph = Topology.complete(*graph.shape)  # the same, under its own name
    graph = graph.with_names(input_names, output_names)
    return graph, weights[np.lexsort((sources, targets))]


def numbers(values: Any, name: str) -> Array:
    """Return real numbers as float32, if they are that or float16, else as float64."""
    array = as_array(values, name)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must be real numbers, got {array.dtype}")
    is_short = array.dtype.kind == "f" and array.itemsize <= 4
    array = array.astype(np.float32 if is_short else np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or inf; replace such values first")
    return array
