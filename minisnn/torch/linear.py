"""A sparse linear layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .._support.checks import check_flag, check_kind
from ..network.layer import checksum_of, structure_of
from ..topology.graph import Topology
from .checks import check_dtype, check_inputs, outside_compilation
from .products import Products


class SparseLinear(torch.nn.Module):
    """A linear layer whose wiring is sparse and fixed: ``y = x W^T + b`` on the edges of a graph.

    It takes the place of ``torch.nn.Linear``. Its weights are one parameter with an entry for each
    edge. Forward and backward pass run on minisnn's kernels for CPUs; nothing of the size of the
    dense matrix is ever made, and no gradient that is not needed.

    Parameters
    ----------
    topology : Topology
        The graph, of `minisnn.topology`.
    bias : bool
        Whether outputs have biases.
    dtype : torch.float32 or torch.float64, optional
        Precision of parameters, inputs and outputs; by default that of PyTorch.

    Attributes
    ----------
    weight : torch.nn.Parameter, shape (n_edges,)
        Weight of each edge in the graph's order: by output, then by input. Entry k belongs to the
        edge ``topology.edges()[k]``.
    bias : torch.nn.Parameter, shape (n_out,), or None
        Biases.
    topology : Topology
        The graph.
    in_features, out_features : int
        Its widths, as in ``torch.nn.Linear``.

    Raises
    ------
    TypeError, ValueError
        If the topology is none, an option is unknown, or, in a call, the inputs have another dtype
        or width, or are not on the CPU.

    Notes
    -----
    Initial weights are those of `minisnn.MLP`, Glorot's normal ones with the fans of each edge's
    neurons (`minisnn.network.initializers`), drawn from PyTorch's generator. Biases begin at 0.

    Inputs may have any leading axes and any values; NaN spreads as in PyTorch. Outputs have the
    bits of an `MLP` with these parameters. Gradients cannot be differentiated again.

    It uses as many threads as PyTorch and minisnn both may: ``torch.set_num_threads``,
    `minisnn.set_num_threads`. ``torch.compile`` leaves it as it is.

    Examples
    --------
    >>> import torch
    >>> import minisnn as snn
    >>> from minisnn.torch import SparseLinear
    >>> layer = SparseLinear(snn.topology.fibonacci_rotating(784, 1000, degree=50))
    >>> layer
    SparseLinear(in_features=784, out_features=1000, n_edges=39200, bias=True)
    >>> layer(torch.zeros(32, 784)).shape
    torch.Size([32, 1000])
    """

    weight: torch.nn.Parameter
    bias: torch.nn.Parameter | None

    def __init__(self, topology: Topology, bias: bool = True, *, dtype: Any = None) -> None:
        super().__init__()
        self.topology: Topology = check_kind(topology, Topology, "topology")
        self.in_features, self.out_features = topology.n_in, topology.n_out
        has_bias, dtype = check_flag(bias, "bias"), check_dtype(dtype)
        self.weight = torch.nn.Parameter(torch.empty(topology.n_edges, dtype=dtype))
        biases = torch.nn.Parameter(torch.empty(topology.n_out, dtype=dtype)) if has_bias else None
        self.register_parameter("bias", biases)
        self._wire()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights from PyTorch's generator, and set the biases to 0."""
        graph = self.topology
        fans = graph.n_in + graph.n_out
        if not graph.is_complete:
            sources, targets = graph.edges().T
            fans = graph.out_degrees[sources] + graph.in_degrees[targets]
        deviations = torch.from_numpy(np.sqrt(2 / np.broadcast_to(fans, graph.n_edges)))
        with torch.no_grad():
            self.weight.normal_().mul_(deviations)
            if self.bias is not None:
                self.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x W^T + b``.

        Parameters
        ----------
        x : Tensor, shape (..., n_in)
            Inputs.

        Returns
        -------
        Tensor, shape (..., n_out)
        """
        if torch.compiler.is_compiling():
            return _uncompiled(self, x)
        check_inputs(x, self.in_features, self.weight, "SparseLinear")
        return self._products(x, (self.weight, self.bias))

    def extra_repr(self) -> str:
        """Return what stands in its repr."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"n_edges={self.topology.n_edges}, bias={self.bias is not None}"
        )

    # Copies, files, conversions of the parameters

    def _wire(self) -> None:
        """Make what is derived from the topology; kernels have it, files do not."""
        structure = structure_of([self.topology], "identity", "identity")
        self._products = Products(structure, (self.weight, self.bias))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_products"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._wire()

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> SparseLinear:
        super()._apply(fn, recurse)
        self._products.house((self.weight, self.bias))
        return self

    def get_extra_state(self) -> torch.Tensor:
        """Return a checksum of the edges, which goes into the ``state_dict``."""
        return _checksum(self.topology)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Do nothing: weights of another graph have been refused before they were loaded."""

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        *_, errors = arguments
        found = state_dict.get(prefix + "_extra_state")
        if found is not None and not torch.equal(found.cpu(), _checksum(self.topology)):
            errors.append(
                f"{prefix}weight belongs to the edges of another graph than {self.topology}; "
                "make the layer with the topology that was saved"
            )
            return
        super()._load_from_state_dict(state_dict, prefix, *arguments)


_uncompiled = outside_compilation(SparseLinear.forward)


def _checksum(graph: Topology) -> torch.Tensor:
    return torch.tensor(int(checksum_of([graph]), 16))
