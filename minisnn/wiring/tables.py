"""Tables of edges: pairs, arrays, data frames, files; their names as numbers."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._support.arrays import Array
from .._support.checks import as_list
from .._support.delimited import number_in
from .._support.messages import counted, did_you_mean, few, shown
from .files import has_header, read_file
from .validation import check_hashable, check_no_missing


class Edges(NamedTuple):
    """Edges between numbered names.

    Parameters
    ----------
    names : list of hashable
        In the order of their first appearance.
    sources, targets : array of int, shape (n_edges,)
        Positions in ``names``.
    weights : array of float, shape (n_edges,), or None
        Weight of each edge.
    """

    names: list[Hashable]
    sources: Array
    targets: Array
    weights: Array | None


class Table:
    """Columns of a table by their labels.

    Parameters
    ----------
    value : path, frame, array, or iterable of rows
        The columns of arrays and of rows are numbered from 0.
    name : str
        Name of the argument, for messages.
    """

    def __init__(self, value: Any, name: str) -> None:
        self.name, self._header = name, False
        if isinstance(value, (str, os.PathLike)):
            value, self._header = read_file(value), has_header(value)
        elif isinstance(value, dict):  # of columns, or of sets and their members
            raise TypeError(
                f"{name} must be pairs of names, an array, a frame or a file, got a dict, "
                f"{shown(value)}; of sets by their names pass [(member, name) for name, members in "
                "sets.items() for member in members], of columns a DataFrame"
            )
        if not isinstance(value, dict) and not hasattr(value, "columns"):
            value = dict(enumerate(_transposed(value, name)))
        self._columns = value
        # `columns` of Arrow are arrays
        self.labels = list(getattr(value, "column_names", getattr(value, "columns", value)))
        if len(self.labels) < 2:
            raise ValueError(
                f"{name} must have two columns at least, source and target, got "
                f"{counted(len(self.labels), 'column')}"
            )

    def ends(self, source: Hashable, target: Hashable) -> tuple[list[Any], list[Any]]:
        """Return the columns of sources and targets: by default the first and the second."""
        labels = [
            self.labels[number] if label is None else label
            for number, label in enumerate((source, target))
        ]
        columns = self.column(labels[0], "source"), self.column(labels[1], "target")
        for label in labels if self._header else ():
            if any(label in column for column in columns):
                raise ValueError(
                    f"{self.name} must be a file with a header, but {shown(label)} of its first "
                    "row is a name in other rows, too; write labels of the columns above it"
                )
        return columns

    def column(self, label: Hashable, what: str) -> list[Any]:
        """Return the values of a column; ``what`` is the argument that asks for it."""
        n = self.labels.count(label)
        if n != 1:
            texts = [text for text in self.labels if isinstance(text, str)]
            raise ValueError(
                f"{what} must be a column of {self.name}, got {shown(label)}, where it has "
                f"{'two of that name' if n else few(self.labels)}"
                f"{'' if n else did_you_mean(label, texts)}"
            )
        return _listed(self._columns[label])


def read_edges(
    table: Any, relations: Any, source: Hashable, target: Hashable, weight: Hashable
) -> Edges:
    """Return the edges of a table, and those of a second one behind them."""
    first = Table(table, "table")
    begin, end = first.ends(source, target)
    weights = None if weight is None else _numbers(first.column(weight, "weight"))
    if relations is not None:
        if weight is not None:
            raise ValueError("weight must be None where there are relations: they have none")
        children, parents = Table(relations, "relations").ends(None, None)
        begin, end = begin + children, end + parents
    places: dict[Hashable, int] = {}
    number = places.setdefault
    try:
        ends = [number(name, len(places)) for pair in zip(begin, end, strict=True) for name in pair]
    except TypeError:
        check_hashable([*begin, *end], "the ends of edges")
        raise
    names = list(places)
    check_no_missing(names, "the ends of edges")
    _check_spaces(names)
    sources, targets = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    return Edges(names, sources, targets, weights)


def _check_spaces(names: Sequence[Hashable]) -> None:
    """Raise where two names look the same: each would be a neuron of its own."""
    found: dict[str, str] = {}
    for name in names:
        if isinstance(name, str) and found.setdefault(name.strip(), name) != name:
            raise ValueError(
                "names of terms must differ in more than spaces around them, got "
                f"{shown(found[name.strip()])} and {shown(name)}; strip them"
            )


def _transposed(value: Any, name: str) -> Sequence[Any]:
    """Return the columns of an array, or of an iterable of rows."""
    if isinstance(value, np.ndarray):
        if value.ndim != 2:
            raise ValueError(f"{name} must have shape (n_edges, 2), got {value.shape}")
        return list(value.T)
    rows = as_list(value, name, "pairs")
    if not rows:
        raise ValueError(f"{name} must hold one edge at least, got none")
    kinds = {kind for kind in set(map(type, rows)) if not issubclass(kind, (tuple, list))}
    if kinds or len(set(map(len, rows))) > 1:
        place, row = next(
            (place, row)
            for place, row in enumerate(rows)
            if type(row) in kinds or (not kinds and len(row) != len(rows[0]))
        )
        raise ValueError(
            f"{name} must hold pairs of names, (source, target), all as long, got {shown(row)} in "
            f"position {place}"
        )
    return list(zip(*rows, strict=True))


def _listed(column: Any) -> list[Any]:
    """Return a column's values as Python's own objects."""
    for method in ("to_pylist", "tolist", "to_list"):  # of Arrow; NumPy and pandas; polars
        if hasattr(column, method):
            values: list[Any] = getattr(column, method)()
            return values
    return list(column)


def _numbers(column: list[Any]) -> Array:
    try:
        column = [number_in(value) if isinstance(value, str) else value for value in column]
        return np.array(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"weight must be a column of numbers: {error}") from error
