"""Graphs of a chain of layers, from names of constructions and degrees or densities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .._support.checks import as_list, check_choice
from .._support.messages import shown
from .._support.seeds import layer_seeds
from .graph import Topology
from .registry import make, names
from .structured import dense

_INPUTS = 10
"""Fewest inputs of a hidden neuron at the default density (all, if there are not so many): a neuron
with two or three of a table's columns learns little about their interaction."""
_DENSITY = 0.1

Topologies = str | Topology | Sequence[str | Topology]


def check_chain(graphs: Sequence[Topology]) -> None:
    """Raise unless each graph reads the neurons of the one before: as many, by the same names."""
    for number, (left, right) in enumerate(pairwise(graphs), start=1):
        if left.n_out != right.n_in:
            raise ValueError(
                f"layer {number} has {left.n_out} outputs, but layer {number + 1} takes "
                f"{right.n_in} inputs; the widths must be equal"
            )
        names, others = left.output_names, right.input_names
        if names is not None and others is not None and names != others:
            first, other = next(
                pair for pair in zip(names, others, strict=True) if pair[0] != pair[1]
            )
            raise ValueError(
                f"the outputs of layer {number} and the inputs of layer {number + 1} must have the "
                f"same names in the same order, got {shown(first)} and {shown(other)}; put the "
                "rows of a DataFrame in order by matrix.loc[names]"
            )


def make_graphs(
    widths: Sequence[int],
    topologies: Topologies,
    degrees: int | Sequence[int] | None,
    density: str | float | Sequence[float],
    seed: int,
) -> list[Topology]:
    """Return a graph for each layer; the last one, to the outputs, is complete unless it is given.

    Parameters
    ----------
    widths : sequence of int
        Neurons of each layer, inputs and outputs included.
    topologies : str, Topology, or one for each hidden layer, or one for each layer
        Names of constructions, "dense", or graphs.
    degrees : int, or one for each hidden layer, or None
        Edges per left neuron; None for as many as the density says.
    density : "auto", float, or one for each hidden layer
        Edges as a share of all possible ones. "auto" is a tenth, but ten inputs at least for each
        neuron.
    seed : int
        For random wiring: of the first layer; those of the others are spawned from it.

    Raises
    ------
    ValueError
        If there are too many or too few of anything, both degrees and a density are given, or a
        graph has other widths.
    """
    shapes = [*pairwise(widths)]
    hidden = shapes[:-1]
    kinds = _one_each(topologies, len(shapes), "topology", whole=(str, Topology), other=len(hidden))
    if len(kinds) == len(hidden):
        kinds = [*kinds, "dense"]
    by_degree = [None] * len(hidden)
    if degrees is not None:
        if not isinstance(density, str):
            raise ValueError(
                "degree and density are two ways to say the same; give one of them, got "
                f"{shown(degrees)} and {shown(density)}"
            )
        by_degree = _one_each(degrees, len(hidden), "degree", whole=(int,))
    shares = _one_each(density, len(hidden), "density", whole=(str, int, float))
    graphs, seeds = [], layer_seeds(seed, len(shapes))
    for number, (kind, (n_in, n_out)) in enumerate(zip(kinds, shapes, strict=True)):
        if isinstance(kind, Topology):
            if kind.shape != (n_in, n_out):
                raise ValueError(
                    f"topology {number} must have {n_in} inputs and {n_out} outputs, as the data "
                    f"and hidden_layer_sizes say, got {kind}"
                )
            graphs.append(kind)
        elif kind == "dense":
            graphs.append(dense(n_in, n_out))
        else:
            check_choice(kind, "topology", ("dense", *names()))
            degree = by_degree[number] if number < len(hidden) else None
            if degree is None:
                share = shares[number] if number < len(hidden) else "auto"
                degree = max(1, round(_share(share, n_in) * n_out))
            graphs.append(make(kind, n_in, n_out, degree, seeds[number]))
    return graphs


def _share(density: Any, n_in: int) -> float:
    if density == "auto":
        return max(_DENSITY, min(1.0, _INPUTS / n_in))
    if not isinstance(density, (int, float)) or density is True or not 0 < density <= 1:
        raise ValueError(f"density must be 'auto', or above 0 and at most 1, got {shown(density)}")
    return float(density)


def _one_each(
    value: Any, count: int, name: str, *, whole: tuple[type, ...], other: int | None = None
) -> list[Any]:
    """Return a value for each layer, from one for all or from a list."""
    counts = sorted({count} if other is None else {count, other})
    if isinstance(value, whole):
        return [value] * counts[0]
    values = as_list(value, name, "values, one for each layer")
    if len(values) not in counts:
        raise ValueError(
            f"{name} must hold one for each of {' or '.join(map(str, counts))} layers, got "
            f"{len(values)}: {shown(value)}"
        )
    return values
