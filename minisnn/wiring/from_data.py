"""Wirings from data: tables of named edges, graphs between layers, masks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import scipy

from .._support.checks import as_list, as_list_of
from ..topology.chains import check_chain
from ..topology.from_data import from_dense, from_scipy
from ..topology.graph import Topology
from .graph import Wiring
from .levels import counts_to_indptr
from .parts import Names
from .tables import read_edges
from .validation import check_known, check_terms


def from_edges(
    table: Any,
    inputs: Iterable[Hashable] | None = None,
    outputs: Iterable[Hashable] | None = None,
    *,
    source: Hashable = None,
    target: Hashable = None,
    weight: Hashable = None,
    relations: Any = None,
) -> Wiring:
    """Return the wiring with the given edges between names.

    Parameters
    ----------
    table : path, DataFrame, array, or iterable of pairs
        A row for each edge, from ``source`` to ``target``: such as gene and pathway, pathway and
        parent, neuron and neuron. A path names a ``.csv`` or ``.tsv`` with a header, whose names
        are texts; a ``.parquet``; or a ``.gmt`` of gene sets, a line for each: name, description
        and genes, whose edges lead from gene to set.
    inputs : iterable of hashable, optional
        Names of the inputs in the order of the data's columns. By default all names without
        incoming edges, in order of appearance.
    outputs : iterable of hashable, optional
        Names of the outputs, in the order of the targets' columns. By default all names that
        nothing reads, in order of appearance.
    source, target : hashable, optional
        Labels of the two columns; of arrays and pairs their numbers. By default the first and
        the second.
    weight : hashable, optional
        Label of a column of finite numbers, such as counts of synapses with a sign, which become
        `Wiring.weights`.
    relations : path, DataFrame, array, or iterable of pairs, optional
        A second table, whose first two columns are more edges, such as those from a gene set to
        the sets that contain it.

    Returns
    -------
    Wiring

    Raises
    ------
    ValueError, TypeError
        If a column is missing, a name is, an edge comes twice or leads from a name to itself,
        edges close a cycle, an input has incoming edges, a name is reached by no input, or an
        input or output has no edge.
    OSError
        If a file cannot be read.
    ImportError
        If a Parquet file needs pyarrow (extra ``parquet``).

    Examples
    --------
    >>> import minisnn as snn
    >>> wiring = snn.wiring.from_edges(
    ...     [("TP53", "apoptosis"), ("BAX", "apoptosis"), ("TP53", "cycle")],
    ...     relations=[("apoptosis", "case"), ("cycle", "case")],
    ... )
    >>> print(wiring)
    level   terms  neurons  outputs  edges  skips
    ------  -----  -------  -------  -----  -----
    inputs      2        2        0      0      0
    1           2        2        0      3      0
    2           1        1        1      2      0
    all         5        5        1      5      0
    """
    edges = read_edges(table, relations, source, target, weight)
    n = len(edges.names)
    places = {name: place for place, name in enumerate(edges.names)}
    is_input = np.bincount(edges.targets, minlength=n) == 0
    first = np.flatnonzero(is_input).tolist()
    if inputs is not None:
        given = check_terms(inputs, "inputs")
        check_known(given, places, "inputs", "; restricted_to(inputs) takes columns without edges")
        first = [places[name] for name in given]
        is_input[:] = False
        is_input[first] = True
    if outputs is None:
        last = np.bincount(edges.sources, minlength=n) == 0
        outputs = [edges.names[place] for place in np.flatnonzero(last)]
    order = [*first, *np.flatnonzero(~is_input).tolist()]
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    return Wiring(
        [edges.names[place] for place in order],
        rank[edges.sources],
        rank[edges.targets],
        n_inputs=len(first),
        outputs=outputs,
        weights=edges.weights,
    )


def from_topologies(
    topologies: Sequence[Topology], names: Sequence[Iterable[Hashable]] | None = None
) -> Wiring:
    """Return the chain of layers with the given graphs.

    Parameters
    ----------
    topologies : sequence of Topology
        The graph of each layer, from the inputs to the outputs.
    names : sequence of sequences of hashable, optional
        Names of the inputs, then of each layer's neurons. By default those that the graphs have
        (`Topology.input_names`, `Topology.output_names`); else "x0", "x1", … for inputs, "h1.0", …
        for the neurons of the first hidden layer, "y0", … for outputs.

    Returns
    -------
    Wiring

    Raises
    ------
    ValueError, TypeError
        If there is no graph, widths do not match, a layer has other names for the neurons that it
        reads than the layer before, a hidden neuron has no incoming edge, or a name comes twice.

    Examples
    --------
    >>> import minisnn as snn
    >>> layers = [snn.topology.regular_rotating(6, 4, 2), snn.topology.dense(4, 2)]
    >>> wiring = snn.wiring.from_topologies(layers)
    >>> wiring
    Wiring(6 inputs, 2 outputs, 2 levels, 12 neurons, 20 edges, none skips a level)
    >>> wiring.terms[5:8]
    ('x5', 'h1.0', 'h1.1')
    """
    graphs = as_list_of(Topology, topologies, "topologies")
    if not graphs:
        raise ValueError("topologies must hold one at least, got none")
    check_chain(graphs)
    layers = _default_names(graphs) if names is None else _given_names(graphs, names)
    starts = counts_to_indptr(np.array([len(layer) for layer in layers]))
    edges = np.concatenate(
        [graph.edges() + start for graph, start in zip(graphs, starts, strict=False)]
    )
    widths = np.repeat([graph.n_in for graph in graphs], [graph.n_edges for graph in graphs])
    return Wiring(
        [name for layer in layers for name in layer],
        edges[:, 0],
        edges[:, 1] + widths,
        n_inputs=graphs[0].n_in,
        outputs=layers[-1],
    )


def from_matrices(
    matrices: Sequence[Any], names: Sequence[Iterable[Hashable]] | None = None
) -> Wiring:
    """Return the chain of layers with the given masks.

    Parameters
    ----------
    matrices : sequence of arrays, DataFrames or SciPy sparse arrays, shape (n_in, n_out) each
        Rows are the neurons that are read, columns those that read them, as in
        `topology.from_dense` and `topology.from_scipy`: 1 for an edge, or an entry of a sparse
        array. A mask of PyTorch's, of shape (n_out, n_in), is to be transposed.
    names : sequence of sequences of hashable, optional
        As for `from_topologies`; by default the index and the columns of DataFrames.

    Returns
    -------
    Wiring

    Raises
    ------
    ValueError, TypeError
        As by `topology.from_dense`, `topology.from_scipy` and `from_topologies`.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.wiring.from_matrices([[[1, 0], [1, 1]], [[1], [1]]])
    Wiring(2 inputs, 1 output, 2 levels, 5 neurons, 5 edges, none skips a level)
    """
    masks = as_list(matrices, "matrices", "masks")
    graphs = [
        from_scipy(mask) if scipy.sparse.issparse(mask) else from_dense(mask) for mask in masks
    ]
    return from_topologies(graphs, names)


def _default_names(graphs: Sequence[Topology]) -> list[Names]:
    layers: list[Names] = []
    widths = [graphs[0].n_in, *(graph.n_out for graph in graphs)]
    prefixes = ["x", *(f"h{layer}." for layer in range(1, len(graphs))), "y"]
    for number, (width, prefix) in enumerate(zip(widths, prefixes, strict=True)):
        known = graphs[number - 1].output_names if number else None
        if known is None and number < len(graphs):
            known = graphs[number].input_names
        layers.append(known or tuple([f"{prefix}{neuron}" for neuron in range(width)]))
    return layers


def _given_names(graphs: Sequence[Topology], names: Any) -> list[Names]:
    layers = [
        tuple(as_list(layer, "names of a layer", "names"))
        for layer in as_list(names, "names", "lists of names")
    ]
    widths = [graphs[0].n_in, *(graph.n_out for graph in graphs)]
    lengths = [len(layer) for layer in layers]
    if lengths != widths:
        raise ValueError(
            f"names must be those of the inputs and of each layer, {widths} of them, got {lengths}"
        )
    return layers
