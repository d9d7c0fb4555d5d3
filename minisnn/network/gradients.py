"""Gradients that `MLP.loss_and_gradients` returns beside the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._support.arrays import Array
from ..topology.graph import Topology
from .layer import split_parameters


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of the loss.

    Parameters
    ----------
    parameters : array, shape (n_parameters,)
        By all weights and biases, in the order of `MLP.parameters`.
    weights, biases : list of arrays
        The same, layer by layer: views of ``parameters``.
    inputs : array, shape (samples, n_in)
        By the inputs X as they were passed.
    seed : int
        Seed of the dropout masks, if any.
    """

    parameters: Array
    weights: list[Array]
    biases: list[Array]
    inputs: Array
    seed: int

    def __repr__(self) -> str:
        return (
            f"Gradients(by {len(self.parameters)} parameters and by inputs of shape "
            f"{self.inputs.shape}, {self.inputs.dtype})"
        )

    @classmethod
    def of(
        cls, parameters: Array, inputs: Array, graphs: Sequence[Topology], seed: int
    ) -> Gradients:
        """Return those of a network with these graphs, from the vector of all."""
        weights, biases = zip(*split_parameters(parameters, graphs), strict=True)
        return cls(parameters, [*weights], [*biases], inputs, seed)
