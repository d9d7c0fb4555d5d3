"""Costs on which the choice of blocks depends, as this CPU has them.

`blocks` weighs the passage of all rows through one more block against the cache lines that are then
found nearer. The costs of both were fitted to whole steps on one CPU, `REFERENCE`. A short
measurement of the same four things there, `_THERE`, and here says by what factor each differs; a
factor common to all changes no choice. Disturbances only make a measurement longer: the least of
some turns counts, and a factor stays within `_BOUND`.

It takes a tenth of a second, and is made once, for the first network that is large enough:
the result is kept beside the compiled kernels. The environment variable MINISNN_COSTS takes its
place, four numbers such as ``36,250,0.5,5``. No choice of blocks changes a result by a bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from threading import Lock
from time import perf_counter

import numpy as np

from ..layers import sparse
from ..machine.caches import CACHES
from ..machine.code_cache import folder, write
from ..machine.cpu import TARGET
from ..machine.jit import DISABLED
from ..machine.layout import feature_major

VARIABLE = "MINISNN_COSTS"

_LINE = 64  # bytes


@dataclass(frozen=True)
class Costs:
    """Costs in cycles of a Zen 4; or what was measured, in nanoseconds.

    Attributes
    ----------
    near
        A row's passage through a block: its accumulator is loaded and stored, its few edges there
        begin in the middle of a cache line, and their number is hard to predict.
    far
        The same where the accumulators of all rows, which go by once for each block, are 1.5 times
        as large as L2.
    L1, L2
        What a cache line of X takes more, when it is not found in this cache.
    """

    near: float
    far: float
    L1: float
    L2: float


REFERENCE = Costs(near=36.0, far=250.0, L1=0.5, L2=5.0)
"""Fitted to the products of single layers on Zen 4 (32 KiB, 1 MiB) within steps, in batches of 128:
of 784-1000 at 50 to 1 % and of 4096-4096, 4096-2048 and 2000-2000, random, regular, Fibonacci,
long-range, of blocks and of receptive fields; under the condition that random layers are cut as was
best on Zen 5 (48 KiB, 1 MiB) and Ice Lake (48 KiB, 1.25 MiB). `scripts/benchmark.py blocks`
measures steps of random layers."""


_THERE = Costs(near=8.3, far=135.0, L1=0.28, L2=0.48)
"""Measured on that Zen 4, in nanoseconds."""

_BOUND = 4.0  # of factors
WORTH_IT = 2**17
"""Edges of a product from which on its blocks are worth a measurement."""

_WIDTH, _COLUMNS, _BLOCKS = 128, 32, 8  # samples; columns that stay in L1; blocks, if any
_REGISTERS = 8  # of a tile
_TURNS, _FAR_TURNS = 25, 9


class _Layer:
    """Sums over float32 whose time is taken.

    Parameters
    ----------
    n_out, degree
        Rows of W, and edges of each.
    n_columns
        Rows of X: in their order again and again if they are `_COLUMNS`, else at random.
    n_blocks
        Number of blocks into which the edges of a row are cut.
    """

    def __init__(self, n_out: int, degree: int, n_columns: int, n_blocks: int = 1) -> None:
        rng, n_edges = np.random.default_rng(0), n_out * degree
        indices = rng.integers(0, n_columns, n_edges)
        if n_columns == _COLUMNS:
            indices = np.arange(n_edges) % n_columns
        row_starts = degree * np.arange(n_out)
        self._starts = row_starts + degree // n_blocks * np.arange(n_blocks + 1)[:, None]
        self._starts = self._starts.astype(np.uint32)
        self._indices = indices.astype(np.uint32)
        self._weights = np.full(n_edges, 1e-3, np.float32)
        self._X = feature_major(n_columns, _WIDTH, np.float32)
        self._X[:] = 1
        self._A = feature_major(n_out, _WIDTH, np.float32)
        self._tile = (0,) * _REGISTERS
        self.n_out, self.n_lines = n_out, n_edges * self._X[0].nbytes // _LINE
        self.least = math.inf

    def run(self) -> None:
        """Make the sums, and keep the least time so far, in nanoseconds."""
        started = perf_counter()
        sparse.forward(
            self._tile, self._starts, self._indices, self._weights, self._weights, self._X,
            np.float32(1), 0, self._A, 0, self.n_out,
        )  # fmt: skip
        self.least = min(self.least, 1e9 * (perf_counter() - started))


def measure() -> Costs:
    """Return the costs of this CPU, in nanoseconds."""
    row = _WIDTH * np.dtype(np.float32).itemsize
    few, many = CACHES.L2 // 8 // row, 2 * CACHES.L2 // row  # rows of sums
    near = _Layer(few, _COLUMNS, _COLUMNS)
    near_blocks = _Layer(few, _COLUMNS, _COLUMNS, _BLOCKS)
    from_L2 = _Layer(few, _COLUMNS, CACHES.L2 // 2 // row)
    from_L3 = _Layer(few, _COLUMNS, 8 * CACHES.L2 // row)
    far = _Layer(many, 8 * _COLUMNS, _COLUMNS)
    far_blocks = _Layer(many, 8 * _COLUMNS, _COLUMNS, _BLOCKS)
    for turn in range(_TURNS):
        for layer in (near, near_blocks, from_L2, from_L3, far, far_blocks):
            if turn < _FAR_TURNS or layer.n_out == few:
                layer.run()
    return Costs(
        near=(near_blocks.least - near.least) / ((_BLOCKS - 1) * few),
        far=(far_blocks.least - far.least) / ((_BLOCKS - 1) * many),
        L1=(from_L2.least - near.least) / near.n_lines,
        L2=(from_L3.least - from_L2.least) / near.n_lines,
    )


def scaled(measured: Costs) -> Costs:
    """Return the costs that stand for what was measured, in nanoseconds."""
    there_and_here = zip(astuple(REFERENCE), astuple(_THERE), astuple(measured), strict=True)
    return Costs(
        *(cost * min(max(here / there, 1 / _BOUND), _BOUND) for cost, there, here in there_and_here)
    )


# The one measurement of this machine


@dataclass(frozen=True)
class Found:
    """Costs, and where they come from."""

    costs: Costs
    source: str


def known() -> Found | None:
    """Return the costs that were given, or measured before; or None.

    Raises
    ------
    ValueError
        If `VARIABLE` does not hold four positive numbers.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Found(_given(given), VARIABLE)
    if not _measured:
        with suppress(OSError, ValueError, TypeError):
            _measured.append(_checked(json.loads(_file().read_text())))
    return Found(scaled(_measured[0]), "measured") if _measured else None


