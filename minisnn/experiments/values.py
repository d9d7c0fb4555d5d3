"""Checks of plain values, as they come from YAML, TOML or JSON: every error names its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from .._support.arguments import did_you_mean, shown
from .._support.checks import check_number

Plain = bool | int | float | str | tuple[bool | int | float | str, ...]

Section = TypeVar("Section")


def set_fields(instance: object, **values: Any) -> None:
    """Replace fields of a frozen instance, while it is made, by their one normal form."""
    for key, value in values.items():
        object.__setattr__(instance, key, value)


def section(kind: type[Section], values: Any, key: str) -> Section:
    """Return a nested part of a run; its errors name the key by its whole path."""
    if isinstance(values, kind):
        return values
    values = as_mapping(values, key)
    with under(key):
        check_fields(values, kind)
        return kind(**values)


@contextmanager
def under(key: str) -> Iterator[None]:
    """Put a key before the messages of errors, all of which begin with the name of a key."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{key}.{error}") from None


def check_fields(values: Mapping[str, Any], kind: Any) -> None:
    """Raise unless the keys are fields of a dataclass, all those without a default among them."""
    check_keys(values, [field.name for field in fields(kind)], kind.__name__)
    for field in fields(kind):
        if field.default is MISSING and field.name not in values:
            raise ValueError(f"{field.name} is missing; it has no default")


def check_keys(values: Mapping[str, Any], known: Sequence[str], what: str, at: str = "") -> None:
    """Raise where a key is unknown."""
    for key in values:
        if key not in known:
            allowed = ", ".join(known) or "none"
            raise ValueError(
                f"{at}{key!s:.200} is unknown; the keys of {what} are: {allowed}"
                f"{did_you_mean(key, known)}"
            )


def as_mapping(value: Any, key: str) -> Mapping[str, Any]:
    """Return a mapping as it is; raise for anything else."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{key} must be a mapping of keys to values, got {shown(value)}")
    return value


def as_list(value: Any, key: str) -> Sequence[Any]:
    """Return a list or tuple as it is; raise for anything else."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{key} must be a list, got {shown(value)}")
    return value


def as_plain(value: Any, key: str) -> Plain:
    """Return a value that JSON can hold, lists as tuples; raise for anything else."""
    if isinstance(value, (list, tuple)):
        return tuple(as_plain(item, f"{key}.{n}") for n, item in enumerate(value))  # type: ignore[misc]
    if isinstance(value, float):
        return check_number(value, key, -float("inf"))
    if not isinstance(value, (bool, int, str)):
        raise TypeError(
            f"{key} must be a number, a text, true, false or a list, got {shown(value)}"
        )
    return value
