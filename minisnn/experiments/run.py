"""Configuration of one training run, with one canonical form and its hash.

The canonical form is JSON with sorted keys and every default written out. So a run means the same
after a default has changed, and is the same with an explicit default. The hash is its SHA-256.
`FORM` is part of both: it must rise with any change in the meaning of a key.

Keys that were added when stores had been filled are left out if they have the value that all runs
had before. So these runs keep their hashes, and stores still know them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import msgspec
import numpy as np

from .._support.checks import (
    as_list,
    as_list_of,
    check_choice,
    check_dropout,
    check_flag,
    check_kind,
    check_number,
    check_positive_integer,
)
from .._support.messages import shown
from .._support.seeds import seed_of, spawned
from ..kernels.functions.activations import ACTIVATIONS
from ..network.initializers import DISTRIBUTIONS, FANS
from ..network.layer import check_activations
from ..network.losses import LOSSES, check_loss
from ..wiring.graph import Wiring as Graph
from .arrays import Arrays, Ends
from .datasets import Data
from .layers import CORRELATED, Wiring
from .optimizer import Optimizer
from .validation import Section, as_mapping, convert, plain
from .wirings import NamedWiring, wiring_fingerprint

FORM = 1
"""Version of the canonical form, in which its key is ``schema``."""

SPAWNED, CONSECUTIVE = "spawned", "consecutive"  # seeds of layers

_LATER: dict[str, Any] = {
    "activation": "sigmoid",
    "output_activation": "sigmoid",
    "loss": "mse",
    "layer_seeds": CONSECUTIVE,
    "wiring": None,
    "batch_norm": False,
    "class_weight": None,
    "output_weights": {},
}
_LATER_WITHIN: dict[str, dict[str, Any]] = {
    "data": {"arrays": None, "order": None, "held_out": False},
    "optimizer": {
        "name": "nesterov",
        "decay": "cosine",
        "every": None,
        "factor": None,
        "weight_decay": 0.0,
        "clip_norm": None,
        "l1": 0.0,
    },
}
"""The later keys, and their values in a canonical form without them. These are not defaults: they
never change, even if a default does, since stored runs would then mean something else."""


class Run(Section, frozen=True, kw_only=True):
    """The configuration of one training run.

    Whether a degree fits the widths is for the construction to say, when the run begins: in a
    grid over both, the impossible combinations then fail alone.

    Attributes
    ----------
    data : Data
        What to train on.
    optimizer : Optimizer
        How to train.
    hidden : sequence of int
        Neurons of each hidden layer.
    layers : sequence of Wiring
        One for each hidden layer, and the last for the outputs.
    wiring : NamedWiring, optional
        Any wiring between names, in the place of hidden layers: the run trains a
        `minisnn.Network`.
    activation, output_activation, fan, initializer, dtype : str
        As for `minisnn.MLP` and `minisnn.Network`.
    batch_norm : bool
        As for `minisnn.Network`; with a wiring only.
    loss : str, optional
        As for `minisnn.train`: by default what goes with the outputs.
    class_weight : "balanced", optional
        As for `minisnn.train`.
    output_weights : mapping, or pairs, of str to float
        As for `minisnn.train`: weights of outputs by their names; with a wiring only.
    dropout : float, or one for the input and each hidden layer
        As for `minisnn.train`.
    batch_size, epochs : int
        As for `minisnn.train`.
    seed : int, SeedSequence, Generator or None
        Of random wiring, initial weights, shuffling and dropout; kept as the number that stands for
        it. None is fresh. By default 0: a description that is read again means the same run.
    layer_seeds : {"spawned", "consecutive"}
        Seeds of random wiring. ``"spawned"``: independent ones from NumPy's SeedSequence of the
        run's seed, one per layer. ``"consecutive"``: the run's plus the layer's number, from 0, as
        in all stored runs that do not say it; layer 1 of one run is then that of layer 0 of the
        next. Where nothing is drawn this is the same run, and it says ``"consecutive"``.

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
    hidden: Sequence[int] = ()
    layers: Sequence[Wiring] = ()
    optimizer: Optimizer
    wiring: NamedWiring | None = None
    activation: str = "sigmoid"
    output_activation: str = "sigmoid"
    batch_norm: bool = False
    loss: str | None = None
    class_weight: str | None = None
    output_weights: Mapping[str, float] | tuple[tuple[str, float], ...] = ()
    fan: str = "degree"
    initializer: str = "glorot_normal"
    dtype: str = "float32"
    dropout: float | Sequence[float] = 0.0
    batch_size: int = 128
    epochs: int = 10
    seed: Any = 0  # what `seed_of` takes, and then the number
    layer_seeds: str = SPAWNED

    def __post_init__(self) -> None:
        check_kind(self.data, Data, "data")
        check_kind(self.optimizer, Optimizer, "optimizer")
        check_flag(self.batch_norm, "batch_norm")
        weights: dict[Hashable, float] = {
            name: check_number(weight, f"output_weights.{name}", 0)
            for name, weight in as_mapping(self.output_weights, "output_weights").items()
        }
        self._set(
            layers=tuple(as_list_of(Wiring, self.layers, "layers")),
            hidden=tuple(
                check_positive_integer(width, f"hidden.{number}")
                for number, width in enumerate(as_list(self.hidden, "hidden", "whole numbers"))
            ),
            output_weights=tuple(sorted(weights.items())),
        )
        if self.wiring is None:
            self._check_layers()
        elif self.hidden or self.layers:
            raise ValueError(
                "hidden and layers must not be given with a wiring, which has its own levels"
            )
        check_choice(self.activation, "activation", ACTIVATIONS)
        check_choice(self.output_activation, "output_activation", ACTIVATIONS)
        ends = self._ends
        check_activations(self.activation, self.output_activation, ends.n_out)
        if self.loss is not None:
            check_choice(self.loss, "loss", LOSSES)
        self._set(loss=check_loss(self.loss, self.output_activation, None).name)
        if self.class_weight is not None:
            check_choice(self.class_weight, "class_weight", ("balanced",))
        check_choice(self.fan, "fan", FANS)
        check_choice(self.initializer, "initializer", DISTRIBUTIONS)
        check_choice(self.dtype, "dtype", ("float32", "float64"))
        check_choice(self.layer_seeds, "layer_seeds", (SPAWNED, CONSECUTIVE))
        if not any(layer.draws for layer in self.layers):
            self._set(layer_seeds=CONSECUTIVE)  # the same run, so the same hash
        n_levels = len(self.layers) if self.wiring is None else self.wiring.graph.n_levels
        self._set(
            dropout=check_dropout(self.dropout, n_levels),
            batch_size=check_positive_integer(self.batch_size, "batch_size"),
            epochs=check_positive_integer(self.epochs, "epochs"),
            seed=seed_of(self.seed),
        )
        if self.data.arrays is not None:
            self.data.arrays.check_for(ends, weights or None)

    def _check_layers(self) -> None:
        """Raise unless there is a wiring for each layer, and nothing that takes names."""
        if not (self.layers or self.hidden):
            raise ValueError(
                "layers is missing: one for each hidden layer, and one for the outputs; "
                "or give a wiring"
            )
        if len(self.layers) != len(self.hidden) + 1:
            raise ValueError(
                f"layers must hold {len(self.hidden) + 1} wirings, one for each of the "
                f"{len(self.hidden)} hidden layers and one for the outputs, got {len(self.layers)}"
            )
        for number, layer in enumerate(self.layers[1:], start=1):
            if layer.topology == CORRELATED:
                raise ValueError(
                    f"layers.{number}.topology must not be {CORRELATED!r}, which follows from the "
                    "inputs: only layers.0 reads them"
                )
        for key in ("batch_norm", "output_weights"):
            if getattr(self, key):
                raise ValueError(f"{key} must not be given with layers, only with a wiring")

    @property
    def _ends(self) -> Ends:
        """Both ends of the network."""
        ends = Ends(*self.data.shape) if self.wiring is None else self.wiring.ends
        return ends._replace(dtype=np.dtype(self.dtype))

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Return the run that plain values describe, as they come from YAML, TOML or JSON.

        Raises
        ------
        ValueError, TypeError
            If a key is unknown or missing, or a value has another type or range than it must;
            the message names the key by its path, such as ``layers.0.degree``.
        """
        return convert(plain(description), cls, "a run")

    @classmethod
    def from_json(cls, text: str, objects: Mapping[str, object] | None = None) -> Self:
        """Return the run that `to_json` wrote.

        Parameters
        ----------
        text : str
            From `to_json`.
        objects : mapping, optional
            The `objects` of that run, which the text has only the fingerprints of.

        Raises
        ------
        ValueError, TypeError
            If the text does not describe a run, or has a schema that this version of minisnn does
            not know; if it has a wiring, or arrays, that are not among the objects.
        """
        return convert(_settings_in(text), cls, "a run", objects)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain values, as `from_dict` takes them.

        A wiring, and arrays of your own, are fingerprints.
        """
        description: dict[str, Any] = msgspec.to_builtins(self, enc_hook=fingerprint)
        for layer in description["layers"]:
            layer["options"] = dict(layer["options"])
        description["output_weights"] = dict(self.output_weights)
        return description

    def to_json(self) -> str:
        """Return the canonical form: one line of JSON, keys sorted, defaults written out."""
        return self._canonical

    @cached_property
    def _canonical(self) -> str:
        description = _without(self.to_dict(), _LATER)
        for key, later in _LATER_WITHIN.items():
            description[key] = _without(description[key], later)
        return json.dumps(
            {"schema": FORM, **description},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )

    @property
    def objects(self) -> dict[str, object]:
        """What is more than plain values, by fingerprints: a wiring, arrays of your own."""
        parts = [self.data.arrays, self.wiring and self.wiring.graph]
        return {fingerprint(part): part for part in parts if part is not None}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def wiring_seeds(self) -> list[int]:
        """A seed for the wiring of each layer; or one for the null model of a wiring."""
        if self.wiring is not None:
            return spawned(self.seed, 1)
        n_layers = len(self.layers)
        if self.layer_seeds == SPAWNED:
            return spawned(self.seed, n_layers)
        return [self.seed + number for number in range(n_layers)]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        n_in, n_out = self.data.shape
        return list(pairwise([n_in, *self.hidden, n_out]))


