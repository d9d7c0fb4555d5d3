"""A wiring as groups of neurons, for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .._support.arrays import Array
from ..kernels.program.graphs import Graph, choose_products
from ..kernels.program.structure import Group, Normal, Structure
from ..wiring.graph import Wiring


def structure_of(
    wiring: Wiring,
    activations: Sequence[str],
    output_activation: str,
    normals: Sequence[Normal | None],
) -> Structure:
    """Return the groups of a wiring: in each level the neurons within, then the outputs.

    Parameters
    ----------
    wiring : Wiring
        Named terms and their edges.
    activations : sequence of str
        Activation of each level's neurons that are no outputs.
    output_activation : str
        Activation of the outputs.
    normals : sequence of Normal or None
        Batch normalisation of each level's neurons that are no outputs.

    Raises
    ------
    ValueError
        If the activation is over all outputs, and these are not all in the last level.
    """
    is_output = np.zeros(wiring.n_neurons, dtype=bool)
    for name in wiring.outputs:
        is_output[wiring.rows_of(name)] = True
    inputs, sources = _inputs_of(wiring)
    n_idle = wiring.n_inputs - (wiring.n_inputs if inputs is None else len(inputs))
    cuts = _cuts(wiring.level_starts, is_output)
    graphs, spans = [], []
    for first, last in cuts:
        begin, end = int(wiring.indptr[first]), int(wiring.indptr[last])
        columns = sources[begin:end]
        reads = int(columns.min())
        n_in = int(columns.max()) + 1 - reads
        if n_in * (last - first) == end - begin:
            graphs.append(Graph(n_in, last - first, end - begin))
        else:
            indptr = wiring.indptr[first : last + 1] - begin
            indices = (columns - reads).astype(np.uint16 if n_in <= 2**16 else np.uint32)
            graphs.append(Graph(n_in, last - first, end - begin, indptr, indices))
        spans.append((reads, bool(is_output[first])))
    groups = [Group(Graph(0, wiring.n_inputs - n_idle, 0))]
    n_out = 0
    levels = np.searchsorted(wiring.level_starts, [first for first, _ in cuts], side="right") - 1
    for graph, (reads, outputs), level, products in zip(
        graphs, spans, levels.tolist(), choose_products(graphs), strict=True
    ):
        activation = output_activation if outputs else activations[level - 1]
        normal, output = (None, n_out) if outputs else (normals[level - 1], None)
        groups.append(Group(graph, reads, level, activation, products, output, normal))
        n_out += graph.n_out * outputs
    return Structure(groups, inputs=inputs, n_in=wiring.n_inputs, outputs_given=_given(wiring))


def _inputs_of(wiring: Wiring) -> tuple[Array | None, Array]:
    """Return the numbers of the inputs that have edges, None if all have; and the edges' sources.

    These are rows when inputs without edges are left out.
    """
    sources, n = wiring.indices, wiring.n_inputs
    is_used = np.zeros(n, dtype=bool)
    is_used[sources[sources < n]] = True
    inputs = np.flatnonzero(is_used)
    if len(inputs) == n:
        return None, sources
    rows = np.arange(wiring.n_neurons)
    rows[:n] = np.cumsum(is_used) - 1
    rows[n:] -= n - len(inputs)
    return inputs.astype(np.uint32), rows[sources]


def _cuts(level_starts: Array, is_output: Array) -> list[tuple[int, int]]:
    """Return the first and the last row of each group: of a level's neurons, of its outputs."""
    changes = np.flatnonzero(np.diff(is_output.astype(np.int8))) + 1
    bounds = np.union1d(level_starts[1:], changes[changes > level_starts[1]]).tolist()
    return list(pairwise(bounds))


def _given(wiring: Wiring) -> Array | None:
    """Return the number that each output has among the wiring's, in the order of rows."""
    starts, ends, first = {}, {}, 0
    for name in wiring.outputs:
        n = wiring.rows_of(name).stop - wiring.rows_of(name).start
        starts[name], ends[name] = first, first + n
        first += n
    by_row = sorted(wiring.outputs, key=lambda name: wiring.rows_of(name).start)
    numbers = np.concatenate([np.arange(starts[name], ends[name]) for name in by_row])
    return None if np.array_equal(numbers, np.arange(first)) else numbers
