"""Attributions of an output, for each sample and in sum over them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._support import html
from .._support.arrays import Array
from .._support.extras import require
from .._support.messages import counted, few, shown
from .._support.tables import align

_MOST = 10  # names that are listed
_HEADER = ["name", "level", "mean of |a|", "mean of a"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Attributions of one output to inputs, or to hidden terms.

    Parameters
    ----------
    method : str
        Name of the function that made them.
    output : hashable
        Name of the output, or its position.
    names : tuple of hashable
        Names of the inputs, or of the hidden terms.
    levels : array of int64, shape (n_names,)
        Level of each: 0 of inputs.
    by_unit : array of the network's dtype, shape (samples, n_neurons)
        Attribution of each neuron for each sample, in the unit of the output.
    starts : array of int64, shape (n_names + 1,)
        First neuron of each name, and last their number.
    baseline : array of float64, shape (n_in,)
        What samples were compared with, times the scale of the inputs.
    totals : array of float64, shape (samples,)
        Sum over all inputs; of hidden terms the sum over a level that no edge skips.
    differences : array of float64, shape (samples,)
        The output for each sample less that for the baseline.
    steps : array of int64, shape (samples,)
        Nodes of each sample's path: the backward passes that it took.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "case"), ("b", "case")])
    >>> net = snn.Network(wiring, seed=0, dtype=np.float64)
    >>> result = snn.attribution.integrated_gradients(net, np.eye(2), baseline=[0, 0])
    >>> result.values.shape, result.names
    ((2, 2), ('a', 'b'))
    >>> result.completeness < 1e-9
    True
    """

    method: str
    output: Hashable
    names: tuple[Hashable, ...]
    levels: Array
    by_unit: Array
    starts: Array
    baseline: Array
    totals: Array
    differences: Array
    steps: Array

    @cached_property
    def values(self) -> Array:
        """Attributions of each sample by name, (samples, n_names): sums over units."""
        if self.by_unit.shape[1] == len(self.names):
            return self.by_unit
        return np.add.reduceat(self.by_unit, self.starts[:-1], axis=1)

    def of_units(self, name: Hashable) -> Array:
        """Return the attributions of the units of one name, (samples, units).

        Raises
        ------
        KeyError
            If there is no such name.
        """
        if name not in self.names:
            raise KeyError(f"no attribution of {shown(name)}; there are those of {few(self.names)}")
        place = self.names.index(name)
        return self.by_unit[:, self.starts[place] : self.starts[place + 1]]

    @property
    def errors(self) -> Array:
        """Totals less the differences that they should be, float64[samples]."""
        return self.totals - self.differences

    @property
    def completeness(self) -> float:
        """Largest absolute error of all samples."""
        return float(np.abs(self.errors).max())

    @cached_property
    def mean_absolute(self) -> Array:
        """Mean over samples of the absolute attributions, float64[n_names]."""
        return np.asarray(np.abs(self.values).mean(axis=0, dtype=np.float64))

    @cached_property
    def mean(self) -> Array:
        """Mean over samples of the attributions, float64[n_names]."""
        return np.asarray(self.values.mean(axis=0, dtype=np.float64))

    @cached_property
    def order(self) -> Array:
        """Places of the names by falling mean of absolute attributions; ties as they stand."""
        return np.argsort(-self.mean_absolute, kind="stable")

    def to_frame(self) -> Any:
        """Return a DataFrame with columns name, level, attribution, mean: a row per name.

        The attribution is the mean over all samples of absolute values; rows are sorted by it. The
        mean is that with signs.

        Raises
        ------
        ImportError
            If pandas (extra ``pandas``) is missing.
        """
        pandas = require("pandas", "pandas", "a DataFrame of attributions")
        names = np.fromiter(self.names, dtype=object, count=len(self.names))
        columns = {
            "name": names,
            "level": self.levels,
            "attribution": self.mean_absolute,
            "mean": self.mean,
        }
        return pandas.DataFrame({name: values[self.order] for name, values in columns.items()})

    def summary(self) -> str:
        """Return a table of the largest attributions, which ``print(result)`` shows, too."""
        return "\n".join([repr(self), "", align(_HEADER, self._largest()), *self._more()])

    def _largest(self) -> list[list[str]]:
        """Return the cells of the largest attributions."""
        return [
            [str(self.names[k]), str(self.levels[k]), f"{self.mean_absolute[k]:.4g}",
             f"{self.mean[k]:+.4g}"]
            for k in self.order[:_MOST]
        ]  # fmt: skip

    def _more(self) -> list[str]:
        """Return the line below them."""
        n = len(self.names) - _MOST
        return [f"and {n:,} more"] if n > 0 else []

    def _repr_html_(self) -> str:
        return html.table(_HEADER, self._largest(), title=repr(self), notes=self._more())

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        n_samples, n_names = self.values.shape
        noun = "hidden term" if self.levels.any() else "input"
        shape = f"{counted(n_samples, 'sample')} x {counted(n_names, noun)}"
        return (
            f"Attribution({self.method} of output {self.output!r}, {shape}, "
            f"completeness error {self.completeness:.1e})"
        )
