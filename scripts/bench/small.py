"""Benchmark of small work: a small network, single samples, and Python's share of a step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

import minisnn as snn
from minisnn._support.tables import align
from minisnn.kernels.program.engine import execute

from .measure import interleaved, median
from .numpy_peers import NumPyDense
from .ours import Ours
from .steps import check_gradients, make_problem

SMALL, SMALL_BATCH = (64, 32, 10), 32
WIDTHS = (784, 1000, 10)
DENSITIES = (0.01, 0.05, 0.1, 0.16)
N_IMAGES, EPOCHS = 60_000, 20  # of the training whose share of Python is measured


def measure_small(*, rounds: int = 7, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return seconds of small pieces of work, ours and NumPy's dense, in turn.

    Parameters
    ----------
    rounds
        Turns of each side.
    report
        Told what is going on.
    """
    report("a small network")
    rows = [_step(rounds)]
    for density in DENSITIES:
        report(f"one sample at a time, {density:.0%}")
        rows.append(_one_sample(density, rounds))
    report("Python's share")
    return {"rows": rows, "python": [_python(density, rounds) for density in (0.01, 0.1)]}


def _row(what: str, times: dict[str, list[float]]) -> dict[str, Any]:
    ours, numpy = (1e6 * median(times[name]) for name in ("ours", "numpy"))
    return {"what": what, "ours": ours, "numpy": numpy}


def _step(rounds: int) -> dict[str, Any]:
    problem = make_problem(SMALL, 0.2, n_samples=2000)
    rng = np.random.default_rng(0)
    threads = snn.get_num_threads()
    ours, numpy = Ours(problem, threads, SMALL_BATCH, blas=False), NumPyDense(problem, threads)
    samples = rng.integers(0, 2000, SMALL_BATCH)
    check_gradients(numpy.name, ours.gradients(samples), numpy.gradients(samples))

    def dense(n: int) -> None:
        for batch in rng.integers(0, 2000, (n, SMALL_BATCH)):
            numpy.step(batch)

    times = interleaved(
        {"ours": ours.runner(rng), "numpy": dense},
        limits={"ours": ours.limits, "numpy": numpy.limits},
        rounds=rounds,
    )
    name = "-".join(map(str, SMALL))
    return _row(f"a step of {name} at 20 %, batch {SMALL_BATCH}", times)


def _one_sample(density: float, rounds: int) -> dict[str, Any]:
    """Prediction for one image: ours through `MLP.predict`, NumPy's with its weights at hand."""
    rng = np.random.default_rng(0)
    first = snn.topology.constant_degree(784, 1000, round(1000 * density), seed=0)
    net = snn.MLP([first, snn.topology.dense(1000, 10)])
    images = rng.integers(0, 256, (500, 784)).astype(np.uint8)
    W = [np.ascontiguousarray(layer.to_scipy().toarray().T) for layer in net.layers]
    b = [layer.biases for layer in net.layers]
    scale = np.float32(1 / 255)

    def dense_of(image: Any) -> Any:
        hidden = 1 / (1 + np.exp(-(W[0] @ (image * scale) + b[0])))
        return 1 / (1 + np.exp(-(W[1] @ hidden + b[1])))

    np.testing.assert_allclose(
        net.predict(images[:1], input_scale=1 / 255)[0], dense_of(images[0]), rtol=1e-4
    )

    def ours(n: int) -> None:
        for k in range(n):
            k %= 500
            net.predict(images[k : k + 1], input_scale=1 / 255)

    def numpy(n: int) -> None:
        for k in range(n):
            dense_of(images[k % 500])

    # A product of a vector may be faster on one core than on all: NumPy's best counts.
    counts = sorted({1, snn.get_num_threads()})
    times = interleaved(
        {"ours": ours} | {f"numpy {n}": numpy for n in counts},
        limits={f"numpy {n}": partial(threadpool_limits, n) for n in counts},
        rounds=rounds,
    )
    times["numpy"] = min((times[f"numpy {n}"] for n in counts), key=median)
    name = "-".join(map(str, WIDTHS))
    return _row(f"one sample through {name} at {100 * density:.3g} %", times)


def _python(density: float, rounds: int) -> dict[str, Any]:
    """Share of training by `minisnn.train` that is not spent in compiled code."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (N_IMAGES, 784), dtype=np.uint8)
    Y = rng.integers(0, 10, len(X))
    first = snn.topology.constant_degree(784, 1000, round(1000 * density), seed=0)
    net = snn.MLP([first, snn.topology.dense(1000, 10)])
    inside = 0.0
    compiled = execute

    def timed(rank: int, *arguments: Any) -> None:
        nonlocal inside
        started = perf_counter()
        compiled(rank, *arguments)
        if rank == 0:
            inside += perf_counter() - started

    shares = []
    with patch("minisnn.network.execution.execute", timed):
        for turn in range(min(rounds, 3) + 1):
            inside = 0.0
            started = perf_counter()
            history = snn.train(
                net, X, Y, optimizer=snn.NesterovSGD(0.1), epochs=EPOCHS, input_scale=1 / 255,
                progress=False,
            )  # fmt: skip
            elapsed = perf_counter() - started - history.compile_seconds
            if turn:
                shares.append(1 - inside / elapsed)
    return {"density": density, "share": median(shares), "shares": shares}


def table(result: dict[str, Any]) -> str:
    """Return microseconds of both sides, and Python's share of an epoch."""
    lines = [
        [
            row["what"],
            f"{row['ours']:.1f}",
            f"{row['numpy']:.1f}",
            f"{row['numpy'] / row['ours']:.2f} x",
        ]
        for row in result["rows"]
    ]
    parts = [align(["microseconds", "minisnn", "NumPy dense", "faster"], lines)]
    parts += [
        f"Not in compiled code: {100 * row['share']:.1f} % of minisnn.train at "
        f"{100 * row['density']:.3g} % density, {EPOCHS} epochs of {N_IMAGES:,} images."
        for row in result["python"]
    ]
    return "\n\n".join([parts[0], "\n".join(parts[1:])])
