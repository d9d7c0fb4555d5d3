"""The fixed structure of a whole network, in the arrays that the compiled code reads.

The layers' index arrays stand one after another, so that compiled code serves any depth; `LAYER` is
the record that says where each begins. Indices are uint16 where every layer is narrow enough.
The transpose, which only a backward pass needs, is made when it is first asked for. Inputs that no
edge uses may be left out (`without_idle`): nothing is stored, read or computed for them.

A complete layer has no indices: its products are those of `complete`, or BLAS's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

NARROW = 32
"""A complete layer with fewer outputs than this is no reason to run a network on BLAS, and its
sums may be made in parts, since these take little room."""

EDGES, COMPLETE, BLAS = "edges", "complete", "BLAS"
"""Implementation of a layer's products: the kernels of `sparse`, those of `complete`, or BLAS."""

Array = npt.NDArray[Any]


class Graph(NamedTuple):
    """One layer's structure: CSR by output neuron, indices ascending in each row, all checked.

    A complete layer may leave ``indptr`` and ``indices`` out.
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
        """Return indptr and indices, made up for a complete layer that has none."""
        if self.indptr is not None and self.indices is not None:
            return self.indptr, self.indices
        indptr = np.arange(self.n_out + 1, dtype=np.int64) * self.n_in
        return indptr, np.tile(np.arange(self.n_in, dtype=np.uint32), self.n_out)


def choose_products(graphs: Sequence[Graph]) -> list[str]:
    """Return what makes each layer's products.

    Complete layers run on BLAS where most connections lie in wide complete layers: BLAS has
    threads of its own, which would fight with ours. A narrow complete layer, such as ten outputs,
    is no reason: its product is small. Our kernels also give the same bits for any number of
    threads; BLAS does not.
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


@dataclass(frozen=True, eq=False)
class Transposed:
    """W^T of the layers whose input gradient is wanted, one after another."""

    indptrs: dict[int, Array]
    first: dict[int, int]  # layer -> where its entries begin
    indices: Array
    edges: Array  # where each entry stands in W, counted from its layer's first weight

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        pointers = sum(indptr.nbytes for indptr in self.indptrs.values())
        return pointers + self.indices.nbytes + self.edges.nbytes


class Wiring:
    """The structure of a network.

    Parameters
    ----------
    graphs
        One a layer, as many outputs as the next has inputs.
    products : sequence of {EDGES, COMPLETE, BLAS}, optional
        Implementation of each layer's products; by default `choose_products`. A complete layer may
        be treated like any other, for comparisons.
    activations : sequence of str, optional
        Activation of each layer's neurons (`activations`); by default sigmoids.
    inputs : array of uint32, optional
        Numbers of the network's inputs that the first layer has (`without_idle`); by default all.
    n_in : int, optional
        Number of inputs of the network.
    """

    def __init__(
        self,
        graphs: Sequence[Graph],
        products: Sequence[str] | None = None,
        activations: Sequence[str] | None = None,
        *,
        inputs: Array | None = None,
        n_in: int | None = None,
    ) -> None:
        self.products = tuple(products or choose_products(graphs))
        self.inputs = inputs
        self.n_in = graphs[0].n_in if n_in is None else n_in
        self.graphs = tuple(graphs)
        self.activations = tuple(activations or ["sigmoid"] * len(graphs))
        self.widths: tuple[int, ...] = (graphs[0].n_in, *(graph.n_out for graph in graphs))
        self.index_dtype = np.uint16 if max(self.widths) <= 2**16 else np.uint32
        self.indptrs: dict[int, Array] = {}
        self.first: dict[int, int] = {}
        parts, total = [], 0
        for number, graph in enumerate(graphs):
            if self.products[number] == EDGES:
                self.indptrs[number], indices = graph.rows()
                self.first[number] = total
                parts.append(indices.astype(self.index_dtype, copy=False))
                total += graph.n_edges
        # A single layer's indices are shared with whoever gave them.
        self.indices = parts[0] if len(parts) == 1 else np.concatenate([*parts, _nothing(self)])
        self._transposed: Transposed | None = None

    @property
    def uses_blas(self) -> bool:
        """True if any layer runs on BLAS."""
        return BLAS in self.products

    @property
    def takes_bytes(self) -> bool:
        """True if images stay bytes until the first layer has summed them."""
        return self.products[0] == EDGES

    @property
    def nbytes(self) -> int:
        """Bytes of the index arrays, the transposed ones too if they have been made."""
        pointers = sum(indptr.nbytes for indptr in self.indptrs.values())
        transposed = 0 if self._transposed is None else self._transposed.nbytes
        inputs = 0 if self.inputs is None else self.inputs.nbytes
        return pointers + inputs + self.indices.nbytes + transposed

    def transposed(self, *, first_layer: bool = False) -> Transposed:
        """Return the transpose of the later layers and, if asked for, of the first.

        Training never asks for the first layer's, which is often the largest.
        """
        wanted = [n for n in self.indptrs if n > 0 or first_layer]
        have = self._transposed
        if have is None or not set(wanted) <= set(have.indptrs):
            have = self._transposed = self._transpose(wanted)
        return have

    def _transpose(self, layers: Sequence[int]) -> Transposed:
        indptrs, first, indices, edges, total = {}, {}, [], [], 0
        for number in layers:
            graph, begin = self.graphs[number], self.first[number]
            of_layer = slice(begin, begin + graph.n_edges)
            matrix = scipy.sparse.csr_array(
                (
                    np.arange(graph.n_edges, dtype=np.uint32),
                    self.indices[of_layer].astype(np.int32),  # layers have fewer than 2**31
                    self.indptrs[number],
                ),
                shape=(graph.n_out, graph.n_in),
            ).tocsc()
            indptrs[number], first[number] = matrix.indptr.astype(np.int64), total
            indices.append(matrix.indices.astype(self.index_dtype))
            edges.append(matrix.data)
            total += graph.n_edges
        return Transposed(
            indptrs,
            first,
            np.concatenate([*indices, _nothing(self)]),
            np.concatenate([*edges, np.empty(0, np.uint32)]),
        )


def _nothing(wiring: Wiring) -> Array:
    return np.empty(0, dtype=wiring.index_dtype)
