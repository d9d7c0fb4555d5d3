"""Basis of the modules: one call of the kernels, and the life of what they need for it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import torch

from ..network.layer import check_graphs
from ..network.mlp import MLP
from ..topology.graph import Topology
from .checks import check_inputs, check_no_record, outside_compilation
from .products import Parameters, Products


class KernelModule(torch.nn.Module):
    """A module whose outputs come from one call of the kernels.

    Attributes
    ----------
    in_features, out_features : int
        Its widths.
    """

    in_features: int
    out_features: int
    _products: Products

    @abstractmethod
    def _graphs(self) -> list[Topology]:
        """Return the graphs of its layers."""

    @abstractmethod
    def _ordered(self) -> Parameters:
        """Return weights and biases, layer by layer."""

    @abstractmethod
    def _activations(self) -> tuple[str, str]:
        """Return the activations between layers, and of the outputs."""

    def _wire(self) -> None:
        """Make what is derived from the topology: kernels have it, files do not."""
        graphs = check_graphs(self._graphs())
        self._products = Products(graphs, *self._activations(), self._ordered())

    def to_minisnn(self) -> MLP:
        """Return the network that does the same; weights and biases are copied.

        Returns
        -------
        MLP

        Examples
        --------
        >>> import minisnn as snn
        >>> from minisnn.torch import SparseLinear, SparseStack
        >>> SparseLinear(snn.topology.constant_degree(8, 4, degree=2, seed=0)).to_minisnn()
        MLP(8 -> 4, 16 connections, 4 biases, float32, identity, identity)
        >>> stack = SparseStack([snn.topology.dense(8, 4), snn.topology.dense(4, 2)])
        >>> stack.to_minisnn()
        MLP(8 -> 4 -> 2, 40 connections, 6 biases, float32, relu, identity)
        """
        vector = self._products.joined(self._ordered()).numpy()
        return MLP.from_parameters(self._graphs(), vector, *self._activations())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs.

        Parameters
        ----------
        x : Tensor, shape (..., in_features)
            Inputs, of the parameters' precision, on the CPU.

        Returns
        -------
        Tensor, shape (..., out_features)

        Raises
        ------
        TypeError, ValueError
            If x is not such a tensor.
        RuntimeError
            If the call is to be recorded, by ``torch.jit.trace`` or ``torch.export``.
        """
        if torch.compiler.is_compiling():
            return _uncompiled(self, x)
        return self._run(x)

    def _run(self, x: torch.Tensor) -> torch.Tensor:
        check_no_record(type(self).__name__)
        if self._graphs() != self._products.graphs:  # a layer of a stack was replaced
            self._wire()
        parameters = self._ordered()
        check_inputs(x, self.in_features, parameters[0], type(self).__name__)
        return self._products(x, parameters)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_products"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._wire()

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        self._house()
        return self

    def _house(self) -> None:
        """Have parameters that were converted or moved be views of one vector again."""
        self._products.house(self._ordered())


_uncompiled = outside_compilation(KernelModule._run)
