"""Plots of networks and trainings; needs the extra ``plot``.

Each function returns a Matplotlib figure, made without pyplot: no window, no global state. A
notebook shows it, and ``figure.savefig(path)`` writes it.
"""

from .attributions import plot_attributions
from .nulls import plot_nulls
from .sankey import plot_sankey
from .topologies import plot_adjacency, plot_topologies
from .trainings import plot_step_times, plot_training
from .wirings import plot_wiring

__all__ = [
    "plot_adjacency",
    "plot_attributions",
    "plot_nulls",
    "plot_sankey",
    "plot_step_times",
    "plot_topologies",
    "plot_training",
    "plot_wiring",
]
