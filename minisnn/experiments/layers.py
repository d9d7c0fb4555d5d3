"""Layers of a run: for each a construction by name, its degree or density, and its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import topology
from .._support.checks import check_choice, check_number, check_positive_integer
from .._support.messages import shown
from ..topology import registry
from ..topology.graph import Topology
from .validation import Section, as_mapping, check_keys

DENSE, CORRELATED = "dense", "correlated"


class Wiring(Section, frozen=True, kw_only=True):
    """Wiring of one layer.

    Attributes
    ----------
    topology : str
        Name of a construction, such as "fibonacci_rotating", or "dense"; of the first layer
        "correlated", too: `minisnn.topology.correlated` of the samples to train on.
    degree : int, optional
        Edges per left neuron.
    density : float, optional
        In place of the degree: edges as a share of all possible ones, above 0 and up to 1. The
        degree is then the nearest whole number of edges per left neuron, at least 1.
    options : mapping, or pairs, of str to plain values
        Other arguments of the construction. A ``seed`` here fixes random wiring while the
        seed of the run varies; by default it follows from that, see ``layer_seeds`` of `Run`.

    Examples
    --------
    >>> from minisnn.experiments import Wiring
    >>> Wiring(topology="constant_degree", density=0.1).degree_for(250)
    25
    """

    topology: str
    degree: int | None = None
    density: float | None = None
    options: Mapping[str, Any] | tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.topology, "topology", (DENSE, CORRELATED, *topology.names()))
        given = [key for key in ("degree", "density") if getattr(self, key) is not None]
        if self.topology == DENSE and given:
            raise ValueError(f"{given[0]} must not be given with topology 'dense', which has all")
        if self.topology != DENSE and len(given) != 1:
            raise ValueError(
                f"degree or density, one of the two, must be given with topology "
                f"{self.topology!r}, got {' and '.join(given) or 'neither'}"
            )
        if self.degree is not None:
            self._set(degree=check_positive_integer(self.degree, "degree"))
        if self.density is not None:
            density = check_number(self.density, "density", 0)
            if not 0 < density <= 1:
                raise ValueError(f"density must be above 0 and at most 1, got {self.density}")
            self._set(density=density)
        options = as_mapping(self.options, "options")
        check_keys(options, _option_names(self.topology), self.topology, "options.")
        values = {key: _plain(value, f"options.{key}") for key, value in sorted(options.items())}
        self._set(options=tuple(values.items()))

    @property
    def draws(self) -> bool:
        """True if it is random and has no seed of its own."""
        return "seed" in _option_names(self.topology) and "seed" not in dict(self.options)

    def degree_for(self, n_out: int) -> int | None:
        """Return the edges per left neuron for a number of outputs; None if dense."""
        n_out = check_positive_integer(n_out, "n_out")
        if self.density is not None:
            return max(1, round(self.density * n_out))
        return self.degree


def make_graph(
    wiring: Wiring, n_in: int, n_out: int, seed: int, inputs: Callable[[], Any]
) -> Topology:
    """Return the graph of a layer.

    The seed is for random wiring without one of its own; inputs to train on are asked for only
    where the wiring follows from them.
    """
    degree = wiring.degree_for(n_out)
    if degree is None:
        return topology.dense(n_in, n_out)
    if wiring.topology == CORRELATED:
        return topology.correlated(inputs(), n_out, degree)
    options = {"seed": seed, **dict(wiring.options)}
    return topology.make(wiring.topology, n_in, n_out, degree, **options)


def _option_names(name: str) -> tuple[str, ...]:
    """Return the arguments of a construction beside the widths and the degree."""
    return () if name in (DENSE, CORRELATED) else registry.option_names(name)


def _plain(value: Any, key: str) -> Any:
    """Return a value that JSON can hold, lists as tuples; raise for anything else."""
    if isinstance(value, (list, tuple)):
        return tuple(_plain(item, f"{key}.{number}") for number, item in enumerate(value))
    if isinstance(value, float):
        return check_number(value, key, -float("inf"))
    if not isinstance(value, (bool, int, str)):
        raise TypeError(
            f"{key} must be a number, a text, true, false or a list, got {shown(value)}"
        )
    return value
