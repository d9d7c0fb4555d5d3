"""Graphs of single products, and the implementation of each: our kernels, or BLAS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NARROW = 32
"""A complete group with fewer rows than this is no reason to run a network on BLAS, and its sums
may be made in parts, since these take little room."""

EDGES, COMPLETE, BLAS = "edges", "complete", "BLAS"
"""Implementation of a group's products: the kernels of `sparse`, those of `complete`, or BLAS."""


class Graph(NamedTuple):
    """Structure of one product: CSR by output neuron, indices ascending in each row, all checked.

    A complete one may leave ``indptr`` and ``indices`` out.
    """

    n_in: int
    n_out: int
    n_edges: int
    indptr: Array | None = None
    indices: Array | None = None

    @property
    def is_complete(self) -> bool:
        """True if every output has every input."""
        return self.n_edges == self.n_in * self.n_out

    def rows(self) -> tuple[Array, Array]:
        """Return indptr and indices, made up for a complete graph that has none."""
        if self.indptr is not None and self.indices is not None:
            return self.indptr, self.indices
        indptr = np.arange(self.n_out + 1, dtype=np.int64) * self.n_in
        return indptr, np.tile(np.arange(self.n_in, dtype=np.uint32), self.n_out)


def choose_products(graphs: Sequence[Graph]) -> list[str]:
    """Return the implementation of each graph's products.

    Complete graphs run on BLAS where most connections lie in wide complete ones: BLAS has threads
    of its own, which would fight with ours. A narrow complete graph, such as ten outputs, is no
    reason: its product is small. Our kernels also give the same bits for any number of threads;
    BLAS does not.
    """
    wide = sum(g.n_edges for g in graphs if g.is_complete and g.n_out >= NARROW)
    on_blas = 2 * wide > sum(g.n_edges for g in graphs)
    return [(BLAS if on_blas else COMPLETE) if g.is_complete else EDGES for g in graphs]


def without_idle(graph: Graph) -> tuple[Graph, Array | None]:
    """Return the graph without the inputs that no edge uses, and the numbers of all others.

    The numbers are uint32, in order; None where all inputs have edges. Edges keep their order.
    """
    if graph.is_complete:
        return graph, None
    indptr, indices = graph.rows()
    if graph.n_in > graph.n_edges:  # of which there may be billions
        ordered = np.sort(indices)
        inputs = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    else:
        is_used = np.zeros(graph.n_in, dtype=bool)
        is_used[indices] = True
        inputs = np.flatnonzero(is_used)
    if len(inputs) == graph.n_in:
        return graph, None
    places = np.searchsorted(inputs, indices).astype(np.uint32)
    graph = Graph(len(inputs), graph.n_out, graph.n_edges, indptr, places)
    return graph, inputs.astype(np.uint32)
