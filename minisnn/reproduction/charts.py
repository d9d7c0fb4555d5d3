"""Charts as plain data: drawn by Matplotlib for files, by Plotly for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._support.extras import require
from .statistics import Interval

COLORS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31",
    "#7b4173", "#637939",
)  # fmt: skip
"""Colours that colour-blind readers can distinguish, as far as so many allow."""

_MOST_TICKS = 14


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Parameters
    ----------
    label : str
        Its name in the legend.
    x : sequence of float
        Coordinates of the points.
    y : sequence of Interval or float
        Their heights; intervals are drawn as bars.
    joined : bool
        Whether a line joins the points.
    notes : sequence of str
        One for each point, shown where the reader points at it; or none.
    """

    label: str
    x: Sequence[float]
    y: Sequence[Interval | float]
    joined: bool = True
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Chart:
    """Series over common axes.

    Parameters
    ----------
    name : str
        Of its files.
    title, x_label, y_label : str
        Texts of the chart.
    series : sequence of Series
        The points.
    level : (str, Interval), optional
        Reference for the others: a label, and a height, drawn as a band.
    log_x : bool
        Whether x is logarithmic.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    level: tuple[str, Interval] | None = None
    log_x: bool = False


@dataclass(frozen=True)
class Heatmap:
    """Values over two axes of categories.

    Parameters
    ----------
    name, title, x_label, y_label, z_label : str
        As for a chart; z is what the colours mean.
    x, y : sequence of str
        The categories.
    z : sequence of sequences of float
        A row for each y, a value for each x.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    z_label: str
    x: Sequence[str]
    y: Sequence[str]
    z: Sequence[Sequence[float]]


def draw(chart: Chart | Heatmap) -> Any:
    """Return a chart as a Matplotlib figure.

    Raises
    ------
    ImportError
        If Matplotlib (extra ``plot``) is missing.
    """
    require("matplotlib", "plot", "a chart")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set(title=chart.title, xlabel=chart.x_label, ylabel=chart.y_label)
    if isinstance(chart, Heatmap):
        image = axes.imshow(chart.z, aspect="auto", origin="lower", cmap="viridis")
        axes.set_xticks(range(len(chart.x)), chart.x)
        axes.set_yticks(range(len(chart.y)), chart.y)
        middle = (min(map(min, chart.z)) + max(map(max, chart.z))) / 2
        for i, row in enumerate(chart.z):
            for j, value in enumerate(row):
                color = "white" if value < middle else "black"
                axes.text(j, i, f"{value:.1f}", ha="center", va="center", color=color, fontsize=8)
        figure.colorbar(image, label=chart.z_label)
        return figure
    for color, series in zip(COLORS * 3, chart.series, strict=False):
        values, low, high = _parts(series)
        line = "-" if series.joined else ""
        axes.errorbar(
            series.x, values, yerr=[low, high], fmt=f"o{line}", ms=4, lw=1.3, capsize=2,
            color=color, label=series.label,
        )  # fmt: skip
    if chart.level is not None:
        label, level = chart.level
        axes.axhline(level.value, color="#666666", ls="--", lw=1.2, label=label)
        axes.axhspan(level.low, level.high, color="#666666", alpha=0.15, lw=0)
    if chart.log_x:
        axes.set_xscale("log")
        if ticks := _ticks(chart):
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def to_plotly(chart: Chart | Heatmap) -> dict[str, Any]:
    """Return a chart as the plain data and layout that Plotly's script draws.

    The title is left to the page, where it can have several lines; the legend is below, so that all
    of a narrow screen's width is the chart's.
    """
    below = {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.18, "yanchor": "top"}
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": chart.x_label}},
        "yaxis": {"title": {"text": chart.y_label}},
        "margin": {"t": 30, "r": 20, "l": 50},
        "legend": below,
        "hovermode": "closest",
        "template": "none",
    }
    if isinstance(chart, Heatmap):
        trace = {
            "type": "heatmap", "x": list(chart.x), "y": list(chart.y), "z": [*map(list, chart.z)],
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": chart.z_label, "side": "top"}, "thickness": 12, **below},
            "hovertemplate": f"{chart.x_label} %{{x}}<br>{chart.y_label} %{{y}}<br>%{{z:.2f}}"
            "<extra></extra>",
        }  # fmt: skip
        layout["xaxis"]["type"] = layout["yaxis"]["type"] = "category"
        return {"data": [trace], "layout": layout}
    traces: list[dict[str, Any]] = []
    for color, series in zip(COLORS * 3, chart.series, strict=False):
        values, low, high = _parts(series)
        traces.append(
            {
                "type": "scatter", "name": series.label, "x": list(series.x), "y": values,
                "mode": "lines+markers" if series.joined else "markers",
                "line": {"color": color}, "marker": {"color": color, "size": 7},
                "error_y": {
                    "type": "data", "symmetric": False, "array": high, "arrayminus": low,
                    "thickness": 1, "width": 3,
                },
                "text": list(series.notes), "hovertemplate": "%{text}<br>%{x}: %{y:.3f}"
                if series.notes else "%{x}: %{y:.3f}",
            }
        )  # fmt: skip
    if chart.level is not None:
        label, level = chart.level
        layout["shapes"] = [
            {
                "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": level.low,
                "y1": level.high, "fillcolor": "#666666", "opacity": 0.15, "line": {"width": 0},
            },
            {
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level.value,
                "y1": level.value, "line": {"color": "#666666", "dash": "dash"},
                "label": {"text": label, "textposition": "start"},
            },
        ]  # fmt: skip
    if chart.log_x:
        layout["xaxis"]["type"] = "log"
        if ticks := _ticks(chart):
            layout["xaxis"] |= {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    return {"data": traces, "layout": layout}


def _ticks(chart: Chart) -> list[float]:
    """Return where the points are, if they are few enough to be written at the axis."""
    ticks = sorted({x for series in chart.series for x in series.x})
    return ticks if len(ticks) <= _MOST_TICKS else []


def _parts(series: Series) -> tuple[list[float], list[float], list[float]]:
    """Return heights, and how far the bars reach below and above them."""
    values, low, high = [], [], []
    for y in series.y:
        if isinstance(y, Interval) and abs(y.low) < float("inf"):
            values.append(y.value)
            low.append(y.value - y.low)
            high.append(y.high - y.value)
        else:
            values.append(y.value if isinstance(y, Interval) else float(y))
            low.append(0.0)
            high.append(0.0)
    return values, low, high
