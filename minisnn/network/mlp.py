"""The multilayer perceptron: fixed graphs in a row, with weights, biases and activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import check_kind
from .._support.seeds import Seed, seed_of
from ..topology.graph import Topology
from .base import SparseNetwork
from .display import network_html
from .initializers import check_rule, initial_parameters
from .layer import (
    Layer,
    check_activations,
    check_graphs,
    check_parameters,
    check_precision,
    checksum_of,
    describe,
    split_parameters,
    structure_of,
)
from .samples import check_inputs
from .topology_warnings import warn_of_graphs


class MLP(SparseNetwork):
    """A multilayer perceptron whose wiring is fixed before training.

    Source: arXiv:1706.05683: sigmoid neurons, Glorot initialisation, which are the defaults. Each
    layer is a `Topology` with a weight on each of its edges; nothing is stored or computed where
    there is no edge.

    Parameters
    ----------
    topologies : sequence of Topology
        One graph per layer, each with as many outputs as the next has inputs.
    activation : {"sigmoid", "tanh", "relu", "leaky_relu", "identity"}
        Activation of the hidden neurons.
    output_activation : {"sigmoid", "tanh", "relu", "leaky_relu", "identity", "softmax"}
        The same of the outputs. It decides which losses the network can be trained with, see
        `minisnn.train`.
    seed : int, SeedSequence or Generator, optional
        Of the initial weights; by default fresh, and kept in `MLP.seed`.
    initializer : {"glorot_normal", "glorot_uniform", "he_normal", "he_uniform"}
        Distribution of the initial weights; He's was made for ReLUs. Biases begin at 0.
    fan : {"degree", "width"}
        Count of the fans of a sparse layer, which give the variance: the edges of a neuron, or the
        layers' widths as in the paper. See `minisnn.network.initializers`; docs/training.md has the
        measurement behind the default.
    dtype : {float32, float64}
        Precision of weights and activations.

    Raises
    ------
    ValueError
        If there is no layer, widths do not fit, or an option is unknown.

    Warns
    -----
    DeadNeuronWarning
        If a hidden or output neuron has no input, or a hidden one no output.
    RepeatedGraphWarning
        If two layers have the same random graph: one seed was given to both.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> graph = snn.topology.fibonacci_rotating(64, 100, degree=10)
    >>> net = snn.MLP([graph, snn.topology.dense(100, 10)], seed=1)
    >>> net
    MLP(64 -> 100 -> 10, 1640 connections, 110 biases, float32, seed=1)
    >>> net.predict(np.zeros((5, 64))).shape
    (5, 10)
    >>> graphs = [graph, snn.topology.dense(100, 10)]
    >>> snn.MLP(graphs, activation="relu", output_activation="softmax", seed=2)
    MLP(64 -> 100 -> 10, 1640 connections, 110 biases, float32, relu, softmax, seed=2)
    """

    def __init__(
        self,
        topologies: Sequence[Topology],
        *,
        activation: str = "sigmoid",
        output_activation: str = "sigmoid",
        seed: Seed = None,
        initializer: str = "glorot_normal",
        fan: str = "degree",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        graphs = check_graphs(topologies)
        check_activations(activation, output_activation, graphs[-1].n_out)
        check_rule(initializer, fan)
        precision, number = check_precision(dtype), seed_of(seed)
        parameters = initial_parameters(graphs, initializer, fan, number, precision)
        warn_of_graphs(graphs)
        self._assemble(graphs, parameters, activation, output_activation, number)

    @classmethod
    def from_parameters(
        cls,
        topologies: Sequence[Topology],
        parameters: Array,
        activation: str = "sigmoid",
        output_activation: str = "sigmoid",
        seed: int | None = None,
    ) -> MLP:
        """Return the network that has these parameters.

        Parameters
        ----------
        topologies : sequence of Topology
            One graph per layer; those of another network bring its names of inputs and outputs.
        parameters : array of float32 or float64, shape (n_parameters,)
            In the order of `MLP.parameters`; copied.
        activation, output_activation : str
            As for `MLP`.
        seed : int, optional
            Seed of the initial weights, if it is known.

        Returns
        -------
        MLP

        Raises
        ------
        ValueError
            If the vector has the wrong length or dtype for the graphs, or an activation is unknown.
        """
        graphs = check_graphs(topologies)
        check_activations(activation, output_activation, graphs[-1].n_out)
        vector = check_parameters(parameters, graphs).copy()
        net = cls.__new__(cls)
        number = None if seed is None else seed_of(seed)
        net._assemble(graphs, vector, activation, output_activation, number)
        return net

    def _assemble(
        self,
        graphs: list[Topology],
        parameters: Array,
        activation: str,
        output_activation: str,
        seed: int | None,
    ) -> None:
        structure = structure_of(graphs, activation, output_activation)
        super().__init__(structure, parameters, output_activation, seed)
        self._activation = activation
        weights, biases = zip(*split_parameters(parameters, graphs), strict=True)
        shared = [
            graph if group.indices is None else graph._sharing(group.indices)
            for graph, group in zip(graphs, structure.graphs, strict=True)
        ]
        self._layers = tuple(map(Layer, shared, weights, biases))

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy attribute by attribute would part the layers' arrays from `parameters`.
        about = self._activation, self._output_activation, self._seed
        return MLP.from_parameters, (self.topologies, self._parameters, *about)

    # Attributes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, each with its topology, weights and biases."""
        return self._layers

    @property
    def topologies(self) -> list[Topology]:
        """The graphs of the layers."""
        return [layer.topology for layer in self._layers]

    @property
    def activation(self) -> str:
        """Activation of the hidden neurons."""
        return self._activation

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """Names of its inputs: the columns of the first frame that it is trained on.

        They may also come from the frame of its first graph, or be set. From then on the columns of
        pandas and polars frames are matched by name, in any order; other names, or none, are an
        error. Arrays always go by position. None if there are no names.

        They belong to the first graph, so a network made from `topologies` has them, too.
        """
        return self._layers[0].topology.input_names

    @input_names.setter
    def input_names(self, names: Sequence[str] | None) -> None:
        if names is not self.input_names:
            first, *others = self._layers
            graph = first.topology.with_names(names, first.topology.output_names)
            self._layers = (replace(first, topology=graph), *others)

    @property
    def output_names(self) -> tuple[str, ...] | None:
        """Names of its outputs: the columns of the first frame of targets with one for each."""
        return self._layers[-1].topology.output_names

    @output_names.setter
    def output_names(self, names: Sequence[str] | None) -> None:
        if names is not self.output_names:
            *others, last = self._layers
            graph = last.topology.with_names(last.topology.input_names, names)
            self._layers = (*others, replace(last, topology=graph))

    @property
    def widths(self) -> list[int]:
        """Number of neurons of each layer, the inputs first."""
        graphs = self.topologies
        return [graphs[0].n_in, *(graph.n_out for graph in graphs)]

    @property
    def density(self) -> float:
        """Connections as a share of those of the fully connected network, 0 to 1."""
        return self.n_connections / sum(graph.n_in * graph.n_out for graph in self.topologies)

    def fingerprint(self) -> str:
        """Return a line that tells it from others, whatever its weights."""
        return f"MLP({self._about()}), wired {checksum_of(self.topologies)}"

    def place_of(self, group: int) -> str:
        """Return a phrase for where a group of its structure stands."""
        return f"layer {group}"

    def _about(self) -> str:
        return describe(self.topologies, self.dtype, self._activation, self._output_activation)

    def __repr__(self) -> str:
        return f"MLP({self._about()}{'' if self._seed is None else f', seed={self._seed}'})"

    def _repr_html_(self) -> str:
        return network_html(repr(self), self.structure, self.place_of, self.topologies)

    # Passes

    def forward(self, X: npt.ArrayLike, *, input_scale: float = 1.0) -> list[Array]:
        """Return the activations of every layer, without dropout.

        Parameters
        ----------
        X : array of numbers or bool, DataFrame, or sparse array, shape (samples, n_in)
            Inputs, read in place; see `minisnn.train`.
        input_scale : float
            Factor on the inputs, such as 1/255 for uint8 images.

        Returns
        -------
        list of arrays
            One (samples, n) array for each hidden layer and, last, the outputs.

        Raises
        ------
        ValueError, TypeError
            If X has the wrong shape or dtype, holds NaN or inf, or is empty.
        """
        return self._passes.forward(check_inputs(self, X, input_scale))


def check_mlp(net: Any) -> MLP:
    """Return the network, if it is a row of layers."""
    return check_kind(net, MLP, "net")
