"""Export to ONNX files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_flag
from .._support.extras import require
from .._support.files import replace_file
from ..network.layer import Layer
from ..network.mlp import MLP
from ..network.network import Network
from .activations import ACTIVATIONS
from .sums import sums_of

_OPSET, _IR = 13, 8  # what runtimes since 2021 read
_INDEX_BYTES = 8  # ONNX has sparse indices in int64 only
_MOST_BYTES = 2**31 - 2**20  # of 2 GiB, the most that protobuf writes, all but names and the like


def export_onnx(net: MLP | Network, path: str | PathLike[str], *, sparse: bool = True) -> None:
    """Write the network as an ONNX file.

    A layer is a ``Gemm`` and its activation; inputs are called ``inputs``, outputs ``outputs``, and
    the number of samples is free. ONNX has no sparse product: a sparse layer's weights are stored
    as a sparse constant, 12 bytes per edge in float32 and 16 in float64, which onnxruntime makes
    dense when it loads the file. Above a third (in float64: half) of all edges the dense
    matrix is shorter and is what is stored. onnxruntime has no leaky ReLU in float64.

    A level of a `Network` is the same, and its outputs another, over a ``Concat`` of all earlier
    ones that it reads from. Inputs without edges are left out by a ``Gather``.

    Parameters
    ----------
    net : MLP or Network
        The network.
    path : path
        File to write, usually with the ending .onnx. It is replaced if it exists.
    sparse : bool
        False writes all weights as dense matrices, for the many tools that do not read sparse
        constants: ONNX's own version converter and reference evaluator, quantisation.

    Raises
    ------
    ImportError
        If the package onnx is not installed; the extra ``onnx`` brings it.
    ValueError
        If the file would be larger than 2 GiB, or a parameter is NaN or inf.
    TypeError
        If ``sparse`` is not a bool.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.constant_degree(8, 4, degree=2, seed=0)])
    >>> snn.export_onnx(net, os.path.join(tempfile.mkdtemp(), "model.onnx"))
    """
    found = sums_of(net)
    check_flag(sparse, "sparse")
    onnx = require("onnx", "onnx", "export_onnx")
    read = [found.gathered(number) for number in range(1, len(found.sums) + 1)]
    _check_size([layer for _, layer in read], sparse)
    graph = _Graph(onnx)
    values = ["inputs"]
    if found.inputs is not None:
        values = [graph.chosen("inputs", found.inputs, "used_inputs")]
    for number, (each, (parts, layer)) in enumerate(zip(found.sums, read, strict=True), start=1):
        biases = graph.constant(layer.biases, f"biases_{number}")
        as_sparse, as_dense = _weight_bytes(layer)
        if sparse and as_sparse < as_dense:
            constant = _sparse(onnx, layer, f"weights_{number}")
            weights = graph.node("Constant", [], f"weights_{number}", sparse_value=constant)
        else:
            matrix = np.ascontiguousarray(layer.to_scipy().toarray())
            weights = graph.constant(matrix, f"weights_{number}")
        read_from = graph.joined([values[part] for part in parts], f"read_{number}")
        sums = graph.node("Gemm", [read_from, weights, biases], f"sums_{number}")
        name = "outputs" if found.outputs == [number] else f"activations_{number}"
        activation = ACTIVATIONS[each.activation]
        values.append(graph.node(activation.onnx, [sums], name, **activation.onnx_options))
    outputs = [values[number] for number in found.outputs]
    if found.order is None:
        graph.joined(outputs, "outputs")
    else:
        graph.chosen(graph.joined(outputs, "outputs_by_level"), found.order, "outputs")
    model = graph.model(net)
    onnx.checker.check_model(model, full_check=True)
    with replace_file(path) as file:
        file.write(model.SerializeToString())


class _Graph:
    """Nodes and constants of an ONNX graph, in the order in which they are added.

    All methods that add some return the name of the values.
    """

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, array: Array, name: str) -> str:
        """Add an array."""
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add an operator."""
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def chosen(self, values: str, columns: Array, name: str) -> str:
        """Add a choice of columns."""
        numbers = self.constant(columns.astype(np.int64), f"{name}_columns")
        return self.node("Gather", [values, numbers], name, axis=1)

    def joined(self, parts: Sequence[str], name: str) -> str:
        """Add a join of several parts side by side; one by itself stays as it is."""
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, name, axis=1)

    def model(self, net: MLP | Network) -> Any:
        """Return the model that computes ``outputs`` from ``inputs``."""
        helper = self._onnx.helper
        real = helper.np_dtype_to_tensor_dtype(net.dtype)
        ends = [
            [helper.make_tensor_value_info(name, real, ["samples", n])]
            for name, n in (("inputs", net.n_in), ("outputs", net.n_out))
        ]
        graph = helper.make_graph(self._nodes, "minisnn", *ends, self._constants)
        opsets = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(
            graph, producer_name="minisnn", opset_imports=opsets, ir_version=_IR
        )


def _check_size(layers: Sequence[Layer], sparse: bool) -> None:
    n_bytes = sum(layer.biases.nbytes for layer in layers)
    for layer in layers:
        as_sparse, as_dense = _weight_bytes(layer)
        n_bytes += min(as_sparse, as_dense) if sparse else as_dense
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"an ONNX file holds less than 2 GiB, this network takes {n_bytes / 2**30:.3g}: "
            f"take {'fewer connections' if sparse else 'sparse=True'}, or float32"
        )


def _weight_bytes(layer: Layer) -> tuple[int, int]:
    """Return the bytes of a layer's weights as a sparse constant, and as a dense matrix."""
    graph, real = layer.topology, layer.weights.itemsize
    return graph.n_edges * (real + _INDEX_BYTES), graph.n_in * graph.n_out * real


def _sparse(onnx: Any, layer: Layer, name: str) -> Any:
    """Return W, (n_in, n_out), as its entries and their ascending places in the dense matrix."""
    matrix = layer.to_scipy().tocsr().tocoo()
    sources, targets = (axis.astype(np.int64) for axis in matrix.coords)
    places = sources * matrix.shape[1] + targets
    return onnx.helper.make_sparse_tensor(
        onnx.numpy_helper.from_array(matrix.data, name),
        onnx.numpy_helper.from_array(places, f"{name}_places"),
        list(matrix.shape),
    )
