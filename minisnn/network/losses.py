"""Losses: the outputs and targets they accept, and their values over a data set.

==========================  =====================  =============================================
loss                        activation of outputs  mean over
==========================  =====================  =============================================
``"mse"``                   any but softmax        samples and outputs, of squared errors
``"binary_cross_entropy"``  sigmoid                samples and outputs, each output a yes or no
``"cross_entropy"``         softmax                samples, each of one of the outputs' classes
==========================  =====================  =============================================

Cross-entropies go with the activation whose slope they cancel: dZ is then A - T, up to a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._support.arrays import Array
from .._support.checks import check_choice
from ..kernels.functions.losses import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, SQUARED_ERROR
from .samples import Samples, Table

_SUM_TOLERANCE = 1e-4  # of the probabilities of a sample, which may have been float32


@dataclass(frozen=True)
class Loss:
    """A loss: its name, its number for the kernels, the activations of outputs it goes with."""

    name: str
    number: int
    outputs: tuple[str, ...]

    @property
    def wants_logits(self) -> bool:
        """True if it is computed from pre-activations."""
        return self.number != SQUARED_ERROR


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("mse", SQUARED_ERROR, ("sigmoid", "tanh", "relu", "identity")),
        Loss("binary_cross_entropy", BINARY_CROSS_ENTROPY, ("sigmoid",)),
        Loss("cross_entropy", CROSS_ENTROPY, ("softmax",)),
    )
}
"""The losses by name."""


def check_loss(loss: str | None, output_activation: str, samples: Samples | None) -> Loss:
    """Return a loss that goes with a network's outputs and with the targets.

    Parameters
    ----------
    loss : str or None
        A name; None stands for cross-entropy where outputs are a softmax, else squared error.
    output_activation : str
        The network's.
    samples : Samples or None
        With labels, or a target for each output, checked otherwise; none for predictions.

    Raises
    ------
    ValueError
        If the name is unknown, or the loss does not go with the outputs or the targets.
    """
    if loss is None:
        loss = "cross_entropy" if output_activation == "softmax" else "mse"
    check_choice(loss, "loss", LOSSES)
    found = LOSSES[loss]
    if output_activation not in found.outputs:
        others = [other for other, it in LOSSES.items() if output_activation in it.outputs]
        raise ValueError(
            f"loss {loss!r} does not go with {output_activation} outputs; take "
            f"{' or '.join(map(repr, others))}, or make the network with output_activation="
            f"{found.outputs[0]!r}"
        )
    if samples is not None and samples.targets is not None and samples.targets.values.ndim == 2:
        _check_targets(loss, samples, samples.targets)
    return found


def _check_targets(loss: str, samples: Samples, targets: Table) -> None:
    if loss == "mse":
        return
    for rows, chunk in samples.chunks(targets):
        outside = np.argwhere((chunk < 0) | (chunk > 1))
        if len(outside):
            sample, column = outside[0]
            raise ValueError(
                f"for loss {loss!r} {targets.name} must hold targets from 0 to 1, got "
                f"{chunk[sample, column]} in sample {rows[sample]}, column {column}"
            )
        sums = chunk.sum(axis=1, dtype=np.float64)
        wrong = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
        if loss == "cross_entropy" and len(wrong):
            raise ValueError(
                f"for loss {loss!r} each row of {targets.name} must be probabilities with sum 1, "
                f"got sum {sums[wrong[0]]:g} in sample {rows[wrong[0]]}; for several classes at "
                "once take sigmoid outputs and 'binary_cross_entropy'"
            )


def mean_loss(loss: Loss, outputs: Array, targets: Array) -> float:
    """Return a loss over all samples, in float64.

    Parameters
    ----------
    loss : Loss
        Which.
    outputs : array, shape (samples, n_out)
        Activations; or pre-activations, if it wants these.
    targets : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, or the target of each output.
    """
    Z, samples = outputs.astype(np.float64), np.arange(len(outputs))

    def at_targets(values: Array) -> Array:
        """The values times the targets, in sum over the outputs of each sample."""
        if targets.ndim == 1:
            return np.asarray(values[samples, targets])
        return np.einsum("so,so->s", values, targets)

    if loss.number == CROSS_ENTROPY:
        logarithms = np.logaddexp.reduce(Z, axis=1, keepdims=True)  # of the sums of e^z
        return float(at_targets(logarithms - Z).mean())
    if loss.number == BINARY_CROSS_ENTROPY:
        terms = np.logaddexp(0, Z).sum(axis=1) - at_targets(Z)  # log(1 + e^z) - t z
        return float(terms.mean() / Z.shape[1])
    if targets.ndim == 2:
        Z -= targets
    else:
        Z[samples, targets] -= 1
    return float(np.mean(Z**2))
