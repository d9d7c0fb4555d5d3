"""Constructions of the fixed bipartite graph between two layers.

The first six are those of A. Bourely, J. P. Boueri, K. Choromanski, "Sparse Neural Networks
Topologies", 2017, arXiv:1706.05683. There the graph is a 0/1 matrix of n_in rows and n_out
columns, row i belonging to left (input) neuron i, and ``degree`` is the number of ones in a row:
edges per left neuron.

`names` and `make` are the catalogue of all that take widths and a degree. `from_edges`,
`from_scipy` and `from_dense` take a graph of your own.
"""

from .catalogue import make, names
from .complete import dense
from .own_graph import from_dense, from_edges, from_scipy
from .random_graphs import constant_degree
from .rotating import (
    fibonacci_rotating,
    long_range_rotating,
    random_rotating,
    regular_rotating,
    rotating,
)

__all__ = [
    "constant_degree",
    "dense",
    "fibonacci_rotating",
    "from_dense",
    "from_edges",
    "from_scipy",
    "long_range_rotating",
    "make",
    "names",
    "random_rotating",
    "regular_rotating",
    "rotating",
]
