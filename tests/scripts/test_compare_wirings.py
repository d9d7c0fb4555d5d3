"""The program that compares wirings: its graphs, its pairs, its files."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

import compare_wirings as program
import numpy as np
import pytest
import wiring_questions as questions
from compare_wirings import Training, held_out, rows_of, train_case
from problems import three_classes
from wiring_questions import PROFILES, RECIPES, Case, Fitted, Kind, Recipe, Task

import minisnn as snn
from minisnn.reproduction.trainings import read_rows

X, Y = three_classes()
TASK = Task(X, Y, X[:60], Y[:60])


def test_graphs_of_a_degree_have_as_many_edges(rng: np.random.Generator) -> None:
    task = Task(rng.random((50, 90)), np.arange(50), X, Y)
    graphs = [
        make(task, 3, degree=20)
        for make in (questions.random, questions.fibonacci, questions.correlated)
    ]
    spread = []
    for profile in PROFILES.values():
        graphs.append(questions.of_profile(task, 3, 20, profile))
        assert graphs[-1] == questions.of_profile(task, 3, 20, profile)
        assert graphs[-1] != questions.of_profile(task, 4, 20, profile)
        spread.append(graphs[-1].in_degrees.std() / graphs[-1].in_degrees.mean())
    assert {graph.n_edges for graph in graphs} == {90 * 20}
    assert min(spread) > 0.4
    assert questions.dense(task, 0, hidden=7).shape == (90, 7)


def test_tasks() -> None:
    plain = questions.images("sample")
    task, other = (questions.shuffled(plain, seed) for seed in (1, 2))
    assert plain.n_classes == 10
    assert not np.array_equal(task.X, other.X)
    for part in (task, other):
        np.testing.assert_array_equal(np.sort(part.X[0]), np.sort(plain.X[0]))
        np.testing.assert_array_equal(part.X_test.sum(axis=1), plain.X_test.sum(axis=1))
    part = held_out(plain)
    assert len(part.y) + len(part.y_test) == len(plain.y)
    assert len(part.y_test) == len(plain.y) // 6


def test_every_question_has_a_reference_in_each_case() -> None:
    pytest.importorskip("sklearn", reason="needs the extra sklearn")
    for make in questions.QUESTIONS.values():
        for case in make("sample"):
            assert case.reference in case.kinds
            assert case.recipe in RECIPES
            names = list(case.kinds)
            for name, kind in case.kinds.items():
                if kind.as_long_as is not None:
                    assert names.index(kind.as_long_as) < names.index(name)


def test_kinds_are_what_they_say() -> None:
    def begin(task: Task, seed: int) -> snn.Topology:
        return snn.topology.biregular(12, 24, 6, seed=seed)

    recipe = RECIPES["modern"]
    graphs = {}
    for name, kind in {
        "fixed": questions.fixed(begin),
        "moving": questions.moving(begin, "gradient"),
        "found": questions.found_by_moving(begin, lambda graph, seed: graph),
    }.items():
        fitted = kind.fit(TASK, recipe, 0.01, 60, 1)
        assert isinstance(fitted, Fitted)
        assert (fitted.moving_seconds > 0) == (name == "moving")
        assert fitted.seconds > fitted.moving_seconds
        assert fitted.net.activation == "relu"
        graphs[name] = fitted.net.topologies[0]
    assert graphs["fixed"] == begin(TASK, 1)
    assert graphs["moving"] != graphs["fixed"]
    assert graphs["found"] == graphs["moving"]


def fake(level: float, moving_seconds: float = 0.0) -> Kind:
    """A kind that trains nothing, and takes a second an epoch."""

    def fit(task: Task, recipe: Recipe, rate: float, epochs: int, seed: int) -> Fitted:
        net = snn.MLP([snn.topology.dense(12, 3)], seed=0)
        net.parameters[:] = 0
        counts = np.bincount(task.y)
        net.layers[0].biases[counts.argmax() if rate == 0.01 else counts.argmin()] = level
        return Fitted(net, float(epochs), moving_seconds)

    return Kind(fit)


def test_rates_are_chosen_and_time_is_given() -> None:
    kinds = {
        "random": fake(1.0), "RigL": fake(1.0, 4.0),
        "longer": replace(fake(1.0), as_long_as="RigL"),
    }  # fmt: skip
    case = Case("a case", lambda seed: TASK, "modern", kinds)
    trainings = list(train_case(case, 2, 10, "any", {}))
    assert [(t.kind, t.seed, t.epochs) for t in trainings] == [
        ("random", 0, 10), ("random", 1, 10), ("RigL", 0, 10), ("RigL", 1, 10),
        ("longer", 0, 17), ("longer", 1, 17),
    ]  # fmt: skip
    assert {training.rate for training in trainings} == {0.01}
    rows = rows_of(case, trainings)
    assert [row.moving_share for row in rows] == pytest.approx([0, 0.4, 0, 0.4])
    assert [row.seconds for row in rows] == [10, 10, 17, 10]
    assert rows[-1].kind == "RigL, at equal time"


def test_differences_are_of_pairs() -> None:
    def of(kind: str, *accuracies: float) -> list[Training]:
        return [
            Training("any", "a case", kind, seed, 0.1, 1, 9, 1.0, 0.0, accuracy)
            for seed, accuracy in enumerate(accuracies)
        ]

    case = Case("a case", lambda seed: TASK, "paper", {"random": fake(0), "Fibonacci": fake(0)})
    rows = rows_of(case, [*of("random", 0.5, 0.9), *of("Fibonacci", 0.51, 0.91)])
    assert rows[0].difference is None
    found = rows[1].difference
    assert found is not None
    assert [found.low, found.value, found.high] == pytest.approx([1, 1, 1])
    assert rows[1].accuracy.value == pytest.approx(71)
    table = program.format_rows(rows)
    assert "+1.00 [+1.00, +1.00]" in table.splitlines()[-1]


def test_the_program(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(program, "limit_threads", lambda count: None)
    small = partial(questions.random, degree=6, hidden=24)
    kinds = {"random": questions.fixed(small), "SET": questions.moving(small, "random")}
    cases = [Case(name, lambda seed: TASK, name, kinds) for name in RECIPES]
    monkeypatch.setitem(program.QUESTIONS, "moving", lambda data: cases)
    folder = tmp_path / "result"
    arguments = ["moving", "--epochs", "2", "--output", str(folder)]
    program.main([*arguments, "--seeds", "2"])
    assert "modern: SET" in capsys.readouterr().err
    with (folder / "trainings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 2
    assert {row["connections"] for row in rows} == {str(72 + 72)}
    assert (folder / "differences.png").stat().st_size > 1000
    before = read_rows(folder / "trainings.csv", Training)
    program.main([*arguments, "--seeds", "3"])  # seconds would differ, too
    after = read_rows(folder / "trainings.csv", Training)
    assert after[: len(before)] == before
    assert [row.seed for row in after[len(before) :]] == [2] * 4
    assert [row.rate for row in after if row.seed == 2] == [r.rate for r in before if r.seed == 1]


def test_nothing_is_lost_where_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on with the training that was under way, at the rate of its kind."""
    monkeypatch.setattr(program, "limit_threads", lambda count: None)
    n_trained = 0

    def fit(task: Task, recipe: Recipe, rate: float, epochs: int, seed: int) -> Fitted:
        nonlocal n_trained
        n_trained += 1
        if n_trained == stop_at:
            raise KeyboardInterrupt
        return fake(rate).fit(task, recipe, rate, epochs, seed)

    kinds = {"random": Kind(fit), "SET": Kind(fit)}
    cases = [Case("a case", lambda seed: TASK, "modern", kinds)]
    monkeypatch.setitem(program.QUESTIONS, "moving", lambda data: cases)
    n_tries = 2 * len(RECIPES["modern"].rates)
    stop_at = n_tries + 2
    arguments = ["moving", "--seeds", "3", "--output", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        program.main(arguments)
    assert [row.seed for row in read_rows(tmp_path / "trainings.csv", Training)] == [0]
    n_trained, stop_at = 0, -1
    program.main(arguments)
    assert n_trained == 2 + n_tries + 3
    found = [(row.kind, row.seed) for row in read_rows(tmp_path / "trainings.csv", Training)]
    assert found == [(kind, seed) for kind in kinds for seed in range(3)]
    program.main([*arguments, "--data", "sample"])
    assert n_trained == 2 + n_tries + 3
    program.main([*arguments, "--epochs", "4"])
    assert n_trained == 2 + n_tries + 3 + 2 * (n_tries + 3)
