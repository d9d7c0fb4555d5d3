"""Benchmark of networks with very many inputs, of which few have edges, beside others.

The others do the same in NumPy and SciPy: with a matrix that has all columns, or with the columns
that are used, which are gathered anew for each prediction and each epoch, as ours are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
from scipy.special import expit

import minisnn as snn
from minisnn._support.tables import align

from .base import Array, Problem
from .measure import interleaved, limited, median
from .numpy_peers import NumPyDense, SciPyCSR

N_INPUTS, DEGREE, N_OUTPUTS = 500_000, 20, 10
HIDDEN = (100, 1000)
N_SAMPLES, BATCH = 512, 128
KINDS = ("uint8", "float32")
OURS = "minisnn"
_RATE, _MOMENTUM = 0.01, 0.9


def measure_many_inputs(
    threads: Sequence[int],
    *,
    n_inputs: int = N_INPUTS,
    hidden: Sequence[int] = HIDDEN,
    n_samples: int = N_SAMPLES,
    rounds: int = 7,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return how long predictions and an epoch take each side, in turn.

    Predictions of all sides, and weights after a step, are compared with ours before anything is
    timed.

    Parameters
    ----------
    threads
        Numbers of threads to measure with.
    n_inputs, hidden
        Inputs of the networks, and the hidden neurons of each.
    n_samples
        Number of samples to predict, and of an epoch.
    rounds
        Turns of each side.
    report
        Told what is going on.
    """
    rows = []
    for kind in KINDS:
        X = np.random.default_rng(0).integers(0, 256, (n_samples, n_inputs), np.uint8).astype(kind)
        Y = np.random.default_rng(1).integers(0, N_OUTPUTS, n_samples)
        for width in hidden:
            problem = _make_problem(X, Y, width)
            for n_threads in threads:
                for what, sides in (("predictions", _predictions), ("epoch", _epochs)):
                    report(f"{what} of {width} hidden neurons, {kind}, {n_threads} thread(s)")
                    contestants = sides(problem, n_threads)
                    limits = dict.fromkeys(contestants, partial(limited, n_threads))
                    times = interleaved(contestants, limits=limits, rounds=rounds)
                    rows.append(
                        {
                            "what": what,
                            "kind": kind,
                            "hidden": width,
                            "used": len(_used(problem)[0]),
                            "threads": n_threads,
                            "milliseconds": {k: 1e3 * median(v) for k, v in times.items()},
                            "rounds": {k: [1e3 * s for s in v] for k, v in times.items()},
                        }
                    )
    return {"n_inputs": n_inputs, "n_samples": n_samples, "rows": rows}


def _make_problem(X: Array, Y: Array, width: int) -> Problem:
    rng = np.random.default_rng(2)
    n_inputs = X.shape[1]
    inputs = [np.sort(rng.choice(n_inputs, DEGREE, replace=False)) for _ in range(width)]
    shapes = ((width, n_inputs, DEGREE), (N_OUTPUTS, width, width))
    masks = []
    for (n_out, n_in, degree), indices in zip(
        shapes, (np.concatenate(inputs), np.tile(np.arange(width), N_OUTPUTS)), strict=True
    ):
        weights = rng.standard_normal(len(indices), np.float32) / np.float32(np.sqrt(degree))
        indptr = np.arange(n_out + 1, dtype=np.int32) * degree
        masks.append(
            scipy.sparse.csr_array((weights, indices.astype(np.int32), indptr), (n_out, n_in))
        )
    biases = [rng.standard_normal(mask.shape[0], np.float32) for mask in masks]
    return Problem(X, Y, masks, biases, _RATE, _MOMENTUM)


def _network(problem: Problem) -> snn.MLP:
    graphs = [
        snn.Topology(m.shape[1], m.shape[0], m.indptr.astype(np.int64), m.indices)
        for m in problem.masks
    ]
    parts = zip(problem.masks, problem.biases, strict=True)
    return snn.MLP.from_parameters(
        graphs, np.concatenate([part for mask, biases in parts for part in (mask.data, biases)])
    )


def _used(problem: Problem) -> tuple[Array, Any]:
    """Return the columns of X that have edges, and the first layer's matrix of these alone."""
    mask = problem.masks[0]
    used, places = np.unique(mask.indices, return_inverse=True)
    narrow = (mask.data, places.astype(np.int32), mask.indptr)
    return used, scipy.sparse.csr_array(narrow, (mask.shape[0], len(used)))


# Predictions


