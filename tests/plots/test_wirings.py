"""Plots of wirings: names, bars, shares beside a sum over all paths."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import matplotlib.style
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import minisnn as snn
from minisnn import plots
from minisnn.wiring import from_edges

EDGES = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "q"), ("q", "out"), ("a", "out")]


def drawn(figure: Figure) -> Figure:
    figure.savefig(io.BytesIO(), format="png")
    return figure


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def ticks(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_xticklabels()]


@pytest.fixture(scope="module")
def large() -> snn.wiring.Wiring:
    rng = np.random.default_rng(0)
    edges = {(gene, f"t{term}") for term in range(200) for gene in rng.choice(2000, 9).tolist()}
    edges |= {(f"t{term}", f"u{term % 7}") for term in range(200)}
    edges |= {("t0", "v"), *((f"u{n}", "v") for n in range(7)), (0, "v")}
    return from_edges(sorted(edges, key=str), outputs=["v", *(f"t{n}" for n in range(0, 200, 5))])


def test_a_small_wiring_shows_all_names() -> None:
    figure = drawn(plots.plot_wiring(from_edges(EDGES).with_units(2)))
    assert texts(figure) == ["a", "b", "p", "q", "out"]
    assert ticks(figure) == [
        "inputs: 2",
        "level 1\nterms: 1\nneurons: 2",
        "level 2\nterms: 1\nneurons: 2",
        "level 3\nterms: 1",
    ]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "edges from the level before", "edges that skip levels", "inputs", "terms", "outputs",
    ]  # fmt: skip
    before, skips = figure.axes[0].collections[:2]
    assert (len(before.get_paths()), len(skips.get_paths())) == (4, 2)


def test_large_levels_are_bars(large: snn.wiring.Wiring) -> None:
    figure = drawn(plots.plot_wiring(large))
    n_inputs = large.n_inputs
    assert ticks(figure) == [
        f"inputs: {n_inputs:,}", "level 1\nterms: 200\noutputs: 40", "level 2\nterms: 7",
        "level 3\nterms: 1",
    ]  # fmt: skip
    assert sorted(texts(figure)) == ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "v"]
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([0.9, 0.9 * (200 / n_inputs) ** 0.5])
    lines = sum(len(paths.get_paths()) for paths in figure.axes[0].collections[:2])
    assert lines == 1 + 7 + 7 + 2  # inputs to bar, bar to each, each to v, two that skip


def test_as_many_levels_as_have_no_room_for_names() -> None:
    chain = snn.wiring.from_topologies([snn.topology.dense(2, 2)] * 80)
    for plot in (plots.plot_wiring, plots.plot_sankey):
        figure = plot(chain)
        assert texts(figure) == []
        assert figure.get_figwidth() == 60
        assert len(ticks(figure)) <= 24


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_shares_beside_all_paths(data: Any) -> None:
    n = data.draw(st.integers(2, 8))
    pairs = [(s, t) for t in range(n) for s in range(t)]
    edges = data.draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    wiring = from_edges(edges)
    inner = [name for name in wiring.terms if name not in wiring.inputs]
    wiring = from_edges(
        edges, outputs=data.draw(st.lists(st.sampled_from(inner), min_size=1, unique=True))
    ).with_units(2)
    values = np.array(
        data.draw(st.lists(st.integers(1, 9), min_size=wiring.n_edges, max_size=wiring.n_edges))
    )
    matrix = wiring.matrix().tocoo()
    names = [name for name, n in zip(wiring.terms, wiring.units, strict=True) for _ in range(n)]
    graph = nx.DiGraph()
    for target, source, value in zip(*matrix.coords, values, strict=True):
        ends = names[source], names[target]
        graph.add_edge(*ends, value=graph.get_edge_data(*ends, {"value": 0})["value"] + value)
    sums = {name: sum(graph[s][name]["value"] for s in graph.predecessors(name)) for name in graph}
    signs = np.where(np.arange(values.size) % 2, -1, 1)
    found = dict(text.rsplit("  ", 1) for text in texts(plots.plot_sankey(wiring, values * signs)))
    for name in wiring.terms:
        share = 0.0
        for output in wiring.outputs:
            paths = [[name]] if name == output else list(nx.all_simple_paths(graph, name, output))
            for path in paths:
                parts = [graph[s][t]["value"] / sums[t] for s, t in pairwise(path)]
                share += float(np.prod(parts))
        percent = 100 * share / len(wiring.outputs)
        if percent < 1e-7:
            assert str(name) not in found
        elif percent < 0.1:
            assert found[str(name)] == "< 0.1 %"
        else:
            assert float(found[str(name)].removesuffix(" %")) == pytest.approx(percent, rel=6e-3)


def test_bands_fill_their_nodes(large: snn.wiring.Wiring) -> None:
    values = np.random.default_rng(0).random(large.n_edges) ** 4
    figure = drawn(plots.plot_sankey(large, values))
    axes = figure.axes[0]
    labels = texts(figure)
    assert len([text for text in labels if " others " in text]) == 2  # of inputs and level 1
    assert len(labels) == 9 + 9 + 7 + 1
    bars = {(round(bar.get_x(), 6), bar.get_height()) for bar in axes.patches}
    assert sum(height for x, height in bars if x < 0) == pytest.approx(1)
    entering: dict[float, float] = {}
    for path in axes.collections[0].get_paths():
        x, top = path.vertices[3]
        entering[x] = entering.get(x, 0) + top - path.vertices[4][1]
    for level in (1, 2, 3):
        heights = [bar.get_height() for bar in axes.patches if round(bar.get_x() + 0.04) == level]
        assert entering[level - 0.04] == pytest.approx(sum(heights))


def test_weights_are_the_values_by_default() -> None:
    wiring = from_edges([("a", "out", 3), ("b", "out", -1)], weight=2)
    assert texts(plots.plot_sankey(wiring)) == ["a  75 %", "b  25 %", "out  100 %"]
    alike = from_edges([("a", "out"), ("b", "out")])
    assert texts(plots.plot_sankey(alike)) == ["a  50 %", "b  50 %", "out  100 %"]


def test_names_are_no_formulas_and_not_too_long() -> None:
    wiring = from_edges([(r"$\frac$", "a name of more than twenty letters"), (("x", 1), 7)])
    for plot in (plots.plot_wiring, plots.plot_sankey):
        shown = texts(drawn(plot(wiring)))
        assert shown[0].startswith(r"\$\frac\$")
        assert sum("a name of more th..." in text for text in shown) == 1
        assert any("('x', 1)" in text for text in shown)


def test_colours_follow_the_style() -> None:
    with matplotlib.style.context("dark_background"):
        figure = drawn(plots.plot_wiring(from_edges(EDGES)))
    lines = figure.axes[0].collections[0]
    assert lines.get_edgecolor()[0][:3].tolist() == [1, 1, 1]
    assert figure.axes[0].texts[0].get_bbox_patch().get_facecolor()[:3] == (0, 0, 0)
