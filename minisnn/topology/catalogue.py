"""The constructions that take widths and a degree, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..arguments import did_you_mean, shown
from ..graph import Topology
from ..seeds import Seed
from .assembly import check_degree
from .blocks import block_random, disconnected
from .complex_networks import scale_free, small_world
from .images import receptive_fields
from .lifts import random_lift
from .ramanujan import ramanujan
from .random_graphs import biregular, constant_degree, erdos_renyi, scattered
from .rotating import fibonacci_rotating, long_range_rotating, random_rotating, regular_rotating

_CONSTRUCTIONS: dict[str, Callable[..., Topology]] = {
    construction.__name__: construction
    for construction in (
        random_rotating,
        constant_degree,
        regular_rotating,
        long_range_rotating,
        fibonacci_rotating,
        erdos_renyi,
        scattered,
        biregular,
        random_lift,
        ramanujan,
        small_world,
        scale_free,
        block_random,
        receptive_fields,
        disconnected,
    )
}


def names() -> tuple[str, ...]:
    """Return the names that `make` knows.

    Returns
    -------
    tuple of str
        Each is a function of this module as well, with the options that `make` passes on.
        `scattered` itself takes a number of edges: here n_in * degree.

    Examples
    --------
    >>> import minisnn as snn
    >>> "fibonacci_rotating" in snn.topology.names()
    True
    """
    return tuple(_CONSTRUCTIONS)


def option_names(name: str) -> tuple[str, ...]:
    """Return what a construction takes beside the widths and the degree."""
    parameters = inspect.signature(_CONSTRUCTIONS[name]).parameters
    return tuple(key for key in parameters if key not in ("n_in", "n_out", "degree", "n_edges"))


def make(
    name: str, n_in: int, n_out: int, degree: int, seed: Seed = None, **options: Any
) -> Topology:
    """Return the graph of the construction with this name, random or not.

    Parameters
    ----------
    name : str
        One of `names`.
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    degree : int
        Edges per left neuron.
    seed : int, SeedSequence or Generator, optional
        For the constructions that draw; the others are the same for every seed. By default fresh.
    **options
        Further keyword arguments of the construction.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        Where there is no such construction, or it has no graph of this size and degree.
    TypeError
        Where the construction has no such option.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.make("constant_degree", 50, 20, degree=3, seed=1)
    Topology(constant_degree, 50 -> 20, degree=3, seed=1, n_edges=150, density=15 %)
    """
    if not isinstance(name, str) or name not in _CONSTRUCTIONS:
        raise ValueError(
            f"there is no construction {shown(name)}; there are {', '.join(names())}"
            f"{did_you_mean(name, names())}"
        )
    construction = _CONSTRUCTIONS[name]
    known = option_names(name)
    if "seed" in known:
        options["seed"] = seed
    unknown = [option for option in options if option not in known]
    if unknown:
        raise TypeError(
            f"{name} has no option {unknown[0]!r}; it has {', '.join(sorted(known)) or 'none'}"
            f"{did_you_mean(unknown[0], known)}"
        )
    if construction is scattered:
        n_in, n_out, degree = check_degree(n_in, n_out, degree)
        return scattered(n_in, n_out, n_in * degree, **options)
    return construction(n_in, n_out, degree, **options)
