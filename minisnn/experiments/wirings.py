"""Wirings of names: their fingerprints, their null models, and their place in a run."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .. import topology, wiring
from .._support.checks import check_choice, check_kind, check_positive_integer
from .._support.columns import if_texts
from ..topology.graph import Topology
from ..topology.margins import KEEPING
from ..wiring.graph import Wiring
from .arrays import Ends
from .validation import Section

_GRAPH = "graph"
KEPT = (*KEEPING, _GRAPH)
"""Parts of a wiring that null models keep."""


class NamedWiring(Section, frozen=True, kw_only=True):
    """Wiring of a run between named terms, in the place of layers.

    Attributes
    ----------
    name : str
        Of your choice, for reports.
    graph : minisnn.wiring.Wiring
        Its terms and edges, which fit the data: see `minisnn.wiring.Wiring.restricted_to`.
    units : int, optional
        Neurons of each term that is neither input nor output, as by
        `minisnn.wiring.Wiring.with_units`; by default those of the graph.
    keep : {"degrees", "in_degree", "density", "graph"}, optional
        Train with a null model that keeps this, drawn from the run's seed: see
        `minisnn.wiring.rewired`; ``"graph"`` is everything but which input is which, as by
        `minisnn.wiring.permuted`. By default with the real wiring.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn.experiments import NamedWiring
    >>> graph = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("c", "out"), ("p", "out")])
    >>> NamedWiring(name="tiny", graph=graph, units=4, keep="graph").draw(seed=0)
    Wiring(3 inputs, 1 output, 2 levels, 8 neurons, 13 edges, 1 skips a level)
    """

    name: str
    graph: Wiring
    units: int | None = None
    keep: str | None = None

    def __post_init__(self) -> None:
        check_kind(self.graph, Wiring, "graph")
        if self.units is not None:
            self._set(units=check_positive_integer(self.units, "units"))
        if self.keep is not None:
            check_choice(self.keep, "keep", KEPT)

    @property
    def ends(self) -> Ends:
        """Both ends of its networks."""
        graph = self.graph
        names = if_texts(graph.inputs), if_texts(graph.output_neurons)
        return Ends(graph.n_inputs, len(graph.output_neurons), *names, graph)

    def draw(self, seed: int) -> Wiring:
        """Return the wiring that a run trains with; the seed is that of a null model."""
        drawn: Wiring = self.graph if self.keep is None else null_model(self.graph, self.keep, seed)
        return drawn if self.units is None else drawn.with_units(self.units)


def null_model(real: Topology | Wiring, keep: str, seed: int) -> Any:
    """Return a null model of a wiring, or of a single graph: a thing of the same kind."""
    if isinstance(real, Topology):
        if keep == _GRAPH:
            return topology.permuted(real, seed=seed)
        return topology.rewired(real, keep, seed=seed)
    if keep == _GRAPH:
        return wiring.permuted(real, seed=seed)
    return wiring.rewired(real, keep, seed=seed)


def wiring_fingerprint(real: Topology | Wiring) -> str:
    """Return a SHA-256 of a wiring, the same in every process."""
    if isinstance(real, Topology):
        text, arrays = repr(real.shape), [real.indptr, real.indices]
    else:
        text = repr((real.terms, real.n_inputs, real.outputs))
        weights = np.empty(0) if real.weights is None else real.weights
        arrays = [real.units, *real.term_edges(), weights]
    digest = hashlib.sha256(text.encode())
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()
