"""Many runs from one description: a base, varied by a list and by a grid.

A description has up to three keys. ``base`` is what all runs share. ``list`` holds changes of the
base, one run each. ``grid`` maps keys to lists of values, and stands for all combinations of them.
With both, each entry of the list is combined with each point of the grid. Keys lead into nested
mappings and lists by dots: ``layers.0.degree``.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from .._support.arguments import shown
from .configuration import Run
from .values import as_list, as_mapping, check_keys

MOST_RUNS = 1_000_000
"""Runs that a description may stand for: a few short lists multiply up to more than any machine
can train, or remember."""

_DEEPEST = 100  # parts of a key


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
        Where a key is unknown or leads nowhere, or a run is not valid. If a grid, or another
        mapping, has a key and a part of it, such as ``optimizer`` and ``optimizer.peak``.

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
    check_keys(as_mapping(description, "a sweep"), ("base", "list", "grid"), "a sweep")
    base = _changed({}, as_mapping(description.get("base", {}), "base"))
    entries = [
        as_mapping(entry, f"list.{number}")
        for number, entry in enumerate(as_list(description.get("list", [{}]), "list"))
    ]
    axes = {
        str(key): as_list(values, f"grid.{key}")
        for key, values in as_mapping(description.get("grid", {}), "grid").items()
    }
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
            run = Run.from_dict(
                _changed(_changed(base, entry), dict(zip(axes, point, strict=True)))
            )
            runs.setdefault(run.hash, run)
    return list(runs.values())


def _changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with changes, whose keys may lead into it by dots."""
    result = copy.deepcopy(dict(base))
    for key in changes:
        if not isinstance(key, str):
            raise TypeError(f"a key must be a text, got {key!r}")
    _check_apart(changes)
    for key, value in changes.items():
        _change(result, key.split("."), value, key)
    return result


def _check_apart(keys: Iterable[str], at: str = "") -> None:
    """Raise where a key leads to what another one leads to, or to a part of it.

    What one says, the other would undo.
    """
    known: dict[tuple[str, ...], str] = {}
    for key in keys:
        steps = key.split(".")[: _DEEPEST + 1]
        path = tuple(step.lstrip("0") or "0" if step.isdecimal() else step for step in steps)
        if path in known:
            raise ValueError(f"{at}{known[path]} and {at}{key} are the same; say it once")
        known[path] = key
    for path, key in known.items():
        for length in range(1, len(path)):
            if path[:length] in known:
                raise ValueError(
                    f"{at}{known[path[:length]]} and {at}{key:.200} are a thing and a part of it; "
                    "say it in one place, or in a base and a list, or a list and a grid"
                )


def _change(part: Any, path: list[str], value: Any, key: str) -> None:
    """Set a value inside nested mappings and lists. A mapping changes a mapping key by key."""
    step: Any = path[0]
    if len(path) > _DEEPEST:
        raise ValueError(f"{shown(key)} leads nowhere: it has more than {_DEEPEST} parts")
    if isinstance(part, list):
        if not (step.isdecimal() and int(step) < len(part)):
            raise ValueError(f"{key} leads nowhere: {step!r} is not an index below {len(part)}")
        step = int(step)
    elif not isinstance(part, dict):
        raise ValueError(f"{key} leads nowhere: {part!r} has no {step!r}")
    if len(path) > 1:
        if isinstance(part, dict):
            part.setdefault(step, {})
        _change(part[step], path[1:], value, key)
    elif isinstance(value, Mapping) and isinstance(part, dict):
        part[step] = _changed(_as_dict(part.get(step)), value)
    else:
        part[step] = copy.deepcopy(value)


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
