"""Parts of a wiring that are kept: what some inputs reach, and chains merged into single terms."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from .._support.messages import counted, few
from .levels import reached
from .parts import Names, Parts
from .validation import check_known


class UnknownInputWarning(UserWarning):
    """Names of inputs that a wiring does not know: columns of data that nothing reads."""


class Dropped(NamedTuple):
    """Parts that `Wiring.restricted_to` or `Wiring.collapsed` left out.

    Attributes
    ----------
    inputs : tuple of hashable
        Inputs of the wiring that are no columns of the data.
    terms : tuple of hashable
        Terms that no input reaches or that reach no output, outputs among them; or terms that
        were merged into others.
    outputs : tuple of hashable
        Outputs that no input reaches.
    n_edges : int
        Edges between terms that are gone.
    unread : tuple of hashable
        Inputs that are there, but which nothing reads: not left out, yet without effect.
    """

    inputs: Names
    terms: Names
    outputs: Names
    n_edges: int
    unread: Names

    def __str__(self) -> str:
        counts = {"input": self.inputs, "term": self.terms}
        parts = [counted(len(names), noun) for noun, names in counts.items() if names]
        if self.n_edges:
            parts.append(counted(self.n_edges, "edge"))
        text = f"left out: {', '.join(parts) or 'nothing'}"
        if self.outputs:
            text += f"; outputs among the terms: {few(self.outputs)}"
        if self.unread:
            text += f"; inputs that nothing reads: {len(self.unread)}, {few(self.unread)}"
        return text


def restricted(parts: Parts, inputs: Names) -> tuple[Parts, Dropped]:
    """Return what the inputs reach and what of that reaches an output, and the rest."""
    terms, n = parts.terms, len(parts.terms)
    places = {name: place for place, name in enumerate(terms)}
    known = [places[name] for name in inputs if name in places]
    _check_inputs(parts, inputs, known, places)
    marked = np.zeros(n, dtype=bool)
    marked[known] = True
    alive = reached(n, parts.sources, parts.targets, marked)
    outputs = tuple([name for name in parts.outputs if alive[places[name]]])
    if not outputs:
        raise ValueError(
            f"these inputs must reach an output, got {counted(len(inputs), 'input')} that reach "
            f"none of {few(parts.outputs)}"
        )
    alive &= reached(n, parts.targets, parts.sources, alive & parts.is_output)

    hidden = np.flatnonzero(alive[parts.n_inputs :]) + parts.n_inputs
    unread = tuple([name for name in inputs if name not in places or not alive[places[name]]])
    names = (*inputs, *_named(terms, hidden))
    rank = np.full(n, -1)
    rank[hidden] = np.arange(len(inputs), len(names))
    rank[known] = [place for place, name in enumerate(inputs) if name in places]
    edges = alive[parts.sources] & alive[parts.targets]
    gone = ~alive
    gone[known] = False
    kept = Parts(
        names,
        rank[parts.sources[edges]],
        rank[parts.targets[edges]],
        len(inputs),
        outputs,
        np.concatenate([np.ones(len(inputs), dtype=np.int64), parts.units[hidden]]),
        None if parts.weights is None else parts.weights[edges],
    )
    dropped = Dropped(
        _named(terms, np.flatnonzero(gone[: parts.n_inputs])),
        _named(terms, np.flatnonzero(gone[parts.n_inputs :]) + parts.n_inputs),
        tuple([name for name in parts.outputs if not alive[places[name]]]),
        int(np.count_nonzero(~edges)),
        unread,
    )
    return kept, dropped


def _check_inputs(
    parts: Parts, inputs: Names, known: Sequence[int], places: dict[object, int]
) -> None:
    inner = [parts.terms[place] for place in known if place >= parts.n_inputs]
    if inner:
        raise ValueError(
            f"inputs must be inputs of the wiring, got {counted(len(inner), 'term')} with incoming "
            f"edges: {few(inner)}"
        )
    unknown = [name for name in inputs if name not in places]
    if not known:
        raise ValueError(
            f"inputs must name an input of the wiring at least, got {few(inputs) or 'none'}, where "
            f"it has {few(parts.terms[: parts.n_inputs])}"
        )
    if unknown:
        warnings.warn(
            f"{len(unknown):,} of {counted(len(inputs), 'input')} are not in the wiring: "
            f"{few(unknown)}. They stay inputs, so that the data fits, but nothing reads them; "
            "leave these columns out of the data, or correct their names",
            UnknownInputWarning,
            stacklevel=4,
        )


def resized(parts: Parts, units: int | Mapping[Hashable, int]) -> Parts:
    """Return parts with other numbers of neurons."""
    numbers = parts.units.copy()
    if isinstance(units, Mapping):
        places = {name: place for place, name in enumerate(parts.terms)}
        check_known(units, places, "units")
        for name, n in units.items():
            numbers[places[name]] = check_positive_integer(n, f"units[{name!r}]")
    else:
        numbers[_is_hidden(parts)] = check_positive_integer(units, "units")
    return parts._replace(units=numbers)


def merged(parts: Parts) -> tuple[Parts, Dropped]:
    """Return parts in which each chain of single readers and sources is its first term."""
    terms, n = parts.terms, len(parts.terms)
    inner = _is_hidden(parts)
    n_readers = np.bincount(parts.sources, minlength=n)
    n_sources = np.bincount(parts.targets, minlength=n)
    link = inner[parts.sources] & inner[parts.targets]
    link &= (n_readers[parts.sources] == 1) & (n_sources[parts.targets] == 1)
    first = np.arange(n)
    first[parts.targets[link]] = parts.sources[link]
    while (first[first] != first).any():
        first = first[first]
    kept = np.flatnonzero(first == np.arange(n))
    rank = np.full(n, -1)
    rank[kept] = np.arange(kept.size)
    left = ~link
    collapsed = Parts(
        _named(terms, kept),
        rank[first[parts.sources[left]]],
        rank[parts.targets[left]],
        parts.n_inputs,
        parts.outputs,
        parts.units[kept],
        None if parts.weights is None else parts.weights[left],
    )
    gone = _named(terms, np.flatnonzero(first != np.arange(n)))
    return collapsed, Dropped((), gone, (), int(np.count_nonzero(link)), ())


def dead_ends(parts: Parts) -> Names:
    """Return the terms beside the inputs that reach no output."""
    useful = reached(len(parts.terms), parts.targets, parts.sources, parts.is_output)
    useful[: parts.n_inputs] = True
    return _named(parts.terms, np.flatnonzero(~useful))


def _is_hidden(parts: Parts) -> Array:
    """Return which terms are neither inputs nor outputs."""
    hidden = ~parts.is_output
    hidden[: parts.n_inputs] = False
    return hidden


def _named(terms: Names, places: Array) -> Names:
    return tuple([terms[place] for place in places.tolist()])
