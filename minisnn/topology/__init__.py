"""Constructions of the fixed bipartite graph between two layers.

A graph is a 0/1 matrix of n_in rows and n_out columns, row i belonging to left (input) neuron i,
and ``degree`` is the number of ones in a row, edges per left neuron; where a construction does not
fix it for every neuron, it is the mean.

- From A. Bourely, J. P. Boueri, K. Choromanski, "Sparse Neural Networks Topologies", 2017,
  arXiv:1706.05683: `random_rotating`, `constant_degree`, `regular_rotating`,
  `long_range_rotating`, `fibonacci_rotating`, and `dense`, the baseline. `rotating` takes any
  vector, also for controls that expand badly: places side by side hardly expand, multiples of a
  divisor of n_out do not even connect all neurons.
- Random: `erdos_renyi`, `scattered`, `biregular`, `small_world`, `scale_free`.
- Expanders: `random_lift`, `ramanujan`.
- Structured: `block_random`, `n_of_m`, `receptive_fields`, and `disconnected`, a control.
- Lists of graphs, for several layers at once: `radix_net`, `butterfly`.

`names` and `make` are the catalogue of all that take widths and a degree. `erk_densities` shares
edges out among layers. `from_edges`, `from_scipy` and `from_dense` take a graph of your own.
"""

from .allocation import erk_densities
from .blocks import block_random, disconnected, n_of_m
from .catalogue import make, names
from .complete import dense
from .complex_networks import scale_free, small_world
from .images import receptive_fields
from .lifts import random_lift
from .multistage import butterfly, radix_net
from .own_graph import from_dense, from_edges, from_scipy
from .ramanujan import ramanujan
from .random_graphs import biregular, constant_degree, erdos_renyi, scattered
from .rotating import (
    fibonacci_rotating,
    long_range_rotating,
    random_rotating,
    regular_rotating,
    rotating,
)

__all__ = [
    "biregular",
    "block_random",
    "butterfly",
    "constant_degree",
    "dense",
    "disconnected",
    "erdos_renyi",
    "erk_densities",
    "fibonacci_rotating",
    "from_dense",
    "from_edges",
    "from_scipy",
    "long_range_rotating",
    "make",
    "n_of_m",
    "names",
    "radix_net",
    "ramanujan",
    "random_lift",
    "random_rotating",
    "receptive_fields",
    "regular_rotating",
    "rotating",
    "scale_free",
    "scattered",
    "small_world",
]
