"""Plot of a metric beside its null models."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_array, check_number
from .style import COLORS, new_figure

_MOST_BARS = 50


def plot_nulls(nulls: Array, real: float) -> Any:
    """Return a histogram of the metric of null models, with that of the real wiring.

    Parameters
    ----------
    nulls : array of float, shape (n,)
        Metric of each null model, such as `NullTest.nulls`.
    real : float
        Metric of the real wiring, such as `NullTest.real`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If these are not finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn import plots
    >>> figure = plots.plot_nulls(np.random.default_rng(0).normal(0.80, 0.01, 200), 0.83)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['200 null models', 'their mean', 'real wiring']
    """
    values = as_array(nulls, "nulls")
    if values.ndim != 1 or values.dtype.kind not in "uif" or not values.size:
        raise ValueError(
            f"nulls must be a vector of numbers, one at least, got {values.dtype} of shape "
            f"{values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"nulls must be finite, got {values[~np.isfinite(values)][0]}")
    metric = check_number(real, "real", -np.inf)
    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    n_bars = min(_MOST_BARS, max(1, round(2 * values.size**0.5)))
    noun = "null model" if values.size == 1 else "null models"
    axes.hist(values, n_bars, color=COLORS[0], label=f"{values.size:,} {noun}")
    axes.axvline(values.mean(), color="0.5", linestyle="--", linewidth=1.5, label="their mean")
    axes.axvline(metric, color=COLORS[1], linewidth=2.5, label="real wiring")
    axes.set(xlabel="metric", ylabel="null models")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure
