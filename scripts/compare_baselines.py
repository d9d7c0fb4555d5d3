"""Train a sparse network on MNIST and every baseline with as many weights, and print a table.

Or on another data set of images that --data names. The sparse network is 784 - 300 - 10 where
there are ten classes: fibonacci_rotating of degree 45, 15 % of all connections, then a fully
connected output layer. docs/baselines.md says what the baselines are, and why no one
learning rate does justice to all. So each kind of network takes the rate at which its training on
five sixths of the images is best on the last sixth; then it is trained on all of them, for each
seed, and judged on the test images.

example:
  python scripts/compare_baselines.py --learning-rates 1,4,12 --seeds 0,1,2 --output comparison.json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from program import Parser, run, write_text

import minisnn as snn
from minisnn import baselines
from minisnn._support.environment import describe_environment
from minisnn._support.seeds import seed_of
from minisnn._support.tables import align
from minisnn.baselines import Comparison
from minisnn.command.mnist_options import sigmoid_rate
from minisnn.command.options import add_data_option, at_least_one, load_data, numbers
from minisnn.experiments.arrays import spread

HIDDEN, DEGREE = 300, 45
BATCH_SIZE = 128
HELD_OUT = 6  # one image of so many, where a rate is chosen


def format_choice(by_rate: dict[str, dict[float, float]], chosen: dict[str, float]) -> str:
    """Return accuracies as an aligned table, one line per network, one column per rate."""
    peaks = next(iter(by_rate.values()))
    rows = [
        [name, *(f"{value:.2%}{' *'[peak == chosen[name]]}" for peak, value in accuracies.items())]
        for name, accuracies in by_rate.items()
    ]
    return align(["", *(f"{peak:g} " for peak in peaks)], rows)


def main(argv: list[str] | None = None) -> None:
    """Run."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_option(parser)
    parser.add_argument("--epochs", type=at_least_one, default=100, help="(default: %(default)s)")
    parser.add_argument(
        "--seeds",
        type=numbers(int, "a seed"),
        default=[0],
        metavar="N[,N...]",
        help="the first is that of the choice of rates, too (default: 0)",
    )
    parser.add_argument(
        "--learning-rates",
        type=numbers(float, "a number"),
        metavar="RATE[,RATE...]",
        help="peaks to choose from, see run_mnist.py (default: one, as there)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON file to write")
    options = parser.parse_args(argv)
    if options.output is not None and not options.output.parent.is_dir():
        parser.error(f"--output: there is no folder {options.output.parent}")
    for seed in options.seeds:
        seed_of(seed)

    data = load_data(options.data)
    graphs = [
        snn.topology.fibonacci_rotating(data.train_images.shape[1], HIDDEN, degree=DEGREE),
        snn.topology.dense(HIDDEN, len(data.classes)),
    ]
    n_steps = options.epochs * -(-len(data.train_images) // BATCH_SIZE)
    peaks = options.learning_rates or [sigmoid_rate(n_steps)]
    for peak in peaks:
        snn.WarmUpDecay(peak)  # raises where it is no rate, before hours of training
    train = data.train_images, data.train_labels
    test = data.test_images, data.test_labels
    order = spread(data.train_labels)  # as many of each class as can be are held out
    n_held = len(order) // HELD_OUT
    held, kept = ([array[chosen] for array in train] for chosen in np.split(order, [n_held]))

    def trained(name: str, peak: float, samples: Any, judge: Any, seeds: list[int]) -> Comparison:
        print(f"{name}, learning rate {peak:g}, seeds {seeds}", file=sys.stderr, flush=True)
        (row,) = baselines.compare(
            graphs,
            samples,
            judge,
            seeds=seeds,
            names=[name],
            optimizer=snn.NesterovSGD(snn.WarmUpDecay(peak), 0.9),
            batch_size=BATCH_SIZE,
            epochs=options.epochs,
            input_scale=1 / 255,
        )
        return row

    chosen, by_rate, rows = {}, {}, []
    for name in baselines.BASELINES:
        by_rate[name] = {
            peak: trained(name, peak, kept, held, options.seeds[:1]).accuracies[0]
            for peak in peaks
            if len(peaks) > 1
        }
        chosen[name] = max(by_rate[name], key=by_rate[name].__getitem__, default=peaks[0])
        rows.append(trained(name, chosen[name], train, test, options.seeds))
    if options.output is not None:
        summary = {
            "networks": [asdict(row) for row in rows],
            "learning_rates": chosen,
            "held_out_accuracies": by_rate,
            "topologies": [repr(graph) for graph in graphs],
            "seeds": options.seeds,
            "epochs": options.epochs,
            "batch_size": BATCH_SIZE,
            "data": data.source,
            **describe_environment(),
        }
        write_text(options.output, json.dumps(summary, indent=2) + "\n")
    if len(peaks) > 1:
        print(f"accuracy on {len(held[0]):,} images held out, by learning rate; * the highest\n")
        print(format_choice(by_rate, chosen) + "\n")
    rates = "these rates" if len(peaks) > 1 else f"{peaks[0]:g}"
    print(f"{data.title}, {len(train[0]):,} images, at {rates}\n")
    print(baselines.format_table(rows), flush=True)


if __name__ == "__main__":
    sys.exit(run(main, "mnist", at_full_speed=True))
