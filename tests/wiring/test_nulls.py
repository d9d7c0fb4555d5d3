"""Null models of wirings: levels, what is kept, what is drawn, and that it is uniform."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from minisnn.topology import margins
from minisnn.wiring import Wiring, from_edges, permuted, rewired

KEEP = ("degrees", "in_degree", "density")
SEEDS = st.integers(0, 2**32)


@st.composite
def wirings(draw: Any) -> Wiring:
    """Draw an acyclic graph of numbers, some of whose terms have several units."""
    n = draw(st.integers(2, 14))
    pairs = [(s, t) for t in range(n) for s in range(t)]
    wiring = from_edges(draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True)))
    hidden = wiring.terms[wiring.n_inputs :]
    return wiring.with_units(draw(st.dictionaries(st.sampled_from(hidden), st.integers(1, 3))))


def counts(wiring: Wiring, ends: str) -> Counter[Any]:
    """Numbers of edges by the levels of their ends, and by the ends that are named."""
    of = wiring.level_of
    return Counter(
        (of[s], of[t], s if "s" in ends else None, t if "t" in ends else None)
        for s, t in wiring.edges()
    )


@given(wirings(), SEEDS, st.sampled_from(KEEP))
def test_what_is_kept(real: Wiring, seed: int, keep: str) -> None:
    null = rewired(real, keep, seed=seed)
    assert null == rewired(real, keep, seed=seed)
    assert (null.terms, null.inputs, null.outputs) == (real.terms, real.inputs, real.outputs)
    np.testing.assert_array_equal(null.units, real.units)
    np.testing.assert_array_equal(null.levels, real.levels)
    assert counts(null, "") == counts(real, "")
    if keep != "density":
        assert counts(null, "t") == counts(real, "t")
    if keep == "degrees":
        assert counts(null, "s") == counts(real, "s")
        assert not null.dead_ends  # the real one has none


@given(wirings(), SEEDS)
def test_permuted_exchanges_inputs(real: Wiring, seed: int) -> None:
    null = permuted(real, seed=seed)
    assert null == permuted(real, seed=seed)
    np.testing.assert_array_equal(null.levels, real.levels)
    inputs = set(real.inputs)

    def inner(wiring: Wiring) -> list[Any]:
        return [edge for edge in wiring.edges() if edge[0] not in inputs]

    def readers(wiring: Wiring) -> list[list[int]]:
        read = [[t for s, t in wiring.edges() if s == name] for name in wiring.inputs]
        return sorted(map(sorted, read))

    assert inner(null) == inner(real)
    assert readers(null) == readers(real)


LAYERS = [("a", "p"), ("b", "p"), ("c", "p"), ("d", "p"), ("a", "q"), ("b", "r"), ("c", "r")]
TOP = [(name, "out") for name in "pqr"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keep", "sizes", "skips"),
    [("in_degree", [[3], [1], [2]], 1), ("density", [[1, 2, 3]] * 3, 0)],
)
def test_every_wiring_of_these_levels_is_equally_likely(
    keep: str, sizes: list[list[int]], skips: int
) -> None:
    edges = [*product("abc", "p"), ("a", "q"), ("b", "r"), ("c", "r"), *TOP]
    real = from_edges([*edges, ("a", "out")] if skips else edges)
    rows = [[row for size in of_one for row in combinations("abc", size)] for of_one in sizes]
    known = {
        choice
        for choice in product(*rows, combinations("abc", skips))
        if sum(map(len, choice)) == 6 + skips
    }
    found: Counter[Any] = Counter()
    for seed in range(15 * len(known)):
        null = rewired(real, keep, seed=seed).edges()
        found[
            tuple([tuple(s for s, t in null if t == of and s in "abc") for of in [*"pqr", "out"]])
        ] += 1
    assert set(found) == known
    assert chisquare(list(found.values())).pvalue > 0.01


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_sums_of_rows(n_rows: int, n_columns: int, data: st.DataObject) -> None:
    n_ones = data.draw(st.integers(n_rows, n_rows * n_columns))
    sums = margins._sums(n_rows, n_columns, n_ones, np.random.default_rng(0))
    assert sums.sum() == n_ones
    assert sums.min() >= 1
    assert sums.max() <= n_columns


@pytest.mark.parametrize("n_ones", [3001, 9000, 3000 * 400 - 1])
def test_sums_of_many_rows_are_found_soon(n_ones: int) -> None:
    sums = margins._sums(3000, 400, n_ones, np.random.default_rng(0))
    assert (sums.sum(), sums.size) == (n_ones, 3000)
    assert 1 <= sums.min() <= sums.max() <= 400


def test_weights_stay_between_their_levels() -> None:
    edges = [(*edge, weight) for weight, edge in enumerate([*LAYERS, *TOP], start=1)]
    real = from_edges(np.array(edges, dtype=object), weight=2)
    assert real.weights is not None
    for keep in KEEP:
        null = rewired(real, keep, seed=3)
        assert null.weights is not None
        assert sorted(null.weights[:7]) == sorted(real.weights[:7]) == [*range(1, 8)]
        assert sorted(null.weights[7:]) == [8, 9, 10]
    null = permuted(real, seed=0)
    assert null.weights is not None
    assert null != real
    of = dict(zip(real.edges(), real.weights, strict=True))
    names = dict(zip("abcd", moved(real, null), strict=True))
    for (s, t), weight in zip(null.edges(), null.weights, strict=True):
        assert of[names.get(s, s), t] == weight


def moved(real: Wiring, null: Wiring) -> list[Any]:
    """The input whose place each has taken; weights tell."""
    assert real.weights is not None
    assert null.weights is not None
    by_weight = {w: s for (s, _), w in zip(real.edges(), real.weights, strict=True)}
    took = {s: by_weight[w] for (s, _), w in zip(null.edges(), null.weights, strict=True)}
    return [took[name] for name in "abcd"]


@pytest.mark.parametrize(
    "edges",
    [
        [("a", "b")],
        [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")],  # a term per level
        [(s, t) for s in "abc" for t in "xy"],  # complete
        [("a", t) for t in "xyz"],
    ],
)
def test_a_wiring_alone_of_its_kind_stays(edges: list[tuple[str, str]]) -> None:
    real = from_edges(edges)
    for keep in KEEP:
        assert rewired(real, keep, seed=0) == real


def test_terms_may_lose_their_readers() -> None:
    real = from_edges([*LAYERS, *TOP, *((name, "case") for name in "pqr")])
    nulls = [rewired(real, "in_degree", seed=seed) for seed in range(3)]
    assert not real.dead_ends
    assert not any(null.dead_ends for null in nulls), "both outputs read all three"
    wide = from_edges([*LAYERS, ("p", "x"), ("q", "y"), ("r", "z")])
    assert any(rewired(wide, "in_degree", seed=seed).dead_ends for seed in range(20))
