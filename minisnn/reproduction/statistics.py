"""Means and rank correlations with intervals: a point alone decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from .._support.arrays import Array

LEVEL = 0.95
"""Of all intervals."""

_RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval.

    Parameters
    ----------
    value, low, high : float
        The last two are infinite where there is too little to say anything; not a number where
        the estimate is not defined.
    """

    value: float
    low: float
    high: float

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
    center = float(array.mean())
    if len(array) < 2:
        return Interval(center, -np.inf, np.inf)
    half = float(
        scipy.stats.t.ppf((1 + LEVEL) / 2, len(array) - 1) * array.std(ddof=1) / len(array) ** 0.5
    )
    return Interval(center, center - half, center + half)


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
    left_error, right_error = (np.var(v, ddof=1) / len(v) for v in (left, right))
    error = left_error + right_error  # variance of the difference
    if error == 0:
        return Interval(value, value, value)
    freedom = error**2 / (left_error**2 / (len(left) - 1) + right_error**2 / (len(right) - 1))
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(error))
    return Interval(value, value - half, value + half)


def rank_correlation(
    x: Sequence[float],
    y: Sequence[float],
    groups: Sequence[int],
    *,
    given: Sequence[float] | None = None,
) -> Interval:
    """Return Spearman's correlation, with a bootstrap interval over whole groups.

    Points that belong together, such as the seeds of one wiring, are not independent: the
    bootstrap draws groups, with all of their points.

    Parameters
    ----------
    x, y : sequence of float
        The points.
    groups : sequence of int
        Group of each point.
    given : sequence of float, optional
        Variable to hold fixed: the correlation is then the partial one, of the residuals of the
        ranks of x and y after a regression on its ranks.

    Returns
    -------
    Interval
        Not a number if x or y, or their residuals, do not vary.

    Examples
    --------
    >>> from minisnn.reproduction.statistics import rank_correlation
    >>> rank_correlation([1, 2, 3, 4], [1, 4, 9, 16], [0, 1, 2, 3]).value
    1.0
    """
    columns = [np.asarray(x, float), np.asarray(y, float)]
    if given is not None:
        columns.append(np.asarray(given, float))
    points = np.stack(columns)
    members = np.asarray(groups)
    parts = [np.flatnonzero(members == group) for group in np.unique(members)]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = rng.integers(len(parts), size=len(parts))
        value = _correlation(points[:, np.concatenate([parts[k] for k in chosen])])
        if np.isfinite(value):
            drawn.append(value)
    value = _correlation(points)
    if len(drawn) < _RESAMPLES / 2 or not np.isfinite(value):
        return Interval(value, -np.inf, np.inf)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _correlation(points: Array) -> float:
    """Return the correlation of the ranks of x and y, given those of the third row if any."""
    ranks = np.stack([scipy.stats.rankdata(row) for row in points])
    ranks -= ranks.mean(axis=1, keepdims=True)
    x, y, *given = ranks
    for z in given:
        if z @ z > 0:
            x, y = x - z * (x @ z) / (z @ z), y - z * (y @ z) / (z @ z)
    size = np.sqrt((x @ x) * (y @ y))
    # what rounding leaves of ranks that do not vary
    return float(np.clip(x @ y / size, -1, 1)) if size > 1e-9 * len(x) else float("nan")
