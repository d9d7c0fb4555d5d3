"""Networks as sums, one after another: the form in which other programs compute them.

Each sum is a layer over rows that stand before its own: the inputs, then neurons in their order. A
row of layers is the case in which each sum reads the rows just before it, and no others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from .._support.arrays import Array
from ..network.base import check_network
from ..network.layer import Layer
from ..network.mlp import MLP
from ..network.network import Network
from ..topology.graph import Topology


@dataclass(frozen=True)
class Sum:
    """One layer of neurons, and its place among the rows.

    Parameters
    ----------
    layer : Layer
        Its edges over the rows that it reads, weights and biases.
    reads : int
        The first of these rows.
    row : int
        The first of its own rows.
    activation : str
        Activation of its neurons.
    is_output : bool
        Whether its neurons are outputs.
    """

    layer: Layer
    reads: int
    row: int
    activation: str
    is_output: bool

    @property
    def n_rows(self) -> int:
        """Number of its neurons."""
        return self.layer.topology.n_out


@dataclass(frozen=True)
class Sums:
    """All sums of a network.

    Parameters
    ----------
    sums : list of Sum
        In the order in which they are made.
    inputs : array of uint32, shape (n,), or None
        Numbers of the inputs that there are rows for; None: all.
    order : array of int, shape (n_out,), or None
        Place of each output among those in the order of the rows; None: the same.
    """

    sums: list[Sum]
    inputs: Array | None = None
    order: Array | None = None

    @property
    def outputs(self) -> list[int]:
        """The numbers, from 1, of the sums whose neurons are outputs."""
        return [number for number, each in enumerate(self.sums, start=1) if each.is_output]

    @property
    def output_rows(self) -> Array:
        """The row of each output."""
        spans = [
            np.arange(each.row, each.row + each.n_rows) for each in self.sums if each.is_output
        ]
        rows = np.concatenate(spans)
        return rows if self.order is None else rows[self.order]

    def gathered(self, number: int) -> tuple[list[int], Layer]:
        """Return the parts that a sum reads, and its layer over all rows of these, side by side.

        Part 0 has the inputs, each other one the neurons of the sum of that number.
        """
        own = self.sums[number - 1]
        graph, bounds = own.layer.topology, np.array([0, *(s.row for s in self.sums[:number])])
        first = int(np.searchsorted(bounds, own.reads, side="right")) - 1
        if (own.reads, own.reads + graph.n_in) == tuple(bounds[first : first + 2].tolist()):
            return [first], own.layer
        rows = graph.compact_indices.astype(np.int64) + own.reads
        part_of = np.searchsorted(bounds, rows, side="right") - 1
        is_read = np.bincount(part_of, minlength=number) > 0
        sizes = np.diff(bounds) * is_read
        columns = rows - bounds[part_of] + (np.cumsum(sizes) - sizes)[part_of]
        whole = Topology(int(sizes.sum()), graph.n_out, graph.indptr, columns)
        return np.flatnonzero(is_read).tolist(), replace(own.layer, topology=whole)


def sums_of(net: MLP | Network) -> Sums:
    """Return the sums of a network; the arrays of their layers are views of its parameters.

    Batch normalisation is folded into them, which are then copies.

    Raises
    ------
    TypeError
        If it is no network.
    ValueError
        If a parameter is NaN or inf: other programs get none that predicts nothing.
    """
    check_network(net)
    found = _found(net)
    for number, each in enumerate(found.sums, start=1):
        if not (np.isfinite(each.layer.weights).all() and np.isfinite(each.layer.biases).all()):
            raise ValueError(
                f"weights or biases of {net.place_of(number)} are NaN or inf: there is nothing to "
                "predict with; take the network of before, or train it anew"
            )
    return found


def _found(net: MLP | Network) -> Sums:
    structure, sums = net.structure, []
    if isinstance(net, MLP):
        spans = pairwise([0, *accumulate(net.widths[:-1])])
        for layer, (_, group), span in zip(net.layers, structure.summing, spans, strict=True):
            sums.append(Sum(layer, *span, group.activation, group.output is not None))
        return Sums(sums)
    net = net.folded()
    structure = net.structure
    for number, group in structure.summing:
        graph = group.graph
        topology = (
            Topology.complete(graph.n_in, graph.n_out)
            if graph.is_complete
            else Topology(graph.n_in, graph.n_out, *graph.rows())
        )
        layer = Layer(topology, *structure.parts(net.parameters, number))
        row = structure.rows[number]
        sums.append(Sum(layer, group.reads, row, group.activation, group.output is not None))
    given = structure.outputs_given
    return Sums(sums, structure.inputs, None if given is None else np.argsort(given))
