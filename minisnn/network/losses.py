"""Losses: the outputs and targets they accept, and their values over a data set.

==========================  =====================  =============================================
loss                        activation of outputs  mean over
==========================  =====================  =============================================
``"mse"``                   any but softmax        samples and outputs, of squared errors
``"huber"``                 any but softmax        samples and outputs, of squared errors up to
                                                   1, of distances beyond
``"binary_cross_entropy"``  sigmoid                samples and outputs, each output a yes or no
``"cross_entropy"``         softmax                samples, each of one of the outputs' classes
==========================  =====================  =============================================

Cross-entropies go with the activation whose slope they cancel: dZ is then A - T, up to a factor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice
from ..kernels.functions import losses as kernels
from .layer import HIDDEN
from .samples import Samples
from .tables import Table

_SUM_TOLERANCE = 1e-4  # of the probabilities of a sample, which may have been float32


@dataclass(frozen=True)
class Loss:
    """A loss.

    Parameters
    ----------
    name : str
        Its name, here and among the kernels' losses.
    outputs : tuple of str
        The activations of outputs it goes with.
    mean : callable
        Its value over all samples in float64, from outputs of shape (samples, n_out), which it may
        overwrite, and targets: labels of shape (samples,), or a number for each output. Outputs are
        activations; or pre-activations, if it is computed from these.
    takes_shares : bool
        Whether targets must lie from 0 to 1.
    takes_probabilities : bool
        Whether, moreover, those of a sample must have the sum 1.
    """

    name: str
    outputs: tuple[str, ...]
    mean: Callable[[Array, Array], float]
    takes_shares: bool = False
    takes_probabilities: bool = False

    @property
    def number(self) -> int:
        """Its number for the kernels."""
        return kernels.LOSSES[self.name].number

    @property
    def wants_logits(self) -> bool:
        """True if it is computed from pre-activations."""
        return kernels.LOSSES[self.name].from_logits

    def mean_over(self, outputs: Array, targets: Array) -> float:
        """Return its value over all samples, computed in float64."""
        return self.mean(outputs.astype(np.float64), targets)

    def weighted_mean(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the mean over outputs of their own means, times weights, over targets not NaN.

        An output without any target has no part in it.
        """
        n_out = outputs.shape[1]
        if targets.ndim == 1:
            targets = (targets[:, None] == np.arange(n_out)).astype(np.float64)
        total = 0.0
        for i, weight in enumerate(np.ones(n_out) if weights is None else weights):
            there = ~np.isnan(targets[:, i])
            if there.any():
                chosen = outputs[there, i : i + 1].astype(np.float64)
                total += weight * self.mean(chosen, targets[there, i : i + 1])
        return total / n_out

    def check_targets(self, samples: Samples, targets: Table) -> None:
        """Raise a ValueError unless it takes the targets, one for each output."""
        if not (self.takes_shares or self.takes_probabilities):
            return
        for rows, chunk in samples.chunks(targets):
            outside = np.argwhere((chunk < 0) | (chunk > 1))
            if len(outside):
                sample, column = outside[0]
                raise ValueError(
                    f"for loss {self.name!r} {targets.name} must hold targets from 0 to 1, got "
                    f"{chunk[sample, column]} in sample {rows[sample]}, column {column}"
                )
            sums = chunk.sum(axis=1, dtype=np.float64)
            wrong = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
            if self.takes_probabilities and len(wrong):
                raise ValueError(
                    f"for loss {self.name!r} each row of {targets.name} must be probabilities with "
                    f"sum 1, got sum {sums[wrong[0]]:g} in sample {rows[wrong[0]]}; for several "
                    "classes at once take sigmoid outputs and 'binary_cross_entropy'"
                )


def errors(outputs: Array, targets: Array) -> Array:
    """Return outputs - targets, in the place of the outputs."""
    if targets.ndim == 2:
        outputs -= targets
    else:
        outputs[np.arange(len(outputs)), targets] -= 1
    return outputs


def _at_targets(values: Array, targets: Array) -> Array:
    """Return the values times the targets, in sum over the outputs of each sample."""
    if targets.ndim == 1:
        return np.asarray(values[np.arange(len(values)), targets])
    return np.einsum("so,so->s", values, targets)


def _squared_error(A: Array, targets: Array) -> float:
    return float(np.mean(errors(A, targets) ** 2))


def _huber(A: Array, targets: Array) -> float:
    distances = np.abs(errors(A, targets))
    return float(np.mean(np.where(distances <= 1, distances**2 / 2, distances - 0.5)))


def _binary_cross_entropy(Z: Array, targets: Array) -> float:
    terms = np.logaddexp(0, Z).sum(axis=1) - _at_targets(Z, targets)  # log(1 + e^z) - t z
    return float(terms.mean() / Z.shape[1])


def _cross_entropy(Z: Array, targets: Array) -> float:
    logarithms = np.logaddexp.reduce(Z, axis=1, keepdims=True)  # of the sums of e^z
    return float(_at_targets(logarithms - Z, targets).mean())


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("mse", HIDDEN, _squared_error),
        Loss("huber", HIDDEN, _huber),
        Loss("binary_cross_entropy", ("sigmoid",), _binary_cross_entropy, takes_shares=True),
        Loss("cross_entropy", ("softmax",), _cross_entropy, takes_probabilities=True),
    )
}
"""The losses by name. The first that goes with a network's outputs is the default."""

OUTPUT = Loss("output", (*HIDDEN, "softmax"), lambda A, T: float(_at_targets(A, T).sum()))
"""Outputs times their targets, in sum: with labels its gradients are those of one output. It is
differentiated, and nothing is trained with it."""


def losses_for(output_activation: str) -> list[str]:
    """Return the names of the losses that go with an activation of outputs."""
    return [name for name, loss in LOSSES.items() if output_activation in loss.outputs]


def outputs_by_loss(preferred: Sequence[str]) -> dict[str, str]:
    """Return the first of some activations that each loss goes with, where there is one."""
    found = {name: [a for a in preferred if a in loss.outputs] for name, loss in LOSSES.items()}
    return {name: fitting[0] for name, fitting in found.items() if fitting}


def check_loss(loss: str | None, output_activation: str, samples: Samples | None) -> Loss:
    """Return a loss that goes with a network's outputs and with the targets.

    Parameters
    ----------
    loss : str or None
        A name; None stands for the first that goes with the outputs.
    output_activation : str
        The network's.
    samples : Samples or None
        With labels, or a target for each output, checked otherwise; none for predictions.

    Raises
    ------
    ValueError
        If the name is unknown, or the loss does not go with the outputs or the targets.
    """
    fitting = losses_for(output_activation)
    found = LOSSES[check_choice(fitting[0] if loss is None else loss, "loss", LOSSES)]
    if found.name not in fitting:
        raise ValueError(
            f"loss {loss!r} does not go with {output_activation} outputs; take "
            f"{' or '.join(map(repr, fitting))}, or make the network with output_activation="
            f"{found.outputs[0]!r}"
        )
    if samples is not None and kernels.LOSSES[found.name].of_samples is not None:
        gaps = samples.targets is not None and samples.targets.gaps
        for name, wanted in (
            ("output_weights", samples.output_weights is not None),
            ("missing_targets", gaps),
        ):
            if wanted:
                raise ValueError(
                    f"{name} do not go with loss {found.name!r}, which is over all outputs of a "
                    "sample; take sigmoid outputs and 'binary_cross_entropy'"
                )
    if samples is not None and samples.targets is not None and samples.targets.values.ndim == 2:
        found.check_targets(samples, samples.targets)
    return found
