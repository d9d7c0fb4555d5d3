"""Train one sparse network with several activations, losses and optimisers; print a table.

    python scripts/compare_losses.py

The network and its wiring are those of run_mnist.py, the digits the embedded sample. Accuracy is
that on its test digits after the last epoch, mean and range over the seeds; seconds are those of
the epochs' training, without compilation and evaluation, their mean.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np
from program import run

import minisnn as snn
from minisnn.training.optimizer import Optimizer

N_HIDDEN, DEGREE, SEEDS = 1000, 150, 5


@dataclass(frozen=True)
class Row:
    """One way to train."""

    activation: str
    output_activation: str
    loss: str
    optimizer: Optimizer
    rate: str
    epochs: int


PAPER = Row(
    "sigmoid", "sigmoid", "mse", snn.NesterovSGD(snn.WarmUpDecay(4.6)), "up to 4.6, down to 0", 200
)
ADAM = Row(
    "relu", "softmax", "cross_entropy", snn.Adam(snn.CosineDecay(0.001)), "0.001, down to 0", 20
)
ROWS = (
    PAPER,
    replace(PAPER, epochs=20),
    replace(ADAM, activation="sigmoid"),
    replace(ADAM, activation="tanh"),
    ADAM,
    replace(ADAM, output_activation="sigmoid", loss="binary_cross_entropy"),
    replace(ADAM, optimizer=snn.NesterovSGD(snn.CosineDecay(0.1)), rate="0.1, down to 0"),
)


def train(digits: snn.datasets.Dataset, row: Row, seed: int) -> tuple[float, float]:
    """Return the accuracy in % on the test digits, and the seconds of training."""
    graph = snn.topology.fibonacci_rotating(784, N_HIDDEN, DEGREE)
    net = snn.MLP(
        [graph, snn.topology.dense(N_HIDDEN, 10)],
        activation=row.activation,
        output_activation=row.output_activation,
        seed=seed,
    )
    history = snn.train(
        net,
        digits.train_images,
        digits.train_labels,
        optimizer=row.optimizer,
        loss=row.loss,
        epochs=row.epochs,
        input_scale=1 / 255,
        seed=seed,
    )
    test = digits.test_images, digits.test_labels
    accuracy = snn.evaluate(net, *test, loss=row.loss, input_scale=1 / 255).accuracy
    assert accuracy is not None, "labels have an accuracy"
    return 100 * accuracy, sum(history.column("seconds"))


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(argv)
    digits = snn.datasets.load_mnist("sample")
    columns = ("hidden", "outputs", "loss", "optimiser", "rate", "epochs", "accuracy", "seconds")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in ROWS:
        found, seconds = zip(*(train(digits, row, seed) for seed in range(SEEDS)), strict=True)
        cells = (
            row.activation, row.output_activation, row.loss, type(row.optimizer).__name__,
            row.rate, row.epochs,
            f"{np.mean(found):.2f} % ({min(found):.2f} to {max(found):.2f})",
            f"{np.mean(seconds):.2f}",
        )  # fmt: skip
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(run(main, "mnist"))
