"""Reports of stored runs: a table for people, CSV or Parquet for other programs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from os import PathLike
from typing import Any

from .._support.checks import as_list_of
from .._support.extras import require
from .._support.files import replace_file, replace_text
from .._support.tables import align
from .records import Figures, Record

_ABOUT = ("status", "hash", "data", "hidden", "layers", "peak", "batch", "epochs", "seed")
_IN_ABOUT = re.compile(
    r"(data|hidden)\..*|layers\.\d+\.(topology|degree|density)|wiring(\.(name|graph))?"
    r"|optimizer\.peak|batch_size|epochs|seed"
)
"""Paths of the settings that always have their place."""


def format_records(records: Sequence[Record]) -> str:
    """Return runs as an aligned table, one line each: status, main settings, results.

    The name of a wiring stands in the column of layers. Of the other settings it has those in which
    the runs differ, named by their paths. Of an error it has the last line; `Record.error` has the
    whole traceback.

    Parameters
    ----------
    records : sequence of Record
        From `Store.records`.

    Returns
    -------
    str

    Examples
    --------
    >>> from minisnn.experiments import format_records
    >>> print(format_records([]))
    status  hash  data  hidden  layers  peak  batch  epochs  seed  accuracy  seconds  error
    ------  ----  ----  ------  ------  ----  -----  ------  ----  --------  -------  -----
    """
    records = as_list_of(Record, records, "records")
    settings = [_flat(record.configuration) for record in records]
    others = _differing(settings)
    results = _results(records)
    head = (*_ABOUT, *others, *results, "seconds", "error")
    rows = [
        [
            *_about(record),
            *(_shown(item.get(key)) for key in others),
            *(column[place] for column in results.values()),
            *_end(record),
        ]
        for place, (record, item) in enumerate(zip(records, settings, strict=True))
    ]
    return align(head, rows, n_left=len(head))


def records_frame(records: Sequence[Record]) -> Any:
    """Return runs as a DataFrame: a row for each, and the columns of `write_csv`.

    Parameters
    ----------
    records : sequence of Record
        From `Store.records`.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ImportError
        If pandas (extra ``pandas``) is missing.

    Examples
    --------
    >>> from minisnn.experiments import records_frame
    >>> records_frame([]).empty
    True
    """
    pandas = require("pandas", "pandas", "a DataFrame of runs")
    return pandas.DataFrame(_rows(records))


def write_csv(path: str | PathLike[str], records: Sequence[Record]) -> None:
    """Write runs as CSV, one line each; a column for each setting, named by its path.

    Parameters
    ----------
    path : path
        File to write; it is replaced if it exists.
    records : sequence of Record
        From `Store.records`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn.experiments import write_csv
    >>> path = pathlib.Path(tempfile.mkdtemp(), "runs.csv")
    >>> write_csv(path, [])
    >>> path.read_text().strip()
    ''
    """
    rows = _rows(records)
    with replace_text(path) as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: str | PathLike[str], records: Sequence[Record]) -> None:
    """Write the same as Parquet; seeds of more than 64 bits make their column one of texts.

    Parameters
    ----------
    path : path
        File to write; it is replaced if it exists.
    records : sequence of Record
        From `Store.records`.

    Raises
    ------
    ImportError
        If pyarrow (extra ``sweep``) is missing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn.experiments import write_parquet
    >>> path = pathlib.Path(tempfile.mkdtemp(), "runs.parquet")
    >>> write_parquet(path, [])
    >>> path.read_bytes()[:4]
    b'PAR1'
    """
    parquet = require("pyarrow.parquet", "sweep", "an export to Parquet")
    arrow = require("pyarrow", "sweep", "an export to Parquet")
    table = arrow.Table.from_pylist(_narrowed(_rows(records)))
    with replace_file(path) as file:
        parquet.write_table(table, file)


def _rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a flat row for each run, all with the same keys in the same order."""
    records = as_list_of(Record, records, "records")
    settings = [_flat(record.configuration) for record in records]
    keys = list(dict.fromkeys(key for item in settings for key in item))
    figures = [field.name for field in fields(Figures) if field.name != "metrics"]
    metrics = _metrics_of(records)
    return [
        {
            "hash": record.hash,
            "status": record.status.value,
            **{key: item.get(key) for key in keys},
            **{f"result.{key}": getattr(record.figures, key, None) for key in figures},
            **{f"metric.{name}": _metric(record, name) for name in metrics},
            "started": record.started,
            "seconds": record.seconds,
            **{f"version.{key}": value for key, value in asdict(record.versions).items()},
            "error": record.error,
        }
        for record, item in zip(records, settings, strict=True)
    ]


