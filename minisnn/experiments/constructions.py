"""Topologies by name: the only place of a sweep that knows which there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import topology
from ..topology import registry
from ..topology.graph import Topology

DENSE = "dense"


def names() -> tuple[str, ...]:
    """Return the names of all constructions."""
    return DENSE, *topology.names()


def option_names(name: str) -> tuple[str, ...]:
    """Return what a construction takes beside the widths and the degree."""
    if name == DENSE:
        return ()
    return registry.option_names(name)


def make(
    name: str, n_in: int, n_out: int, degree: int | None, seed: int, options: Mapping[str, Any]
) -> Topology:
    """Return a graph; a seed among the options goes before the other, for random wiring only."""
    if degree is None:
        return topology.dense(n_in, n_out)
    return topology.make(name, n_in, n_out, degree, **{"seed": seed, **options})
