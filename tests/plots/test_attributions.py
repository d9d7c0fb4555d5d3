"""Plots of attributions."""

from __future__ import annotations

import io
from typing import Any

import matplotlib.style
import numpy as np
import pytest
from matplotlib.colors import to_hex

import minisnn as snn
from minisnn import attribution, plots, topology
from minisnn.plots.style import COLORS


@pytest.fixture
def net() -> snn.MLP:
    graphs = [topology.constant_degree(30, 25, degree=5, seed=0), topology.dense(25, 1)]
    return snn.MLP(graphs, activation="tanh", seed=0)


@pytest.fixture
def X() -> Any:
    return np.random.default_rng(0).normal(size=(12, 30))


def test_bars_are_the_largest_attributions(net: snn.MLP, X: Any) -> None:
    result = attribution.integrated_gradients(net, X)
    figure = plots.plot_attributions(result)
    figure.savefig(io.BytesIO(), format="png")
    (axes,) = figure.axes
    frame = result.to_frame()[:20]
    bars = sorted(axes.patches, key=lambda bar: bar.get_y())
    assert [bar.get_width() for bar in bars] == pytest.approx(frame["attribution"].tolist())
    signs = [COLORS[0] if mean >= 0 else COLORS[1] for mean in frame["mean"]]
    assert [to_hex(bar.get_facecolor()) for bar in bars] == signs
    assert [text.get_text() for text in axes.get_yticklabels()] == frame["name"].tolist()
    lines = [line[0, 0] for line in axes.collections[0].get_segments()]
    assert lines == pytest.approx(np.abs(frame["mean"]).tolist())
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the largest at the top
    assert "20 of 30 inputs" in axes.get_xlabel()


def test_hidden_terms_have_their_level_and_names_are_no_formulas(X: Any) -> None:
    edges = [(f"x{k}", r"$\frac$") for k in range(30)] + [(r"$\frac$", "$out")]
    net = snn.Network(snn.wiring.from_edges(edges), seed=0)
    figure = plots.plot_attributions(attribution.conductance(net, X))
    figure.savefig(io.BytesIO(), format="png")
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [r"\$\frac\$  (level 1)"]
    assert "output \\$out\nall 1 hidden terms" in figure.axes[0].get_xlabel()


def test_colours_follow_the_style(net: snn.MLP, X: Any) -> None:
    with matplotlib.style.context("dark_background"):
        figure = plots.plot_attributions(attribution.gradient_times_input(net, X))
    assert to_hex(figure.axes[0].collections[0].get_edgecolor()[0]) == "#ffffff"
