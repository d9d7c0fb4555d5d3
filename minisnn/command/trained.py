"""A trained network with its scores, and what is printed of it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..network.mlp import MLP
from ..network.network import Network
from ..training.history import History
from .samples import Samples
from .scaling import Scaling, folded
from .scores import Scores, scores_of
from .targets import Target

COMPARED = 10_000  # rows whose predictions are compared


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network with all that its report says.

    Parameters
    ----------
    net : MLP or Network
        It takes the table as it is.
    options : Namespace
        Those of the command.
    samples : Samples
        The data.
    history : History
        Of the training, in scaled units.
    scores, trained_scores : Scores
        Of the held-out rows, and of those that were trained on.
    """

    net: MLP | Network
    options: Namespace
    samples: Samples
    history: History
    scores: Scores
    trained_scores: Scores


def finish(
    net: MLP | Network,
    options: Namespace,
    samples: Samples,
    history: History,
    scaling: tuple[Scaling, Scaling],
) -> Trained:
    """Return the network for unscaled tables, with its scores."""
    rows = samples.rows
    final = net
    if options.scaling:
        final = folded(net, *scaling, samples.inputs.values[rows[:COMPARED]])
    outputs = final.predict(samples.inputs.values)[rows]
    target = Target(samples.target.name, samples.target.values[rows], samples.target.labels)
    return Trained(
        final,
        options,
        samples,
        history,
        scores_of(samples.test_target, final.predict(samples.test_inputs.values), target),
        scores_of(target, outputs, target),
    )


def result_of(done: Trained, report: Path) -> dict[str, Any]:
    """Return the result as JSON has it."""
    return {
        "network": str(done.options.output),
        "report": str(report),
        "task": done.samples.target.task,
        "target": done.samples.target.name,
        "rows": {
            "trained": len(done.samples.rows),
            "held_out": len(done.samples.test_target.values),
        },
        "inputs": done.net.n_in,
        "outputs": list(done.samples.target.outputs),
        "connections": done.net.n_connections,
        "dtype": str(done.net.dtype),
        "epochs": done.options.epochs,
        "seed": done.options.seed,
        "held_out": done.scores.figures,
        "trained": done.trained_scores.figures,
        "seconds": sum(epoch.seconds for epoch in done.history.epochs),
    }


def summary(done: Trained, report: Path) -> str:
    """Return the last lines for a person."""
    return (
        f"Held-out rows: {done.scores}\nThe network is {done.options.output}, the report "
        f"{report / 'README.md'}"
    )
