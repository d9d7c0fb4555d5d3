"""The undirected graph on all neurons of a wiring, which may have edges that skip levels."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from ..wiring.graph import Wiring


class Undirected:
    """An undirected graph with the intermediate results that its measures share.

    Parameters
    ----------
    adjacency : CSR array of float64, shape (n_vertices, n_vertices)
        A, symmetric, of ones.
    """

    singular_values: Array | None = None
    """All singular values of the biadjacency matrix, where they are known."""

    def __init__(self, adjacency: Any) -> None:
        self._adjacency = adjacency

    @property
    def adjacency(self) -> Any:
        """A, float64 CSR (n_vertices, n_vertices)."""
        return self._adjacency

    @cached_property
    def degrees(self) -> Array:
        """Number of edges of each vertex, int64[n_vertices]."""
        return np.diff(self.adjacency.indptr).astype(np.int64)

    @property
    def n_vertices(self) -> int:
        """Number of vertices."""
        return len(self.degrees)

    @cached_property
    def n_edges(self) -> int:
        """Number of edges."""
        return int(self.degrees.sum()) // 2

    @property
    def degree_bound(self) -> float:
        """A bound on the sum of the degrees of two neighbours, and so on the eigenvalues of L."""
        return 2 * float(self.degrees.max())

    @cached_property
    def components(self) -> tuple[int, Array]:
        """Number of connected components, and that of each vertex, int32[n_vertices]."""
        from scipy.sparse import csgraph  # takes 60 ms to import

        count, labels = csgraph.connected_components(self.adjacency, directed=False)
        return int(count), labels


def of_wiring(wiring: Wiring) -> Undirected:
    """Return the graph on all neurons of a wiring."""
    ones = np.ones(wiring.n_edges)
    shape = (wiring.n_neurons, wiring.n_neurons)
    below = scipy.sparse.csr_array((ones, wiring.indices, wiring.indptr), shape=shape)
    return Undirected((below + below.T).tocsr())
