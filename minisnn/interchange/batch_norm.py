"""Batch normalisation, folded into the weights of linear layers.

With the statistics of its training, a trained normalisation is a factor and a summand for each
neuron, y = s x + t with s = γ / √(variance + ε) and t = β - mean s. Before an activation they go
into the layer whose sums they change, W s and b s + t; after it into the layer that reads them,
which then has s W and b + t W. Source: S. Ioffe, C. Szegedy 2015, arXiv:1502.03167, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.messages import shown
from .layer_order import numbers_in
from .weights import numbers

BEFORE, AFTER = POSITIONS = ("before", "after")

_ADVICE = (
    "Name the parts as torch.nn.Sequential does: 0 a linear layer, 1 its normalisation, 2 the "
    "activation, 3 the next linear layer and so on; or fold it in PyTorch, by "
    "torch.nn.utils.fusion.fuse_linear_bn_eval"
)


@dataclass
class Linear:
    """A linear layer, y = x W + b.

    Parameters
    ----------
    weights : sparse array in COO format, shape (n_in, n_out)
        Each entry is an edge.
    biases : array, shape (n_out,)
    """

    weights: scipy.sparse.coo_array
    biases: Array

    def scale_outputs(self, factors: Array, summands: Array) -> None:
        """Let the layer compute s y + t."""
        values, (_, targets) = self.weights.data, self.weights.coords
        self._replace(values * factors[targets], self.biases * factors + summands)

    def scale_inputs(self, factors: Array, summands: Array) -> None:
        """Fold the map s x + t of the inputs x into the layer."""
        values, (sources, _) = self.weights.data, self.weights.coords
        self._replace(values * factors[sources], self.biases + summands @ self.weights)

    def _replace(self, values: Array, biases: Array) -> None:
        """Take other weights and biases, in the precision of those before."""
        dtype, edges = self.weights.dtype, self.weights.coords
        self.weights = scipy.sparse.coo_array((values.astype(dtype), edges), self.weights.shape)
        self.biases = biases.astype(self.biases.dtype)


def is_norm(roles: Mapping[str, Array]) -> bool:
    """Return whether entries of a state_dict are those of a batch normalisation."""
    return not roles.keys().isdisjoint({"running_mean", "running_var", "num_batches_tracked"})


def factors_and_summands(name: str, roles: Mapping[str, Array], eps: float) -> tuple[Array, Array]:
    """Return s and t, float64[n_neurons].

    Raises
    ------
    TypeError, ValueError
        If statistics are missing, or arrays are no vectors of one length, or hold anything else
        than finite numbers and variances from 0.
    """
    where = f"{name}." if name else ""
    known = {"running_mean", "running_var", "weight", "bias", "num_batches_tracked"}
    if not {"running_mean", "running_var"} <= roles.keys() <= known:
        raise ValueError(
            "a batch normalisation has running_mean and running_var, and may have weight, bias "
            f"and num_batches_tracked, got {', '.join(where + role for role in roles)}"
        )
    shape = roles["running_mean"].shape
    vectors = {
        role: numbers(roles[role], f"{where}{role}").astype(np.float64)
        for role in sorted(roles.keys() - {"num_batches_tracked"})
    }
    for role, vector in vectors.items():
        if len(shape) != 1 or vector.shape != shape:
            raise ValueError(
                f"{where}{role} must have shape (n_neurons,), as all of a batch normalisation, got "
                f"{vector.shape}, with {where}running_mean of shape {shape}"
            )
    mean, variance = vectors["running_mean"], vectors["running_var"]
    if (variance < 0).any() or not (variance + eps > 0).all():
        raise ValueError(f"{where}running_var must be above 0 with eps added, got {variance.min()}")
    factors = vectors.get("weight", np.ones(shape)) / np.sqrt(variance + eps)
    return factors, vectors.get("bias", np.zeros(shape)) - mean * factors


@dataclass(frozen=True)
class Place:
    """Layer and side that a normalisation acts on.

    Parameters
    ----------
    layer : str or None
        The linear layer that it follows; None if it changes the inputs of the network.
    position : str or None
        "before" or "after" the activation of that layer, None if names do not show it.
    """

    layer: str | None
    position: str | None = None


def fold(
    layers: Mapping[str, Linear],
    norms: Mapping[str, tuple[Array, Array]],
    places: Mapping[str, Place],
    position: str | None,
    activations: Sequence[str],
) -> None:
    """Fold the normalisations into the layers.

    Parameters
    ----------
    layers : mapping of str to Linear
        In the network's order; they are changed.
    norms : mapping of str to (factors, summands)
    places : mapping of str to Place
        For each normalisation, those of one layer in their order.
    position : str or None
        Position of normalisations whose names do not show it.
    activations : sequence of str
        Of each layer.

    Raises
    ------
    ValueError
        If a normalisation has another width than what it follows, its position is ambiguous, or no
        layer after it could hold it.
    """
    order = list(layers)
    into_next = []
    for name, place in places.items():
        follows = -1 if place.layer is None else order.index(place.layer)
        before = follows >= 0 and _is_before(name, place, position, activations[follows])
        if not before and follows == len(order) - 1:
            raise ValueError(
                f"the batch normalisation {shown(name)} stands after the activation of the "
                "outputs, with no layer behind it to hold it; only one before it can be folded"
            )
        layer = layers[order[follows if before else follows + 1]]
        width = layer.weights.shape[1 if before else 0]
        if len(norms[name][0]) != width:
            what = "the inputs" if place.layer is None else f"layer {shown(place.layer)}"
            raise ValueError(
                f"the batch normalisation {shown(name)} has {len(norms[name][0])} neurons, "
                f"but {what} before it {width}"
            )
        if before:
            layer.scale_outputs(*norms[name])
        else:
            into_next.append((layer, norms[name]))
    for layer, (factors, summands) in reversed(into_next):  # of two, the layer reads the second
        layer.scale_inputs(factors, summands)


def _is_before(name: str, place: Place, position: str | None, activation: str) -> bool:
    if place.position and position and place.position != position:
        raise ValueError(
            f"batch_norm is {position!r}, but the batch normalisation {shown(name)} stands "
            f"{place.position} the activation, by the numbers in the names; leave batch_norm away"
        )
    if activation == "identity":  # then the position makes no difference
        return True
    if not (place.position or position):
        raise ValueError(
            f"the names do not tell if the batch normalisation {shown(name)} stands before or "
            f"after the activation of layer {shown(place.layer)}: pass batch_norm='before' "
            "(linear, normalisation, activation) or 'after' (linear, activation, normalisation)"
        )
    return BEFORE in (place.position, position)


def find_places(
    norms: Sequence[str], order: Sequence[str], names: list[str], is_sorted: bool
) -> dict[str, Place]:
    """Return where normalisations stand, by the names of all parts.

    Parameters
    ----------
    norms, order : sequence of str
        Names of the normalisations, and of the linear layers in the network's order.
    names : list of str
        Of all these, in the dictionary's order.
    is_sorted : bool
        Whether that order says nothing.

    Raises
    ------
    ValueError
        If the names do not tell which layer a normalisation follows.
    """
    places = {}
    for name in sorted(norms, key=numbers_in):
        place = _by_index(name, norms, order) or _by_number(name, norms, order, names, is_sorted)
        if place is None:
            raise ValueError(
                "the names do not tell which linear layer the batch normalisation "
                f"{shown(name)} follows; the linear layers are {', '.join(map(shown, order))}. "
                f"{_ADVICE}"
            )
        places[name] = place
    return places


def _by_index(name: str, norms: Sequence[str], order: Sequence[str]) -> Place | None:
    """Return the place of a module in a Sequential, whose modules have their index for a name.

    Modules in between that have no state are activations, or dropout.
    """
    parent, _, index = name.rpartition(".")
    if not index.isdecimal():
        return None
    there: dict[int, str] = {}
    for other in (*norms, *order):
        start, _, end = other.rpartition(".")
        if start == parent and end.isdecimal():
            there[int(end)] = other
    here = int(index)
    layers = [n for n in there if there[n] in order]
    last = max((n for n in layers if n < here), default=None)
    following = min((n for n in layers if n > here), default=None)
    touches_next = following is not None and all(n in there for n in range(here, following))
    if last is None:  # it may be the first of all
        return Place(None) if touches_next and there[following or 0] == order[0] else None
    touches_last = all(n in there for n in range(last, here))
    if touches_last == touches_next:  # nothing says where the activation is
        return Place(there[last])
    return Place(there[last], BEFORE if touches_last else AFTER)


def _by_number(
    name: str, norms: Sequence[str], order: Sequence[str], names: list[str], is_sorted: bool
) -> Place | None:
    """Return the place of a module that has the numbers of one layer, or stands behind one alone.

    Not of "norm" in "first, second, norm, last", which may be that of both.
    """
    numbers_of = {other: numbers_in(other) for other in names}
    here = names.index(name)
    if numbers_of[name]:
        alike = [layer for layer in order if numbers_of[layer] == numbers_of[name]]
        twins = [norm for norm in norms if numbers_of[norm] == numbers_of[name]]
        if len(alike) == len(twins) == 1 and (is_sorted or names.index(alike[0]) < here):
            return Place(alike[0])
        return None
    before = [other in order for other in names[max(here - 2, 0) : here]]
    is_alone = before in ([True], [False, True]) and names[here - 1] != order[-1]
    return Place(names[here - 1]) if is_alone and not is_sorted else None
