"""Train a sparse network and its fully connected twin on MNIST, and show what sparsity bought.

The wiring of the sparse network is fixed before training: each input neuron is connected to
--degree hidden neurons, in a pattern that --topology names. Both networks have the same widths
and get the same training. At the end a table compares them, and a folder holds summary.json,
history.csv, the plots and the trained networks. The folder also keeps checkpoints: a run that was
killed or interrupted goes on with --resume.

examples:
  python scripts/run_mnist.py
  python scripts/run_mnist.py --topology constant_degree --degree 40
  python scripts/run_mnist.py --hidden 1000,500 --degree 50,25 --output-degree 5 --dropout 0.1
  python scripts/run_mnist.py --data sample --epochs 5 --no-compare
  python scripts/run_mnist.py --resume runs/20300115-143000-fibonacci_rotating
  python scripts/run_mnist.py --load runs/20300115-143000-fibonacci_rotating/sparse.npz --epochs 9
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from full_speed import at_full_speed

if TYPE_CHECKING:
    import minisnn as snn

N_PIXELS, N_CLASSES = 784, 10
EPOCHS = {"full": 60, "sample": 200}
HIGHEST_RATE, STEPS_PER_RATE = 20.0, 1400  # the rate must not rise faster, see docs/training.md
SETTINGS = "settings.json"  # the options, in the folder of the results
INTERRUPTED = 130  # the shell's code for Ctrl-C


def numbers(kind: type, what: str) -> Any:
    """Return a parser of one number, or several with commas between them."""

    def parse(text: str) -> list[Any]:
        try:
            return [kind(part) for part in text.split(",")]
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not {what}, nor several with commas between them"
            ) from None

    return parse


def at_least_one(text: str) -> int:
    """Parse a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    whole, real = numbers(int, "a whole number"), numbers(float, "a number")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    network = parser.add_argument_group("the network")
    network.add_argument(
        "--topology",
        default="fibonacci_rotating",
        metavar="NAME",
        help="how the sparse layers are wired; scripts/show_topology.py --list has the names "
        "(default: %(default)s)",
    )
    network.add_argument(
        "--degree",
        type=whole,
        default=[150],
        metavar="K[,K…]",
        help="edges that leave each neuron before a hidden layer: one number for all, or one for "
        "each hidden layer (default: 150)",
    )
    network.add_argument(
        "--hidden",
        type=whole,
        default=[1000],
        metavar="N[,N…]",
        help="neurons of each hidden layer (default: 1000)",
    )
    network.add_argument(
        "--output-degree",
        type=int,
        metavar="K",
        help="edges from each neuron of the last hidden layer to the 10 outputs, 1 to 10 "
        "(default: all 10)",
    )
    network.add_argument(
        "--load",
        type=Path,
        metavar="FILE",
        help="train a network further that an earlier run or minisnn.save has left, on its own; "
        "the other options of the network do not matter",
    )
    training = parser.add_argument_group("the training")
    training.add_argument(
        "--epochs",
        type=at_least_one,
        metavar="N",
        help=f"passes over the training data (default: {EPOCHS['full']} on full MNIST, "
        f"{EPOCHS['sample']} on the sample)",
    )
    training.add_argument(
        "--batch-size",
        type=at_least_one,
        default=128,
        metavar="N",
        help="samples a step (default: 128)",
    )
    training.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="highest learning rate: it rises from 0 to it over the first half of the training "
        "and falls back to 0 over the second; rates are high since squared error divides by "
        f"samples and outputs (default: one {STEPS_PER_RATE}th of the number of training steps, "
        f"{HIGHEST_RATE:g} at most)",
    )
    training.add_argument(
        "--momentum", type=float, default=0.9, metavar="M", help="of Nesterov SGD (default: 0.9)"
    )
    training.add_argument(
        "--dropout",
        type=real,
        metavar="P[,P…]",
        help="share of neurons to drop at random in a step: one number for the input and all "
        "hidden layers, or one for the input and each hidden layer (default: none)",
    )
    training.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of random wiring, initial weights, shuffling and dropout (default: 0)",
    )
    training.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default="float32",
        help="precision (default: %(default)s)",
    )
    run = parser.add_argument_group("the run")
    run.add_argument("--threads", type=int, metavar="N", help="threads to use (default: all cores)")
    run.add_argument(
        "--data",
        choices=("auto", "full", "sample"),
        default="auto",
        help="full MNIST (from the folder that MINISNN_DATA names, or the cache, or downloaded), "
        "the sample of 5,000 digits that comes with minisnn, or the full set if it can be had at "
        "once (default: %(default)s)",
    )
    run.add_argument(
        "--compare",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether to train the fully connected twin, too (default: yes)",
    )
    run.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the results (default: a new one in runs/)",
    )
    run.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="go on with the run whose folder this is, with the options that it was begun with",
    )
    run.add_argument("--quiet", action="store_true", help="print the final table only")
    options = parser.parse_args(argv)
    if options.resume is not None:
        try:
            settings = json.loads((options.resume / SETTINGS).read_text(encoding="utf-8"))
            parser.set_defaults(**settings)
        except (OSError, ValueError, TypeError) as error:
            parser.error(f"--resume {options.resume}: no settings of an earlier run: {error}")
        options = parser.parse_args(argv)
        options.output = options.resume
    if options.threads is not None and not 1 <= options.threads <= (os.cpu_count() or 1):
        parser.error(
            f"--threads must be between 1 and {os.cpu_count()}, the cores here, "
            f"got {options.threads}"
        )
    if len(options.degree) not in (1, len(options.hidden)):
        parser.error(
            f"--degree takes one number or {len(options.hidden)}, one for each hidden layer, "
            f"got {len(options.degree)}"
        )
    if len(options.degree) == 1:
        options.degree *= len(options.hidden)
    return options


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options as JSON can hold them, but for those of this command alone."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(options).items()
        if name not in ("output", "quiet", "resume")
    }


