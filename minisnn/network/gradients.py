"""Gradients that ``net.loss_and_gradients`` returns beside the loss."""

from __future__ import annotations

from dataclasses import dataclass

from .._support.arrays import Array
from ..kernels.program.structure import Structure


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of the loss.

    Parameters
    ----------
    parameters : array, shape (n_parameters,)
        By all weights and biases, in the order of the network's ``parameters``.
    weights, biases : list of arrays
        The same, layer by layer: views of ``parameters``. Of a `Network` level by level; where a
        level has outputs among other neurons, these are a part of their own, after the others.
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
    def of(cls, parameters: Array, inputs: Array, structure: Structure, seed: int) -> Gradients:
        """Return those of a network of this structure, from the vector of all."""
        parts = [structure.parts(parameters, number) for number, _ in structure.summing]
        weights, biases = zip(*parts, strict=True)
        return cls(parameters, [*weights], [*biases], inputs, seed)
