"""Options of the comparison on MNIST."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from ..network.layer import HIDDEN
from ..network.losses import LOSSES
from .options import add_threads_option, at_least_one, check_threads, data_names, numbers
from .program import Parser

EPOCHS = {"full": 60, "sample": 200}
HIGHEST_RATE, STEPS_PER_RATE = 20.0, 1400  # the rate must not rise faster, see docs/training.md
SETTINGS = "settings.json"  # the options, in the folder of the results


def sigmoid_rate(n_steps: int) -> float:
    """Return the highest learning rate that sigmoid neurons with squared error bear."""
    return min(HIGHEST_RATE, n_steps / STEPS_PER_RATE)


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    whole, real = numbers(int, "a whole number", 1), numbers(float, "a number")
    network = parser.add_argument_group("the network")
    network.add_argument(
        "--topology",
        default="fibonacci_rotating",
        metavar="NAME",
        help="how the sparse layers are wired, see minisnn.topology.names (default: %(default)s)",
    )
    network.add_argument(
        "--degree",
        type=whole,
        default=[150],
        metavar="K[,K...]",
        help="edges that leave each neuron before a hidden layer: one number for all, or one for "
        "each hidden layer (default: 150)",
    )
    network.add_argument(
        "--hidden",
        type=whole,
        default=[1000],
        metavar="N[,N...]",
        help="neurons of each hidden layer (default: 1000)",
    )
    network.add_argument(
        "--output-degree",
        type=int,
        metavar="K",
        help="edges from each neuron of the last hidden layer to the outputs, of which there is "
        "one for each class (default: all)",
    )
    network.add_argument(
        "--activation",
        choices=HIDDEN,
        default="sigmoid",
        metavar="NAME",
        help=f"activation of hidden neurons: {', '.join(HIDDEN)} (default: %(default)s)",
    )
    network.add_argument(
        "--loss",
        choices=tuple(LOSSES),
        default="mse",
        metavar="NAME",
        help=f"{', '.join(LOSSES)} (default: %(default)s, of sigmoids, as in the paper; "
        "cross_entropy is of a softmax)",
    )
    network.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default="float32",
        help="precision (default: %(default)s)",
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
        help=f"passes over the training data (default: {EPOCHS['full']}, and "
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
        f"{HIGHEST_RATE:g} at most; none but for sigmoid neurons and squared error)",
    )
    training.add_argument(
        "--momentum", type=float, default=0.9, metavar="M", help="of Nesterov SGD (default: 0.9)"
    )
    training.add_argument(
        "--dropout",
        type=real,
        metavar="P[,P...]",
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
    run = parser.add_argument_group("the run")
    add_threads_option(run)
    run.add_argument(
        "--data",
        choices=data_names(),
        default="auto",
        metavar="NAME",
        help=f"{', '.join(data_names())}: from the folder that MINISNN_DATA names, or the cache, "
        "or downloaded. The sample is 5,000 digits of MNIST that come with minisnn; full is mnist; "
        "auto is that if it can be had at once, else the sample (default: %(default)s)",
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
        "--checkpoint",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how often to write a checkpoint to that folder (default: every minute)",
    )
    run.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="go on with the run whose folder this is, with the options that it was begun with",
    )
    run.add_argument("--quiet", action="store_true", help="print the final table only")


def arguments_of(parser: Parser, argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    add_arguments(parser)
    options = parser.parse_args(argv)
    if options.resume is not None:
        if options.output is not None:
            parser.error(
                f"--resume writes into the folder of the earlier run, {options.resume}; leave out "
                f"--output {options.output}, or copy that folder and resume the copy"
            )
        try:
            settings = json.loads((options.resume / SETTINGS).read_text(encoding="utf-8-sig"))
            check_settings(settings, settings_of(options))
            parser.set_defaults(**settings)
        except (OSError, ValueError, RecursionError) as error:
            parser.error(f"--resume {options.resume}: no settings of an earlier run: {error}")
        options = parser.parse_args(argv)
        options.output = options.resume
    check_threads(parser, options.threads)
    if not 0 <= options.checkpoint < math.inf:
        parser.error(f"--checkpoint must be a number of seconds, got {options.checkpoint:g}")
    if len(options.degree) not in (1, len(options.hidden)):
        parser.error(
            f"--degree takes one number or {len(options.hidden)}, one for each hidden layer, "
            f"got {len(options.degree)}"
        )
    if len(options.degree) == 1:
        options.degree *= len(options.hidden)
    return options


def check_settings(settings: Any, known: dict[str, Any]) -> None:
    """Raise unless the settings have the names of options, and numbers where a list is one."""
    if not isinstance(settings, dict) or settings.keys() != known.keys():
        raise ValueError(f"they must have the names {', '.join(known)}")
    for name in ("degree", "hidden", "dropout"):
        values = settings[name] or []
        if not isinstance(values, list) or any(type(n) not in (int, float) for n in values):
            raise ValueError(f"{name} must be a list of numbers, got {values!r:.60}")


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options as JSON can hold them, but for those of this command alone.

    A path is absolute: a run may be resumed from another folder.
    """
    return {
        name: str(value.absolute()) if isinstance(value, Path) else value
        for name, value in vars(options).items()
        if name not in ("output", "quiet", "resume")
    }
