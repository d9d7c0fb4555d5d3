"""Random wirings of all kinds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import minisnn as snn

HIDDEN = ("sigmoid", "tanh", "relu", "leaky_relu", "identity")
NORMALS: list[Any] = [False, False, True, snn.BatchNorm(scale=False), snn.BatchNorm(shift=False)]


def random_wiring(rng: np.random.Generator) -> snn.wiring.Wiring:
    """Levels with and without outputs, edges over all levels, inputs without edges, units."""
    inputs = [f"x{k}" for k in range(rng.integers(2, 7))]
    terms = [f"t{k}" for k in range(rng.integers(1, 14))]
    edges = []
    for place, name in enumerate(terms):
        earlier = [*inputs, *terms[:place]]
        n = int(rng.integers(1, min(5, len(earlier)) + 1))
        chosen = rng.choice(len(earlier), n, replace=False)
        edges += [(earlier[k], name) for k in chosen]
    unread = [name for name in terms if name not in {source for source, _ in edges}]
    inner = [name for name in terms if name not in unread and rng.random() < 0.2]
    outputs = [str(name) for name in rng.permutation([*unread, *inner])]
    used = [name for name in inputs if name in {source for source, _ in edges}]
    wiring = snn.wiring.from_edges(edges, inputs=used, outputs=outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", snn.wiring.UnknownInputWarning)
        wiring = wiring.restricted_to(inputs)
    units = {name: int(rng.integers(1, 4)) for name in terms if rng.random() < 0.5}
    return wiring.with_units(units) if units else wiring


def random_network(rng: np.random.Generator, dtype: Any = np.float32) -> snn.Network:
    """A network of such a wiring, with all kinds of levels and no parameters that are zero."""
    wiring = random_wiring(rng)
    activation = [str(rng.choice(HIDDEN)) for _ in range(wiring.n_levels)]
    net = snn.Network(
        wiring,
        activation=activation,
        output_activation=str(rng.choice(HIDDEN)),
        seed=int(rng.integers(1000)),
        dtype=dtype,
        batch_norm=[NORMALS[rng.integers(len(NORMALS))] for _ in range(wiring.n_levels)],
    )
    net.parameters[:] += rng.normal(scale=0.1, size=len(net.parameters))
    return net


def some_network(*, weights: bool = False) -> snn.Network:
    """A network with an edge that skips a level, an output within, and units or weights."""
    edges = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "q"), ("a", "late"), ("q", "late")]
    if weights:
        table = [(*edge, 0.5 * number) for number, edge in enumerate(edges)]
        return snn.Network(snn.wiring.from_edges(table, outputs=["late", "p"], weight=2), seed=1)
    wiring = snn.wiring.from_edges(edges, outputs=["late", "p"]).with_units({"q": 3})
    return snn.Network(wiring, activation=["tanh", "relu", "tanh"], seed=1)
