"""Benchmark of networks of named wirings beside PyTorch, as those who have such wirings train them.

The networks are random ones of the sizes of DrugCell, cellmaps_vnn and BINN; see `hierarchies`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import minisnn as snn
from minisnn._support.tables import align
from minisnn.network.losses import check_loss
from minisnn.network.samples import check_samples
from minisnn.training.trainer import Trainer

from .hierarchies import ontology, pathway_layers
from .measure import interleaved, median
from .wired import Ours, Side, Task, check, make_task

TOLERANCES = {"float64": 1e-12, "float32": 1e-4}
"""Of differences of losses, gradients and parameters, relative to the largest value of a kind."""

GOALS = {
    "ontology": {"PyTorch, masked matrices": 130, "PyTorch, modules term by term": 85},
    "small ontology": {"PyTorch, masked matrices": 10, "PyTorch, modules term by term": 50},
    "layers": {"PyTorch, masked matrices": 10, "PyTorch, modules term by term": 50},
}
"""Goals on one thread, as multiples of our time, by task and contestant."""

CHAIN, DEGREE = (784, 1000, 10), 100
CHAIN_GOAL = 0.02
_CHAIN_STEPS = 20


def tasks() -> dict[str, Task]:
    """Return the tasks that are measured, by name."""
    large = ontology(
        3000, (1000, 550, 280, 120, 49, 1),
        units=6, genes_per_term=32, second_parents=0.6, n_heads=101,
    )  # fmt: skip
    small = ontology(
        718, (80, 30, 14, 6, 1), units=4, genes_per_term=8, second_parents=0.3, n_heads=131
    )
    layers = pathway_layers((448, 471, 306, 125, 28, 2), (1.5, 1.5, 2.4, 4.5))
    return {
        "ontology": make_task(
            "ontology as DrugCell's: 3,000 genes, 2,000 terms of 6 neurons", large, head_weight=0.2
        ),
        "small ontology": make_task(
            "ontology as cellmaps_vnn's: 718 genes, 131 terms of 4 neurons", small, head_weight=0.2
        ),
        "layers": make_task("layers as BINN's: 448-471-306-125-28-2", layers),
    }


def measure_wiring_users(
    threads: Sequence[int],
    *,
    chosen: dict[str, Task] | None = None,
    rounds: int = 5,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the time of a step of each contestant on each network, in turn.

    Loss, gradients and the parameters after some steps are compared with ours in float64 and in
    float32 before anything is timed.

    Parameters
    ----------
    threads
        Numbers of threads to measure with.
    chosen
        Tasks by name; by default `tasks`.
    rounds
        Turns of each contestant.
    report
        Told what is going on.
    """
    from .term_loops import LevelWise, Modules
    from .wired_torch import Masked, Sparse

    others: list[type[Side]] = [Masked, Modules, LevelWise, Sparse]
    kinds: list[type[Side]] = [Ours, *others]
    described, rows = {}, []
    for key, task in (tasks() if chosen is None else chosen).items():
        report(f"{task.name}, compared")
        differences = {
            dtype: {side.name: _difference(task, side, max(threads), dtype) for side in others}
            for dtype in TOLERANCES
        }
        described[key] = {**_describe(task), "differences": differences}
        for n_threads in threads:
            report(f"{task.name}, {n_threads} thread(s)")
            sides = [kind(task, n_threads, "float32") for kind in kinds]
            times = _timed(sides, rounds)
            ours = times[Ours.name]
            rows.append(
                {
                    "task": key,
                    "threads": n_threads,
                    "weights": {side.name: side.n_weights() for side in sides},
                    "milliseconds": {name: 1e3 * median(values) for name, values in times.items()},
                    "ratios": {name: _ratio(values, ours) for name, values in times.items()},
                    "rounds": {name: [1e3 * v for v in values] for name, values in times.items()},
                }
            )
    chain = [_chain(n_threads, rounds, report) for n_threads in threads]
    return {"tasks": described, "rows": rows, "chain": chain}


def _describe(task: Task) -> dict[str, Any]:
    wiring = task.wiring
    return {
        "name": task.name,
        "edges": wiring.n_edges,
        "skips": wiring.n_skips,
        "levels": wiring.n_levels,
        "outputs": len(wiring.outputs),
        "batch_size": task.batch_size,
    }


def _difference(task: Task, other: type[Side], n_threads: int, dtype: str) -> float:
    ours = Ours(task, n_threads, dtype)
    return check(ours, other(task, n_threads, dtype), TOLERANCES[dtype])


