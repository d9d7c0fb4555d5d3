"""The comparison of a sparse network with its fully connected twin, on MNIST or the like."""

from __future__ import annotations

import json
import math
import sys
import time
from argparse import Namespace
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from .. import topology
from .._support import checks, extras
from .._support.environment import describe_environment
from .._support.seeds import layer_seeds, seed_of
from ..interchange.network_file import load, save
from ..measurement.comparison import describe_load, figures_of, format_comparison
from ..measurement.machine_load import measure_load
from ..measurement.timing import time_steps
from ..network.evaluation import evaluate
from ..network.losses import LOSSES
from ..network.mlp import MLP
from ..training.history import Epoch, describe, write_csv
from ..training.optimizers import NesterovSGD
from ..training.schedules import WarmUpDecay
from ..training.train import train
from .mnist_options import EPOCHS, SETTINGS, arguments_of, settings_of, sigmoid_rate
from .options import limit_threads, load_data, row_of
from .program import (
    INTERRUPTED,
    Parser,
    save_figure,
    show_warnings_in_one_line,
    write_text,
)  # fmt: skip

DESCRIPTION = """\
Train a sparse network and its fully connected twin on MNIST, and compare them.

Or on another data set of images that --data names.

The wiring of the sparse network is fixed before training: each input neuron is connected to
--degree hidden neurons, in a pattern that --topology names. Both networks have the same widths
and get the same training. At the end a table compares them, and a folder holds summary.json,
history.csv, the plots and the trained networks. The folder also keeps checkpoints: a run that was
killed or interrupted goes on with --resume.

examples:
  %(prog)s
  %(prog)s --topology constant_degree --degree 40
  %(prog)s --hidden 1000,500 --degree 50,25 --output-degree 5 --dropout 0.1
  %(prog)s --activation relu --loss cross_entropy --learning-rate 0.1
  %(prog)s --data sample --epochs 5 --no-compare
  %(prog)s --data fashion
  %(prog)s --resume runs/20300115-143000-fibonacci_rotating
  %(prog)s --load runs/20300115-143000-fibonacci_rotating/sparse.npz --epochs 9
"""
"""Text of --help."""


def build_networks(options: Namespace) -> dict[str, MLP]:
    """Return the sparse network and, if wanted, its fully connected twin."""
    row = row_of(options.data)
    n_classes = len(row.classes)
    if options.load is not None:
        net = load(options.load)
        if not isinstance(net, MLP) or (net.n_in, net.n_out) != (row.n_features, n_classes):
            raise ValueError(
                f"--load {options.load}: a network for {row.title} is an MLP of {row.n_features} "
                f"inputs and {n_classes} outputs, this one is {net!r}"
            )
        return {"sparse": net}
    widths = [row.n_features, *options.hidden, n_classes]
    degrees = [*options.degree, options.output_degree]
    sparse, dense = [], []
    seeds = layer_seeds(seed_of(options.seed), len(degrees))
    for shape, degree, seed in zip(pairwise(widths), degrees, seeds, strict=True):
        dense.append(topology.dense(*shape))
        sparse.append(
            dense[-1] if degree is None else topology.make(options.topology, *shape, degree, seed)
        )
    graphs = {"sparse": sparse, "dense": dense} if options.compare else {"sparse": sparse}
    fitting = LOSSES[options.loss].outputs
    outputs = "sigmoid" if "sigmoid" in fitting else fitting[0]
    return {
        name: MLP(
            layers,
            activation=options.activation,
            output_activation=outputs,
            seed=options.seed,
            dtype=options.dtype,
        )
        for name, layers in graphs.items()
    }


def default_rate(net: MLP, loss: str, n_steps: int) -> float:
    """Return the highest learning rate for so many steps, of the networks that there is one for."""
    if (net.activation, net.output_activation, loss) != ("sigmoid", "sigmoid", "mse"):
        raise ValueError(
            f"--learning-rate must be given: the default is one for sigmoid neurons and squared "
            f"error, and the network is {net}. Begin with 0.1 for ReLUs and cross-entropy"
        )
    return sigmoid_rate(n_steps)


