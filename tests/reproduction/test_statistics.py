"""Intervals against known values and by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from minisnn.reproduction.statistics import (
    Interval,
    difference,
    holm,
    mean,
    of_ranges,
    p_of,
    paired,
    sides,
)


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


def test_paired_differences_know_what_seeds_have_in_common(rng: np.random.Generator) -> None:
    common = rng.normal(0, 5, 6)
    left, right = common + rng.normal(0.5, 0.1, 6), common + rng.normal(0, 0.1, 6)
    student = scipy.stats.ttest_rel(left, right)
    low, high = student.confidence_interval()
    found = paired(left, right)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert p_of(found) == pytest.approx(student.pvalue)
    assert difference(left, right).low < 0 < found.low


def test_a_p_belongs_to_its_interval(rng: np.random.Generator) -> None:
    left, right = rng.normal(1, 1, 5), rng.normal(0, 3, 7)
    found = difference(left, right)
    assert p_of(found) == pytest.approx(scipy.stats.ttest_ind(left, right, equal_var=False).pvalue)
    assert p_of(found, found.low) == pytest.approx(0.05)
    assert p_of(mean(left), 0.7) == pytest.approx(scipy.stats.ttest_1samp(left, 0.7).pvalue)
    assert p_of(mean([1.0])) == 1
    assert (p_of(mean([2.0, 2.0])), p_of(mean([2.0, 2.0]), 2.0)) == (0, 1)


def test_holm_refutes_step_by_step(rng: np.random.Generator) -> None:
    """The twin asks from the smallest p on, and ends at the first that is too large."""
    for _ in range(50):
        ps = rng.random(6) ** 4
        refuted: set[int] = set()
        for k, place in enumerate(np.argsort(ps)):
            if ps[place] * (6 - k) >= 0.05:
                break
            refuted.add(int(place))
        assert {k for k, p in enumerate(holm(ps)) if p < 0.05} == refuted
        assert all(p <= q <= 1 for p, q in zip(ps, holm(ps), strict=True))
    assert holm([]) == []


def test_sides_are_decided_together() -> None:
    apart, near = mean([3.0, 3.1, 2.9]), mean([0.9, 1.5, 1.6])
    assert near.low > 0
    assert sides([apart, near]) == [1, 1]
    assert sides([apart] + [near] * 9) == [1] + [0] * 9
    assert sides([apart], null=4) == [-1]


def first(ranges: Any) -> Any:
    return ranges[:, 0]


def test_the_interval_of_a_range_is_tukeys(rng: np.random.Generator) -> None:
    samples = [rng.normal(center, 1, 5) for center in (0, 1, 3)]
    found = of_ranges(first, first, [samples])
    largest, smallest = (f(range(3), key=lambda k: samples[k].mean()) for f in (max, min))
    tukey = scipy.stats.tukey_hsd(*samples).confidence_interval()
    assert found.low == pytest.approx(tukey.low[largest, smallest], abs=0.03)
    assert found.high == pytest.approx(tukey.high[largest, smallest], abs=0.03)


def test_ranges_hold_the_truth_as_often_as_they_say(rng: np.random.Generator) -> None:
    """The range is 0 if all true means are equal, and the observed one is far above it."""
    for truth in ([0.0] * 5, [0.0, 0.0, 0.0, 3.0, 3.0]):
        hits = 0
        for _ in range(100):
            found = of_ranges(first, first, [[rng.normal(center, 1, 5) for center in truth]])
            hits += found.low <= max(truth) <= found.high
        assert hits / 100 > 0.9


def test_the_largest_of_several_ranges(rng: np.random.Generator) -> None:
    """Rows may have unlike numbers of samples, and each its own noise."""
    rows = [[rng.normal(0, 0.1, 5) for _ in range(4)], [rng.normal(0, 2, 5) for _ in range(2)]]
    largest = lambda ranges: ranges.max(axis=1)  # noqa: E731
    found = of_ranges(largest, largest, rows)
    assert found.value == max(np.ptp([sample.mean() for sample in row]) for row in rows)
    assert found.high - found.low > of_ranges(first, first, rows).high
    assert of_ranges(first, first, [[[1.0], [3.0]]]) == Interval(2.0, -np.inf, np.inf)
