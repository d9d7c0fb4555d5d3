"""Benchmark of full training steps beside the peers, over densities and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import scipy.sparse

import minisnn as snn
from minisnn._support.tables import align

from .base import Array, Peer, Problem
from .measure import interleaved, median
from .ours import Ours

DATA: dict[str, tuple[Any, int]] = {"bytes": (np.uint8, 60_000), "floats": (np.float32, 6_400)}
"""Dtype and number of samples: as many images as MNIST has, of which a batch is not to be found in
a cache, and a table of real numbers."""

GOALS = {
    "bytes": {1.0: 0.95, 0.7: 1.2, 0.5: 1.6, 0.2: 3.2, 0.1: 5.5, 0.05: 8.5, 0.01: 17},
    "floats": {0.5: 1.3, 0.2: 2.6, 0.1: 4.5, 0.05: 7, 0.01: 12},
}
"""By density of 784-1000-10: how much faster than the best dense step."""

_RATE, _MOMENTUM = 0.01, 0.9
_UNITS = {"block_random": 4}  # constructions whose degrees are multiples


def make_problem(
    widths: Sequence[int],
    density: float,
    *,
    data: str = "bytes",
    n_samples: int | None = None,
    topology: str = "",
) -> Problem:
    """Return a network with hidden layers of a density and a complete last layer.

    Parameters
    ----------
    widths
        Neurons of each layer, the inputs first.
    density
        Share of connections of every layer but the last.
    data, n_samples
        Random samples of a kind of `DATA`, and how many if not as many as there.
    topology
        One of `minisnn.topology.names`; by default every neuron has as many inputs,
        chosen at random.
    """
    rng = np.random.default_rng(0)
    masks = []
    for number, (n_in, n_out) in enumerate(pairwise(widths)):
        share = 1.0 if number == len(widths) - 2 else density
        masks.append(_mask(rng, n_in, n_out, share, topology))
    dtype, n_usual = DATA[data]
    shape = (n_usual if n_samples is None else n_samples, widths[0])
    images: Array
    if dtype == np.uint8:
        images, scale = rng.integers(0, 256, shape, dtype=np.uint8), 1 / 255
    else:
        images, scale = rng.random(shape, dtype=np.float32), 1.0
    return Problem(
        images=images,
        labels=rng.integers(0, widths[-1], shape[0]),
        masks=masks,
        biases=[np.zeros(n_out, np.float32) for n_out in widths[1:]],
        rate=_RATE,
        momentum=_MOMENTUM,
        scale=scale,
    )


def _mask(rng: np.random.Generator, n_in: int, n_out: int, density: float, topology: str) -> Any:
    if topology and density < 1:
        unit = _UNITS.get(topology, 1)
        degree = unit * max(1, round(density * n_out / unit))
        graph = snn.topology.make(topology, n_in, n_out, degree, seed=0)
        indptr, indices = np.asarray(graph.indptr), np.asarray(graph.indices)
    else:
        degree = max(1, round(density * n_in))
        keys = rng.random((n_out, n_in), dtype=np.float32)
        chosen = np.argpartition(keys, degree - 1, axis=1)[:, :degree]
        indices = np.sort(chosen, axis=1).ravel()
        indptr = np.arange(n_out + 1) * degree
    scale = np.sqrt(2 / (len(indices) / n_in + len(indices) / n_out))
    weights = (scale * rng.standard_normal(len(indices))).astype(np.float32)
    return scipy.sparse.csr_array(
        (weights, indices.astype(np.int32), indptr.astype(np.int32)), shape=(n_out, n_in)
    )


def measure_step(
    widths: Sequence[int],
    densities: Sequence[float],
    threads: Sequence[int],
    peers: Sequence[type[Peer]],
    *,
    batch_size: int = 128,
    rounds: int = 7,
    topology: str = "",
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the time of a step of each contestant at each density, on all `DATA` and threads.

    Dense contestants do not depend on the density, but take their turns beside each density's
    sparse ones. Every contestant's gradients are compared with ours before it is timed. Other
    systems are measured on bytes alone.

    Parameters
    ----------
    widths
        Neurons of each layer, the inputs first.
    densities, threads
        Densities and numbers of threads to measure.
    peers
        Other systems to measure.
    batch_size, rounds
        Samples of a step; turns of each contestant.
    topology
        See `make_problem`.
    report
        Told what is going on.
    """
    rows = []
    for density, data in product(densities, DATA):
        problem = make_problem(widths, density, data=data, topology=topology)
        for n_threads in threads:
            report(f"{'-'.join(map(str, widths))}, {density:.0%}, {data}, {n_threads} thread(s)")
            others = peers if data == "bytes" else []
            times = _one(problem, n_threads, others, batch_size, rounds)
            rows.append(
                {
                    "density": density,
                    "data": data,
                    "threads": n_threads,
                    "milliseconds": {name: 1e3 * median(values) for name, values in times.items()},
                    "rounds": {name: [1e3 * v for v in values] for name, values in times.items()},
                }
            )
    dense = ["minisnn, dense on BLAS", *(peer.name for peer in peers if not peer.is_sparse)]
    return {
        "widths": list(widths),
        "batch_size": batch_size,
        "dense": [name for name in dense if name != "PyTorch dense + mask"],
        "sparse": [peer.name for peer in peers if peer.is_sparse],
        "rows": rows,
    }


