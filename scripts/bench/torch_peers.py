"""PyTorch, dense and sparse."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from .base import NARROW, Array, LayeredPeer, Peer, Problem, edge_positions, transposed_order


class _Torch:
    """A dense layer in PyTorch.

    Its products run in oneDNN, by an operator that `torch.compile` uses. PyTorch's default is MKL,
    which took twice as long on an AMD CPU.
    """

    def __init__(self, mask: Any, bias: Array, peer: Peer) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.bias = self.torch.tensor(bias)
        self.rate, self.momentum = peer.problem.rate, peer.problem.momentum
        self.has_onednn = self.torch.backends.mkldnn.is_available()
        self.set_weights(mask)
        self.velocities = [self.torch.zeros_like(x) for x in (self.weights, self.bias)]

    def set_weights(self, mask: Any) -> None:
        self.weights = self.torch.tensor(mask.toarray())
        self.edges = edge_positions(mask)

    def product(self, left: Any, right: Any) -> Any:
        if self.has_onednn:
            return self.torch.ops.mkldnn._linear_pointwise(left, right.t(), None, "none", [], "")
        return left @ right

    def forward(self, inputs: Any) -> Any:
        return self.product(self.weights, inputs).add_(self.bias[:, None])

    def input_gradient(self, delta: Any) -> Any:
        # oneDNN's operator copies a left operand that is transposed; let it be the smaller one
        if len(self.weights) <= NARROW:
            return self.product(self.weights.t(), delta)
        return self.product(delta.t(), self.weights).t()

    def weights_gradient(self, delta: Any, inputs: Any) -> Any:
        return self.product(delta, inputs.t())

    def update(self, delta: Any, inputs: Any) -> None:
        # v ← mu·v + g, w ← w - eta·(g + mu·v): Keras's form, with v in units of -eta
        self.torch._fused_sgd_(
            [self.weights, self.bias], [self.weights_gradient(delta, inputs), delta.sum(1)],
            self.velocities, lr=self.rate, momentum=self.momentum, nesterov=True, dampening=0.0,
            weight_decay=0.0, maximize=False, is_first_step=False,
        )  # fmt: skip

    def on_edges(self, matrix: Any) -> Array:
        return matrix.numpy().ravel()[self.edges]


class _TorchMasked(_Torch):
    """A dense layer whose weights off the edges stay zero, as their gradients are masked."""

    def set_weights(self, mask: Any) -> None:
        super().set_weights(mask)
        self.mask = self.torch.zeros_like(self.weights)
        self.mask.view(-1)[self.torch.from_numpy(self.edges)] = 1

    def weights_gradient(self, delta: Any, inputs: Any) -> Any:
        return super().weights_gradient(delta, inputs).mul_(self.mask)


class _TorchCSR(_Torch):
    """A CSR layer in PyTorch, with its weights' gradient by edges and a stored transpose."""

    def set_weights(self, mask: Any) -> None:
        transposed = transposed_order(mask)
        self.order = self.torch.from_numpy(transposed.data)
        self.matrix, self.gradient = (self.csr(mask, mask.data) for _ in range(2))
        self.transposed = self.csr(transposed, mask.data[transposed.data])
        self.weights = self.matrix.values()

    def csr(self, structure: Any, values: Array) -> Any:
        indptr, indices = (
            self.torch.tensor(x, dtype=self.torch.int32)
            for x in (structure.indptr, structure.indices)
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            return self.torch.sparse_csr_tensor(
                indptr, indices, self.torch.tensor(values), structure.shape, check_invariants=False
            )

    def forward(self, inputs: Any) -> Any:
        return self.torch.addmm(self.bias[:, None], self.matrix, inputs)

    def input_gradient(self, delta: Any) -> Any:
        self.torch.index_select(self.weights, 0, self.order, out=self.transposed.values())
        return self.transposed @ delta

    def weights_gradient(self, delta: Any, inputs: Any) -> Any:
        gradient = self.gradient
        self.torch.sparse.sampled_addmm(gradient, delta, inputs.t(), beta=0, out=gradient)
        return gradient.values()

    def on_edges(self, matrix: Any) -> Array:
        return matrix.numpy().copy()


class TorchDense(LayeredPeer):
    """PyTorch by hand, without autograd, and with its optimizer's fused update."""

    name = "PyTorch dense"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    layer = dense_layer = _Torch

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.torch: Any = importlib.import_module("torch")
        self.images = self.torch.tensor(problem.images)
        self.labels = self.torch.tensor(problem.labels)
        self.one_hot = self.torch.eye(problem.biases[-1].size)

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let PyTorch use `threads` threads."""
        before = self.torch.get_num_threads()
        self.torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            self.torch.set_num_threads(before)

    def step(self, samples: Array) -> None:
        """Train on the samples with these numbers, int64."""
        with self.torch.inference_mode():
            super().step(samples)

    def backward(self, samples: Array) -> Iterator[tuple[Any, Any, Any]]:
        """Yield layers, last first, with the gradients of pre-activations, and the inputs."""
        chosen = self.torch.from_numpy(samples)
        inputs = self.images.index_select(0, chosen).t() * self.problem.scale
        values = [inputs.contiguous() if self.is_sparse else inputs]
        for layer in self.layers:
            values.append(layer.forward(values[-1]).sigmoid_())
        targets = self.one_hot.index_select(1, self.labels.index_select(0, chosen))
        delta = (values[-1] - targets).mul_(2 / targets.numel())
        for k in reversed(range(len(self.layers))):
            layer = self.layers[k]
            delta = self.torch.ops.aten.sigmoid_backward(delta, values[k + 1])
            following = layer.input_gradient(delta) if k else None
            yield layer, delta, values[k]
            delta = following


class TorchMasked(TorchDense):
    """PyTorch's dense step with a mask on the gradients."""

    name = "PyTorch dense + mask"
    keeps_edges = True
    layer = _TorchMasked


class TorchCSR(TorchDense):
    """PyTorch's CSR products."""

    name = "PyTorch CSR"
    is_sparse = keeps_edges = True
    layer = _TorchCSR
