"""Files that hold tables of edges: CSV, TSV, Parquet, and gene sets (GMT)."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from .._support.checks import check_path, open_file
from .._support.extras import require
from .._support.messages import counted, few, shown

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def read_file(path: str | os.PathLike[str]) -> Any:
    """Return columns by their labels, or a table of Arrow, as the name of the file says.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If its name ends otherwise, or it is no such table.
    ImportError
        If it is Parquet and pyarrow (extra ``parquet``) is missing.
    """
    name = check_path(path)
    suffix = Path(name).suffix.lower()
    if suffix not in _READERS:
        raise ValueError(
            f"the name of a file of edges must end in {', '.join(_READERS)}, got {shown(name)}; "
            "read it yourself and pass pairs, an array or a frame"
        )
    return _READERS[suffix](name)


def has_header(path: str | os.PathLike[str]) -> bool:
    """Return whether the labels of a file's columns are its first row."""
    return Path(path).suffix.lower() in _DELIMITERS


def _read_delimited(path: str) -> Mapping[str, Sequence[str]]:
    delimiter = _DELIMITERS[Path(path).suffix.lower()]
    with io.StringIO(_text(path), newline="") as text:
        try:
            rows = [row for row in csv.reader(text, delimiter=delimiter, strict=True) if row]
        except csv.Error as error:
            raise ValueError(f"{path} is not a table of text: {error}") from error
    if len(rows) < 2:
        raise ValueError(
            f"{path} must have a header and an edge at least, got {counted(len(rows), 'line')}"
        )
    header = rows[0]
    if len(set(header)) < len(header):
        raise ValueError(f"{path} must have columns of different names, got {few(header)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise ValueError(
                f"{path} has {counted(len(row), 'field')} in row {number}, where its header has "
                f"{len(header)}"
            )
    return dict(zip(header, zip(*rows[1:], strict=True), strict=True))


def _read_gene_sets(path: str) -> Mapping[str, Sequence[str]]:
    genes: list[list[str]] = []
    sets: list[list[str]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        members = [gene for gene in rest[1:] if gene]
        if not name or not members:
            raise ValueError(
                f"{path} must hold a set in each line: its name, a description and genes, "
                f"separated by tabs, got {shown(line)} in line {number}"
            )
        genes.append(members)
        sets.append([name] * len(members))
    return {"source": list(chain(*genes)), "target": list(chain(*sets))}


def _read_parquet(path: str) -> Any:
    parquet = require("pyarrow.parquet", "parquet", "a table in Parquet")
    arrow = require("pyarrow", "parquet", "a table in Parquet")
    with open_file(path) as file:
        try:
            return parquet.read_table(file)
        except arrow.ArrowException as error:
            raise ValueError(f"{path} is not a table in Parquet: {error}") from error


def _text(path: str) -> str:
    with open_file(path) as file:
        try:
            return file.read().decode("utf-8-sig")  # Excel begins with a mark of the byte order
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not text in UTF-8: {error}") from error


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_DELIMITERS, _read_delimited),
    ".parquet": _read_parquet,
    ".gmt": _read_gene_sets,
}
