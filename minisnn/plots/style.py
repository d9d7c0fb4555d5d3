"""Figures, colours and texts that all plots share."""

from __future__ import annotations

from typing import Any

from .._support.extras import require

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Told apart by colour-blind readers, too."""


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of a width and a height in inches."""
    require("matplotlib", "plot", "a plot")
    from .._support.figure import ShownFigure

    return ShownFigure(figsize=(width, height), dpi=120, layout="constrained")


def plain(name: Any) -> str:
    """Return a name with every $ escaped: two of them would enclose a formula, or be an error."""
    return str(name).replace("$", r"\$")
