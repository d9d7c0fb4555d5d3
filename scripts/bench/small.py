"""Benchmark of small work: a small network, single samples, and Python's share of a step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

import minisnn as snn
from minisnn._support.tables import align
from minisnn.kernels.program.engine import execute

from .measure import interleaved, median
from .numpy_peers import NumPyDense
from .ours import Ours
from .steps import check_gradients, make_problem

SMALL, SMALL_BATCH = (64, 32, 10), 32
SINGLES = {
    (784, 1000, 10): (1.0, 0.9, 0.7, 0.5, 0.3, 0.16, 0.1, 0.05, 0.01),
    (784, 300, 10): (1.0, 0.7, 0.5, 0.16, 0.05, 0.01),
    (4096, 4096, 10): (0.5, 0.16, 0.01),
}
"""Densities of the first layer, of each network through which single samples go."""
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
    singles = []
    for widths, densities in SINGLES.items():
        for density in densities:
            report(f"one sample at a time, {'-'.join(map(str, widths))}, {density:.0%}")
            singles.append(_one_sample(widths, density, rounds))
    report("Python's share")
    return {
        "rows": rows,
        "singles": singles,
        "python": [_python(density, rounds) for density in (0.01, 0.1)],
    }


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


def _one_sample(widths: tuple[int, ...], density: float, rounds: int) -> dict[str, Any]:
    """Prediction for one sample by `MLP.predict`, for random and regular wiring, and by NumPy."""
    n_in, n_hidden, n_out = widths
    rng = np.random.default_rng(0)
    X = rng.random((500, n_in), dtype=np.float32)
    degree, topology = round(n_hidden * density), snn.topology
    graphs = {
        "random": topology.constant_degree(n_in, n_hidden, degree, seed=0),
        "regular": topology.regular_rotating(n_in, n_hidden, degree),
    }
    if density == 1:
        graphs = {"complete": topology.dense(n_in, n_hidden)}
    runs: dict[str, Callable[[int], None]] = {}
    for name, graph in graphs.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", snn.DeadNeuronWarning)
            net = snn.MLP([graph, topology.dense(n_hidden, n_out)], seed=0)
        dense = _dense_of(net)
        np.testing.assert_allclose(net.predict(X[:1])[0], dense(X[0]), rtol=1e-4)
        runs[name] = partial(_predictions, net.predict, [X[k : k + 1] for k in range(len(X))])
    runs["numpy"] = partial(_predictions, dense, list(X))
    # On one thread, which is faster but for the largest.
    limits = dict.fromkeys(runs, partial(threadpool_limits, 1))
    times = interleaved(runs, limits=limits, rounds=rounds, seconds=0.05)
    seconds = {name: 1e6 * median(times[name]) for name in runs}
    return {"widths": list(widths), "density": density, "microseconds": seconds}


def _predictions(predict: Callable[[Any], Any], samples: list[Any], n: int) -> None:
    for k in range(n):
        predict(samples[k % len(samples)])


def _dense_of(net: snn.MLP) -> Callable[[Any], Any]:
    """Return NumPy's prediction with dense matrices: in arrays that are there, by BLAS."""
    W = [np.ascontiguousarray(layer.to_scipy().toarray().T) for layer in net.layers]
    b = [layer.biases.copy() for layer in net.layers]
    A = [np.empty_like(biases) for biases in b]

    def predict(x: Any) -> Any:
        for weights, biases, activations in zip(W, b, A, strict=True):
            np.dot(weights, x, out=activations)
            np.add(activations, biases, out=activations)
            x = expit(activations, out=activations)
        return x

    return predict


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
    parts.append(_table_of_singles(result["singles"]))
    parts += [
        f"Not in compiled code: {100 * row['share']:.1f} % of minisnn.train at "
        f"{100 * row['density']:.3g} % density, {EPOCHS} epochs of {N_IMAGES:,} images."
        for row in result["python"]
    ]
    return "\n\n".join([*parts[:2], "\n".join(parts[2:])])


def _table_of_singles(rows: list[dict[str, Any]]) -> str:
    """Return microseconds of a prediction, and multiples of NumPy's speed."""
    lines = []
    for row in rows:
        times = dict(row["microseconds"])
        line = ["-".join(map(str, row["widths"])), f"{100 * row['density']:.3g} %"]
        line.append(f"{times['numpy']:.1f}")
        for name in ("random", "regular"):
            time = times.get(name, times.get("complete"))
            line += [f"{time:.1f}", f"{times['numpy'] / time:.2f} x"]
        lines.append(line)
    head = ["one sample, microseconds", "density", "NumPy dense", "random", "", "regular", ""]
    return align(head, lines)
