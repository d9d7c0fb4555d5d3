"""Verdicts on the paper's statements for invented results."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from minisnn.experiments import Run
from minisnn.reproduction import EXPERIMENTS, PROFILES, Answer
from minisnn.reproduction.statistics import Interval, mean

PROFILE = PROFILES["quick"]  # degrees 1, 3, 10, 30 of 100 hidden neurons; 3 seeds
DENSE = 95.0


class Imagined:
    """Results that are what a function says of a run, and so much more or less with the seed.

    Of two networks that are compared, one gains what the other loses with a seed.
    """

    def __init__(
        self, value: Callable[[Run], float], noise: float, quarter: Callable[[Run], float]
    ) -> None:
        self._value, self._noise, self._quarter = value, noise, quarter

    def _of(self, run: Run) -> float:
        dense = run.layers[0].topology == "dense"
        against = dense ^ (run.layers[1].degree == 1) ^ (run.data.order is not None)
        return self._value(run) + (-1) ** against * self._noise * (run.seed - 1)

    def accuracies(self, runs: Sequence[Run], *, quarter: bool = False) -> list[float]:
        return [self._of(run) - quarter * self._quarter(run) for run in runs]

    def accuracy(self, runs: Sequence[Run]) -> Interval:
        return mean(self.accuracies(runs))

    def weights(self, run: Run) -> int:
        return 1

    def histories(self, runs: Sequence[Run]) -> list[Any]:
        return []

    def spread(self, run: Run) -> tuple[float, float, float]:
        return -self._of(run), self._of(run), self._of(run)


def answer(
    key: str,
    value: Callable[[Run], float],
    noise: float = 0.1,
    quarter: Callable[[Run], float] = lambda run: 0,
) -> Answer:
    results: Any = Imagined(value, noise, quarter)
    return EXPERIMENTS[key].examine(PROFILE, results).answer


def by_degree(accuracies: dict[int, float]) -> Callable[[Run], float]:
    """Return accuracies by the degree of the first layer, from this one on; dense has its own."""

    def value(run: Run) -> float:
        degree = run.layers[0].degree
        if degree is None:
            return DENSE
        return accuracies[max(least for least in accuracies if least <= degree)]

    return value


@pytest.mark.parametrize(
    ("accuracies", "noise", "expected"),
    [
        ({1: 80, 3: 95}, 0.01, Answer.HOLDS),
        ({1: 94.5, 3: 95}, 0.01, Answer.FAILS),  # not steep
        ({1: 80, 30: 95}, 0.01, Answer.FAILS),  # level from a third of all edges on
        ({1: 50, 3: 94.5}, 1.5, Answer.OPEN),  # perhaps level
    ],
)
def test_degrees(accuracies: dict[int, float], noise: float, expected: Answer) -> None:
    assert answer("E2", by_degree(accuracies), noise) == expected


def test_a_drop_that_may_be_chance_is_not_steep() -> None:
    def value(run: Run) -> float:
        chance = 2 * (run.seed - 1) * (run.layers[0].degree == 1)
        return by_degree({1: 93, 3: 95})(run) + chance

    assert answer("E2", value, 0.01) == Answer.OPEN


@pytest.mark.parametrize(
    ("loss", "noise", "expected"),
    [(3, 0.01, Answer.HOLDS), (0.5, 0.01, Answer.FAILS), (2, 2.0, Answer.OPEN)],
)
def test_output_degrees(loss: float, noise: float, expected: Answer) -> None:
    value = lambda run: DENSE - loss * (run.layers[1].degree == 1)  # noqa: E731
    assert answer("E3", value, noise) == expected


@pytest.mark.parametrize(
    ("sparse", "others", "expected"),
    [(5, 0.5, Answer.HOLDS), (2.2, 2, Answer.OPEN), (0.5, 5, Answer.FAILS)],
)
def test_very_sparse_networks(sparse: float, others: float, expected: Answer) -> None:
    def value(run: Run) -> float:
        better = run.layers[0].topology == "constant_degree"
        return 90 + better * (sparse if (run.layers[0].degree or 0) <= 5 else others)

    assert answer("E4", value) == expected


@pytest.mark.parametrize("key", ["E5", "E6", "E7"])
@pytest.mark.parametrize(
    ("gain", "expected"),
    [(1, Answer.HOLDS), (0.05, Answer.OPEN), (-0.05, Answer.OPEN), (-1, Answer.FAILS)],
)
def test_beside_dense(key: str, gain: float, expected: Answer) -> None:
    value = lambda run: DENSE + gain * (run.layers[0].topology != "dense")  # noqa: E731
    assert answer(key, value, 0.03) == expected


@pytest.mark.parametrize("key", ["E5", "E6", "E7"])
def test_all_networks_must_be_better(key: str) -> None:
    """Not only those of one density, or of one construction."""

    def value(run: Run) -> float:
        best = run.layers[0].density == 0.4
        return DENSE + (run.layers[0].topology != "dense") * (1 if best else 0)

    assert answer(key, value, 0.001) == Answer.OPEN


@pytest.mark.parametrize(
    ("sparse", "dense", "expected"),
    [(2, 1, Answer.HOLDS), (1, 2, Answer.FAILS), (1.05, 1, Answer.OPEN), (0, 1, Answer.FAILS),
     (-1, -2, Answer.FAILS)],
)  # fmt: skip
def test_long_training(sparse: float, dense: float, expected: Answer) -> None:
    """Gains of the last three quarters, of sparse and of dense networks."""

    def gains(run: Run) -> float:
        own = dense if run.layers[0].topology == "dense" else sparse
        return own + 0.03 * (run.seed - 1) * (-1) ** (run.layers[0].topology == "dense")

    assert answer("E8", lambda run: DENSE, quarter=gains) == expected


@pytest.mark.parametrize(
    ("deviations", "noise", "expected"),
    [
        ({1: 1.5, 3: 1.1, 10: 1.01, 30: 1.0}, 0.001, Answer.HOLDS),
        ({1: 1.5, 3: 1.4, 10: 1.3, 30: 1.0}, 0.001, Answer.FAILS),  # falls on
        ({1: 1.01, 3: 1.0}, 0.1, Answer.OPEN),  # perhaps it does not fall
        ({1: 1.0, 3: 1.1, 10: 1.2, 30: 1.3}, 0.001, Answer.FAILS),
    ],
)
def test_trained_weights(deviations: dict[int, float], noise: float, expected: Answer) -> None:
    def value(run: Run) -> float:
        return by_degree(deviations)(run) + noise * (run.seed - 1) * (run.layers[0].degree == 1)

    assert answer("E10", value, 0) == expected


@pytest.mark.parametrize(
    ("loss", "expected"), [(1, Answer.FAILS), (0.05, Answer.HOLDS), (0.25, Answer.OPEN)]
)
def test_pixels_in_a_random_order(loss: float, expected: Answer) -> None:
    value = lambda run: DENSE - loss * (run.data.order is not None)  # noqa: E731
    assert answer("E11", value, 0.02) == expected


@pytest.mark.parametrize(
    ("loss", "noise", "expected"),
    [(1, 0.02, Answer.HOLDS), (0.05, 0.02, Answer.FAILS), (0.25, 0.02, Answer.OPEN),
     (1, 1.0, Answer.OPEN)],
)  # fmt: skip
def test_a_modern_recipe(loss: float, noise: float, expected: Answer) -> None:
    """The verdict does not depend on the paper's recipe."""

    def value(run: Run) -> float:
        modern = run.activation == "relu"
        return DENSE - (loss if modern else 2 - loss) * (run.data.order is not None)

    assert answer("E12", value, noise) == expected


