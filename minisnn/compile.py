"""Compilation of the kernels ahead of their first use: for an image, for CI, before a lesson.

``python -m minisnn.compile`` puts into the cache all kernels of networks whose layers have up to
65,536 neurons: for both precisions, for batches of all sizes, for single samples. Options select
fewer of them. Kernels that are in the cache are loaded. The code is for the CPU that the program
runs on, or for the one that Numba's variables NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

import numpy as np

from ._support.checks import check_positive_integer
from ._support.compile_notice import compile_notice
from ._support.console import forgiving, say
from .kernels.machine import code_cache
from .kernels.machine.jit import DISABLED
from .kernels.machine.layout import read_only
from .kernels.machine.vector import lanes_of
from .kernels.program import plan
from .kernels.program.blocks import Blocks, block_starts
from .kernels.program.costs import measure
from .kernels.program.reuse import Reads
from .kernels.program.runs import best_pairs
from .kernels.program.steps import count_steps
from .network.execution import Execution
from .network.mlp import MLP
from .network.passes import PREDICTION_BATCH
from .topology import dense

__all__ = ["compile_kernels"]

DTYPES = ("float32", "float64")


def compile_kernels(
    dtypes: Sequence[str] = DTYPES, batch_sizes: Sequence[int] | None = None
) -> None:
    """Compile kernels, or load them from the cache.

    Parameters
    ----------
    dtypes : sequence of {"float32", "float64"}
        Precisions of networks.
    batch_sizes : sequence of int, optional
        Sizes of batches; by default all. Those of large predictions are always among them.

    Raises
    ------
    ValueError, TypeError
        If a size is no positive whole number.

    Examples
    --------
    >>> from minisnn.compile import compile_kernels
    >>> compile_kernels(["float32"], [128])
    """
    for _, work in _parts(dtypes, batch_sizes):
        work()


def _parts(
    dtypes: Sequence[str], batch_sizes: Sequence[int] | None
) -> list[tuple[str, Callable[[], object]]]:
    """Return descriptions of the things to compile, each with a call that compiles it."""
    parts: list[tuple[str, Callable[[], object]]] = []
    for dtype in dtypes:
        net = MLP([dense(3, 2)], dtype=np.dtype(dtype), seed=0)
        for size in _sizes(dtype, batch_sizes):
            execution = Execution(
                net.plan_for(size), net.parameters, np.zeros_like([net.parameters])
            )
            parts.append((f"{dtype}, batches of {size}", execution.compile))
        single = partial(net.predict, np.zeros((1, 3), np.uint8))
        parts.append((f"{dtype}, single samples", single))
    return [*parts, ("structures", _compile_structures)]


def _sizes(dtype: str, batch_sizes: Sequence[int] | None) -> list[int]:
    """Return sizes of batches that need all wanted kernels: one for each tile."""
    registers = set(plan.TILES)
    if batch_sizes is not None:
        sizes = [check_positive_integer(size, "batch_sizes") for size in batch_sizes]
        registers = {len(plan.choose_tile(size, dtype)) for size in (*sizes, PREDICTION_BATCH)}
    return [lanes_of(dtype, number) for number in sorted(registers, reverse=True)]


def _compile_structures() -> None:
    indptr = read_only(np.array([0, 2], np.int64))
    for dtype in (np.uint16, np.uint32):
        indices = read_only(np.array([0, 1], dtype))
        block_starts(indptr, indices, Blocks(1, 2, "L1", 1.0))
        best_pairs(indptr, indices, np.ones(1, np.int64))
        Reads(indptr, indices, 2)
        count_steps(indptr.astype(np.uint32), indices, 1, 1)
    measure()


def main(argv: list[str] | None = None) -> int:
    """Run the program; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m minisnn.compile",
        description="Compile minisnn's kernels into the cache, ahead of their first use.",
    )
    parser.add_argument(
        "--dtype", nargs="+", choices=DTYPES, default=DTYPES, metavar="DTYPE",
        help="precisions: float32, float64; by default both",
    )  # fmt: skip
    parser.add_argument(
        "--batch-size", nargs="+", type=_size, metavar="N",
        help="sizes of batches in training; by default all",
    )  # fmt: skip
    options = parser.parse_args(argv)
    with forgiving():
        try:
            return _run(options.dtype, options.batch_size)
        except (ValueError, OSError) as error:
            say(f"error: {error}")
            return 1


def _size(text: str) -> int:
    """Return the size of a batch; argparse adds the option to the error."""
    try:
        return check_positive_integer(int(text), "it")
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a whole number, at least 1 and at most 2**53, got {text!r}"
        ) from None


def _run(dtypes: Sequence[str], batch_sizes: Sequence[int] | None) -> int:
    if DISABLED:
        raise ValueError("nothing is compiled under NUMBA_DISABLE_JIT=1; unset it")
    parts = _parts(dtypes, batch_sizes)
    code_cache.check_writable()
    print("compiling, unless it is in the cache; some 15 to 60 seconds for each size of batches")
    with compile_notice(False):
        for what, work in parts:
            print(f"  {what:24}", end="", flush=True)
            started = perf_counter()
            work()
            print(f"{perf_counter() - started:7.1f} s", flush=True)
    n_files, n_bytes = code_cache.size()
    print(f"{code_cache.folder()} holds {n_files} files, {n_bytes / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
