"""Profiles: the size of the reproduction in data, widths, degrees, seeds and epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._support.checks import as_list, check_positive_integer
from ..experiments import Data, Optimizer, Run, Wiring
from ..experiments.datasets import sources

DENSE = Wiring(topology="dense")

PAPERS = (
    "random_rotating",
    "constant_degree",
    "regular_rotating",
    "long_range_rotating",
    "fibonacci_rotating",
)
"""The paper's sparse constructions."""

_BATCH_SIZE = 128
_LAYER_SEEDS = "consecutive"  # with which the figures of docs/paper.md were measured
_HIGHEST_RATE, _STEPS_PER_RATE, _WIDTH = 20.0, 2800, 1000


def _peak(n_steps: int, width: int) -> float:
    """Return the highest learning rate of a training, by its steps and its last hidden layer.

    The rate rises half as fast as docs/training.md finds to work, and slower still where more than
    1000 neurons share an output: faster, many networks of few edges lose whole classes for good.
    Found by the training loss of the thinnest networks, and the same for all; see `retraining`.
    """
    return min(_HIGHEST_RATE, n_steps / _STEPS_PER_RATE * min(1.0, _WIDTH / width) ** 1.5)


@dataclass(frozen=True)
class Profile:
    """Sizes of all experiments. The paper leaves most of them open; these are ours.

    Parameters
    ----------
    data : str
        Name of the data set.
    hidden : int
        Neurons of the hidden layer, where there is one.
    wide : int
        The same where the paper says "wide".
    epochs, long : int
        Passes over the data; and where training is long.
    seeds : int
        Networks of each kind.
    degrees : sequence of int
        Of the layer from inputs to hidden neurons.
    output_degrees : sequence of int
        Of the layer from hidden to output neurons.
    """

    data: str
    hidden: int
    wide: int
    epochs: int
    long: int
    seeds: int
    degrees: Sequence[int]
    output_degrees: Sequence[int]

    def run(
        self,
        layers: Sequence[Wiring],
        seed: int,
        *,
        hidden: Sequence[int] | None = None,
        epochs: int | None = None,
        dropout: float | Sequence[float] = 0.0,
        shuffled: bool = False,
    ) -> Run:
        """Return a training run, with the learning rate that its number of steps allows.

        Shuffled means that the pixels stand in a random order, the same for all images.
        """
        epochs = check_positive_integer(self.epochs if epochs is None else epochs, "epochs")
        hidden = as_list(hidden or (self.hidden,), "hidden", "whole numbers")
        for width in hidden:
            check_positive_integer(width, "hidden")
        n_steps = epochs * -(-sources()[self.data].n_samples // _BATCH_SIZE)
        return Run(
            data=Data(name=self.data + "_shuffled" * shuffled),
            hidden=hidden,
            layers=layers,
            optimizer=Optimizer(peak=_peak(n_steps, hidden[-1])),
            dropout=dropout,
            batch_size=_BATCH_SIZE,
            epochs=epochs,
            seed=seed,
            layer_seeds=_LAYER_SEEDS,
        )

    def __str__(self) -> str:
        samples = sources()[self.data].n_samples
        return (
            f"{samples:,} training digits, one hidden layer of {self.hidden} unless said "
            f"otherwise, {self.epochs} epochs (long: {self.long}), {self.seeds} seeds"
        )

    def seeded(self, layers: Sequence[Wiring], **options: object) -> list[Run]:
        """Return the same for every seed."""
        return [self.run(layers, seed, **options) for seed in range(self.seeds)]  # type: ignore[arg-type]


PROFILES = {
    "quick": Profile(
        data="mnist_sample",
        hidden=300,
        wide=1000,
        epochs=80,
        long=200,
        seeds=3,
        degrees=(1, 2, 4, 10, 30, 100),
        output_degrees=(1, 3, 10),
    ),
    "full": Profile(
        data="mnist",
        hidden=1000,
        wide=3000,
        epochs=40,
        long=100,
        seeds=5,
        degrees=(1, 2, 5, 10, 20, 50, 100, 200),
        output_degrees=(1, 3, 10),
    ),
}
"""By name; see `Profile`."""
