"""Registry of constructions: a decorator registers each, and everything that takes a name reads it.

To add a construction, decorate a function with `construction`. `minisnn.topology` exports it; where
it takes widths and a degree, `names` lists it and `make` calls it, and through these so do sweeps,
estimators and programs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from .._support.messages import did_you_mean, shown
from .._support.seeds import Seed
from .assembly import check_degree
from .graph import Topology

_Function = TypeVar("_Function", bound=Callable[..., Topology | list[Topology]])

CONSTRUCTIONS: dict[str, Callable[..., Any]] = {}
"""Every construction by name, in the order in which they are defined."""

_SIZES = ("degree", "n_edges")


def construction(function: _Function) -> _Function:
    """Register a function that makes a graph, or a list of graphs, under its own name.

    All else follows from its signature. If `make` can call it, it takes ``n_in`` and ``n_out``,
    then ``degree`` (edges per left neuron) or ``n_edges`` (edges of the graph), and has a default
    for everything else. One that draws random numbers takes a ``seed``.

    The name also enters ``__all__`` of the function's module, so that ``from module import *``
    takes the constructions and nothing that the module imports.

    Parameters
    ----------
    function : callable
        The construction; it is returned as it is.

    Raises
    ------
    ValueError
        If another module has a construction of this name.
    """
    name = function.__name__
    known = CONSTRUCTIONS.get(name, function)
    if known.__module__ != function.__module__:
        raise ValueError(
            f"{known.__module__} has a construction {name!r} already; rename that of "
            f"{function.__module__}"
        )
    CONSTRUCTIONS[name] = function
    exported = function.__globals__.setdefault("__all__", [])
    if name not in exported:
        exported.append(name)
    return function


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
    return tuple(name for name in CONSTRUCTIONS if _sized_by(name))


def _sized_by(name: str) -> str | None:
    """Return the parameter that sets the number of edges; None if `make` cannot call it."""
    parameters = _parameters(CONSTRUCTIONS[name])
    first, others = [parameter.name for parameter in parameters[:3]], parameters[3:]
    for size in _SIZES:
        if first == ["n_in", "n_out", size] and all(p.default is not p.empty for p in others):
            return size
    return None


def option_names(name: str) -> tuple[str, ...]:
    """Return the parameters of a construction other than the widths and the degree."""
    names = (parameter.name for parameter in _parameters(CONSTRUCTIONS[name]))
    return tuple(key for key in names if key not in ("n_in", "n_out", *_SIZES))


@cache  # a sweep asks for each layer of each run
def _parameters(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def _advice(name: object) -> str:
    """Return the end of a message on a name that `make` does not know."""
    if did_you_mean(name, ["dense"]):
        name = "dense"
    if isinstance(name, str) and name in CONSTRUCTIONS:
        return f"; topology.{name} takes other arguments, call it itself"
    return did_you_mean(name, names())


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
        Of a random construction; the others are the same for every seed. By default fresh.
    **options
        Further keyword arguments of the construction.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        If there is no such construction, or it has no graph of this size and degree.
    TypeError
        If the construction has no such option.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.topology.make("constant_degree", 50, 20, degree=3, seed=1)
    Topology(constant_degree, 50 -> 20, degree=3, seed=1, n_edges=150, density=15 %)
    """
    if not isinstance(name, str) or name not in names():
        raise ValueError(
            f"there is no construction {shown(name)}; there are {', '.join(names())}{_advice(name)}"
        )
    known = option_names(name)
    if "seed" in known:
        options["seed"] = seed
    unknown = [option for option in options if option not in known]
    if unknown:
        raise TypeError(
            f"{name} has no option {unknown[0]!r}; it has {', '.join(sorted(known)) or 'none'}"
            f"{did_you_mean(unknown[0], known)}"
        )
    if _sized_by(name) == "n_edges":
        n_in, n_out, degree = check_degree(n_in, n_out, degree)
        return CONSTRUCTIONS[name](n_in, n_out, n_in * degree, **options)
    return CONSTRUCTIONS[name](n_in, n_out, degree, **options)
