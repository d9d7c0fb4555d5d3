"""Measures of the connectivity of layers and whole networks.

`measure` gives all of one layer, `measure_network` all of a network; the functions give one each,
of a `Topology`, of a sequence of them, the layers of a network in a row, of a `Wiring` or of a
network. docs/measures.md has the definitions side by side.

Examples
--------
>>> import minisnn as snn
>>> graph = snn.topology.constant_degree(100, 50, degree=5, seed=0)
>>> snn.spectral.measure(graph).n_components
1
"""

from .biadjacency import adjacency_gap, leading_singular_values
from .distances import Distances, distances, n_components
from .laplacian import (
    algebraic_connectivity,
    normalized_lambda2,
    smallest_nonzero_eigenvalue,
    spectral_gap,
)
from .measures import Measures, NetworkMeasures, measure, measure_network
from .paths import n_paths, reach
from .ramanujan import imdb, is_ramanujan, ramanujan_gap
from .solvers import ConvergenceError

__all__ = [
    "ConvergenceError",
    "Distances",
    "Measures",
    "NetworkMeasures",
    "adjacency_gap",
    "algebraic_connectivity",
    "distances",
    "imdb",
    "is_ramanujan",
    "leading_singular_values",
    "measure",
    "measure_network",
    "n_components",
    "n_paths",
    "normalized_lambda2",
    "ramanujan_gap",
    "reach",
    "smallest_nonzero_eigenvalue",
    "spectral_gap",
]
