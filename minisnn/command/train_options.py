"""Options of ``minisnn train``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..network.layer import HIDDEN
from .options import add_threads_option, at_least_one, check_threads, numbers
from .program import Parser
from .targets import TASKS

WEIGHT_DECAY = 1.0

DESCRIPTION = """\
Train a network on a table, hold a part of the rows out, and write the network with a report.

TABLE is a .csv, .tsv or .parquet file whose columns have names; or .npy, .npz (inputs in an array
X, or in the only array beside the target), .libsvm or .svmlight. All columns but the target are
inputs and must be numbers; --ignore leaves some out. Texts and a few whole numbers are classes,
other numbers are amounts (--task says which).

Columns are standardised for training, and this is written into the weights: the saved network
takes the table as it is. It knows the names of columns and classes.

examples:
  %(prog)s iris.csv --target species --output iris.npz
  %(prog)s houses.csv --target price --ignore id --hidden 99,9 --output net.npz
  %(prog)s genes.parquet --target case --wiring sets.gmt --output genes.npz
  %(prog)s digits.npz --target y --hidden 1000 --output net.npz
  %(prog)s iris.csv --target species --output iris.npz --resume
"""


def arguments_of(argv: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(
        prog="minisnn train",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    options = parser.parse_args(argv)
    check_threads(parser, options.threads)
    if options.output.suffix != ".npz":
        parser.error(f"--output must end in .npz, got {options.output}")
    for name in ("degree", "density"):
        values = getattr(options, name)
        if values is not None and len(values) not in (1, len(options.hidden)):
            parser.error(
                f"--{name} takes one number or {len(options.hidden)}, one for each hidden layer, "
                f"got {len(values)}"
            )
    if options.degree is not None and options.density is not None:
        parser.error("--degree and --density are two ways to say the same; give one of them")
    if options.units != 1 and options.wiring is None:
        parser.error("--units are neurons of each term of a --wiring; layers have --hidden")
    return options


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    parser.add_argument("table", metavar="TABLE", help="file of rows to train on")
    data = parser.add_argument_group("the table")
    data.add_argument(
        "--target",
        metavar="NAME",
        help="column to predict, or array of a .npz file, or a file (.csv of one column, .npy); "
        "files of libsvm have it",
    )
    data.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="COLUMN",
        help="column that is no input, such as a number of the row; may be given again",
    )
    data.add_argument(
        "--task", choices=TASKS, metavar="TASK", help=f"{' or '.join(TASKS)} (default: see above)"
    )
    data.add_argument(
        "--held-out",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="part of the rows that the network is judged by, not trained on (default: 0.2)",
    )
    data.add_argument("--test", metavar="TABLE", help="judge by this table; train on all of TABLE")
    data.add_argument(
        "--no-scaling",
        dest="scaling",
        action="store_false",
        help="train on the numbers as they are",
    )
    network = parser.add_argument_group("the network")
    network.add_argument(
        "--hidden",
        type=numbers(int, "a whole number", 1),
        default=[100],
        metavar="N[,N...]",
        help="neurons of each hidden layer (default: 100)",
    )
    network.add_argument(
        "--topology",
        default="biregular",
        metavar="NAME",
        help="how hidden layers are wired, see minisnn.topology.names (default: biregular, random "
        "with equal degrees)",
    )
    network.add_argument(
        "--degree",
        type=numbers(int, "a whole number", 1),
        metavar="K[,K...]",
        help="edges from each neuron to the next hidden layer",
    )
    network.add_argument(
        "--density",
        type=numbers(float, "a number"),
        metavar="D[,D...]",
        help="in place of a degree, the share of possible edges (default: a tenth, but at least "
        "ten inputs for each hidden neuron)",
    )
    network.add_argument(
        "--wiring",
        metavar="FILE",
        help="in place of layers, a table of edges (.csv, .tsv, .parquet: source, target) or gene "
        "sets (.gmt), whose inputs are columns by name; where its outputs are not called as the "
        "classes, a last layer reads them",
    )
    network.add_argument(
        "--units",
        type=at_least_one,
        default=1,
        metavar="N",
        help="neurons for each term of the wiring (default: 1)",
    )
    network.add_argument(
        "--activation",
        choices=HIDDEN,
        default="relu",
        metavar="NAME",
        help=f"of hidden neurons: {', '.join(HIDDEN)} (default: relu)",
    )
    training = parser.add_argument_group("the training")
    training.add_argument(
        "--epochs",
        type=at_least_one,
        metavar="N",
        help="passes over the rows (default: as many as make some 3,000 steps, from 20 to 500)",
    )
    training.add_argument(
        "--batch-size",
        type=at_least_one,
        metavar="N",
        help="rows in a step (default: a tenth of the rows, from 16 to 128)",
    )
    training.add_argument(
        "--learning-rate",
        type=float,
        default=0.003,
        metavar="RATE",
        help="of Adam at the beginning; it falls to 0 along a cosine (default: 0.003)",
    )
    training.add_argument(
        "--weight-decay",
        type=float,
        default=WEIGHT_DECAY,
        metavar="RATE",
        help="by which weights shrink in a step, times the learning rate: the higher, the less of "
        f"a small table is learnt by heart (default: {WEIGHT_DECAY:g})",
    )
    training.add_argument(
        "--dropout",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of hidden neurons to drop at random in a step (default: 0)",
    )
    training.add_argument(
        "--balanced",
        action="store_true",
        help="give all classes the same weight, however many rows they have",
    )
    training.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the split, wiring, first weights, order of rows, dropout (default: 0)",
    )
    run = parser.add_argument_group("the run")
    run.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="network to write, a .npz file; the report is a folder beside it",
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint of a run that was interrupted or killed",
    )
    run.add_argument("--json", action="store_true", help="print the result as JSON, nothing else")
    add_threads_option(run)
