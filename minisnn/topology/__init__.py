"""Constructions of the fixed bipartite graph between two layers.

A graph is a 0/1 matrix of n_in rows and n_out columns. Row i belongs to left (input) neuron i, and
``degree`` is the number of ones in a row: edges per left neuron. If a construction does not fix
it for every neuron, it is the mean.

The families are rotating, random, expanders, structured, and lists of graphs for several layers at
once. Five rotating and random ones and `dense`, the baseline, come from A. Bourely, J. P. Boueri,
K. Choromanski, "Sparse Neural Networks Topologies", 2017, arXiv:1706.05683.

`names` lists the constructions that take widths and a degree; `make` calls them by name.
`erk_densities` shares edges out among layers. `from_edges`, `from_scipy` and `from_dense` take a
graph of your own. `rewired` and `permuted` make null models of a graph.
"""

# ruff: noqa: F403

from typing import TYPE_CHECKING

from . import registry
from .densities import erk_densities as erk_densities
from .from_data import from_dense as from_dense
from .from_data import from_edges as from_edges
from .from_data import from_scipy as from_scipy
from .registry import make as make
from .registry import names as names

# The order of `names`, and so of all lists and messages.
# isort: off
from .rotating import *
from .random import *
from .complex_networks import *
from .expanders import *
from .structured import *
from .multistage import *
from .correlations import *

# isort: on
from .nulls import permuted as permuted
from .nulls import rewired as rewired

if not TYPE_CHECKING:  # checkers cannot read a computed list; they go by the imports
    __all__ = sorted(
        [
            "erk_densities",
            "from_dense",
            "from_edges",
            "from_scipy",
            "make",
            "names",
            "permuted",
            "rewired",
            *registry.CONSTRUCTIONS,
        ]
    )
