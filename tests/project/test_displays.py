"""Displays in notebooks: tables of networks, wirings, plans, trainings and comparisons."""

from __future__ import annotations

import re

import numpy as np
import pytest

import minisnn as snn
from minisnn.experiments import NullTest
from minisnn.measurement.comparison import Comparison, figures_of

TAG = "<script>"


def wiring() -> snn.wiring.Wiring:
    return snn.wiring.from_edges([("a&b", TAG), ("c", TAG), (TAG, "<o>"), ("c", "<o>")])


def epochs(n: int) -> snn.History:
    return snn.History([snn.Epoch(k + 1, 1 / (k + 1), None, None, 0.5, 2.0, 9.0) for k in range(n)])


def cells(text: str) -> list[list[str]]:
    return [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in text.split("<tr>")[1:]]


def test_an_mlp() -> None:
    net = snn.MLP([snn.topology.constant_degree(6, 4, degree=2, seed=0), snn.topology.dense(4, 3)])
    header, *rows = cells(net._repr_html_())
    assert header == ["", "neurons", "connections", "density", "activation", "graph"]
    assert rows == [
        ["layer 1", "4", "12", "50 %", "sigmoid", "constant_degree"],
        ["layer 2", "3", "12", "100 %", "sigmoid", "dense"],
    ]


def test_a_network() -> None:
    net = snn.Network(wiring(), activation="relu", batch_norm=True)
    text = net._repr_html_()
    header, *rows = cells(text)
    assert header == ["", "neurons", "connections", "activation", "batch norm"]
    assert rows == [["level 1", "1", "2", "relu", "yes"], ["level 2", "1", "2", "sigmoid", "no"]]
    assert "Network(2 inputs -&gt; 1 -&gt; 1" in text


def test_a_wiring() -> None:
    rows = cells(wiring()._repr_html_())
    assert rows[0] == ["level", "terms", "neurons", "outputs", "edges", "skips"]
    assert [row[0] for row in rows[1:]] == ["inputs", "1", "2", "all"]


def test_names_are_escaped() -> None:
    whole = snn.wiring.from_edges([("a", "o"), ("<b>", "<dead>"), ("a", "<dead>")], outputs=["o"])
    texts = [whole._repr_html_(), whole.restricted_to(["a"])._repr_html_()]
    net = snn.Network(wiring())
    X = np.eye(2)
    texts.append(snn.attribution.conductance(net, X, "<o>")._repr_html_())
    texts.append(snn.attribution.integrated_gradients(net, X, "<o>")._repr_html_())
    assert "&lt;dead&gt;" in texts[0]
    assert "&lt;script&gt;" in texts[2]
    assert "a&amp;b" in texts[3]
    for text in texts:
        tags = set(re.findall(r"<(\w+)", text))
        assert tags <= {"div", "table", "thead", "tbody", "tr", "th", "td"}


def test_a_deep_wiring_is_cut() -> None:
    chain = snn.wiring.from_edges([(k, k + 1) for k in range(3000)])
    text = chain._repr_html_()
    assert [row[0] for row in cells(text)][11:15] == ["10", "11", "...", "2989"]
    assert cells(text)[-1][0] == "all"
    assert len(text) < 20_000
    deep = snn.Network(snn.wiring.from_edges([(k, k + 1) for k in range(300)]))
    assert len(cells(deep._repr_html_())) == 1 + 25


def test_a_history() -> None:
    text = epochs(4000)._repr_html_()
    assert [row[0] for row in cells(text)] == [
        "epoch", "1", "2", "3", "4", "5", "...", "3996", "3997", "3998", "3999", "4000"
    ]  # fmt: skip
    assert len(text) < 20_000
    assert text.count("<svg") == 1
    assert cells(text)[0] == ["epoch", "loss", "learning rate", "seconds", "step microseconds"]
    assert cells(text)[1] == ["1", "1", "0.5", "2", "9"]
    judged = snn.History(
        [snn.Epoch(1, 0.1, 0.2, None, 0.5, 2, 9), snn.Epoch(2, 0, None, None, 1, 2, 9)]
    )
    assert [row[2] for row in cells(judged._repr_html_())] == ["validation loss", "0.2", ""]


def test_a_history_of_nothing() -> None:
    assert cells(epochs(0)._repr_html_()) == []
    assert "History(0 epochs)" in epochs(0)._repr_html_()
    assert "<svg" not in epochs(1)._repr_html_()
    assert len(cells(epochs(1)._repr_html_())) == 2


def test_a_plan_is_the_text_that_is_printed() -> None:
    plan = snn.MLP([snn.topology.dense(4, 2)]).plan
    ((style, text),) = re.findall(r"<pre ([^>]*)>([^<]*)</pre>", plan._repr_html_())
    assert "monospace" in style  # a notebook's own style is not
    assert text == str(plan).replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")


def test_a_comparison() -> None:
    net = snn.MLP([snn.topology.dense(4, 2)])
    figures = [figures_of(name, net, epochs(2), 0.5) for name in ("<sparse>", "dense")]
    text = Comparison(figures)._repr_html_()
    assert cells(text)[0] == ["", "&lt;sparse&gt;", "dense"]
    printed = [re.split(r"  +", line.strip()) for line in str(Comparison(figures)).splitlines()]
    assert cells(text)[1:] == printed[2:]
    assert Comparison([])._repr_html_()


@pytest.mark.parametrize("n", [1, 9])
def test_a_test_against_null_models(n: int) -> None:
    result = NullTest("degrees", np.array([0.9]), np.linspace(0, 1, n)[:, None])
    rows = cells(result._repr_html_())
    lines = str(result).splitlines()
    assert len(rows) == len(lines) == 5
    for row, line in zip(rows, lines, strict=True):
        assert [part for part in row if part not in line] == []
        assert float(row[1]) == pytest.approx(float(line.split(",")[0].split()[-1]), nan_ok=True)
