"""Wirings made of others: restricted to inputs, of several units, with merged chains."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minisnn.wiring import Dropped, UnknownInputWarning, from_edges
from minisnn.wiring.graph import Wiring


@st.composite
def wirings(draw: Any) -> Wiring:
    n = draw(st.integers(2, 14))
    pairs = [(s, t) for t in range(n) for s in range(t)]
    edges = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=24, unique=True))
    wiring = from_edges(edges)
    inner = [name for name in wiring.terms if name not in wiring.inputs]
    outputs = draw(st.lists(st.sampled_from(inner), min_size=1, unique=True))
    return from_edges(edges, outputs=outputs)


@given(wirings(), st.data())
def test_restriction_beside_networkx(wiring: Wiring, data: Any) -> None:
    graph = nx.DiGraph(wiring.edges())
    inputs = data.draw(st.lists(st.sampled_from(wiring.inputs), min_size=1, unique=True))
    reached = set(inputs).union(*(nx.descendants(graph, name) for name in inputs))
    outputs = [name for name in wiring.outputs if name in reached]
    if not outputs:
        with pytest.raises(ValueError, match="these inputs must reach an output"):
            wiring.restricted_to(inputs)
        return
    useful = set(outputs).union(*(nx.ancestors(graph, name) for name in outputs)) & reached
    restricted = wiring.restricted_to(inputs)
    assert restricted.inputs == tuple(inputs)
    assert restricted.outputs == tuple(outputs)
    assert set(restricted.terms) == useful | set(inputs)
    kept = {(s, t) for s, t in wiring.edges() if s in useful and t in useful}
    assert set(restricted.edges()) == kept
    assert restricted.dead_ends == ()
    assert restricted.dropped == Dropped(
        tuple(name for name in wiring.inputs if name not in inputs),
        tuple(name for name in wiring.terms if name not in useful and name not in wiring.inputs),
        tuple(name for name in wiring.outputs if name not in outputs),
        len(wiring.edges()) - len(kept),
        tuple(name for name in inputs if name not in useful),
    )
    assert restricted.restricted_to(inputs) == restricted


def test_columns_that_the_wiring_does_not_know() -> None:
    wiring = from_edges([("a", "p"), ("b", "p"), ("c", "q")])
    columns = ["x", "b", "y", "z", "w", "a"]
    with pytest.warns(
        UnknownInputWarning, match=r"4 of 6 inputs are not in the wiring: 'x', 'y', 'z' and 1 more"
    ) as caught:
        restricted = wiring.restricted_to(columns)
    assert caught[0].filename == __file__
    assert restricted.inputs == tuple(columns)
    assert restricted.edges() == [("b", "p"), ("a", "p")]
    assert restricted.level_starts.tolist() == [0, 6, 7]
    assert str(restricted).splitlines()[-1] == (
        "left out: 1 input, 1 term, 1 edge; outputs among the terms: 'q'; "
        "inputs that nothing reads: 4, 'x', 'y', 'z' and 1 more"
    )
    assert restricted.dropped is not None
    assert restricted.dropped.unread == ("x", "y", "z", "w")
    assert restricted.with_units(2).dropped == restricted.dropped
    assert str(wiring.restricted_to(wiring.inputs)).splitlines()[-1] == "left out: nothing"


def test_columns_of_a_frame() -> None:
    wiring = from_edges([("a", "p"), (7, "p"), ("b", "q")])
    for columns in (pd.Index([7, "a"]), np.array([7, "a"], dtype=object), iter([7, "a"])):
        assert wiring.restricted_to(columns).terms == (7, "a", "p")
    frame = wiring.to_frame()
    assert frame.to_numpy().tolist() == [["a", "p"], [7, "p"], ["b", "q"]]
    pairs = from_edges([((1, 2), "p"), ((1, 3), "p")])
    assert pairs.to_frame()["source"].tolist() == [(1, 2), (1, 3)]


def test_units() -> None:
    edges = [("a", "p"), ("p", "q"), ("q", "out"), ("p", "out")]
    wiring = from_edges(edges, outputs=["q", "out"])
    assert wiring.with_units(3).units.tolist() == [1, 3, 1, 1]  # q is an output, though it is read
    assert wiring.with_units({"q": 2, "out": 4}).units.tolist() == [1, 1, 2, 4]
    assert wiring.with_units(3).with_units({"q": 2}).units.tolist() == [1, 3, 2, 1]
    assert wiring.with_units(1) == wiring
    assert wiring.units.tolist() == [1, 1, 1, 1]


@given(wirings())
def test_collapsed_beside_contraction_one_by_one(wiring: Wiring) -> None:
    graph = nx.DiGraph(wiring.edges())
    hidden = set(wiring.terms) - set(wiring.inputs) - set(wiring.outputs)
    while True:
        link = next(
            (
                (s, t)
                for s, t in graph.edges
                if {s, t} <= hidden and graph.out_degree(s) == 1 and graph.in_degree(t) == 1
            ),
            None,
        )
        if link is None:
            break
        graph.add_edges_from([(link[0], reader) for reader in graph.successors(link[1])])
        graph.remove_node(link[1])
    collapsed = wiring.collapsed()
    assert set(collapsed.edges()) == set(graph.edges)
    assert (collapsed.inputs, collapsed.outputs) == (wiring.inputs, wiring.outputs)
    assert collapsed.dropped is not None
    assert set(collapsed.dropped.terms) == set(wiring.terms) - set(graph.nodes)
    assert collapsed.dropped.n_edges == len(wiring.edges()) - len(graph.edges)
    assert collapsed.collapsed() == collapsed


def test_collapsed_keeps_units_weights_and_the_name_of_the_first() -> None:
    chain: list[Any] = [("a", "p", 1), ("b", "p", 2), ("p", "q", 3), ("q", "r", 4), ("r", "out", 5)]
    chain.append(("b", "out", 6))
    collapsed = from_edges(chain, weight=2).collapsed()
    assert collapsed.edges() == [("a", "p"), ("b", "p"), ("b", "out"), ("p", "out")]
    assert collapsed.weights is not None
    assert collapsed.weights.tolist() == [1, 2, 6, 5]
    assert collapsed.level_of == {"a": 0, "b": 0, "p": 1, "out": 2}
    wide = from_edges([edge[:2] for edge in chain]).with_units({"p": 2, "q": 3})
    assert wide.collapsed().units.tolist() == [1, 1, 2, 1]


@given(wirings(), st.integers(2, 3))
def test_units_and_restriction_go_in_any_order(wiring: Wiring, units: int) -> None:
    inputs = wiring.inputs[::-1]
    one = wiring.restricted_to(inputs)
    assume(one.outputs == wiring.outputs)
    assert one.with_units(units) == wiring.with_units(units).restricted_to(inputs)
    assert np.array_equal(one.with_units(units).units == units, one.with_units(units).units > 1)