def read_settings(text: str) -> dict[str, Any]:
    """Return the text of `Run.to_json` as plain values, like `Run.to_dict`.

    Their types are checked, but not the names of constructions and the like: those may have
    changed since.

    Raises
    ------
    ValueError, TypeError
        If it is not a configuration, or has a schema that this version of minisnn does not know.
    """
    settings = _settings_in(text)
    convert(settings, _SETTINGS, "a run")
    return settings


def _settings_in(text: str) -> dict[str, Any]:
    try:
        content = json.loads(check_kind(text, str, "text"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a run must be JSON, got {shown(text)}: {error}") from error
    description = dict(convert(content, dict, "a run"))
    schema = description.pop("schema", None)
    if schema != FORM:
        raise ValueError(
            f"the run has schema {shown(schema)}, this version of minisnn reads schema {FORM}"
        )
    within = {
        key: {**later, **convert(description.pop(key, {}), dict, key)}
        for key, later in _LATER_WITHIN.items()
    }
    return dict(sorted({**_LATER, **description, **within}.items()))


def fingerprint(part: object) -> str:
    """Return what stands for an object in the canonical form."""
    if isinstance(part, Arrays):
        return part.fingerprint
    return wiring_fingerprint(check_kind(part, Graph, "a wiring"))


def _unchecked(kind: type[Section], **types: Any) -> type[msgspec.Struct]:
    """Return the same fields without the checks of values: each must be given."""
    fields = msgspec.structs.fields(kind)
    return msgspec.defstruct(
        kind.__name__,
        [(field.name, types.get(field.name, field.type)) for field in fields],
        forbid_unknown_fields=True,
    )


_SETTINGS = _unchecked(
    Run,
    data=_unchecked(Data, arrays=str | None, order=int | None),
    layers=list[_unchecked(Wiring, options=dict[str, Any])],  # type: ignore[misc]
    optimizer=_unchecked(Optimizer),
    wiring=_unchecked(NamedWiring, graph=str) | None,
    loss=str,
    output_weights=dict[str, float],
    dropout=list[float],
    seed=int,
)


def _without(values: Mapping[str, Any], left_out: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k not in left_out or v != left_out[k]}
