"""Networks of named wirings in PyTorch: masked matrices, and CSR matrices.

Gradients are autograd's, as in the systems that do this; all else is in the fastest form that we
found. Activations are feature-major, so that those of earlier levels are put together by whole
rows, and the optimiser is PyTorch's fused one.
"""

from __future__ import annotations

import importlib
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from minisnn.kernels.functions.normalisation import EPSILON
from minisnn.kernels.functions.normalisation import MOMENTUM as SHARE

from .base import Array, transposed_order
from .wired import MOMENTUM, RATE, Side, Task

torch: Any = importlib.import_module("torch")
functional: Any = importlib.import_module("torch.nn.functional")


@dataclass(frozen=True)
class Leaf:
    """A tensor that is trained, and the place of its values among our parameters.

    Attributes
    ----------
    tensor
        Its values in our order, row by row.
    first
        Position of the first one.
    edges
        Of a masked matrix, the positions of its edges in it.
    """

    tensor: Any
    first: int
    edges: Any = None

    def copy_into(self, vector: Array, values: Any) -> None:
        """Put its values, or others of the same form, into a vector of all parameters."""
        flat = values.detach().reshape(-1)
        flat = flat if self.edges is None else flat[self.edges]
        vector[self.first : self.first + len(flat)] = flat.numpy()


class TorchSide(Side):
    """A network in PyTorch; its parameters begin as ours."""

    def __init__(self, task: Task, threads: int, dtype: str) -> None:
        super().__init__(task, threads, dtype)
        net = task.network(dtype)
        self.structure = structure = net.structure
        self.first: Any = torch.tensor(net.parameters)  # the initial ones
        given = np.arange(net.n_out)
        if structure.outputs_given is not None:
            given = structure.outputs_given
        self.X = torch.tensor(task.X, dtype=self.first.dtype)
        self.Y = torch.tensor(task.Y[:, given], dtype=self.first.dtype)
        self.weights = torch.tensor(task.output_weights[given], dtype=self.first.dtype) / net.n_out
        self.leaves: list[Leaf] = []
        self.moments: dict[int, list[Any]] = {}  # by group
        for number, group in structure.summing:
            if group.normal is not None:
                _, *moments = structure.normal_parts(self.first, number)
                self.moments[number] = list(map(torch.clone, moments))
        self.build()
        self._tensors = [leaf.tensor for leaf in self.leaves]
        self._velocities = [torch.zeros_like(tensor) for tensor in self._tensors]

    @abstractmethod
    def build(self) -> None:
        """Make all leaves, by `trained`."""

    @abstractmethod
    def outputs(self, X: Any) -> Any:
        """Return the outputs before their sigmoids, (samples, n_outputs) in the order of rows."""

    def trained(self, values: Any, first: int, edges: Any = None) -> Any:
        """Return a copy of values as a tensor that is trained; see `Leaf`."""
        tensor = torch.nn.Parameter(values.clone())
        self.leaves.append(Leaf(tensor, first, edges))
        return tensor

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let PyTorch use `threads` threads."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def steps(self, samples: Array) -> None:
        """Train on batches of samples, int64[n_steps, batch_size]."""
        for batch in torch.from_numpy(samples):
            self._backward(batch)
            with torch.no_grad():
                # v ← mu·v + g, w ← w - eta·(g + mu·v): Keras's form, with v in units of -eta
                torch._fused_sgd_(
                    self._tensors, [tensor.grad for tensor in self._tensors], self._velocities,
                    lr=RATE, momentum=MOMENTUM, nesterov=True, dampening=0.0, weight_decay=0.0,
                    maximize=False, is_first_step=False,
                )  # fmt: skip

    def _backward(self, batch: Any) -> Any:
        for tensor in self._tensors:
            tensor.grad = None
        Z, targets = self.outputs(self.X.index_select(0, batch)), self.Y.index_select(0, batch)
        total = functional.binary_cross_entropy_with_logits(
            Z, targets, weight=self.weights, reduction="sum"
        )
        loss = total / len(batch)
        loss.backward()
        return loss.detach()

    def gradients(self, samples: Array) -> tuple[float, Array]:
        """Return the loss of one batch, and its gradients; see `Side`."""
        moments = {n: [tensor.clone() for tensor in pair] for n, pair in self.moments.items()}
        loss = float(self._backward(torch.from_numpy(samples)))
        for number, pair in moments.items():
            for tensor, value in zip(self.moments[number], pair, strict=True):
                tensor.copy_(value)
        vector = np.zeros(self.structure.n_parameters, self.dtype)
        for leaf in self.leaves:
            leaf.copy_into(vector, leaf.tensor.grad)
        return loss, vector

    def parameters(self) -> Array:
        """Return a copy of all parameters; see `Side`."""
        vector = np.zeros(self.structure.n_parameters, self.dtype)
        for leaf in self.leaves:
            leaf.copy_into(vector, leaf.tensor)
        for number, pair in self.moments.items():
            for part, tensor in zip(
                self.structure.normal_parts(vector, number)[1:], pair, strict=True
            ):
                part[:] = tensor.numpy()
        return vector

    def activated(self, number: int, Z: Any, gains: Any, shifts: Any) -> Any:
        """Return tanh of the normalised sums of a group, of shape (neurons, samples)."""
        H = functional.batch_norm(
            Z[None], *self.moments[number], gains, shifts, True, SHARE, EPSILON
        )
        return torch.tanh(H[0])


