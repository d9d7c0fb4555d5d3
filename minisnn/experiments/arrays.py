"""Arrays of the user's own as the data of runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from .._support.arrays import Array
from .._support.checks import (
    check_flag,
    check_function,
    check_kind,
    check_number,
    check_pair,
    checked_sparse,
)
from .._support.columns import Names, known_of, labels_of, read_columns
from .._support.messages import counted
from ..network.base import SparseNetwork
from ..network.labels import check_labels
from ..network.output_weights import OutputWeights
from ..network.rows import check_rows
from ..network.samples import Samples, check_samples
from ..network.tables import csr_inputs
from ..wiring.graph import Wiring

Metric = Callable[[Any, Any], float]
"""Function of targets and outputs."""

_CHUNK = 2**22  # values that are hashed at once


class Ends(NamedTuple):
    """Both ends of a network that is not made yet, which data must fit.

    Parameters
    ----------
    n_in, n_out : int
        Inputs and outputs.
    input_names, output_names : tuple of str, optional
        Their names, if they are texts.
    wiring : Wiring, optional
        Its wiring, if that has names.
    dtype : dtype
        Precision.
    """

    n_in: int
    n_out: int
    input_names: Names | None = None
    output_names: Names | None = None
    wiring: Wiring | None = None
    dtype: np.dtype[Any] = np.dtype(np.float32)


class Arrays:
    """Samples of your own that runs are trained on, and those that they are judged by.

    Like all parts of a run it is not to be changed: its `fingerprint` is a part of the run.

    Parameters
    ----------
    X : array of numbers or bool, DataFrame, or sparse array, shape (samples, n_in)
        Inputs, as for `minisnn.train`.
    Y : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, or the target of each output.
    test_data : (X, Y), optional
        Samples that runs are judged by; by default ``test_rows`` of the same X and Y.
    rows : array of int, or of bool, optional
        Rows of X and Y to train on; by default all, but for ``test_rows`` of the same.
    test_rows : array of int, or of bool, optional
        Rows of ``test_data``, or of X and Y without it; by default all of ``test_data``.
    metrics : mapping of str to function, optional
        Each is called with the targets of the test samples, in the order of the network's outputs,
        and these outputs (samples, n_out), and returns a number: those of `sklearn.metrics` do.
        Names are a part of the run, functions are not: after a change of one, rename it.
    input_scale : float
        Factor on X, as for `minisnn.train`.
    missing_targets : bool
        Whether NaN in Y stands for a target that is missing, as for `minisnn.train`.

    Raises
    ------
    ValueError, TypeError
        If there are no test samples, some are trained on, too, or an argument has another form.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn import experiments
    >>> X = np.random.default_rng(0).random((100, 3))
    >>> Y = (X[:, [0]] > 0.5).astype(float)
    >>> experiments.Arrays(X, Y, test_rows=np.arange(70, 100))
    Arrays(70 samples to train on, 30 to test, 3 inputs)
    """

    def __init__(
        self,
        X: npt.ArrayLike,
        Y: npt.ArrayLike,
        *,
        test_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        rows: npt.ArrayLike | None = None,
        test_rows: npt.ArrayLike | None = None,
        metrics: Mapping[str, Metric] | None = None,
        input_scale: float = 1.0,
        missing_targets: bool = False,
    ) -> None:
        if test_data is None and test_rows is None:
            raise ValueError(
                "test_data or test_rows must be given: runs are judged by samples that they are "
                "not trained on"
            )
        self.X, self.Y, self.test_data = X, Y, test_data
        n, self.n_in = _shape(X, "X")
        n_test = n
        if test_data is not None:
            n_test, _ = _shape(check_pair(test_data, "test_data")[0], "test X")
        self.rows = check_rows(rows, n, "rows")
        self.test_rows = check_rows(test_rows, n_test, "test_rows")
        if test_data is None and self.test_rows is not None:
            self._check_apart(self.test_rows, n)
        self.metrics = dict(check_kind({} if metrics is None else metrics, Mapping, "metrics"))
        for name, metric in self.metrics.items():
            check_kind(name, str, "a name in metrics")
            check_function(metric, f"metrics[{name!r}]")
        self.input_scale = check_number(input_scale, "input_scale", -np.inf)
        self.missing_targets = check_flag(missing_targets, "missing_targets")
        self.n_train = n if self.rows is None else len(self.rows)
        self._n_test = n_test if self.test_rows is None else len(self.test_rows)
        self._fitting: set[Any] = set()

    def _check_apart(self, test_rows: Array, n: int) -> None:
        """Train on all other rows than those to test, or raise where some are the same."""
        if self.rows is None:
            rest = np.ones(n, dtype=bool)
            rest[test_rows] = False
            self.rows = check_rows(rest, n, "rows")
            return
        n_both = len(np.intersect1d(self.rows, test_rows))
        if n_both:
            raise ValueError(
                f"rows and test_rows must have no row in common, got {n_both} that "
                f"{'is' if n_both == 1 else 'are'} in both"
            )

    @property
    def n_out(self) -> int:
        """Number of outputs: of labels one more than the highest."""
        targets = read_columns(self.Y, "Y")[0]
        if targets.ndim == 1:
            return int(check_labels(targets, targets[:0], 2, "Y").max()) + 1
        return int(targets.shape[1])

    @property
    def _test_data(self) -> Any:
        return (self.X, self.Y) if self.test_data is None else self.test_data

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all values, of the choice of rows, and of the names of metrics."""
        about = self.input_scale, self.missing_targets, list(self.metrics)
        digest = hashlib.sha256(repr(about).encode())
        for table in (self.X, self.Y, *(self.test_data or ()), self.rows, self.test_rows):
            _add(digest, table)
        return digest.hexdigest()

    def check_for(self, ends: Ends, output_weights: OutputWeights | None) -> None:
        """Raise unless the samples have the form that a network needs.

        Raises
        ------
        ValueError, TypeError
            As by `minisnn.train`; values are looked at when they are read.
        """
        key = ends._replace(wiring=None), *known_of(ends), repr(output_weights)
        if key in self._fitting:  # a sweep has thousands of runs
            return
        options: dict[str, Any] = {
            "output_weights": output_weights, "missing_targets": self.missing_targets
        }  # fmt: skip
        check_samples(ends, self.X, self.Y, self.input_scale, rows=self.rows, **options)
        self._test_samples(ends, **options)
        self._fitting.add(key)

    def _test_samples(self, net: Any, **options: Any) -> Samples:
        """Return the test samples, with columns in the order of a network's inputs and outputs."""
        X, Y = self._test_data
        return check_samples(net, X, Y, self.input_scale, "test ", rows=self.test_rows, **options)

    def measure(self, net: SparseNetwork) -> dict[str, float]:
        """Return the metrics of a network's outputs for the test samples.

        Raises
        ------
        ValueError, TypeError
            If a metric is not a finite number.
        """
        samples = self._test_samples(net, missing_targets=self.missing_targets)
        targets, outputs = samples.of_each(samples.targets), net.predict_checked(samples)
        return {
            name: check_number(_plain(metric(targets, outputs)), f"the metric {name!r}", -np.inf)
            for name, metric in self.metrics.items()
        }

    def __repr__(self) -> str:
        n = counted(self.n_train, "sample")
        return f"Arrays({n} to train on, {self._n_test} to test, {counted(self.n_in, 'input')})"


