"""Integrals of gradients along the straight paths from a baseline to samples.

At a point x(alpha) = b + alpha (x - b) of the path from the baseline b to a sample x, one backward
pass gives dF/dZ of all neurons, and dF/dx of all inputs, for one output F. Integrals over alpha are
weighted sums over the nodes of a Gauss-Legendre rule. Points of many paths are one batch.

The integral of dF/dalpha is known: F(x) - F(b). What a rule misses of it is its error on a path.
Paths with too large an error are gone through again with twice the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.checks import check_flag
from .._support.progress import progress_bar
from ..kernels.program.records import DIFFERENTIATE, PREDICT
from ..kernels.program.structure import Structure
from ..network.base import SparseNetwork
from ..network.execution import Execution
from ..network.losses import OUTPUT
from ..network.passes import PREDICTION_BATCH, keeps_bytes
from ..network.samples import Samples
from ..network.tables import Table

SMOOTH, KINKED, MOST = 64, 512, 4096
"""Nodes of a path, if their number is not given: at first, with and without ReLUs, and at most.

Gradients of ReLU networks jump, by which a rule of n nodes errs by about 1 / n. Small errors of the
whole do not show that all attributions have small ones, so they need many nodes in any case. To
halve parts of a path with large errors was worse, at as many nodes: jumps of single gradients may
cancel one another in dF/dalpha, which shows no error there.
"""

TOLERANCE = 1e-3
"""Error of an integral of dF/dalpha, as a share of that of its absolute values."""

_ROUNDINGS = 16  # of the output that an error may have, too

Integrand = Callable[[Array, Array, Array], Array]
"""Of activations and gradients, (n_rows, points) each, and directions, (n_inputs, points): what is
integrated, (columns, points)."""


class Rule(NamedTuple):
    """Points of a path, and what each counts."""

    nodes: Array  # float64[n]: 0 is the begin, 1 the end
    weights: Array  # float64[n]


AT_END = Rule(np.ones(1), np.ones(1))
"""The value at the end in the place of the integral."""


def gauss_legendre(n: int) -> Rule:
    """Return the rule of so many nodes."""
    nodes, weights = scipy.special.roots_legendre(n)
    return Rule((nodes + 1) / 2, weights / 2)


def more_and_more(structure: Structure) -> Iterator[Rule]:
    """Yield rules for a network, each with twice the nodes of the one before."""
    has_kinks = any("relu" in group.activation for group in structure.groups)
    n = KINKED if has_kinks else SMOOTH
    while n <= MOST:
        yield gauss_legendre(n)
        n *= 2


class Integrals(NamedTuple):
    """Integrals over alpha, one for each path."""

    values: Array  # of the integrand: real[samples, columns]
    totals: Array  # of dF/dalpha: float64[samples]
    variations: Array  # of |dF/dalpha|: float64[samples]
    ends: Array  # F at the end: float64[samples]
    begin: Array  # F at the begin: float64[1]
    steps: Array  # nodes: int64[samples]


@dataclass(frozen=True, eq=False)
class Paths:
    """Straight paths.

    Parameters
    ----------
    net : SparseNetwork
    samples : Samples
        Where they end, checked.
    baseline : array of float64, shape (n_in,)
        Where they begin, scaled.
    position : int
        Of the output F.
    """

    net: SparseNetwork
    samples: Samples
    baseline: Array
    position: int

    def integrate(
        self, integrand: Integrand, n_columns: int, rules: Iterable[Rule], progress: bool | None
    ) -> Integrals:
        """Return the integrals of each path by the first rule that is exact enough, or the last."""
        if progress is not None:
            check_flag(progress, "progress")
        n, net = self.samples.n_samples, self.net
        found = Integrals(
            np.zeros((n, n_columns), net.dtype),
            np.zeros(n),
            np.zeros(n),
            self._outputs(self.samples),
            self._outputs(Samples(Table(self.baseline[None], "baseline"), 1.0)),
            np.zeros(n, np.int64),
        )
        execution = Execution(net.plan_for(PREDICTION_BATCH, DIFFERENTIATE), net.parameters)
        left, bar = np.arange(n), progress_bar(progress, n, "sample")
        try:
            for rule in rules:
                missed = [left[:0]]
                together = max(1, PREDICTION_BATCH // len(rule.nodes))
                for first in range(0, len(left), together):
                    paths = left[first : first + together]
                    self._follow(paths, rule, execution, integrand, found)
                    missed.append(paths[self._misses(found, paths)])
                    bar.update(len(paths) - len(missed[-1]))
                left = np.concatenate(missed)
                if not len(left):
                    break
            bar.update(len(left))
        finally:
            bar.close()
        return found

    def _follow(
        self,
        paths: Array,
        rule: Rule,
        execution: Execution,
        integrand: Integrand,
        found: Integrals,
    ) -> None:
        """Fill in the integrals of some paths."""
        n_nodes, size, inputs = len(rule.nodes), PREDICTION_BATCH, self.net.structure.inputs
        ends = self.samples.inputs.of(paths).astype(np.float64) * self.samples.scale
        found.steps[paths] = n_nodes
        for integrals in (found.values, found.totals, found.variations):
            integrals[paths] = 0
        of_point, node = np.divmod(np.arange(len(paths) * n_nodes), n_nodes)
        for first in range(0, len(node), size):
            here, at = of_point[first : first + size], node[first : first + size]
            directions, weights = ends[here] - self.baseline, rule.weights[at]
            points = self.baseline + rule.nodes[at, None] * directions
            A, dZ = self._gradients(execution, points)
            directions = directions.T if inputs is None else directions.T[inputs]
            changes = np.einsum("ip,ip->p", dZ[: len(directions)], directions)
            starts = np.flatnonzero(np.diff(here, prepend=-1))
            rows = paths[here[starts]]
            found.totals[rows] += np.add.reduceat(weights * changes, starts)
            found.variations[rows] += np.add.reduceat(weights * np.abs(changes), starts)
            terms = weights * integrand(A, dZ, directions)
            found.values[rows] += np.add.reduceat(terms, starts, axis=1).T

    def _misses(self, found: Integrals, paths: Array) -> Array:
        """Return whether the error of each path is too large."""
        ends, begin = found.ends[paths], found.begin
        rounding = float(np.finfo(self.net.dtype).eps) * np.maximum(np.abs(ends), np.abs(begin))
        limits = TOLERANCE * found.variations[paths] + _ROUNDINGS * rounding
        missed: Array = np.abs(found.totals[paths] - (ends - begin)) > limits
        return missed

    def _gradients(self, execution: Execution, points: Array) -> tuple[Array, Array]:
        """Return the activations of all neurons, and the gradients of the output by them."""
        n = len(points)
        labels = Table(np.full(n, self.position), "output")
        samples = Samples(Table(points, "X"), 1.0, targets=labels)
        execution.run(samples, np.arange(n), loss=OUTPUT)
        return execution.activations[:, :n], execution.deltas[:, :n]

    def _outputs(self, samples: Samples) -> Array:
        """Return the output for each sample, float64."""
        plan = self.net.plan_for(PREDICTION_BATCH, PREDICT, keeps_bytes=keeps_bytes(samples))
        execution, order = Execution(plan, self.net.parameters), samples.order()
        outputs = np.empty(len(order))
        for first in range(0, len(order), PREDICTION_BATCH):
            batch = slice(first, first + PREDICTION_BATCH)
            outputs[batch] = execution.run(samples, order[batch])[1][:, self.position]
        return outputs
