"""Export to ONNX files."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from .._support.checks import check_flag
from .._support.extras import require
from .._support.files import replace_file
from ..network.layer import Layer
from ..network.mlp import MLP, check_mlp
from .activations import ACTIVATIONS, activations_of

_OPSET, _IR = 13, 8  # what runtimes since 2021 read
_INDEX_BYTES = 8  # ONNX has sparse indices in int64 only
_MOST_BYTES = 2**31 - 2**20  # of 2 GiB, the most that protobuf writes, all but names and the like


def export_onnx(net: MLP, path: str | PathLike[str], *, sparse: bool = True) -> None:
    """Write the network as an ONNX file.

    A layer is a ``Gemm`` and its activation; inputs are called ``inputs``, outputs ``outputs``, and
    the number of samples is free. ONNX has no sparse product: a sparse layer's weights are stored
    as a sparse constant, 12 bytes per edge in float32 and 16 in float64, which onnxruntime makes
    dense when it loads the file. Above a third (in float64: half) of all edges the dense
    matrix is shorter and is what is stored. onnxruntime has no leaky ReLU in float64.

    Parameters
    ----------
    net : MLP
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
        If the file would be larger than 2 GiB.
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
    net = check_mlp(net)
    check_flag(sparse, "sparse")
    onnx = require("onnx", "onnx", "export_onnx")
    _check_size(net, sparse)
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, dense = [], []
    values = "inputs"
    for number, (layer, name) in enumerate(
        zip(net.layers, activations_of(net), strict=True), start=1
    ):
        weights, biases, sums = (f"{what}_{number}" for what in ("weights", "biases", "sums"))
        dense.append(numpy_helper.from_array(layer.biases, biases))
        as_sparse, as_dense = _weight_bytes(layer)
        if sparse and as_sparse < as_dense:
            constant = _sparse(onnx, layer, weights)
            nodes.append(helper.make_node("Constant", [], [weights], sparse_value=constant))
        else:
            matrix = np.ascontiguousarray(layer.to_scipy().toarray())
            dense.append(numpy_helper.from_array(matrix, weights))
        nodes.append(helper.make_node("Gemm", [values, weights, biases], [sums]))
        values = "outputs" if number == len(net.layers) else f"activations_{number}"
        activation = ACTIVATIONS[name]
        nodes.append(helper.make_node(activation.onnx, [sums], [values], **activation.onnx_options))
    real = helper.np_dtype_to_tensor_dtype(net.dtype)
    graph = helper.make_graph(
        nodes,
        "minisnn",
        [helper.make_tensor_value_info("inputs", real, ["samples", net.n_in])],
        [helper.make_tensor_value_info("outputs", real, ["samples", net.n_out])],
        dense,
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, producer_name="minisnn", opset_imports=opsets, ir_version=_IR)
    onnx.checker.check_model(model, full_check=True)
    with replace_file(path) as file:
        file.write(model.SerializeToString())


def _check_size(net: MLP, sparse: bool) -> None:
    n_bytes = net.dtype.itemsize * sum(net.widths[1:])
    for layer in net.layers:
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
