"""The products of layers as one function of PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..kernels.program.records import Wanted
from ..network.calls import Calls, Matrix
from ..network.layer import structure_of
from ..topology.graph import Topology

Parameters = Sequence[Tensor | None]
"""Weights and biases of each layer, one after the other; None where a layer has no biases."""


class Products:
    """The products of a chain of layers, and where their parameters stand in one vector.

    Parameters
    ----------
    graphs : list of Topology
        Those of the layers.
    activation, output_activation : str
        Activations between layers, and of the last one.
    parameters : sequence of Tensor or None
        Their weights and biases.

    Notes
    -----
    Kernels read all weights and biases from one vector. `house` makes the parameters views of one,
    so that none is copied at a call. Whatever replaces their memory later, such as
    ``load_state_dict(assign=True)``, costs a copy at each call, and changes no result.
    """

    def __init__(
        self,
        graphs: list[Topology],
        activation: str,
        output_activation: str,
        parameters: Parameters,
    ) -> None:
        self.graphs = graphs
        structure = structure_of(graphs, activation, output_activation)
        self.calls = Calls(structure)
        self.n_in, self.n_out = structure.n_in, structure.n_out
        self.n_parameters = structure.n_parameters
        self._n_rows, self._n_inputs = structure.n_rows, structure.n_inputs
        numbers = [number for number, _ in structure.summing]
        begins = chain(*((structure.weights[k], structure.biases[k]) for k in numbers))
        self._begins = [*begins, structure.n_parameters]
        self._sizes = [end - begin for begin, end in pairwise(self._begins)]
        self._inputs = None
        if structure.inputs is not None:
            self._inputs = torch.from_numpy(structure.inputs.astype(np.int64))
        self.vector = torch.empty(0)
        self.house(parameters)

    # Parameters

    def house(self, parameters: Parameters) -> None:
        """Make parameters views of one vector, unless they are shared with other processes.

        Nor can they be if one is made anew at each call, such as a pruned one.
        """
        for each in parameters:
            if each is not None and not (
                isinstance(each, torch.nn.Parameter) and each.is_cpu and not each.is_shared()
            ):
                return
        if self._has(parameters):
            return
        self.vector = self._copy(parameters)
        for each, part in zip(parameters, self.vector.split_with_sizes(self._sizes), strict=True):
            if each is not None:
                each.data = part

    def joined(self, parameters: Parameters) -> Tensor:
        """Return the vector of all parameters: the one that they are views of, or a copy."""
        return self.vector if self._has(parameters) else self._copy(parameters)

    def _has(self, parameters: Parameters) -> bool:
        """Return whether parameters are views of the vector."""
        at, size = self.vector.data_ptr(), self.vector.element_size()
        for each, begin in zip(parameters, self._begins, strict=False):
            if each is not None and each.data_ptr() != at + begin * size:
                return False
        return True

    def _copy(self, parameters: Parameters) -> Tensor:
        first, *others = (each for each in parameters if each is not None)
        for each in others:
            if (each.dtype, each.device) != (first.dtype, first.device):
                raise ValueError(
                    "parameters must have one dtype and one device, got "
                    f"{first.dtype} on {first.device} and {each.dtype} on {each.device}; "
                    "convert the module as a whole"
                )
        vector = torch.zeros(self.n_parameters, dtype=first.dtype)
        for each, part in zip(parameters, vector.split_with_sizes(self._sizes), strict=True):
            if each is not None:
                part.copy_(each.detach())
        return vector

    # Passes

    def __call__(self, x: Tensor, parameters: Parameters) -> Tensor:
        """Return the outputs for inputs of shape (..., n_in); differentiable where that matters."""
        if torch.is_grad_enabled() and (
            x.requires_grad or any(each is not None and each.requires_grad for each in parameters)
        ):
            outputs: Tensor = _Function.apply(self, x, *parameters)
            return outputs
        rows = _as_matrix(x)
        outputs = torch.empty((rows.shape[0], self.n_out), dtype=x.dtype)
        if rows.shape[0]:
            dtype, vector = _DTYPES[x.dtype], self.joined(parameters)
            at, given = outputs.data_ptr(), _matrix(rows, dtype)
            self.calls.predict(dtype, vector.data_ptr(), given, at, torch.get_num_threads())
        return outputs if x.dim() == 2 else outputs.view(*x.shape[:-1], self.n_out)

    def forward(self, rows: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Return outputs and activations, which `backward` needs, for inputs as a matrix."""
        n, dtype = rows.shape[0], _DTYPES[rows.dtype]
        outputs = torch.empty((n, self.n_out), dtype=rows.dtype)
        if not n:
            return outputs, torch.empty(0, dtype=rows.dtype)
        shape = self._n_rows, self.calls.width(n, dtype)
        activations, vector = torch.empty(shape, dtype=rows.dtype), self.joined(parameters)
        self.calls.forward(
            dtype, vector.data_ptr(), _matrix(rows, dtype), activations.data_ptr(),
            outputs.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
        return outputs, activations

    def backward(
        self, wanted: Wanted, given: Tensor, activations: Tensor, parameters: Parameters
    ) -> tuple[Tensor | None, Sequence[Tensor]]:
        """Return the gradients by the inputs and by each parameter; those wanted are filled in."""
        n, any_parameter = given.shape[0], any(wanted.weights) or any(wanted.biases)
        make = torch.empty if n else torch.zeros
        gradients = make(self.n_parameters, dtype=given.dtype) if any_parameter else None
        by_inputs = None
        if wanted.inputs:
            by_inputs = torch.empty((n, self._n_inputs), dtype=given.dtype)
        if n:
            dtype, vector = _DTYPES[given.dtype], self.joined(parameters)
            self.calls.backward(
                dtype, wanted, vector.data_ptr(), activations.data_ptr(), _matrix(given, dtype),
                _address(gradients), _address(by_inputs), torch.get_num_threads(),
            )  # fmt: skip
        if by_inputs is not None and self._inputs is not None:
            some, by_inputs = by_inputs, torch.zeros((n, self.n_in), dtype=given.dtype)
            by_inputs[:, self._inputs] = some
        return by_inputs, () if gradients is None else gradients.split_with_sizes(self._sizes)


_DTYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
"""Precisions of layers, as kernels name them."""


def _as_matrix(x: Tensor) -> Tensor:
    return x if x.dim() == 2 else x.reshape(-1, x.shape[-1])


def _matrix(rows: Tensor, dtype: np.dtype[Any]) -> Matrix:
    by_row, by_column = rows.stride()
    size = dtype.itemsize
    return Matrix(rows.data_ptr(), rows.shape[0], by_row * size, by_column * size)


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


class _Function(torch.autograd.Function):
    """Outputs of layers, with gradients by inputs, weights and biases: those that are needed."""

    @staticmethod
    def forward(ctx: Any, products: Products, x: Tensor, *parameters: Tensor | None) -> Tensor:
        outputs, activations = products.forward(_as_matrix(x), parameters)
        # Biases have done their work, and so have the weights of the first layer if none asks
        # what comes before it.
        first = 0 if ctx.needs_input_grad[1] else 1
        ctx.products, ctx.shape, ctx.first = products, x.shape, first
        ctx.save_for_backward(activations, *parameters[::2][first:])
        ctx.set_materialize_grads(False)
        return outputs if x.dim() == 2 else outputs.view(*x.shape[:-1], products.n_out)

    @staticmethod
    def backward(ctx: Any, given: Tensor | None) -> tuple[Tensor | None, ...]:
        _, by_inputs, *needed = ctx.needs_input_grad
        if given is None:
            return (None,) * (2 + len(needed))
        activations, *weights = ctx.saved_tensors
        parameters: list[Tensor | None] = [None] * len(needed)
        parameters[2 * ctx.first :: 2] = weights
        wanted = Wanted(by_inputs, tuple(needed[::2]), tuple(needed[1::2]))
        gradient, parts = ctx.products.backward(wanted, _as_matrix(given), activations, parameters)
        made = [part for part, need in zip(parts, needed, strict=False) if need]
        if by_inputs:
            made.insert(0, gradient.view(ctx.shape))
        if torch.is_grad_enabled():  # create_graph=True
            made = list(_Once.apply(*(each.requires_grad_() for each in made)))
        following = iter(made)
        return None, *[next(following) if need else None for need in (by_inputs, *needed)]


class _Once(torch.autograd.Function):
    """Gradients that say so if they are to be differentiated, instead of counting as constants."""

    @staticmethod
    def forward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(each.view_as(each) for each in gradients)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> Any:
        raise RuntimeError(
            "gradients of minisnn's layers cannot be differentiated again; for such a loss, "
            "as a gradient penalty is, take layer.to_dense()"
        )
