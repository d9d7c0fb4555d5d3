"""Intervals of means, of differences and of ranges over seeds: a point alone decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy

from .._support.arrays import Array

LEVEL = 0.95
"""Of all intervals; 1 - LEVEL is the error that all tests of an experiment share."""

RESAMPLES = 2000
_DRAWINGS = 20_000  # of errors


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval.

    Parameters
    ----------
    value, low, high : float
        The last two are infinite where there is too little to say anything; not a number where
        the estimate is not defined.
    freedom : float, optional
        Degrees of freedom, if it is Student's: such an interval has a p (`p_of`).
    """

    value: float
    low: float
    high: float
    freedom: float | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.value != self.value:
            return "undefined"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def mean(values: Sequence[float]) -> Interval:
    """Return the mean over seeds, with Student's interval.

    Parameters
    ----------
    values : sequence of float
        One for each seed.

    Returns
    -------
    Interval

    Examples
    --------
    >>> from minisnn.reproduction.statistics import mean
    >>> print(mean([1.0, 2.0, 3.0]))
    2 [-0.484, 4.48]
    """
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return Interval(float(array.mean()), -np.inf, np.inf)
    error = float(array.var(ddof=1)) / len(array)
    return _student(float(array.mean()), error, len(array) - 1)


def paired(left: Sequence[float], right: Sequence[float]) -> Interval:
    """Return how much larger the left is on average, where both have the same seeds in turn.

    Parameters
    ----------
    left, right : sequence of float
        One for each seed.

    Returns
    -------
    Interval
        Student's, of the differences. What a seed does to both sides is no part of it.

    Examples
    --------
    >>> from minisnn.reproduction.statistics import paired
    >>> print(paired([2.0, 3.1, 4.0], [1.0, 2.0, 3.1]))
    1 [0.752, 1.25]
    """
    return mean([one - other for one, other in zip(left, right, strict=True)])


def difference(left: Sequence[float], right: Sequence[float]) -> Interval:
    """Return how much larger the left mean is, with Welch's interval; seeds are not paired.

    Parameters
    ----------
    left, right : sequence of float
        One for each seed.

    Returns
    -------
    Interval

    Examples
    --------
    >>> from minisnn.reproduction.statistics import difference
    >>> difference([2.0, 2.1, 1.9], [1.0, 1.1, 0.9]).low > 0
    True
    """
    value = float(np.mean(left) - np.mean(right))
    if min(len(left), len(right)) < 2:
        return Interval(value, -np.inf, np.inf)
    left_error, right_error = (float(np.var(v, ddof=1)) / len(v) for v in (left, right))
    error = left_error + right_error  # variance of the difference
    if error == 0:
        return _student(value, 0.0, 1)
    freedom = error**2 / (left_error**2 / (len(left) - 1) + right_error**2 / (len(right) - 1))
    return _student(value, error, freedom)


def _student(value: float, variance: float, freedom: float) -> Interval:
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance))
    return Interval(value, value - half, value + half, freedom)


def p_of(interval: Interval, null: float = 0.0) -> float:
    """Return the two-sided p of a true value, by the test that belongs to Student's interval.

    Parameters
    ----------
    interval : Interval
        From `mean`, `paired` or `difference`.
    null : float
        The true value that is to be refuted.

    Returns
    -------
    float
        1 where the interval is infinite.

    Examples
    --------
    >>> from minisnn.reproduction.statistics import mean, p_of
    >>> round(p_of(mean([1.0, 2.0, 3.0])), 3)
    0.074
    """
    if interval.freedom is None:
        return 1.0
    half = (interval.high - interval.low) / 2
    if half == 0:
        return float(interval.value == null)
    t = abs(interval.value - null) / half * scipy.stats.t.ppf((1 + LEVEL) / 2, interval.freedom)
    return float(2 * scipy.stats.t.sf(t, interval.freedom))


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values that hold for a whole family of tests, by Holm's method.

    Parameters
    ----------
    ps : sequence of float
        Of single tests.

    Returns
    -------
    list of float
        Each at least as large as it was. Where those below 0.05 are called refuted, the
        probability of a single error among all is 0.05 at most, however the tests depend.

    Examples
    --------
    >>> from minisnn.reproduction.statistics import holm
    >>> holm([0.25, 0.125, 0.5])
    [0.5, 0.375, 0.5]
    """
    order = np.argsort(ps, kind="stable")
    factors = len(order) - np.arange(len(order))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(ps)[order] * factors))
    return adjusted.tolist()


def sides(intervals: Sequence[Interval], null: float = 0.0) -> list[int]:
    """Return on which side of a value each surely lies, by Holm's method for all of them.

    Parameters
    ----------
    intervals : sequence of Interval
        Of one experiment.
    null : float
        The value.

    Returns
    -------
    list of int
        1 above, -1 below, 0 undecided. What is decided so has an interval without the value.

    Examples
    --------
    >>> from minisnn.reproduction.statistics import mean, sides
    >>> sides([mean([1.0, 1.1, 0.9]), mean([-1.0, 0.0, 2.0])])
    [1, 0]
    """
    adjusted = holm([p_of(interval, null) for interval in intervals])
    return [
        int(np.sign(interval.value - null)) * (p < 1 - LEVEL)
        for interval, p in zip(intervals, adjusted, strict=True)
    ]


def of_ranges(
    statistic: Callable[[Array], Array],
    error: Callable[[Array], Array],
    samples: Sequence[Sequence[Sequence[float]]],
) -> Interval:
    """Return an interval of a function of true ranges: largest less smallest mean of several.

    Chance has a part in which observed mean is the largest, so that Student's interval of it says
    too much. A range is wrong by no more than the range of the errors of all means, as in Tukey's
    method. Here errors as large as the observed ones are drawn, and 95 % of their ranges are below
    the half of the interval.

    Parameters
    ----------
    statistic : function of an array, shape (drawings, rows), to one of shape (drawings,)
        Function of the range of each row, such as that of one row, or the largest of them.
    error : function of the same
        Largest error of the statistic, by the range of errors of each row.
    samples : sequence of rows, each a sequence of samples, each a sequence of float
        Values of which the means are; those of one row have errors of one size.

    Returns
    -------
    Interval
        Of at least 95 %.

    Examples
    --------
    >>> from minisnn.reproduction.statistics import of_ranges
    >>> first = lambda ranges: ranges[:, 0]
    >>> print(of_ranges(first, first, [[[1.0, 1.2, 1.4], [1.9, 2.2, 2.3], [1.0, 1.2, 1.3]]]))
    0.967 [0.494, 1.44]
    """
    means = [np.array([np.mean(sample) for sample in row]) for row in samples]
    value = float(statistic(np.array([[np.ptp(row) for row in means]]))[0])
    if min(len(sample) for row in samples for sample in row) < 2:
        return Interval(value, -np.inf, np.inf)
    rng = np.random.default_rng(0)
    ranges = np.empty((_DRAWINGS, len(samples)))
    for k, row in enumerate(samples):
        freedom = sum(len(sample) - 1 for sample in row)
        square = sum((len(sample) - 1) * np.var(sample, ddof=1) for sample in row)
        scale = np.sqrt(square / rng.chisquare(freedom, (_DRAWINGS, 1)))
        sizes = np.sqrt([len(sample) for sample in row])
        errors = scale * rng.standard_normal((_DRAWINGS, len(row))) / sizes
        ranges[:, k] = np.ptp(errors, axis=1)
    half = float(np.quantile(error(ranges), LEVEL))
    return Interval(value, value - half, value + half)
