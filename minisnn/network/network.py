"""Networks of any acyclic wiring, whose neurons have names."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import as_array, as_list, check_kind
from .._support.checksums import checksum
from .._support.columns import Names, if_texts
from .._support.extras import require
from .._support.messages import counted, few, shown
from .._support.seeds import Seed, seed_of
from ..kernels.functions.normalisation import EPSILON
from ..wiring.graph import Wiring
from .base import SparseNetwork
from .batch_norm import BatchNorm, BatchNorms, check_batch_norm
from .display import network_html
from .hierarchy import structure_of
from .initializers import check_rule, hierarchy_parameters
from .layer import HIDDEN, PRECISIONS, check_activations, check_precision
from .samples import check_inputs
from .topology_warnings import warn_of_dead_ends

_MOST_LEVELS = 8  # that are listed


class Network(SparseNetwork):
    """A network of any acyclic wiring between named neurons.

    It is to `minisnn.wiring.Wiring` as `MLP` is to a list of topologies: a weight on each edge, a
    bias on each neuron that is no input. Edges may skip levels, and outputs may stand at any level.
    Functions that train, predict with or evaluate an `MLP` take it, too.

    Parameters
    ----------
    wiring : Wiring
        Named terms and their edges; see `minisnn.wiring`. If it has weights, the network begins
        with these.
    activation : {"sigmoid", "tanh", "relu", "leaky_relu", "identity"}, or a sequence
        Activation of the neurons that are no outputs; or one for each level beside the inputs.
    output_activation : {"sigmoid", "tanh", "relu", "leaky_relu", "identity", "softmax"}
        Activation of the outputs, at whatever level. A softmax needs all of them in the last one.
    seed : int, SeedSequence or Generator, optional
        Of the initial weights; by default fresh, and kept in `Network.seed`.
    initializer : str, or a sequence
        Distribution of the initial weights, as for `MLP`; or one for each level.
    batch_norm : bool, BatchNorm, or a sequence
        Whether the sums of neurons that are no outputs are normalised, and how; or one for each
        level.
    fan : {"degree", "width"}
        Count of the fans: the edges of a neuron, from any level and to any; or the widths of the
        levels at both ends of an edge.
    dtype : {float32, float64}
        Precision of weights and activations.

    Raises
    ------
    ValueError, TypeError
        If an option is unknown, or does not fit the wiring.

    Warns
    -----
    DeadNeuronWarning
        If no output depends on some of the terms.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> edges = [("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("p", "case"), ("q", "case")]
    >>> wiring = snn.wiring.from_edges([*edges, ("c", "case")], outputs=["case"])
    >>> net = snn.Network(wiring.with_units(2), activation="tanh", seed=0)
    >>> net
    Network(3 inputs -> 4 -> 1, 13 connections, 5 biases, float32, tanh, sigmoid, seed=0)
    >>> X = np.eye(3)
    >>> net.predict(X).shape, net.activations(X)["p"].shape
    ((3, 1), (3, 2))
    """

    def __init__(
        self,
        wiring: Wiring,
        *,
        activation: str | Sequence[str] = "sigmoid",
        output_activation: str = "sigmoid",
        seed: Seed = None,
        initializer: str | Sequence[str] = "glorot_normal",
        fan: str = "degree",
        batch_norm: BatchNorms = False,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        rules = _per_level(initializer, "initializer", check_kind(wiring, Wiring, "wiring"))
        for rule in rules:
            check_rule(rule, fan)
        precision, number = check_precision(dtype), seed_of(seed)
        activations = _check_activations(activation, output_activation, wiring)
        normals = check_batch_norm(batch_norm, wiring.n_levels)
        structure = structure_of(wiring, activations, output_activation, normals)
        parameters = hierarchy_parameters(structure, rules, fan, number, precision, wiring.weights)
        super().__init__(structure, parameters, output_activation, number)
        self._wiring, self._activations, self._normals = wiring, activations, normals
        warn_of_dead_ends(wiring)

    @classmethod
    def from_parameters(
        cls,
        wiring: Wiring,
        parameters: Array,
        activation: str | Sequence[str] = "sigmoid",
        output_activation: str = "sigmoid",
        seed: int | None = None,
        batch_norm: BatchNorms = False,
    ) -> Network:
        """Return the network that has these parameters.

        Parameters
        ----------
        wiring : Wiring
            Its terms and edges.
        parameters : array of float32 or float64, shape (n_parameters,)
            In the order of `Network.parameters`; copied.
        activation, output_activation, batch_norm
            As for `Network`.
        seed : int, optional
            Seed of the initial weights, if it is known.

        Returns
        -------
        Network

        Raises
        ------
        ValueError, TypeError
            If the vector has the wrong length or dtype for the wiring, or an activation is unknown.
        """
        activations = _check_activations(
            activation, output_activation, check_kind(wiring, Wiring, "wiring")
        )
        normals = check_batch_norm(batch_norm, wiring.n_levels)
        structure = structure_of(wiring, activations, output_activation, normals)
        vector = as_array(parameters, "parameters")
        if vector.shape != (structure.n_parameters,) or vector.dtype not in PRECISIONS:
            raise ValueError(
                f"this wiring needs a float32 or float64 vector of {structure.n_parameters} "
                f"parameters, got {vector.dtype} of shape {vector.shape}"
            )
        net = cls.__new__(cls)
        number = None if seed is None else seed_of(seed)
        SparseNetwork.__init__(net, structure, vector.copy(), output_activation, number)
        net._wiring, net._activations, net._normals = wiring, activations, normals
        return net

    def __reduce__(self) -> tuple[Any, ...]:
        about = self._activations, self._output_activation, self._seed, self.batch_norm
        return Network.from_parameters, (self._wiring, self._parameters, *about)

    # Attributes

    @property
    def wiring(self) -> Wiring:
        """Its terms and their edges."""
        return self._wiring

    @property
    def activation(self) -> str | tuple[str, ...]:
        """Activation of the neurons that are no outputs; one for each level if they differ."""
        return self._activations[0] if len(set(self._activations)) == 1 else self._activations

    @property
    def batch_norm(self) -> tuple[bool | BatchNorm, ...]:
        """Batch normalisation of each level, False where there is none."""
        return tuple([normal is not None and BatchNorm(*normal) for normal in self._normals])

    @property
    def input_names(self) -> Names | None:
        """Names of its inputs, if they are texts. Columns of frames are matched by any names."""
        return if_texts(self._wiring.inputs)

    @input_names.setter
    def input_names(self, names: Sequence[str] | None) -> None:
        _check_names(names, self.input_names, self._wiring.inputs, "input_names")

    @property
    def output_names(self) -> Names | None:
        """Names of its outputs, if they are texts, each of one neuron."""
        return if_texts(self._wiring.output_neurons)

    @output_names.setter
    def output_names(self, names: Sequence[str] | None) -> None:
        _check_names(names, self.output_names, self._wiring.output_neurons, "output_names")

    def fingerprint(self) -> str:
        """Return a line that tells it from others, whatever its weights."""
        wiring = self._wiring
        edges = checksum([wiring.indptr, wiring.indices, wiring.row_starts])
        normal = f"{self.batch_norm}, " * any(self._normals)
        names = f"{zlib.crc32(repr((wiring.terms, wiring.outputs)).encode()):08x}"
        return f"Network({self._about()}), {normal}wired {edges}, named {names}"

    def place_of(self, group: int) -> str:
        """Return a phrase for where a group of its structure stands."""
        found = self.structure.groups[group]
        alone = len(self.structure.levels[found.level - 1]) == 1
        return f"level {found.level}" + ("" if alone or found.output is None else "'s outputs")

    def _about(self) -> str:
        wiring = self._wiring
        widths = np.diff(wiring.level_starts).tolist()
        if len(widths) > _MOST_LEVELS:
            widths = [*widths[: _MOST_LEVELS - 2], "...", widths[-1]]
        shape = " -> ".join([f"{counted(widths[0], 'input')}", *map(str, widths[1:])])
        n_biases = wiring.n_neurons - wiring.n_inputs
        functions = dict.fromkeys([*self._activations[:-1], self._output_activation])
        words = [f"{self.n_connections} connections", f"{n_biases} biases", str(self.dtype)]
        words += functions if [*functions] != ["sigmoid"] else []
        return ", ".join([shape, *words, *["batch norm"] * any(self._normals)])

    def __repr__(self) -> str:
        return f"Network({self._about()}{'' if self._seed is None else f', seed={self._seed}'})"

    def _repr_html_(self) -> str:
        return network_html(repr(self), self.structure, self.place_of)

    # Passes

    def activations(
        self, X: npt.ArrayLike, *, input_scale: float = 1.0, rows: npt.ArrayLike | None = None
    ) -> dict[Hashable, Array]:
        """Return the activations of all terms but the inputs, computed in batches.

        Parameters
        ----------
        X, input_scale, rows
            As for `predict`.

        Returns
        -------
        dict of arrays
            By name of the term, level by level: (samples, units) each, views of one array of
            (samples, neurons).

        Raises
        ------
        ValueError, TypeError
            If X has the wrong shape or dtype, holds NaN or inf, or is empty.
        """
        samples = check_inputs(self, X, input_scale, rows=rows)
        values, wiring = self._passes.activations(samples), self._wiring
        starts = (wiring.row_starts - wiring.n_inputs).tolist()
        return {
            name: values[:, starts[place] : starts[place + 1]]
            for place, name in enumerate(wiring.terms)
            if place >= wiring.n_inputs
        }

    def weights_frame(self) -> Any:
        """Return the weights as a DataFrame with columns source, target, weight: a row per edge.

        Terms of several units stand as (name, unit).

        Raises
        ------
        ImportError
            If pandas (extra ``pandas``) is missing.
        """
        pandas = require("pandas", "pandas", "a DataFrame of weights")
        wiring, names = self._wiring, _objects(self._wiring.neuron_names())
        targets = np.repeat(np.arange(wiring.n_neurons), np.diff(wiring.indptr))
        parts = [self.structure.parts(self._parameters, n)[0] for n, _ in self.structure.summing]
        columns = {"source": names[wiring.indices], "target": names[targets]}
        return pandas.DataFrame({**columns, "weight": np.concatenate(parts)})

    def biases_frame(self) -> Any:
        """Return the biases as a DataFrame with columns target, bias: a row per neuron.

        With batch normalisation the bias is the shift, and there are columns scale, mean and
        variance: gains and running moments, NaN where there is none.

        Raises
        ------
        ImportError
            If pandas (extra ``pandas``) is missing.
        """
        pandas = require("pandas", "pandas", "a DataFrame of biases")
        names = _objects(self._wiring.neuron_names())[self._wiring.n_inputs :]
        parts = [self.structure.parts(self._parameters, n)[1] for n, _ in self.structure.summing]
        columns = {"target": names, "bias": np.concatenate(parts)}
        if any(self._normals):
            columns |= zip(("scale", "mean", "variance"), self._moments(), strict=True)
        return pandas.DataFrame(columns)

    def _moments(self) -> Array:
        """Return gains, running means and running variances of all neurons, NaN for none."""
        structure = self.structure
        values = np.full((3, structure.n_rows), np.nan, self.dtype)
        for number, group in structure.summing:
            if group.normal is not None:
                rows = slice(structure.rows[number], structure.rows[number + 1])
                values[:, rows] = structure.normal_parts(self._parameters, number)
        return values[:, structure.n_inputs :]

    def folded(self) -> Network:
        """Return the network without batch normalisation that predicts the same.

        With the gains g, shifts, running means m and running variances v of a level, its weights
        are multiplied by g / sqrt(v + epsilon), and its biases are its shifts less m times that.

        Returns
        -------
        Network
            Itself, if it has no batch normalisation.
        """
        if not any(self._normals):
            return self
        structure = self.structure
        parts = []
        for number, group in structure.summing:
            weights, biases = structure.parts(self._parameters, number)
            if group.normal is not None:
                moments = structure.normal_parts(self._parameters, number)
                gains, means, variances = (part.astype(np.float64) for part in moments)
                with np.errstate(all="ignore"):  # after a training that diverged
                    factors = gains / np.sqrt(variances + EPSILON)
                    weights = weights * np.repeat(factors, np.diff(group.graph.rows()[0]))
                    biases = biases - factors * means
            parts += [weights, biases]
        about = self._activations, self._output_activation, self._seed
        vector = np.concatenate(parts).astype(self.dtype)
        return Network.from_parameters(self._wiring, vector, *about)


def _per_level(value: Any, name: str, wiring: Wiring) -> tuple[str, ...]:
    """Return one text for each level, from a single one or a sequence."""
    if isinstance(value, str):
        return (value,) * wiring.n_levels
    values = tuple(as_list(value, name, "names, one for each level"))
    if len(values) != wiring.n_levels:
        raise ValueError(
            f"{name} must be one name, or one for each of the {wiring.n_levels} levels; "
            f"got {len(values)}"
        )
    return values


def _check_activations(
    activation: str | Sequence[str], output_activation: str, wiring: Wiring
) -> tuple[str, ...]:
    """Return the activation of each level, if neurons and outputs can have these."""
    activations = _per_level(activation, "activation", wiring)
    for name in activations:
        check_activations(name, output_activation, len(wiring.output_neurons))
    inner = [name for name in wiring.outputs if wiring.level_of[name] < wiring.n_levels]
    if output_activation not in HIDDEN and inner:
        raise ValueError(
            f"a {output_activation} needs all outputs in the last level, got {shown(inner[0])} in "
            f"level {wiring.level_of[inner[0]]} of {wiring.n_levels}; take "
            "output_activation='sigmoid'"
        )
    return activations


def _check_names(names: Any, own: Names | None, labels: Sequence[Hashable], what: str) -> None:
    """Raise where names that are set are others than those of the wiring, texts or not."""
    if names is own:
        return
    given = as_list(names, what, "names")
    if given != list(labels):
        raise ValueError(
            f"{what} of a Network are those of its wiring, {few(labels)}; got {few(given)}. "
            "Make the wiring with other names"
        )


def _objects(names: Sequence[Hashable]) -> Array:
    """Return names as an array of objects: also those that are tuples."""
    return np.fromiter(names, dtype=object, count=len(names))


def check_hierarchy(net: Any) -> Network:
    """Return the network, if it is one of a wiring."""
    return check_kind(net, Network, "net")
