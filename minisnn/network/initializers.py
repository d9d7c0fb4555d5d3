"""Glorot's and He's initialisation on the edges of a graph.

Sources: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010: the variance of a weight is 2 / (fan_in + fan_out). K. He, X. Zhang,
S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, arXiv:1502.01852: it is 2 / fan_in, meant
for ReLUs, of which half are 0. On a sparse layer the fans can be counted in two ways:

* ``"width"``: fan_in = n_in and fan_out = n_out, as the paper on sparse topologies does, which
  initialises a dense matrix and masks it. The sparser the layer, the smaller its pre-activations.
* ``"degree"``: fan_in is the number of edges that end in the edge's output neuron, fan_out of
  those that begin in its input neuron. Pre-activations keep their size at any density.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice
from .._support.memory import check_fits
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
    rule, shape = distribution.split("_")
    deviation = np.sqrt(2 / (fan_in + fan_out if rule == "glorot" else fan_in))
    if shape == "normal":
        weights = rng.standard_normal(graph.n_edges)
    else:
        weights = rng.uniform(-np.sqrt(3), np.sqrt(3), graph.n_edges)
    return (weights * deviation).astype(dtype)
