"""``minisnn bench``: the density below which sparse is faster than dense on this machine."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import numpy as np

from .. import topology
from .._support.arrays import Array
from .._support.environment import cpu_model, describe_environment
from .._support.messages import counted
from .._support.tables import align
from ..kernels.machine.threads import get_num_threads
from ..measurement.machine_load import TOLERABLE, measure_load
from ..measurement.timing import time_steps
from ..network.mlp import MLP
from ..training.optimizers import NesterovSGD
from .options import add_threads_option, at_least_one, check_threads, limit_threads, picture_file
from .program import Parser, save_figure, show_warnings_in_one_line

DENSITIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.75, 0.9)
STEPS = 40  # of each network in each of nine rounds
N_SAMPLES = 2048

DESCRIPTION = """\
Measure training steps of a network whose hidden layer has 1 to 90 %% of all connections, in turn
with those of its fully connected twin on BLAS, and say from where on dense is faster. With the
usual widths it takes well under a minute.

examples:
  %(prog)s
  %(prog)s --threads 1 --output bench.png
  %(prog)s --inputs 20000 --hidden 500 --json
"""


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    parser = Parser(
        prog="minisnn bench",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    options = parser.parse_args(argv)
    check_threads(parser, options.threads)
    if options.output is not None and not options.output.parent.is_dir():  # known before the wait
        raise FileNotFoundError(
            f"there is no folder {options.output.parent} for --output {options.output.name}"
        )
    limit_threads(options.threads)
    show_warnings_in_one_line()
    networks = make_networks(options)
    rng = np.random.default_rng(0)
    X = rng.random((N_SAMPLES, options.inputs), dtype=np.float32)
    labels = rng.integers(options.outputs, size=N_SAMPLES)
    with measure_load() as load:
        times = time_steps(
            list(networks.values()),
            X,
            labels,
            optimizer=NesterovSGD(0.01),
            batch_size=options.batch_size,
            steps=options.steps,
            progress=False if options.json else None,
        )
    medians = np.array([np.median(each.wall) for each in times])
    densities = np.array([net.topologies[0].density for net in networks.values()])
    result = {
        "widths": [options.inputs, options.hidden, options.outputs],
        "batch_size": options.batch_size,
        "density": densities.tolist(),
        "microseconds": medians.tolist(),
        "break_even_density": break_even(densities[:-1], medians[:-1], medians[-1]),
        "load": load.others,
        "environment": describe_environment(),
    }
    if options.output is not None:
        save_figure(plot(result), options.output)
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    print(table(result))
    print(f"\n{sentence(result)}")
    if load.others is not None and load.others > TOLERABLE:
        print(
            f"Other programs took {percent(load.others)} of the CPUs; times are not to be trusted."
        )
    if options.output is not None:
        print(f"The picture is {options.output}")
    return 0


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    widths = {"inputs": 784, "hidden": 1000, "outputs": 10}
    for name, default in widths.items():
        parser.add_argument(
            f"--{name}",
            type=at_least_one,
            default=default,
            metavar="N",
            help=f"neurons (default: {default})",
        )
    parser.add_argument(
        "--batch-size", type=at_least_one, default=128, metavar="N", help="rows (default: 128)"
    )
    parser.add_argument(
        "--steps",
        type=at_least_one,
        default=STEPS,
        metavar="N",
        help=f"steps of each network in each of nine rounds (default: {STEPS})",
    )
    parser.add_argument(
        "--output", type=picture_file, metavar="FILE", help="picture to write: .png, .svg or .pdf"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_threads_option(parser)


def make_networks(options: Namespace) -> dict[str, MLP]:
    """Return networks of all densities that differ, and last the fully connected one."""
    last = topology.dense(options.hidden, options.outputs)
    degrees = sorted({max(1, round(share * options.hidden)) for share in DENSITIES})
    networks = {
        str(degree): MLP(
            [topology.biregular(options.inputs, options.hidden, degree, seed=0), last],
            activation="relu", output_activation="softmax", seed=0,
        )
        for degree in degrees
        if options.hidden <= degree * options.inputs and degree < options.hidden  # none is dead
    }  # fmt: skip
    networks["dense"] = MLP(
        [topology.dense(options.inputs, options.hidden), last],
        activation="relu", output_activation="softmax", seed=0,
    )  # fmt: skip
    return networks


def break_even(densities: Array, sparse: Array, dense: float) -> float | None:
    """Return the density at which both take the same time, between measured ones on a line.

    Parameters
    ----------
    densities, sparse : array of float64, shape (n,)
        Densities, ascending, and the times of a step.
    dense : float
        Time of the fully connected network's.

    Returns
    -------
    float or None
        0 where dense is faster at all densities, None where sparse is.
    """
    slower = np.flatnonzero(sparse > dense)
    if not slower.size:
        return None
    place = int(slower[0])
    if place == 0:
        return 0.0
    (low, high), (before, after) = densities[place - 1 : place + 1], sparse[place - 1 : place + 1]
    return float(low + (high - low) * (dense - before) / (after - before))


def table(result: dict[str, Any]) -> str:
    """Return a table of all times."""
    *sparse, dense = result["microseconds"]
    rows = [
        [f"{100 * density:.3g} %", f"{time:,.0f}", f"{dense / time:.2f}"]
        for density, time in zip(result["density"], sparse, strict=False)
    ]
    rows.append(["dense, on BLAS", f"{dense:,.0f}", ""])
    return align(["connections", "step, microseconds", "times as fast as dense"], rows)


def sentence(result: dict[str, Any]) -> str:
    """Return the result in one sentence."""
    widths = "-".join(map(str, result["widths"]))
    threads = counted(get_num_threads(), "thread")
    where = f"On this machine ({cpu_model()}, {threads}) training {widths}"
    density, (lowest, *_, highest, _) = result["break_even_density"], result["density"]
    if density is None:
        return f"{where} is faster sparse than dense at all densities up to {percent(highest)}."
    if density == 0:
        return f"{where} is slower sparse than dense at all densities from {percent(lowest)}."
    return (
        f"{where} is faster sparse than dense below {percent(density)} of the connections of the "
        "hidden layer."
    )


def percent(share: float) -> str:
    """Return a share in percent, to two digits."""
    return f"{100 * share:.2g} %"


def plot(result: dict[str, Any]) -> Any:
    """Return a figure of the time of a step over the density."""
    from ..plots.style import COLORS, new_figure

    *sparse, dense = result["microseconds"]
    shares = [100 * density for density in result["density"][:-1]]
    figure = new_figure(6, 4)
    axes = figure.subplots()
    axes.plot(shares, sparse, marker="o", color=COLORS[0], label="sparse")
    axes.axhline(dense, color=COLORS[1], label="dense, on BLAS")
    density = result["break_even_density"]
    if density:
        axes.axvline(100 * density, color="black", linestyle=":", label=percent(density))
    widths = "-".join(map(str, result["widths"]))
    axes.set(
        xlabel="connections of the hidden layer, %",
        ylabel="time of a training step, microseconds",
        title=f"{widths}, batches of {result['batch_size']}",
        ylim=(0, None),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
