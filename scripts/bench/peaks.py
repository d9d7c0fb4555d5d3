"""Peak rates of one core, from which the least time of a product follows.

Each is a loop in the kernels' own vectors with nothing in it but what it measures: multiply-adds in
registers, registers loaded from L1, lines read from L2 and L3, and a row of sums that comes and
goes. The least of many turns counts.

Beside these limits of the CPU stands what the kernels make of them: their *arithmetic* in its own
form on rows of X that are in L1, without indices, weights and rows of sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from minisnn._support.tables import align
from minisnn.kernels.layers.complete import part_of
from minisnn.kernels.layers.sparse import add_four
from minisnn.kernels.machine.caches import CACHES
from minisnn.kernels.machine.dots import cross_dots, dot, put
from minisnn.kernels.machine.jit import jit
from minisnn.kernels.machine.layout import feature_major
from minisnn.kernels.machine.vector import fma, lanes_of, load, load_as, splat, store

from . import machine
from .machine import Work

FORMS = ("one sum", "two sums", "dots", "crossed dots")
"""Arithmetic of a row of X: for a sum, for those of two rows of W at a time, and for the gradients
of their weights: of one row, and of two rows at a time."""

KINDS = ("floats", "bytes")

_ROWS = CACHES.L1 // 2 // 4  # float32 of X in L1
_TIMES = 2**18  # rows in a piece of work, which is to take far longer than a call
_X = np.float32(0.5)
_CHAIN = 6  # cycles of the shifts and exclusive ors of `_cycles`, one after another


@jit
def _cycles(half, starts, factor, times, n):  # type: ignore[no-untyped-def]
    # A CPU's clock may be slower while wide registers multiply: so they do, now and then.
    state, total, x = np.uint64(88172645463325252), load(half, starts, 0, 0), splat(half, factor)
    for _ in range(n * times):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        total = fma(x, x, total)
    return dot(total, x) + np.float32(state)


@jit
def _loads(tile, like, factor, times, n):  # type: ignore[no-untyped-def]
    # Twice as many loads as multiply-adds: no sum waits for the one before.
    total = splat(tile, factor)
    for _ in range(n * times):
        for row in range(0, like.shape[0] - 1, 2):
            total = fma(load(tile, like, row, 0), load(tile, like, row + 1, 0), total)
    return dot(total, total)


@jit
def _passage(tile, A, factor, times, n):  # type: ignore[no-untyped-def]
    x = splat(tile, factor)
    for _ in range(n * times):
        for row in range(A.shape[0]):
            store(A, row, 0, fma(x, x, load(tile, A, row, 0)))


@jit
def _one_sum(tile, like, X, factor, times, n):  # type: ignore[no-untyped-def]
    weight = splat(tile, factor)
    total = weight
    for _ in range(n * times):
        for row in range(X.shape[0]):
            total = fma(weight, load_as(tile, like, X, row, 0), total)
    return dot(total, weight)


@jit
def _two_sums(tile, like, X, factor, times, n):  # type: ignore[no-untyped-def]
    weight, other = splat(tile, factor), splat(tile, factor + factor)
    a, b = weight, other
    for _ in range(n * times):
        for row in range(X.shape[0]):
            x = load_as(tile, like, X, row, 0)
            a, b = fma(weight, x, a), fma(other, x, b)
    return dot(a, b)


@jit
def _dots(tile, like, X, dW, times, n):  # type: ignore[no-untyped-def]
    row = load(tile, like, 0, 0)
    for _ in range(n * times):
        for k in range(0, X.shape[0] - 3, 4):
            columns = np.intp(k), np.intp(k + 1), np.intp(k + 2), np.intp(k + 3)
            add_four(tile, like, row, X, columns, 0, dW, k, np.intp(4))


@jit
def _crossed_dots(tile, like, X, dW, times, n):  # type: ignore[no-untyped-def]
    a, b = load(tile, like, 0, 0), load(tile, like, 1, 0)
    for _ in range(n * times):
        for k in range(0, X.shape[0] - 1, 2):
            x, y = load_as(tile, like, X, k, 0), load_as(tile, like, X, k + 1, 0)
            of_a, of_b = cross_dots(a, b, x, y)
            put(dW, k, of_a, 2, False)
            put(dW, k, of_b, 2, False)


@dataclass(frozen=True)
class Peaks:
    """Least times of one core, in nanoseconds.

    Attributes
    ----------
    cycle
        A cycle, while registers multiply.
    multiply
        A multiply-add of one register of float32, all operands in registers.
    load
        A register loaded from L1.
    passage
        A register of sums loaded and stored, by the cache that it is in.
    byte
        A byte read from L2 or L3.
    arithmetic
        A register of X in L1 with all that is done with it, by the `FORMS` and `KINDS`, such as
        "one sum, bytes".
    """

    cycle: float
    multiply: float
    load: float
    passage: dict[str, float]
    byte: dict[str, float]
    arithmetic: dict[str, float]


def contestants(tile: Sequence[int], pool: ThreadPoolExecutor) -> dict[str, tuple[Work, float]]:
    """Return the loops by name, and how much of what they measure is in a piece of each.

    Parameters
    ----------
    tile
        The one that is measured, see `minisnn.kernels.machine.vector`.
    pool
        Not used by one thread; `machine.readers` wants one.
    """
    tile = tuple(tile)
    half, lanes = tile[: max(1, len(tile) // 2)], lanes_of(np.float32, len(tile))
    found: dict[str, tuple[Work, float]] = {}
    multiply, n_registers = machine.multiplier()
    found["multiply"] = multiply, n_registers
    starts = feature_major(2, lanes, np.float32)
    starts[:] = 1 + np.arange(lanes)
    found["cycle"] = partial(_cycles, half, starts, _X, _TIMES), _CHAIN * _TIMES
    X = feature_major(_ROWS // lanes // 2 * 2, lanes, np.float32)
    X[:] = 1
    times = max(1, _TIMES // len(X))
    found["load"] = partial(_loads, tile, X, _X, times), times * X.size
    readers, n_bytes = machine.readers(1, pool, ("L2", "L3"))
    for name, work in readers.items():
        found[f"read {name}"] = work, n_bytes[name.partition(",")[0]]
    for level, size in (("L1", CACHES.L1 // 2), ("L2", CACHES.L2 // 2)):
        A = feature_major(max(1, size // (4 * lanes)), lanes, np.float32)
        A[:] = 1
        times = max(1, _TIMES // len(A))
        found[f"passage {level}"] = partial(_passage, tile, A, _X, times), times * A.size
    for form, kind in product(FORMS, KINDS):
        found[f"{form}, {kind}"] = _arithmetic(form, kind, tile, starts)
    return found


def _arithmetic(form: str, kind: str, tile: tuple[int, ...], starts: Any) -> tuple[Work, float]:
    part = part_of(tile, 2) if form == "two sums" else tile
    lanes = lanes_of(np.float32, len(part))
    words = (lanes, np.float32) if kind == "floats" else (lanes // 2, np.uint32)
    X = feature_major(max(4, _ROWS // words[0] // 4 * 4), *words)
    X[:] = 1 if kind == "floats" else 0x3F803F80  # two ones
    times = max(1, _TIMES // len(X))
    if form in ("one sum", "two sums"):
        loop = _one_sum if form == "one sum" else _two_sums
        return partial(loop, part, starts, X, _X, times), times * len(X) * lanes
    loop = _dots if form == "dots" else _crossed_dots
    dW = np.empty(len(X) + 4, np.float32)
    return partial(loop, part, starts, X, dW, times), times * len(X) * lanes


def peaks_of(seconds: Mapping[str, float], found: Mapping[str, tuple[Work, float]]) -> Peaks:
    """Return the peaks.

    Parameters
    ----------
    seconds
        Least time of a piece of each contestant.
    found
        The contestants.
    """
    register = lanes_of(np.float32)
    ns = {name: 1e9 * seconds[name] / amount for name, (_, amount) in found.items()}

    def read(level: str) -> float:
        return min(ns[f"read {level}"], ns[f"read {level}, shuffled"])

    forms = [f"{form}, {kind}" for form, kind in product(FORMS, KINDS)]
    return Peaks(
        cycle=ns["cycle"],
        multiply=ns["multiply"],
        load=register * ns["load"],
        passage={level: register * ns[f"passage {level}"] for level in ("L1", "L2")},
        byte={level: read(level) for level in ("L2", "L3")},
        arithmetic={form: register * ns[form] for form in forms},
    )


def table(peaks: Peaks) -> str:
    """Return the peaks as a table."""
    n = lanes_of(np.float32)
    rows = [("multiply-adds in registers", f"{2 * n / peaks.multiply:.0f} GFLOP/s", peaks.multiply)]
    of_bytes = {"loads from L1": (4 * n, peaks.load)}
    of_bytes |= {f"lines from {level}": (64, 64 * byte) for level, byte in peaks.byte.items()}
    of_bytes |= {
        f"sums in {level}, loaded and stored": (8 * n, time)
        for level, time in peaks.passage.items()
    }
    of_bytes |= {f"X in L1: {form}": (4 * n, time) for form, time in peaks.arithmetic.items()}
    rows += [(name, f"{size / time:.0f} GB/s", time) for name, (size, time) in of_bytes.items()]
    lines = [[name, rate, f"{ns:.3f}", f"{ns / peaks.cycle:.2f}"] for name, rate, ns in rows]
    title = f"one core at {1 / peaks.cycle:.2f} GHz"
    return align([title, "rate", "ns a register, or line", "cycles"], lines)
