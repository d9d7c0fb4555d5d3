"""The fixed structure of a whole network, in the arrays that the compiled code reads.

All activations of a batch are one matrix with a row for each neuron, and a network of any acyclic
wiring is one strictly lower-triangular CSR matrix, cut into *groups*: rows of one level that are
alike. Group 0 has the inputs. Each other group sums up one `Graph`, whose columns are rows that
stand before it. A `chain` of layers has one group per level, and each reads the group before.

The index arrays of the groups stand one after another, so that compiled code serves any network;
`GROUP` is the record that says where each begins. Indices are uint16 where every span is narrow
enough. The transpose, which only a backward pass needs, is made when it is first asked for. Inputs
that no edge uses may be left out (`without_idle`): nothing is stored, read or computed for them.

A complete group has no indices: its products are those of `complete`, or BLAS's.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, starmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .graphs import BLAS, EDGES, Graph, choose_products

Array = npt.NDArray[Any]


class Normal(NamedTuple):
    """Batch normalisation of a group: whether its scale and its shift are trained."""

    scale: bool = True
    shift: bool = True


@dataclass(frozen=True)
class Group:
    """Rows of one level that are alike.

    Parameters
    ----------
    graph
        Edges of its rows, over rows that stand before it; of the inputs none.
    reads
        The first of these rows.
    level
        Length of the longest path from an input.
    activation
        Activation of its neurons.
    products
        Implementation: `EDGES`, `COMPLETE` or `BLAS`.
    output
        Number of its first row among the outputs, if its rows are outputs.
    normal
        Its batch normalisation, if it has one.
    """

    graph: Graph
    reads: int = 0
    level: int = 0
    activation: str = "identity"
    products: str = EDGES
    output: int | None = None
    normal: Normal | None = None

    @property
    def n_rows(self) -> int:
        """Number of its rows."""
        return self.graph.n_out


class Structure:
    """The structure of a network.

    Parameters
    ----------
    groups : sequence of Group
        The inputs, then all others level by level.
    inputs : array of uint32, optional
        Numbers of the network's inputs that it has rows for (`without_idle`); by default all.
    n_in : int, optional
        Number of inputs of the network.
    outputs_given : array of int64, optional
        Number that each output, in the order of the rows, has for the caller; by default the same.

    Attributes
    ----------
    rows : list of int
        Where the rows of each group begin, and their number: the groups' offsets.
    weights, biases, gains : list of int
        Positions of the first of each group among the parameters. A group with batch normalisation
        has its shifts as biases, then gains, running means and running variances.
    n_parameters : int
        All of these, group by group.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        *,
        inputs: Array | None = None,
        n_in: int | None = None,
        outputs_given: Array | None = None,
    ) -> None:
        self.groups = tuple(groups)
        self.inputs, self.outputs_given = inputs, outputs_given
        self.n_in = groups[0].n_rows if n_in is None else n_in
        self.rows = [0, *accumulate(group.n_rows for group in groups)]
        spans = [max(group.graph.n_in, group.n_rows) for group in groups]
        self.weights, self.biases, self.gains, total = [], [], [], 0
        for number, group in enumerate(groups):
            self.weights.append(total)
            self.biases.append(total + group.graph.n_edges)
            self.gains.append(self.biases[-1] + group.n_rows)
            kinds = 1 if group.normal is None else 4  # with gains, means and variances
            total = self.biases[-1] + group.n_rows * kinds * (number > 0)
        self.n_parameters = total
        self.readers = self._find_readers()
        spans += [self.span(numbers) for numbers in self.readers]
        self.index_dtype = np.uint16 if max(spans) <= 2**16 else np.uint32
        self.indptrs: dict[int, Array] = {}
        self.first: dict[int, int] = {}
        parts, total = [], 0
        for number, group in self.summing:
            if group.products == EDGES:
                self.indptrs[number], indices = group.graph.rows()
                self.first[number] = total
                parts.append(indices.astype(self.index_dtype, copy=False))
                total += group.graph.n_edges
        # The indices of a single group are the caller's; those of several become its graphs'.
        self.indices = parts[0] if len(parts) == 1 else np.concatenate([*parts, _nothing(self)])
        if len(parts) > 1:
            self.indices.flags.writeable = False
            self.groups = tuple(starmap(self._with_indices, enumerate(groups)))
        self.place = np.uint32 if self.n_parameters <= 2**32 else np.uint64  # of a parameter
        self.transposed: Any = None  # by `transposed_of`

    @property
    def summing(self) -> list[tuple[int, Group]]:
        """The groups that have sums, all but the inputs, with their numbers."""
        return list(enumerate(self.groups))[1:]

    @property
    def graphs(self) -> list[Graph]:
        """The graphs of the groups that sum."""
        return [group.graph for group in self.groups[1:]]

    @cached_property
    def levels(self) -> list[list[int]]:
        """The numbers of the groups that sum, level by level."""
        found: dict[int, list[int]] = {}
        for number, group in self.summing:
            found.setdefault(group.level, []).append(number)
        return list(found.values())

    @cached_property
    def outputs(self) -> list[int]:
        """The numbers of the groups that have outputs."""
        return [number for number, group in self.summing if group.output is not None]

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return sum(self.groups[number].n_rows for number in self.outputs)

    @property
    def n_inputs(self) -> int:
        """Number of inputs that have rows."""
        return self.groups[0].n_rows

    @property
    def n_rows(self) -> int:
        """Number of rows of activations: inputs and neurons."""
        return self.rows[-1]

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return sum(group.graph.n_edges for group in self.groups)

    @property
    def uses_blas(self) -> bool:
        """True if any group runs on BLAS."""
        return any(group.products == BLAS for group in self.groups)

    @property
    def takes_bytes(self) -> bool:
        """True if images stay bytes until those who read them have summed them."""
        return all(
            self.groups[number].products == EDGES and self.reads_inputs_alone(number)
            for number in self.readers[0]
        )

    def parts(self, vector: Array, number: int) -> tuple[Array, Array]:
        """Return the weights and the biases of a group, as views of a vector of all parameters."""
        begin, middle = self.weights[number], self.biases[number]
        return vector[begin:middle], vector[middle : middle + self.groups[number].n_rows]

    def normal_parts(self, vector: Array, number: int) -> tuple[Array, Array, Array]:
        """Return gains, running means and running variances of a group, as views of a vector."""
        begin, n = self.gains[number], self.groups[number].n_rows
        return (
            vector[begin : begin + n],
            vector[begin + n : begin + 2 * n],
            vector[begin + 2 * n : begin + 3 * n],
        )

    def out_degrees(self) -> Array:
        """Return the number of edges that begin in each row: int64[n_rows]."""
        degrees = np.zeros(self.n_rows, np.int64)
        for _, group in self.summing:
            span = degrees[group.reads : group.reads + group.graph.n_in]
            span += np.bincount(group.graph.rows()[1], minlength=group.graph.n_in)
        return degrees

    def by_group(self, values: Sequence[float], other: float = 0.0) -> list[float]:
        """Return for each group its level's value, the inputs first; for outputs another.

        The same goes for levels that have no value.
        """
        return [
            values[group.level] if group.output is None and group.level < len(values) else other
            for group in self.groups
        ]

    def as_given(self, outputs: Array) -> Array:
        """Return outputs by columns in the caller's order, from those in the order of rows."""
        if self.outputs_given is None:
            return outputs
        return outputs[..., np.argsort(self.outputs_given)]

    def in_order(self, targets: Array, columns: Array | None) -> tuple[Array, Array | None]:
        """Return targets, and the column of each output in the order of rows.

        They are labels, or values with a column for each output: ``columns``, by default in order.
        """
        given = self.outputs_given
        if given is None:
            return targets, columns
        if targets.ndim == 1:
            return np.argsort(given)[targets], None
        return targets, given.astype(np.uint32) if columns is None else columns[given]

    def reads_inputs_alone(self, number: int) -> bool:
        """Return whether all that a group reads are inputs."""
        group = self.groups[number]
        return group.reads + group.graph.n_in <= self.n_inputs

    def only_reader(self, number: int) -> int | None:
        """Return the complete group that reads this one, if nothing else does, and no more."""
        numbers = self.readers[number]
        if len(numbers) != 1 or self.groups[numbers[0]].products == EDGES:
            return None
        return numbers[0] if self.reads_exactly(numbers[0], number) else None

    @property
    def nbytes(self) -> int:
        """Bytes of the index arrays, the transposed ones too if they have been made."""
        pointers = sum(indptr.nbytes for indptr in self.indptrs.values())
        transposed = 0 if self.transposed is None else self.transposed.nbytes
        inputs = 0 if self.inputs is None else self.inputs.nbytes
        return pointers + inputs + self.indices.nbytes + transposed

    def _with_indices(self, number: int, group: Group) -> Group:
        """Return a group whose graph has its indices in the array of all, not once more."""
        if number not in self.first or group.graph.indices is None:
            return group
        begin, graph = self.first[number], group.graph
        indices = self.indices[begin : begin + graph.n_edges]
        return replace(group, graph=graph._replace(indices=indices))

    def _find_readers(self) -> list[list[int]]:
        """Return for each group the numbers of those with an edge from it."""
        readers: list[list[int]] = [[] for _ in self.groups]
        starts = np.array(self.rows)
        for number, group in self.summing:
            begin, end = group.reads, group.reads + group.graph.n_in
            first, last = bisect_right(self.rows, begin) - 1, bisect_left(self.rows, end) - 1
            within: Sequence[int] = range(first, last + 1)
            if last > first and not group.graph.is_complete:
                columns = np.asarray(group.graph.rows()[1]) + np.int64(begin)
                counts = np.bincount(np.searchsorted(starts, columns, side="right") - 1 - first)
                within = (np.flatnonzero(counts) + first).tolist()
            for k in within:
                readers[k].append(number)
        return readers

    def reads_exactly(self, reader: int, number: int) -> bool:
        """Return whether the rows that a group reads are those of another, no less and no more."""
        group = self.groups[reader]
        return (group.reads, group.graph.n_in) == (self.rows[number], self.groups[number].n_rows)

    def span(self, numbers: Sequence[int]) -> int:
        """Return the number of rows from the first of these groups to the last."""
        return self.rows[numbers[-1] + 1] - self.rows[numbers[0]] if numbers else 0


