"""Networks of a wiring in ONNX, C and PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_c import predict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wirings import HIDDEN, random_network

import minisnn as snn
from minisnn import topology
from minisnn.interchange.sums import sums_of

DTYPES = [np.float32, np.float64]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}
SEEDS = st.integers(0, 2**32)
few = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


def some_samples(net: snn.Network, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(9, net.n_in)).astype(net.dtype)


def assert_close(outputs: Any, net: snn.Network, X: Any) -> None:
    assert outputs.dtype == net.dtype
    tolerance = TOLERANCE[net.dtype.type]
    np.testing.assert_allclose(outputs, net.predict(X), atol=tolerance, rtol=tolerance)


EDGES = [("b", "p"), ("d", "p"), ("b", "q"), ("p", "q"), ("d", "late"), ("q", "late"), ("p", "r"),
         ("late", "r")]  # fmt: skip


def wired(dtype: Any = np.float32, **options: Any) -> snn.Network:
    """Idle inputs, skips, units, an output within, and outputs that are not in the rows' order."""
    wiring = snn.wiring.from_edges(EDGES, outputs=["r", "q", "late"])
    with pytest.warns(snn.wiring.UnknownInputWarning):
        wiring = wiring.restricted_to(["a", "b", "c", "d"]).with_units({"p": 4, "q": 2})
    net = snn.Network(wiring, activation=["tanh", "relu", "relu", "relu"], seed=3, dtype=dtype,
                      **options)  # fmt: skip
    net.parameters[:] += np.linspace(-0.5, 0.5, len(net.parameters), dtype=dtype)
    return net


def of_layers(**options: Any) -> snn.Network:
    """A network all of whose outputs stand in the last level, one layer of it complete."""
    graphs = [topology.biregular(12, 40, 10, seed=1), topology.dense(40, 5)]
    return snn.Network(snn.wiring.from_topologies(graphs), seed=2, **options)


# As sums


@given(seed=SEEDS)
def test_sums_are_those_of_the_network(seed: int) -> None:
    """Each part by itself, from the parts that it reads."""
    net = random_network(np.random.default_rng(seed), np.float64)
    found, X = sums_of(net), some_samples(net, seed)
    activations = net.activations(X)
    rows = np.concatenate(list(activations.values()), axis=1)
    n_inputs = found.sums[0].row
    parts = [X if found.inputs is None else X[:, found.inputs]]
    for number, each in enumerate(found.sums, start=1):
        read, layer = found.gathered(number)
        assert read == sorted(set(read))
        assert all(part < number for part in read)
        assert layer.topology.n_in == sum(parts[part].shape[1] for part in read)
        values = np.concatenate([parts[part] for part in read], axis=1)
        expected = rows[:, each.row - n_inputs :][:, : each.n_rows]
        single = snn.MLP.from_parameters(
            [layer.topology],
            np.concatenate([layer.weights, layer.biases]),
            output_activation=each.activation,
        )
        np.testing.assert_allclose(single.predict(values), expected, rtol=1e-12, atol=1e-14)
        parts.append(expected)
    np.testing.assert_array_equal(rows[:, found.output_rows - n_inputs], net.predict(X))


def test_sums_of_an_mlp_are_its_layers() -> None:
    graphs = [topology.fibonacci_rotating(20, 24, 5), topology.dense(24, 4)]
    net = snn.MLP(graphs, activation="relu", seed=0)
    found = sums_of(net)
    assert (found.inputs, found.order, found.outputs) == (None, None, [2])
    assert [each.layer for each in found.sums] == list(net.layers)
    assert [found.gathered(number) for number in (1, 2)] == [
        ([0], net.layers[0]), ([1], net.layers[1]),
    ]  # fmt: skip
    assert [(each.reads, each.row) for each in found.sums] == [(0, 20), (20, 44)]
    assert [each.activation for each in found.sums] == ["relu", "sigmoid"]


# ONNX


def onnx_outputs(path: Path, X: Any) -> Any:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(["outputs"], {"inputs": X})[0]


