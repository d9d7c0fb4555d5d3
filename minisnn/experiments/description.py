"""Descriptions of sweeps as files: YAML, TOML or JSON."""

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
from .._support.checks import check_path, open_file
from .._support.extras import require
from .._support.messages import shown

_LARGEST, _MOST_VALUES = 2**20, 100_000  # bytes of a file; values in YAML, its aliases written out


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
        If the ending is another.
    FileFormatError
        If the file does not hold such a text, has a key twice, or holds more than 100,000 values,
        as a few lines of YAML that refer to themselves can. A ValueError.
    OSError
        If it cannot be read.
    ImportError
        If it is YAML and pyyaml is not installed.

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
    ending = path.suffix.lower()
    if ending not in _READERS:
        raise ValueError(f"{path} must end in .yaml, .yml, .toml or .json, to tell what it holds")
    with open_file(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FileFormatError(f"{path} holds more than {_LARGEST} bytes; take a grid or fewer runs")
    try:
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        description = _READERS[ending](content.decode("utf-16" if is_utf16 else "utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is not valid {ending[1:].upper()}: {error}") from error
    if not isinstance(description, dict):
        raise FileFormatError(f"{path} must hold keys and values, got {shown(description)}")
    return description


def _read_yaml(text: str) -> Any:
    yaml = require("yaml", "sweep", "a description in YAML")
    base: Any = yaml.SafeLoader

    class Loader(base):  # type: ignore[misc]
        """A loader that counts values as often as aliases name them, and takes a key once."""

        n_values = 0

        def __init__(self, text: str) -> None:
            super().__init__(text)
            self.sizes: dict[Any, int] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            before, is_alias = self.n_values, self.check_event(yaml.AliasEvent)
            node = super().compose_node(parent, index)
            if is_alias and node not in self.sizes:
                raise ValueError("an alias names what it is a part of")
            self.n_values += self.sizes[node] if is_alias else 1
            if self.n_values > _MOST_VALUES:
                raise ValueError(f"it holds more than {_MOST_VALUES} values")
            self.sizes.setdefault(node, self.n_values - before)
            return node

        def compose_mapping_node(self, anchor: Any) -> Any:
            node, seen = super().compose_mapping_node(anchor), set()
            for key in (key for key, _ in node.value if isinstance(key.value, str)):
                if key.value in seen:
                    problem = _twice(key.value)
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
            return node

    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError) as error:
        raise ValueError(str(error)) from error  # the others: values that are not as tagged


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON, if no key stands twice: the second would replace the first."""
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise ValueError(_twice(key))
    return dict(pairs)


def _twice(key: str) -> str:
    return f"the key {shown(key)} stands twice in a mapping"


_READERS: dict[str, Callable[[str], Any]] = {
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
    ".toml": tomllib.loads,
    ".json": partial(json.loads, object_pairs_hook=_each_once),
}