def limit_threads(count: int | None) -> None:
    """Set the number of threads of Numba and of BLAS; they read it when they are imported."""
    if count is not None:
        for pool in ("NUMBA_NUM", "OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
            os.environ[f"{pool}_THREADS"] = str(count)


def build_networks(options: argparse.Namespace) -> dict[str, snn.MLP]:
    """Return the sparse network and, if wanted, its fully connected twin."""
    import minisnn as snn

    if options.load is not None:
        return {"sparse": snn.load(options.load)}
    widths = [N_PIXELS, *options.hidden, N_CLASSES]
    degrees = [*options.degree, options.output_degree]
    sparse, dense = [], []
    for number, (shape, degree) in enumerate(zip(pairwise(widths), degrees, strict=True)):
        dense.append(snn.topology.dense(*shape))
        sparse.append(
            dense[-1]
            if degree is None
            else snn.topology.make(options.topology, *shape, degree, options.seed + number)
        )
    networks = {"sparse": snn.MLP(sparse, seed=options.seed, dtype=options.dtype)}
    if options.compare:
        networks["dense"] = snn.MLP(dense, seed=options.seed, dtype=options.dtype)
    return networks


@contextmanager
def said(say: Callable[[str], None] | None) -> Iterator[None]:
    """Pass on what the library has to say, such as that it compiles, unless a bar shows it."""
    logger, handler = logging.getLogger("minisnn"), logging.Handler(logging.INFO)
    if say is None:
        yield
        return
    handler.emit = lambda record: say(f"  {record.getMessage()}")  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def main(argv: list[str] | None = None) -> int:
    """Run; return the exit code."""
    options = arguments_of(argv)
    limit_threads(options.threads)

    import minisnn as snn
    from minisnn import checks, extras, plots
    from minisnn.comparison import figures_of, format_comparison
    from minisnn.environment import describe_environment
    from minisnn.history import describe, write_csv
    from minisnn.timing import step_times

    def say(text: str) -> None:
        if not options.quiet:
            print(text, flush=True)

    def show_warning(message: Warning | str, *_: object, **__: object) -> None:
        print(f"warning: {message}", file=sys.stderr)

    def report(_: snn.MLP, epoch: snn.Epoch) -> None:
        if not sys.stderr.isatty():  # where there is a terminal, there is a progress bar
            say(f"  epoch {epoch.epoch:3d} of {options.epochs}: {describe(epoch)}")

    warnings.showwarning = show_warning
    extras.require("matplotlib", "mnist", "scripts/run_mnist.py")

    settings = settings_of(options)
    networks = build_networks(options)
    rates = options.dropout[0] if len(options.dropout or []) == 1 else options.dropout
    dropout = checks.check_dropout(rates, len(networks["sparse"].layers))
    digits = snn.datasets.load_mnist(options.data)
    size = "full" if len(digits.train_images) > 10_000 else "sample"
    if options.epochs is None:
        options.epochs = EPOCHS[size]
    if options.learning_rate is None:
        n_steps = options.epochs * math.ceil(len(digits.train_images) / options.batch_size)
        options.learning_rate = min(HIGHEST_RATE, n_steps / STEPS_PER_RATE)
    schedule = snn.WarmUpDecay(options.learning_rate)
    optimizer = snn.NesterovSGD(schedule, options.momentum)
    if options.output is None:
        options.output = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{options.topology}"
    folder = options.output
    folder.mkdir(parents=True, exist_ok=True)
    if options.resume is None:
        if any(folder.iterdir()):
            raise ValueError(
                f"--output {folder} is not empty; name a new folder, or go on with --resume"
            )
        (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    train = digits.train_images, digits.train_labels
    test = digits.test_images, digits.test_labels
    say(f"Data: {digits.source}; {len(train[0]):,} to train, {len(test[0]):,} to test")
    common: dict[str, Any] = {
        "optimizer": optimizer,
        "batch_size": options.batch_size,
        "dropout": dropout,
        "input_scale": 1 / 255,
    }
    histories = {}
    for name, net in networks.items():
        say(f"Training the {name} network: {net}")
        with said(say if not sys.stderr.isatty() else None):
            histories[name] = snn.train(
                net,
                *train,
                **common,
                epochs=options.epochs,
                validation_data=test,
                seed=options.seed,
                callbacks=[report],
                checkpoint=folder / f"{name}.checkpoint.npz",
                resume=options.resume is not None,
                progress=False if options.quiet else None,
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
        snn.save(net, folder / f"{name}.npz")
    write_csv(folder / "history.csv", histories)
    plots.plot_training(histories).savefig(folder / "training.png")
    plots.plot_adjacency(networks["sparse"].topologies).savefig(folder / "adjacency.png")

    say("Timing training steps, the networks in turn …")
    times = dict(zip(trained, step_times(list(trained.values()), *train, **common), strict=True))
    figures = [
        figures_of(
            name,
            net,
            histories[name],
            snn.evaluate(net, *test, input_scale=1 / 255).accuracy or 0.0,
            times[name],
            times.get("dense"),
        )
        for name, net in trained.items()
    ]

    summary = {
        "networks": [asdict(item) for item in figures],
        "seed": options.seed,
        **describe_environment(),
        "data": digits.source,
        "settings": {**settings_of(options), "warm_up": schedule.warm_up, "output": str(folder)},
        "interrupted": interrupted,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    plots.plot_step_times(times).savefig(folder / "step_time.png")

    say("")
    print(format_comparison(figures))
    say(f"\nResults are in {folder}/")
    return INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    at_full_speed()
    try:
        sys.exit(main())
    except ModuleNotFoundError as error:
        sys.exit(f'error: {error}; in the repository, run: pip install -e ".[mnist]"')
    except (ValueError, TypeError, ImportError, OSError, FloatingPointError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
