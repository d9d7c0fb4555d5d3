"""Many runs from one description: a base, varied by a list and by a grid.

A description has up to three keys. ``base`` is what all runs share. ``list`` holds changes of the
base, one run each. ``grid`` maps keys to lists of values, and stands for all combinations of them.
With both, each entry of the list is combined with each point of the grid. Keys lead into nested
mappings and lists by dots: ``layers.0.degree``.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from ..archive import FileFormatError
from ..arguments import check_path, open_file, shown
from ..extras import require
from .configuration import Run
from .values import as_list, as_mapping, check_keys

MOST_RUNS = 1_000_000
"""Runs that a description may stand for: a few short lists multiply up to more than any machine
can train, or remember."""

_LARGEST, _MOST_VALUES = 2**20, 100_000  # bytes of a file, and values in it
_LONGEST, _DEEPEST = 10_000, 100  # characters of a value in YAML; how deep values are nested


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
        Where a key is unknown or leads nowhere, or a run is not valid.

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


def read_description(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the description in a YAML, TOML or JSON file, to be passed to `expand`.

    Parameters
    ----------
    path : path
        Ending in .yaml or .yml (needs the extra ``sweep``), .toml or .json.

    Raises
    ------
    ValueError
        Where the ending is another.
    FileFormatError
        A ValueError: where the file does not hold such a text; or holds more than 100,000 values,
        as a few lines of YAML can that name themselves, or values nested more than 100 deep.
    OSError
        Where it cannot be read.
    ImportError
        Where it is YAML and pyyaml is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn.experiments import read_description
    >>> path = pathlib.Path(tempfile.mkdtemp(), "sweep.toml")
    >>> _ = path.write_text('base.data.name = "mnist"')
    >>> read_description(path)
    {'base': {'data': {'name': 'mnist'}}}
    """
    path = Path(check_path(path))
    read: Callable[[str], Any]
    malformed: tuple[type[Exception], ...] = (ValueError, RecursionError)  # JSON's, TOML's
    if path.suffix in (".yaml", ".yml"):
        yaml = require("yaml", "sweep", "a description in YAML")
        read, malformed = partial(_read_yaml, yaml), (*malformed, *_BY_YAML, yaml.YAMLError)
    elif path.suffix == ".toml":
        read = tomllib.loads
    elif path.suffix == ".json":
        read = json.loads
    else:
        raise ValueError(f"{path} must end in .yaml, .yml, .toml or .json, to tell what it holds")
    with open_file(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FileFormatError(f"{path} holds more than {_LARGEST} bytes; take a grid or fewer runs")
    try:
        description = read(content.decode())
        _check_size(description, _parts)
    except _TooLargeError as error:
        raise FileFormatError(f"{path} {error}") from error
    except malformed as error:
        raise FileFormatError(f"{path} is not valid {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(description, dict):
        raise FileFormatError(f"{path} must hold keys and values, got {shown(description)}")
    return description


class _TooLargeError(ValueError):
    """A description says more than one can mean."""


_BY_YAML = (ArithmeticError, AttributeError, LookupError)
"""What pyyaml raises on values that are not what their tags say, such as ``!!bool x``."""


def _read_yaml(yaml: Any, text: str) -> Any:
    """Return what YAML says, if it is not too much once aliases and merges are written out."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        _check_size(root, _parts_of_node)
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _parts_of_node(node: Any) -> list[Any]:
    """Return the nodes in a node of YAML; a mapping has pairs of them."""
    if isinstance(node.value, str):
        if len(node.value) > _LONGEST:  # such as the digits of a number to the base of 60
            raise _TooLargeError(f"holds a value of more than {_LONGEST} characters")
        return []
    return [part for item in node.value for part in (item if isinstance(item, tuple) else [item])]


def _check_size(root: Any, parts_of: Callable[[Any], list[Any]]) -> None:
    """Raise where there are too many values, counted as often as they are named, or too deep."""
    waiting, n_values = [] if root is None else [(root, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        n_values += 1
        parts = parts_of(value)
        if n_values + len(waiting) + len(parts) > _MOST_VALUES:
            raise _TooLargeError(f"holds more than {_MOST_VALUES} values")
        if depth > _DEEPEST:
            raise _TooLargeError(f"holds values nested more than {_DEEPEST} deep")
        waiting += [(part, depth + 1) for part in parts]


def _changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with changes, whose keys may lead into it by dots."""
    result = copy.deepcopy(dict(base))
    for key, value in changes.items():
        if not isinstance(key, str):
            raise TypeError(f"a key must be a text, got {key!r}")
        _change(result, key.split("."), value, key)
    return result


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
