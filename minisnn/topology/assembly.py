"""What constructions share: a checked degree, and edges in any order put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import Array, Topology, check_widths


def check_degree(n_in: Any, n_out: Any, degree: Any) -> tuple[int, int, int]:
    """Return widths and degree; raise unless a left neuron can have so many edges."""
    n_in, n_out = check_widths(n_in, n_out)
    if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)):
        raise TypeError(f"degree must be a whole number of edges per left neuron, got {degree!r}")
    if not 1 <= degree <= n_out:
        raise ValueError(
            f"degree must be between 1 and n_out = {n_out} edges per left neuron, got {degree}"
        )
    return n_in, n_out, int(degree)


def from_pairs(
    n_in: int,
    n_out: int,
    sources: Array,
    targets: Array,
    *,
    name: str,
    parameters: Mapping[str, int | float] | None = None,
) -> Topology:
    """Return the graph of edges within range, in any order; raise where one comes twice."""
    order = np.lexsort((sources, targets))
    sources, targets = sources[order], targets[order]
    twice = np.flatnonzero((sources[1:] == sources[:-1]) & (targets[1:] == targets[:-1]))
    if twice.size:
        first = twice[0]
        raise ValueError(
            f"edge ({sources[first]}, {targets[first]}) comes more than once "
            f"({twice.size} repetitions in all); give each edge once"
        )
    indptr = np.concatenate([[0], np.cumsum(np.bincount(targets, minlength=n_out))])
    return Topology(n_in, n_out, indptr, sources, name=name, parameters=parameters)
