"""Benchmark of the three products of a sparse layer beside dense BLAS and the machine's limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np

from minisnn._support.tables import align

from . import machine
from .machine import BATCH, SHAPE, Machine, blas_products, measure_machine, medians
from .measure import PAUSE
from .sparse_layer import OF_BYTES, SIGMOID, SparseLayer

DENSITIES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)

KERNELS = {
    "forward": ("W X", "blas_forward"),
    "input_gradient": ("W' dZ", "blas_forward"),
    "weight_gradient": ("dZ X'", "blas_gradient"),
    f"forward{OF_BYTES}": ("W X, bytes", "blas_forward"),
    f"weight_gradient{OF_BYTES}": ("dZ X', bytes", "blas_gradient"),
}
"""Each kernel's product, and which of BLAS's it is compared with."""

_COLORS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#56b4e9",
    "#e69f00",
)  # told apart by colour-blind readers too


def roofline(limits: Machine, level: str, n_bytes: float) -> float:
    """Return the GFLOP/s that a machine allows: by its FMAs, or by what each edge reads.

    Parameters
    ----------
    limits
        Peak rates of the machine.
    level
        Source of the edges' bytes, one of `machine.BUFFERS`.
    n_bytes
        Of one edge, which is worth two operations per sample.
    """
    return min(limits.peak_gflops, limits.bandwidth[level] / n_bytes * 2 * BATCH)


def measure_kernels(
    shape: tuple[int, int] = SHAPE,
    densities: Sequence[float] = DENSITIES,
    threads: Sequence[int] = (1,),
    rounds: int = 7,
    *,
    seconds: float = 0.15,
    pause: float = PAUSE,
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Return the rates of a layer's products, of BLAS's, and what the machine allows.

    Parameters
    ----------
    shape
        Inputs and outputs.
    densities, threads
        Densities and numbers of threads to measure.
    rounds, seconds, pause
        As for `measure.interleaved`.
    report
        Told what is going on.

    Returns
    -------
    dict
        For JSON: ``shape``, ``batch``, ``machines`` (the fields of a `Machine` for each number of
        threads), and ``rows``, one for each density and number of threads.
    """
    timing: dict[str, Any] = {"rounds": rounds, "seconds": seconds, "pause": pause}
    machines = []
    for n_threads in threads:
        report(f"the machine, {_threads(n_threads)}")
        machines.append(measure_machine(n_threads, **timing))
    dense, rows = blas_products(shape, BATCH), []
    for density in densities:
        layer = SparseLayer(shape, density)
        for limits in machines:
            report(f"{shape[0]}-{shape[1]}, {density:.3g}, {_threads(limits.threads)}")
            with ThreadPoolExecutor(limits.threads) as pool:
                contestants = layer.contestants(limits.threads, pool) | dense
                times = medians(contestants, limits.threads, **timing)
            row = {
                "threads": limits.threads,
                "density": density,
                "products": {name: str(product) for name, product in layer.products.items()},
            }
            rows.append(row | _rates(shape, layer, limits, times))
    result = {"shape": list(shape), "batch": BATCH, "rows": rows}
    return result | {"machines": [asdict(limits) for limits in machines]}


def _rates(
    shape: tuple[int, int], layer: SparseLayer, limits: Machine, times: dict[str, float]
) -> dict[str, float]:
    """Return GFLOP/s, and of the kernels what share they are of BLAS's and of the roofline."""
    flop = 2e-9 * BATCH
    seconds = {name: times[name] for name in KERNELS}
    # A product takes its time at the peak at least, whatever is left of a short one by the noise.
    least = flop * layer.n_edges / limits.peak_gflops
    for name in ("forward", f"forward{OF_BYTES}"):
        seconds[name] = max(times[name] - times[SIGMOID], least)
    rates = {
        f"blas_{name}_gflops": flop * shape[0] * shape[1] / times[f"BLAS {name}"]
        for name in ("forward", "gradient")
    }
    for name, (level, n_bytes) in layer.traffic().items():
        rate = rates[f"{name}_gflops"] = flop * layer.n_edges / seconds[name]
        rates[f"{name}_share_of_blas"] = rate / rates[f"{KERNELS[name][1]}_gflops"]
        rates[f"{name}_share_of_roofline"] = rate / roofline(limits, level, n_bytes)
    return rates


