"""Several layers in one module, against the same layers one by one."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from compiled import COMPILED_ONLY

import minisnn as snn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sparse_layers import is_housed, make  # noqa: E402

from minisnn.torch import SparseStack  # noqa: E402

F64 = torch.float64
FUNCTIONS = {
    "sigmoid": torch.nn.Sigmoid(),
    "tanh": torch.nn.Tanh(),
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(0.1),
    "identity": torch.nn.Identity(),
}


def stack_of(*, bias: bool = True, dtype: torch.dtype = F64, **options: Any) -> SparseStack:
    """Two sparse layers and a complete one."""
    layers = [make(20, 30, bias=bias, dtype=dtype), make(30, 25, seed=1, bias=bias, dtype=dtype)]
    return SparseStack([*layers, snn.topology.dense(25, 5)], bias=bias, dtype=dtype, **options)


def one_by_one(stack: SparseStack) -> torch.nn.Sequential:
    """Return the same in modules of PyTorch, with copies of the parameters."""
    parts: list[Any] = []
    for layer in stack.layers:
        parts += [layer.to_dense(), FUNCTIONS[stack.activation]]
    return torch.nn.Sequential(*parts[:-1], FUNCTIONS[stack.output_activation])


def gradients(stack: SparseStack, dense: torch.nn.Sequential) -> list[torch.Tensor]:
    """Return the gradients of the dense layers by what the sparse ones have."""
    found = []
    for layer, other in zip(stack.layers, dense[::2], strict=True):
        sources, targets = torch.from_numpy(layer.topology.edges()).T
        found.append(other.weight.grad[targets, sources])
        found += [other.bias.grad] if layer.bias is not None else []
    return found


@pytest.mark.parametrize("activation", list(FUNCTIONS))
@pytest.mark.parametrize("output_activation", ["identity", "sigmoid", "relu"])
@pytest.mark.parametrize("bias", [True, False])
def test_as_layers_one_by_one(activation: str, output_activation: str, bias: bool) -> None:
    stack = stack_of(activation=activation, output_activation=output_activation, bias=bias)
    dense = one_by_one(stack)
    x = torch.randn(2, 33, 20, dtype=F64)
    given = torch.randn(2, 33, 5, dtype=F64)
    by_inputs = []
    for module in (stack, dense):
        inputs = x.clone().requires_grad_()
        outputs = module(inputs)
        outputs.backward(given)
        by_inputs.append(inputs.grad)
    torch.testing.assert_close(stack(x), dense(x))
    torch.testing.assert_close(*by_inputs)
    for one, other in zip(stack.parameters(), gradients(stack, dense), strict=True):
        torch.testing.assert_close(one.grad, other)


def test_as_sparse_layers_in_a_row() -> None:
    """The same bits as in a Sequential."""
    stack = SparseStack([make(40, 50), make(50, 30)], "relu")
    one, two = stack.layers
    assert all(map(is_housed, (stack, one, two)))
    x = torch.randn(70, 40)
    outputs, others = stack(x), two(torch.relu(one(x)))
    assert torch.equal(outputs, others)
    given = torch.randn(70, 30)
    found = [torch.autograd.grad(it, list(stack.parameters()), given) for it in (outputs, others)]
    for gradient, other in zip(*found, strict=True):
        torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("trained", ["layers.0", "layers.1", "layers.2", "bias", "inputs"])
def test_layers_that_are_frozen(trained: str) -> None:
    stack = stack_of(activation="tanh")
    dense, x = one_by_one(stack), torch.randn(33, 20, dtype=F64)
    for name, each in stack.named_parameters():
        each.requires_grad_(trained in name)
    inputs = x.clone().requires_grad_(trained == "inputs")
    stack(inputs).square().sum().backward()
    dense(x.requires_grad_()).square().sum().backward()
    for each, other in zip(stack.parameters(), gradients(stack, dense), strict=True):
        if each.requires_grad:
            torch.testing.assert_close(each.grad, other)
        else:
            assert each.grad is None
    if trained == "inputs":
        torch.testing.assert_close(inputs.grad, x.grad)


def test_gradients_by_central_differences() -> None:
    stack = stack_of(activation="sigmoid")
    x = torch.randn(7, 20, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, *parameters: stack._products(x, parameters), (x, *stack.parameters())
    )


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies(copied: Any) -> None:
    stack, x = stack_of(), torch.randn(5, 20, dtype=F64)
    expected = stack(x)
    other = copied(stack)
    with torch.no_grad():
        stack.layers[0].weight.zero_()
    assert torch.equal(other(x), expected)
    assert all(map(is_housed, (other, *other.layers)))
    other.float()
    assert all(map(is_housed, (other, *other.layers)))
    torch.testing.assert_close(other(x.float()), expected.float())


def test_state_dict() -> None:
    stack, other, x = stack_of(), stack_of(), torch.randn(5, 20, dtype=F64)
    for each in other.parameters():
        torch.nn.init.normal_(each)
    other.load_state_dict(stack.state_dict())
    assert torch.equal(other(x), stack(x))


def test_shared_memory() -> None:
    stack = stack_of().share_memory()
    assert all(map(is_housed, (stack, *stack.layers)))


def test_a_layer_that_was_replaced() -> None:
    stack = SparseStack([make(20, 30), make(30, 12)], "tanh")
    stack.layers[1] = make(30, 12, seed=5)
    x = torch.randn(6, 20)
    torch.testing.assert_close(stack(x), one_by_one(stack)(x))


def test_training_goes_down() -> None:
    x = torch.randn(200, 20)
    y = x[:, :5].argmax(1)
    stack = stack_of(dtype=torch.float32)
    optimizer = torch.optim.Adam(stack.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(stack(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


@COMPILED_ONLY
def test_torch_compile_calls_it_as_it_is() -> None:
    stack, x = stack_of(), torch.randn(5, 20, dtype=F64)
    assert torch.equal(torch.compile(stack, backend="eager")(x), stack(x))
    torch.compiler.reset()


def test_stacks_that_are_refused() -> None:
    graph = snn.topology.constant_degree(20, 12, degree=3, seed=0)
    for layers, error, message in [
        (graph, TypeError, "layers must be a list of sparse layers or graphs, got Topology"),
        ([], ValueError, "a SparseStack needs at least one layer, got none"),
        ([graph, 3], TypeError, "layer 2 must be a Topology, got int"),
        ([graph, graph], ValueError, "layer 1 has 12 outputs, but layer 2 takes 20 inputs"),
    ]:
        with pytest.raises(error, match=message):
            SparseStack(layers)
    with pytest.raises(ValueError, match=r"activation must be one of .*, got 'gelu'"):
        SparseStack([graph], "gelu")
    with pytest.raises(ValueError, match=r"output_activation must be one of .*, got 'softmax'"):
        SparseStack([graph], output_activation="softmax")
    mixed = [make(20, 30), make(30, 5, dtype=F64)]
    with pytest.raises(ValueError, match=r"one dtype .* got torch\.float32 .* torch\.float64"):
        SparseStack(mixed)
    stack = SparseStack([make(20, 30), make(30, 5)])
    stack.layers[1].double()
    with pytest.raises(ValueError, match="convert the module as a whole"):
        stack(torch.zeros(3, 20))
    with pytest.raises(ValueError, match=r"SparseStack takes inputs of shape \(\.\.\., 20\)"):
        stack_of()(torch.zeros(5, 21, dtype=F64))
