"""Rank correlations of points that come in clusters, such as the wirings of one construction.

A bootstrap draws whole clusters, with all of their points, and its interval is BCa (B. Efron, 1987,
doi:10.1080/01621459.1987.10478410), with the jackknife over clusters. Ranks may be those within
strata, such as graphs of one degree: a correlation is then one at equal degree.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import scipy

from .._support.arrays import Array
from . import statistics
from .statistics import LEVEL, Interval

_FEWEST = 3  # clusters of which an interval can be made


class Points:
    """Points in clusters, whose correlation with several y may be asked for.

    Parameters
    ----------
    x : sequence of float
        One for each point.
    clusters : sequence of hashable
        Cluster of each point.
    strata : sequence of hashable, optional
        Stratum of each point: ranks are those within it. By default all are of one.
    given : sequence of float, optional
        Variable to hold fixed: the correlation is then the partial one, of the residuals of the
        ranks of x and y after a regression on its ranks.

    Examples
    --------
    >>> from minisnn.reproduction.correlation import Points
    >>> Points([1, 2, 3, 4], clusters="abcd").correlation([1, 4, 9, 16]).value
    1.0
    """

    def __init__(
        self,
        x: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        strata: Sequence[Hashable] | None = None,
        given: Sequence[float] | None = None,
    ) -> None:
        self._x = np.asarray(x, float)
        self._given = None if given is None else np.asarray(given, float)
        self._cluster = _numbered(clusters)
        self._stratum = _numbered([0] * len(clusters) if strata is None else strata)
        self._n_clusters = int(self._cluster.max()) + 1

    def correlation(self, y: Sequence[float]) -> Interval:
        """Return Spearman's correlation with y.

        Parameters
        ----------
        y : sequence of float
            One for each point.

        Returns
        -------
        Interval
            Its value is not a number if x or y, or their residuals, do not vary.
        """
        return self._interval(lambda weights: self._correlations(np.asarray(y, float), weights))

    def change(self, before: Sequence[float], after: Sequence[float]) -> Interval:
        """Return by how much the correlation with one y is above that with another.

        Parameters
        ----------
        before, after : sequence of float
            One for each point, such as of one network on two kinds of data.

        Returns
        -------
        Interval
            Of the difference, both correlations being those of the same clusters.
        """
        first, last = np.asarray(before, float), np.asarray(after, float)
        return self._interval(
            lambda weights: self._correlations(last, weights) - self._correlations(first, weights)
        )

    def p_of(self, y: Sequence[float]) -> float:
        """Return the permutation p of no correlation, within strata.

        Clusters that have equally many points in each stratum exchange their y, whole, so that
        what the points of a cluster have in common stays with them.

        Parameters
        ----------
        y : sequence of float
            One for each point.

        Returns
        -------
        float
            Two-sided. Not a number if x or y do not vary; 1 where no clusters are alike.
        """
        weights = np.ones((1, len(self._x)))
        one, other = (part[0] for part in self._residuals(np.asarray(y, float), weights))
        size = np.sqrt((one @ one) * (other @ other))
        if not size > 1e-9 * len(one):
            return float("nan")
        drawn = other[self._exchanged()] @ one
        as_far = np.abs(drawn) >= abs(one @ other) - 1e-12 * size
        return float((1 + as_far.sum()) / (1 + len(drawn)))

    def _interval(self, statistic: Callable[[Array], Array]) -> Interval:
        """Return the BCa interval of a statistic of the points' weights."""
        n = self._n_clusters

        def of_clusters(chosen: Array, axis: int) -> Array:
            rows = np.atleast_2d(chosen)
            counts = np.stack([np.bincount(row, minlength=n) for row in rows])
            # a drawing in which nothing varies shows no correlation
            found = np.nan_to_num(statistic(counts[:, self._cluster].astype(float)))
            return found if chosen.ndim > 1 else found[0]

        value = float(statistic(np.ones((1, len(self._x))))[0])
        if n < _FEWEST or value != value:
            return Interval(value, -np.inf, np.inf)
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)
            low, high = scipy.stats.bootstrap(
                (np.arange(n),), of_clusters, n_resamples=statistics.RESAMPLES,
                confidence_level=LEVEL, method="BCa", random_state=np.random.default_rng(0),
            ).confidence_interval  # fmt: skip
        if not np.isfinite([low, high]).all():  # all drawings are alike
            return Interval(value, value, value)
        return Interval(value, float(low), float(high))

    def _correlations(self, y: Array, weights: Array) -> Array:
        """Return the correlation for each row of weights, which count the points."""
        one, other = self._residuals(y, weights)
        size = np.sqrt((weights * one * one).sum(1) * (weights * other * other).sum(1))
        # what rounding leaves of ranks that do not vary
        size[size <= 1e-9 * weights.sum(1)] = np.nan
        return np.clip((weights * one * other).sum(1) / size, -1, 1)

    def _residuals(self, y: Array, weights: Array) -> tuple[Array, Array]:
        """Return ranks of x and y, less what the ranks of the given variable say of them."""
        one, other = self._ranks(self._x, weights), self._ranks(y, weights)
        if self._given is None:
            return one, other
        z = self._ranks(self._given, weights)
        square = (weights * z * z).sum(1, keepdims=True)
        factor = np.divide(z, square, out=np.zeros_like(z), where=square > 1e-9)
        return (
            one - factor * (weights * one * z).sum(1, keepdims=True),
            other - factor * (weights * other * z).sum(1, keepdims=True),
        )

    def _ranks(self, values: Array, weights: Array) -> Array:
        """Return mean ranks in each stratum, from -1/2 to 1/2, a point counting by its weight."""
        ranks = np.zeros_like(weights)
        for stratum in range(self._stratum.max() + 1):
            at = np.flatnonzero(self._stratum == stratum)
            at = at[np.argsort(values[at], kind="stable")]
            first = np.flatnonzero(np.diff(values[at], prepend=np.nan) != 0)  # of equal values
            n_equal = np.add.reduceat(weights[:, at], first, axis=1)
            places = n_equal.cumsum(axis=1) - n_equal / 2
            total = np.maximum(n_equal.sum(axis=1, keepdims=True), 1)
            repeats = np.diff(first, append=len(at))
            ranks[:, at] = np.repeat(places / total - 0.5, repeats, axis=1)
        return ranks

    def _exchanged(self) -> Array:
        """Return the point whose y each point gets, for many permutations of like clusters."""
        rng = np.random.default_rng(0)
        alike: dict[bytes, list[Array]] = {}
        for cluster in range(self._n_clusters):
            members = np.flatnonzero(self._cluster == cluster)
            members = members[np.argsort(self._stratum[members], kind="stable")]
            alike.setdefault(self._stratum[members].tobytes(), []).append(members)
        taken = np.tile(np.arange(len(self._x)), (statistics.RESAMPLES, 1))
        for parts in alike.values():
            points = np.stack(parts)
            places = np.tile(np.arange(len(points)), (len(taken), 1))
            taken[:, points.ravel()] = points[rng.permuted(places, axis=1)].reshape(len(taken), -1)
        return taken


def _numbered(keys: Sequence[Hashable]) -> Array:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])