def main(argv: list[str] | None = None, prog: str = "minisnn mnist") -> int:
    """Run; return the exit code."""
    parser = Parser(
        prog=prog,
        description=DESCRIPTION,
    )
    options = arguments_of(parser, argv)
    limit_threads(options.threads)
    show_warnings_in_one_line()

    def say(text: str) -> None:
        if not options.quiet:
            print(text, flush=True)

    def report(_: MLP, epoch: Epoch) -> None:
        if not sys.stderr.isatty():  # where there is a terminal, there is a progress bar
            say(f"  epoch {epoch.epoch:3d} of {options.epochs}: {describe(epoch)}")

    extras.require("matplotlib", "mnist", prog)
    from .. import plots

    settings = settings_of(options)
    networks = build_networks(options)
    rates = options.dropout[0] if len(options.dropout or []) == 1 else options.dropout
    dropout = checks.check_dropout(rates, len(networks["sparse"].layers))
    data = load_data(options.data)
    size = "full" if len(data.train_images) > 10_000 else "sample"
    if options.epochs is None:
        options.epochs = EPOCHS[size]
    if options.learning_rate is None:
        n_steps = options.epochs * math.ceil(len(data.train_images) / options.batch_size)
        options.learning_rate = default_rate(networks["sparse"], options.loss, n_steps)
    schedule = WarmUpDecay(options.learning_rate)
    optimizer = NesterovSGD(schedule, options.momentum)
    if options.output is None:
        name = options.topology if options.load is None else options.load.stem
        options.output = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    folder = options.output
    folder.mkdir(parents=True, exist_ok=True)
    if options.resume is None:
        if any(folder.iterdir()):
            raise ValueError(
                f"--output {folder} is not empty; name a new folder, or go on with --resume"
            )
        write_text(folder / SETTINGS, json.dumps(settings, indent=2) + "\n")

    digits = data.train_images, data.train_labels
    test = data.test_images, data.test_labels
    say(f"Data: {data.source}; {len(digits[0]):,} to train, {len(test[0]):,} to test")
    common: dict[str, Any] = {
        "optimizer": optimizer,
        "batch_size": options.batch_size,
        "dropout": dropout,
        "input_scale": 1 / 255,
    }
    progress = False if options.quiet else None

    def picture(figure: Any, name: str) -> None:
        figure.suptitle(data.title)
        save_figure(figure, folder / name)

    histories, loads = {}, {}
    for name, net in networks.items():
        say(f"Training the {name} network: {net}")
        with measure_load() as loads[name]:
            histories[name] = train(
                net,
                *digits,
                **common,
                epochs=options.epochs,
                validation_data=test,
                seed=options.seed,
                callbacks=[report],
                checkpoint=folder / f"{name}.checkpoint.npz",
                checkpoint_every=options.checkpoint,
                resume=options.resume is not None,
                progress=progress,
            )
        if histories[name].interrupted:
            say(
                f"Interrupted after {len(histories[name].epochs)} epochs; here is what there is. "
                f"Go on with --resume {folder}"
            )
            break
    interrupted = any(history.interrupted for history in histories.values())
    trained = {name: networks[name] for name in histories}
    for name, net in trained.items():  # first of all, so that they are safe
        save(net, folder / f"{name}.npz")
    write_csv(folder / "history.csv", histories)
    picture(plots.plot_training(histories), "training.png")
    picture(plots.plot_adjacency(networks["sparse"].topologies), "adjacency.png")

    times = {}
    if len(trained) > 1:
        say("Timing training steps, the networks in turn ...")
        with measure_load() as loads["steps"]:
            found = time_steps(list(trained.values()), *digits, **common, progress=progress)
        times = dict(zip(trained, found, strict=True))
        step_times = {name: found.wall for name, found in times.items()}
        picture(plots.plot_step_times(step_times), "step_time.png")
    figures = [
        figures_of(
            name,
            net,
            histories[name],
            evaluate(net, *test, input_scale=1 / 255).accuracy or 0.0,
            times.get(name),
            times.get("dense"),
            [loads[phase].others for phase in (name, "steps") if phase in loads],
        )
        for name, net in trained.items()
    ]

    summary = {
        "networks": [asdict(item) for item in figures],
        "seed": options.seed,
        **describe_environment(),
        "data": data.source,
        "settings": {**settings_of(options), "warm_up": schedule.warm_up, "output": str(folder)},
        "interrupted": interrupted,
        "load": {phase: load.others for phase, load in loads.items()},
        "times_are_to_be_trusted": not describe_load(figures),
    }
    write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")

    say("")
    print(format_comparison(figures))
    if busy := describe_load(figures):
        print(f"\n{busy}")
    say(f"\nResults are in {folder}/")
    return INTERRUPTED if interrupted else 0