def test_both_recipes_are_compared() -> None:
    def value(run: Run) -> float:
        neighbours = run.layers[0].topology.endswith("_rotating")
        loss = 0.5 if run.activation == "relu" else 2
        return DENSE - loss * neighbours * (run.data.order is not None)

    results: Any = Imagined(value, 0.01, lambda run: 0)
    finding = EXPERIMENTS["E12"].examine(PROFILE, results)
    assert re.search(r"they lose 0\.5 \[.* recipe 2 \[.*, which is 1\.5 \[", finding.reason)
    assert "8 of 8 regular and Fibonacci networks are surely worse" in finding.reason


@pytest.mark.parametrize(
    ("over_random", "below", "noise", "expected"),
    [
        (1, 0, 0.01, Answer.HOLDS),
        (1, 0.25, 0.1, Answer.OPEN),  # perhaps too far below
        (1, 1, 0.01, Answer.FAILS),  # surely too far below
        (-1, 0, 0.01, Answer.FAILS),  # surely worse than random wiring
        (0.05, 0, 0.1, Answer.OPEN),
    ],
)
def test_wiring_by_correlation(
    over_random: float, below: float, noise: float, expected: Answer
) -> None:
    values = {"correlated": 0, "constant_degree": -over_random}

    def value(run: Run) -> float:
        chance = noise * (run.seed - 1) * (run.layers[0].topology == "correlated")
        return 90 + values.get(run.layers[0].topology, below) + chance

    assert answer("E13", value, 0) == expected


def test_wiring_by_correlation_must_do_it_by_both_recipes() -> None:
    def value(run: Run) -> float:
        better = run.layers[0].topology == "correlated" and run.activation == "relu"
        return 90 + better + 0.01 * (run.seed - 1) * (run.layers[0].topology == "correlated")

    assert answer("E13", value, 0) == Answer.OPEN
