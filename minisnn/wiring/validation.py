"""Validation of a wiring before it is made: names, edges, levels, outputs, units, weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_array, as_list, is_whole, missing_in
from .._support.messages import counted, did_you_mean, few, shown
from .levels import longest_paths, shortest_cycle
from .parts import Parts

_MAX_NEURONS = 2**31  # what int32 can address
_SHOWN_OF_CYCLE = 8  # terms in a message


def check_parts(
    terms: Iterable[Hashable],
    sources: Any,
    targets: Any,
    n_inputs: Any,
    outputs: Iterable[Hashable],
    units: Any,
    weights: Any,
) -> tuple[Parts, Array]:
    """Return the parts of a wiring, and the level of each term."""
    places = check_terms(terms, "terms")
    names, n = tuple(places), len(places)
    begin = check_positions(sources, n, "sources")
    end = check_positions(targets, n, "targets")
    if begin.size != end.size:
        raise ValueError(
            f"sources and targets must be the ends of the same edges, got {begin.size} and "
            f"{end.size}"
        )
    n_inputs = check_n_inputs(n_inputs, n)
    levels = check_acyclic(names, n_inputs, begin, end)
    checked_outputs = check_outputs(outputs, places, n_inputs)
    checked_units = check_units(units, names, n_inputs)
    values = check_weights(weights, names, begin, end, checked_units)
    return Parts(names, begin, end, n_inputs, checked_outputs, checked_units, values), levels


def check_terms(names: Iterable[Hashable], what: str) -> dict[Hashable, int]:
    """Return the position of each name; raise where one is missing, comes twice, or is a list.

    NumPy's texts and numbers become Python's, which they are equal to: a wiring that is read from a
    file has these, and so its fingerprint.
    """
    listed: list[Hashable] = list(map(_plain, as_list(names, what, "names")))
    check_hashable(listed, what)
    check_no_missing(listed, what)
    places = {name: place for place, name in enumerate(listed)}
    if len(places) < len(listed):
        twice = [(name, n) for name, n in Counter(listed).most_common() if n > 1]
        raise ValueError(
            f"{what} must differ from one another, got "
            f"{few(twice, lambda pair: f'{shown(pair[0])} {pair[1]} times')}"
        )
    return places


def _plain(name: Any) -> Any:
    if isinstance(name, tuple):
        return tuple(map(_plain, name)) if type(name) is tuple else name
    return name.item() if isinstance(name, (np.str_, np.number, np.bool_)) else name


def check_hashable(names: Iterable[Any], what: str) -> None:
    """Raise where a name cannot be one, as it has no hash."""
    for name in names:
        try:
            hash(name)
        except TypeError as error:
            raise TypeError(
                f"{what} must be names, such as texts or numbers, got {shown(name)}"
            ) from error


def check_no_missing(names: Sequence[Hashable], what: str) -> None:
    """Raise where a name is None, NaN, or an empty text."""
    objects = np.fromiter(names, dtype=object, count=len(names))
    missing = [
        *missing_in(objects),
        *np.flatnonzero([isinstance(name, str) and not name.strip() for name in names]),
    ]
    if missing:
        raise ValueError(
            f"{what} must have names, got {few(missing, lambda place: shown(names[place]))}; leave "
            "out what has none"
        )


def check_positions(value: Any, n: int, what: str) -> Array:
    """Return positions of terms as int64."""
    positions = as_array(value, what)
    if positions.ndim != 1 or (positions.size and positions.dtype.kind not in "ui"):
        raise ValueError(
            f"{what} must be a 1-D array of integers, got {positions.ndim}-D {positions.dtype}"
        )
    if positions.size == 0:
        raise ValueError("the wiring has no edge; it needs at least one")
    if positions.min() < 0 or positions.max() >= n:
        raise ValueError(
            f"{what} must be positions of the {counted(n, 'term')}, 0 to {n - 1}, "
            f"got {positions.min()} to {positions.max()}"
        )
    return positions.astype(np.int64)


def check_n_inputs(value: Any, n: int) -> int:
    """Return the number of terms that are inputs."""
    if not is_whole(value):
        raise TypeError(f"n_inputs must be a whole number, got {shown(value)}")
    if not 0 <= value < n:
        raise ValueError(
            f"n_inputs must be below the number of terms, {n}, got {shown(int(value))}"
        )
    return int(value)


def check_acyclic(
    terms: Sequence[Hashable], n_inputs: int, sources: Array, targets: Array
) -> Array:
    """Return the level of each term; raise unless just the inputs have no incoming edges."""
    _check_pairs(terms, sources, targets)
    levels = longest_paths(len(terms), sources, targets)
    if (levels < 0).any():
        cycle, n_terms = shortest_cycle(len(terms), sources, targets)
        path = [shown(terms[node]) for node in [*cycle, cycle[0]]]
        if len(path) > _SHOWN_OF_CYCLE:
            path[_SHOWN_OF_CYCLE // 2 : -_SHOWN_OF_CYCLE // 2] = ["..."]
        raise ValueError(
            f"the edges have a cycle of {counted(len(cycle), 'term')}: {' -> '.join(path)}; "
            f"{counted(n_terms, 'term')} in all lie on cycles. "
            "A wiring has none: leave out an edge of each"
        )
    written = np.flatnonzero(targets < n_inputs)
    if written.size:
        raise ValueError(
            f"inputs must have no incoming edges, got {_edges(terms, sources, targets, written)}"
        )
    name = _name_in(terms)
    unreached = np.flatnonzero(levels[n_inputs:] == 0) + n_inputs
    if unreached.size:
        raise ValueError(
            f"no input reaches {counted(unreached.size, 'term')}: {few(unreached, name)}; make "
            "them inputs, or take from_edges(inputs=None) and then restricted_to(inputs), which "
            "leaves them out"
        )
    return levels


def _check_pairs(terms: Sequence[Hashable], sources: Array, targets: Array) -> None:
    """Raise where an edge leads from a term to itself, or two edges are the same."""
    loops = np.flatnonzero(sources == targets)
    if loops.size:
        raise ValueError(
            f"{counted(loops.size, 'edge')} {'leads' if loops.size == 1 else 'lead'} from a term "
            f"to itself: {few(sources[loops], _name_in(terms))}; leave such edges out"
        )
    keys, first, counts = np.unique(
        sources * len(terms) + targets, return_index=True, return_counts=True
    )
    if keys.size < sources.size:
        again = np.flatnonzero(counts > 1)
        again = again[np.argsort(-counts[again], kind="stable")]

        def text(pair: int) -> str:
            edge = first[pair]
            return f"{_edge(terms, sources[edge], targets[edge])} {counts[pair]} times"

        raise ValueError(
            f"{counted(again.size, 'edge')} {'comes' if again.size == 1 else 'come'} more than "
            f"once: {few(again, text)}; leave out the repetitions"
        )


def check_outputs(value: Any, places: dict[Hashable, int], n_inputs: int) -> tuple[Hashable, ...]:
    """Return names of terms that are not inputs, one at least."""
    outputs = list(check_terms(value, "outputs"))
    if not outputs:
        raise ValueError("outputs must name one term at least, got none")
    check_known(outputs, places, "outputs")
    inputs = [name for name in outputs if places[name] < n_inputs]
    if inputs:
        raise ValueError(f"outputs must not be inputs, got {few(inputs)}")
    return tuple(outputs)


def check_known(
    names: Iterable[Hashable], places: dict[Hashable, int], what: str, advice: str = ""
) -> None:
    """Raise where names are not those of terms."""
    unknown = [name for name in names if name not in places]
    if unknown:
        raise ValueError(
            f"{what} must be terms of the wiring, got {few(unknown)}"
            f"{did_you_mean(unknown[0], [name for name in places if isinstance(name, str)])}"
            f"{advice}"
        )


def check_units(value: Any, terms: Sequence[Hashable], n_inputs: int) -> Array:
    """Return the neurons of each term, int64[n_terms]."""
    if value is None:
        return np.ones(len(terms), dtype=np.int64)
    units = as_array(value, "units")
    if units.shape != (len(terms),) or units.dtype.kind not in "ui":
        raise ValueError(
            f"units must be one whole number for each of the {counted(len(terms), 'term')}, got "
            f"shape {units.shape} of {units.dtype}"
        )
    units = units.astype(np.int64)
    if units.min() < 1:
        raise ValueError(
            f"units must be at least 1, got {units.min()} for {shown(terms[int(units.argmin())])}"
        )
    inputs = np.flatnonzero(units[:n_inputs] > 1)
    if inputs.size:
        raise ValueError(
            f"inputs have one unit, the value of their column, got {units[inputs[0]]} for "
            f"{shown(terms[inputs[0]])}"
        )
    n_neurons = sum(units.tolist())
    if n_neurons >= _MAX_NEURONS:
        raise ValueError(f"a wiring may have {_MAX_NEURONS - 1} neurons at most, got {n_neurons}")
    return units


def check_weights(
    value: Any, terms: Sequence[Hashable], sources: Array, targets: Array, units: Array
) -> Array | None:
    """Return a finite weight for each edge, float64[n_edges], or None."""
    if value is None:
        return None
    weights = as_array(value, "weights")
    if weights.shape != sources.shape or weights.dtype.kind not in "buif":
        raise ValueError(
            f"weights must be a number for each of the {counted(sources.size, 'edge')}, got "
            f"shape {weights.shape} of {weights.dtype}"
        )
    if (units > 1).any():
        raise ValueError(
            "weights go with terms of one unit: several units of a term would begin alike and "
            f"stay alike, got {units.max()} units for {shown(terms[int(units.argmax())])}; leave "
            "out the weights"
        )
    weights = weights.astype(np.float64)
    broken = np.flatnonzero(~np.isfinite(weights))
    if broken.size:
        raise ValueError(
            f"weights must be finite, got {weights[broken[0]]} for "
            f"{_edges(terms, sources, targets, broken)}"
        )
    return weights


def _name_in(terms: Sequence[Hashable]) -> Callable[[int], str]:
    return lambda term: shown(terms[term])


def _edges(terms: Sequence[Hashable], sources: Array, targets: Array, which: Array) -> str:
    return few(which, lambda edge: _edge(terms, sources[edge], targets[edge]))


def _edge(terms: Sequence[Hashable], source: int, target: int) -> str:
    return f"{shown(terms[source])} -> {shown(terms[target])}"
