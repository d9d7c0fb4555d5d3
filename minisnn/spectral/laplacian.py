"""Eigenvalues of the Laplacian L = D - A, which measure how hard a graph is to cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from .bipartite import Bipartite, Graph, undirected
from .closed_form import laplacian_eigenvalues, normalized_eigenvalues
from .solvers import largest_below, largest_two, largest_two_singular
from .undirected import Undirected


def algebraic_connectivity(graph: Graph | Undirected) -> float:
    """Return the second smallest eigenvalue of L, counted with multiplicity.

    0 if and only if the graph is disconnected; isolated neurons count as components. Otherwise it
    is `smallest_nonzero_eigenvalue`. Its eigenvector is Fiedler's.

    Source: M. Fiedler, "Algebraic connectivity of graphs", 1973, doi:10.21136/CMJ.1973.101168.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and eigenvalues are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.algebraic_connectivity(snn.topology.dense(5, 3))
    3.0
    >>> snn.spectral.algebraic_connectivity(snn.topology.from_dense([[1, 0], [0, 1]]))
    0.0
    """
    whole = undirected(graph)
    return 0.0 if whole.components[0] > 1 else smallest_nonzero_eigenvalue(whole)


def smallest_nonzero_eigenvalue(graph: Graph | Undirected) -> float:
    """Return the smallest eigenvalue of L that is not zero: the paper's algebraic connectivity.

    It is the smallest of the algebraic connectivities of the components that have an edge. The
    eigenvalue 0 comes as often as there are components; their number is counted, not told from
    rounded eigenvalues.

    Source: A. Bourely, J. P. Boueri, K. Choromanski, "Sparse Neural Networks Topologies", 2017,
    arXiv:1706.05683.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and eigenvalues are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.smallest_nonzero_eigenvalue(snn.topology.from_dense([[1, 0], [0, 1]]))
    2.0
    """
    whole = undirected(graph)
    n_components, labels = whole.components
    if whole.singular_values is not None:
        return float(_closed(whole)[n_components])
    # Constant on one component each: the eigenvectors of L that belong to 0.
    sizes = np.bincount(labels)
    vertices = np.arange(whole.n_vertices)
    known = scipy.sparse.csr_array((1 / np.sqrt(sizes[labels]), (vertices, labels)))
    return -largest_below(-_laplacian(whole), -whole.degree_bound, 0.0, known)


def spectral_gap(graph: Graph | Undirected) -> float:
    """Return the difference of the two largest eigenvalues of L: the paper's spectral gap.

    The paper has it "between the leading eigenvalues" of the Laplacian. That these are the two
    largest, counted with multiplicity, is our reading. It is 0 where the largest is multiple, as
    in a graph of several equal components.

    Source: A. Bourely, J. P. Boueri, K. Choromanski, "Sparse Neural Networks Topologies", 2017,
    arXiv:1706.05683.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and eigenvalues are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.spectral_gap(snn.topology.dense(5, 3))  # 8 and 5
    3.0
    """
    whole = undirected(graph)
    if whole.singular_values is not None:
        second, first = _closed(whole)[-2:]
    else:
        first, second = largest_two(_laplacian(whole), 0.0, whole.degree_bound)
    return float(first - second)


def normalized_lambda2(graph: Graph | Undirected) -> float:
    """Return the second smallest eigenvalue of the normalised Laplacian I - D^(-1/2) A D^(-1/2).

    Between 0 and 1 if there are more than two vertices, whatever the degrees, so that it compares
    graphs of different density. 0 if and only if the graph is disconnected; an isolated vertex has
    the eigenvalue 0, as in Chung's book.

    Source: F. R. K. Chung, "Spectral Graph Theory", AMS, 1997, chapter 1, doi:10.1090/cbms/092.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and eigenvalues are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.normalized_lambda2(snn.topology.dense(5, 3))
    1.0
    """
    whole = undirected(graph)
    if whole.components[0] > 1:
        return 0.0
    if not isinstance(whole, Bipartite):
        scale = scipy.sparse.diags_array(1 / np.sqrt(whole.degrees))  # connected: no degree is 0
        return 1 - largest_two((scale @ whole.adjacency @ scale).tocsr(), -1.0, 1.0)[1]
    if whole.singular_values is not None:
        shape = whole.n_left, whole.n_right
        return float(normalized_eigenvalues(whole.singular_values, *shape)[1])
    if min(whole.n_left, whole.n_right) == 1:  # a star, or a single edge
        return 1.0 if whole.n_vertices > 2 else 2.0
    left, right = (
        scipy.sparse.diags_array(1 / np.sqrt(degrees))
        for degrees in (whole.left_degrees, whole.right_degrees)
    )
    return 1 - largest_two_singular((left @ whole.biadjacency @ right).tocsr(), 1.0)[1]


def _laplacian(whole: Undirected) -> Any:
    return (scipy.sparse.diags_array(whole.degrees.astype(np.float64)) - whole.adjacency).tocsr()


def _closed(whole: Undirected) -> Any:
    assert isinstance(whole, Bipartite)
    assert whole.singular_values is not None
    return laplacian_eigenvalues(whole.singular_values, whole.n_left, whole.n_right, whole.n_edges)
