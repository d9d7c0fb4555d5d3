"""Train a sparse network on MNIST beside every baseline of as many weights, and print a table.

The sparse network is 784 - 300 - 10: fibonacci_rotating of degree 45, 15 % of all connections,
then a fully connected output layer. docs/baselines.md says what the baselines are, and why no one
learning rate does justice to all: there is a table for each.

example:
  python scripts/compare_baselines.py --learning-rates 1,4,12 --seeds 0,1 --output comparison.json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from full_speed import at_full_speed
from run_mnist import HIGHEST_RATE, STEPS_PER_RATE, at_least_one, numbers

import minisnn as snn
from minisnn import baselines
from minisnn.environment import describe_environment

GRAPHS = [snn.topology.fibonacci_rotating(784, 300, degree=45), snn.topology.dense(300, 10)]
BATCH_SIZE = 128


def main(argv: list[str] | None = None) -> None:
    """Run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", choices=("full", "sample"), default="sample", help="(%(default)s)"
    )
    parser.add_argument("--epochs", type=at_least_one, default=100, help="(default: %(default)s)")
    parser.add_argument("--seeds", type=numbers(int, "a seed"), default=[0], help="(default: 0)")
    parser.add_argument(
        "--learning-rates",
        type=numbers(float, "a number"),
        metavar="RATE[,RATE…]",
        help="peaks, see run_mnist.py (default: one, as there)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON file to write")
    options = parser.parse_args(argv)

    digits = snn.datasets.load_mnist(options.data)
    n_steps = options.epochs * -(-len(digits.train_images) // BATCH_SIZE)
    peaks = options.learning_rates or [min(HIGHEST_RATE, n_steps / STEPS_PER_RATE)]
    networks = {}
    for peak in peaks:
        networks[peak] = baselines.compare(
            GRAPHS,
            (digits.train_images, digits.train_labels),
            (digits.test_images, digits.test_labels),
            seeds=options.seeds,
            report=lambda row: print(f"{row.name} is trained", file=sys.stderr, flush=True),
            optimizer=snn.NesterovSGD(snn.WarmUpDecay(peak), 0.9),
            batch_size=BATCH_SIZE,
            epochs=options.epochs,
            input_scale=1 / 255,
        )
        print(f"\nlearning rate {peak:g}\n\n{baselines.format_table(networks[peak])}", flush=True)
    if options.output is not None:
        summary = {
            "networks": {str(peak): [asdict(row) for row in networks[peak]] for peak in peaks},
            "topologies": [repr(graph) for graph in GRAPHS],
            "seeds": options.seeds,
            "epochs": options.epochs,
            "batch_size": BATCH_SIZE,
            "data": digits.source,
            **describe_environment(),
        }
        options.output.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    at_full_speed()
    main()
