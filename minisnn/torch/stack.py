"""Several sparse layers in one module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch

from .._support.checks import as_list, check_choice
from ..network.layer import HIDDEN, check_activations, check_graphs
from ..network.mlp import MLP, check_mlp
from ..topology.graph import Topology
from .linear import SparseLinear
from .module import KernelModule
from .products import Parameters


class SparseStack(KernelModule):
    """Sparse layers with activations between them, whose values stay as the kernels have them.

    It does what a ``torch.nn.Sequential`` of `SparseLinear` and activations does. But the batch is
    turned into the kernels' layout once, and the outputs back, and nothing between two layers is:
    activations and their slopes are made in the kernels, too. A complete last layer, such as ten
    outputs, belongs in it.

    Parameters
    ----------
    layers : sequence of SparseLinear or Topology
        The layers, each with as many outputs as the next has inputs. They are the module's own from
        now on; a graph becomes a new layer.
    activation : {"sigmoid", "tanh", "relu", "leaky_relu", "identity"}
        Activation between layers. The slope of a leaky ReLU below 0 is 0.1.
    output_activation : str
        Activation of the outputs, one of the same; by default none, for losses that take logits.
    bias : bool
        Whether new layers have biases.
    dtype : torch.float32 or torch.float64, optional
        Precision of new layers; by default that of PyTorch.

    Attributes
    ----------
    layers : torch.nn.ModuleList
        The layers. They may be called by themselves, too.
    activation, output_activation : str
        The activations.
    in_features, out_features : int
        Its widths.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, one is neither a graph nor a layer, widths do not fit, or an option is
        unknown; in a call as for `SparseLinear`.

    Examples
    --------
    >>> import torch
    >>> import minisnn as snn
    >>> from minisnn.torch import SparseStack
    >>> graph = snn.topology.fibonacci_rotating(784, 1000, degree=50)
    >>> model = SparseStack([graph, snn.topology.dense(1000, 10)])
    >>> model(torch.zeros(32, 784)).shape
    torch.Size([32, 10])
    >>> [name for name, _ in model.named_parameters()][:2]
    ['layers.0.weight', 'layers.0.bias']
    """

    layers: torch.nn.ModuleList

    def __init__(
        self,
        layers: Sequence[SparseLinear | Topology],
        activation: str = "relu",
        output_activation: str = "identity",
        *,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        given = as_list(layers, "layers", "sparse layers or graphs")
        if not given:
            raise ValueError("a SparseStack needs at least one layer, got none")
        graphs = [it.topology if isinstance(it, SparseLinear) else it for it in given]
        check_graphs(graphs)
        check_activations(activation, "identity", graphs[-1].n_out)
        check_choice(output_activation, "output_activation", HIDDEN)
        self.layers = torch.nn.ModuleList(
            it if isinstance(it, SparseLinear) else SparseLinear(it, bias, dtype=dtype)
            for it in given
        )
        self.activation, self.output_activation = activation, output_activation
        self.in_features, self.out_features = graphs[0].n_in, graphs[-1].n_out
        self._wire()

    @classmethod
    def from_minisnn(cls, net: MLP) -> Self:
        """Return the module that does what a network does; weights and biases are copied.

        Parameters
        ----------
        net : MLP
            The network; its outputs have no softmax.

        Returns
        -------
        SparseStack

        Raises
        ------
        TypeError, ValueError
            If it is no `MLP`, or has a softmax.

        Examples
        --------
        >>> import minisnn as snn
        >>> from minisnn.torch import SparseStack
        >>> net = snn.MLP([snn.topology.dense(8, 4), snn.topology.dense(4, 2)], activation="tanh")
        >>> SparseStack.from_minisnn(net).activation
        'tanh'
        """
        check_mlp(net)
        if net.output_activation not in HIDDEN:
            raise ValueError(
                f"outputs of a stack cannot have a {net.output_activation}, since losses of "
                "PyTorch take logits; take minisnn.MLP.from_parameters(net.topologies, "
                "net.parameters, net.activation, 'identity')"
            )
        dtype = getattr(torch, str(net.dtype))
        stack = cls(net.topologies, net.activation, net.output_activation, dtype=dtype)
        with torch.no_grad():
            stack._products.vector.copy_(torch.from_numpy(net.parameters.copy()))
        return stack

    def extra_repr(self) -> str:
        """Return what stands in its repr beside the layers."""
        return f"activation={self.activation}, output_activation={self.output_activation}"

    # What the kernels need

    def _graphs(self) -> list[Topology]:
        return [layer.topology for layer in self.layers]

    def _ordered(self) -> Parameters:
        return [each for layer in self.layers for each in layer._ordered()]

    def _activations(self) -> tuple[str, str]:
        return self.activation, self.output_activation

    def _wire(self) -> None:
        super()._wire()
        self._lend()

    def _house(self) -> None:
        super()._house()
        self._lend()

    def _lend(self) -> None:
        """Let each layer find its parameters in the vector of all, if it is called by itself."""
        begin, vector = 0, self._products.vector
        for layer in self.layers:
            n = layer.topology.n_edges + layer.topology.n_out
            layer._products.vector = vector[begin : begin + n]
            begin += n
