"""Evaluation of a network on test data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from .base import SparseNetwork, check_network
from .losses import Loss, check_loss
from .output_weights import OutputWeights
from .samples import Samples, check_samples


@dataclass(frozen=True)
class Evaluation:
    """Loss, and the share of samples whose largest output is the label's (None without labels)."""

    loss: float
    accuracy: float | None


def evaluate(
    net: SparseNetwork,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    loss: str | None = None,
    input_scale: float = 1.0,
    rows: npt.ArrayLike | None = None,
    output_weights: OutputWeights | None = None,
    missing_targets: bool = False,
) -> Evaluation:
    """Return the loss and, if Y is labels, the accuracy.

    Parameters
    ----------
    net : MLP or Network
        The network.
    X : array of numbers or bool, DataFrame, or sparse array, shape (samples, n_in)
        Inputs, read in place; see `minisnn.train`.
    Y : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, or the target of each output.
    loss : str, optional
        As for `minisnn.train`.
    input_scale : float
        The factor on the inputs that was used in training.
    rows : array of int, or of bool, shape (samples,), optional
        Rows of X and Y to use: their numbers, or a mask of True and False; all by default.
        ``X[rows]`` would copy them.
    output_weights, missing_targets
        As for `minisnn.train`.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError, TypeError
        If X or Y has the wrong shape or dtype, or holds NaN or inf, or the loss does not go with
        the outputs or the targets.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> snn.evaluate(net, np.eye(4), np.full((4, 2), 0.5)).accuracy is None
    True
    """
    samples = check_samples(
        check_network(net),
        X,
        Y,
        input_scale,
        rows=rows,
        output_weights=output_weights,
        missing_targets=missing_targets,
    )
    return evaluate_samples(net, samples, check_loss(loss, net.output_activation, samples))


def evaluate_samples(net: SparseNetwork, samples: Samples, loss: Loss) -> Evaluation:
    """Return the same for samples and a loss that have been checked."""
    samples.targets.check(samples.order(), 1.0, net.dtype)
    outputs = net.predict_checked(samples, logits=loss.wants_logits)
    targets = samples.of_each(samples.targets)
    if samples.output_weights is None and not samples.targets.gaps:
        value = loss.mean_over(outputs, targets)
    else:
        value = loss.weighted_mean(outputs, targets, samples.output_weights)
    if targets.ndim == 2:
        return Evaluation(value, None)
    return Evaluation(value, float((outputs.argmax(axis=1) == targets).mean()))
