"""Peak rates of this machine, with which the rates of the kernels are compared.

Measured by loops in the kernels' own vector type: FMAs with all operands in registers, FMAs with
one operand from each level of the memory, and BLAS's products of dense matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minisnn._support.tables import align
from minisnn.kernels.machine.caches import CACHES
from minisnn.kernels.machine.dots import dot
from minisnn.kernels.machine.jit import jit
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.machine.vector import fma, lanes, lanes_of, load, splat

from .measure import PAUSE, interleaved, median

Work = Callable[[int], Any]
"""Does ``n`` pieces of work."""

BUFFERS = {"L1": CACHES.L1 // 2, "L2": CACHES.L2 // 2, "L3": 8 * 2**20, "DRAM": 256 * 2**20}
"""Bytes that each thread reads again and again, by the level in which it finds them."""

SHAPE, BATCH = (784, 1000), 128
"""Of the dense layer whose products BLAS makes: its inputs and outputs, and the samples."""

# A piece of work is to take far longer than to hand it to a thread.
_READ = 256 * 2**20  # bytes
_MULTIPLIED = 100_000  # times all sums
_FACTOR = np.float32(0.5)
_TILE, _HALF = (0,) * 8, (0,) * 4
# Twelve sums at once: more than a CPU of two FMAs per cycle and five cycles' delay waits for, and
# with both factors no more than the sixteen registers of AVX.
_SUMS = lanes_of(np.float32, len(_TILE) + len(_HALF))


@jit
def _multiply(tile, half, starts, factor, times, n):  # type: ignore[no-untyped-def]
    # The sums begin with what is loaded: equal ones the compiler might make only once.
    x, x_half = splat(tile, factor), splat(half, factor)
    total, total_half = load(tile, starts, 0, 0), load(half, starts, 0, lanes(tile, starts))
    for _ in range(n * times):
        total = fma(x, x, total)
        total_half = fma(x_half, x_half, total_half)
    return dot(total, x) + dot(total_half, x_half)


@jit
def _read(tile, buffer, factor, times, n):  # type: ignore[no-untyped-def]
    x = splat(tile, factor)
    total = x
    for _ in range(n * times):
        for row in range(buffer.shape[0]):
            total = fma(load(tile, buffer, row, 0), x, total)
    return dot(total, x)


@jit
def _read_rows(tile, buffer, order, factor, times, n):  # type: ignore[no-untyped-def]
    x = splat(tile, factor)
    total = x
    for _ in range(n * times):
        for k in range(order.shape[0]):
            total = fma(load(tile, buffer, order[k], 0), x, total)
    return dot(total, x)


@dataclass(frozen=True)
class Machine:
    """Combined rate of several threads.

    Attributes
    ----------
    threads
        Number of threads.
    peak_gflops
        FMAs of float32 with all operands in registers, each counted as two operations.
    bandwidth
        Bytes read by loads with FMAs, 10^9 per second, by the names of `BUFFERS`: from end to end
        or in rows of 8 registers in any order, whichever is faster: on Zen 5 the latter, from L2.
    blas_forward_gflops, blas_gradient_gflops
        BLAS's W X and dZ X^T, of the layer that `SHAPE` and `BATCH` describe.
    """

    threads: int
    peak_gflops: float
    bandwidth: dict[str, float]
    blas_forward_gflops: float
    blas_gradient_gflops: float


def together(calls: Sequence[Work], pool: ThreadPoolExecutor) -> Work:
    """Return a function that makes all calls at once, each on a thread, and waits for them.

    Parameters
    ----------
    calls
        The first is made on the caller's own thread; all should let the interpreter's lock go.
    pool
        Of one thread less than there are calls, or more.
    """

    def work(n: int) -> None:
        others = [pool.submit(call, n) for call in calls[1:]]
        calls[0](n)
        for other in others:
            other.result()

    return work


def blas_products(shape: tuple[int, int], batch: int) -> dict[str, Work]:
    """Return BLAS's products of a dense layer: "BLAS forward", W X, and "BLAS gradient", dZ X^T.

    Parameters
    ----------
    shape
        Inputs and outputs.
    batch
        Columns of X and dZ.
    """
    n_in, n_out = shape
    rng = np.random.default_rng(0)
    W, X, dZ = (
        rng.standard_normal(size, dtype=np.float32)
        for size in ((n_out, n_in), (n_in, batch), (n_out, batch))
    )
    Z, dW = np.empty_like(dZ), np.empty_like(W)

    def repeat(left: Any, right: Any, product: Any, n: int) -> None:
        for _ in range(n):
            np.matmul(left, right, out=product)

    return {
        "BLAS forward": partial(repeat, W, X, Z),
        "BLAS gradient": partial(repeat, dZ, X.T, dW),
    }


def medians(
    contestants: Mapping[str, Work],
    threads: int,
    *,
    rounds: int,
    seconds: float,
    pause: float,
) -> dict[str, float]:
    """Return the median seconds per piece of each, measured in turn, BLAS on so many threads.

    Parameters
    ----------
    contestants, rounds, seconds, pause
        As for `interleaved`.
    threads
        Number of threads that BLAS may use.
    """
    with threadpool_limits(threads):
        times = interleaved(contestants, rounds=rounds, seconds=seconds, pause=pause)
    return {name: median(values) for name, values in times.items()}


def measure_machine(
    threads: int, *, rounds: int = 7, seconds: float = 0.15, pause: float = PAUSE
) -> Machine:
    """Return what so many threads do, each on a buffer of its own: all work by the time it takes.

    Parameters
    ----------
    threads
        Number of threads.
    rounds, seconds, pause
        As for `interleaved`.
    """
    multiply, n_registers = multiplier()
    with ThreadPoolExecutor(threads) as pool:
        work, n_bytes = readers(threads, pool)
        work["peak"] = together([multiply] * threads, pool)
        work |= blas_products(SHAPE, BATCH)
        times = medians(work, threads, rounds=rounds, seconds=seconds, pause=pause)
    dense = 2e-9 * SHAPE[0] * SHAPE[1] * BATCH
    return Machine(
        threads=threads,
        peak_gflops=2e-9 * threads * lanes_of(np.float32, n_registers) / times["peak"],
        bandwidth={
            level: 1e-9 * n_bytes[level] / min(times[level], times[f"{level}, shuffled"])
            for level in BUFFERS
        },
        blas_forward_gflops=dense / times["BLAS forward"],
        blas_gradient_gflops=dense / times["BLAS gradient"],
    )


def multiplier() -> tuple[Work, int]:
    """Return a loop of multiply-adds in registers, and the number of them in a piece of it."""
    starts = feature_major(1, _SUMS, np.float32)
    starts[:] = np.arange(_SUMS)
    multiply = partial(_multiply, _TILE, _HALF, starts, _FACTOR, _MULTIPLIED)
    return multiply, _MULTIPLIED * (len(_TILE) + len(_HALF))


def readers(
    threads: int, pool: ThreadPoolExecutor, levels: Iterable[str] = BUFFERS
) -> tuple[dict[str, Work], dict[str, int]]:
    """Return two ways to read from each level, and how many bytes a piece of each reads.

    Parameters
    ----------
    threads, pool
        How many, and where all but one come from.
    levels
        Names from `BUFFERS`.
    """
    work, n_bytes = {}, {}
    width = lanes_of(np.float32, len(_TILE))
    rng = np.random.default_rng(0)
    for level in levels:
        size = BUFFERS[level]
        n_rows, times = size // (4 * width), max(1, _READ // size)
        buffers = [feature_major(n_rows, width, np.float32) for _ in range(threads)]
        for buffer in buffers:
            buffer[:] = 1  # pages never written to are all one and the same, found in L1
        order = rng.permutation(n_rows).astype(np.uint32)
        straight = [partial(_read, _TILE, b, _FACTOR, times) for b in buffers]
        shuffled = [partial(_read_rows, _TILE, b, order, _FACTOR, times) for b in buffers]
        work[level] = together(straight, pool)
        work[f"{level}, shuffled"] = together(shuffled, pool)
        n_bytes[level] = threads * times * buffers[0].nbytes
    return work, n_bytes


def table(machines: Sequence[Machine]) -> str:
    """Return the figures, a line for each number of threads."""
    header = ["threads", "FMA", "BLAS W X", "BLAS dZ X'"]
    header += [f"{level}, {_size(n_bytes)}" for level, n_bytes in BUFFERS.items()]
    rows = []
    for machine in machines:
        rates = [machine.peak_gflops, machine.blas_forward_gflops, machine.blas_gradient_gflops]
        rates += machine.bandwidth.values()
        rows.append([str(machine.threads), *(f"{rate:.1f}" for rate in rates)])
    caption = (
        "This machine: GFLOP/s of FMAs in registers and of BLAS "
        f"({SHAPE[0]} -> {SHAPE[1]}, batch {BATCH}, float32);\n"
        "GB/s read from buffers of this many bytes per thread. All threads together."
    )
    return f"{caption}\n{align(header, rows)}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes >> 20} MiB" if n_bytes >= 2**20 else f"{n_bytes >> 10} KiB"
