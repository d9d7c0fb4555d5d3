"""Divergence: detected early, undone to the last finite state, and explained.

Steps are deterministic. So it is enough to keep the state of some step before, and to look at the
losses as they come in: once one is not finite, the state is put back and the steps since are made
again, one by one, up to the one that broke the network. States are kept as often as costs little of
the training's time, whatever the size of the network.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

from .._support.arrays import Array
from ..network.base import SparseNetwork
from .trainer import AnyTrainer

_SHARE = 0.002  # of the training's time, for keeping states


class Watch:
    """Steps that never leave a network with weights that are not finite.

    Before the first one `keep` is called.

    Parameters
    ----------
    trainer : AnyTrainer
        Trainer that makes the steps.
    net : MLP or Network
        The network that they train; of a reparametrised one, the expanded network.

    Raises
    ------
    FloatingPointError
        If its weights are not finite to begin with.
    """

    def __init__(self, trainer: AnyTrainer, net: SparseNetwork) -> None:
        self._trainer, self._net = trainer, net
        self._kept = {name: np.empty_like(array) for name, array in trainer.state().items()}
        self._since: list[tuple[Array, Array]] = []  # samples and rates of the steps after it
        self._due = 0.0
        self.check()

    def keep(self) -> None:
        """Keep the state as it is, if it is finite: the one to come back to.

        To be called wherever something else than steps may have changed it, and where an epoch
        begins: the batches since are all of the full size, but for the last.

        Raises
        ------
        FloatingPointError
            If `check` raises it.
        """
        started = perf_counter()
        self.check()
        self._copy()
        self._since.clear()
        now = perf_counter()
        self._due = now + (now - started) / _SHARE

    def made(self, samples: Array, rates: Array, losses: Array) -> None:
        """Look at steps that were made, and at their losses.

        Raises
        ------
        FloatingPointError
            If a step's loss or a weight is not finite; see `check`.
        """
        self._since.append((samples, rates))
        if not np.isfinite(losses).all():
            self._undo()
        if perf_counter() > self._due:
            self.keep()

    def check(self) -> None:
        """Raise unless all weights and biases are finite.

        Raises
        ------
        FloatingPointError
            If a weight is not finite. The message names the step that broke the network, and the
            first layer that is not finite. The network is as it was before that step.
        """
        if not np.isfinite(self._trainer.parameters).all():
            self._undo()

    def _copy(self) -> None:
        for name, array in self._trainer.state().items():
            np.copyto(self._kept[name], array)

    def _undo(self) -> None:
        """Find the step that broke the network, go back to where it begins, and say so."""
        if not self._since:
            raise FloatingPointError(
                "the network has parameters that are not finite before any training; make it anew, "
                "or load it from before it was broken"
            )
        samples = np.concatenate([samples for samples, _ in self._since])
        rates = np.concatenate([rates for _, rates in self._since])
        size = self._trainer.plan.batch_size
        self._trainer.restore(self._kept)
        for step in range(len(rates)):
            batch, rate = samples[step * size : (step + 1) * size], rates[step : step + 1]
            losses = self._trainer.steps(batch, rate)
            if not (np.isfinite(losses).all() and np.isfinite(self._trainer.parameters).all()):
                break
            self._copy()
        fault = self._fault(len(batch))
        self._trainer.restore(self._kept)
        self._since.clear()
        raise FloatingPointError(
            f"the training diverged: in step {int(self._kept['steps']) + 1}, at a learning rate "
            f"of {rate[0]:g}, {fault} no longer finite. The network is as it was before that "
            "step. Take a lower rate, or warm it up with WarmUpDecay; if that does not help, bring "
            "inputs and targets to the order of 1"
        )

    def _fault(self, n_samples: int) -> str:
        """Return a phrase for the first part that is not finite after a step."""
        net = self._net
        numbers = [number for number, _ in net.structure.summing]
        for number in numbers:
            if not np.isfinite(self._trainer.activations_of(number, n_samples)).all():
                return f"the activations of {net.place_of(number)} are"
        for number in numbers:
            parts = net.structure.parts(net.parameters, number)
            for name, values in zip(("weights", "biases"), parts, strict=True):
                if not np.isfinite(values).all():
                    return f"the {name} of {net.place_of(number)} are"
        return "the loss is"
