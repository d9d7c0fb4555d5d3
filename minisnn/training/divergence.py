"""Divergence: the step that is not finite, and what is said of it.

A step looks at its loss before it changes anything, and stores no value that is not finite. So a
training that diverges stops with a network and an optimiser's state that are finite, and there is
nothing to undo: no earlier state is kept.
"""

from __future__ import annotations

import numpy as np

from .._support.arrays import Array
from ..kernels.program.records import BROKEN_NORM, BROKEN_UPDATE
from ..network.base import SparseNetwork
from ..network.execution import Diverged
from .trainer import AnyTrainer


def check_finite(parameters: Array, epoch: int) -> None:
    """Raise unless all parameters are finite before an epoch, counted from 1.

    Raises
    ------
    FloatingPointError
        If one is not. No step has made it so.
    """
    if not np.isfinite([parameters.min(), parameters.max()]).all():
        raise FloatingPointError(
            f"the network has parameters that are not finite before epoch {epoch}; make it anew, "
            "or load it from before it was broken"
        )


def divergence(
    diverged: Diverged, trainer: AnyTrainer, net: SparseNetwork, samples: Array, rates: Array
) -> FloatingPointError:
    """Return the error that says which step diverged, where, and what has become of the network.

    Parameters
    ----------
    diverged : Diverged
        The step, as the trainer raised it.
    trainer : AnyTrainer
        The trainer; its buffers are as the step left them.
    net : MLP or Network
        The network that it trains; of a reparametrised one, the expanded network.
    samples, rates : array
        Those of the row of steps that it was to make.
    """
    size, step = trainer.plan.batch_size, diverged.step
    n_samples = len(samples[step * size : (step + 1) * size])
    outcome = "The network is as it was before that step"
    if diverged.fault == BROKEN_UPDATE:
        outcome = (
            "The network is finite: parameters that the step would have broken are as before it, "
            "all others have made it"
        )
    return FloatingPointError(
        f"the training diverged: in step {int(trainer.state()['steps']) + 1}, at a learning rate "
        f"of {rates[step]:g}, {_place(diverged, trainer, net, n_samples)} no longer finite. "
        f"{outcome}. Take a lower rate, or warm it up with WarmUpDecay; if that does not help, "
        "bring inputs and targets to the order of 1"
    )


def _place(diverged: Diverged, trainer: AnyTrainer, net: SparseNetwork, n_samples: int) -> str:
    """Return a phrase for the first part of a step that is not finite."""
    for number, _ in net.structure.summing:
        if not np.isfinite(trainer.activations_of(number, n_samples)).all():
            return f"the activations of {net.place_of(number)} are"
    if diverged.fault == BROKEN_NORM:
        return "the norm of the gradients is"
    if diverged.groups:
        return f"the update of {net.place_of(diverged.groups[0])} is"
    return "the update is" if diverged.fault == BROKEN_UPDATE else "the loss is"
