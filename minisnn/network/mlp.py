"""The multilayer perceptron: fixed graphs in a row, with weights, biases and activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support import checks
from .._support.arrays import Array
from .._support.checks import check_flag, check_kind
from .._support.messages import shown
from .._support.seeds import Seed, seed_of
from ..kernels.program.plan import Plan
from ..kernels.program.records import DIFFERENTIATE, PREDICT, TRAIN
from ..topology.graph import Topology
from .gradients import Gradients
from .initializers import check_rule, initial_parameters
from .layer import (
    Layer,
    check_activations,
    check_graphs,
    check_parameters,
    check_precision,
    describe,
    split_parameters,
    structure_of,
)
from .losses import check_loss
from .passes import Passes
from .samples import Samples, check_inputs, check_samples
from .topology_warnings import warn_of_graphs


class MLP:
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
        self._seed: int | None = number
        self._assemble(graphs, parameters, activation, output_activation)

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
        net._seed = None if seed is None else seed_of(seed)
        net._assemble(graphs, vector, activation, output_activation)
        return net

    def _assemble(
        self, graphs: list[Topology], parameters: Array, activation: str, output_activation: str
    ) -> None:
        self._activation, self._output_activation = activation, output_activation
        self._parameters = parameters
        weights, biases = zip(*split_parameters(parameters, graphs), strict=True)
        self._layers = tuple(map(Layer, graphs, weights, biases))
        self._passes = Passes(structure_of(graphs, activation, output_activation), parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy attribute by attribute would part the layers' arrays from `parameters`.
        about = self._activation, self._output_activation, self._seed
        return MLP.from_parameters, (self.topologies, self._parameters, *about)

    # What it is

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, each with its topology, weights and biases."""
        return self._layers

    @property
    def parameters(self) -> Array:
        """All weights and biases in one vector, layer by layer, weights before biases.

        The layers' arrays are views of it: writing into one is seen in the other.
        """
        return self._parameters[:]  # a view: its shape and flags are the caller's

    @property
    def topologies(self) -> list[Topology]:
        """The graphs of the layers."""
        return [layer.topology for layer in self._layers]

    @property
    def activation(self) -> str:
        """Activation of the hidden neurons."""
        return self._activation

    @property
    def output_activation(self) -> str:
        """Activation of the outputs."""
        return self._output_activation

    @property
    def seed(self) -> int | None:
        """Seed of its initial weights: `MLP` draws the same with it. None if unknown."""
        return self._seed

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
    def n_in(self) -> int:
        """Number of inputs."""
        return self.widths[0]

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.widths[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of weights and activations."""
        return self._parameters.dtype

    @property
    def n_connections(self) -> int:
        """Number of weights: edges of all layers together."""
        return sum(graph.n_edges for graph in self.topologies)

    @property
    def density(self) -> float:
        """Connections as a share of those of the fully connected network, 0 to 1."""
        return self.n_connections / sum(graph.n_in * graph.n_out for graph in self.topologies)

    @property
    def parameter_bytes(self) -> int:
        """Bytes of all weights and biases."""
        return int(self._parameters.nbytes)

    @property
    def structure_bytes(self) -> int:
        """Bytes of the index arrays held for the products: both directions once it has trained."""
        return self._passes.structure_bytes

    @property
    def runs_on_blas(self) -> bool:
        """True if BLAS does most of the products, and therefore uses the cores.

        Then results may differ in rounding between numbers of BLAS threads. If our own kernels
        do all products, they are the same bits for any number of threads.
        """
        return self._passes.structure.uses_blas

    @property
    def plan(self) -> Plan:
        """Plan of training in batches of 128: ``print(net.plan)`` shows its choices and why."""
        return self.plan_for(128)

    def plan_for(
        self,
        batch_size: int,
        purpose: int = TRAIN,
        *,
        keeps_bytes: bool = False,
        drops: tuple[bool, ...] = (),
        logits: bool = False,
        clips: bool = False,
    ) -> Plan:
        """Return how batches of another size run.

        Parameters
        ----------
        batch_size : int
            Samples of a batch.
        purpose : int
            ``PREDICT``, ``TRAIN`` or ``DIFFERENTIATE`` of ``minisnn.kernels.program.records``.
        keeps_bytes : bool
            Whether inputs are uint8 and none is dropped.
        drops : tuple of bool
            Whether some of the inputs of each layer are dropped; by default none.
        logits : bool
            Whether outputs stay pre-activations, for a cross-entropy or for the caller.
        clips : bool
            Whether training clips gradients.

        Returns
        -------
        Plan
            Kept, so that it is not made again for the next call.

        Raises
        ------
        ValueError, TypeError
            If the batch size is below 1, the purpose is unknown, or an option is not a bool.
        """
        batch_size = checks.check_positive_integer(batch_size, "batch_size")
        if purpose not in (PREDICT, TRAIN, DIFFERENTIATE):
            raise ValueError(
                f"purpose must be PREDICT, TRAIN or DIFFERENTIATE, got {shown(purpose)}"
            )
        options: dict[str, Any] = {"keeps_bytes": keeps_bytes, "logits": logits, "clips": clips}
        options = {name: check_flag(value, name) for name, value in options.items()}
        return self._passes.plan_for(batch_size, purpose, drops=tuple(drops), **options)

    def __repr__(self) -> str:
        kind = describe(self.topologies, self.dtype, self._activation, self._output_activation)
        return f"MLP({kind}{'' if self._seed is None else f', seed={self._seed}'})"

    # What it does

    def forward(self, X: npt.ArrayLike, *, input_scale: float = 1.0) -> list[Array]:
        """Return the activations of every layer, without dropout.

        Parameters
        ----------
        X : array of numbers or bool, or DataFrame, shape (samples, n_in)
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

    def predict(
        self, X: npt.ArrayLike, *, input_scale: float = 1.0, rows: npt.ArrayLike | None = None
    ) -> Array:
        """Return the outputs, computed in batches, without dropout.

        Parameters
        ----------
        X : array of numbers or bool, or DataFrame, shape (samples, n_in)
            Inputs, read in place; see `minisnn.train`.
        input_scale : float
            The factor on the inputs that was used in training.
        rows : array of int, or of bool, shape (samples,), optional
            Rows of X to use: their numbers, in the order of the outputs, or a mask of True and
            False; all by default. ``X[rows]`` would copy them.

        Returns
        -------
        array of the network's dtype, shape (samples, n_out)

        Raises
        ------
        ValueError, TypeError
            If X has the wrong shape or dtype, holds NaN or inf, or is empty.
        """
        return self.predict_checked(check_inputs(self, X, input_scale, rows=rows))

    def check_values(self, samples: Samples) -> None:
        """Raise a DataError unless all values that it would read of samples are such as it can."""
        self._passes.check(samples)

    def predict_checked(self, samples: Samples, *, logits: bool = False) -> Array:
        """Return the same for samples that have been checked; or the outputs' pre-activations."""
        return self._passes.predict(samples, logits=logits)

    def loss_and_gradients(
        self,
        X: npt.ArrayLike,
        Y: npt.ArrayLike,
        *,
        loss: str | None = None,
        dropout: float | Sequence[float] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        seed: Seed = None,
        input_scale: float = 1.0,
    ) -> tuple[float, Gradients]:
        """Return the loss over all samples as one batch, and its gradients.

        Parameters
        ----------
        X, Y, loss, dropout, sample_weight, input_scale
            As for `minisnn.train`.
        seed : int, SeedSequence or Generator, optional
            Of the dropout masks; by default fresh, and kept in the gradients.

        Returns
        -------
        loss : float
        gradients : Gradients

        Raises
        ------
        ValueError, TypeError
            If X or Y has the wrong shape or dtype, or holds NaN or inf, or an option is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> import minisnn as snn
        >>> graph = snn.topology.constant_degree(8, 3, degree=2, seed=0)
        >>> net = snn.MLP([graph], dtype=np.float64)
        >>> loss, gradients = net.loss_and_gradients(np.ones((4, 8)), [0, 1, 2, 0])
        >>> gradients.weights[0].shape, gradients.inputs.shape
        ((16,), (4, 8))
        """
        samples = check_samples(self, X, Y, input_scale, weights=sample_weight)
        known = check_loss(loss, self.output_activation, samples)
        rates = checks.check_dropout(dropout, len(self._layers))
        number = seed_of(seed)
        value, dW, dX = self._passes.differentiate(samples, loss=known, dropout=rates, seed=number)
        return value, Gradients.of(dW, dX, self.topologies, number)


def check_network(net: Any) -> MLP:
    """Return the network; raise where something else is taken for one."""
    return check_kind(net, MLP, "net")
