"""Benchmark of whole epochs of `minisnn.train`, with all that Python does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter, sleep
from typing import Any

import minisnn as snn
from minisnn._support.tables import align

from .measure import PAUSE, median

DEGREES = (10, 50, 150)


def measure_epoch(
    threads: Sequence[int], *, rounds: int = 5, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Return seconds per epoch of MNIST for sparse networks and the dense one, in turn.

    Parameters
    ----------
    threads
        Numbers of threads; BLAS takes as many.
    rounds
        Epochs of each network.
    report
        Told what is going on.
    """
    data = snn.datasets.load_mnist("auto")
    networks = {
        f"degree {degree}": snn.MLP(
            [snn.topology.fibonacci_rotating(784, 1000, degree), snn.topology.dense(1000, 10)]
        )
        for degree in DEGREES
    }
    networks["dense"] = snn.MLP([snn.topology.dense(784, 1000), snn.topology.dense(1000, 10)])
    rows = []
    before = snn.get_num_threads()
    for n_threads in threads:
        report(f"epochs, {n_threads} thread(s)")
        seconds: dict[str, list[float]] = {name: [] for name in networks}
        for turn in range(rounds + 1):
            for name, net in networks.items():
                sleep(PAUSE)
                snn.set_num_threads(n_threads)
                started = perf_counter()
                history = snn.train(
                    net, data.train_images, data.train_labels,
                    optimizer=snn.NesterovSGD(0.1), epochs=1, input_scale=1 / 255,
                    progress=False,
                )  # fmt: skip
                elapsed = perf_counter() - started - history.compile_seconds
                if turn:  # the first one compiles
                    seconds[name].append(elapsed)
        rows += [
            {"network": name, "threads": n_threads, "seconds": median(values)}
            for name, values in seconds.items()
        ]
    snn.set_num_threads(before)
    return {"samples": len(data.train_labels), "rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return seconds per epoch, and how much faster than dense."""
    threads = sorted({row["threads"] for row in result["rows"]})
    names = list(dict.fromkeys(row["network"] for row in result["rows"]))
    times = {(row["network"], row["threads"]): row["seconds"] for row in result["rows"]}
    head = [f"{result['samples']:,} images, batch 128"]
    head += [f"{n} thread{'s' * (n > 1)}{what}" for n in threads for what in (", s", ", x dense")]
    lines = []
    for name in names:
        cells = []
        for n in threads:
            cells += [f"{times[name, n]:.3f}", f"{times['dense', n] / times[name, n]:.1f}"]
        lines.append([f"784-1000-10, {name}", *cells])
    return align(head, lines)
