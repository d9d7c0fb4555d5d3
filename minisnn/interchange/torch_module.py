"""Networks as modules of PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.extras import require
from ..network.layer import Layer
from ..network.mlp import MLP
from ..network.network import Network
from .activations import ACTIVATIONS
from .sums import Sums, sums_of


def to_torch(net: MLP | Network) -> Any:
    """Return the network as a module of PyTorch, for predictions.

    Made of PyTorch's own ``Linear`` and activations. A sparse layer's weight is a CSR tensor, kept
    as a buffer and not as a parameter: PyTorch's gradient of a CSR weight is dense. A complete
    layer's is an ordinary parameter. Nothing is shared with the network.

    Parameters
    ----------
    net : MLP or Network
        The network.

    Returns
    -------
    torch.nn.Sequential, or torch.fx.GraphModule for a Network
        Takes and gives tensors of the network's precision, shape (samples, n). ``print(it.code)``
        shows what a GraphModule computes.

    Raises
    ------
    ImportError
        If PyTorch is not installed; the extra ``torch`` brings it.
    ValueError
        If a parameter is NaN or inf.

    Examples
    --------
    >>> import torch
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(8, 4, degree=2, seed=0)])
    >>> module = snn.to_torch(net)
    >>> module(torch.ones(5, 8)).shape
    torch.Size([5, 4])
    """
    found = sums_of(net)
    torch = require("torch", "torch", "to_torch")
    activations = [ACTIVATIONS[each.activation] for each in found.sums]
    functions = [getattr(torch.nn, it.torch)(**it.torch_options) for it in activations]
    if isinstance(net, MLP):
        linear = [_linear(torch, layer) for layer in net.layers]
        return torch.nn.Sequential(*chain(*zip(linear, functions, strict=True)))
    return _graph_module(torch, found, functions)


def _graph_module(torch: Any, found: Sums, functions: Sequence[Any]) -> Any:
    """Return a module whose layers read any earlier ones."""
    fx = require("torch.fx", "torch", "to_torch")
    root, graph = torch.nn.Module(), fx.Graph()

    def module(name: str, it: Any, node: Any) -> Any:
        root.add_module(name, it)
        return graph.call_module(name, (node,))

    def chosen(node: Any, columns: Array, name: str) -> Any:
        root.register_buffer(name, torch.tensor(columns.astype(np.int64)))
        return graph.call_function(torch.index_select, (node, -1, graph.get_attr(name)))

    def joined(nodes: list[Any]) -> Any:
        return nodes[0] if len(nodes) == 1 else graph.call_function(torch.cat, (nodes, -1))

    values = [graph.placeholder("inputs")]
    if found.inputs is not None:
        values = [chosen(values[0], found.inputs, "used_inputs")]
    for number, function in enumerate(functions, start=1):
        parts, layer = found.gathered(number)
        read = joined([values[part] for part in parts])
        sums = module(f"sums_{number}", _linear(torch, layer), read)
        values.append(module(f"activation_{number}", function, sums))
    outputs = joined([values[number] for number in found.outputs])
    graph.output(outputs if found.order is None else chosen(outputs, found.order, "order"))
    return fx.GraphModule(root, graph)


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