def _one(
    problem: Problem, threads: int, peers: Sequence[type[Peer]], batch_size: int, rounds: int
) -> dict[str, list[float]]:
    rng = np.random.default_rng(1)
    ours = Ours(problem, threads, batch_size, blas=False)
    dense = Ours(filled(problem), threads, batch_size, blas=True)
    contestants: dict[str, Callable[[int], None]] = {
        contestant.name: contestant.runner(rng) for contestant in (ours, dense)
    }
    samples = rng.integers(0, len(problem.labels), batch_size)
    expected = ours.gradients(samples)
    check_gradients(dense.name, expected, on_edges(problem, dense.gradients(samples)))
    limits: dict[str, Callable[[], Any]] = {c.name: c.limits for c in (ours, dense)}
    for peer in peers:
        contestant = peer(problem, threads)
        check_gradients(peer.name, expected, contestant.gradients(samples))
        contestants[peer.name] = _runner(contestant, rng, batch_size)
        limits[peer.name] = contestant.limits
    return interleaved(contestants, limits=limits, rounds=rounds)


def filled(problem: Problem) -> Problem:
    """Return the dense network that computes the same: zeros where there is no edge."""
    masks = []
    for mask in problem.masks:
        n_out, n_in = mask.shape
        indices = np.tile(np.arange(n_in, dtype=np.int32), n_out)
        indptr = np.arange(n_out + 1, dtype=np.int32) * n_in
        masks.append(
            scipy.sparse.csr_array((mask.toarray().ravel(), indices, indptr), shape=mask.shape)
        )
    return replace(problem, masks=masks)


def on_edges(problem: Problem, gradients: Any) -> Any:
    """Return the gradients of `filled` on the edges of the problem."""
    return [
        (
            dW.reshape(mask.shape)[
                np.repeat(np.arange(mask.shape[0]), np.diff(mask.indptr)), mask.indices
            ],
            db,
        )
        for mask, (dW, db) in zip(problem.masks, gradients, strict=True)
    ]


def check_gradients(name: str, expected: Any, found: Any) -> None:
    """Raise unless a contestant's gradients are ours, to the precision of float32."""
    for number, (ours, theirs) in enumerate(zip(expected, found, strict=True), start=1):
        for mine, other in zip(ours, theirs, strict=True):
            error = float(np.abs(mine - other).max() / np.abs(mine).max())
            if not error < 1e-4:
                raise AssertionError(
                    f"gradients of {name} in layer {number} differ from ours by {error:.2g} "
                    "of the largest; what does another thing must not be timed"
                )


def _runner(peer: Peer, rng: np.random.Generator, size: int) -> Callable[[int], None]:
    n_samples = len(peer.problem.labels)

    def run(n_steps: int) -> None:
        batches: Array = rng.integers(0, n_samples, (n_steps, size))
        for batch in batches:
            peer.step(batch)

    return run


# Output


def speedup(result: dict[str, Any], row: dict[str, Any], others: str) -> tuple[str, float] | None:
    """Return the best of the others, "dense" or "sparse", and our speed over its, if one ran."""
    times = row["milliseconds"]
    names = [name for name in result[others] if name in times]
    if not names:
        return None
    best = min(names, key=times.__getitem__)
    return best, times[best] / times["minisnn, sparse"]


