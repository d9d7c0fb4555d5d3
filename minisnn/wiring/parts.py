"""Parts that a wiring is made of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from .._support.arrays import Array

Names = tuple[Hashable, ...]


class Parts(NamedTuple):
    """Arguments of `Wiring`, in arrays.

    Parameters
    ----------
    terms : tuple of hashable
        Names, inputs first.
    sources, targets : array of int, shape (n_term_edges,)
        Positions of the ends of each edge.
    n_inputs : int
        Number of inputs.
    outputs : tuple of hashable
        Names of outputs.
    units : array of int, shape (n_terms,)
        Neurons of each term.
    weights : array of float, shape (n_term_edges,), or None
        Weight of each edge.
    """

    terms: Names
    sources: Array
    targets: Array
    n_inputs: int
    outputs: Names
    units: Array
    weights: Array | None

    @property
    def is_output(self) -> Array:
        """Which terms are outputs, bool[n_terms]."""
        outputs = set(self.outputs)
        return np.fromiter((name in outputs for name in self.terms), bool, len(self.terms))


def names_of_neurons(names: Names, units: Array) -> Names:
    """Return the name of each neuron of some terms."""
    return tuple(
        [
            name if n == 1 else (name, unit)
            for name, n in zip(names, units.tolist(), strict=True)
            for unit in range(n)
        ]
    )
