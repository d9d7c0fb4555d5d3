"""Files that hold tables of edges: CSV, TSV, Parquet, and gene sets (GMT)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from .._support.checks import check_path, open_file
from .._support.delimited import DELIMITERS, read_delimited, read_text
from .._support.extras import require
from .._support.messages import shown


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
    return Path(path).suffix.lower() in DELIMITERS


def _read_gene_sets(path: str) -> Mapping[str, Sequence[str]]:
    genes: list[list[str]] = []
    sets: list[list[str]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = map(str.strip, line.split("\t"))
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


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(DELIMITERS, partial(read_delimited, of="an edge")),
    ".parquet": _read_parquet,
    ".gmt": _read_gene_sets,
}
