"""What one training run is: typed, checked, with one canonical form and its hash.

The canonical form is JSON with sorted keys and every default written out, so that a run means the
same after a default has changed, and an explicit default is no other run. The hash is its
SHA-256. `SCHEMA` is part of both: it must rise with any change of what a key means.

Keys that came later, when stores had been filled, are left out where they say what all runs did
before. So these runs keep their hashes, and stores go on knowing them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from .._support import checks
from .._support.arguments import check_choice, check_kind, shown
from .._support.seeds import Seed, seed_of, spawned
from ..kernels.functions.activations import ACTIVATIONS
from ..network.initializers import DISTRIBUTIONS, FANS
from ..network.layer import check_activations
from ..network.losses import LOSSES, check_loss
from . import constructions
from .datasets import sources
from .optimizer import Optimizer
from .values import (
    Plain,
    as_list,
    as_mapping,
    as_plain,
    check_fields,
    check_keys,
    section,
    set_fields,
)

SCHEMA = 1

SPAWNED, CONSECUTIVE = "spawned", "consecutive"  # seeds of layers

_LATER = {
    "activation": "sigmoid",
    "output_activation": "sigmoid",
    "loss": "mse",
    "layer_seeds": CONSECUTIVE,
}
_LATER_IN_OPTIMIZER = {
    "name": "nesterov",
    "decay": "cosine",
    "every": None,
    "factor": None,
    "weight_decay": 0.0,
    "clip_norm": None,
}
"""The later keys, and what a canonical form without them means. These are no defaults: they stay as
they are, whatever becomes of the defaults, or else stored runs would mean something new."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which samples a run trains on. It is tested on all test samples of the data set.

    Parameters
    ----------
    name : str
        ``"mnist_sample"``, which comes with minisnn, or another name that
        `minisnn.datasets.load` takes; with ``_shuffled`` after it, pixels stand in a random
        order, the same for all images.
    samples : int, optional
        Only so many training samples, evenly of all classes: the first of each in the data's
        order. By default all.

    Examples
    --------
    >>> from minisnn.experiments import Data
    >>> Data(name="mnist_sample", samples=300)
    Data(name='mnist_sample', samples=300)
    """

    name: str
    samples: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.name, "name", sources())
        if self.samples is not None:
            set_fields(self, samples=checks.check_positive_integer(self.samples, "samples"))
            available = sources()[self.name].n_samples
            if self.samples > available:
                raise ValueError(
                    f"samples must be at most {available}, the training samples of {self.name}, "
                    f"got {self.samples}"
                )
            if self.samples == available:
                set_fields(self, samples=None)  # the same run, so the same hash


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """How one layer is wired.

    Parameters
    ----------
    topology : str
        Name of a construction, such as "fibonacci_rotating", or "dense".
    degree : int, optional
        Edges per left neuron.
    density : float, optional
        In place of the degree: edges as a share of all possible ones, above 0 and up to 1. The
        degree is then the nearest whole number of edges per left neuron, at least 1.
    options : mapping, or pairs, of str to plain values
        What else the construction takes. A ``seed`` here holds random wiring fast while the
        seed of the run varies; by default it follows from that, see ``layer_seeds`` of `Run`.

    Examples
    --------
    >>> from minisnn.experiments import Wiring
    >>> Wiring(topology="constant_degree", density=0.1).degree_for(250)
    25
    """

    topology: str
    degree: int | None = None
    density: float | None = None
    options: Mapping[str, Plain] | tuple[tuple[str, Plain], ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.topology, "topology", constructions.names())
        given = [key for key in ("degree", "density") if getattr(self, key) is not None]
        if self.topology == constructions.DENSE and given:
            raise ValueError(f"{given[0]} must not be given with topology 'dense', which has all")
        if self.topology != constructions.DENSE and len(given) != 1:
            raise ValueError(
                f"degree or density, one of the two, must be given with topology "
                f"{self.topology!r}, got {' and '.join(given) or 'neither'}"
            )
        if self.degree is not None:
            set_fields(self, degree=checks.check_positive_integer(self.degree, "degree"))
        if self.density is not None:
            density = checks.check_number(self.density, "density", 0)
            if not 0 < density <= 1:
                raise ValueError(f"density must be above 0 and at most 1, got {self.density}")
            set_fields(self, density=density)
        given_options: Any = self.options
        if not isinstance(given_options, tuple):
            given_options = as_mapping(given_options, "options")
        elif not all(isinstance(pair, tuple) and len(pair) == 2 for pair in given_options):
            raise TypeError(f"options must be a mapping, or pairs, got {shown(given_options)}")
        options = dict(given_options)
        check_keys(options, constructions.option_names(self.topology), self.topology, "options.")
        set_fields(
            self,
            options=tuple(
                (key, as_plain(value, f"options.{key}")) for key, value in sorted(options.items())
            ),
        )

    @property
    def draws(self) -> bool:
        """Whether it is random, without a seed of its own."""
        takes = constructions.option_names(self.topology)
        return "seed" in takes and "seed" not in dict(self.options)

    def degree_for(self, n_out: int) -> int | None:
        """Return the edges per left neuron of a layer with so many outputs; None if dense."""
        n_out = checks.check_positive_integer(n_out, "n_out")
        if self.density is not None:
            return max(1, round(self.density * n_out))
        return self.degree


@dataclass(frozen=True, kw_only=True)
class Run:
    """The configuration of one training run.

    Whether a degree fits the widths is for the construction to say, when the run begins: in a
    grid over both, the impossible combinations then fail alone.

    Parameters
    ----------
    data : Data
        What to train on.
    hidden : sequence of int
        Neurons of each hidden layer.
    layers : sequence of Wiring
        One for each hidden layer, and the last for the outputs.
    optimizer : Optimizer
        How to train.
    activation, output_activation, fan, initializer, dtype : str
        As for `minisnn.MLP`.
    loss : str, optional
        As for `minisnn.train`: by default what goes with the outputs.
    dropout : float, or one for the input and each hidden layer
        As for `minisnn.train`.
    batch_size, epochs : int
        As for `minisnn.train`.
    seed : int, SeedSequence, Generator or None
        Of random wiring, initial weights, shuffling and dropout; kept as the number that stands for
        it. None is fresh. By default 0: a description that is read again means the same run.
    layer_seeds : {"spawned", "consecutive"}
        Which seeds random wiring gets. ``"spawned"``: independent ones, which NumPy's SeedSequence
        of the run's seed spawns, one a layer. ``"consecutive"``: the run's plus the layer's number,
        from 0, as it was in all stored runs that do not say it; layer 1 of one run is then that of
        layer 0 of the next. Where nothing is drawn this is the same run, and it says
        ``"consecutive"``.

    Examples
    --------
    >>> from minisnn.experiments import Run
    >>> description = {
    ...     "data": {"name": "mnist_sample"},
    ...     "hidden": [100],
    ...     "layers": [{"topology": "constant_degree", "degree": 5}, {"topology": "dense"}],
    ...     "optimizer": {"peak": 2},
    ... }
    >>> run = Run.from_dict(description)
    >>> run.epochs, run.dropout
    (10, (0.0, 0.0))
    >>> Run.from_dict({**description, "epochs": 10}).hash == run.hash
    True
    """

    data: Data
    hidden: Sequence[int]
    layers: Sequence[Wiring]
    optimizer: Optimizer
    activation: str = "sigmoid"
    output_activation: str = "sigmoid"
    loss: str | None = None
    fan: str = "degree"
    initializer: str = "glorot_normal"
    dtype: str = "float32"
    dropout: float | Sequence[float] = 0.0
    batch_size: int = 128
    epochs: int = 10
    seed: Seed = 0
    layer_seeds: str = SPAWNED

    def __post_init__(self) -> None:
        check_kind(self.data, Data, "data")
        check_kind(self.optimizer, Optimizer, "optimizer")
        for number, layer in enumerate(as_list(self.layers, "layers")):
            check_kind(layer, Wiring, f"layers.{number}")
        hidden = tuple(
            checks.check_positive_integer(width, f"hidden.{number}")
            for number, width in enumerate(as_list(self.hidden, "hidden"))
        )
        if len(self.layers) != len(hidden) + 1:
            raise ValueError(
                f"layers must hold {len(hidden) + 1} wirings, one for each of the {len(hidden)} "
                f"hidden layers and one for the outputs, got {len(self.layers)}"
            )
        check_choice(self.activation, "activation", ACTIVATIONS)
        check_choice(self.output_activation, "output_activation", ACTIVATIONS)
        check_activations(self.activation, self.output_activation, self.shapes[-1][1])
        if self.loss is not None:
            check_choice(self.loss, "loss", LOSSES)
        set_fields(self, loss=check_loss(self.loss, self.output_activation, None).name)
        check_choice(self.fan, "fan", FANS)
        check_choice(self.initializer, "initializer", DISTRIBUTIONS)
        check_choice(self.dtype, "dtype", ("float32", "float64"))
        check_choice(self.layer_seeds, "layer_seeds", (SPAWNED, CONSECUTIVE))
        if not any(layer.draws for layer in self.layers):
            set_fields(self, layer_seeds=CONSECUTIVE)  # the same run, so the same hash
        dropout = self.dropout
        if not isinstance(dropout, (int, float)):
            dropout = as_list(dropout, "dropout")
        rates = checks.check_dropout(dropout, len(self.layers))
        set_fields(
            self,
            hidden=hidden,
            layers=tuple(self.layers),
            dropout=rates,
            batch_size=checks.check_positive_integer(self.batch_size, "batch_size"),
            epochs=checks.check_positive_integer(self.epochs, "epochs"),
            seed=seed_of(self.seed),
        )

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Return the run that plain values describe, as they come from YAML, TOML or JSON.

        Raises
        ------
        ValueError, TypeError
            Where a key is unknown or missing, or a value has another type or range than it must;
            the message names the key by its path, such as ``layers.0.degree``.
        """
        values = dict(as_mapping(description, "a run"))
        check_fields(values, cls)
        values["data"] = section(Data, values["data"], "data")
        values["optimizer"] = section(Optimizer, values["optimizer"], "optimizer")
        values["layers"] = tuple(
            section(Wiring, item, f"layers.{number}")
            for number, item in enumerate(as_list(values["layers"], "layers"))
        )
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the run that `to_json` wrote.

        Raises
        ------
        ValueError, TypeError
            Where the text is none of a run, or has another schema than this version of minisnn
            knows.
        """
        return cls.from_dict(read_settings(text))

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain values, as `from_dict` takes them."""
        description = asdict(self)
        for layer in description["layers"]:
            layer["options"] = dict(layer["options"])
        return description

    def to_json(self) -> str:
        """Return the canonical form: one line of JSON, keys sorted, defaults written out."""
        description = _without(self.to_dict(), _LATER)
        description["optimizer"] = _without(description["optimizer"], _LATER_IN_OPTIMIZER)
        return json.dumps(
            {"schema": SCHEMA, **description},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def wiring_seeds(self) -> list[int]:
        """A seed for the wiring of each layer."""
        seed, n_layers = seed_of(self.seed), len(self.layers)
        if self.layer_seeds == SPAWNED:
            return spawned(seed, n_layers)
        return [seed + number for number in range(n_layers)]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        source = sources()[self.data.name]
        return list(pairwise([source.n_features, *self.hidden, source.n_classes]))


def read_settings(text: str) -> dict[str, Any]:
    """Return all settings that a canonical form stands for, as plain values.

    Raises
    ------
    ValueError, TypeError
        Where it is none, or has another schema than this version of minisnn knows.
    """
    try:
        content = json.loads(check_kind(text, str, "text"), parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"a run must be JSON, got {shown(text)}: {error}") from error
    description = dict(as_mapping(content, "a run"))
    schema = description.pop("schema", None)
    if schema != SCHEMA:
        raise ValueError(
            f"the run has schema {shown(schema)}, this version of minisnn reads schema {SCHEMA}"
        )
    given = as_mapping(description.pop("optimizer", {}), "optimizer")
    optimizer = {**_LATER_IN_OPTIMIZER, **given}
    return dict(sorted({**_LATER, **description, "optimizer": optimizer}.items()))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"a run holds {name}, which is no JSON")


def _without(values: Mapping[str, Any], left_out: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k not in left_out or v != left_out[k]}
