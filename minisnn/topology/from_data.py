"""Graphs from data: a list of edges, a SciPy sparse array, or a dense 0/1 matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from .._support.checks import as_array, checked_sparse
from .._support.columns import read_matrix
from .assembly import from_pairs
from .graph import Topology
from .validation import check_size, check_widths


def from_edges(n_in: int, n_out: int, edges: npt.ArrayLike) -> Topology:
    """Return the graph with the given edges.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    edges : array-like of int, shape (n_edges, 2)
        Pairs (input neuron, output neuron), in any order, each at most once.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the array has another shape, a neuron is out of range, or an edge is repeated.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.from_edges(3, 2, [(0, 0), (1, 0), (2, 1)]).in_degrees
    array([2, 1])
    """
    n_in, n_out = check_widths(n_in, n_out)
    pairs = as_array(edges, "edges")
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise ValueError(
            "edges must be an integer array of shape (n_edges, 2), pairs (input, output), "
            f"got shape {pairs.shape} of {pairs.dtype}"
        )
    for side, column, width in (("input", 0, n_in), ("output", 1, n_out)):
        neurons = pairs[:, column]
        outside = neurons[(neurons < 0) | (neurons >= width)]
        if outside.size:
            raise ValueError(
                f"an edge names {side} neuron {outside[0]}, but there are {width} of them, "
                f"numbered 0 to {width - 1}"
            )
    check_size(n_in, n_out, len(pairs))
    return from_pairs(n_in, n_out, pairs[:, 0], pairs[:, 1], name="custom")


def from_scipy(matrix: Any) -> Topology:
    """Return the graph whose biadjacency matrix is a SciPy sparse array or matrix.

    Parameters
    ----------
    matrix : scipy sparse array, shape (n_in, n_out)
        Each stored entry is an edge. Its value does not matter, except that it must not be zero.

    Returns
    -------
    Topology

    Raises
    ------
    TypeError
        If the matrix is not sparse.
    ValueError
        If the matrix is not 2-D, stores a zero, or holds an entry twice.

    Examples
    --------
    >>> import scipy.sparse
    >>> import minisnn as snn
    >>> snn.topology.from_scipy(scipy.sparse.eye_array(5)).n_edges
    5
    """
    if not scipy.sparse.issparse(matrix):
        raise TypeError(
            f"from_scipy takes a SciPy sparse array, got {type(matrix).__name__}; "
            "use from_dense for a NumPy array"
        )
    if len(matrix.shape) != 2:
        raise ValueError(f"the sparse array must have shape (n_in, n_out), got {matrix.shape}")
    entries = checked_sparse(matrix).tocoo()
    n_zeros = int(np.count_nonzero(entries.data == 0))
    if n_zeros:
        raise ValueError(
            f"the sparse array stores {n_zeros} explicit zeros; call its eliminate_zeros() if "
            "they are no edges, or set them to 1 if they are"
        )
    sources, targets = (np.asarray(axis, dtype=np.int64) for axis in entries.coords)
    n_in, n_out = matrix.shape
    return from_edges(n_in, n_out, np.stack([sources, targets], axis=1))


def from_dense(matrix: npt.ArrayLike) -> Topology:
    """Return the graph whose biadjacency matrix is a dense array of 0 and 1.

    Parameters
    ----------
    matrix : array-like of 0 and 1 (or bool), or DataFrame, shape (n_in, n_out)
        1 for each edge. If the index and the columns of a DataFrame are strings, they become the
        names of inputs and outputs: see `MLP.input_names`.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If the matrix is not 2-D, or holds a number other than 0 and 1.
    TypeError
        If the matrix does not hold numbers.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.from_dense([[1, 0], [1, 1]]).edges().tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    adjacency, input_names, output_names = read_matrix(matrix, "matrix")
    if adjacency.ndim != 2:
        raise ValueError(f"the matrix must have shape (n_in, n_out), got {adjacency.shape}")
    if adjacency.dtype.kind not in "buif":
        raise TypeError(f"the matrix must hold numbers, got {adjacency.dtype}")
    others = adjacency[(adjacency != 0) & (adjacency != 1)]
    if others.size:
        raise ValueError(
            f"the matrix must hold only 0 and 1, got {others[0]}; "
            "for a matrix of weights pass (weights != 0)"
        )
    sources, targets = np.nonzero(adjacency)
    n_in, n_out = adjacency.shape
    graph = from_pairs(n_in, n_out, sources, targets, name="custom")
    return graph.with_names(input_names, output_names)
