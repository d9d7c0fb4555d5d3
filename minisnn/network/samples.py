"""Samples: validated inputs and targets, and the selection of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import check_flag, check_number
from .._support.columns import (
    Known,
    Names,
    columns_of_frame,
    known_of,
    labels_of,
    read_column,
    read_columns,
    read_sparse,
)
from .._support.messages import counted, each_of, ravel_advice
from ..kernels.layers.batch import kind_of
from .labels import check_labels, encoding_advice
from .output_weights import OutputWeights, check_output_weights
from .rows import check_rows
from .tables import CSRTable, Table, csr_inputs

_LEAST_WEIGHT = 2.0**-960  # of the largest: any number of samples, divided by it, is finite


class Network(Protocol):
    """Shapes, dtypes and names that data must fit."""

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        ...

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision."""
        ...

    @property
    def input_names(self) -> Names | None:
        """Names of the columns of X."""
        ...

    @property
    def output_names(self) -> Names | None:
        """Names of the columns of Y."""
        ...


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs, and targets where there are any, that fit a network: kernels may trust their form.

    Kernels check the values as they read them; `check` then finds the one that is wrong.

    Parameters
    ----------
    inputs : Table
    scale : float
        Factor on the inputs.
    rows : array of int64, shape (n_samples,), optional
        Numbers of the rows that are the samples, in their order; by default all.
    targets : Table, optional
    weights : array of float64, shape (rows,), optional
        Weight of each sample.
    output_weights : array of float64, shape (n_out,), optional
        Weight of each output in the loss.
    """

    inputs: Table
    scale: float
    rows: Array | None = None
    targets: Any = None  # a Table, where there are targets
    weights: Array | None = None
    output_weights: Array | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows, whether they are samples or not."""
        return int(self.inputs.values.shape[0])

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.n_rows if self.rows is None else len(self.rows)

    @property
    def may_be_refused(self) -> bool:
        """True if a value may turn out to be invalid: bytes never do, labels have been checked."""
        tables = self.inputs.values, self.targets.values
        return any(it.ndim == 2 and it.dtype not in (np.uint8, np.bool_) for it in tables)

    def counts(self, order: Array, size: int) -> Array:
        """Return how many samples of each batch have a part in the loss, by weight and targets.

        Where targets may be missing, each output has its own number: int64[batches, n_out].

        Parameters
        ----------
        order : array of int64
            Numbers of rows, one batch after another.
        size : int
            Of all batches but the last.
        """
        counting = np.ones(len(order), bool)
        if self.weights is not None:
            counting = self.weights[order] > 0
        if not self.targets.gaps:
            return np.add.reduceat(counting, np.arange(0, len(order), size), dtype=np.int64)
        parts, several = [], size * max(1, self.targets.chunk // size)
        for begin in range(0, len(order), several):
            rows = slice(begin, begin + several)
            there = ~np.isnan(self.targets.of(order[rows])) & counting[rows, None]
            inner = np.arange(0, len(there), size)
            parts.append(np.add.reduceat(there, inner, axis=0, dtype=np.int64))
        return np.concatenate(parts)

    def order(self) -> Array:
        """Return the number of each sample's row, as a new array."""
        return np.arange(self.n_rows) if self.rows is None else self.rows.copy()

    def first(self, n: int) -> Samples:
        """Return a number of the samples, or all if there are fewer."""
        return replace(self, rows=self.order()[:n])

    def taking(self, inputs: Array | None) -> Samples:
        """Return the samples with some of their inputs, by their numbers; None: all."""
        if inputs is None:
            return self
        return replace(self, inputs=replace(self.inputs, taken=inputs))

    def _stretches(self, table: Table) -> Iterator[Array | slice]:
        """Go through the samples' rows in a table, some at a time."""
        for start in range(0, self.n_samples, table.chunk):
            stretch = slice(start, min(start + table.chunk, self.n_samples))
            yield stretch if self.rows is None else self.rows[stretch]

    def chunks(self, table: Table) -> Iterator[tuple[Array, Array]]:
        """Go through the samples' entries in a table, some at a time.

        Yields the numbers of rows, and the entries that these have.
        """
        for rows in self._stretches(table):
            numbers = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
            yield numbers, table.of(rows)

    def total(self, table: Table) -> Array:
        """Return the sum of each of a table's columns over the samples, in float64."""
        return np.asarray(sum(table.total(rows) for rows in self._stretches(table)))

    def parts(self, table: Table) -> Iterator[Array]:
        """Go through arrays that tell the samples' entries in a table from others."""
        for rows in self._stretches(table):
            yield from table.parts(rows)

    def of_each(self, table: Table) -> Array:
        """Return the entry that each sample has in a table."""
        return table.of(slice(None) if self.rows is None else self.rows)

    def weights_of_rows(self, weights: Array) -> Array:
        """Return the weight of each row from those of the samples, scaled; 0 for other rows."""
        scaled = relative_weights(weights)
        if self.rows is None:
            return scaled
        of_rows = np.zeros(self.n_rows)
        of_rows[self.rows] = scaled
        return of_rows

    def check(self, rows: Array, real: np.dtype[Any]) -> None:
        """Raise unless all values of some rows are numbers of the network's precision.

        Raises
        ------
        DataError
            If a value is not a finite number; the message names the sample and the column of the
            first one.
        """
        self.inputs.check(rows, self.scale, real)
        if self.targets is not None:
            self.targets.check(rows, 1.0, real)


def check_samples(
    net: Network,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    input_scale: Any,
    prefix: str = "",
    *,
    weights: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    known: Sequence[Known] | None = None,
    output_weights: OutputWeights | None = None,
    missing_targets: bool = False,
) -> Samples:
    """Return samples with targets that fit the network.

    Parameters
    ----------
    net : Network
        Shapes, dtypes and names that they must fit.
    X, Y, input_scale, weights, rows, output_weights, missing_targets
        As for `minisnn.train`.
    prefix : str
        Goes before the names of X, Y and rows in messages.
    known : sequence of two Known, optional
        Names that the columns of X and Y must have if they are frames; by default those of the
        network.
    """
    inputs, outputs = known or known_of(net)
    samples = check_inputs(net, X, input_scale, prefix, rows=rows, known=inputs)
    advice = "number the classes: classes, labels = np.unique(np.ravel(Y), return_inverse=True)"
    targets = _check_targets(net, _read(Y, outputs, prefix + "Y", advice=advice), samples)
    gaps = check_flag(missing_targets, "missing_targets") and targets.values.dtype.kind == "f"
    targets = replace(targets, gaps=gaps)
    samples = replace(
        samples,
        targets=targets,
        weights=_check_weights(weights, samples),
        output_weights=check_output_weights(output_weights, net),
    )
    if gaps and not samples.counts(samples.order(), targets.chunk).any():
        where = " where sample_weight is not 0" * (weights is not None)
        raise ValueError(
            f"{targets.name} must hold a target at least, got NaN alone{where}: there is nothing "
            "to learn or to judge by"
        )
    return samples


def check_inputs(
    net: Network,
    X: npt.ArrayLike,
    input_scale: Any,
    prefix: str = "",
    *,
    rows: npt.ArrayLike | None = None,
    known: Known | None = None,
) -> Samples:
    """Return samples without targets that fit the network; see `check_samples`."""
    scale, name = check_number(input_scale, "input_scale", -np.inf), prefix + "X"
    if scale == 0:
        raise ValueError("input_scale must not be 0: it would erase the inputs; take 1/255 or 1.0")
    known = known or known_of(net)[0]
    table = _read_inputs(X, known, name)
    inputs, is_sparse = table.values, isinstance(table, CSRTable)
    if inputs.shape == (net.n_in,):
        row, is_series = "np.asarray(X)[None, :]", hasattr(X, "to_frame")  # with names
        row = "X.to_frame().T" if is_series else "X.reshape(1, -1)" if is_sparse else row
        raise ValueError(
            f"{name} must have shape (samples, {net.n_in}), got {inputs.shape}. "
            f"Add a sample axis: {row}."
        )
    if inputs.ndim != 2 or inputs.shape[1] != net.n_in:
        hint = " Flatten each sample with X.reshape(len(X), -1)." * (inputs.ndim > 2)
        raise ValueError(f"{name} must have shape (samples, {net.n_in}), got {inputs.shape}.{hint}")
    if kind_of(inputs.dtype) < 0:
        raise TypeError(
            f"{name} must hold whole numbers, floats of 16, 32 or 64 bits, or bools, got "
            f"{inputs.dtype}; {_conversion(inputs.dtype, is_sparse)}"
            if inputs.dtype.isnative
            else f"{name} must be in this machine's byte order, got {inputs.dtype}; convert it: "
            "X.astype(X.dtype.newbyteorder('='))"
        )
    if inputs.shape[0] == 0:
        raise ValueError(f"{name} holds no samples, shape {inputs.shape}")
    largest = float(np.finfo(net.dtype).max)
    if inputs.dtype == np.uint8 and 255 * abs(scale) > largest:  # kernels do not look at bytes
        raise ValueError(
            f"input_scale must leave {name}, bytes, in the range of {net.dtype}, got {scale:g}"
        )
    if is_sparse:
        table = replace(table, values=csr_inputs(inputs, table.columns), columns=None)
    return Samples(table, scale, check_rows(rows, inputs.shape[0], prefix + "rows"))


def _conversion(dtype: np.dtype[Any], is_sparse: bool) -> str:
    """Return advice that makes numbers of a type, without a loss that nobody asked for."""
    usual = "X.astype(np.float32)" if is_sparse else "np.asarray(X, dtype=np.float32)"
    stack = "scipy.sparse.hstack" if is_sparse else "np.hstack"
    advice = {
        "c": f"pass both parts as columns: {stack}([X.real, X.imag])",
        "M": "pass the time since some date: (X - X.min()) / np.timedelta64(1, 'D')",
        "m": "pass it in some unit: X / np.timedelta64(1, 'D')",
    }
    return advice.get(dtype.kind, f"convert it: {usual}")


def _read_inputs(X: Any, known: Known, name: str) -> Table:
    sparse = read_sparse(X, name)
    if sparse is None:
        return _read(X, known, name)
    matrix, names = sparse
    columns = columns_of_frame(known, names, labels_of(X), name)
    return CSRTable(matrix, name, columns, _names(known, names))


def _read(value: Any, known: Known, name: str, **options: str) -> Table:
    """Return a table of the argument, with its columns in the order of the known names."""
    array, names = read_columns(value, name, **options)
    view = array[...]  # whose shape stays as it is
    columns = columns_of_frame(known, names, labels_of(value), name)
    return Table(view, name, columns, _names(known, names))


def _names(known: Known, given: Names | None) -> Names | None:
    """Return the names of columns in the known order; of a wiring only those that are texts."""
    return known.names or (given if known.labels is None else None) or None


def _check_weights(weights: npt.ArrayLike | None, samples: Samples) -> Array | None:
    if weights is None:
        return None
    array, n_rows = read_column(weights, "sample_weight"), samples.n_rows
    if array.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have one entry for {each_of(n_rows, 'sample')}, "
            f"got shape {array.shape}{ravel_advice(array, 'sample_weight')}"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"sample_weight must hold real numbers, got {array.dtype}")
    array = array.astype(np.float64)
    chosen = samples.of_each(Table(array, "sample_weight"))
    wrong = np.flatnonzero(~(np.isfinite(chosen) & (chosen >= 0)))
    if len(wrong):
        raise ValueError(
            "sample_weight must hold finite numbers of 0 and more, got "
            f"{chosen[wrong[0]]:g} for sample {samples.order()[wrong[0]]}, "
            f"{counted(len(wrong), 'such value')} in all; weight 0 leaves a sample out"
        )
    if not chosen.any():
        raise ValueError("sample_weight must not be 0 for all samples: none would be trained on")
    return samples.weights_of_rows(chosen)


