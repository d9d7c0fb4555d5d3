"""Wiring: levels, rows and edges beside NetworkX; copies; what is refused."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisnn.wiring import Wiring, from_edges

DIAMOND = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "q"), ("q", "out"), ("a", "out")]


@st.composite
def edge_lists(draw: Any) -> list[tuple[Any, Any]]:
    """Draw edges of an acyclic graph with names of several kinds, in any order."""
    names = draw(
        st.lists(
            st.integers(0, 30) | st.text("abc", min_size=1) | st.tuples(st.integers()),
            min_size=2,
            max_size=12,
            unique=True,
        )
    )
    pairs = [(s, t) for t in range(len(names)) for s in range(t)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    return [(names[s], names[t]) for s, t in chosen]


def depth(graph: Any, name: Any) -> int:
    return 1 + max((depth(graph, other) for other in graph.predecessors(name)), default=-1)


@given(edge_lists(), st.data())
def test_everything_beside_networkx(edges: list[tuple[Any, Any]], data: Any) -> None:
    graph = nx.DiGraph(edges)
    wiring = from_edges(edges)
    seen = list(dict.fromkeys(name for edge in edges for name in edge))
    levels = {name: depth(graph, name) for name in seen}
    ends = {name: graph.out_degree(name) == 0 for name in seen}  # outputs, which stand last
    assert wiring.terms == tuple(sorted(seen, key=lambda name: (levels[name], ends[name])))
    assert wiring.level_of == levels
    assert wiring.levels.tolist() == [levels[name] for name in wiring.terms]
    assert wiring.n_levels == nx.dag_longest_path_length(graph)
    assert wiring.inputs == tuple(name for name in seen if graph.in_degree(name) == 0)
    assert wiring.outputs == tuple(name for name in seen if graph.out_degree(name) == 0)
    assert set(wiring.edges()) == set(edges)
    assert all(name in wiring for name in seen)

    hidden = [name for name in seen if levels[name]]
    units = data.draw(st.dictionaries(st.sampled_from(hidden), st.integers(1, 3)))
    wide = wiring.with_units(units)
    names = [(name, unit) for name in wide.terms for unit in range(units.get(name, 1))]
    assert wide.neuron_names() == tuple(
        name if units.get(name, 1) == 1 else (name, unit) for name, unit in names
    )
    expected = np.array([[(s, t) in graph.edges for s, _ in names] for t, _ in names])
    np.testing.assert_array_equal(wide.matrix().toarray(), expected)
    assert not np.triu(expected).any()
    rows = np.repeat(np.arange(len(names)), np.diff(wide.indptr))
    np.testing.assert_array_equal(np.stack([rows, wide.indices], axis=1), np.argwhere(expected))
    assert (wide.indptr.dtype, wide.indices.dtype) == (np.int64, np.int32)
    assert wide.n_neurons == len(names)
    assert wide.n_edges == expected.sum()
    assert wide.n_skips == sum(
        levels[names[source][0]] < levels[names[target][0]] - 1
        for target, source in np.argwhere(expected)
    )
    of_rows = [levels[name] for name, _ in names]
    assert wide.level_starts.tolist() == [
        sum(level < bound for level in of_rows) for bound in range(wide.n_levels + 2)
    ]
    for name in seen:
        assert {names[row] for row in range(*wide.rows_of(name).indices(len(names)))} == {
            (name, unit) for unit in range(units.get(name, 1))
        }


@given(edge_lists())
def test_edges_make_the_same_wiring_again(edges: list[tuple[Any, Any]]) -> None:
    wiring = from_edges(edges)
    again = from_edges(wiring.edges(), wiring.inputs, wiring.outputs)
    assert again == wiring
    assert hash(again) == hash(wiring)


def test_a_small_one() -> None:
    wiring = from_edges(DIAMOND, inputs=["b", "a"], outputs=["p", "out"]).with_units({"p": 2})
    assert wiring.inputs == ("b", "a")
    assert wiring.terms == ("b", "a", "p", "q", "out")
    assert wiring.outputs == ("p", "out")  # one of them is read by others
    assert wiring.units.tolist() == [1, 1, 2, 1, 1]
    assert wiring.row_starts.tolist() == [0, 1, 2, 4, 5, 6]
    assert wiring.level_starts.tolist() == [0, 2, 4, 5, 6]
    assert wiring.indptr.tolist() == [0, 0, 0, 2, 4, 7, 9]
    assert wiring.indices.tolist() == [0, 1, 0, 1, 0, 2, 3, 1, 4]
    assert wiring.rows_of("p") == slice(2, 4)
    assert wiring.neuron_names() == ("b", "a", ("p", 0), ("p", 1), "q", "out")
    assert repr(wiring) == (
        "Wiring(2 inputs, 2 outputs, 3 levels, 6 neurons, 9 edges, 2 skip levels)"
    )
    assert str(wiring) == wiring.summary()
    assert str(wiring).splitlines()[2:] == [
        "inputs      2        2        0      0      0",
        "1           1        2        1      4      0",
        "2           1        1        0      3      1",
        "3           1        1        1      2      1",
        "all         5        6        2      9      2",
    ]


def test_a_table_of_many_levels_is_cut() -> None:
    lines = str(from_edges(list(pairwise(range(60))))).splitlines()
    assert len(lines) == 2 + 24 + 1 + 1
    assert [line.split()[0] for line in lines[12:16]] == ["10", "11", "...", "48"]


def test_the_order_of_inputs_does_not_change_the_graph() -> None:
    one, other = from_edges(DIAMOND, ["a", "b"]), from_edges(DIAMOND, ["b", "a"])
    assert one != other
    assert one.restricted_to(["b", "a"]) == other


def test_equality_is_of_the_content() -> None:
    wiring = from_edges(DIAMOND)
    assert wiring == from_edges(DIAMOND)
    assert wiring != from_edges(DIAMOND[:-1])
    assert wiring != from_edges(DIAMOND, outputs=["out", "q"])
    assert wiring != wiring.with_units(2)
    assert wiring != "a wiring"
    weighted = from_edges([("a", "b", 2.0)], weight=2)
    assert weighted != from_edges([("a", "b", 3.0)], weight=2)
    assert weighted != from_edges([("a", "b")])
    assert len({wiring, from_edges(DIAMOND), wiring.with_units(2).with_units(1)}) == 1


def test_copies_and_pickles() -> None:
    for wiring in (
        from_edges(DIAMOND, outputs=["q", "out"]).with_units(3),
        from_edges([("b", "c", -1.5), ("a", "c", 2)], weight=2),
        from_edges(DIAMOND).restricted_to(["b"]),
    ):
        for twin in (copy.copy(wiring), copy.deepcopy(wiring), pickle.loads(pickle.dumps(wiring))):
            assert twin == wiring
            assert str(twin) == str(wiring)
            assert twin.dropped == wiring.dropped


def test_it_cannot_be_changed() -> None:
    wiring = from_edges([("a", "b", 1.0)], weight=2)
    with pytest.raises(AttributeError, match="a Wiring is fixed: cannot set 'units'"):
        wiring.units = 3  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="a Wiring is fixed: cannot delete 'units'"):
        del wiring.units
    arrays = [
        wiring.units, wiring.levels, wiring.row_starts, wiring.level_starts, wiring.indptr,
        wiring.indices, wiring.weights,
    ]  # fmt: skip
    assert not any(array.flags.writeable for array in arrays if array is not None)


def test_arrays_that_were_passed_stay_as_they_are() -> None:
    ends, units = np.array([0, 1]), np.array([1, 1, 2])
    wiring = Wiring([*"abc"], ends, [2, 2], n_inputs=2, outputs=["c"], units=units)
    ends[:], units[:] = 9, 9
    assert wiring.edges() == [("a", "c"), ("b", "c")]
    assert wiring.units.tolist() == [1, 1, 2]


def test_dead_ends() -> None:
    wiring = from_edges([*DIAMOND, ("p", "lost"), ("lost", "end")], outputs=["out"])
    assert wiring.dead_ends == ("lost", "end")
    assert str(wiring).splitlines()[-1] == (
        "reach no output: 2 terms, 'lost', 'end'; restricted_to(inputs) leaves them out"
    )
    assert from_edges(DIAMOND).dead_ends == ()


def test_weights_keep_to_their_edges() -> None:
    wiring = from_edges([("p", "out", 3), ("b", "p", 2), ("a", "p", -1)], ["a", "b"], weight=2)
    assert wiring.weights is not None
    assert dict(zip(wiring.edges(), wiring.weights.tolist(), strict=True)) == {
        ("a", "p"): -1,
        ("b", "p"): 2,
        ("p", "out"): 3,
    }
    assert wiring.matrix().toarray()[2].tolist() == [-1, 2, 0, 0]
    restricted = wiring.restricted_to(["b"])
    assert restricted.weights is not None
    assert restricted.weights.tolist() == [2, 3]


@given(edge_lists(), st.data())
def test_a_cycle_is_one(edges: list[tuple[Any, Any]], data: Any) -> None:
    source, target = data.draw(st.sampled_from(edges))
    broken = [*edges, (target, source)]
    with pytest.raises(ValueError, match=r"a cycle of \d+ terms: ") as error:
        from_edges(broken)
    shown = str(error.value).partition("terms: ")[2].partition("; ")[0].split(" -> ")
    assert shown[0] == shown[-1]
    assert {*pairwise(shown)} <= {(repr(s), repr(t)) for s, t in broken} or "..." in shown
    graph = nx.DiGraph(broken)
    parts = [part for part in nx.strongly_connected_components(graph) if len(part) > 1]
    assert f"; {len(set().union(*parts))} terms in all lie on cycles" in str(error.value)


def test_more_edges_than_memory_holds_are_refused() -> None:
    edges = [(s, t) for t in ("p", "q") for s in range(3)] + [("p", "r"), ("q", "r"), ("r", "out")]
    with pytest.raises(MemoryError, match=r"a wiring of .* edges would take"):
        from_edges(edges).with_units(2**22)
