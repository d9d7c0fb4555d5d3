"""Sparse layers that others have written for PyTorch."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from .base import Array, LayeredPeer
from .torch_peers import TorchCSR, _TorchCSR


class _SparseLab(_TorchCSR):
    """A layer on SparseLab's kernels, called as its module calls them.

    Rows have no room for more edges, and the transposed structure is kept: its values are copied
    by one indexed copy, where SparseLab's own cache takes two and a mask.
    """

    def set_weights(self, mask: Any) -> None:
        layout = importlib.import_module("sparselab.layout")
        self.kernels = importlib.import_module("sparselab._core")
        self.matrix = layout.from_torch_sparse_csr(self.csr(mask, mask.data), padding_ratio=0.0)
        self.weights = self.torch.from_numpy(np.asarray(self.matrix.values))
        self.edges = self.torch.from_numpy(_places(self.matrix))
        transposed, places = layout.transpose_with_perm(self.matrix, padding_ratio=0.0)
        used = places >= 0
        self.transposed, self.order = transposed, self.torch.from_numpy(places[used])
        self.transposed_values = self.torch.from_numpy(np.asarray(transposed.values))
        self.used = self.torch.from_numpy(np.flatnonzero(used))

    def forward(self, inputs: Any) -> Any:
        found = self.kernels.spmm_simd(self.matrix, inputs.contiguous().numpy())
        return self.torch.from_numpy(found).add_(self.bias[:, None])

    def input_gradient(self, delta: Any) -> Any:
        self.transposed_values[self.used] = self.weights[self.order]
        found = self.kernels.spmm_simd(self.transposed, delta.contiguous().numpy())
        return self.torch.from_numpy(found)

    def weights_gradient(self, delta: Any, inputs: Any) -> Any:
        found = self.kernels.spmm_grad_w_simd(
            self.matrix, delta.contiguous().numpy(), inputs.contiguous().numpy()
        )
        return self.torch.from_numpy(found)

    def on_edges(self, matrix: Any) -> Array:
        return np.asarray(matrix[self.edges].numpy()).copy()


def _places(matrix: Any) -> Array:
    """Return where the values of a padded CSR matrix stand, row after row."""
    begins, counts = np.asarray(matrix.row_start), np.asarray(matrix.row_nnz)
    return np.concatenate([np.arange(n) + b for b, n in zip(begins, counts, strict=True)])


class _GradUtils(_TorchCSR):
    """A CSR layer whose gradients are those of `sparse_mm` of torchsparsegradutils."""

    def set_weights(self, mask: Any) -> None:
        self.multiply = importlib.import_module("torchsparsegradutils").sparse_mm
        matrix = self.csr(mask, mask.data)
        self.weights = matrix.values()
        self.matrix = matrix.detach().requires_grad_()

    def forward(self, inputs: Any) -> Any:
        self.inputs = inputs.detach().requires_grad_()
        with self.torch.enable_grad():
            self.sums = self.multiply(self.matrix, self.inputs)
        return self.sums.detach() + self.bias[:, None]

    def input_gradient(self, delta: Any) -> Any:
        return self._gradient(self.inputs, delta)

    def weights_gradient(self, delta: Any, inputs: Any) -> Any:
        return self._gradient(self.matrix, delta).values()

    def _gradient(self, by: Any, delta: Any) -> Any:
        with self.torch.sparse.check_sparse_tensor_invariants(False):  # or it warns
            return self.torch.autograd.grad(self.sums, by, delta, retain_graph=True)[0]


class SparseLab(TorchCSR):
    """SparseLab's padded CSR."""

    name = "SparseLab"
    packages: ClassVar[tuple[str, ...]] = ("torch", "sparselab")
    layer = _SparseLab

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let PyTorch, and the OpenMP that SparseLab brings along, use `threads` threads."""
        with ExitStack() as stack:
            stack.enter_context(super().limits())
            stack.enter_context(threadpool_limits(self.threads))
            yield


class GradUtils(TorchCSR):
    """PyTorch's CSR with the gradients of torchsparsegradutils."""

    name = "torchsparsegradutils"
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchsparsegradutils")
    layer = _GradUtils

    def step(self, samples: Array) -> None:
        """Train on the samples with these numbers, int64."""
        with self.torch.no_grad():  # under inference mode no graph can be made
            LayeredPeer.step(self, samples)