def relative_weights(weights: Array) -> Array:
    """Return weights scaled to a maximum of about 1; negligible ones become 0.

    They are divided by a power of two, which is exact, so that no sum of them overflows.
    """
    relative = np.ldexp(weights.astype(np.float64), -np.frexp(weights.max())[1])
    relative[relative < _LEAST_WEIGHT] = 0
    return relative


def _check_targets(net: Network, table: Table, samples: Samples) -> Table:
    targets, name, n_rows = table.values, table.name, samples.n_rows
    if targets.shape[:1] != (n_rows,):
        raise ValueError(
            f"{name} must have one entry for {each_of(n_rows, 'sample')}, "
            f"got shape {targets.shape}{ravel_advice(targets, name) * (targets.size == n_rows)}"
        )
    if targets.ndim == 1:
        chosen = samples.of_each(table)
        return replace(table, values=check_labels(targets, chosen, net.n_out, name))
    if targets.shape != (n_rows, net.n_out):
        raise ValueError(
            f"{name} must have shape ({n_rows}, {net.n_out}), or ({n_rows},) for integer "
            f"labels, got {targets.shape}{ravel_advice(targets, name)}"
        )
    if targets.dtype.kind not in "buif":
        raise TypeError(
            f"{name} must hold real numbers, got {targets.dtype}"
            f"{encoding_advice(targets, name) * (net.n_out == 1)}"
        )
    if kind_of(targets.dtype) < 0:  # of another byte order, or longer
        return replace(table, values=targets.astype(np.float64))
    return table
