"""Comparisons with other systems check both sides before they time them."""

from __future__ import annotations

import compare_originals
import numpy as np
import pytest
from originals import systems
from originals.base import Case, difference, fill

import minisnn as snn


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the comparison with `masks` be one that is known; return the trainings that it makes."""
    calls: list[str] = []

    def make(*_: object) -> Case:
        sides = {name: lambda n, name=name: calls.append(name) for name in ("theirs", "ours")}
        return Case("a network", {"gradients": 1e-6, "outputs": 2e-6}, sides)

    monkeypatch.setattr(systems, "make", make)
    monkeypatch.setattr(compare_originals, "SECONDS", 1e-7)
    return calls


def test_both_sides_take_turns(trained: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    compare_originals.main(["masks", "--rounds", "2"])
    assert trained[-8:] == 2 * ["theirs", "theirs", "ours", "ours"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a network"
    assert lines[1] == "largest difference of gradients: 1.0e-06 of the largest value"
    assert lines[3].startswith("1 thread")
    assert lines[6].startswith("ours")
    assert lines[6].endswith("1.0 x")


def test_sides_that_differ_are_not_timed(
    trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_originals, "TOLERANCE", 1e-6)
    with pytest.raises(
        RuntimeError, match=r"outputs differ by more than 1e-06, so nothing is timed"
    ):
        compare_originals.main(["masks"])
    assert not trained


def test_parameters_in_the_order_of_the_edges() -> None:
    """Outputs at inner levels are a part of their own behind the rest of their level."""
    edges = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "r"), ("b", "r"), ("p", "x"), ("r", "y")]
    wiring = snn.wiring.from_edges([*edges, ("q", "y")], outputs=["x", "y"])
    net = snn.Network(wiring, seed=0)
    fill(net, np.arange(wiring.n_edges), 10 + np.arange(wiring.n_neurons - wiring.n_inputs))
    weights, biases = net.weights_frame(), net.biases_frame()
    assert weights.weight.tolist() == list(range(8))
    assert list(zip(weights.source, weights.target, strict=True)) == wiring.edges()
    assert biases.bias.tolist() == list(range(10, 15))


def test_masks_of_pytorch_have_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from originals import masks

    monkeypatch.setattr(masks, "WIDTHS", (20, 30, 4))
    monkeypatch.setattr(masks, "DEGREE", 5)
    monkeypatch.setattr(masks, "SAMPLES", 256)
    case = masks.case(1)
    assert len(case.differences) == 2
    assert max(case.differences.values()) < 1e-5
    for train in case.sides.values():
        train(1)


def test_a_difference_is_relative_to_the_largest_value() -> None:
    assert difference(np.array([1.0, -4.0]), np.array([2.0, -5.0])) == pytest.approx(0.2)
