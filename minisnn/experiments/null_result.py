"""Result of a test against null models: effect, interval, permutation p."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._support import html
from .._support.arrays import Array
from .._support.checks import as_array
from .._support.extras import require
from .._support.messages import counted

_RESAMPLES = 2000
_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class NullTest:
    """Metric of a real wiring beside that of its null models.

    Made by `wiring_test`.

    Parameters
    ----------
    keep : str
        What the null models keep.
    real_values : array of float64, shape (seeds,)
        The metric for each training of the real wiring.
    null_values : array of float64, shape (n, seeds)
        The same for each null model.

    Raises
    ------
    ValueError, TypeError
        If they are no such arrays, or a value is not finite: a null without a value is no worse
        than the real wiring, and p would be too small.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.experiments import NullTest
    >>> nulls = np.random.default_rng(0).normal(0.80, 0.01, (99, 1))
    >>> print(NullTest("degrees", np.array([0.83]), nulls))
    metric of the real wiring         0.83
    mean of 99 nulls (degrees)       0.801, standard deviation 0.009602
    effect                         0.02904, 95 % interval 0.0271 to 0.03084
    effect in standard deviations    3.024
    permutation p                     0.01, 0 of 99 nulls as good
    """

    keep: str
    real_values: Array
    null_values: Array

    def __post_init__(self) -> None:
        real, nulls = (
            as_array(self.real_values, "real_values"),
            as_array(self.null_values, "null_values"),
        )
        if real.ndim != 1 or nulls.ndim != 2 or nulls.shape[1:] != real.shape or not nulls.size:
            raise ValueError(
                "real_values must have shape (seeds,) and null_values (n, seeds), got "
                f"{real.shape} and {nulls.shape}"
            )
        for name, values in (("real_values", real), ("null_values", nulls)):
            if values.dtype.kind not in "buif":
                raise TypeError(f"{name} must hold real numbers, got {values.dtype}")
            if not np.isfinite(values).all():
                wrong = np.argwhere(~np.isfinite(values))[0].tolist()
                raise ValueError(
                    f"{name} must be finite, got {values[tuple(wrong)]} in place {wrong}; train "
                    "that one again, or leave its wiring out"
                )
        object.__setattr__(self, "real_values", real.astype(np.float64))
        object.__setattr__(self, "null_values", nulls.astype(np.float64))

    @property
    def real(self) -> float:
        """Mean of the metric over the trainings of the real wiring."""
        return float(self.real_values.mean())

    @property
    def nulls(self) -> Array:
        """The same of each null model, float64[n]."""
        return np.asarray(self.null_values.mean(axis=1))

    @property
    def effect(self) -> float:
        """The real mean minus the mean of the nulls."""
        return self.real - float(self.nulls.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation of the nulls' means; not a number for a single null."""
        return float(self.nulls.std(ddof=1)) if len(self.nulls) > 1 else float("nan")

    @property
    def standardised_effect(self) -> float:
        """The effect in standard deviations of the nulls; not a number if these do not differ."""
        return self.effect / self.deviation if self.deviation > 0 else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the effect: a percentile bootstrap over the nulls.

        Nulls are drawn with replacement, 2,000 times. The real mean counts as it is: with few
        seeds it is uncertain, too. Source: B. Efron, 1979, doi:10.1214/aos/1176344552.
        """
        rng, nulls = np.random.default_rng(0), self.nulls
        n = len(nulls)
        means = [nulls[rng.integers(n, size=n)].mean() for _ in range(_RESAMPLES)]
        low, high = np.quantile(means, [(1 + _LEVEL) / 2, (1 - _LEVEL) / 2])
        return self.real - float(low), self.real - float(high)

    @property
    def n_as_good(self) -> int:
        """Number of nulls whose mean is at least the real one."""
        return int(np.count_nonzero(self.nulls >= self.real))

    @property
    def p(self) -> float:
        """Probability of a metric as high as the real one if its wiring were a null model.

        One-sided, (1 + `n_as_good`) / (1 + n), so never 0. Source: B. Phipson, G. K. Smyth, 2010,
        doi:10.2202/1544-6115.1585.
        """
        return (1 + self.n_as_good) / (1 + len(self.nulls))

    def to_frame(self) -> Any:
        """Return all trainings as a DataFrame: wiring (0 is the real one), repetition, value.

        Raises
        ------
        ImportError
            If pandas (extra ``pandas``) is missing.
        """
        pandas = require("pandas", "pandas", "a DataFrame of trainings")
        values = np.concatenate([self.real_values[None], self.null_values])
        wirings, repetitions = np.indices(values.shape)
        return pandas.DataFrame(
            {
                "wiring": wirings.ravel(),
                "is_real": wirings.ravel() == 0,
                "repetition": repetitions.ravel(),
                "value": values.ravel(),
            }
        )

    def summary(self) -> str:
        """Return effect, interval and p as a text, which ``print`` shows, too."""
        rows = self._rows()
        width = max(len(name) for name, _, _ in rows)
        return "\n".join(
            f"{name:{width}} {value:>8.4g}{', ' * bool(rest)}{rest}" for name, value, rest in rows
        )

    def _rows(self) -> list[tuple[str, float, str]]:
        """Return a name, a number and a remark for each line of the summary."""
        low, high = self.interval
        n = counted(len(self.nulls), "null")
        return [
            ("metric of the real wiring", self.real, ""),
            (f"mean of {n} ({self.keep})", float(self.nulls.mean()),
             f"standard deviation {self.deviation:.4g}"),
            ("effect", self.effect, f"95 % interval {low:.4g} to {high:.4g}"),
            ("effect in standard deviations", self.standardised_effect, ""),
            ("permutation p", self.p, f"{self.n_as_good} of {n} as good"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        rows = [(name, f"{value:.4g}", rest) for name, value, rest in self._rows()]
        return html.table(["", "", ""], rows, words=[0, 2])
