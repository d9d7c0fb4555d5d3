"""Profiles: the size of the reproduction in data, widths, degrees, seeds and epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from .._support.checks import as_list, check_positive_integer
from ..experiments import Data, Optimizer, Run, Wiring
from ..experiments.datasets import sources
from ..experiments.tables import TABLES

DENSE = Wiring(topology="dense")

PAPERS = (
    "random_rotating",
    "constant_degree",
    "regular_rotating",
    "long_range_rotating",
    "fibonacci_rotating",
)
"""The paper's sparse constructions."""

_HIGHEST_RATE, _STEPS_PER_RATE, _WIDTH = 20.0, 2800, 1000
_ADAM, _NARROW = 0.008, 100


def _peak(n_steps: int, sharing: float) -> float:
    """Return the middle learning rate of a training, by its steps and the neurons of an output.

    With 1000 neurons the rate rises half as fast as docs/training.md finds to work, and slower the
    more neurons share an output: faster, many networks of few edges lose whole classes for good.
    Each kind of network has its own factor on it; see `rates`.
    """
    return min(_HIGHEST_RATE, n_steps / _STEPS_PER_RATE * (_WIDTH / sharing) ** 1.5)


@dataclass(frozen=True)
class Recipe:
    """A way to train, whatever the sizes.

    Parameters
    ----------
    middle_rate : function of steps and a number of neurons
        The middle of the learning rates that are tried, for the steps of a training and the
        neurons of its last hidden layer that share an output.
    settings : mapping
        Fields of `minisnn.experiments.Run`, such as activation and loss.
    optimizer : mapping
        Fields of `minisnn.experiments.Optimizer` beside the rate.
    """

    middle_rate: Callable[[int, float], float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    optimizer: Mapping[str, Any] = field(default_factory=dict)


PAPERS_RECIPE = Recipe(_peak)
"""The paper's: sigmoids, mean squared error, Nesterov momentum."""

MODERN_RECIPE = Recipe(
    lambda n_steps, sharing: _ADAM * (_NARROW / sharing) ** 0.5,
    {"activation": "relu", "output_activation": "softmax", "initializer": "he_normal"},
    {"name": "adam", "warm_up": 0.0},
)
"""Rectified linear units, cross-entropy, Adam whose rate falls along half a cosine."""


@dataclass(frozen=True)
class Profile:
    """Sizes of all experiments. The paper leaves most of them open; these are ours.

    Parameters
    ----------
    name : str
        Its name in tables.
    data : str
        Name of the data set.
    hidden : int
        Neurons of the hidden layer, where there is one.
    wide : int
        The same where the paper says "wide".
    batch_size : int
        Samples of a step.
    epochs, long : int
        Passes over the data; and where training is long.
    seeds : int
        Networks of each kind.
    degrees : sequence of int
        Of the layer from inputs to hidden neurons.
    output_degrees : sequence of int
        Of the layer from hidden to output neurons.
    equal_hidden, equal_degrees : int, sequence of int
        Neurons of the hidden layer, and degrees, at which graphs of equal density are compared.
    factors : sequence of float
        Factors on a recipe's middle rate that each kind of network is tried with.
    recipe : Recipe
        How networks are trained.
    keys : sequence of str
        Keys of the experiments that it is for; all if empty.
    """

    name: str
    data: str
    hidden: int
    wide: int
    batch_size: int
    epochs: int
    long: int
    seeds: int
    degrees: Sequence[int]
    output_degrees: Sequence[int]
    equal_degrees: Sequence[int]
    factors: Sequence[float]
    equal_hidden: int = 980
    recipe: Recipe = PAPERS_RECIPE
    keys: Sequence[str] = ()

    def run(
        self,
        layers: Sequence[Wiring],
        seed: int,
        *,
        hidden: Sequence[int] | None = None,
        epochs: int | None = None,
        dropout: float | Sequence[float] = 0.0,
        shuffled: bool = False,
        fan: str = "degree",
    ) -> Run:
        """Return a training run, with the middle learning rate for its number of steps.

        Shuffled means that the pixels stand in a random order, the same for all images, and
        another for each seed.
        """
        epochs = check_positive_integer(self.epochs if epochs is None else epochs, "epochs")
        hidden = as_list(hidden or (self.hidden,), "hidden", "whole numbers")
        for width in hidden:
            check_positive_integer(width, "hidden")
        source = sources()[self.data]
        run = Run(
            data=Data(name=self.data, order=seed if shuffled else None),
            hidden=hidden,
            layers=layers,
            optimizer=Optimizer(peak=1.0, **self.recipe.optimizer),
            dropout=dropout,
            batch_size=self.batch_size,
            epochs=epochs,
            seed=seed,
            fan=fan,
            **self.recipe.settings,
        )
        n_steps, degree = epochs * -(-source.n_samples // self.batch_size), run.layers[-1].degree
        sharing = hidden[-1] * (1.0 if degree is None else degree / source.n_classes)
        peak = self.recipe.middle_rate(n_steps, sharing)
        return structs.replace(run, optimizer=structs.replace(run.optimizer, peak=peak))

    def check(self, keys: Iterable[str]) -> None:
        """Raise for the key of an experiment that the profile is not for."""
        for key in keys:
            if self.keys and key not in self.keys:
                raise ValueError(
                    f"the profile {self.name!r} is for the experiments {', '.join(self.keys)}, "
                    f"got {key!r}"
                )

    def __str__(self) -> str:
        samples = sources()[self.data].n_samples
        return (
            f"{samples:,} training samples, one hidden layer of {self.hidden} unless said "
            f"otherwise, batches of {self.batch_size}, {self.epochs} epochs (long: {self.long}), "
            f"{self.seeds} seeds"
        )

    def seeded(self, layers: Sequence[Wiring], **options: object) -> list[Run]:
        """Return the same for every seed."""
        return [self.run(layers, seed, **options) for seed in range(self.seeds)]  # type: ignore[arg-type]


_QUICK = Profile(
    name="quick",
    data="mnist_sample",
    hidden=100,
    wide=300,
    batch_size=32,
    epochs=20,
    long=60,
    seeds=3,
    degrees=(1, 3, 10, 30),
    output_degrees=(1, 10),
    equal_degrees=(2, 20),
    factors=(0.25, 0.5, 1.0, 2.0, 4.0),
)

_FULL = Profile(
    name="full",
    data="mnist",
    hidden=1000,
    wide=3000,
    batch_size=128,
    epochs=20,
    long=100,
    seeds=5,
    degrees=(1, 2, 5, 10, 20, 50, 100, 200),
    output_degrees=(1, 3, 10),
    equal_degrees=(2, 5, 10, 20),
    # Of 2 % random wiring was best at the middle, Fibonacci at twice and of 15 % at four times
    # it, where random wiring of 15 % had lost classes. Dense bears more.
    factors=(0.5, 1.0, 2.0, 4.0, 8.0),
)

_ELSEWHERE = ("E2", "E9", "E11")
_IMAGES = ("fashion", "kmnist", "emnist-balanced", "emnist-letters", "emnist-digits")
_TABLE = replace(
    _QUICK,
    hidden=200,
    epochs=40,
    seeds=5,
    equal_hidden=200,
    equal_degrees=(5, 20),
    keys=_ELSEWHERE,
)
_LOW = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4)
_FACTORS = {"made_groups_one_by_one": _LOW, "made_groups_in_pairs": _LOW}
"""Of tables on which nearly all kinds guess at a quarter of the middle rate."""

PROFILES = {
    profile.name: profile
    for profile in (
        _QUICK,
        _FULL,
        *(replace(_FULL, name=name, data=name, keys=_ELSEWHERE) for name in _IMAGES),
        *(
            replace(_TABLE, name=name, data=name, factors=_FACTORS.get(name, _TABLE.factors))
            for name in TABLES
        ),
    )
}
"""By name: of MNIST's sample and of all of MNIST, and those of other images and of tables."""
