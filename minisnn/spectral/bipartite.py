"""The undirected bipartite graph to measure: that of a layer, or of a whole network folded in two.

The neurons of a network's even layers (0 = inputs, 2, 4, ...) have edges to those of its odd layers
only. So the graph on all neurons is bipartite, as that of one layer is, and one and the same
machinery measures both: left are the even layers, right the odd ones. A wiring whose edges skip
levels may have no two sides: it is an `Undirected`.

Letters, as in formulas everywhere here: B the biadjacency matrix (left x right, 0 and 1), A = [0 B;
Bᵀ 0] the adjacency matrix, D the diagonal matrix of degrees, L = D - A the Laplacian, dL and dR the
mean degrees of the left and right vertices that have an edge, σ1 >= σ2 the largest singular values
of B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from ..network.layer import check_graphs
from ..network.mlp import MLP
from ..network.network import Network
from ..topology.graph import Topology
from ..wiring.graph import Wiring
from .closed_form import singular_values, turns
from .undirected import Undirected, of_wiring

Graph = Topology | Sequence[Topology] | Wiring | MLP | Network
"""A layer, the layers of a network in a row, a wiring, or a network."""

_MAX_LISTED = 2**28  # edges of a complete layer within a network, which must be listed


class Bipartite(Undirected):
    """A bipartite graph with the intermediate results that its measures share.

    Parameters
    ----------
    left_degrees, right_degrees : array of int64, shape (n_left,) and (n_right,)
        Number of edges of each vertex.
    list_edges : callable
        Makes the biadjacency matrix, float64 CSR (n_left, n_right); called when it is needed, which
        it is not for a complete graph.
    singular_values : array of float64, shape (min(n_left, n_right),), optional
        All singular values, descending, of a biregular graph for which they are known.
    transitive : bool
        Whether each side looks the same from all its vertices.
    """

    def __init__(
        self,
        left_degrees: Array,
        right_degrees: Array,
        list_edges: Callable[[], Any],
        *,
        singular_values: Array | None = None,
        transitive: bool = False,
    ) -> None:
        self.left_degrees = left_degrees
        self.right_degrees = right_degrees
        self._list_edges = list_edges
        self.singular_values = singular_values
        self.transitive = transitive

    @property
    def n_left(self) -> int:
        """Number of left vertices."""
        return len(self.left_degrees)

    @property
    def n_right(self) -> int:
        """Number of right vertices."""
        return len(self.right_degrees)

    @cached_property
    def n_edges(self) -> int:
        """Number of edges."""
        return int(self.left_degrees.sum())

    @cached_property
    def degrees(self) -> Array:
        """Degrees of the left, then of the right vertices, int64[n_vertices]."""
        return np.concatenate([self.left_degrees, self.right_degrees])

    @property
    def degree_bound(self) -> float:
        """The largest sum of a left and a right degree, which no eigenvalue of L exceeds."""
        return float(self.left_degrees.max() + self.right_degrees.max())

    @cached_property
    def mean_degrees(self) -> tuple[float, float]:
        """(dL, dR), over the vertices that have an edge: the others alter no singular value."""
        left, right = (
            self.n_edges / np.count_nonzero(side)
            for side in (self.left_degrees, self.right_degrees)
        )
        return float(left), float(right)

    @property
    def is_biregular(self) -> bool:
        """True if all left vertices have one degree, and all right vertices have one."""
        return all(side.min() == side.max() for side in (self.left_degrees, self.right_degrees))

    @property
    def is_complete(self) -> bool:
        """True if every possible edge is present."""
        return self.n_edges == self.n_left * self.n_right

    @cached_property
    def biadjacency(self) -> Any:
        """B, float64 CSR (n_left, n_right)."""
        return self._list_edges()

    @cached_property
    def adjacency(self) -> Any:
        """A = [0 B; Bᵀ 0], float64 CSR (n_vertices, n_vertices)."""
        B = self.biadjacency
        return scipy.sparse.block_array([[None, B], [B.T, None]], format="csr")

    @cached_property
    def components(self) -> tuple[int, Array]:
        """Number of connected components, and that of each vertex, int32[n_vertices]."""
        if self.is_complete:
            return 1, np.zeros(self.n_vertices, dtype=np.int32)
        return super().components


def graph_of(graph: Graph) -> list[Topology] | Wiring:
    """Return the graphs of the layers, one or more, whose widths fit; or a wiring."""
    if isinstance(graph, MLP):
        return graph.topologies
    if isinstance(graph, (Wiring, Network)):
        return graph if isinstance(graph, Wiring) else graph.wiring
    if isinstance(graph, Topology):
        return [graph]
    if not isinstance(graph, Sequence):
        raise TypeError(
            "expected a Topology or a sequence of them, a Wiring, or a network, got "
            f"{type(graph).__name__}"
        )
    if not graph:
        raise ValueError("expected at least one layer, got an empty sequence")
    return check_graphs(graph)


def undirected(graph: Graph | Undirected) -> Undirected:
    """Return the graph on all neurons of a layer, of layers in a row, or of a wiring."""
    if isinstance(graph, Undirected):
        return graph
    found = graph_of(graph)
    return of_wiring(found) if isinstance(found, Wiring) else bipartite(found)


def bipartite(graph: Graph | Bipartite) -> Bipartite:
    """Return the bipartite graph of a layer, or of the layers of a network in a row."""
    if isinstance(graph, Bipartite):
        return graph
    layers = graph_of(graph)
    if isinstance(layers, Wiring):
        raise TypeError(
            f"this measure is of a layer, or of layers in a row, got {layers!r}, whose neurons are "
            "of no two sides; measure_network has those of any wiring"
        )
    if len(layers) == 1:
        return _of_layer(layers[0])
    return from_biadjacency(_folded(layers))


def from_biadjacency(B: Any) -> Bipartite:
    """Return the graph of a biadjacency matrix of ones, CSR."""
    left = np.diff(B.indptr).astype(np.int64)
    right = np.bincount(B.indices, minlength=B.shape[1])
    return Bipartite(left, right, lambda: B)


def _of_layer(graph: Topology) -> Bipartite:
    return Bipartite(
        graph.out_degrees,
        graph.in_degrees,
        lambda: graph.to_scipy().astype(np.float64).tocsr(),
        singular_values=singular_values(graph),
        transitive=turns(graph),
    )


def _folded(layers: Sequence[Topology]) -> Any:
    """B of a network: the neurons of even layers x those of odd layers."""
    sizes = [layers[0].n_in, *(graph.n_out for graph in layers)]
    firsts = [sum(sizes[number % 2 : number : 2]) for number in range(len(sizes))]
    sides: tuple[list[Array], list[Array]] = ([], [])
    for number, graph in enumerate(layers):
        if graph.is_complete and graph.n_edges > _MAX_LISTED:
            raise ValueError(
                f"layer {number + 1} is complete, of {graph.n_edges} edges; within a network they "
                f"are listed one by one, {_MAX_LISTED} at most: measure the layer on its own"
            )
        for end, neurons in enumerate(graph.edges().T):
            sides[(number + end) % 2].append(firsts[number + end] + neurons)
    left, right = (np.concatenate(side) for side in sides)
    shape = sum(sizes[::2]), sum(sizes[1::2])
    return scipy.sparse.csr_array((np.ones(len(left)), (left, right)), shape=shape)
