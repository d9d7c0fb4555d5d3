"""Many runs from one description: a base, varied by a list and by a grid.

A description has up to three keys. ``base`` is shared by all runs. ``list`` holds changes of the
base, one run each. ``grid`` maps keys to lists of values, and stands for all combinations of them.
With both, each entry of the list is combined with each point of the grid. Keys lead into nested
mappings and lists by dots: ``layers.0.degree``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._support.messages import shown
from .run import Run, fingerprint
from .validation import Section, convert, plain

MOST_RUNS = 1_000_000
"""Runs that a description may stand for: a few short lists multiply up to more than any machine
can train, or remember."""

_LONGEST = 100  # parts of a key


class Sweep(Section, frozen=True, kw_only=True):
    """Keys of a description."""

    base: Mapping[str, Any] = {}
    list: Sequence[Mapping[str, Any]] = ({},)
    grid: Mapping[str, Any] = {}


def expand(description: Mapping[str, Any]) -> list[Run]:
    """Return the runs of a description, each once, in the description's order.

    Parameters
    ----------
    description : mapping
        With the keys ``base``, ``list`` and ``grid``, none of which must be there.

    Returns
    -------
    list of Run

    Raises
    ------
    ValueError, TypeError
        If a key is unknown or leads nowhere, or a run is not valid. If a grid, or another
        mapping, has a key and a part of it, such as ``optimizer`` and ``optimizer.peak``. If arrays
        or wirings that differ have the same name.

    Examples
    --------
    >>> from minisnn.experiments import expand
    >>> base = {
    ...     "data": {"name": "mnist_sample"},
    ...     "hidden": [50],
    ...     "layers": [{"topology": "regular_rotating", "degree": 5}, {"topology": "dense"}],
    ...     "optimizer": {"peak": 1.0},
    ... }
    >>> runs = expand({"base": base, "grid": {"layers.0.degree": [5, 10], "epochs": [1, 2]}})
    >>> [(run.layers[0].degree, run.epochs) for run in runs]
    [(5, 1), (5, 2), (10, 1), (10, 2)]
    """
    sweep = convert(plain(description), Sweep, "a sweep")
    base, entries = _changed({}, sweep.base), sweep.list
    axes = {key: convert(values, list, f"grid.{key}") for key, values in sweep.grid.items()}
    _check_apart(axes, "grid.")
    for key, values in {"list": entries, **{f"grid.{key}": v for key, v in axes.items()}}.items():
        if not values:
            raise ValueError(f"{key} must hold at least one entry, got an empty list")
    n_runs = len(entries) * math.prod(map(len, axes.values()))
    if n_runs > MOST_RUNS:
        raise ValueError(f"a sweep may have {MOST_RUNS} runs at most, got {n_runs}")
    runs: dict[str, Run] = {}
    for entry in entries:
        for point in itertools.product(*axes.values()):
            changes = dict(zip(axes, point, strict=True))
            run = Run.from_dict(_changed(_changed(base, entry), changes))
            runs.setdefault(run.hash, run)
    _check_names(runs.values())
    return list(runs.values())


def _check_names(runs: Iterable[Run]) -> None:
    """Raise if one name stands for arrays or wirings that differ: a table would not tell them."""
    known: dict[tuple[str, str], object] = {}
    for run in runs:
        named: dict[str, tuple[str, object]] = {"data": (run.data.name, run.data.arrays)}
        if run.wiring is not None:
            named["wiring"] = run.wiring.name, run.wiring.graph
        for key, (name, part) in named.items():
            other = known.setdefault((key, name), part)
            if other is not part and fingerprint(other) != fingerprint(part):
                raise ValueError(
                    f"{key}.name {shown(name)} stands for two that differ; give each another name"
                )


def _changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with changes, whose keys may lead into them by dots."""
    _check_apart(changes)
    result = dict(settings)
    for key, value in changes.items():
        result = _replaced(result, _path(key), value, key)
    return result


def _check_apart(keys: Iterable[str], at: str = "") -> None:
    """Raise if a key leads to the same place as another, or to a part of it.

    One of them would undo the other.
    """
    known: dict[tuple[str, ...], str] = {}
    for key in keys:
        path = tuple(step.lstrip("0") or "0" if step.isdecimal() else step for step in _path(key))
        if path in known:
            raise ValueError(f"{at}{known[path]} and {at}{key} are the same; say it once")
        known[path] = key
    for path, key in known.items():
        for length in range(1, len(path)):
            if path[:length] in known:
                raise ValueError(
                    f"{at}{known[path[:length]]} and {at}{key} are a thing and a part of it; "
                    "say it in one place, or in a base and a list, or a list and a grid"
                )


def _path(key: str) -> list[str]:
    path = key.split(".")
    if len(path) > _LONGEST:
        raise ValueError(f"{shown(key)} leads nowhere: it has more than {_LONGEST} parts")
    return path


def _replaced(part: Any, path: Sequence[str], value: Any, key: str) -> Any:
    """Return a part with a value at a path. A mapping changes a mapping key by key."""
    step, *rest = path
    if isinstance(part, list):
        if not (step.isdecimal() and int(step) < len(part)):
            raise ValueError(f"{key} leads nowhere: {step!r} is not an index below {len(part)}")
        at = int(step)
        new = _replaced(part[at], rest, value, key) if rest else value
        return [*part[:at], new, *part[at + 1 :]]
    if not isinstance(part, dict):
        raise ValueError(f"{key} leads nowhere: {shown(part)} has no {step!r}")
    if rest:
        return {**part, step: _replaced(part.get(step, {}), rest, value, key)}
    if isinstance(value, dict):
        old = part.get(step)
        value = _changed(old if isinstance(old, dict) else {}, value)
    return {**part, step: value}
