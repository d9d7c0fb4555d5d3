"""What the rows of a store must be: nothing in a file is trusted to be what was written.

SQLite's columns hold values of any type, whatever they are declared as. Each row becomes what it
stands for here, or raises a ValueError.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from types import NoneType
from typing import Any, TypeVar

from .._support.arguments import shown
from .configuration import read_settings
from .records import Figures, Record, Status, Versions

Kind = TypeVar("Kind")

_TYPES: dict[Any, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, NoneType),
    "str": (str,),
    "str | None": (str, NoneType),
    "int | None": (int, NoneType),
    "dict": (dict,),
}
"""By the annotations of the records' fields, which are texts, and the names in `_FORM`."""

_FORM: dict[str, Any] = {
    "data": {"name": "str", "samples": "int | None"},
    "hidden": ["int"],
    "layers": [
        {"topology": "str", "degree": "int | None", "density": "float | None", "options": "dict"}
    ],
    "optimizer": {
        "name": "str",
        "peak": "float",
        "warm_up": "float",
        "momentum": "float | None",
        "decay": "str",
        "every": "float | None",
        "factor": "float | None",
        "weight_decay": "float",
        "clip_norm": "float | None",
    },
    "activation": "str",
    "output_activation": "str",
    "loss": "str",
    "fan": "str",
    "initializer": "str",
    "dtype": "str",
    "dropout": ["float"],
    "batch_size": "int",
    "epochs": "int",
    "seed": "int",
    "layer_seeds": "str",
}
"""Of a configuration. Names in it may be unknown by now, so that it need not be a run."""


def checked(kind: type[Kind], values: tuple[Any, ...]) -> Kind:
    """Return a record of a row's values, if each has the type of its field."""
    for field, value in zip(fields(kind), values, strict=True):  # type: ignore[arg-type]
        _check_type(value, field.type, field.name)
    return kind(*values)


def record_of(row: tuple[Any, ...]) -> Record:
    """Return what a row of `Store.records` says of a run."""
    run_hash, text, status, error, started, seconds, *rest = row
    _check_type(run_hash, "str", "hash")
    for name, value in (("configuration", text), ("status", status)):
        _check_type(value, "str", name)
    n_versions = len(fields(Versions))
    figures = tuple(rest[n_versions:])
    for name, value in (("error", error), ("started", started)):
        _check_type(value, "str | None", name)
    _check_type(seconds, "float | None", "seconds")
    return Record(
        hash=run_hash,
        configuration=configuration_of(run_hash, text),
        status=Status(status),
        error=error,
        started=started,
        seconds=seconds,
        versions=checked(Versions, tuple(rest[:n_versions])),
        figures=None if figures[0] is None else checked(Figures, figures),
    )


def configuration_of(run_hash: str, text: str) -> dict[str, Any]:
    """Return the configuration that has this hash, as `Run.to_dict` gives it."""
    if hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() != run_hash:
        raise ValueError(f"the configuration of run {shown(run_hash)} does not have this SHA-256")
    try:
        settings = read_settings(text)
    except TypeError as error:
        raise ValueError(str(error)) from error
    _check_form(settings, _FORM, "configuration")
    return settings


def _check_form(value: Any, form: Any, at: str) -> None:
    if isinstance(form, str):
        _check_type(value, form, at)
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise ValueError(f"{at} must be a list, got {shown(value)}")
        for number, item in enumerate(value):
            _check_form(item, form[0], f"{at}.{number}")
    else:
        if not isinstance(value, dict) or value.keys() != form.keys():
            raise ValueError(f"{at} must have the keys {', '.join(form)}, got {shown(value)}")
        for key, part in form.items():
            _check_form(value[key], part, f"{at}.{key}")


def _check_type(value: Any, annotation: Any, name: str) -> None:
    if type(value) not in _TYPES[annotation]:
        raise ValueError(f"{name} must be of type {annotation}, got {shown(value)}")
