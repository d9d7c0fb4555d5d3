"""Plots of trainings: losses and accuracies by epoch, times of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_array, check_kind
from .._support.messages import shown
from ..training.history import History
from .style import COLORS, new_figure, plain


def plot_training(histories: History | Mapping[str, History]) -> Any:
    """Return a figure of loss per epoch, and of accuracy if there was validation data.

    Parameters
    ----------
    histories : History, or mapping of str to History
        Of one network, or of several by their names.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the argument is of another type.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import plots
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> history = snn.train(net, np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1), epochs=3)
    >>> figure = plots.plot_training(history)
    >>> [axes.get_title() for axes in figure.axes]
    ['Loss']
    """
    if isinstance(histories, History):
        histories = {"": histories}
    if not isinstance(histories, Mapping):
        raise TypeError(
            "histories must be a History, or a mapping of names to some, such as "
            f"{{'sparse': history, 'dense': other}}, got {shown(histories)}"
        )
    if not histories:
        raise ValueError("histories must hold one at least, got none")
    for name, history in histories.items():
        check_kind(history, History, f"histories[{name!r}]")
    judged = any(history.has_accuracy for history in histories.values())
    figure = new_figure(10 if judged else 5, 4)
    *left, right = figure.subplots(1, 1 + judged, squeeze=False)[0]
    for axes in left:
        _draw_accuracies(axes, histories)
    for number, (name, history) in enumerate(histories.items()):
        losses = {
            "training": ("loss", {}),
            "test": ("validation_loss", {"ls": "--", "mfc": "none"}),
        }
        for data, (column, line) in losses.items():
            if None not in history.column(column):
                label = f"{plain(name)}, {data}" if name else data
                line = {**line, **_style(number, history)}
                right.plot(history.column("epoch"), history.column(column), label=label, **line)
    right.set(title="Loss", xlabel="epoch", yscale="log")
    for axes in (*left, right):
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    return figure


def _draw_accuracies(axes: Any, histories: Mapping[str, History]) -> None:
    settled = []  # accuracies after the first quarter, which the axis is made for
    for number, (name, history) in enumerate(histories.items()):
        if history.has_accuracy:
            percent = [100 * value for value in history.column("validation_accuracy")]
            label = plain(name)
            axes.plot(history.column("epoch"), percent, label=label, **_style(number, history))
            settled += percent[len(percent) // 4 :]
    axes.set(title="Test accuracy", xlabel="epoch", ylabel="%")
    margin = 0.05 * (max(settled) - min(settled)) + 0.1
    axes.set_ylim(min(settled) - margin, max(settled) + margin)


def _style(number: int, history: History) -> dict[str, str]:
    """Return the style of a network's lines; a single point is shown by a marker."""
    return {"color": COLORS[number % len(COLORS)], "marker": "o" * (len(history) == 1)}


def plot_step_times(times: Mapping[str, Array]) -> Any:
    """Return a figure of the time of a training step: the median, and the middle half as a line.

    Parameters
    ----------
    times : mapping of str to array
        Microseconds, by the name of the network.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the argument is of another type.

    Examples
    --------
    >>> from minisnn import plots
    >>> figure = plots.plot_step_times({"sparse": [150, 160, 155], "dense": [620, 600, 640]})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['sparse', 'dense']
    """
    if not check_kind(times, Mapping, "times"):
        raise ValueError("times must hold those of one network at least, got none")
    for name, values in times.items():
        array = as_array(values, f"times[{name!r}]")
        if array.dtype.kind not in "uif" or not array.size or not np.isfinite(array).all():
            raise ValueError(f"times[{name!r}] must be finite numbers, one at least, got {array}")
    figure = new_figure(7, 0.8 + 0.7 * len(times))
    axes = figure.subplots()
    names = list(times)
    for row, name in enumerate(names):
        low, middle, high = np.percentile(times[name], [25, 50, 75])
        axes.barh(row, middle, color=COLORS[row % len(COLORS)], height=0.6)
        axes.plot([low, high], [row, row], color="black", linewidth=2)
        axes.annotate(
            f" {middle:,.0f} µs", (max(high, middle), row), va="center", annotation_clip=False
        )
    axes.set_yticks(range(len(names)), map(plain, names))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.2 * max(np.percentile(values, 75) for values in times.values()))
    axes.set(xlabel="time of a training step, µs: median, and the middle half of all rounds")
    return figure
