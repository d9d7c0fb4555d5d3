"""Validation of descriptions and stored values by msgspec; errors name the key by its path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar, get_args, get_type_hints

import numpy as np

from .._support.extras import require
from .._support.messages import did_you_mean, shown

require("msgspec", "sweep", "a sweep")  # here, so that its absence has one message

import msgspec  # noqa: E402

T = TypeVar("T")

_DEEPEST = 100  # how deep values may be nested

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
}
"""msgspec's names of types, in the words of the other messages."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A part of a description, whose keys are its fields."""

    def _set(self, **values: Any) -> None:
        """Replace fields by their normal form, in the constructor."""
        for key, value in values.items():
            msgspec.structs.force_setattr(self, key, value)


def convert(
    values: Any, kind: type[T], name: str, objects: Mapping[str, object] | None = None
) -> T:
    """Return plain values converted to the type that they describe.

    Parameters
    ----------
    values : object
        As from JSON.
    kind : type
        A `Section`, a dataclass, or another type that msgspec knows.
    name : str
        Of the values, for messages.
    objects : mapping of str to object, optional
        Objects by the texts that stand for them where no plain values can.

    Raises
    ------
    TypeError, ValueError
        If a value has another type, a key is unknown or missing, or the constructor of a part
        raises. The message begins with the path of the key, such as ``layers.0.degree``.
    """
    known = objects or {}

    def found(_: type, value: Any) -> Any:
        return known.get(value, value) if isinstance(value, str) else value

    try:
        return msgspec.convert(values, kind, dec_hook=found)
    except msgspec.ValidationError as error:
        raise _explained(error, values, kind, name) from None


def _explained(error: Exception, given: Any, kind: Any, name: str) -> TypeError | ValueError:
    """Return the error with its path in dots, the given value, and the known keys."""
    text, _, path = str(error).rpartition(" - at `$")
    if not text:
        text, path = path, ""
    steps = re.findall(r"\w+", path)
    with suppress(LookupError, TypeError, ValueError):  # a strange key may look like a path
        for step in steps:
            in_list = isinstance(given, list)
            given = given[int(step) if in_list else step]
            kind = get_args(kind)[0] if in_list else get_type_hints(kind)[step]
    where, at = ".".join(steps) or name, "".join(f"{step}." for step in steps)
    if error.__cause__ is not None:  # raised by a constructor: it begins with the key
        what = TypeError if isinstance(error.__cause__, TypeError) else ValueError
        return what(f"{at}{error.__cause__}")
    if missing := re.fullmatch("Object missing required field `(.+)`", text):
        return ValueError(f"{at}{missing[1]} is missing; it has no default")
    fields = getattr(kind, "__struct_fields__", None)
    if fields and isinstance(given, Mapping) and text.startswith("Object contains unknown field"):
        try:
            check_keys(given, fields, kind.__name__, at)
        except ValueError as unknown:
            return unknown
    if expected := re.match("Expected `(.+?)`, got", text):
        words = " or ".join(_WORDS.get(word, word) for word in expected[1].split(" | "))
        return TypeError(f"{where} must be {words}, got {shown(given)}")
    return ValueError(f"{where}: {text}")


def as_mapping(value: Any, name: str) -> dict[str, Any]:
    """Return a mapping, or pairs of keys and values, as a dict."""
    try:
        return dict(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a mapping of keys to values, got {shown(value)}"
        ) from error


def check_keys(values: Iterable[str], known: Sequence[str], what: str, at: str = "") -> None:
    """Raise where a key is unknown."""
    for key in values:
        if key not in known:
            raise ValueError(
                f"{at}{key!s:.200} is unknown; the keys of {what} are: "
                f"{', '.join(known) or 'none'}{did_you_mean(key, known)}"
            )


def plain(value: Any, depth: int = 0) -> Any:
    """Return values as JSON has them: dicts, lists, and Python's numbers in place of NumPy's.

    Raises
    ------
    TypeError
        If a key is not a text.
    ValueError
        If values are nested more than 100 deep.
    """
    if depth > _DEEPEST:
        raise ValueError(f"a description must not be nested more than {_DEEPEST} deep")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key must be a text, got {shown(key)}")
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return value.item() if isinstance(value, np.generic) else value
