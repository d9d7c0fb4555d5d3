"""Descriptions of sweeps as files: YAML, TOML or JSON, read without trust."""

from __future__ import annotations

import codecs
import json
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from .._support.archive import FileFormatError
from .._support.arguments import check_path, open_file, shown
from .._support.extras import require

_LARGEST, _MOST_VALUES = 2**20, 100_000  # bytes of a file, and values in it
_LONGEST, _DEEPEST = 10_000, 100  # characters of a value in YAML; how deep values are nested


def read_description(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the description in a YAML, TOML or JSON file, to be passed to `expand`.

    Parameters
    ----------
    path : path
        Ending in .yaml or .yml (needs the extra ``sweep``), .toml or .json, in lower or upper case.
        The text is in UTF-8, or in UTF-16 with a byte order mark; one at the beginning is skipped.

    Raises
    ------
    ValueError
        Where the ending is another.
    FileFormatError
        A ValueError: where the file does not hold such a text; has a key twice; or holds more than
        100,000 values, as a few lines of YAML can that name themselves, or values nested more than
        100 deep.
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
    ending = path.suffix.lower()
    if ending in (".yaml", ".yml"):
        yaml = require("yaml", "sweep", "a description in YAML")
        read, malformed = partial(_read_yaml, yaml), (*malformed, *_BY_YAML, yaml.YAMLError)
    elif ending == ".toml":
        read = tomllib.loads
    elif ending == ".json":
        read = partial(json.loads, object_pairs_hook=_each_once)
    else:
        raise ValueError(f"{path} must end in .yaml, .yml, .toml or .json, to tell what it holds")
    with open_file(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FileFormatError(f"{path} holds more than {_LARGEST} bytes; take a grid or fewer runs")
    try:
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        description = read(content.decode("utf-16" if is_utf16 else "utf-8-sig"))
        _check_size(description, _parts)
    except _TooLargeError as error:
        raise FileFormatError(f"{path} {error}") from error
    except malformed as error:
        raise FileFormatError(f"{path} is not valid {ending[1:].upper()}: {error}") from error
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
        _check_keys(root)
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON, if no key stands twice in it."""
    counts = Counter(key for key, _ in pairs)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"the key {shown(twice[0])} stands twice in a mapping")
    return dict(pairs)


def _check_keys(root: Any) -> None:
    """Raise where a key stands twice in a mapping of YAML: the second would replace the first."""
    waiting, seen = [] if root is None else [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or isinstance(node.value, str):
            continue
        seen.add(id(node))
        keys = set()
        for key, _ in (pair for pair in node.value if isinstance(pair, tuple)):
            if isinstance(key.value, str) and (key.tag, key.value) in keys:
                raise ValueError(
                    f"the key {shown(key.value)} stands twice in a mapping, again in line "
                    f"{key.start_mark.line + 1}"
                )
            keys.add((key.tag, str(key.value)))
        waiting += _parts_of_node(node)


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
