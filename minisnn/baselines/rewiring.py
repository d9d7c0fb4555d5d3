"""Rewiring of a network between steps: its smallest weights go, and as many new edges come.

Edges are numbered by their place in the fully connected graph, output neuron times n_in plus input
neuron. This is also their order in a `Topology`, and that of the dense gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import topology
from .._support.arrays import Array
from .._support.checks import as_array, as_list, check_number
from .._support.messages import each_of
from .._support.seeds import Seed, seed_of
from ..network.layer import n_parameters
from ..network.mlp import MLP, check_mlp
from ..topology.assembly import subset
from ..topology.graph import Topology


@dataclass(frozen=True, eq=False)
class Rewired:
    """A network on new edges, and where its parameters come from.

    Parameters
    ----------
    net : MLP
        The network. Edges that it has in common with the one before keep their weights, and all
        neurons keep their biases. New edges have weight 0.
    origins : array of int64, shape (n_parameters,)
        Place of each parameter in the network before; -1 for the weight of a new edge.
    """

    net: MLP
    origins: Array

    def carried(self, vectors: Array) -> Array:
        """Return numbers for each parameter of the network before, such as velocities, for this.

        Parameters
        ----------
        vectors : array, shape (..., n_parameters)
            As `minisnn.OptimizerState` has them.

        Returns
        -------
        array of the same shape
            The same numbers at edges and biases that stay, and 0 at new edges.

        Raises
        ------
        ValueError
            If there is not one number for each parameter.
        """
        array = as_array(vectors, "vectors")
        n = len(self.origins)
        if array.shape[-1:] != (n,):
            raise ValueError(f"vectors must have shape (..., {n}), got {array.shape}")
        return np.where(self.origins < 0, array.dtype.type(0), array[..., self.origins])


def rewire(
    net: MLP, drop: float, *, gradients: Sequence[Array] | None = None, seed: Seed = None
) -> Rewired:
    """Return the network without its smallest weights, and with as many edges elsewhere.

    Sources: edges at random: sparse evolutionary training (SET), D. C. Mocanu et al. 2018,
    doi:10.1038/s41467-018-04316-3. Where the gradient of the fully connected network is largest:
    RigL, U. Evci et al. 2020, arXiv:1911.11134. As in the code of its authors, the smallest weights
    go by absolute value (the first source takes as many of each sign), a place that has just been
    freed may be taken again, and then its weight stays.

    Parameters
    ----------
    net : MLP
        The network; it is not changed.
    drop : float
        Share of the edges of each layer to drop, from 0 to below 1; their number is rounded down.
        Among equal weights the last in edge order are dropped. Fully connected layers stay as
        they are.
    gradients : sequence of arrays, one for each layer, shape (n_in * n_out,), optional
        Gradient by the weights of `dense_twin`: ``weights`` of its `loss_and_gradients`. New edges
        come where it is largest, whatever its sign; of equal ones the first. By default they are
        drawn, all free places being as likely.
    seed : int, SeedSequence or Generator, optional
        Of the draw, by default fresh; it has no effect with gradients.

    Returns
    -------
    Rewired
        Each layer has as many edges as before.

    Raises
    ------
    ValueError, TypeError
        If the share is out of range, or there is not a finite gradient for each possible edge.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> graphs = [snn.topology.biregular(8, 6, 2, seed=0), snn.topology.dense(6, 2)]
    >>> net, X, Y = snn.MLP(graphs, seed=0), np.eye(8), [0, 1] * 4
    >>> history = snn.train(net, X, Y, optimizer="adam", seed=0)
    >>> _, gradients = baselines.dense_twin(net).loss_and_gradients(X, Y)
    >>> moved = baselines.rewire(net, 0.3, gradients=gradients.weights)
    >>> moved.net.n_connections == net.n_connections, (moved.origins < 0).sum()
    (True, np.int64(4))
    >>> state = history.optimizer_state
    >>> state = snn.OptimizerState(moved.carried(state.vectors), state.steps)
    >>> history = snn.train(moved.net, X, Y, optimizer="adam", optimizer_state=state, seed=1)
    """
    graphs, share = check_mlp(net).topologies, check_drop(drop)
    slopes: Sequence[Array | None] = [None] * len(graphs)
    if gradients is not None:
        slopes = _check_gradients(gradients, graphs)
    rng = np.random.default_rng(seed_of(seed))
    moved: list[Topology] = []
    origins: list[Array] = []
    first = 0
    for layer, slope in zip(net.layers, slopes, strict=True):
        graph = layer.topology
        before = after = _places(graph)
        n = math.floor(share * graph.n_edges)
        if n and not graph.is_complete:
            kept = before[largest(np.abs(layer.weights), graph.n_edges - n)]
            new = _drawn(kept, n, graph, rng) if slope is None else _steepest(kept, n, slope)
            after = np.sort(np.concatenate([kept, new]))
            graph = _graph_of(after, graph)
        moved.append(graph)
        position = np.minimum(np.searchsorted(before, after), len(before) - 1)
        origins.append(np.where(before[position] == after, first + position, -1))
        first += graph.n_edges
        origins.append(np.arange(first, first + graph.n_out))
        first += graph.n_out
    places = np.concatenate(origins)
    parameters = np.where(places < 0, net.dtype.type(0), net.parameters[places])
    functions = net.activation, net.output_activation
    return Rewired(MLP.from_parameters(moved, parameters, *functions), places)


def dense_twin(net: MLP) -> MLP:
    """Return the fully connected network that computes the same: weight 0 where there is no edge.

    Its gradient says what an edge would change that is not there. It takes the memory and the time
    of a dense network, which fixed wiring saves.

    Parameters
    ----------
    net : MLP
        The network; it is not changed.

    Returns
    -------
    MLP

    Raises
    ------
    TypeError
        If it is no MLP.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> net = snn.MLP([snn.topology.biregular(8, 6, 2), snn.topology.dense(6, 2)])
    >>> baselines.dense_twin(net)
    MLP(8 -> 6 -> 2, 60 connections, 8 biases, float32)
    """
    graphs = [
        topology.dense(*graph.shape).with_names(graph.input_names, graph.output_names)
        for graph in check_mlp(net).topologies
    ]
    functions = net.activation, net.output_activation
    twin = MLP.from_parameters(graphs, np.zeros(n_parameters(graphs), net.dtype), *functions)
    for dense, layer in zip(twin.layers, net.layers, strict=True):
        dense.weights[_places(layer.topology)] = layer.weights
        dense.biases[:] = layer.biases
    return twin


def largest(values: Array, n: int) -> Array:
    """Return the places of the n largest values, ascending; of equal ones the first are taken."""
    if n == 0:
        return np.empty(0, dtype=np.int64)
    least = np.partition(values, len(values) - n)[len(values) - n]
    above = np.flatnonzero(values > least)
    equal = np.flatnonzero(values == least)[: n - len(above)]
    return np.sort(np.concatenate([above, equal]))


def check_drop(drop: float) -> float:
    """Return the share of edges that go, if it is from 0 to below 1."""
    return check_number(drop, "drop", 0, 1)


def _places(graph: Topology) -> Array:
    """Return the number of each edge, int64[n_edges], ascending."""
    if graph.is_complete:
        return np.arange(graph.n_edges)
    first = np.arange(graph.n_out) * graph.n_in
    return np.repeat(first, graph.in_degrees) + graph.compact_indices


def _graph_of(places: Array, graph: Topology) -> Topology:
    """Return the graph of these edges, between the neurons of another."""
    targets, sources = np.divmod(places, graph.n_in)
    pointers = np.searchsorted(targets, np.arange(graph.n_out + 1))
    names = graph.input_names, graph.output_names
    return Topology(*graph.shape, pointers, sources, name="moving").with_names(*names)


def _drawn(kept: Array, n: int, graph: Topology, rng: np.random.Generator) -> Array:
    """Return n places, drawn among those that are not kept, without listing these."""
    ranks = subset(rng, graph.n_in * graph.n_out - len(kept), n)
    free_before = kept - np.arange(len(kept))  # free places ahead of each that is kept
    return ranks + np.searchsorted(free_before, ranks, side="right")


def _steepest(kept: Array, n: int, slope: Array) -> Array:
    """Return the n places with the largest gradients among those that are not kept."""
    sizes = np.abs(slope)
    sizes[kept] = -1
    return largest(sizes, n)


def _check_gradients(gradients: Sequence[Array], graphs: Sequence[Topology]) -> list[Array]:
    """Return the gradients, if there is one for each possible edge of each layer."""
    arrays = as_list(gradients, "gradients", "arrays, one per layer")
    if len(arrays) != len(graphs):
        raise ValueError(
            f"gradients must have one array for {each_of(len(graphs), 'layer')}, got {len(arrays)}"
        )
    arrays = [as_array(array, "gradients") for array in arrays]
    for number, (array, graph) in enumerate(zip(arrays, graphs, strict=True), start=1):
        wanted = (graph.n_in * graph.n_out,)
        if array.shape != wanted or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError(
                f"gradients of layer {number} must be finite floats of shape {wanted}, by the "
                f"weights of dense_twin(net), got {array.dtype} of shape {array.shape}"
            )
    return arrays
