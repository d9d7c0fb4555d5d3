"""Singular values of the biadjacency matrix B, which measure how fast the graph mixes."""

from __future__ import annotations

import math

from .bipartite import Bipartite, Graph, undirected
from .solvers import largest_two, largest_two_singular
from .undirected import Undirected


def leading_singular_values(
    graph: Graph | Undirected,
) -> tuple[float, float]:
    """Return the two largest singular values σ1 >= σ2 of B, counted with multiplicity.

    σ1 is √(dL dR) in a biregular graph; σ2 is how much of anything that is not constant survives a
    step along the edges, so the smaller, the better it mixes. σ2 is 0 where one side has a single
    vertex. They are the two largest eigenvalues of A, too, and this is what is returned for a
    wiring, whose neurons may be of no two sides; σ2 is 0 where the second is negative.

    Parameters
    ----------
    graph : Topology, sequence of Topology, Wiring, MLP or Network
        A layer, the layers of a network in a row, a wiring, or a network.

    Returns
    -------
    sigma1, sigma2 : float

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or the widths of the layers do not fit.
    ConvergenceError
        If the graph is large and singular values are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.leading_singular_values(snn.topology.dense(8, 2))
    (4.0, 0.0)
    """
    whole = undirected(graph)
    if not isinstance(whole, Bipartite):
        bound = float(whole.degrees.max())
        first, second = largest_two(whole.adjacency, -bound, bound)
        return first, max(0.0, second)
    if min(whole.n_left, whole.n_right) == 1:
        return math.sqrt(whole.n_edges), 0.0
    if whole.singular_values is not None:
        sigma1, sigma2 = whole.singular_values[:2]
        return float(sigma1), float(sigma2)
    bound = math.sqrt(float(whole.left_degrees.max()) * float(whole.right_degrees.max()))
    sigma1, sigma2 = largest_two_singular(whole.biadjacency, bound)
    return sigma1, max(0.0, sigma2)


def adjacency_gap(graph: Graph | Undirected) -> float:
    """Return σ1 - σ2, the gap between the two largest singular values of B.

    Source: S. Hoory, N. Linial, A. Wigderson, "Expander graphs and their applications", 2006,
    doi:10.1090/S0273-0979-06-01126-8.

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
        If the graph is large and singular values are too close together.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.spectral.adjacency_gap(snn.topology.dense(8, 2))
    4.0
    """
    sigma1, sigma2 = leading_singular_values(graph)
    return sigma1 - sigma2
