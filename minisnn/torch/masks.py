"""Dense layers with masks on their weights, such as those that PyTorch has pruned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .._support.checks import as_array, check_kind
from ..topology.from_data import from_dense
from ..topology.graph import Topology


@dataclass(frozen=True)
class Masked:
    """The edges and weights that a mask leaves of a dense layer."""

    topology: Topology
    weights: torch.Tensor  # of the edges, in their order
    bias: torch.Tensor | None
    trains_weights: bool
    trains_bias: bool


def masked_weights(linear: Any, mask: Any) -> Masked:
    """Return the graph of a mask and the weights on its edges; see `SparseLinear.from_masked`."""
    check_kind(linear, torch.nn.Linear, "linear")
    weight, pruned = _original(linear, "weight")
    bias, bias_mask = _original(linear, "bias")
    if mask is None:
        if pruned is None:
            raise ValueError(
                "linear has no mask; pass one of shape (n_out, n_in), such as linear.weight != 0, "
                "or a layer pruned by torch.nn.utils.prune"
            )
        mask = pruned
    elif pruned is not None:
        raise ValueError(
            "linear is pruned and has a mask of its own; leave mask out, or call "
            "torch.nn.utils.prune.remove(linear, 'weight') first"
        )
    if isinstance(mask, torch.Tensor):
        mask = mask.detach().cpu().numpy()
    shape, array = tuple(weight.shape), as_array(mask, "mask")
    if array.shape != shape:
        turned = "; transpose it" if array.T.shape == shape else ""
        raise ValueError(
            f"mask must have the shape of linear.weight, (n_out, n_in) = {shape}, "
            f"got {array.shape}{turned}"
        )
    graph = from_dense(array.T)
    sources, targets = torch.from_numpy(graph.edges().astype(np.int64)).T
    if bias is not None:
        trains_bias, bias = bias.requires_grad, bias.detach().cpu()
        bias = bias if bias_mask is None else bias * bias_mask.cpu()
    return Masked(
        topology=graph,
        weights=weight.detach().cpu()[targets, sources],
        bias=bias,
        trains_weights=weight.requires_grad,
        trains_bias=bias is not None and trains_bias,
    )


def _original(linear: Any, name: str) -> tuple[Any, Any]:
    """Return a parameter, and its mask if it is pruned; then the parameter is what is trained."""
    mask = getattr(linear, f"{name}_mask", None)
    return getattr(linear, name if mask is None else f"{name}_orig"), mask
