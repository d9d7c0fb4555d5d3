"""Sparse layers of PyTorch, and the dense ones with zeros that do the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from naive import random_structure

import minisnn as snn
from minisnn.torch import SparseLinear


def make(n_in: int = 20, n_out: int = 12, *, seed: int = 0, **options: Any) -> SparseLinear:
    """Return a layer whose graph has inputs without edges and outputs without edges."""
    rng = np.random.default_rng(seed)
    indptr, indices = random_structure(rng, n_in, n_out, 0.2, empty_rows=True)
    layer = SparseLinear(snn.Topology(n_in, n_out, indptr, indices), **options)
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    return layer


def twin(layer: SparseLinear) -> torch.nn.Linear:
    """Return the dense layer, with biases of 0 where there are none."""
    dense = torch.nn.Linear(layer.in_features, layer.out_features, dtype=layer.weight.dtype)
    sources, targets = torch.from_numpy(layer.topology.edges()).T
    with torch.no_grad():
        dense.weight.zero_()[targets, sources] = layer.weight
        dense.bias.zero_()
        if layer.bias is not None:
            dense.bias.copy_(layer.bias)
    return dense


def on_edges(layer: SparseLinear, matrix: torch.Tensor) -> torch.Tensor:
    """Return the entries of a matrix that belong to the edges of a layer."""
    sources, targets = torch.from_numpy(layer.topology.edges()).T
    return matrix[targets, sources]


def is_housed(module: Any) -> bool:
    """Return whether parameters are views of one vector, so that no call copies them."""
    return module._products.joined(module._ordered()) is module._products.vector
