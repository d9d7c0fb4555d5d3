"""Values of options that several programs have."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._support.checks import check_choice
from ..datasets import load, load_mnist
from ..datasets.table import TABLE

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..datasets.table import Row

PICTURES = ".png", ".svg", ".pdf"
MOST = 2**20  # epochs, or samples in a step
SPECIAL = {"full": "mnist", "auto": "mnist"}
"""Values of --data besides the table's names: another name for MNIST, and MNIST or its sample."""


def data_names() -> list[str]:
    """Return what --data takes."""
    return [*TABLE, *SPECIAL]


def row_of(name: str) -> Row:
    """Return what is known of the data set before it is read."""
    check_choice(name, "--data", data_names())
    return TABLE[SPECIAL.get(name, name)]


def load_data(name: str) -> Dataset:
    """Return the data set that --data names."""
    return load_mnist(name) if name in SPECIAL else load(name)


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add --data, by default the sample."""
    parser.add_argument(
        "--data",
        choices=data_names(),
        default="sample",
        metavar="NAME",
        help=f"{', '.join(data_names())} (default: %(default)s)",
    )


def add_threads_option(parser: Any) -> None:
    """Add --threads, which `limit_threads` serves."""
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads to use (default: all cores)"
    )


def check_threads(parser: argparse.ArgumentParser, count: int | None) -> None:
    """End the program where --threads is out of range."""
    if count is not None and not 1 <= count <= (os.cpu_count() or 1):
        parser.error(
            f"--threads must be between 1 and {os.cpu_count()}, the cores here, got {count}"
        )


def limit_threads(count: int | None) -> None:
    """Set the number of our threads, and of those of every BLAS, loaded already or not yet."""
    if count is not None:
        from threadpoolctl import threadpool_limits

        from ..kernels.machine.threads import set_num_threads

        set_num_threads(count)
        threadpool_limits(count, user_api="blas")
        for pool in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
            os.environ[f"{pool}_THREADS"] = str(count)


def numbers(kind: type, what: str, least: float = -math.inf) -> Any:
    """Return a parser of one number, or several with commas between them."""

    def parse(text: str) -> list[Any]:
        try:
            values = [kind(part) for part in text.split(",")]
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not {what}, nor several with commas between them"
            ) from None
        for value in values:
            if value < least:
                raise argparse.ArgumentTypeError(f"must be at least {least}, got {value}")
        return values

    return parse


def picture_file(text: str) -> Path:
    """Parse the name of a picture."""
    path = Path(text)
    if path.suffix not in PICTURES:
        raise argparse.ArgumentTypeError(f"must end in {', '.join(PICTURES)}, got {text}")
    return path


def at_least_one(text: str) -> int:
    """Parse a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    if number > MOST:
        raise argparse.ArgumentTypeError(f"must be at most {MOST}, got {number:.3g}")
    return number