def _predictions(problem: Problem, n_threads: int) -> dict[str, Callable[[int], None]]:
    """Return functions that predict all samples ``n`` times."""
    net, X = _network(problem), problem.images
    used, narrow = _used(problem)
    first, dense = problem.masks[0], narrow.toarray()
    b, c = problem.biases
    last = problem.masks[1].toarray().T

    def outputs(Z: Array) -> Array:
        A = expit(Z * np.float32(problem.scale) + b)
        return np.asarray(expit(A @ last + c))

    def gathered(rows: Array) -> Array:
        return np.take(rows, used, axis=1).astype(np.float32, copy=False)

    def by_row(rows: Array) -> Array:
        # Here SciPy reads the columns that it needs; of a batch it copies all of them.
        return np.stack([first @ row.astype(np.float32, copy=False) for row in rows])

    sums: dict[str, Callable[[Array], Array]] = {
        "SciPy CSR, all columns": lambda rows: (first @ np.ascontiguousarray(rows.T, np.float32)).T,
        "SciPy CSR, all columns, a sample at a time": by_row,
        "SciPy CSR, used columns": lambda rows: (narrow @ gathered(rows).T).T,
        "NumPy dense, used columns": lambda rows: gathered(rows) @ dense.T,
    }
    predictions: dict[str, Callable[[], Array]] = {
        OURS: lambda: net.predict(X, input_scale=1 / 255),
        **{name: partial(_in_batches, X, sums_of, outputs) for name, sums_of in sums.items()},
    }
    with limited(n_threads):
        expected = predictions[OURS]()
        for name, predict in predictions.items():
            _check(name, "predictions", expected, predict())

    def repeated(predict: Callable[[], Array], n: int) -> None:
        for _ in range(n):
            predict()

    return {name: partial(repeated, predict) for name, predict in predictions.items()}


def _in_batches(
    X: Array, sums_of: Callable[[Array], Array], outputs: Callable[[Array], Array]
) -> Array:
    return np.concatenate(
        [outputs(sums_of(X[begin : begin + BATCH])) for begin in range(0, len(X), BATCH)]
    )


# Epochs


def _epochs(problem: Problem, n_threads: int) -> dict[str, Callable[[int], None]]:
    """Return functions that train for ``n`` epochs, each in another order."""
    net, rng = _network(problem), np.random.default_rng(3)
    optimizer = snn.NesterovSGD(problem.rate, problem.momentum)
    options: dict[str, Any] = {
        "optimizer": optimizer,
        "batch_size": BATCH,
        "input_scale": 1 / 255,
        "progress": False,
    }
    n_samples = len(problem.labels)
    used, narrow = _used(problem)
    used_alone = replace(
        problem, images=np.take(problem.images, used, axis=1), masks=[narrow, *problem.masks[1:]]
    )
    peers = {
        "SciPy CSR, all columns": SciPyCSR(problem, n_threads),
        "SciPy CSR, used columns": SciPyCSR(used_alone, n_threads),
        "NumPy dense, used columns": NumPyDense(used_alone, n_threads),
    }

    def train(n: int) -> None:
        for _ in range(n):
            snn.train(net, problem.images, problem.labels, epochs=1, **options)

    def epoch_of(peer: NumPyDense, order: Array) -> None:
        if peer.problem is not problem:  # what is used is gathered again, as it is by ours
            np.take(problem.images, used, axis=1, out=peer.problem.images, mode="clip")
        for begin in range(0, n_samples, BATCH):
            peer.step(order[begin : begin + BATCH])

    def epochs_of(peer: NumPyDense, n: int) -> None:
        for _ in range(n):
            epoch_of(peer, rng.permutation(n_samples))

    with limited(n_threads):
        # One step: NumPy's dense matrix has weights off the edges, too, which do not stay zero.
        twin, batch = _network(problem), np.arange(min(BATCH, n_samples))
        X, Y = problem.images, problem.labels
        snn.train(twin, X, Y, epochs=1, rows=batch, shuffle=False, **options)
        for name, peer in peers.items():
            peer.step(batch)
            for layer, (weights, biases) in zip(twin.layers, peer.parameters(), strict=True):
                _check(name, "weights after a step", layer.weights, weights)
                _check(name, "biases after a step", layer.biases, biases)
    return {OURS: train, **{name: partial(epochs_of, peer) for name, peer in peers.items()}}


def _check(name: str, what: str, expected: Array, found: Array) -> None:
    """Raise unless numbers are ours, to the precision of float32."""
    error = float(np.abs(expected - found).max() / np.abs(expected).max())
    if not error < 1e-4:
        raise AssertionError(
            f"{what} of {name} differ from ours by {error:.2g} of the largest; "
            "what does another thing must not be timed"
        )


# Output


def table(result: dict[str, Any]) -> str:
    """Return the medians in milliseconds, and how often as long each takes as ours."""
    parts = []
    for n_threads in sorted({row["threads"] for row in result["rows"]}):
        for what in ("predictions", "epoch"):
            rows = [
                row for row in result["rows"]
                if row["threads"] == n_threads and row["what"] == what
            ]  # fmt: skip
            names = list(rows[0]["milliseconds"])
            head = [what, *(f"{row['hidden']} hidden, {row['kind']}" for row in rows)]
            lines = [["inputs used", *(f"{row['used']:,}" for row in rows)]]
            lines += [[name, *(_cell(row["milliseconds"], name) for row in rows)] for name in names]
            parts.append(
                f"{result['n_samples']} samples of {result['n_inputs']:,} inputs, {DEGREE} edges "
                f"per hidden neuron, {n_threads} thread{'s' * (n_threads > 1)}: milliseconds, and "
                f"as a multiple of ours\n{align(head, lines)}"
            )
    return "\n\n".join(parts)


def _cell(times: dict[str, float], name: str) -> str:
    ratio = "" if name == OURS else f"  {times[name] / times[OURS]:5.2f} x"
    return f"{times[name]:.2f}{ratio}"