@few
@given(seed=SEEDS, dtype=st.sampled_from(DTYPES), sparse=st.booleans())
def test_onnx(tmp_path: Path, seed: int, dtype: Any, sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    net = random_network(rng, dtype)
    functions = [str(rng.choice(["tanh", "sigmoid", "relu"])) for _ in range(net.n_levels)]
    if dtype == np.float64:  # for which onnxruntime has no leaky ReLU
        net = snn.Network.from_parameters(
            net.wiring, net.parameters, functions, "identity", None, net.batch_norm
        )
    snn.export_onnx(net, tmp_path / "net.onnx", sparse=sparse)
    X = some_samples(net, seed)
    for samples in (X, X[:1]):
        assert_close(onnx_outputs(tmp_path / "net.onnx", samples), net, samples)


@pytest.mark.parametrize("dtype", DTYPES)
def test_onnx_of_an_order_that_is_not_the_rows(tmp_path: Path, dtype: Any) -> None:
    net = wired(dtype)
    snn.export_onnx(net, tmp_path / "net.onnx")
    X = some_samples(net, 0)
    assert_close(onnx_outputs(tmp_path / "net.onnx", X), net, X)
    onnx = pytest.importorskip("onnx")
    nodes = [node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node]
    assert nodes.count("Gather") == 2  # of inputs and of outputs
    assert nodes.count("Gemm") == len(net.structure.groups) - 1


@pytest.mark.parametrize("output", [*HIDDEN, "softmax"])
def test_onnx_of_layers(tmp_path: Path, output: str) -> None:
    net = of_layers(output_activation=output, activation="tanh")
    snn.export_onnx(net, tmp_path / "net.onnx")
    X = some_samples(net, 0)
    assert_close(onnx_outputs(tmp_path / "net.onnx", X), net, X)


# C


@few
@given(seed=SEEDS, dtype=st.sampled_from(DTYPES), int8=st.booleans())
def test_c(gcc: str, tmp_path: Path, seed: int, dtype: Any, int8: bool) -> None:
    net = random_network(np.random.default_rng(seed), dtype)
    computed = snn.export_c(net, tmp_path / "net.c", int8=int8)
    assert (computed is net) == (not int8)
    assert isinstance(computed, snn.Network)
    X = some_samples(net, seed)
    assert_close(predict(gcc, tmp_path / "net.c", X, net.n_out), computed, X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_c_of_an_order_that_is_not_the_rows(gcc: str, tmp_path: Path, dtype: Any) -> None:
    net = wired(dtype)
    snn.export_c(net, tmp_path / "net.c")
    X = some_samples(net, 0)
    assert_close(predict(gcc, tmp_path / "net.c", X, net.n_out), net, X)
    text = (tmp_path / "net.c").read_text()
    size = np.dtype(dtype).itemsize
    assert f"static memory: {(2 + 4 + 2 + 1 + 1) * size} bytes" in text  # two inputs are idle
    arrays = re.findall(r"static const (\w+) \w+\[(\d+)\]", text)
    widths = {"float": 4, "double": 8, "uint8_t": 1}
    assert f"Tables: {sum(widths[kind] * int(n) for kind, n in arrays)} bytes" in text


@pytest.mark.parametrize("output", [*HIDDEN, "softmax"])
def test_c_of_layers(gcc: str, tmp_path: Path, output: str) -> None:
    net = of_layers(output_activation=output, activation="leaky_relu")
    snn.export_c(net, tmp_path / "net.c")
    X = some_samples(net, 0)
    assert_close(predict(gcc, tmp_path / "net.c", X, net.n_out), net, X)


def test_rounded_weights_are_near(tmp_path: Path) -> None:
    net = of_layers()
    rounded = snn.export_c(net, tmp_path / "net.c", int8=True)
    X = some_samples(net, 0)
    assert 0 < np.abs(rounded.predict(X) - net.predict(X)).max() < 0.02
    assert net.parameters.tobytes() == of_layers().parameters.tobytes()


def test_parameters_that_diverged(tmp_path: Path) -> None:
    for number, place in ((1, "level 1"), (2, "level 2")):
        net = wired()
        net.structure.parts(net.parameters, number)[1][-1] = np.inf
        message = f"weights or biases of {place} are NaN or inf"
        with pytest.raises(ValueError, match=message):
            snn.export_c(net, tmp_path / "net.c")
        with pytest.raises(ValueError, match=message):
            snn.export_onnx(net, tmp_path / "net.onnx")
        with pytest.raises(ValueError, match=message):
            snn.to_torch(net)
    assert not list(tmp_path.iterdir())


# PyTorch


@few
@given(seed=SEEDS, dtype=st.sampled_from(DTYPES))
def test_torch(seed: int, dtype: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = random_network(np.random.default_rng(seed), dtype)
    module, X = snn.to_torch(net), some_samples(net, seed)
    for samples in (X, X[:1]):
        assert_close(module(torch.tensor(samples)).detach().numpy(), net, samples)


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_of_an_order_that_is_not_the_rows(dtype: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = wired(dtype)
    module, X = snn.to_torch(net), some_samples(net, 0)
    assert isinstance(module, torch.nn.Module)
    assert_close(module(torch.tensor(X)).detach().numpy(), net, X)
    before = net.parameters.copy()
    with torch.no_grad():
        for tensor in [*module.parameters(), module.sums_1.bias]:
            tensor.zero_()
    np.testing.assert_array_equal(net.parameters, before)
    assert not np.allclose(module(torch.tensor(X)).detach().numpy(), net.predict(X))


def test_a_complete_layer_is_a_parameter_in_torch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = snn.to_torch(of_layers(output_activation="softmax"))
    assert module.sums_1.weight.layout == torch.sparse_csr
    assert module.sums_2.weight.shape == (5, 40)
    assert isinstance(module.sums_2.weight, torch.nn.Parameter)