def costs_for(n_edges: int) -> Costs:
    """Return the costs for a product of so many edges: measure them first if that is worth it."""
    found = known()
    if found is None and n_edges >= WORTH_IT and not DISABLED:
        with _measuring:
            if not _measured:
                _measured.append(measure())
                with suppress(OSError):  # then the next process measures, too
                    write(_file(), json.dumps(asdict(_measured[0])).encode())
        found = known()
    return REFERENCE if found is None else found.costs


_measured: list[Costs] = []  # one, once it is there
_measuring = Lock()


def _file() -> Path:
    """Return the path of what was measured on CPUs like this one."""
    about = repr((TARGET, CACHES)).encode()
    return folder() / f"{hashlib.sha256(about).hexdigest()[:16]}.costs"


def _checked(numbers: dict[str, float]) -> Costs:
    costs = Costs(**numbers)
    if not all(math.isfinite(value) for value in astuple(costs)):
        raise ValueError("costs are finite")
    return costs


def _given(text: str) -> Costs:
    names = ", ".join(field.name for field in fields(Costs))
    with suppress(ValueError):
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) == len(fields(Costs)) and all(0 < x < math.inf for x in numbers):
            return Costs(*numbers)
    example = ",".join(f"{value:g}" for value in astuple(REFERENCE))
    raise ValueError(
        f"the environment variable {VARIABLE} must hold four positive numbers ({names}), such as "
        f"{example}, got {text!r}"
    )
