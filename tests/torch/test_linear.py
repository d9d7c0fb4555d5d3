"""A sparse layer in PyTorch, against a dense one with zeros and against minisnn's own forward."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from compiled import COMPILED_ONLY
from hypothesis import given, settings
from hypothesis import strategies as st

import minisnn as snn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sparse_layers import is_housed, make, on_edges, twin  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from minisnn.torch import SparseLinear  # noqa: E402

F32, F64 = torch.float32, torch.float64


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_in=st.integers(1, 50),
    n_out=st.integers(1, 50),
    leading=st.lists(st.integers(0, 9), max_size=3),
    bias=st.booleans(),
    dtype=st.sampled_from([F32, F64]),
)
def test_as_a_dense_layer(
    seed: int, n_in: int, n_out: int, leading: list[int], bias: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(seed)
    layer = make(n_in, n_out, seed=seed, bias=bias, dtype=dtype)
    dense = twin(layer)
    x = torch.randn(*leading, n_in, dtype=dtype, requires_grad=True)
    given_ = torch.randn(*leading, n_out, dtype=dtype)
    outputs, expected = layer(x), dense(x)
    assert outputs.shape == expected.shape
    assert outputs.is_contiguous()
    close = {"rtol": 0, "atol": 1e-4 if dtype == F32 else 1e-12}
    torch.testing.assert_close(outputs, expected, **close)
    with torch.no_grad():
        assert torch.equal(layer(x), outputs)
    found = torch.autograd.grad(outputs, [x, *layer.parameters()], given_)
    by_x, by_weight, by_bias = torch.autograd.grad(expected, [x, dense.weight, dense.bias], given_)
    every = [by_x, on_edges(layer, by_weight), by_bias][: len(found)]
    for gradient, other in zip(found, every, strict=True):
        torch.testing.assert_close(gradient, other, **close)


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("n_samples", [1, 30, 130])
def test_bits_of_an_mlp(dtype: torch.dtype, n_samples: int) -> None:
    layer = make(60, 90, dtype=dtype)
    vector = torch.cat([layer.weight, layer.bias]).detach().numpy()
    net = snn.MLP.from_parameters([layer.topology], vector, "identity", "identity")
    x = torch.randn(n_samples, 60, dtype=dtype)
    assert layer(x).detach().numpy().tobytes() == net.forward(x.numpy())[-1].tobytes()


@pytest.mark.parametrize("bias", [True, False])
def test_gradients_by_central_differences(bias: bool) -> None:
    layer = make(bias=bias, dtype=F64)
    x = torch.randn(2, 3, 20, dtype=F64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def call(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        for name, value in zip(names, parameters, strict=True):
            getattr(layer, name).data = value.data
        return layer._products(x, (parameters[0], parameters[1] if bias else None))

    assert torch.autograd.gradcheck(call, (x, *layer.parameters()))


def test_only_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = make(), torch.randn(5, 20)
    asked = []
    calls = layer._products.calls
    backward = calls.backward
    monkeypatch.setattr(
        calls,
        "backward",
        lambda dtype, wanted, *rest: asked.append(wanted) or backward(dtype, wanted, *rest),
    )
    layer(x).sum().backward()
    layer.bias.requires_grad_(False)
    layer(x).sum().backward()
    layer.weight.requires_grad_(False)
    assert not layer(x).requires_grad
    layer(x.requires_grad_()).sum().backward()
    assert asked == [
        (False, (True,), (True,)), (False, (True,), (False,)), (True, (False,), (False,))
    ]  # fmt: skip
    torch.testing.assert_close(x.grad, twin(layer).weight.sum(0).expand(5, 20).detach())


def test_several_calls_before_the_first_gradient() -> None:
    layer = make()
    dense = twin(layer)
    one, two = torch.randn(5, 20), torch.randn(70, 20)
    for module in (layer, dense):
        (module(one).sin().sum() + module(two).cos().sum() + module(one[:0]).sum()).backward()
    torch.testing.assert_close(layer.weight.grad, on_edges(layer, dense.weight.grad))
    torch.testing.assert_close(layer.bias.grad, dense.bias.grad)


def test_inputs_of_any_strides() -> None:
    layer = make()
    dense, x = twin(layer), torch.randn(20, 6)
    for inputs in (x.T, x[:, :1].T.expand(4, 20), torch.randn(6, 40)[:, ::2]):
        torch.testing.assert_close(layer(inputs), dense(inputs))


def test_gradients_are_not_differentiated_again() -> None:
    layer = make()
    x = torch.randn(5, 20, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
    torch.testing.assert_close(gradient, twin(layer).weight.sum(0).expand(5, 20))
    with pytest.raises(RuntimeError, match=r"cannot be differentiated again.*to_dense"):
        gradient.square().sum().backward()


def test_weights_that_changed_before_the_gradient() -> None:
    layer = make()
    x = torch.randn(5, 20, requires_grad=True)
    loss = layer(x).sum()
    with torch.no_grad():
        layer.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["SGD", "Adam", "LBFGS"])
def test_optimizers(name: str) -> None:
    """The same steps as a dense layer makes whose other weights stay zero."""
    layer = make(dtype=F64)
    dense = twin(layer)
    mask = dense.weight.detach() != 0
    dense.weight.register_hook(lambda gradient: gradient * mask)
    x, y = torch.randn(30, 20, dtype=F64), torch.randn(30, 12, dtype=F64)
    for module in (layer, dense):
        optimizer = getattr(torch.optim, name)(module.parameters(), lr=0.1)

        def closure(module: Any = module, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(module(x), y)
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)
    torch.testing.assert_close(layer.weight, on_edges(layer, dense.weight))
    torch.testing.assert_close(layer.bias, dense.bias)


# Initial weights


def test_initial_weights() -> None:
    graph = snn.topology.erdos_renyi(300, 200, degree=20, seed=0)
    torch.manual_seed(3)
    layer = SparseLinear(graph)
    sources, targets = graph.edges().T
    scaled = layer.weight.detach().numpy() * np.sqrt(
        (graph.out_degrees[sources] + graph.in_degrees[targets]) / 2
    )
    assert abs(scaled.mean()) < 4 / np.sqrt(graph.n_edges)
    assert abs(scaled.std() - 1) < 4 / np.sqrt(graph.n_edges)
    assert not layer.bias.any()
    before = layer.weight.clone()
    layer.reset_parameters()
    assert not torch.equal(layer.weight, before)
    torch.manual_seed(3)
    layer.reset_parameters()
    assert torch.equal(layer.weight, before)


def test_precision_is_pytorchs() -> None:
    assert make().weight.dtype == F32
    torch.set_default_dtype(F64)
    try:
        assert make().weight.dtype == F64
    finally:
        torch.set_default_dtype(F32)


# Copies and files


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies(copied: Any, bias: bool) -> None:
    layer, x = make(bias=bias), torch.randn(5, 20)
    expected = layer(x)
    other = copied(layer)
    with torch.no_grad():
        layer.weight.zero_()
    assert torch.equal(other(x), expected)
    assert is_housed(other)
    other(x).sum().backward()
    assert other.weight.grad is not None


def test_conversion_of_precision() -> None:
    layer, x = make(), torch.randn(5, 20)
    outputs = layer(x)
    assert layer.double() is layer
    assert is_housed(layer)
    torch.testing.assert_close(layer(x.double()), outputs.double())


@pytest.mark.parametrize("assign", [False, True])
def test_state_dict(assign: bool, tmp_path: Any) -> None:
    layer, other, x = make(), make(), torch.randn(5, 20)
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    other.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True), assign=assign)
    assert torch.equal(other(x), layer(x))
    assert is_housed(other) is not assign
    outputs = [module(x.clone().requires_grad_()) for module in (layer, other)]
    one, two = (torch.autograd.grad(it.sum(), it.grad_fn.next_functions[1][0].variable)
                for it in outputs)  # fmt: skip
    assert torch.equal(*one, *two)


def test_weights_of_another_graph_are_refused() -> None:
    layer = SparseLinear(snn.topology.constant_degree(20, 12, degree=3, seed=0))
    other = SparseLinear(snn.topology.constant_degree(20, 12, degree=3, seed=1))
    model, before = torch.nn.Sequential(other), other.weight.clone()
    with pytest.raises(RuntimeError, match=r"0\.weight belongs to the edges of another graph"):
        model.load_state_dict(torch.nn.Sequential(layer).state_dict())
    assert torch.equal(other.weight, before)


@COMPILED_ONLY
@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_of_a_data_loader(method: str) -> None:
    layer = make()
    data = Outputs(layer)
    loader = torch.utils.data.DataLoader(
        data, batch_size=4, num_workers=1, multiprocessing_context=method
    )
    with torch.no_grad():
        expected = layer(torch.arange(8.0)[:, None].expand(8, 20))
    assert torch.equal(torch.cat(list(loader)), expected)


class Outputs(torch.utils.data.Dataset):  # type: ignore[misc]
    """Outputs of a layer, made where the data is read."""

    def __init__(self, layer: SparseLinear) -> None:
        self.layer = layer

    def __len__(self) -> int:
        return 8

    def __getitem__(self, number: int) -> torch.Tensor:
        with torch.no_grad():
            return self.layer(torch.full((20,), float(number)))


def test_parameters_shared_between_processes() -> None:
    layer = make()
    layer.share_memory()
    assert is_housed(layer)
    x, address = torch.randn(5, 20), layer.weight.data_ptr()
    expected = twin(layer)(x)
    assert layer.cpu() is layer
    assert layer.weight.data_ptr() == address, "what is shared stays where it is"
    torch.testing.assert_close(layer(x), expected)
    layer(x).sum().backward()


@pytest.mark.slow
def test_a_process_trains_what_it_shares() -> None:
    layer, x = make(), torch.randn(5, 20)
    layer.share_memory()
    expected = layer(x).detach()
    process = multiprocessing.get_context("spawn").Process(target=_double, args=(layer, x))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    torch.testing.assert_close(layer(x), 2 * expected)


def _double(layer: SparseLinear, x: torch.Tensor) -> None:
    """Double the parameters of a layer that other processes have, too."""
    expected = 2 * layer(x).detach()
    with torch.no_grad():
        for each in layer.parameters():
            each.mul_(2)
    torch.testing.assert_close(layer(x), expected)


@COMPILED_ONLY
def test_threads_at_once() -> None:
    layer, x = make(), torch.randn(40, 20)
    expected = torch.autograd.grad(layer(x).square().sum(), layer.weight)[0]
    found: list[Any] = []

    def work() -> None:
        found.extend(torch.autograd.grad(layer(x).square().sum(), layer.weight)[0]
                     for _ in range(20))  # fmt: skip

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(torch.equal(gradient, expected) for gradient in found)


# Compilers, other tools of PyTorch, and what is refused


def test_weights_that_are_pruned() -> None:
    """A mask on the weights of the edges, of PyTorch's own."""
    layer, x = make(), torch.randn(5, 20)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    expected = twin(layer)(x)
    torch.testing.assert_close(layer(x), expected)
    layer(x).sum().backward()
    assert (layer.weight_orig.grad != 0).sum() <= layer.weight_mask.sum() < len(layer.weight_mask)
    assert layer.double()(x.double()).dtype == F64
    prune.remove(layer, "weight")
    torch.testing.assert_close(layer.float()(x), expected)
    assert is_housed(layer)


