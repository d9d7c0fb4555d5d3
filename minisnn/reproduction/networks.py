"""Table of all networks that the experiments trained: one row per kind, means over seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ..experiments import Run
from ..experiments.reports import describe_layers
from .findings import Experiment, Results, Table
from .profiles import Profile
from .trainings import recipe_of

_HEAD = [
    "experiments", "recipe", "data", "hidden", "layers", "options", "dropout", "epochs", "rate",
    "seeds", "weights", "accuracy, %",
]  # fmt: skip


@dataclass
class _Kind:
    """Runs that differ in their seeds only, and the experiments that use them."""

    runs: dict[str, Run] = field(default_factory=dict)
    experiments: dict[str, None] = field(default_factory=dict)


def networks(experiments: Sequence[Experiment], profile: Profile, results: Results) -> Table:
    """Return a row for each kind of network: how it was trained, and the accuracy it reached.

    Parameters
    ----------
    experiments : sequence of Experiment
        Experiments whose runs have been trained.
    profile : Profile
        Profile of these runs.
    results : Results
        Results of these runs.

    Returns
    -------
    Table
    """
    kinds: dict[str, _Kind] = {}
    for experiment in experiments:
        for run in experiment.runs(profile):
            order = None if run.data.order is None else 0
            one = replace(run, seed=0, data=replace(run.data, order=order))
            kind = kinds.setdefault(one.hash, _Kind())
            kind.runs[run.hash] = run
            kind.experiments[experiment.key] = None
    return Table("All networks", _HEAD, [_row(kind, results) for kind in kinds.values()])


def _row(kind: _Kind, results: Results) -> list[Any]:
    runs = [*kind.runs.values()]
    settings = runs[0].to_dict()
    options = {
        key: value for layer in settings["layers"] for key, value in layer["options"].items()
    }
    return [
        " ".join(kind.experiments),
        recipe_of(runs[0]),
        settings["data"]["name"] + " shuffled" * (runs[0].data.order is not None),
        "-".join(map(str, settings["hidden"])),
        describe_layers(settings["layers"]),
        json.dumps(options) if options else "",
        " ".join(f"{rate:g}" for rate in settings["dropout"]) if any(settings["dropout"]) else "0",
        settings["epochs"],
        " ".join(f"{rate:.3g}" for rate in sorted({results.training(r).rate for r in runs})),
        len(runs),
        sum(results.weights(run) for run in runs) // len(runs),  # random wiring varies
        results.accuracy(runs),
    ]
