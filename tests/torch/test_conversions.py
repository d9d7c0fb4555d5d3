"""Dense layers with masks, and networks of minisnn, as sparse layers; and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisnn as snn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sparse_layers import make, twin  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from minisnn.torch import SparseLinear, SparseStack  # noqa: E402


@pytest.mark.parametrize("kind", ["bool tensor", "float tensor", "array", "list"])
@pytest.mark.parametrize("bias", [True, False])
def test_from_a_mask(kind: str, bias: bool) -> None:
    dense = torch.nn.Linear(20, 12, bias=bias, dtype=torch.float64)
    mask = torch.rand(12, 20) < 0.3
    given: Any = {
        "bool tensor": mask,
        "float tensor": mask.float(),
        "array": mask.numpy(),
        "list": mask.int().tolist(),
    }[kind]
    layer = SparseLinear.from_masked(dense, given)
    x = torch.randn(5, 20, dtype=torch.float64)
    expected = torch.nn.functional.linear(x, dense.weight * mask, dense.bias)
    torch.testing.assert_close(layer(x), expected)
    assert layer.topology.n_edges == mask.sum()
    assert (layer.bias is None) is not bias


def test_a_copy_keeps_what_is_trained() -> None:
    dense = torch.nn.Linear(20, 12).eval()
    dense.weight.requires_grad_(False)
    layer = SparseLinear.from_masked(dense, torch.rand(12, 20) < 0.3)
    assert (layer.weight.requires_grad, layer.bias.requires_grad) == (False, True)
    assert not layer.training
    again = layer.to_dense()
    assert (again.weight.requires_grad, again.bias.requires_grad) == (False, True)
    assert not again.training


def test_a_pruned_layer() -> None:
    """The weights are those that are trained, not those of the last call."""
    dense = torch.nn.Linear(20, 12)
    prune.l1_unstructured(dense, "weight", 0.8)
    prune.random_unstructured(dense, "bias", 0.5)
    with torch.no_grad():
        dense.weight_orig.mul_(2)
        dense.bias_orig.add_(1)
    x = torch.randn(5, 20)
    layer = SparseLinear.from_masked(dense)
    torch.testing.assert_close(layer(x), dense(x))
    assert layer.topology.n_edges == 48


def test_to_dense() -> None:
    for layer in (make(), make(bias=False, dtype=torch.float64)):
        x = torch.randn(5, 20, dtype=layer.weight.dtype)
        dense = layer.to_dense()
        torch.testing.assert_close(dense(x), layer(x))
        torch.testing.assert_close(dense.weight, twin(layer).weight)
        with torch.no_grad():
            dense.weight.zero_()
        assert layer.weight.all()
        mask = twin(layer).weight != 0
        again = SparseLinear.from_masked(layer.to_dense(), mask)
        assert again.topology == layer.topology
        assert torch.equal(again.weight, layer.weight)


@pytest.mark.parametrize("bias", [True, False])
def test_to_minisnn(bias: bool) -> None:
    layer, x = make(bias=bias), torch.randn(5, 20)
    net = layer.to_minisnn()
    assert net.predict(x.numpy()).tobytes() == layer(x).detach().numpy().tobytes()
    net.parameters[:] = 0
    assert layer.weight.all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu"])
def test_a_network_there_and_back(activation: str, dtype: Any) -> None:
    graphs = [
        snn.topology.constant_degree(20, 30, degree=9, seed=0),
        snn.topology.constant_degree(30, 40, degree=9, seed=1),
        snn.topology.dense(40, 3),
    ]
    net = snn.MLP(graphs, activation=activation, seed=2, dtype=dtype)
    stack = SparseStack.from_minisnn(net)
    x = np.random.default_rng(0).standard_normal((37, 20)).astype(dtype)
    outputs = stack(torch.from_numpy(x))
    assert outputs.detach().numpy().tobytes() == net.forward(x)[-1].tobytes()
    again = stack.to_minisnn()
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert again.fingerprint() == net.fingerprint()
    stack.layers[0].weight.data.zero_()
    assert net.parameters[:10].all()


MASK = torch.ones(12, 20)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (None, ValueError, "linear has no mask; pass one"),
        (MASK.T, ValueError, r"= \(12, 20\), got \(20, 12\); transpose it"),
        (MASK[:5], ValueError, r"= \(12, 20\), got \(5, 20\)$"),
        (MASK / 2, ValueError, r"must hold only 0 and 1, got 0\.5"),
        (0 * MASK, ValueError, "the graph has no edge"),
    ],
)
def test_masks_that_are_refused(mask: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        SparseLinear.from_masked(torch.nn.Linear(20, 12), mask)


def test_layers_that_are_refused() -> None:
    with pytest.raises(TypeError, match="linear must be of type Linear, got ReLU"):
        SparseLinear.from_masked(torch.nn.ReLU(), MASK)
    pruned = prune.identity(torch.nn.Linear(20, 12), "weight")
    with pytest.raises(ValueError, match="linear is pruned and has a mask of its own"):
        SparseLinear.from_masked(pruned, MASK)
    with pytest.raises(ValueError, match=r"dtype must be .*, got torch\.bfloat16"):
        SparseLinear.from_masked(torch.nn.Linear(20, 12).bfloat16(), MASK)
    with pytest.raises(TypeError, match="net must be of type MLP"):
        SparseStack.from_minisnn(3)
    net = snn.MLP([snn.topology.dense(3, 2)], output_activation="softmax")
    with pytest.raises(ValueError, match="cannot have a softmax, since losses of PyTorch"):
        SparseStack.from_minisnn(net)
