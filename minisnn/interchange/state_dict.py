"""Networks from a state_dict of PyTorch, masked or not, without PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse

from ..arguments import as_array, check_kind, shown
from ..graph import Array, warn_of_dead_neurons
from ..mlp import MLP
from .weights import assemble, numbers

_ROLES = ("weight", "weight_orig", "weight_mask", "bias", "bias_orig", "bias_mask")


def from_state_dict(
    state: Mapping[str, Any],
    *,
    activation: str = "sigmoid",
    output_activation: str = "sigmoid",
) -> MLP:
    """Return the network that a PyTorch state_dict of linear layers describes.

    Layers come in the order in which the dict names them, as those of ``torch.nn.Sequential`` do:
    their numbers ascend. Files that sort names put "10" before "2", which is refused.
    What `torch.nn.utils.prune` makes is understood: where ``0.weight_mask`` is there, its ones are
    the edges, and ``0.weight_orig`` (or ``0.weight``) holds the weights. Without a mask, zeros are
    no edges.

    Parameters
    ----------
    state : mapping of str to array
        ``"NAME.weight"``, shape (n_out, n_in) as PyTorch has it, and ``"NAME.bias"``, shape
        (n_out,), if there are biases. Arrays, or dense tensors on the CPU; NumPy has no bfloat16:
        pass ``tensor.float()``.
    activation, output_activation : str
        As for `MLP`: a state_dict does not tell. A PyTorch network of classes usually ends in a
        ``Linear`` whose outputs are logits: take "identity" for the same outputs, or "softmax"
        for probabilities.

    Returns
    -------
    MLP
        In float32 where all arrays are float32 or float16, else in float64.

    Raises
    ------
    TypeError, ValueError
        As `from_weights`, and where the dict holds anything else than linear layers, or numbered
        layers in another order than that of their numbers.

    Warns
    -----
    DeadNeuronWarning
        Where a hidden or output neuron has no input, or a hidden one no output.

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
    layers: dict[str, dict[str, Array]] = {}
    for key, value in check_kind(state, Mapping, "state").items():
        prefix, _, role = str(key).rpartition(".")
        if role not in _ROLES:
            raise ValueError(
                f"a state_dict of linear layers has only weights and biases, got {shown(key)}; "
                f"take out what is not of the form NAME.weight, and NAME.bias"
            )
        layers.setdefault(prefix, {})[role] = as_array(value, key)
    _check_order(layers)
    parts = [_layer(prefix, roles) for prefix, roles in layers.items()]
    net = assemble(parts, activation, output_activation)
    warn_of_dead_neurons(net.topologies)
    return net


def _check_order(names: Iterable[str]) -> None:
    """Raise where numbered layers do not ascend: the dict's order is not the network's."""
    for first, second in pairwise(names):
        words = zip(first.split("."), second.split("."), strict=False)
        left, right = next((pair for pair in words if pair[0] != pair[1]), ("", ""))
        if left.isdecimal() and right.isdecimal() and int(left) > int(right):
            raise ValueError(
                f"the state_dict has layer {shown(first)} before layer {shown(second)}, as files "
                "that sort names do; pass a dict with the layers in the network's order"
            )


def _layer(prefix: str, roles: dict[str, Array]) -> tuple[Any, Array | None]:
    where = f"{prefix}." if prefix else ""
    weights, mask = _values(where, roles, "weight"), _mask(where, roles, "weight")
    if weights is None:
        raise ValueError(f"the state_dict has {where}{min(roles)}, but no {where}weight")
    if weights.ndim != 2:
        raise ValueError(
            f"{where}weight must have shape (n_out, n_in), got {weights.shape}: no linear layer"
        )
    biases, bias_mask = _values(where, roles, "bias"), _mask(where, roles, "bias")
    if biases is not None and bias_mask is not None:
        biases = np.where(bias_mask, biases, 0)
    if mask is None:
        return weights.T, biases
    rows, columns = np.nonzero(mask)
    values = numbers(weights[rows, columns], f"{where}weight")
    return scipy.sparse.coo_array((values, (columns, rows)), weights.T.shape), biases


def _values(where: str, roles: dict[str, Array], name: str) -> Array | None:
    values = roles.get(f"{name}_orig", roles.get(name))
    if f"{name}_orig" in roles and (name in roles or f"{name}_mask" not in roles):
        raise ValueError(
            f"{where}{name}_orig comes with {where}{name}_mask and without {where}{name}; "
            f"got {', '.join(where + role for role in roles)}"
        )
    return values


def _mask(where: str, roles: dict[str, Array], name: str) -> Array | None:
    """Return a mask, which must be one: of 0 and 1, and of its values' shape."""
    mask, values = roles.get(f"{name}_mask"), _values(where, roles, name)
    if mask is None or values is None:
        return None
    if mask.shape != values.shape or not ((mask == 0) | (mask == 1)).all():
        raise ValueError(
            f"{where}{name}_mask must hold 0 and 1 in the shape {values.shape} of what it masks, "
            f"got shape {mask.shape}"
        )
    return mask
