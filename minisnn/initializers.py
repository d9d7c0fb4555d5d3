"""Glorot initialisation on the edges of a graph.

Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010. The variance of a weight is 2 / (fan_in + fan_out). On a sparse layer the
fans can be counted in two ways:

* ``"width"``: fan_in = n_in and fan_out = n_out, as the paper on sparse topologies does, which
  initialises a dense matrix and masks it. The sparser the layer, the smaller its pre-activations.
* ``"degree"``: fan_in is the number of edges that end in the edge's output neuron, fan_out of
  those that begin in its input neuron. Pre-activations keep their size at any density.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Array, Topology

DISTRIBUTIONS = ("glorot_normal", "glorot_uniform")
FANS = ("degree", "width")


def initial_weights(
    graph: Topology, distribution: str, fan: str, rng: np.random.Generator, dtype: Any
) -> Array:
    """Return one weight an edge, in edge order.

    Drawn in float64 and then rounded, so that a seed means the same network in both precisions.
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"initializer must be one of {DISTRIBUTIONS}, got {distribution!r}")
    if fan not in FANS:
        raise ValueError(f"fan must be one of {FANS}, got {fan!r}")
    fans: Any = graph.n_in + graph.n_out
    if fan == "degree" and not graph.is_complete:
        edges = graph.edges()
        fans = graph.out_degrees[edges[:, 0]] + graph.in_degrees[edges[:, 1]]
    deviation = np.sqrt(2 / fans)
    if distribution == "glorot_normal":
        weights = rng.standard_normal(graph.n_edges)
    else:
        weights = rng.uniform(-np.sqrt(3), np.sqrt(3), graph.n_edges)
    return (weights * deviation).astype(dtype)
