"""Rank correlations of clusters against brute force, textbooks and simulations."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import scipy.stats

from minisnn.reproduction import statistics
from minisnn.reproduction.correlation import Points
from minisnn.reproduction.statistics import Interval


def spearman(x: Any, y: Any, given: Any = None) -> float:
    """By the textbook, from ranks of points that are listed as often as they count."""
    xy = scipy.stats.spearmanr(x, y).statistic
    if given is None:
        return float(xy)
    xz, yz = (scipy.stats.spearmanr(values, given).statistic for values in (x, y))
    return float((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


@pytest.mark.parametrize("partial", [False, True])
def test_correlations_are_those_of_points_listed_one_by_one(
    rng: np.random.Generator, partial: bool
) -> None:
    z = rng.integers(0, 4, 30)  # with ties
    x, y = z + rng.integers(0, 6, 30), 2 * z + rng.random(30)
    points = Points(x, range(30), given=z if partial else None)
    weights = rng.integers(0, 4, (5, 30))
    found = points._correlations(y, weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        listed = [np.repeat(values, row) for values in (x, y, z)]
        assert value == pytest.approx(spearman(*listed[: 3 if partial else 2]))


def test_the_interval_is_bca(rng: np.random.Generator) -> None:
    """Its parts written out: the quantiles of drawings, moved by their bias and acceleration."""
    clusters = np.repeat(range(9), 4)
    x = rng.random(36) + clusters / 9
    y = x + rng.normal(0, 0.3, 36)
    members = [np.flatnonzero(clusters == k) for k in range(9)]

    def value(chosen: Any) -> float:
        at = np.concatenate([members[k] for k in chosen])
        return spearman(x[at], y[at])

    drawn = np.array([value(rng.integers(9, size=9)) for _ in range(1500)])
    whole = value(range(9))
    bias = scipy.stats.norm.ppf((np.mean(drawn < whole) + np.mean(drawn <= whole)) / 2)
    left = np.array([value([k for k in range(9) if k != out]) for out in range(9)])
    skew = left.mean() - left
    acceleration = (skew**3).sum() / (6 * (skew**2).sum() ** 1.5)
    z = bias + scipy.stats.norm.ppf([0.025, 0.975])
    at = scipy.stats.norm.cdf(bias + z / (1 - acceleration * z))
    found = Points(x, clusters).correlation(y)
    assert found.value == pytest.approx(whole)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, at)), abs=0.03)


def test_intervals_hold_the_truth_as_often_as_they_say(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of clusters that have something in common; points taken one by one hold it less often."""
    monkeypatch.setattr(statistics, "RESAMPLES", 300)
    hits = np.zeros(2)
    for _ in range(150):
        clusters = np.repeat(range(20), 5)
        x, y = (np.repeat(rng.standard_normal(20), 5) for _ in range(2))
        y = y + rng.normal(0, 0.3, 100)
        for k, groups in enumerate((clusters, range(100))):
            found = Points(x, groups).correlation(y)
            hits[k] += found.low <= 0 <= found.high
    assert hits[0] / 150 > 0.88
    assert hits[1] / 150 < 0.75


def test_ranks_within_strata_take_their_differences_away(rng: np.random.Generator) -> None:
    strata = np.repeat([2, 5, 10, 20], 25)
    x, y = strata + rng.normal(0, 0.1, 100), strata + rng.normal(0, 0.1, 100)
    assert Points(x, range(100)).correlation(y).low > 0.8
    held = Points(x, range(100), strata=strata).correlation(y)
    assert held.low < 0 < held.high or abs(held.value) < 0.3
    each = [spearman(x[strata == s], y[strata == s]) for s in (2, 5, 10, 20)]
    assert held.value == pytest.approx(np.mean(each)), "strata of one size count alike"


def test_a_change_is_of_the_same_clusters(rng: np.random.Generator) -> None:
    x = rng.random(40)
    before = x + rng.normal(0, 0.1, 40)
    after = -before
    points = Points(x, np.repeat(range(10), 4))
    change = points.change(before, after)
    assert change.value == pytest.approx(-2 * points.correlation(before).value)
    assert change.high < 0
    assert points.change(before, before) == Interval(0, 0, 0)


def test_the_permutation_p_counts_all_exchanges(rng: np.random.Generator) -> None:
    """Of five clusters in two strata; the sixth has no like, and stays."""
    clusters = [*np.repeat(range(5), 4), 5, 5]
    strata = [*([0, 0, 1, 1] * 5), 0, 1]
    x = rng.random(22)
    y = x + rng.normal(0, 0.5, 22)
    points = Points(x, clusters, strata=strata)
    ones = np.ones((1, 22))
    observed = points._correlations(y, ones)[0]
    parts = [np.arange(4 * k, 4 * k + 4) for k in range(5)]
    found = []
    for order in permutations(range(5)):
        at = np.concatenate([*(parts[k] for k in order), [20, 21]])
        found.append(abs(points._correlations(y[at], ones)[0]) >= abs(observed) - 1e-9)
    assert points.p_of(y) == pytest.approx(np.mean(found), abs=0.03)


def test_what_does_not_vary_has_no_correlation() -> None:
    points = Points([1, 1, 1], range(3))
    found = points.correlation([1, 2, 3])
    assert str(found) == "undefined"
    assert found.low == -np.inf
    assert np.isnan(points.p_of([1, 2, 3]))


def test_two_clusters_have_no_interval() -> None:
    found = Points([1, 2, 3, 4], [0, 0, 1, 1]).correlation([1, 3, 2, 4])
    assert found == Interval(pytest.approx(0.8), -np.inf, np.inf)
