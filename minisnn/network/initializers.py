"""Glorot's and He's initialisation on the edges of a graph.

Sources: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010: the variance of a weight is 2 / (fan_in + fan_out). K. He, X. Zhang,
S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, arXiv:1502.01852: it is 2 / fan_in, meant
for ReLUs, of which half are 0. On a sparse layer the fans can be counted in two ways:

* ``"width"``: fan_in = n_in and fan_out = n_out, as the paper on sparse topologies does, which
  initialises a dense matrix and masks it. The sparser the layer, the smaller its pre-activations.
* ``"degree"``: fan_in is the number of edges that end in the edge's output neuron, fan_out of
  those that begin in its input neuron. The variance of a sum of inputs of equal size depends on
  the ratio of both degrees only, as in a dense layer, and not on the density.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice
from .._support.memory import check_fits
from ..kernels.program.structure import Structure
from ..topology.graph import Topology
from .layer import n_parameters, split_parameters

DISTRIBUTIONS = ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform")
FANS = ("degree", "width")

_DRAWN = 16  # bytes per weight while it is drawn, beside itself


def check_rule(distribution: str, fan: str) -> None:
    """Raise unless the distribution and the way to count fans are known."""
    check_choice(distribution, "initializer", DISTRIBUTIONS)
    check_choice(fan, "fan", FANS)


def initial_parameters(
    graphs: Sequence[Topology], distribution: str, fan: str, seed: int, dtype: np.dtype[Any]
) -> Array:
    """Return weights and biases of all layers in one vector; biases are 0.

    Each layer draws from a generator of its own, so that none depends on the size of another.
    """
    generators = np.random.default_rng(seed).spawn(len(graphs))
    total = n_parameters(graphs)
    check_fits(total * (_DRAWN + dtype.itemsize), f"a network of {total} parameters")
    parameters = np.zeros(total, dtype)
    views = split_parameters(parameters, graphs)
    for graph, (weights, _), rng in zip(graphs, views, generators, strict=True):
        weights[:] = initial_weights(graph, distribution, fan, rng, dtype)
    return parameters


def initial_weights(
    graph: Topology, distribution: str, fan: str, rng: np.random.Generator, dtype: Any
) -> Array:
    """Return one weight per edge, in edge order.

    Drawn in float64 and then rounded, so that a seed means the same network in both precisions.
    """
    fan_in: Any = graph.n_in
    fan_out: Any = graph.n_out
    if fan == "degree" and not graph.is_complete:
        edges = graph.edges()
        fan_in, fan_out = graph.in_degrees[edges[:, 1]], graph.out_degrees[edges[:, 0]]
    return drawn(distribution, fan_in, fan_out, graph.n_edges, rng, dtype)


def drawn(
    distribution: str, fan_in: Any, fan_out: Any, n: int, rng: np.random.Generator, dtype: Any
) -> Array:
    """Return n weights of edges with these fans: of each, or one for all."""
    rule, shape = distribution.split("_")
    deviation = np.sqrt(2 / (fan_in + fan_out if rule == "glorot" else fan_in))
    if shape == "normal":
        weights = rng.standard_normal(n)
    else:
        weights = rng.uniform(-np.sqrt(3), np.sqrt(3), n)
    return (weights * deviation).astype(dtype)


def hierarchy_parameters(
    structure: Structure,
    distributions: Sequence[str],
    fan: str,
    seed: int,
    dtype: np.dtype[Any],
    weights: Array | None = None,
) -> Array:
    """Return the same for groups that read any earlier rows; each draws from its own generator.

    Parameters
    ----------
    structure : Structure
        The groups.
    distributions : sequence of str
        Rule for each level.
    fan : str
        Count of fans. Degrees are those of all edges of a neuron; widths those of the levels at
        both ends of an edge.
    seed, dtype
        As for `initial_parameters`.
    weights : array of float64, shape (n_edges,), optional
        Weights that are given, group by group in the order of their edges: none is drawn.
    """
    total = structure.n_parameters
    check_fits(total * (_DRAWN + dtype.itemsize), f"a network of {total} parameters")
    parameters = np.zeros(total, dtype)
    generators = np.random.default_rng(seed).spawn(len(structure.groups) - 1)
    levels = np.repeat(
        [group.level for group in structure.groups], [group.n_rows for group in structure.groups]
    )
    widths, degrees, begin = np.bincount(levels), structure.out_degrees(), 0
    for (number, group), rng in zip(structure.summing, generators, strict=True):
        indptr, indices = group.graph.rows()
        sources = indices.astype(np.int64) + group.reads
        if weights is not None:
            own = _rounded(weights[begin : begin + len(sources)], dtype)
            begin += len(sources)
        else:
            fans: tuple[Any, Any] = widths[levels[sources]], int(widths[group.level])
            if fan == "degree":
                in_degrees = np.diff(indptr)
                fans = np.repeat(in_degrees, in_degrees), degrees[sources]
            rule = distributions[group.level - 1]
            own = drawn(rule, *fans, len(sources), rng, dtype)
        structure.parts(parameters, number)[0][:] = own
        if group.normal is not None:
            gains, _, variances = structure.normal_parts(parameters, number)
            gains[:], variances[:] = 1, 1
    return parameters


def _rounded(weights: Array, dtype: np.dtype[Any]) -> Array:
    """Return given weights in the precision of a network, if it has such numbers."""
    with np.errstate(over="ignore"):
        rounded = weights.astype(dtype)
    broken = weights[~np.isfinite(rounded)]
    if len(broken):
        raise ValueError(
            f"weights of the wiring must fit into the network's {dtype}, got {broken[0]:g}; "
            "rescale them, or take dtype=np.float64"
        )
    return rounded
