"""Warnings about topologies that can be trained, but are probably a mistake."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

from .._support.messages import few
from ..topology.graph import Topology
from ..wiring.graph import Wiring


class DeadNeuronWarning(UserWarning):
    """A neuron that the graph cuts off: whatever is trained, it adds nothing."""


class RepeatedGraphWarning(UserWarning):
    """Two layers of a network have the same random graph, which is no coincidence."""


def warn_of_graphs(graphs: Sequence[Topology]) -> None:
    """Warn once of all dead neurons of a network, and once of all random graphs that come twice."""
    dead = [
        f"layer {number}: {count} of {graph.n_out} {kind} neurons have no {what}"
        for number, graph in enumerate(graphs, start=1)
        for kind, what, count in _dead(graph, *graphs[number : number + 1])
        if count
    ]
    if dead:
        warnings.warn(
            f"{'; '.join(dead)}. They are dead: no training can make them useful. Take a higher "
            "degree, another topology, or fewer neurons.",
            DeadNeuronWarning,
            stacklevel=3,
        )
    repeated = [
        f"{first} and {second}"
        for (first, one), (second, other) in combinations(enumerate(graphs, start=1), 2)
        if _is_same_draw(one, other)
    ]
    if repeated:
        warnings.warn(
            f"layers {', '.join(repeated)} have the same random graph, of the same seed. Give each "
            "layer a seed of its own, or none.",
            RepeatedGraphWarning,
            stacklevel=3,
        )


def warn_of_dead_ends(wiring: Wiring) -> None:
    """Warn once of all terms that no output depends on."""
    names = wiring.dead_ends
    if names:
        warnings.warn(
            f"no output depends on {few(names)}. They are dead: no training can make them useful. "
            "Leave them out by wiring.restricted_to(wiring.inputs), or make them outputs.",
            DeadNeuronWarning,
            stacklevel=3,
        )


def _dead(graph: Topology, *following: Topology) -> list[tuple[str, str, int]]:
    """Return the kinds of neurons that may be dead behind a graph, their lack, and their number."""
    if not following:
        return [("output", "input", len(graph.isolated_outputs))]
    return [
        ("hidden", "input", len(graph.isolated_outputs)),
        ("hidden", "output", len(following[0].isolated_inputs)),
    ]


def _is_same_draw(one: Topology, other: Topology) -> bool:
    about = one.name, one.parameters.get("seed"), one.shape
    return (
        about == (other.name, other.parameters.get("seed"), other.shape)
        and "seed" in one.parameters
        and not one.is_complete
        and one == other
    )