def _narrowed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows whose whole numbers have 64 bits; columns of longer ones, of seeds, are texts."""
    wide = {
        key
        for row in rows
        for key, value in row.items()
        if isinstance(value, int) and not -(2**63) <= value < 2**63
    }
    return [
        {key: str(value) if key in wide else value for key, value in row.items()} for row in rows
    ]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of nested values by their paths.

    Options stay together, as JSON: each construction has others, of any type.
    """
    if path.endswith(".options"):
        return {path: json.dumps(value, sort_keys=True)}
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(str(number), item) for number, item in enumerate(value)]
    else:
        return {path: value}
    at = f"{path}." if path else ""
    return {key: leaf for name, item in items for key, leaf in _flat(item, at + name).items()}


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the paths of other settings that differ between the runs that have them."""
    values: dict[str, set[Any]] = {}
    for item in settings:
        for key, value in item.items():
            values.setdefault(key, set()).add(value)
    return [key for key, found in values.items() if len(found) > 1 and not _IN_ABOUT.fullmatch(key)]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _about(record: Record) -> list[str]:
    run = record.configuration
    data, samples = run["data"]["name"], run["data"]["samples"]
    return [
        record.status.value,
        record.hash[:8],
        data if samples is None else f"{data}:{samples}",
        ",".join(map(str, run["hidden"])) or "-",
        describe_layers(run["layers"]) if run["wiring"] is None else run["wiring"]["name"],
        f"{run['optimizer']['peak']:g}",
        str(run["batch_size"]),
        str(run["epochs"]),
        str(run["seed"]),
    ]


def _results(records: Sequence[Record]) -> dict[str, list[str]]:
    """Return the columns of results: metrics; accuracy; where there is none, loss."""
    figures = [record.figures for record in records]
    columns = {
        name: [_shown(_metric(record, name)) for record in records] for name in _metrics_of(records)
    }
    lacking = [item is not None and item.accuracy is None for item in figures]
    if not any(lacking) or any(item and item.accuracy is not None for item in figures):
        columns["accuracy"] = [
            "-" if item is None or item.accuracy is None else f"{100 * item.accuracy:.2f} %"
            for item in figures
        ]
    if any(lacking):
        columns["loss"] = [_shown(item and item.loss) for item in figures]
    return columns


def _metrics_of(records: Sequence[Record]) -> list[str]:
    """Return the names of all metrics of some runs."""
    done = [record.figures.metrics for record in records if record.figures]
    return list(dict.fromkeys(name for metrics in done for name in metrics))


def _metric(record: Record, name: str) -> float | None:
    return record.figures.metrics.get(name) if record.figures else None


def _end(record: Record) -> list[str]:
    return [
        f"{record.seconds:.1f}" if record.seconds is not None else "-",
        (record.error or "").strip().rpartition("\n")[2],
    ]


def describe_layers(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return the wirings of a configuration in short, such as ``constant_degree:5,dense``."""
    return ",".join(map(_wiring, layers))


def _wiring(layer: Mapping[str, Any]) -> str:
    size = layer["degree"] if layer["density"] is None else f"{100 * layer['density']:g}%"
    return str(layer["topology"]) + (f":{size}" if size is not None else "")
