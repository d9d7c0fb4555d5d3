"""Widths of an estimator's hidden layers, from its parameters."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from .._support.checks import as_list, check_positive_integer
from .._support.messages import shown
from ..topology.chains import Topologies
from ..topology.graph import Topology

_WIDTH = 100  # of the one hidden layer, by default


def hidden_sizes(given: Any, topologies: Topologies, n_outputs: int) -> list[int]:
    """Return the width of each hidden layer.

    Parameters
    ----------
    given : int, sequence of int, or None
        The widths, or None for those of the graphs; where there is none, one layer of 100.
    topologies : str, Topology, or sequence of these
        Wiring of the layers. One more than hidden layers, the last has the outputs; a last graph
        of as many outputs as the network has is taken for that.
    n_outputs : int
        Outputs of the network.

    Raises
    ------
    ValueError, TypeError
        If a width is not a whole number above 0, there is no width, or the graphs do not determine
        all.
    """
    if given is None:
        return _sizes_of(topologies, n_outputs)
    sizes: list[Any] = [given]  # a number, too, as scikit-learn has it
    if not isinstance(given, Integral):
        sizes = as_list(given, "hidden_layer_sizes", "whole numbers")
    if not sizes:
        raise ValueError(f"hidden_layer_sizes must have one width at least, got {given!r}")
    if any(isinstance(size, Integral) and size < 1 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {given!r}")
    return [check_positive_integer(size, "hidden_layer_sizes") for size in sizes]


def _sizes_of(topologies: Topologies, n_outputs: int) -> list[int]:
    kinds: list[Any] = [topologies]
    if not isinstance(topologies, (str, Topology)):
        kinds = as_list(topologies, "topology", "values, one for each layer")
    if not any(isinstance(kind, Topology) for kind in kinds):
        return [_WIDTH]
    sizes: list[Any] = [
        left.n_out if isinstance(left, Topology) else getattr(right, "n_in", None)
        for left, right in zip(kinds, [*kinds[1:], None], strict=True)
    ]
    if len(kinds) > 1 and sizes[-1] in (n_outputs, None):  # the last one wires the outputs
        sizes.pop()
    if None in sizes:
        raise ValueError(
            f"hidden_layer_sizes must be given where the graphs of topology do not say how wide "
            f"each hidden layer is, got {shown(topologies)}"
        )
    return sizes