def _threads(n: int) -> str:
    return f"{n} thread{'s' * (n > 1)}"


def _title(result: dict[str, Any]) -> str:
    n_in, n_out = result["shape"]
    return f"{n_in} -> {n_out}, batch {result['batch']}, float32"


def _by_threads(result: dict[str, Any]) -> list[tuple[Machine, list[dict[str, Any]]]]:
    """Return for each number of threads what the machine can do, and the rows."""
    machines = [Machine(**fields) for fields in result["machines"]]
    return [
        (limits, [row for row in result["rows"] if row["threads"] == limits.threads])
        for limits in machines
    ]


def table(result: dict[str, Any]) -> str:
    """Return the machine's figures, and the kernels' for each number of threads."""
    parts = [machine.table([limits for limits, _ in _by_threads(result)])]
    header = ["density"]
    for product, _ in KERNELS.values():
        header += [product, "of BLAS", "of roof"]
    header += ["BLAS W X", "dZ X'"]
    for limits, rows in _by_threads(result):
        lines = []
        for row in rows:
            line = [f"{100 * row['density']:.3g} %"]
            for name in KERNELS:
                line.append(f"{row[f'{name}_gflops']:.1f}")
                line += [f"{100 * row[f'{name}_share_of_{x}']:.0f} %" for x in ("blas", "roofline")]
            line += [f"{row[f'blas_{name}_gflops']:.1f}" for name in ("forward", "gradient")]
            lines.append(line)
        title = f"Kernels alone, GFLOP/s on the edges: {_title(result)}, {_threads(limits.threads)}"
        parts.append(f"{title}\n{align(header, lines)}")
    lines = []
    for row in _by_threads(result)[0][1]:
        density = f"{100 * row['density']:.3g} %"
        for name, (product, _) in KERNELS.items():
            lines.append([density, product, row["products"][name]])
            density = ""
    parts.append(align(["density", "product", "as a plan makes it"], lines))
    parts.append(
        "W X is the fused kernel's time less that of bias and sigmoid alone, measured beside it.\n"
        "Shares are of BLAS's rate on the dense matrix (W' dZ: of its W X), and of the roofline:\n"
        "FMAs, or the bandwidth of the level that a block's rows of activations should be in."
    )
    return "\n\n".join(parts)


def plot(result: dict[str, Any]) -> Any:
    """Return a Matplotlib figure of the kernels' rates against density, BLAS's, and rooflines."""
    from matplotlib.figure import Figure

    panels = _by_threads(result)
    figure = Figure(figsize=(6 * len(panels), 5.5), dpi=120, layout="constrained")
    all_axes = np.atleast_1d(figure.subplots(1, len(panels)))
    n_bytes = 4 * result["batch"] + 2 + 4  # of an edge: a row of activations, index and weight
    for axes, (limits, rows) in zip(all_axes, panels, strict=True):
        percent = [100 * row["density"] for row in rows]
        for color, (name, (product, _)) in zip(_COLORS, KERNELS.items(), strict=True):
            rates = [row[f"{name}_gflops"] for row in rows]
            axes.plot(percent, rates, "o-", color=color, ms=5, label=f"{product}, on the edges")
        for line, name, product in (("--", "forward", "W X"), ("-.", "gradient", "dZ X'")):
            rates = [row[f"blas_{name}_gflops"] for row in rows]
            axes.plot(percent, rates, line, color="black", lw=1.2, label=f"BLAS {product}, dense")
        for color, level in (("#888888", "L1"), ("#cc79a7", "L2")):
            rate = roofline(limits, level, n_bytes)
            axes.axhline(rate, ls=":", color=color, lw=2, label=f"roofline from {level}")
        axes.set(xscale="log", xlabel="density", title=_threads(limits.threads))
        axes.set_xticks(percent, [f"{p:.3g} %" for p in percent])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    all_axes[0].set_ylabel("GFLOP/s")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 * len(panels), fontsize=9)
    figure.suptitle(f"The products of a layer alone: {_title(result)}")
    return figure
