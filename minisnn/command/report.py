"""The report on a trained network: a model card in Markdown, pictures, figures, history."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from .._support.console import say
from .._support.environment import describe_environment
from .._support.messages import counted
from ..network.mlp import MLP
from ..training.history import write_csv
from .program import save_figure, write_text
from .scores import Scores
from .trained import Trained

MOST_CLASSES = 12  # that the table of the card and the picture show
MOST_POINTS = 5000


def write_report(done: Trained, folder: Path) -> None:
    """Write README.md, the model card; figures.json, history.csv; and pictures.

    Parameters
    ----------
    done : Trained
        The network, and what it was made from.
    folder : Path
        Made if it is not there.
    """
    folder.mkdir(exist_ok=True)
    pictures = draw(done, folder)
    write_csv(folder / "history.csv", {"network": done.history})
    figures: dict[str, Any] = {
        "held_out": done.scores.figures,
        "trained": done.trained_scores.figures,
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in vars(done.options).items()},
        "environment": describe_environment(),
    }
    if done.scores.confusion is not None:
        figures["classes"] = done.samples.target.outputs
        figures["confusion"] = done.scores.confusion.tolist()
    write_text(folder / "figures.json", json.dumps(figures, indent=2) + "\n")
    write_text(folder / "README.md", card(done, pictures))


def draw(done: Trained, folder: Path) -> dict[str, str]:
    """Draw pictures; return their files with a line of text for each."""
    if find_spec("matplotlib") is None:
        say("the report has no pictures: they need matplotlib; pip install 'minisnn[plot]'")
        return {}
    from .. import plots

    figures: dict[str, tuple[Any, str]] = {}
    if isinstance(done.net, MLP):
        figures["wiring.png"] = plots.plot_adjacency(done.net.topologies), "wiring of the layers"
    else:
        figures["wiring.png"] = plots.plot_wiring(done.net.wiring), "wiring"
    figures["training.png"] = plots.plot_training(done.history), "loss and accuracy by epoch"
    if done.scores.confusion is None:
        figures["predictions.png"] = plot_amounts(done.scores), "predicted and true values"
    elif len(done.scores.confusion) <= MOST_CLASSES:
        figures["predictions.png"] = plot_confusion(done.scores), "true and predicted classes"
    for name, (figure, _) in figures.items():
        save_figure(figure, folder / name)
    return {name: text for name, (_, text) in figures.items()}


def plot_confusion(scores: Scores) -> Any:
    """Return a figure of how many held-out rows of each class were predicted as which."""
    from ..plots.style import new_figure, plain

    counts, labels = scores.confusion, list(map(plain, scores.target.outputs))
    assert counts is not None
    size = 2.5 + 0.45 * len(labels)
    figure = new_figure(size, size)
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=color)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="true", title="Held-out rows")
    return figure


def plot_amounts(scores: Scores) -> Any:
    """Return a figure of predicted over true amounts of held-out rows."""
    from ..plots.style import COLORS, new_figure, plain

    step = -(-len(scores.predicted) // MOST_POINTS)
    true, predicted = scores.target.values[::step], scores.predicted[::step]
    figure = new_figure(5, 4.5)
    axes = figure.subplots()
    axes.scatter(true, predicted, s=8, alpha=0.5, color=COLORS[0], linewidths=0)
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    axes.plot([low, high], [low, high], color="black", linewidth=1)
    name = plain(scores.target.name)
    axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}", title="Held-out rows")
    return figure


def card(done: Trained, pictures: dict[str, str]) -> str:
    """Return the model card."""
    options, target, net = done.options, done.samples.target, done.net
    n_held = len(done.samples.test_target.values)
    shown = {name: f"![{text}]({name})\n" for name, text in pictures.items()}
    blocks = [
        f"# {options.output.stem}\n",
        f"A network of minisnn that predicts `{target.name}` "
        + (
            f"(a number) from {counted(net.n_in, 'input')}.\n"
            if target.labels is None
            else f"({counted(len(target.labels), 'class').replace('classs', 'classes')}) from "
            f"{counted(net.n_in, 'input')}.\n"
        ),
        f"**Held-out rows: {done.scores}.** {n_held:,} rows that it was not trained on.\n",
        "## Results\n",
        results(done),
        shown.get("predictions.png", ""),
        "## Data\n",
        data(done),
        "## Network\n",
        network(done),
        shown.get("wiring.png", ""),
        "## Training\n",
        training(done),
        shown.get("training.png", ""),
        "## Use\n",
        use(done),
        "## Limits\n",
        limits(done),
    ]
    return "\n".join(filter(None, blocks))


def results(done: Trained) -> str:
    """Return tables of figures."""
    held, trained = done.scores.figures, done.trained_scores.figures
    if done.scores.confusion is None:
        rows = {
            "root of the mean squared error": "rmse",
            "mean absolute error": "mae",
            "share of the variance that is explained, R²": "r2",
            "root of the mean squared error of the mean": "guess",
        }
        form: Any = "{:.4g}".format
    else:
        rows = {
            "rows that are right": "accuracy",
            "mean of that over classes": "balanced_accuracy",
            "rows of the commonest class": "guess",
        }
        form = percent
    lines = ["| | held-out rows | trained rows |", "|---|---|---|"]
    for text, name in rows.items():
        cells = ["–" if each[name] is None else form(each[name]) for each in (held, trained)]
        lines.append(f"| {text} | {cells[0]} | {cells[1]} |")
    counts = done.scores.confusion
    if counts is not None and len(counts) <= MOST_CLASSES:
        lines += ["", "| class | held-out rows | right | predicted as this | of these right |"]
        lines.append("|---|---|---|---|---|")
        for label, row, column, right in zip(
            done.samples.target.outputs, counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist(),
            counts.diagonal().tolist(), strict=True,
        ):  # fmt: skip
            of_true, of_predicted = (percent(right / n) if n else "–" for n in (row, column))
            lines.append(f"| {cell(label)} | {row:,} | {of_true} | {column:,} | {of_predicted} |")
    return "\n".join(lines) + "\n"


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.1f} %"


def cell(text: str) -> str:
    """Return a text as a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def data(done: Trained) -> str:
    """Return what it was trained on."""
    options, samples = done.options, done.samples
    n_rows = len(samples.rows)
    lines = [f"- `{options.table}`: {n_rows:,} rows to train on"]
    if options.test is None:
        lines[0] += (
            f", {len(samples.test_target.values):,} held out, {options.held_out:g} of all, chosen "
            f"with seed {options.seed}"
            + ", evenly from classes"
            * (samples.target.labels is not None)
        )
    else:
        lines.append(f"- `{options.test}`: {len(samples.test_target.values):,} rows to judge by")
    if samples.inputs.names is not None:
        first = ", ".join(f"`{name}`" for name in samples.inputs.names[:10])
        more = len(samples.inputs.names) - 10
        lines.append(f"- inputs, by name: {first}" + f" and {more:,} more" * (more > 0))
    if options.ignore:
        lines.append(f"- left out: {', '.join(f'`{name}`' for name in options.ignore)}")
    if options.scaling:
        how = "divided by the root of the mean square"
        if not scipy.sparse.issparse(samples.inputs.values):
            how = "standardised to mean 0 and deviation 1"
        target = "" if samples.target.labels is not None else ", and so was the target"
        lines.append(
            f"- each input was {how} over the rows to train on{target}; this is in the weights: "
            "the network takes and gives the numbers of the table"
        )
    return "\n".join(lines) + "\n"