def _timed(sides: Sequence[Side], rounds: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(1)
    return interleaved(
        {side.name: side.runner(rng) for side in sides},
        limits={side.name: side.limits for side in sides},
        rounds=rounds,
    )


def _ratio(values: Sequence[float], to: Sequence[float]) -> float:
    """Return the median of the ratios of turns in the same round."""
    return median([value / other for value, other in zip(values, to, strict=True)])


# A chain, as an MLP and as a Network


def _chain(n_threads: int, rounds: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Return the time of a step of the same layers as an `MLP` and as a `Network`.

    Parameters have the same bits after some steps; else nothing is timed.
    """
    report(f"a chain, {n_threads} thread(s)")
    n_in, width, n_out = CHAIN
    layers = [
        snn.topology.constant_degree(n_in, width, degree=DEGREE, seed=0),
        snn.topology.dense(width, n_out),
    ]
    networks = {
        "MLP": snn.MLP(layers, seed=0),
        "Network": snn.Network(snn.wiring.from_topologies(layers), seed=0),
    }
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (20_000, n_in), dtype=np.uint8)
    Y = rng.integers(0, n_out, len(X))

    def runner(net: Any) -> Callable[[int], None]:
        samples = check_samples(net, X, Y, 1 / 255)
        trainer = Trainer(
            net, samples, optimizer=snn.NesterovSGD(0.01), batch_size=128,
            loss=check_loss(None, "sigmoid", samples),
        )  # fmt: skip
        trainer.compile()
        batches = np.random.default_rng(1)

        def run(n: int) -> None:
            trainer.steps(batches.integers(0, len(X), n * 128), np.full(n, 0.01))

        return run

    @contextmanager
    def limits() -> Any:
        before = snn.get_num_threads()
        snn.set_num_threads(n_threads)
        try:
            yield
        finally:
            snn.set_num_threads(before)

    with limits():
        runners = {name: runner(net) for name, net in networks.items()}
        for run in runners.values():
            run(_CHAIN_STEPS)
    mlp, network = (net.parameters for net in networks.values())
    if mlp.tobytes() != network.tobytes():
        raise AssertionError(
            f"a chain as an MLP and as a Network has other bits after {_CHAIN_STEPS} steps"
        )
    times = interleaved(runners, limits=dict.fromkeys(runners, limits), rounds=3 * rounds)
    return {
        "threads": n_threads,
        "microseconds": {name: 1e6 * median(values) for name, values in times.items()},
        "ratio": _ratio(times["Network"], times["MLP"]),
        "rounds": {name: [1e6 * v for v in values] for name, values in times.items()},
    }


# Output


def table(result: dict[str, Any]) -> str:
    """Return milliseconds per step, and how often as long as ours the others take."""
    parts = []
    for key, task in result["tasks"].items():
        rows = [row for row in result["rows"] if row["task"] == key]
        head, goals = ["milliseconds a step", "weights"], GOALS.get(key, {})
        for row in rows:
            head += [_threads(row["threads"]), "x ours"]
            head += ["goal"] * (row["threads"] == 1)
        lines = []
        for name, weights in rows[0]["weights"].items():
            line = [name, f"{weights:,}"]
            for row in rows:
                line += [f"{row['milliseconds'][name]:.3f}", f"{row['ratios'][name]:.1f}"]
                line += [str(goals.get(name, "-"))] * (row["threads"] == 1)
            lines.append(line)
        worst = {dtype: max(found.values()) for dtype, found in task["differences"].items()}
        parts.append(
            f"{task['name']}\n{task['edges']:,} edges, of which {task['skips']:,} skip levels, in "
            f"{task['levels']} levels; {task['outputs']} outputs, batch norm, batch "
            f"{task['batch_size']}\n{align(head, lines)}\nLosses, gradients and steps differ by "
            f"{worst['float64']:.0e} of the largest at most in float64, {worst['float32']:.0e} in "
            "float32."
        )
    lines = []
    for row in result["chain"]:
        times = row["microseconds"]
        cells = [f"{times['MLP']:.1f}", f"{times['Network']:.1f}", f"{row['ratio']:.3f}"]
        lines.append([_threads(row["threads"]), *cells, f"{1 - CHAIN_GOAL:g} - {1 + CHAIN_GOAL:g}"])
    head = [f"{'-'.join(map(str, CHAIN))} at 10 %, us a step", "MLP", "Network", "ratio", "goal"]
    parts.append(f"{align(head, lines)}\nThe same bits after {_CHAIN_STEPS} steps.")
    return "\n\n".join(parts)


def _threads(n: int) -> str:
    return f"{n} thread{'s' * (n > 1)}"


def plot(result: dict[str, Any]) -> Any:
    """Return a figure of the time of a step: a panel for each network, lines that begin at ours."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    keys = list(result["tasks"])
    figure = Figure(figsize=(4 * len(keys) + 1.6, 3.6), dpi=120, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(keys), sharey=True))
    counts = sorted({row["threads"] for row in result["rows"]})
    colors = dict(zip(counts, ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), strict=False))
    for panel, key in zip(panels, keys, strict=True):
        for row in (row for row in result["rows"] if row["task"] == key):
            n_threads, times = row["threads"], row["milliseconds"]
            shift = 0.36 * (counts.index(n_threads) - (len(counts) - 1) / 2)
            at, values = np.arange(len(times)) + shift, list(times.values())
            panel.hlines(at, times[Ours.name], values, color=colors[n_threads], linewidth=2)
            panel.plot(values, at, "o", color=colors[n_threads], label=_threads(n_threads))
            for y, name in zip(at, times, strict=True):
                text = "" if name == Ours.name else f"  {row['ratios'][name]:.0f} x"
                panel.text(times[name], y, text, va="center", fontsize=9)
        panel.set_yticks(range(len(times)), list(times))
        panel.set(xscale="log", xlabel="milliseconds a step")
        low, high = panel.get_xlim()
        panel.set_xlim(low, high * (high / low) ** 0.2)  # room for the ratios
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        panel.set_title(result["tasks"][key]["name"].replace(": ", ":\n"), fontsize=10)
        panel.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()
    panels[0].legend(fontsize=9, loc="lower right")
    return figure
