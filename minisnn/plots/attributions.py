"""Plot of attributions: the largest ones, as bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.checks import check_kind
from ..attribution.result import Attribution
from .curves import short
from .style import COLORS, new_figure

_MOST_BARS = 20


def plot_attributions(result: Attribution) -> Any:
    """Return a figure with a bar for each of the largest attributions, at most 20.

    Bars are means over samples of absolute attributions. Their colour is the sign of the mean, and
    a line across each bar stands at the size of the mean: near the end of a bar all samples agree.

    Parameters
    ----------
    result : Attribution
        Of inputs, or of hidden terms, whose level stands behind their name.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is no attribution.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> net = snn.MLP([snn.topology.dense(3, 2)], output_activation="softmax", seed=0)
    >>> figure = plots.plot_attributions(snn.attribution.integrated_gradients(net, np.eye(3)))
    >>> sorted(text.get_text() for text in figure.axes[0].get_yticklabels())
    ['x0', 'x1', 'x2']
    """
    check_kind(result, Attribution, "result")
    shown = result.order[:_MOST_BARS]
    sizes, means = result.mean_absolute[shown], result.mean[shown]
    places = np.arange(len(shown))
    figure = new_figure(6, 1.2 + 0.26 * len(shown))
    axes = figure.subplots()
    for sign, color, name in ((1, COLORS[0], "mean above 0"), (-1, COLORS[1], "mean below 0")):
        these = (means >= 0) == (sign > 0)
        if these.any():
            axes.barh(places[these], sizes[these], 0.75, color=color, label=name)
    text_color = axes.xaxis.label.get_color()  # that of the style: dark on light, or the reverse
    axes.vlines(
        np.abs(means), places - 0.375, places + 0.375, color=text_color, label="size of the mean"
    )
    axes.set_yticks(places, [_label(result, place) for place in shown.tolist()], fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    n, what = len(result.names), "hidden terms" if result.levels.any() else "inputs"
    of_all = f"{len(shown)} of {n:,} {what}" if n > len(shown) else f"all {n} {what}"
    output = short(result.output)
    axes.set_xlabel(f"mean of absolute attributions to output {output}\n{of_all}")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _label(result: Attribution, place: int) -> str:
    level = int(result.levels[place])
    return short(result.names[place]) + f"  (level {level})" * (level > 0)
