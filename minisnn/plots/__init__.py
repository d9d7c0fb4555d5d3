"""Plots of networks and trainings; needs the extra ``plot``.

Each function returns a Matplotlib figure, made without pyplot: no window, no global state. A
notebook shows it, and ``figure.savefig(path)`` writes it.
"""

from .topologies import plot_adjacency, plot_topologies
from .trainings import plot_step_times, plot_training

__all__ = ["plot_adjacency", "plot_step_times", "plot_topologies", "plot_training"]
