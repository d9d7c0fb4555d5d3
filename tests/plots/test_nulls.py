"""Plot of null models: the real one is marked, wherever it lies."""

from __future__ import annotations

import numpy as np
import pytest

from minisnn import plots


@pytest.mark.parametrize("real", [-3.0, 0.1, 7.0])
@pytest.mark.parametrize("n", [1, 2, 5000])
def test_all_is_within_the_axes(n: int, real: float) -> None:
    nulls = np.random.default_rng(0).standard_normal(n)
    figure = plots.plot_nulls(nulls, real)
    (axes,) = figure.axes
    figure.canvas.draw()
    assert sum(bar.get_height() for bar in axes.patches) == n
    assert len(axes.patches) <= 50
    mean, marked = (line.get_xdata()[0] for line in axes.lines)
    assert (mean, marked) == (nulls.mean(), real)
    low, high = axes.get_xlim()
    assert low < min(real, nulls.min()) <= max(real, nulls.max()) < high


def test_equal_nulls() -> None:
    figure = plots.plot_nulls(np.ones(9), 1.0)
    figure.canvas.draw()
