"""Rows to train on, and rows to judge by: from one table, or from two."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_number
from .._support.messages import counted, did_you_mean
from .._support.seeds import seed_of
from .tables import Inputs, NamedTable, Table, read_table, read_values
from .targets import Target, in_order_of, split, target_of


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of tables: those to train on, and those that the network is judged by.

    Parameters
    ----------
    inputs, target : Inputs, Target
        Of the table.
    rows : array of int
        Rows to train on.
    test_inputs, test_target : Inputs, Target
        Of the rows that are held out, or of a table of their own.
    """

    inputs: Inputs
    target: Target
    rows: Array
    test_inputs: Inputs
    test_target: Target


def read_samples(options: Namespace) -> Samples:
    """Return the rows of the tables.

    Raises
    ------
    ValueError, OSError
        If a table cannot be read or has no such target.
    """
    share, seed = check_number(options.held_out, "--held-out", 0, 1), seed_of(options.seed)
    inputs, target = read_pair(options.table, options)
    if options.test is None:
        rows, held = split(target, share, seed)
        values = inputs.values[held]
        return Samples(
            inputs,
            target,
            rows,
            Inputs(values, inputs.names),
            Target(target.name, target.values[held], target.labels),
        )
    test_inputs, test_target = read_pair(options.test, options, like=(inputs, target))
    return Samples(inputs, target, np.arange(len(target.values)), test_inputs, test_target)


def read_pair(
    path: str, options: Namespace, like: tuple[Inputs, Target] | None = None
) -> tuple[Inputs, Target]:
    """Return inputs and target of a table, in the order of those of another one."""
    table = read_table(path, options.target)
    task = options.task if like is None else like[1].task
    target = target_of(*target_column(table, options.target, first=like is None), task)
    if like is not None and isinstance(table, NamedTable) and like[0].names is not None:
        inputs = table.ordered(like[0].names)
    else:
        for name in options.ignore:
            if name not in table.names:
                raise ValueError(
                    f"{path} has no column {name!r} for --ignore{did_you_mean(name, table.names)}"
                )
        own = {options.target} & set(table.names)
        inputs = table.inputs({*options.ignore, *own})
    if len(target.values) != table.n_rows:
        raise ValueError(
            f"target {target.name!r} must have a value for each of the {table.n_rows} rows of "
            f"{path}, got {len(target.values)}"
        )
    if options.balanced and target.labels is None:
        raise ValueError(f"--balanced is for classes, and {target}")
    if like is not None:
        target = in_order_of(target, like[1].labels)
        n, n_first = inputs.values.shape[1], like[0].values.shape[1]
        if n != n_first:
            raise ValueError(f"--test must have {counted(n_first, 'input')}, got {n}")
    return inputs, target


def target_column(table: Table, name: str | None, *, first: bool) -> tuple[Any, str]:
    """Return the column that --target names, and its name."""
    if name is None:
        labels = getattr(table, "labels", None)
        if labels is None:
            raise ValueError(
                f"--target must name the column of {table.path} that is to be predicted"
            )
        return labels, "label"
    if name in table.names or not Path(name).is_file():
        return table.column(name), name
    if not first:
        raise ValueError("--test needs a --target that is a column of both tables, not a file")
    return read_values(name), Path(name).stem
