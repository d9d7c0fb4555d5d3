"""The target of a table: classes with their labels, or a number for each row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._support.arrays import Array
from .._support.messages import counted, few
from .tables import MISSING, as_numbers_or_texts

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = CLASSIFICATION, REGRESSION

_CODE = re.compile(r"[+-]?0\d")  # "01" is not "1"
_WHOLE = re.compile(r"[+-]?\d{1,300}", re.ASCII)  # float64 holds 308 digits at most

MOST_CLASSES = 20
"""Whole numbers of more different values than this are taken for amounts, not classes."""


@dataclass(frozen=True, eq=False)
class Target:
    """Targets of rows.

    Parameters
    ----------
    name : str
        Name of the column.
    values : array, shape (rows,)
        Numbers of classes, int64; or amounts, float64.
    labels : tuple of str, or None
        Of the classes; None where targets are amounts.
    """

    name: str
    values: Array
    labels: tuple[str, ...] | None

    @property
    def task(self) -> str:
        """Either of `TASKS`."""
        return REGRESSION if self.labels is None else CLASSIFICATION

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs."""
        return (self.name,) if self.labels is None else self.labels

    def __str__(self) -> str:
        if self.labels is None:
            return f"{self.name!r} is a number"
        return f"{self.name!r} has the classes {', '.join(self.labels[:6])}" + (
            f" and {len(self.labels) - 6} more" * (len(self.labels) > 6)
        )


def target_of(values: Sequence[str] | Array, name: str, task: str | None) -> Target:
    """Return the targets in a column.

    Parameters
    ----------
    values : sequence of str, or array, shape (rows,)
        The column.
    name : str
        Its name.
    task : {"classification", "regression"}, optional
        By default, texts, bools and whole numbers of at most `MOST_CLASSES` values are classes, and
        all else is amounts. Numbers of which some are written as "01" are texts, but for amounts;
        so are classes that float64 would round.

    Raises
    ------
    ValueError
        If values are missing or infinite, are not of the task, or are all the same.
    """
    column = np.squeeze(as_numbers_or_texts(values))
    if column.ndim != 1:
        raise ValueError(f"target {name!r} must have one value for each row, got {column.shape}")
    gaps = _gaps(column)
    if len(gaps):
        word = str(column[gaps[0]]) if column.dtype.kind == "U" else ""
        raise ValueError(
            f"target {name!r} lacks {counted(len(gaps), 'value')}, the first in row {gaps[0] + 1}; "
            "leave such rows out" + f", or give a class {word!r} another name" * bool(word)
        )
    texts = _texts(values)
    if task != REGRESSION and column.dtype.kind == "f":
        rounded = _are_rounded(texts)
        if task is None and rounded and len(set(texts)) > MOST_CLASSES:
            task = REGRESSION
        elif rounded or any(map(_CODE.match, texts)):
            column = np.array(texts)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.isfinite(column).argmin())
        raise ValueError(
            f"target {name!r} must be finite numbers, got {column[row]} in row {row + 1}; correct "
            "such rows, or leave them out"
        )
    found = np.unique(column)
    is_text = column.dtype.kind == "U"
    is_whole = column.dtype.kind in "biu" or (
        not is_text and bool((found == np.floor(found)).all())
    )
    if task is None:
        few_values = is_text or column.dtype.kind == "b" or len(found) <= MOST_CLASSES
        task = CLASSIFICATION if is_text or (is_whole and few_values) else REGRESSION
    if task == REGRESSION and is_text:
        raise ValueError(
            f"target {name!r} must be numbers for a regression, got {few(found.tolist())}"
        )
    if task == CLASSIFICATION and not (is_text or is_whole):
        raise ValueError(
            f"target {name!r} must be texts or whole numbers for a classification, got "
            f"{few(found.tolist())}"
        )
    if len(found) < 2:
        raise ValueError(
            f"target {name!r} must have two values at least, got {few(found.tolist())}"
        )
    if task == REGRESSION:
        return Target(name, column.astype(np.float64), None)
    if is_text or column.dtype.kind == "b":
        labels = tuple(map(str, found.tolist()))
    else:
        labels = tuple(str(int(value)) for value in found.tolist())
    return Target(name, np.searchsorted(found, column), labels)


def _gaps(column: Array) -> Array:
    """Return the rows that have no value, as inputs have none."""
    if column.dtype.kind == "f":
        return np.flatnonzero(np.isnan(column))
    if column.dtype.kind == "U":
        return np.flatnonzero(np.isin(np.char.lower(column), [*MISSING]))
    return np.empty(0, np.int64)


def _texts(values: Sequence[str] | Array) -> list[str]:
    """Return a column as it is written, if it is texts."""
    array = np.asarray(values)
    if array.dtype.kind not in "UO":
        return []
    return [str(value).strip() for value in array.ravel().tolist()]


def _are_rounded(texts: Sequence[str]) -> bool:
    """Return whether whole numbers are others in float64: two classes would become one."""
    return all(map(_WHOLE.fullmatch, texts)) and any(int(text) != float(text) for text in texts)


def in_order_of(target: Target, labels: tuple[str, ...] | None) -> Target:
    """Return targets of another table by the classes of the first.

    Raises
    ------
    ValueError
        If there are other classes.
    """
    if labels is None or target.labels is None or target.labels == labels:
        return target
    others = [label for label in target.labels if label not in labels]
    if others:
        raise ValueError(
            f"target {target.name!r} must have the classes {few(labels)}, got {few(others)}, too"
        )
    places = np.array([labels.index(label) for label in target.labels])
    return Target(target.name, places[target.values], labels)


def split(target: Target, fraction: float, seed: int) -> tuple[Array, Array]:
    """Return the numbers of the rows to train on, and of those to hold out.

    Of each class as large a part as possible is held out as of all, one row of each class at least
    stays.

    Parameters
    ----------
    target : Target
        Targets of all rows.
    fraction : float
        Share of the rows to hold out.
    seed : int
        Chooses them.

    Raises
    ------
    ValueError
        If no row would be held out, or none left.
    """
    n = len(target.values)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    if target.labels is not None:
        classes = target.values[order]
        by_class = np.argsort(classes, kind="stable")
        counts = np.bincount(classes, minlength=len(target.labels))
        place = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
        share = (place + rng.random(len(counts))[classes[by_class]]) / counts[classes[by_class]]
        order = order[by_class[np.argsort(-share, kind="stable")]]
        first = np.unique(target.values[order], return_index=True)[1]
        rest = np.setdiff1d(np.arange(n), first)
        order = np.concatenate([order[np.sort(first)], order[rest]])
    n_held = round(fraction * n)
    n_kinds = len(target.labels or ((),))
    if not 1 <= n_held <= n - max(n_kinds, 2):
        raise ValueError(
            f"{counted(n, 'row')} cannot be split: {fraction:g} of them, {n_held}, would be held "
            "out, and a row of each class is to stay; take another --held-out, or --test"
        )
    return np.sort(order[: n - n_held]), np.sort(order[n - n_held :])
