"""A sparse linear layer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from .._support.checks import check_flag, check_kind
from ..network.layer import checksum_of
from ..topology.graph import Topology
from .checks import check_dtype
from .masks import masked_weights
from .module import KernelModule
from .products import Parameters


class SparseLinear(KernelModule):
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

    It uses the smaller of two numbers of threads: of ``torch.set_num_threads`` and of
    `minisnn.set_num_threads`. ``torch.compile`` calls it as it is, with a break in the graph.

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

    # Conversions

    @classmethod
    def from_masked(cls, linear: torch.nn.Linear, mask: Any = None) -> Self:
        """Return the layer that computes the same as a dense one with a mask on its weights.

        Parameters
        ----------
        linear : torch.nn.Linear
            The dense layer. Weights and biases are copied, with their dtype and whether they are
            trained.
        mask : tensor or array of 0 and 1, or bool, shape (n_out, n_in), optional
            1 where a weight is kept. It may be left out for a layer under
            ``torch.nn.utils.prune``, which has its mask.

        Returns
        -------
        SparseLinear

        Raises
        ------
        TypeError, ValueError
            If the layer is none or has no mask, the mask has another shape or other values, or it
            leaves no weight.

        Examples
        --------
        >>> import torch
        >>> from torch.nn.utils import prune
        >>> from minisnn.torch import SparseLinear
        >>> dense = torch.nn.Linear(100, 50)
        >>> SparseLinear.from_masked(dense, torch.rand(50, 100) < 0.1).in_features
        100
        >>> SparseLinear.from_masked(prune.random_unstructured(dense, "weight", 0.9))
        SparseLinear(in_features=100, out_features=50, n_edges=500, bias=True)
        """
        found = masked_weights(linear, mask)
        layer = cls(found.topology, found.bias is not None, dtype=found.weights.dtype)
        with torch.no_grad():
            layer.weight.copy_(found.weights).requires_grad_(found.trains_weights)
            if layer.bias is not None:
                layer.bias.copy_(found.bias).requires_grad_(found.trains_bias)
        return layer.train(linear.training)

    def to_dense(self) -> torch.nn.Linear:
        """Return the dense layer that does the same, with zeros where there is no edge; a copy.

        Returns
        -------
        torch.nn.Linear

        Examples
        --------
        >>> import minisnn as snn
        >>> from minisnn.torch import SparseLinear
        >>> SparseLinear(snn.topology.from_edges(3, 2, [(0, 0), (2, 1)])).to_dense()
        Linear(in_features=3, out_features=2, bias=True)
        """
        weight = self.weight
        dense = torch.nn.Linear(
            self.in_features, self.out_features, self.bias is not None, dtype=weight.dtype
        )
        sources, targets = torch.from_numpy(self.topology.edges().astype(np.int64)).T
        with torch.no_grad():
            dense.weight.zero_()[targets, sources] = weight
            if self.bias is not None:
                dense.bias.copy_(self.bias).requires_grad_(self.bias.requires_grad)
        dense.weight.requires_grad_(weight.requires_grad)
        return dense.train(self.training)

    def extra_repr(self) -> str:
        """Return what stands in its repr."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"n_edges={self.topology.n_edges}, bias={self.bias is not None}"
        )

    # What the kernels need

    def _graphs(self) -> list[Topology]:
        return [self.topology]

    def _ordered(self) -> Parameters:
        return self.weight, self.bias

    def _activations(self) -> tuple[str, str]:
        return "identity", "identity"

    # Files: weights mean nothing without their edges

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


def _checksum(graph: Topology) -> torch.Tensor:
    return torch.tensor(int(checksum_of([graph]), 16))
