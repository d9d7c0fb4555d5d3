"""Benchmark of training steps by the number of blocks of columns, and a check of the choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

import minisnn as snn
from minisnn._support.tables import align
from minisnn.kernels.program import plan as plans
from minisnn.kernels.program import products
from minisnn.kernels.program.blocks import Blocks, choose_blocks
from minisnn.kernels.program.records import TRAIN
from minisnn.kernels.program.reuse import Reads
from minisnn.network.execution import Execution
from minisnn.network.samples import Samples, check_samples
from minisnn.training.optimizer import updates_of

from .measure import interleaved, median

NUMBERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_SAMPLES = 1024
_LEAST = 8  # columns of a block
_PAUSE = 0.01  # seconds; there are no other threads to wait for


@contextmanager
def _cut_into(number: int | None, n_in: int, n_out: int) -> Iterator[None]:
    """Have plans cut the columns of the first layer into so many blocks."""

    def forced(reads: Reads, *options: Any, **more: Any) -> Blocks:
        if number is None or (reads.n_rows, reads.n_columns) != (n_out, n_in):
            return choose_blocks(reads, *options, **more)
        columns = -(-n_in // number)
        n_blocks = -(-n_in // columns)
        return Blocks(columns, n_blocks, "a cache", reads.n_edges / n_out / n_blocks)

    with patch.object(products, "choose_blocks", forced):
        yield


def measure_blocks(
    shape: tuple[int, int],
    densities: Sequence[float],
    *,
    batch_size: int = 128,
    numbers: Sequence[int] = NUMBERS,
    rounds: int = 7,
    seconds: float = 0.03,
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Return microseconds of a step on one thread, for each number of blocks and the chosen one.

    Parameters
    ----------
    shape
        Inputs and outputs of the sparse layer; a complete one with ten outputs follows.
    densities, batch_size
        Of the steps.
    numbers
        Of blocks.
    rounds, seconds
        As for `measure.interleaved`.
    report
        Told what is going on.
    """
    n_in, n_out = shape
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (_SAMPLES, n_in), np.uint8)
    labels, rows = rng.integers(0, 10, _SAMPLES), []
    possible = [number for number in numbers if number == 1 or n_in >= _LEAST * number]
    for density in densities:
        graph = snn.topology.erdos_renyi(n_in, n_out, density * n_out, seed=0)
        net = snn.MLP([graph, snn.topology.dense(n_out, 10)], seed=0)
        for of_bytes in (False, True):
            report(f"{n_in}-{n_out}, {density:.3g}, {'bytes' if of_bytes else 'floats'}")
            X = images if of_bytes else images.astype(np.float32)
            data = check_samples(net, X, labels, 1 / 255)
            work: dict[str, Callable[[int], Any]] = {}
            for number in [None, *possible]:
                with _cut_into(number, n_in, n_out):
                    options: dict[str, Any] = {"keeps_bytes": of_bytes}
                    plan = plans.Plan(
                        net.plan.structure, batch_size, np.float32, TRAIN, 1, **options
                    )
                name = str(number or "chosen")
                work[name] = partial(_steps, plan, net.parameters.copy(), data)
                if number is None:
                    chosen = _blocks_of(plan)
            times = interleaved(work, rounds=rounds, seconds=seconds, pause=_PAUSE)
            microseconds = {name: 1e6 * median(values) for name, values in times.items()}
            rows.append(
                {"density": density, "of_bytes": of_bytes, "chosen": chosen,
                 "of_chosen": microseconds.pop("chosen"), "microseconds": microseconds}
            )  # fmt: skip
    return {"shape": list(shape), "batch": batch_size, "rows": rows}


def _blocks_of(plan: plans.Plan) -> int:
    return int(plan.tables.groups[1]["n_blocks"])


def _steps(plan: plans.Plan, parameters: Any, data: Samples, n: int) -> None:
    """Make n steps, at a rate at which nothing is learnt."""
    optimizer = snn.NesterovSGD(1e-30)
    execution = Execution(plan, parameters, optimizer.initial_state(parameters))
    samples = np.resize(np.arange(data.n_samples), n * plan.batch_size)
    execution.run(data, samples, updates=updates_of(optimizer, np.full(n, 1e-30), 0))


def table(result: dict[str, Any]) -> str:
    """Return a row for each density and kind of inputs: how much longer than the best."""
    (n_in, n_out), rows = result["shape"], result["rows"]
    numbers = list(rows[0]["microseconds"])
    lines = []
    for row in rows:
        least = min(row["microseconds"].values())
        line = [f"{100 * row['density']:.3g} %", "bytes" if row["of_bytes"] else "floats"]
        line += [f"{least:.0f}", f"{row['chosen']}", f"{row['of_chosen'] / least:.2f}"]
        lines.append(line + [f"{row['microseconds'][n] / least:.2f}" for n in numbers])
    title = (
        f"A step of {n_in}-{n_out}-10, batch {result['batch']}, 1 thread: its time by the number\n"
        "of blocks that the first layer's columns are cut into, as a multiple of the best"
    )
    header = ["density", "inputs", "best, us", "chosen", "takes", *numbers]
    return f"{title}\n{align(header, lines)}"
