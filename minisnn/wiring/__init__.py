"""Wiring given by names: any directed acyclic graph between them.

Genes that belong to pathways, pathways to larger ones; neurons and their synapses; sensors and the
rooms they are in. A `Wiring` holds such a graph, checked and laid out by levels: a term's level is
the longest path that ends in it, and its edges may come from any earlier level. A chain of layers
is the case in which each level reads the one before.

`from_edges` takes tables of named edges, `from_topologies` and `from_matrices` chains of layers.
`Wiring.restricted_to`, `Wiring.with_units` and `Wiring.collapsed` make other wirings of one,
`rewired` and `permuted` null models.
"""

from .from_data import from_edges, from_matrices, from_topologies
from .graph import Wiring
from .nulls import permuted, rewired
from .selection import Dropped, UnknownInputWarning

__all__ = [
    "Dropped",
    "UnknownInputWarning",
    "Wiring",
    "from_edges",
    "from_matrices",
    "from_topologies",
    "permuted",
    "rewired",
]