def first_rows(arrays: Arrays, samples: int) -> Array:
    """Return rows to train on, so many of them, evenly of all targets that differ."""
    rows = np.arange(arrays.n_train) if arrays.rows is None else arrays.rows
    targets = read_columns(arrays.Y, "Y")[0][rows]
    _, labels = np.unique(targets, axis=0, return_inverse=True)
    return np.asarray(rows[spread(labels.ravel())[:samples]])


def spread(labels: Array) -> Array:
    """Return an order of samples whose every prefix has classes as equal as possible.

    First comes the first sample of each class, then the second of each. A data set's own order
    will not do: that of the embedded sample has all zeros first, then all ones.

    Parameters
    ----------
    labels : array of int, shape (samples,)
        Class of each sample.

    Returns
    -------
    array of int, shape (samples,)
        A permutation, without any chance in it.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.experiments.arrays import spread
    >>> spread(np.array([0, 0, 0, 1, 1, 2])).tolist()
    [0, 3, 5, 1, 4, 2]
    """
    by_class = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    places = np.empty(len(labels), dtype=np.int64)  # of each sample within its class
    places[by_class] = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.argsort(places, kind="stable")


def _plain(value: Any) -> Any:
    """Return a number of NumPy's as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _shape(X: Any, name: str) -> tuple[int, int]:
    shape = X.shape if scipy.sparse.issparse(X) else read_columns(X, name)[0].shape
    if len(shape) != 2:
        raise ValueError(f"{name} must have shape (samples, n_in), got {shape}")
    return shape


def _add(digest: Any, table: Any) -> None:
    """Add a table to a hash: its form, its names, and its values, some rows at a time."""
    names: tuple[Hashable, ...] | None = None
    if scipy.sparse.issparse(table):
        csr = csr_inputs(checked_sparse(table))
        parts = [np.array(csr.shape), csr.indptr, csr.indices, csr.data]
    elif table is None:
        parts = []
    else:
        array, texts = read_columns(table, "a table")
        names = labels_of(table) if texts == () else texts  # a wiring may have such names
        parts = [array]
    digest.update(repr((names, [(part.shape, part.dtype.str) for part in parts])).encode())
    for part in parts:
        step = max(1, _CHUNK * len(part) // max(1, part.size))
        for start in range(0, len(part), step):
            digest.update(np.ascontiguousarray(part[start : start + step]).data)