def network(done: Trained) -> str:
    """Return what the network is."""
    net, options = done.net, done.options
    lines = [f"- `{net}`"]
    if options.wiring is not None:
        lines.append(
            f"- wiring: `{options.wiring}`, {counted(options.units, 'neuron')} for each term"
        )
    dense = net.n_connections / full(net)
    lines.append(
        f"- {net.n_connections:,} connections, {percent(dense)} of those of fully connected layers "
        f"of the same widths; {net.parameter_bytes:,} bytes of weights and biases, {net.dtype}"
    )
    if str(net.dtype) == "float64":
        lines.append("- it was trained in float32; the numbers of the table need float64")
    return "\n".join(lines) + "\n"


def full(net: Any) -> int:
    """Return the connections that complete layers between its levels would have."""
    widths = net.widths if isinstance(net, MLP) else np.diff(net.wiring.level_starts).tolist()
    return sum(a * b for a, b in pairwise(widths))


def training(done: Trained) -> str:
    """Return how it was trained."""
    options = done.options
    loss = "mean squared error" if done.samples.target.labels is None else "cross-entropy"
    extras = {
        "weight decay": options.weight_decay,
        "dropout": options.dropout,
    }
    also = "".join(f", {name} {value:g}" for name, value in extras.items() if value)
    also += ", classes of equal weight" * options.balanced
    seconds = sum(epoch.seconds for epoch in done.history.epochs)
    environment = describe_environment()
    versions = environment["versions"]
    return (
        f"- {loss}, Adam from rate {options.learning_rate:g} to 0 along a cosine, batches of "
        f"{options.batch_size}, {counted(options.epochs, 'epoch')}{also}, seed {options.seed}\n"
        f"- {seconds:.2g} seconds on {environment['cpu']}, "
        f"{counted(environment['threads'], 'thread')}; minisnn {versions['minisnn']}, "
        f"NumPy {versions['numpy']}, Numba {versions['numba']}\n"
        f"- {datetime.now(UTC):%Y-%m-%d}\n"
    )


def use(done: Trained) -> str:
    """Return commands and a program that predict."""
    output = shlex.quote(done.options.output.name)
    table = "table.csv" if done.samples.inputs.names is not None else Path(done.options.table).name
    names = done.samples.inputs.names
    takes = (
        "Columns are matched by name, in any order; others may be there."
        if names is not None
        else "Columns are taken by their positions."
    )
    return (
        f"```sh\nminisnn predict {output} {shlex.quote(table)} --output predictions.csv\n"
        f"minisnn export {output} model.c\n```\n\n{takes}\n\n"
        f"```python\nimport minisnn as snn\n\nnet = snn.load({done.options.output.name!r})\n"
        "outputs = net.predict(frame)  # a frame or an array of the same columns\n```\n"
    )


def limits(done: Trained) -> str:
    """Return what the figures do not say."""
    lines = [
        "- The figures are of rows of the same table, chosen at random. Rows from another place or "
        "time, or several of one person, are not like that."
        if done.options.test is None
        else "- The figures are of the table that it was judged by.",
        "- One seed was trained. Another would give somewhat different figures.",
        "- A prediction is given for any row, also for one that is unlike all that it has seen.",
        "- Whoever publishes the network adds its purpose, the origin of the data, whom it is of, "
        "its licence, and what the network must not be used for.",
    ]
    return "\n".join(lines) + "\n"
