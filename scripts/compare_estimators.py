"""Train scikit-learn's MLPClassifier and minisnn's SparseMLPClassifier on MNIST; print a table.

All have one hidden layer of ReLUs of the same width, and are trained by Adam at its usual rate, in
batches of 128, float32, as long as each other. They take turns, seed by seed. Accuracy is the mean
over the seeds, with its range; seconds of `fit` are the median; bytes are those of the weights as
scikit-learn holds them, and of the file that minisnn.save writes.

example:
  MINISNN_DATA=/path/to/mnist python scripts/compare_estimators.py --data full --epochs 10
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from program import Parser, run

import minisnn as snn
from minisnn._support.extras import require
from minisnn._support.seeds import seed_of
from minisnn._support.tables import align
from minisnn.command.options import add_data_option, at_least_one, load_data, numbers
from minisnn.experiments.arrays import spread


def contestants(hidden: int, epochs: int) -> dict[str, Callable[[int], Any]]:
    """Return what makes each estimator from a seed."""
    require("sklearn", "sklearn", "scripts/compare_estimators.py")
    from sklearn.neural_network import MLPClassifier

    from minisnn.sklearn import SparseMLPClassifier

    def sparse(**wiring: Any) -> Callable[[int], Any]:
        return lambda seed: SparseMLPClassifier(
            (hidden,), max_iter=epochs, tol=None, random_state=seed, **wiring
        )

    return {
        "MLPClassifier": lambda seed: MLPClassifier(
            (hidden,), batch_size=128, alpha=0, max_iter=epochs, n_iter_no_change=epochs,
            random_state=seed,
        ),
        "SparseMLPClassifier, dense": sparse(topology="dense"),
        "fibonacci_rotating, 15 %": sparse(topology="fibonacci_rotating", density=0.15),
        "fibonacci_rotating, 5 %": sparse(topology="fibonacci_rotating", density=0.05),
        "biregular, 10 % (default)": sparse(),
    }  # fmt: skip


def n_bytes(model: Any) -> int:
    """Return what it takes to keep a model: parameters, and wiring if there is any."""
    if not hasattr(model, "net_"):
        return sum(array.nbytes for array in [*model.coefs_, *model.intercepts_])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.npz"
        snn.save(model.net_, file)
        return file.stat().st_size


def main(argv: list[str] | None = None) -> None:
    """Run."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_option(parser)
    parser.add_argument("--hidden", type=at_least_one, default=1000, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=at_least_one, default=20, help="(default: %(default)s)")
    parser.add_argument(
        "--seeds", type=numbers(int, "a seed"), default=[0, 1, 2], help="(default: 0,1,2)"
    )
    options = parser.parse_args(argv)
    for seed in options.seeds:
        seed_of(seed)
    data = load_data(options.data)
    X, X_test = (a / np.float32(255) for a in (data.train_images, data.test_images))
    makers = contestants(options.hidden, options.epochs)
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in makers}
    with warnings.catch_warnings():
        # as long as each other is what is wanted
        warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
        for make in makers.values():  # once, so that compilation is not timed
            few = spread(data.train_labels)[:256]
            make(0).set_params(max_iter=1).fit(X[few], data.train_labels[few])
        for seed in options.seeds:
            for name, make in makers.items():
                print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
                started = time.perf_counter()
                model = make(seed).fit(X, data.train_labels)
                seconds = time.perf_counter() - started
                accuracy = 100 * model.score(X_test, data.test_labels)
                found[name].append((accuracy, seconds, n_bytes(model)))
    rows = []
    for name, runs in found.items():
        accuracies, times, sizes = zip(*runs, strict=True)
        rows.append(
            [
                name,
                f"{np.mean(accuracies):.2f} %",
                f"{min(accuracies):.2f} to {max(accuracies):.2f}",
                f"{np.median(times):.1f}",
                f"{sizes[0]:,}",
            ]
        )
    print(
        f"{data.title}, {X.shape[1]}-{options.hidden}-{len(data.classes)}, {len(X):,} images, "
        f"{options.epochs} epochs, "
        f"{len(options.seeds)} seeds\n"
    )
    print(align(["", "accuracy", "range", "seconds", "bytes"], rows))


if __name__ == "__main__":
    sys.exit(run(main, "sklearn", at_full_speed=True))
