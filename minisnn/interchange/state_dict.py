"""Networks from a state_dict of PyTorch, masked or not, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import as_array, check_choice, check_kind, check_number
from .._support.messages import shown
from ..network.layer import check_activations
from ..network.mlp import MLP
from ..network.topology_warnings import warn_of_graphs
from . import batch_norm as normalisation
from .batch_norm import Linear
from .layer_order import in_order
from .weights import assemble, numbers

_ROLES = ("weight", "weight_orig", "weight_mask", "bias", "bias_orig", "bias_mask")
_OF_NORMS = ("running_mean", "running_var", "num_batches_tracked")

_ELSEWHERE = {
    "lora_": "LoRA's matrices, which are added to others; merge them (in peft: merge_and_unload())",
    "parametrizations": "a parametrisation's; call "
    "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')",
    "weight_g": "weight normalisation's; call torch.nn.utils.remove_weight_norm(layer)",
    "weight_u": "spectral normalisation's; call torch.nn.utils.remove_spectral_norm(layer)",
}
"""Prefixes of keys that do not belong to linear layers, with what to do before state_dict()."""


def from_state_dict(
    state: Mapping[str, Any],
    *,
    activation: str = "sigmoid",
    output_activation: str = "sigmoid",
    batch_norm: str | None = None,
    batch_norm_eps: float = 1e-5,
) -> MLP:
    """Return the network that a PyTorch state_dict of linear layers describes.

    Layers come in the order of the dict, in which the module declares them. If a file has sorted
    the keys, or the numbers in names speak against it ("fc10" before "fc2"), they come in the order
    of these numbers. An ambiguous order is an error.

    The output of `torch.nn.utils.prune` is supported: if ``0.weight_mask`` exists, its ones are the
    edges, and ``0.weight_orig`` (or ``0.weight``) holds the weights. Without a mask, zeros are not
    edges.

    A ``BatchNorm1d``, with the statistics of its training, is folded into weights and biases: one
    before the activation into its own layer, one after it into the next. The indices of a
    ``Sequential`` show which it is: 0, 1, 3 (linear, normalisation, linear) has room for an
    activation after the normalisation, 0, 2, 3 before it. Other names ("fc1", "bn1") do not.

    A state_dict is incomplete. It has no activations, no layers without state, and no operations
    between layers, such as skip connections: compare a few predictions.

    Parameters
    ----------
    state : mapping of str to array
        ``"NAME.weight"``, shape (n_out, n_in) as PyTorch has it, and ``"NAME.bias"``, shape
        (n_out,), if there are biases. Arrays, or dense tensors on the CPU; NumPy has no bfloat16:
        pass ``tensor.float()``.
    activation, output_activation : str
        As for `MLP`. A PyTorch network of classes usually ends in a ``Linear`` whose outputs are
        logits: take "identity" for the same outputs, or "softmax" for probabilities.
    batch_norm : {"before", "after"}, optional
        Position of normalisations whose names do not show it: before or after the activation.
    batch_norm_eps : float
        Number that PyTorch adds to variances, ``eps`` of ``BatchNorm1d``: it is not in the dict.

    Returns
    -------
    MLP
        In float32 if weights and biases are float32 or float16, else in float64.

    Raises
    ------
    TypeError, ValueError
        If `from_weights` would raise it. If the dict holds anything but linear layers and batch
        normalisation, such as layer normalisation or LoRA; the message says what to do. If the
        order of layers, or the place of a normalisation, cannot be determined. If a normalisation
        follows the activation of the outputs.

    Warns
    -----
    DeadNeuronWarning
        If a hidden or output neuron has no input, or a hidden one no output.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> weights = np.array([[0.3, 0.1, 0.7], [0.2, 0.9, 0.4]], dtype=np.float32)
    >>> mask = np.array([[1, 0, 1], [0, 1, 0]], dtype=np.float32)
    >>> state = {"0.weight_orig": weights, "0.weight_mask": mask}
    >>> snn.from_state_dict(state, activation="relu", output_activation="identity")
    MLP(3 -> 2, 3 connections, 2 biases, float32, relu, identity)
    """
    if batch_norm is not None:
        check_choice(batch_norm, "batch_norm", normalisation.POSITIONS)
    eps = check_number(batch_norm_eps, "batch_norm_eps", 0)
    parts: dict[str, dict[str, Array]] = {}
    for key, value in check_kind(state, Mapping, "state").items():
        prefix, _, role = _check_key(key, value).rpartition(".")
        parts.setdefault(prefix, {})[role] = as_array(value, key)
    keys = [key for key in state if not key.endswith(_OF_NORMS[-1])]
    is_sorted = keys == sorted(keys)
    norms = {
        name: normalisation.factors_and_summands(name, roles, eps)
        for name, roles in parts.items()
        if normalisation.is_norm(roles)
    }
    found = {name: _layer(name, roles) for name, roles in parts.items() if name not in norms}
    order = in_order({name: layer.weights.shape for name, layer in found.items()}, is_sorted)
    layers = {name: found[name] for name in order}
    if norms:
        check_activations(activation, output_activation, 2)
        places = normalisation.find_places(list(norms), order, list(parts), is_sorted)
        activations = [activation] * (len(order) - 1) + [output_activation]
        normalisation.fold(layers, norms, places, batch_norm, activations)
    pairs = [(layer.weights, layer.biases) for layer in layers.values()]
    net = assemble(pairs, activation, output_activation)
    warn_of_graphs(net.topologies)
    return net


def _check_key(key: Any, value: Any) -> str:
    """Return a key, if it is one of a linear layer or a batch normalisation."""
    words = check_kind(key, str, "a key of the state_dict").split(".")
    if isinstance(value, Mapping):
        raise ValueError(
            f"the state_dict must hold arrays, got a mapping as {shown(key)}; pass the state_dict "
            f"in it, such as state[{shown(key)}]"
        )
    for beginning, advice in _ELSEWHERE.items():
        if any(word.startswith(beginning) for word in words):
            raise ValueError(f"{shown(key)} in the state_dict is {advice} before state_dict()")
    if words[-1] not in (*_ROLES, *_OF_NORMS):
        raise ValueError(
            f"a state_dict of linear layers has weights, biases and batch normalisation, got "
            f"{shown(key)}. Only take out what predictions do not depend on"
        )
    return key


def _layer(prefix: str, roles: dict[str, Array]) -> Linear:
    where = f"{prefix}." if prefix else ""
    weights, mask = _values(where, roles, "weight"), _mask(where, roles, "weight")
    if weights is None:
        raise ValueError(f"the state_dict has {where}{min(roles)}, but no {where}weight")
    if weights.ndim != 2:
        of = ", but of LayerNorm, PReLU or the like, which no weights can hold"
        raise ValueError(
            f"{where}weight must have shape (n_out, n_in), got {weights.shape}: no linear layer"
            f"{of * (weights.ndim == 1)}"
        )
    rows, columns = np.nonzero(weights if mask is None else mask)
    values = numbers(weights[rows, columns], f"{where}weight")
    n_out, n_in = weights.shape
    biases, bias_mask = _values(where, roles, "bias"), _mask(where, roles, "bias")
    if biases is None:
        biases = np.zeros(n_out, np.float32)
    elif bias_mask is not None:
        biases = np.where(bias_mask, biases, 0)
    biases = numbers(biases, f"{where}bias")
    if biases.shape != (n_out,):
        transposed = f"; if {where}weight is (n_in, n_out), pass its transpose"
        raise ValueError(
            f"{where}bias must have shape (n_out,) = ({n_out},), got {biases.shape}"
            f"{transposed * (biases.shape == (n_in,))}"
        )
    return Linear(scipy.sparse.coo_array((values, (columns, rows)), (n_in, n_out)), biases)


def _values(where: str, roles: dict[str, Array], name: str) -> Array | None:
    values = roles.get(f"{name}_orig", roles.get(name))
    if f"{name}_orig" in roles and (name in roles or f"{name}_mask" not in roles):
        raise ValueError(
            f"{where}{name}_orig comes with {where}{name}_mask and without {where}{name}; "
            f"got {', '.join(where + role for role in roles)}"
        )
    return values


def _mask(where: str, roles: dict[str, Array], name: str) -> Array | None:
    """Return a mask; raise unless it is of 0 and 1 and has the shape of its values."""
    mask, values = roles.get(f"{name}_mask"), _values(where, roles, name)
    if mask is None or values is None:
        return None
    if mask.shape != values.shape or not ((mask == 0) | (mask == 1)).all():
        raise ValueError(
            f"{where}{name}_mask must hold 0 and 1 in the shape {values.shape} of what it masks, "
            f"got shape {mask.shape}"
        )
    return mask
