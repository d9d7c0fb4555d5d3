"""The products of layers as one function of PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..kernels.program.records import Wanted
from ..network.calls import Calls
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
        structure = self.structure = structure_of(graphs, activation, output_activation)
        self.calls = Calls(structure)
        numbers = [number for number, _ in structure.summing]
        self._begins = list(chain(*((structure.weights[k], structure.biases[k]) for k in numbers)))
        self.inputs = None
        if structure.inputs is not None:
            self.inputs = torch.from_numpy(structure.inputs.astype(np.int64))
        self.vector = torch.empty(0)
        self.house(parameters)

    def house(self, parameters: Parameters) -> None:
        """Make parameters views of one vector, unless they are shared with other processes."""
        given = [each for each in parameters if each is not None]
        elsewhere = any(each.device.type != "cpu" or each.is_shared() for each in given)
        if elsewhere or self._has(parameters):
            return
        self.vector = self._copy(parameters)
        for each, part in zip(parameters, self._parts(self.vector), strict=True):
            if each is not None:
                each.data = part

    def joined(self, parameters: Parameters) -> Tensor:
        """Return the vector of all parameters: the one that they are views of, or a copy."""
        return self.vector if self._has(parameters) else self._copy(parameters)

    def _has(self, parameters: Parameters) -> bool:
        """Return whether parameters are views of the vector."""
        at, size = self.vector.data_ptr(), self.vector.element_size()
        for each, begin in zip(parameters, self._begins, strict=True):
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
        vector = torch.zeros(self.structure.n_parameters, dtype=first.dtype)
        for each, part in zip(parameters, self._parts(vector), strict=True):
            if each is not None:
                part.copy_(each.detach())
        return vector

    def _parts(self, vector: Tensor) -> list[Tensor]:
        """Return the parts of a vector of all parameters, or of their gradients, as views."""
        ends = [*self._begins[1:], self.structure.n_parameters]
        return [vector[begin:end] for begin, end in zip(self._begins, ends, strict=True)]

    def __call__(self, x: Tensor, parameters: Parameters) -> Tensor:
        """Return the outputs for inputs of shape (..., n_in); differentiable where that matters."""
        if torch.is_grad_enabled() and (
            x.requires_grad or any(each is not None and each.requires_grad for each in parameters)
        ):
            outputs: Tensor = _Function.apply(self, x, *parameters)
            return outputs
        outputs = torch.empty(*x.shape[:-1], self.structure.n_out, dtype=x.dtype)
        rows = outputs.view(-1, self.structure.n_out)
        if len(rows):
            X = x.detach().reshape(len(rows), -1).numpy()
            vector = self.joined(parameters).numpy()
            self.calls.predict(vector, X, rows.numpy(), torch.get_num_threads())
        return outputs

    def forward(self, X: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Return outputs and activations, which `backward` needs, for inputs as a matrix."""
        n, structure = len(X), self.structure
        outputs = torch.empty(n, structure.n_out, dtype=X.dtype)
        array = X.numpy()
        width = self.calls.width(max(n, 1), array.dtype)
        activations = torch.empty(structure.n_rows, width, dtype=X.dtype)
        if n:
            vector = self.joined(parameters).numpy()
            self.calls.forward(
                vector, array, activations.numpy(), outputs.numpy(), torch.get_num_threads()
            )
        return outputs, activations

    def backward(
        self, wanted: Wanted, given: Tensor, activations: Tensor, parameters: Parameters
    ) -> tuple[Tensor | None, list[Tensor | None]]:
        """Return the gradients by the inputs and by the parameters, as far as they are wanted."""
        n, structure = len(given), self.structure
        n_inputs = structure.n_inputs if wanted.inputs else 0
        flags = list(chain(*zip(wanted.weights, wanted.biases, strict=True)))
        gradients = torch.empty(structure.n_parameters if any(flags) else 0, dtype=given.dtype)
        by_inputs = torch.empty(n, n_inputs, dtype=given.dtype)
        if n:
            self.calls.backward(
                wanted,
                self.joined(parameters).numpy(),
                activations.numpy(),
                given.numpy(),
                gradients.numpy(),
                by_inputs.numpy(),
                torch.get_num_threads(),
            )
        else:
            gradients.zero_()
        if wanted.inputs and self.inputs is not None:
            some, by_inputs = by_inputs, torch.zeros(n, structure.n_in, dtype=given.dtype)
            by_inputs[:, self.inputs] = some
        parts = self._parts(gradients) if any(flags) else flags
        each = [part if flag else None for part, flag in zip(parts, flags, strict=True)]
        return by_inputs if wanted.inputs else None, each


class _Function(torch.autograd.Function):
    """Outputs of layers, with gradients by inputs, weights and biases: those that are needed."""

    @staticmethod
    def forward(ctx: Any, products: Products, x: Tensor, *parameters: Tensor | None) -> Tensor:
        outputs, activations = products.forward(x.detach().reshape(-1, x.shape[-1]), parameters)
        # Biases have done their work, and so have the weights of the first layer if none asks
        # what comes before it.
        first = 0 if ctx.needs_input_grad[1] else 1
        ctx.products, ctx.shape, ctx.first = products, x.shape, first
        ctx.save_for_backward(activations, *parameters[::2][first:])
        ctx.set_materialize_grads(False)
        return outputs.view(*x.shape[:-1], outputs.shape[1])

    @staticmethod
    def backward(ctx: Any, given: Tensor | None) -> tuple[Tensor | None, ...]:
        _, by_inputs, *needed = ctx.needs_input_grad
        if given is None:
            return (None,) * (2 + len(needed))
        activations, *weights = ctx.saved_tensors
        parameters: list[Tensor | None] = [None] * len(needed)
        parameters[2 * ctx.first :: 2] = weights
        wanted = Wanted(by_inputs, tuple(needed[::2]), tuple(needed[1::2]))
        rows = given.detach().reshape(-1, given.shape[-1])
        gradient, gradients = ctx.products.backward(wanted, rows, activations, parameters)
        gradient = None if gradient is None else gradient.view(ctx.shape)
        made = [each for each in (gradient, *gradients) if each is not None]
        if torch.is_grad_enabled():  # create_graph=True
            made = list(_Once.apply(*(each.requires_grad_() for each in made)))
        following = iter(made)
        return None, *(next(following) if need else None for need in (by_inputs, *needed))


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
