"""A comparison with another system: checks that both are the same, and both trainings."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import numpy.typing as npt

import minisnn as snn

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Case:
    """The same network in another system and here.

    Attributes
    ----------
    title
        The network, its data and what is timed, a line each.
    differences
        What was compared before training: its largest difference, relative to the largest value.
    sides
        What trains for a number of epochs, by the name of the side; minisnn's is the last.
    """

    title: str
    differences: dict[str, float]
    sides: Mapping[str, Callable[[int], object]]


def module(name: str, package: str) -> Any:
    """Return a module that is no dependency of minisnn's.

    Raises
    ------
    ImportError
        If it is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"this comparison needs {name}, got {error}; in an environment of its own, run: "
            f"pip install {package}"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what another system prints off the screen."""
    with redirect_stdout(StringIO()):
        yield


def fill(net: snn.Network, weights: Array, biases: Array) -> None:
    """Set the weights of all edges and the biases of all neurons that are no inputs.

    Edges are in the order of the wiring: by the neuron in which they end, then by that in which
    they begin.
    """
    edge = neuron = 0
    for number, _ in net.structure.summing:
        own, own_biases = net.structure.parts(net.parameters, number)
        own[:] = weights[edge : edge + len(own)]
        own_biases[:] = biases[neuron : neuron + len(own_biases)]
        edge, neuron = edge + len(own), neuron + len(own_biases)


def difference(ours: Array, theirs: Array) -> float:
    """Return the largest difference, relative to the largest value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
