"""Networks to and from matrices, PyTorch and ONNX."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import topology
from minisnn.interchange import activations, onnx_file

DTYPES = [np.float32, np.float64]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}


def nets(dtype: Any) -> list[snn.MLP]:
    """Networks of one layer and of several, with each kind of graph; biases not zero."""
    lists = [
        [topology.constant_degree(50, 20, 4)],
        [topology.dense(50, 20)],
        [
            topology.fibonacci_rotating(50, 40, 5),
            topology.biregular(40, 40, 20),
            topology.regular_rotating(40, 30, 30),
            topology.dense(30, 10),
        ],
    ]
    made = [snn.MLP(graphs, seed=3, dtype=dtype) for graphs in lists]
    for net in made:
        for layer in net.layers:
            layer.biases[:] = np.linspace(-1, 1, len(layer.biases))
    return made


def assert_same(twin: snn.MLP, net: snn.MLP) -> None:
    assert twin.topologies == net.topologies
    assert twin.dtype == net.dtype
    np.testing.assert_array_equal(twin.parameters, net.parameters)


# Matrices


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["csc", "csr", "coo", "lil", "dok", "bsr", "dense"])
def test_to_scipy_and_back(dtype: Any, form: str) -> None:
    for net in nets(dtype):
        pairs: list[Any] = [(layer.to_scipy(), layer.biases) for layer in net.layers]
        if form == "dense":
            pairs = [(W.toarray(), b) for W, b in pairs]
        else:
            pairs = [(W.asformat(form), b) for W, b in pairs]
        assert_same(snn.from_weights(pairs), net)
        assert_same(snn.from_weights(list(pair) for pair in pairs), net)


@given(
    st.lists(st.lists(st.sampled_from([0.0, -1.5, 2.25]), min_size=3, max_size=3), min_size=2),
)
def test_zeros_are_no_edges(rows: list[list[float]]) -> None:
    W = np.array(rows)
    if not W.any():
        with pytest.raises(ValueError, match="layer 1: the graph has no edge"):
            snn.from_weights([(W, None)])
        return
    if not W.any(axis=0).all():
        with pytest.warns(snn.DeadNeuronWarning, match="layer 1"):
            net = snn.from_weights([(W, None)])
    else:
        net = snn.from_weights([(W, None)])
    np.testing.assert_array_equal(net.layers[0].to_scipy().toarray(), W)
    assert net.n_connections == np.count_nonzero(W)
    assert not net.layers[0].biases.any()


def test_a_stored_zero_is_an_edge() -> None:
    matrix = scipy.sparse.csc_array(([0.0, 1.0], ([0, 1], [0, 0])), shape=(2, 1))
    net = snn.from_weights([(matrix, [3])])
    assert net.layers[0].weights.tolist() == [0, 1]
    assert net.layers[0].biases.tolist() == [3]


def test_precision_and_names() -> None:
    half, single, double = (np.ones((2, 2), dtype) for dtype in ("f2", "f4", "f8"))
    assert snn.from_weights([(half, None)]).dtype == np.float32
    assert snn.from_weights([(single, half[0])]).dtype == np.float32
    assert snn.from_weights([(single, None), (double, None)]).dtype == np.float64
    assert snn.from_weights([([[1, 2]], None)]).dtype == np.float64
    assert snn.from_weights([(single, None)]).topologies[0].name == "dense"


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([], ValueError, "an MLP needs at least one layer"),
        ([np.ones((2, 2))], TypeError, r"layer 1 must be a pair \(weights, biases\), got ndarray"),
        ([(np.ones(2), None)], ValueError, r"layer 1: weights must have shape .*, got \(2,\)"),
        ([(np.ones((2, 2), "c8"), None)], TypeError, "layer 1: weights must be real numbers, got"),
        ([([["a"]], None)], TypeError, "layer 1: weights must be real numbers, got <U1"),
        ([([[np.nan]], None)], ValueError, "layer 1: weights must be finite, got NaN or inf"),
        ([([[1.0]], [np.inf])], ValueError, "layer 1: biases must be finite, got NaN or inf"),
        ([([[1.0]], [1, 2])], ValueError, r"layer 1: biases must have shape .*, got \(2,\)"),
        (
            [(scipy.sparse.coo_array(([1.0, 1.0], ([0, 0], [0, 0])), shape=(1, 1)), None)],
            ValueError,
            r"layer 1: edge \(0, 0\) comes more than once",
        ),
        (
            [(np.ones((2, 3)), None), (np.ones((2, 3)), None)],
            ValueError,
            "layer 1 has 3 outputs, but layer 2 takes 2 inputs",
        ),
    ],
)
def test_bad_weights(layers: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        snn.from_weights(layers)


# PyTorch's functions


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh", "sigmoid", "identity"])
@pytest.mark.parametrize("output", sorted(activations.ACTIVATIONS))
def test_activations_come_in_and_go_out(
    name: str, output: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    """A pruned PyTorch network, here, and back again as a module and as ONNX."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    prune = pytest.importorskip("torch.nn.utils.prune")
    torch.manual_seed(1)
    linear = [torch.nn.Linear(30, 40), torch.nn.Linear(40, 20), torch.nn.Linear(20, 5)]
    for layer in linear[:2]:
        prune.l1_unstructured(layer, "weight", amount=0.7)
    kinds = [activations.ACTIVATIONS[each] for each in (name, name, output)]
    functions = [getattr(torch.nn, kind.torch)(**kind.torch_options) for kind in kinds]
    module = torch.nn.Sequential(*itertools.chain(*zip(linear, functions, strict=True)))
    X = rng.normal(size=(9, 30)).astype(np.float32) * 3
    expected = module(torch.tensor(X)).detach().numpy()
    given = {"activation": name, "output_activation": output}
    net = snn.from_state_dict(module.state_dict(), **given)
    assert (net.activation, net.output_activation) == (name, output)
    pairs = [(layer.to_scipy(), layer.biases) for layer in net.layers]
    assert_same(snn.from_weights(pairs, **given), net)
    assert repr(snn.from_weights(pairs, **given)) == repr(net)
    snn.export_onnx(net, tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for outputs in (
        net.predict(X),
        snn.to_torch(net)(torch.tensor(X)).detach().numpy(),
        session.run(None, {"inputs": X})[0],
    ):
        np.testing.assert_allclose(outputs, expected, atol=2e-6, rtol=1e-6)


def test_unknown_activations() -> None:
    pairs = [(np.ones((3, 2)), None)]
    with pytest.raises(ValueError, match=r"activation must be one of .* got 'gelu'"):
        snn.from_weights(pairs, activation="gelu")
    with pytest.raises(ValueError, match=r"output_activation must be one of .* got 'gelu'"):
        snn.from_state_dict({"0.weight": np.ones((2, 3))}, output_activation="gelu")


# To PyTorch and ONNX


@pytest.mark.parametrize("dtype", DTYPES)
def test_to_torch(dtype: Any, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for net in nets(dtype):
        module = snn.to_torch(net)
        X = rng.random((11, 50)).astype(dtype)
        for inputs in (X, X[:1]):
            outputs = module(torch.tensor(inputs))
            np.testing.assert_allclose(
                outputs.detach().numpy(), net.predict(inputs), atol=TOLERANCE[dtype], rtol=0
            )
        before = net.predict(X)
        with torch.no_grad():
            for tensor in module.parameters():
                tensor.zero_()
        np.testing.assert_array_equal(net.predict(X), before)
        layouts = [module[2 * number].weight.layout for number in range(len(net.layers))]
        assert layouts == [
            torch.strided if graph.is_complete else torch.sparse_csr for graph in net.topologies
        ]


def test_a_sparse_layer_in_torch_takes_no_dense_memory() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = snn.MLP([topology.rotating(2**19, 2**19, [0])])  # dense: 1 TiB
    X = np.ones((1, 2**19), np.float32)
    outputs = snn.to_torch(net)(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(outputs, net.predict(X), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sparse", [True, False])
def test_onnx(dtype: Any, sparse: bool, rng: np.random.Generator, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = tmp_path / "model.onnx"
    for net in nets(dtype):
        snn.export_onnx(net, path, sparse=sparse)
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for n in (1, 11):
            X = rng.random((n, 50)).astype(dtype)
            (outputs,) = session.run(["outputs"], {"inputs": X})
            assert outputs.dtype == dtype
            np.testing.assert_allclose(outputs, net.predict(X), atol=TOLERANCE[dtype], rtol=0)


def test_onnx_without_sparse_constants(tmp_path: Path, rng: np.random.Generator) -> None:
    """Dense constants, for ONNX's own tools, which do not know sparse ones."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    converter = pytest.importorskip("onnx.version_converter")
    reference = pytest.importorskip("onnx.reference")
    net = snn.MLP([topology.biregular(30, 40, 3, seed=0), topology.dense(40, 5)], seed=0)
    snn.export_onnx(net, tmp_path / "dense.onnx", sparse=False)
    model = onnx.load(tmp_path / "dense.onnx")
    assert {node.op_type for node in model.graph.node} == {"Gemm", "Sigmoid"}
    assert [list(array.dims) for array in model.graph.initializer] == [[40], [30, 40], [5], [40, 5]]
    X = rng.random((9, 30), dtype=np.float32)
    later = converter.convert_version(model, 18)
    (outputs,) = reference.ReferenceEvaluator(later).run(None, {"inputs": X})
    np.testing.assert_allclose(outputs, net.predict(X), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("dtype", "entry"), [(np.float32, 12), (np.float64, 16)])
def test_onnx_files_grow_with_the_connections(tmp_path: Path, dtype: Any, entry: int) -> None:
    path = tmp_path / "model.onnx"
    for degree, n_bytes in ((10, 500 * 10 * entry), (400, 500 * 500 * np.dtype(dtype).itemsize)):
        net = snn.MLP([topology.constant_degree(500, 500, degree)], dtype=dtype)
        snn.export_onnx(net, path)
        biases = 500 * net.dtype.itemsize
        assert n_bytes <= path.stat().st_size - biases < n_bytes + 600


def test_onnx_files_too_large_for_protobuf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    net = snn.MLP([topology.biregular(60, 60, 2), topology.dense(60, 10)])
    n_bytes = 120 * 12 + 4 * (60 + 600 + 10)
    monkeypatch.setattr(onnx_file, "_MOST_BYTES", n_bytes)
    snn.export_onnx(net, tmp_path / "model.onnx")
    monkeypatch.setattr(onnx_file, "_MOST_BYTES", n_bytes - 1)
    with pytest.raises(ValueError, match="an ONNX file holds less than 2 GiB, this network takes"):
        snn.export_onnx(net, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"this network takes .*: take sparse=True, or float32"):
        snn.export_onnx(net, tmp_path / "other.onnx", sparse=False)
    assert not (tmp_path / "other.onnx").exists()


@pytest.mark.parametrize(
    ("package", "export"), [("torch", snn.to_torch), ("onnx", lambda net: snn.export_onnx(net, ""))]
)
def test_missing_packages(monkeypatch: pytest.MonkeyPatch, package: str, export: Any) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("minisnn._support.extras.importlib.import_module", missing)
    with pytest.raises(ImportError, match=rf"needs {package}, .* 'minisnn\[{package}\]'"):
        export(snn.MLP([topology.dense(3, 2)]))


every_activation = pytest.mark.parametrize("name", sorted(activations.ACTIVATIONS))


def one_layer(name: str, rng: np.random.Generator) -> tuple[snn.MLP, Any, Any]:
    """Return a network with this activation, inputs, and the outputs that they should have."""
    net = snn.MLP([topology.constant_degree(6, 5, 2)], dtype=np.float64, output_activation=name)
    X = rng.normal(size=(9, 6))
    return net, X, naive.ACTIVATIONS[name](X @ net.layers[0].to_scipy().toarray())


@every_activation
def test_every_activation_in_onnx(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    net, X, expected = one_layer(name, rng)
    path = tmp_path / "model.onnx"
    if name == "leaky_relu":  # onnxruntime has none in float64; ONNX's slope is a float32
        reference = pytest.importorskip("onnx.reference", reason="onnx is not installed")
        snn.export_onnx(net, path, sparse=False)
        session, rounded = reference.ReferenceEvaluator(str(path)), 2e-8
    else:
        runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        snn.export_onnx(net, path)
        session, rounded = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]), 0
    outputs = session.run(None, {"inputs": X})[0]
    np.testing.assert_allclose(outputs, expected, atol=1e-13, rtol=rounded)


@every_activation
def test_every_activation_in_torch(name: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net, X, expected = one_layer(name, rng)
    outputs = snn.to_torch(net)(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(outputs, expected, atol=1e-13, rtol=0)
