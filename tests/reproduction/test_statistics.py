"""Intervals against known values and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from minisnn.reproduction.statistics import Interval, difference, mean, rank_correlation


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says(
    rng: np.random.Generator,
) -> None:
    hits = 0
    for _ in range(400):
        interval = mean(rng.normal(3.0, 2.0, 5))
        hits += interval.low <= 3.0 <= interval.high
    assert 0.92 < hits / 400 < 0.98


def test_one_value_says_nothing() -> None:
    assert mean([4.0]) == Interval(4.0, -np.inf, np.inf)
    assert difference([4.0], [1.0, 2.0]) == Interval(2.5, -np.inf, np.inf)


def test_differences() -> None:
    left, right = [98.1, 98.2, 98.0], [96.6, 97.1, 98.0, 96.7]  # of unlike number and spread
    interval = difference(left, right)
    assert interval.value == pytest.approx(1.0)
    welch = scipy.stats.ttest_ind(left, right, equal_var=False).confidence_interval()
    assert (interval.low, interval.high) == pytest.approx((welch.low, welch.high))
    assert difference([2.0, 2.0], [1.0, 1.0]) == Interval(1.0, 1.0, 1.0)


def test_rank_correlation_is_spearmans(rng: np.random.Generator) -> None:
    x = rng.random(30)
    y = x + rng.random(30)
    found = rank_correlation(x, y, range(30))
    assert found.value == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert found.low < found.value < found.high


def test_a_correlation_by_density_alone_goes_when_it_is_held_fast(
    rng: np.random.Generator,
) -> None:
    density = np.repeat([0.01, 0.05, 0.1, 0.5], 25)
    connectivity = density + rng.normal(0, 1e-3, 100)
    accuracy = density + rng.normal(0, 1e-3, 100)
    groups = range(100)
    assert rank_correlation(connectivity, accuracy, groups).low > 0.8
    held = rank_correlation(connectivity, accuracy, groups, given=density)
    assert held.low < 0.2
    assert abs(held.value) < 0.35
    through = accuracy + 0.5 * (connectivity - density)
    assert rank_correlation(connectivity, through, groups, given=density).value > held.value


def test_partial_correlation_is_that_of_the_textbooks(rng: np.random.Generator) -> None:
    z = rng.random(40)
    x, y = z + rng.random(40), 2 * z + rng.random(40)
    xy, xz, yz = (scipy.stats.spearmanr(*pair)[0] for pair in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert rank_correlation(x, y, range(40), given=z).value == pytest.approx(expected)


def test_the_interval_of_a_correlation_is_as_wide_as_theory_has_it(
    rng: np.random.Generator,
) -> None:
    """By D. G. Bonett, T. A. Wright, 2000, doi:10.1007/BF02294183; one of 90 % is a fifth less."""
    x = rng.standard_normal(400)
    found = rank_correlation(x, x + rng.standard_normal(400), range(400))
    error = 1.96 * np.sqrt((1 + found.value**2 / 2) / (400 - 3))
    low, high = np.tanh(np.arctanh(found.value) + np.array([-error, error]))
    assert found.high - found.low == pytest.approx(high - low, rel=0.1)


def test_groups_widen_the_interval(rng: np.random.Generator) -> None:
    x = np.repeat(rng.random(8), 10)
    y = x + np.repeat(rng.normal(0, 0.3, 8), 10)
    alone = rank_correlation(x, y, range(80))
    grouped = rank_correlation(x, y, np.repeat(range(8), 10))
    assert grouped.value == alone.value
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_what_does_not_vary_has_no_correlation() -> None:
    found = rank_correlation([1, 1, 1], [1, 2, 3], range(3))
    assert np.isnan(found.value)
    assert found.low == -np.inf


def test_what_is_not_defined_says_so() -> None:
    alike = rank_correlation([1, 1, 1], [1, 2, 3], [0, 1, 2])
    assert str(alike) == "undefined"
