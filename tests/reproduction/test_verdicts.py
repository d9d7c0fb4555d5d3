"""Verdicts on the paper's statements for invented results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from minisnn.experiments import Run
from minisnn.reproduction import EXPERIMENTS, PROFILES, Answer
from minisnn.reproduction.statistics import Interval, mean

PROFILE = PROFILES["quick"]  # degrees 1, 2, 4, 10, 30, 100 of 300 hidden neurons; 3 seeds
DENSE = 95.0


class Imagined:
    """Results that are what a function says of a run, and so much more or less with the seed."""

    def __init__(self, value: Callable[[Run], float], noise: float) -> None:
        self._value, self._noise = value, noise

    def _of(self, run: Run) -> float:
        return self._value(run) + self._noise * (run.seed - 1)

    def accuracies(self, runs: Sequence[Run]) -> list[float]:
        return [self._of(run) for run in runs]

    def accuracy(self, runs: Sequence[Run]) -> Interval:
        return mean(self.accuracies(runs))

    def weights(self, run: Run) -> int:
        return 1

    def spread(self, run: Run, layer: int) -> tuple[float, float, float]:
        return -self._of(run), self._of(run), self._of(run)


def answer(key: str, value: Callable[[Run], float], noise: float = 0.1) -> Answer:
    results: Any = Imagined(value, noise)
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
        ({1: 80, 4: 95}, 0.1, Answer.HOLDS),
        ({1: 94.5, 4: 95}, 0.1, Answer.FAILS),  # not steep
        ({1: 80, 100: 95}, 0.1, Answer.FAILS),  # level from a third of all edges on
        ({1: 50, 4: 94.5}, 1.5, Answer.FAILS),  # perhaps level
    ],
)
def test_degrees(accuracies: dict[int, float], noise: float, expected: Answer) -> None:
    assert answer("E2", by_degree(accuracies), noise) == expected


def test_a_drop_that_may_be_chance_is_not_steep() -> None:
    def value(run: Run) -> float:
        chance = 2 * (run.seed - 1) * (run.layers[0].degree == 1)
        return by_degree({1: 93, 4: 95})(run) + chance

    assert answer("E2", value) == Answer.FAILS


@pytest.mark.parametrize(
    ("loss", "noise", "expected"),
    [(3, 0.1, Answer.HOLDS), (0.5, 0.1, Answer.FAILS), (2, 2.0, Answer.FAILS)],
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
    assert answer(key, lambda run: DENSE + gain * (run.layers[0].topology != "dense")) == expected


@pytest.mark.parametrize(
    ("noise", "expected"), [(0.01, Answer.HOLDS), (0.3, Answer.FAILS)]
)  # surely smaller, or not
def test_trained_weights(noise: float, expected: Answer) -> None:
    assert answer("E10", by_degree({1: 1.2, 100: 1.0}), noise) == expected


@pytest.mark.parametrize(
    ("loss", "expected"), [(1, Answer.FAILS), (0.05, Answer.HOLDS), (0.2, Answer.OPEN)]
)
def test_pixels_in_a_random_order(loss: float, expected: Answer) -> None:
    assert answer("E11", lambda run: DENSE - loss * ("shuffled" in run.data.name)) == expected