def chain(
    graphs: Sequence[Graph],
    products: Sequence[str] | None = None,
    activations: Sequence[str] | None = None,
    *,
    inputs: Array | None = None,
    n_in: int | None = None,
) -> Structure:
    """Return the structure of layers in a row: one group for each, that reads the one before.

    Parameters
    ----------
    graphs
        One per layer, as many outputs as the next has inputs.
    products : sequence of {EDGES, COMPLETE, BLAS}, optional
        Implementation of each layer's products; by default `choose_products`. A complete layer may
        be treated like any other, for comparisons.
    activations : sequence of str, optional
        Activation of each layer's neurons (`activations`); by default sigmoids.
    inputs, n_in
        As for `Structure`.
    """
    products = list(products or choose_products(graphs))
    activations = list(activations or ["sigmoid"] * len(graphs))
    groups, reads = [Group(Graph(0, graphs[0].n_in, 0))], 0
    for level, (graph, product, activation) in enumerate(
        zip(graphs, products, activations, strict=True), start=1
    ):
        output = 0 if level == len(graphs) else None
        groups.append(Group(graph, reads, level, activation, product, output))
        reads += graph.n_in
    return Structure(groups, inputs=inputs, n_in=n_in)


def _nothing(structure: Structure) -> Array:
    return np.empty(0, dtype=structure.index_dtype)
