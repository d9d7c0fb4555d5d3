"""How good a network is on data that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .checks import Samples, check_samples
from .mlp import MLP


@dataclass(frozen=True)
class Evaluation:
    """Loss, and the share of samples whose largest output is the label's (None without labels)."""

    loss: float
    accuracy: float | None


def evaluate(
    net: MLP, X: npt.ArrayLike, Y: npt.ArrayLike, *, input_scale: float = 1.0
) -> Evaluation:
    """Return the mean squared error and, where Y is labels, the accuracy.

    Parameters
    ----------
    net : MLP
        The network.
    X : array of uint8, float32 or float64, shape (samples, n_in)
        Inputs.
    Y : array of int, shape (samples,), or of numbers, shape (samples, n_out)
        Labels, or the target of each output.
    input_scale : float
        The factor on the inputs that was used in training.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError, TypeError
        Where X or Y has another shape or dtype, or holds NaN or inf.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> snn.evaluate(net, np.eye(4), np.full((4, 2), 0.5)).accuracy is None
    True
    """
    return evaluate_samples(net, check_samples(net, X, Y, input_scale))


def evaluate_samples(net: MLP, samples: Samples) -> Evaluation:
    """Return the same for samples that have been checked."""
    outputs, targets = net.predict_checked(samples.inputs, samples.scale), samples.targets
    errors = outputs.astype(np.float64)
    if targets.ndim == 2:
        errors -= targets
        return Evaluation(float(np.mean(errors**2)), None)
    errors[np.arange(len(targets)), targets] -= 1
    correct = outputs.argmax(axis=1) == targets
    return Evaluation(float(np.mean(errors**2)), float(correct.mean()))
