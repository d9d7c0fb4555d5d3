"""Networks of named wirings beside PyTorch: the same networks, checked before they are timed."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from bench import hierarchies, measure, wired, wiring_users

Tasks = dict[str, wired.Task]


@pytest.fixture(scope="module")
def tiny() -> Tasks:
    """An ontology with outputs at inner levels, and layers."""
    terms = hierarchies.ontology(
        30, (9, 4, 2, 1), units=3, genes_per_term=4, second_parents=0.7, n_heads=5
    )
    layers = hierarchies.pathway_layers((12, 9, 6, 2), (2, 2))
    sizes: dict[str, Any] = {"batch_size": 8, "n_samples": 50}
    return {
        "ontology": wired.make_task("ontology of few terms", terms, head_weight=0.3, **sizes),
        "layers": wired.make_task("layers of few neurons", layers, **sizes),
    }


@pytest.fixture(scope="module")
def sides() -> dict[str, type[wired.Side]]:
    pytest.importorskip("torch")
    from bench import term_loops, wired_torch

    kinds = (wired_torch.Masked, wired_torch.Sparse, term_loops.Modules, term_loops.LevelWise)
    return {kind.__name__: kind for kind in kinds}


def test_an_ontology_has_all_that_was_asked_for() -> None:
    make = partial(
        hierarchies.ontology, 40, (12, 5, 2, 1), genes_per_term=5, second_parents=0.5, n_heads=4
    )
    wiring = make(units=2)
    assert wiring == make(units=2) != make(units=2, seed=1)
    assert wiring.inputs == tuple(f"gene {k}" for k in range(40))
    terms = [name for name in wiring.terms[40:] if name not in wiring.outputs]
    assert [name.split(".")[0] for name in terms].count("term 1") == 12
    assert all(wiring.level_of[name] == int(name[5]) for name in terms)
    assert wiring.outputs[0] == "output of term 4.19"  # the root's
    assert len(wiring.outputs) == 4
    assert {wiring.rows_of(name).stop - wiring.rows_of(name).start for name in terms} == {2}
    edges = wiring.edges()
    assert len(set(edges)) == len(edges)
    sources = {source for source, _ in edges}
    assert sources == {*wiring.inputs, *terms}  # all are read
    assert all(any(s.startswith("gene") for s, t in edges if t == name) for name in terms)
    assert 0 < wiring.n_skips < wiring.n_edges


def test_layers_of_pathways_are_a_chain() -> None:
    wiring = hierarchies.pathway_layers((20, 30, 12, 4, 2), (1.5, 3, 3))
    assert np.diff(wiring.level_starts).tolist() == [20, 30, 12, 4, 2]
    assert wiring.n_skips == 0
    assert not wiring.dead_ends
    assert wiring.n_edges > 30 + 20 + 12 + 8


@pytest.mark.parametrize("side", ["Masked", "Sparse", "Modules", "LevelWise"])
@pytest.mark.parametrize("dtype", wiring_users.TOLERANCES)
@pytest.mark.parametrize("task", ["ontology", "layers"])
def test_all_train_the_same_network(
    tiny: Tasks, sides: dict[str, type[wired.Side]], task: str, side: str, dtype: str
) -> None:
    ours, other = wired.Ours(tiny[task], 1, dtype), sides[side](tiny[task], 1, dtype)
    before = ours.parameters()
    np.testing.assert_array_equal(other.parameters(), before)
    assert wired.check(ours, other, wiring_users.TOLERANCES[dtype]) < 1e-5
    moved = np.abs(ours.parameters() - before)
    for kind, places in wired.kinds_of(ours.network.structure).items():
        assert moved[places].max() > 0, kind
    dense = sum(g.graph.n_in * g.n_rows for _, g in ours.network.structure.summing)
    assert ours.n_weights() == tiny[task].wiring.n_edges
    assert other.n_weights() == (dense if side == "Masked" else ours.n_weights())


@pytest.mark.parametrize("what", ["loss", "gradient", "steps"])
def test_another_network_is_not_timed(tiny: Tasks, what: str) -> None:
    class Wrong(wired.Ours):
        name = "a twin"

        def gradients(self, samples: Any) -> tuple[float, Any]:
            loss, gradients = super().gradients(samples)
            return loss + 1e-3 * (what == "loss"), gradients * (1.01 if what == "gradient" else 1)

        def parameters(self) -> Any:
            return super().parameters() * (1.01 if what == "steps" else 1)

    task = tiny["layers"]
    with pytest.raises(AssertionError, match=f"{what} of a twin differ from ours by 0.0"):
        wired.check(wired.Ours(task, 1, "float64"), Wrong(task, 1, "float64"), 1e-6)


def test_threads_are_taken_back(tiny: Tasks, sides: dict[str, type[wired.Side]]) -> None:
    import minisnn as snn

    torch = pytest.importorskip("torch")
    side, ours = sides["Sparse"](tiny["layers"], 2, "float32"), wired.Ours(tiny["layers"], 1, "f4")
    before, own = torch.get_num_threads(), snn.get_num_threads()
    with side.limits(), ours.limits():
        assert (torch.get_num_threads(), snn.get_num_threads()) == (2, 1)
    assert (torch.get_num_threads(), snn.get_num_threads()) == (before, own)


def test_measurement(
    tiny: Tasks, sides: dict[str, type[wired.Side]], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = partial(measure.interleaved, seconds=1e-4, pause=0.0)
    monkeypatch.setattr(wiring_users, "interleaved", at_once)
    monkeypatch.setattr(wiring_users, "CHAIN", (30, 40, 5))
    monkeypatch.setattr(wiring_users, "DEGREE", 8)
    result = wiring_users.measure_wiring_users((1,), chosen=tiny, rounds=2, report=lambda _: None)
    assert [row["task"] for row in result["rows"]] == ["ontology", "layers"]
    for row in result["rows"]:
        differences = result["tasks"][row["task"]]["differences"]
        assert [*row["milliseconds"]] == ["minisnn", *differences["float64"]]
        assert min(row["milliseconds"].values()) > 0
        assert row["ratios"]["minisnn"] == 1
    (chain,) = result["chain"]
    assert {len(values) for values in chain["rounds"].values()} == {6}
    text = wiring_users.table(json.loads(json.dumps(result)))
    assert "ontology of few terms" in text
    assert "PyTorch, modules term by term" in text
    assert "30-40-5" in text
    figure = wiring_users.plot(result)
    assert [panel.get_xlabel() for panel in figure.axes] == ["milliseconds a step"] * 2


def test_goals_are_of_tasks_and_contestants(sides: dict[str, type[wired.Side]]) -> None:
    names = {side.name for side in sides.values()}
    assert all(names.issuperset(goals) for goals in wiring_users.GOALS.values())


def test_a_chain_with_other_bits_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring_users, "CHAIN", (30, 40, 5))
    monkeypatch.setattr(wiring_users, "DEGREE", 8)
    monkeypatch.setattr(
        wiring_users.snn, "Network", partial(wiring_users.snn.Network, initializer="he_normal")
    )
    with pytest.raises(AssertionError, match="a chain as an MLP and as a Network has other bits"):
        wiring_users._chain(1, 1, lambda _: None)