class LayeredSide(TorchSide):
    """A matrix for the neurons of each level, and one for its outputs, over all earlier ones."""

    @abstractmethod
    def product(self, number: int, inputs: Any) -> Any:
        """Return W X of a group, from the rows that it reads."""

    def build(self) -> None:
        """Make all biases and gains."""
        structure = self.structure
        self.biases, self.gains = {}, {}
        for number, group in structure.summing:
            _, biases = structure.parts(self.first, number)
            self.biases[number] = self.trained(biases, structure.biases[number])
            if group.normal is not None:
                gains = structure.normal_parts(self.first, number)[0]
                self.gains[number] = self.trained(gains, structure.gains[number])

    def outputs(self, X: Any) -> Any:
        """Return the outputs before their sigmoids."""
        values, sums = [X.t().contiguous()], []
        for level in self.structure.levels:
            earlier = torch.cat(values) if len(values) > 1 else values[0]
            for number in level:
                group = self.structure.groups[number]
                Z = self.product(number, earlier[group.reads : group.reads + group.graph.n_in])
                if group.output is None:
                    A = self.activated(number, Z, self.gains[number], self.biases[number])
                else:
                    A = Z + self.biases[number][:, None]
                    sums.append(A)
                values.append(A)
        return torch.cat(sums).t()


class Masked(LayeredSide):
    """Dense matrices whose gradients are masked, as P-NET and BINN have them.

    Weights off the edges begin at zero and stay there. The products run in oneDNN, by an operator
    that `torch.compile` uses: PyTorch's default is MKL, which takes longer on an AMD CPU. A mask of
    float32 is faster than one of bytes, and than masked weights in the forward pass.
    """

    name = "PyTorch, masked matrices"

    def build(self) -> None:
        """Make the matrices and their masks."""
        super().build()
        self.matrices = {}
        for number, group in self.structure.summing:
            indptr, indices = group.graph.rows()
            rows = np.repeat(np.arange(group.n_rows), np.diff(indptr))
            edges = torch.from_numpy(rows * group.graph.n_in + indices.astype(np.int64))
            mask, W = torch.zeros(2, group.n_rows, group.graph.n_in, dtype=self.first.dtype)
            mask.view(-1)[edges] = 1
            W.view(-1)[edges] = self.structure.parts(self.first, number)[0]
            W = self.trained(W, self.structure.weights[number], edges)
            self.matrices[number] = W, mask

    def product(self, number: int, inputs: Any) -> Any:
        """Return W X of a group."""
        return _MaskedProduct.apply(inputs, *self.matrices[number])

    def n_weights(self) -> int:
        """Return the number of weights of all matrices."""
        return sum(W.numel() for W, _ in self.matrices.values())


class _MaskedProduct(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(context: Any, X: Any, W: Any, mask: Any) -> Any:
        context.save_for_backward(X, W, mask)
        return _matmul(W, X)

    @staticmethod
    def backward(context: Any, dZ: Any) -> tuple[Any, ...]:
        X, W, mask = context.saved_tensors
        # oneDNN's operator copies a left operand that is transposed: here dZ, the smaller one.
        dX = _matmul(dZ.t(), W).t() if context.needs_input_grad[0] else None
        return dX, _matmul(dZ, X.t()).mul_(mask), None


def _matmul(left: Any, right: Any) -> Any:
    if left.dtype == torch.float32 and torch.backends.mkldnn.is_available():
        return torch.ops.mkldnn._linear_pointwise(left, right.t(), None, "none", [], "")
    return left @ right


class Sparse(LayeredSide):
    """CSR matrices, whose gradients are made on the edges alone, with stored transposes.

    PyTorch's own gradient of a CSR matrix is a product of dense ones.
    """

    name = "PyTorch, CSR matrices"

    def build(self) -> None:
        """Make the matrices and their transposes."""
        super().build()
        self.matrices = {}
        for number, group in self.structure.summing:
            graph = group.graph
            indptr, indices = (array.astype(np.int32) for array in graph.rows())
            values = self.structure.parts(self.first, number)[0]
            leaf = self.trained(values, self.structure.weights[number])
            ones = np.ones(graph.n_edges, np.float32)
            pattern = scipy.sparse.csr_array((ones, indices, indptr), (graph.n_out, graph.n_in))
            transposed = transposed_order(pattern)
            matrices = _Matrices(
                _csr(pattern, leaf.detach()),
                _csr(pattern, torch.zeros_like(values)),
                _csr(transposed, torch.zeros_like(values)),
                torch.from_numpy(transposed.data),
            )
            self.matrices[number] = leaf, matrices

    def product(self, number: int, inputs: Any) -> Any:
        """Return W X of a group."""
        return _SparseProduct.apply(inputs, *self.matrices[number])

    def n_weights(self) -> int:
        """Return the number of edges."""
        return sum(values.numel() for values, _ in self.matrices.values())


@dataclass(frozen=True)
class _Matrices:
    """A CSR matrix that shares its values with a leaf; its gradient, its transpose, their order."""

    matrix: Any
    gradient: Any
    transposed: Any
    order: Any


class _SparseProduct(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(context: Any, X: Any, values: Any, matrices: _Matrices) -> Any:
        context.matrices = matrices
        context.save_for_backward(X, values)
        return matrices.matrix @ X

    @staticmethod
    def backward(context: Any, dZ: Any) -> tuple[Any, ...]:
        (X, values), its = context.saved_tensors, context.matrices
        dX = None
        if context.needs_input_grad[0]:
            torch.index_select(values, 0, its.order, out=its.transposed.values())
            dX = its.transposed @ dZ
        torch.sparse.sampled_addmm(its.gradient, dZ, X.t(), beta=0, out=its.gradient)
        return dX, its.gradient.values(), None


def _csr(structure: Any, values: Any) -> Any:
    indptr, indices = (
        torch.tensor(array, dtype=torch.int32) for array in (structure.indptr, structure.indices)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return torch.sparse_csr_tensor(
            indptr, indices, values, structure.shape, check_invariants=False
        )
