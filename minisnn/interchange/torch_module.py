"""Networks as modules of PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._support.extras import require
from ..network.layer import Layer
from ..network.mlp import MLP, check_mlp
from .activations import ACTIVATIONS, activations_of


def to_torch(net: MLP) -> Any:
    """Return the network as a ``torch.nn.Sequential`` for predictions.

    Made of PyTorch's own ``Linear`` and activations. A sparse layer's weight is a CSR tensor, kept
    as a buffer and not as a parameter: PyTorch's gradient of a CSR weight is dense. A complete
    layer's is an ordinary parameter. Nothing is shared with the network.

    Parameters
    ----------
    net : MLP
        The network.

    Returns
    -------
    torch.nn.Sequential
        Takes and gives tensors of the network's precision, shape (samples, n).

    Raises
    ------
    ImportError
        If PyTorch is not installed; the extra ``torch`` brings it.

    Examples
    --------
    >>> import torch
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(8, 4, degree=2, seed=0)])
    >>> module = snn.to_torch(net)
    >>> module(torch.ones(5, 8)).shape
    torch.Size([5, 4])
    """
    net = check_mlp(net)
    torch = require("torch", "torch", "to_torch")
    modules = []
    for layer, name in zip(net.layers, activations_of(net), strict=True):
        activation = ACTIVATIONS[name]
        modules.append(_linear(torch, layer))
        modules.append(getattr(torch.nn, activation.torch)(**activation.torch_options))
    return torch.nn.Sequential(*modules)


def _linear(torch: Any, layer: Layer) -> Any:
    graph = layer.topology
    linear = torch.nn.Linear(graph.n_in, graph.n_out, device="meta")  # no memory for a dense one
    linear.bias = torch.nn.Parameter(torch.tensor(layer.biases))
    if graph.is_complete:
        weight = torch.tensor(layer.weights.reshape(graph.n_out, graph.n_in))
        linear.weight = torch.nn.Parameter(weight)
        return linear
    index = np.int32 if max(graph.n_edges, graph.n_in) < 2**31 else np.int64  # as MKL has it
    indptr, indices = (
        torch.tensor(array.astype(index)) for array in (graph.indptr, graph.compact_indices)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        weight = torch.sparse_csr_tensor(
            indptr,
            indices,
            torch.tensor(layer.weights),
            (graph.n_out, graph.n_in),
            check_invariants=True,
        )
    del linear.weight
    linear.register_buffer("weight", weight)
    return linear
