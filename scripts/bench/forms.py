"""Benchmark of epochs on X in other forms: in CSR, and in a memory map.

The same network is trained on the same values in each form, in turn. Parameters after an epoch
are compared to the bit before anything is timed. Beside them each form's bytes are summed up, as
words, in order and all of them: no epoch takes less than to read its data.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.sparse

import minisnn as snn
from minisnn._support.tables import align

from .base import Array
from .measure import interleaved, limited, median

KINDS = ("uint8", "float32")
DENSITIES = (0.3, 0.1, 0.03, 0.01, 0.001)
N_OUTPUTS, BATCH = 10, 128
DENSE, CSR = "dense", "CSR"
READ_DENSE, READ_CSR = "sum of dense words", "sum of CSR words"
MEMORY, MAP, SUM = "in memory", "memory map", "sum of the file's words"

Data = Any  # an array, a memory map, or a CSR array
Work = Callable[[int], None]  # epochs, or what else is timed, so many times


def measure_forms(
    threads: Sequence[int],
    *,
    n_columns: int = 20_000,
    n_inputs: int = 500_000,
    n_samples: int = 512,
    rounds: int = 7,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return how long an epoch takes on each form of X.

    Parameters
    ----------
    threads
        Numbers of threads to measure with.
    n_columns
        Columns of X, dense and in CSR; each has two edges.
    n_inputs
        Columns of X in memory and in a memory map; each has an edge, or 63 % of them, at random.
    n_samples
        Samples of an epoch.
    rounds
        Turns of each form.
    report
        Told what is going on.
    """
    rng, sparse, mapped = np.random.default_rng(0), [], []
    Y = rng.integers(0, N_OUTPUTS, n_samples)
    degree, hidden = 2, max(2, n_columns // 40)
    first = snn.topology.constant_degree(n_columns, hidden, degree, seed=0)
    for kind in KINDS:
        for density in DENSITIES:
            X = rng.integers(1, 256, (n_samples, n_columns), np.uint8).astype(kind)
            X[rng.random(X.shape) >= density] = 0
            csr = scipy.sparse.csr_array(X)
            forms = {DENSE: X, CSR: csr}
            arrays = {READ_DENSE: (X,), READ_CSR: (csr.indices, csr.data)}
            sums = {name: partial(_sum_words, parts) for name, parts in arrays.items()}
            for n_threads in threads:
                report(f"{density:.1%} of {n_columns} columns, {kind}, {n_threads} thread(s)")
                times = _epochs(first, forms, Y, n_threads, rounds, sums)
                sparse.append(_row(times, kind=kind, density=density, threads=n_threads))
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            X = _file(Path(folder) / f"{kind}.npy", (n_samples, n_inputs), kind)
            forms = {MEMORY: np.array(X), MAP: X}
            for wiring, first in _first_layers(n_inputs).items():
                used = np.count_nonzero(first.out_degrees) / n_inputs
                for n_threads in threads:
                    report(f"memory map of {kind}, {wiring}, {n_threads} thread(s)")
                    times = _epochs(first, forms, Y, n_threads, rounds, {SUM: partial(_sum, X)})
                    mapped.append(_row(times, kind=kind, used=used, threads=n_threads))
            del forms, X
    return {
        "n_columns": n_columns, "n_inputs": n_inputs, "n_samples": n_samples, "sparse": sparse,
        "mapped": mapped,
    }  # fmt: skip


def _row(times: Mapping[str, Sequence[float]], **names: Any) -> dict[str, Any]:
    return {
        **names,
        "milliseconds": {form: 1e3 * median(seconds) for form, seconds in times.items()},
        "rounds": {form: [1e3 * s for s in seconds] for form, seconds in times.items()},
    }


def _first_layers(n_inputs: int) -> dict[str, snn.Topology]:
    """Return layers of 25 edges a neuron: of inputs in their order, and of any."""
    n_hidden = n_inputs // 25
    sources, targets = np.arange(25 * n_hidden), np.repeat(np.arange(n_hidden), 25)
    some = np.random.default_rng(1).integers(0, n_inputs, len(sources))
    edges = (np.stack(pair, axis=1) for pair in ((sources, targets), (some, targets)))
    in_order, at_random = (
        snn.topology.from_edges(n_inputs, n_hidden, np.unique(pairs, axis=0)) for pairs in edges
    )
    return {"inputs in their order": in_order, "inputs at random": at_random}


def _file(path: Path, shape: tuple[int, int], kind: str) -> Array:
    """Write values row by row; return a memory map of them that can only be read."""
    rng = np.random.default_rng(2)
    rows = np.lib.format.open_memmap(path, "w+", dtype=kind, shape=shape)
    for row in rows:
        row[:] = rng.integers(0, 256, shape[1], np.uint8)
    del rows
    found: Array = np.load(path, mmap_mode="r")
    return found


def _sum(X: Array, n: int) -> None:
    for _ in range(n):
        sum(int(row.view(np.uint64).sum()) for row in X)


def _sum_words(arrays: Sequence[Array], n: int) -> None:
    for _ in range(n):
        for array in arrays:
            found = array.ravel().view(np.uint8)
            found[: len(found) // 8 * 8].view(np.uint64).sum()


def _epochs(
    first: snn.Topology,
    forms: Mapping[str, Data],
    Y: Array,
    n_threads: int,
    rounds: int,
    others: Mapping[str, Work] = MappingProxyType({}),
) -> dict[str, list[float]]:
    """Return the seconds of epochs on each form, and of whatever else takes turns with them."""

    def train(net: snn.MLP, X: Data, n: int) -> None:
        snn.train(
            net, X, Y, optimizer=snn.NesterovSGD(0.01), batch_size=BATCH, epochs=n, seed=0,
            input_scale=1 / 255, progress=False,
        )  # fmt: skip

    graphs = [first, snn.topology.dense(first.n_out, N_OUTPUTS)]
    nets = {form: snn.MLP(graphs, seed=0) for form in forms}
    contestants: dict[str, Work] = {
        form: partial(train, nets[form], X) for form, X in forms.items()
    }
    with limited(n_threads):
        for work in contestants.values():
            work(1)
    check_equal({form: net.parameters for form, net in nets.items()})
    contestants |= others
    limits = dict.fromkeys(contestants, partial(limited, n_threads))
    return interleaved(contestants, limits=limits, rounds=rounds)


def check_equal(parameters: Mapping[str, Array]) -> None:
    """Raise unless all have the bits of the first."""
    (form, expected), *others = parameters.items()
    for other, found in others:
        if not np.array_equal(expected, found):
            raise AssertionError(
                f"parameters after an epoch on X in the form {other!r} differ from those of "
                f"{form!r}; what does another thing must not be timed"
            )


# Output


def table(result: Mapping[str, Any]) -> str:
    """Return the medians in milliseconds, and how often as long the form takes as the first."""
    parts = []
    for n_threads in sorted({row["threads"] for row in result["sparse"]}):
        threads = f"{n_threads} thread{'s' * (n_threads > 1)}"
        lines = [
            [row["kind"], f"{100 * row['density']:g} %", *_cells(row, DENSE, CSR),
             *(f"{row['milliseconds'][name]:.2f}" for name in (READ_DENSE, READ_CSR))]
            for row in result["sparse"]
            if row["threads"] == n_threads
        ]  # fmt: skip
        head = ["", "not zero", DENSE, CSR, "ratio", READ_DENSE, READ_CSR]
        parts.append(
            f"An epoch of {result['n_samples']} samples of {result['n_columns']:,} columns, "
            f"{threads}: milliseconds\n{align(head, lines)}"
        )
        lines = [
            [row["kind"], f"{100 * row['used']:.0f} %", *_cells(row, MEMORY, MAP),
             f"{row['milliseconds'][SUM]:.1f}"]
            for row in result["mapped"]
            if row["threads"] == n_threads
        ]  # fmt: skip
        head = ["", "columns used", MEMORY, MAP, "ratio", SUM]
        parts.append(
            f"The same of {result['n_inputs']:,} columns, {threads}: milliseconds\n"
            f"{align(head, lines)}"
        )
    return "\n\n".join(parts)


def _cells(row: Mapping[str, Any], first: str, second: str) -> list[str]:
    one, other = (row["milliseconds"][form] for form in (first, second))
    return [f"{one:.1f}", f"{other:.1f}", f"{other / one:.2f}"]