def table(result: dict[str, Any]) -> str:
    """Return the medians in milliseconds, and our speed over the best of the others."""
    parts = []
    standard = result["widths"] == [784, 1000, 10]
    for data, n_threads in product(DATA, _threads(result)):
        rows = _rows(result, data, n_threads)
        names = list(rows[0]["milliseconds"])
        head = ["milliseconds a step", *(f"{row['density']:.3g}" for row in rows)]
        head[1:] = [f"{100 * row['density']:.3g} %" for row in rows]
        lines = [[name, *(f"{row['milliseconds'][name]:.3f}" for row in rows)] for name in names]
        for others in ("dense", "sparse"):
            found = [speedup(result, row, others) for row in rows]
            figures = [figure for figure in found if figure is not None]
            if not figures:
                continue
            lines.append([f"faster than the best {others}", *(f"{x:.2f} x" for _, x in figures)])
            if standard and others == "dense":
                goals = [GOALS[data].get(row["density"]) for row in rows]
                lines.append(["  goal", *(f"{goal} x" if goal else "-" for goal in goals)])
            lines.append(["  which is", *(best.removeprefix("minisnn, ") for best, _ in figures)])
        title = f"{'-'.join(map(str, result['widths']))}, batch {result['batch_size']}, {data}, "
        title += f"{n_threads} thread{'s' * (n_threads > 1)}"
        parts.append(f"{title}\n{align(head, lines)}")
    return "\n\n".join(parts)


def _threads(result: dict[str, Any]) -> list[int]:
    return sorted({row["threads"] for row in result["rows"]})


def _rows(result: dict[str, Any], data: str, n_threads: int) -> list[dict[str, Any]]:
    return [row for row in result["rows"] if (row["data"], row["threads"]) == (data, n_threads)]


def scale_by_density(panel: Any, percent: list[float], data: str, n_threads: int) -> None:
    """Let a panel have times against density, both on logarithmic axes."""
    from matplotlib.ticker import LogLocator

    panel.set(
        xscale="log", yscale="log", xlabel="density of the hidden layers, %",
        title=f"{data}, {n_threads} thread{'s' * (n_threads > 1)}",
    )  # fmt: skip
    panel.set_xticks(percent, [f"{p:.3g}" for p in percent])
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.minorticks_off()
    panel.grid(alpha=0.3)


def plot(result: dict[str, Any]) -> Any:
    """Return a figure of time against density, with the line of time in proportion to edges."""
    from matplotlib.figure import Figure

    all_threads = _threads(result)
    size = (6.5 * len(all_threads), 5 * len(DATA))
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    axes = figure.subplots(len(DATA), len(all_threads), sharey=True, squeeze=False)
    colors = [
        "#0072b2",
        "#000000",
        "#d55e00",
        "#cc79a7",
        "#e69f00",
        "#56b4e9",
        "#009e73",
        "#888888",
        "#882255",
    ]
    for panel, (data, n_threads) in zip(axes.flat, product(DATA, all_threads), strict=True):
        rows = _rows(result, data, n_threads)
        percent = [100 * row["density"] for row in rows]
        for color, name in zip(colors * 2, rows[0]["milliseconds"], strict=False):
            values = [row["milliseconds"][name] for row in rows]
            ours = name == "minisnn, sparse"
            style = {"linewidth": 3, "zorder": 5} if ours else {"linewidth": 1.2}
            line = "-" if name not in result["dense"] else "--"
            panel.plot(percent, values, line, marker="o", ms=4, color=color, label=name, **style)
        times = rows[0]["milliseconds"]
        best = min(times[name] for name in result["dense"] if name in times)
        panel.plot(percent, [best * p / 100 for p in percent], ":", color="#555555",
                   label="best dense x density")  # fmt: skip
        scale_by_density(panel, percent, data, n_threads)
    for row in axes:
        row[0].set_ylabel("milliseconds a step")
        row[-1].legend(fontsize=8)
    widths = "-".join(map(str, result["widths"]))
    figure.suptitle(f"A training step of {widths}, batch {result['batch_size']}")
    return figure