def test_functional_calls() -> None:
    layer, x = make(), torch.randn(5, 20)
    weight = (2 * layer.weight).detach().requires_grad_()
    outputs = torch.func.functional_call(layer, {"weight": weight}, x)
    torch.testing.assert_close(outputs - layer.bias, 2 * (layer(x) - layer.bias))
    outputs.sum().backward()
    expected = torch.autograd.grad(layer(x).sum(), layer.weight)[0]
    torch.testing.assert_close(weight.grad, expected)


@COMPILED_ONLY
def test_torch_compile_calls_it_as_it_is() -> None:
    layer = make()
    model = torch.nn.Sequential(layer, torch.nn.ReLU(), torch.nn.Linear(12, 3))
    x = torch.randn(5, 20)
    compiled = torch.compile(model, backend="eager")
    assert torch.equal(compiled(x), model(x))
    compiled(x).sum().backward()
    assert layer.weight.grad is not None
    torch.compiler.reset()
    whole = torch.compile(model, backend="eager", fullgraph=True)
    with pytest.raises(Exception, match=r"torch\.compiler\.disable"):
        whole(x)
    torch.compiler.reset()


@COMPILED_ONLY
@pytest.mark.parametrize(
    "record", [torch.jit.trace, lambda *it: torch.export.export(it[0], it[1:])]
)
@pytest.mark.filterwarnings("ignore")  # PyTorch's own
def test_it_is_not_recorded(record: Any) -> None:
    with pytest.raises(RuntimeError, match="SparseLinear cannot be traced or exported by PyTorch"):
        record(make(), torch.randn(5, 20))


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (np.zeros((5, 20)), TypeError, r"takes a torch\.Tensor, got array"),
        (torch.zeros(5, 20, dtype=F64), TypeError, r"torch\.float32 weights .* got torch\.float64"),
        (torch.zeros(5, 21), ValueError, r"shape \(\.\.\., 20\), got \(5, 21\)"),
        (torch.zeros(()), ValueError, r"shape \(\.\.\., 20\), got \(\)"),
        (torch.zeros(5, 20, device="meta"), ValueError, r"inputs are on meta; .* \.cpu\(\)"),
        (torch.zeros(5, 20).to_sparse(), TypeError, r"dense tensors, got torch\.sparse_coo"),
    ],
)
def test_inputs_that_are_refused(inputs: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()(inputs)


def test_layers_that_are_refused() -> None:
    graph = snn.topology.constant_degree(20, 12, degree=3, seed=0)
    with pytest.raises(TypeError, match="topology must be of type Topology, got 3"):
        SparseLinear(3)
    with pytest.raises(TypeError, match="bias must be True or False, got 1"):
        SparseLinear(graph, 1)
    with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or .*, got torch\.int8"):
        SparseLinear(graph, dtype=torch.int8)
    with pytest.raises(ValueError, match=r"its weights are torch\.float16; .* \.float\(\)"):
        SparseLinear(graph).half()(torch.zeros(5, 20))
    with pytest.raises(ValueError, match=r"its weights are on meta; move it by \.cpu\(\)"):
        SparseLinear(graph).to("meta")(torch.zeros(5, 20))


def test_without_edges_for_some_inputs_no_gradient_is_lost() -> None:
    layer = SparseLinear(snn.topology.from_edges(5, 2, [(1, 0), (3, 1)]))
    x = torch.randn(4, 5, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, twin(layer).weight.sum(0).expand(4, 5).detach())
