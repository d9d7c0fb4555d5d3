"""Benchmark of the bytes per connection while a network trains.

Told in two ways. *Counted*: the sizes of all arrays that the network and its training hold.
*Seen*: how much the process grows between the moment before the network is made and the end of
some steps of training. Each network has a process of its own, which has made the data and loaded
all code before. Buffers of activations and the like are taken off: they depend on the batch, not
on connections. For Linux, where /proc/self tells what a process takes.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

import minisnn as snn
from minisnn._support.tables import align
from minisnn.kernels.program.transposed import transposed_of
from minisnn.network.execution import Execution

from .base import Array
from .startup import in_new_processes

BATCH_SIZE = 128
GOALS = {1: 13.0, 2: 20.0}
"""Bytes per connection, at most, in float32 and for layers up to 65,536 wide: with one sparse
layer, and with several, of which all but the first have a transpose."""
ACTIVATIONS = "activations"  # the one part that is no connection's


@dataclass(frozen=True)
class Network:
    """Networks to measure: every layer has the same degree, but the last is complete."""

    widths: tuple[int, ...]
    degree: int
    construction: str

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, {self.construction} {self.degree}"

    @property
    def goal(self) -> float:
        """Bytes per connection that it should take at most."""
        return GOALS[min(len(self.widths) - 2, 2)]

    def make(self) -> snn.MLP:
        """Return it, with its initial weights."""
        *sparse, last = pairwise(self.widths)
        graphs = [
            snn.topology.make(self.construction, *shape, self.degree, seed=number)
            for number, shape in enumerate(sparse)
        ]
        return snn.MLP([*graphs, snn.topology.dense(*last)])


NETWORKS = (
    Network((784, 1000, 10), 78, "fibonacci_rotating"),
    Network((4096, 4096, 10), 410, "constant_degree"),
    Network((4096, 4096, 10), 41, "constant_degree"),
    Network((4096, 4096, 4096, 4096, 4096, 10), 41, "constant_degree"),
    Network((65536, 65536, 10), 32, "fibonacci_rotating"),
)


def observe(network: Network, n_samples: int) -> dict[str, Any]:
    """Train a network in this process, on so many samples; return what it takes.

    Returns
    -------
    dict
        ``"connections"``, how many there are; ``"goal"``, the bytes for each; in bytes ``"data"``,
        the inputs; ``"parts"``, as `count` returns them; ``"structure_bytes"``, what the network
        itself says;
        ``"resident"``, by how much the process has grown; ``"trimmed"``, the same once the
        allocator has given back what it keeps for later; ``"peak"``, the most it had grown;
        ``"untouched"``, activations that no memory was needed for, as nobody had written there.
    """
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n_samples, network.widths[0]), dtype=np.uint8)
    Y = rng.integers(0, network.widths[-1], n_samples)
    # Loads all code. Products from 2048 to 10 neurons go block by block, which has a kernel more.
    small = Network((2048, 10, 10, 10), 5, network.construction).make()
    _train(small, np.zeros((BATCH_SIZE, 2048), np.uint8), np.zeros(BATCH_SIZE, np.int64))
    del small
    _trim()
    with suppress(OSError):  # some systems forbid it; then the peak may be that of the start
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before = _status("VmRSS")
    found: dict[str, Any] = {"data": X.nbytes, "goal": network.goal}

    def look(net: snn.MLP, epoch: snn.Epoch) -> None:
        found.update(resident=_status("VmRSS") - before, peak=_status("VmHWM") - before)
        # train keeps its buffers to itself
        [buffers] = [thing for thing in gc.get_objects() if type(thing) is Execution]
        present = _status("VmRSS")
        for rows in _activations(buffers):
            rows += 0
        found["untouched"] = _status("VmRSS") - present
        _trim()
        found["trimmed"] = _status("VmRSS") - before - found["untouched"]
        found["parts"] = count(net, buffers)
        found["structure_bytes"] = net.structure_bytes

    net = network.make()
    found["connections"] = net.n_connections
    _train(net, X, Y, callbacks=[look])
    return found


def count(net: snn.MLP, buffers: Execution) -> dict[str, int]:
    """Return the bytes of all arrays that a network in training holds, by what they are for.

    Each counts once, by the first name that leads to it; those without a name are ``"others"``.
    The data set, which buffers refer to while they are used, is the caller's.
    """
    structure, tables, graphs = buffers._plan.structure, buffers._plan.tables, net.topologies
    own = [graph.compact_indices for graph in graphs if not graph.is_complete]
    named: dict[str, Sequence[Array]] = {
        "weights": [net.parameters],
        "velocities": [buffers._memory.state],
        "topology": own + [graph.indptr for graph in graphs],
        "indices": [tables.indices],
        "transposed indices": [tables.t_indices],
        "permutation": [tables.t_edges],
        "pointers": [*structure.indptrs.values(), *transposed_of(structure).indptrs.values()],
        "starts of blocks, tasks": [
            tables.starts,
            tables.runs,
            tables.operations,
            tables.tasks,
            tables.phases,
            tables.groups,
        ],
        "scratch": [buffers._memory.scratch],
        ACTIVATIONS: _activations(buffers),
    }
    held = _arrays_below(net, buffers)
    for data in _arrays_below(buffers._sources):
        held.pop(data)
    parts = {
        name: sum(held.pop(id(_whole(array)), 0) for array in arrays)
        for name, arrays in named.items()
    }
    return {**parts, "others": sum(held.values())}


def measure_memory(
    networks: Sequence[Network] = NETWORKS, *, steps: int = 4, data_bytes: int = 200_000_000
) -> dict[str, Any]:
    """Measure each network in a process of its own, and whether training copies the data set.

    Parameters
    ----------
    networks, steps
        Networks to measure, and the number of steps that each trains.
    data_bytes
        Size of the data set on which the first network then trains, to see if it is copied.

    Returns
    -------
    dict
        Ready for JSON: what `observe` returns for the ``"networks"``, by name, and for the
        ``"data"``.
    """
    n_samples = max(BATCH_SIZE, data_bytes // networks[0].widths[0])
    return {
        "networks": {str(network): _observe(network, steps * BATCH_SIZE) for network in networks},
        "data": _observe(networks[0], n_samples),
    }


def table(result: Mapping[str, Any]) -> str:
    """Return what `measure_memory` found as text, with the goal beside the figures."""
    rows, columns = [], []
    for number, (name, found) in enumerate(result["networks"].items(), start=1):
        parts, n = dict(found["parts"]), found["connections"]
        buffers = parts.pop(ACTIVATIONS)
        total, there = sum(parts.values()), buffers - found["untouched"]
        figures = [
            f"{value / n:.2f}"
            for value in (total, found["trimmed"] - there, found["resident"] - there, found["peak"])
        ]
        megabytes = [f"{value / 1e6:.1f}" for value in (buffers, found["peak"])]
        goal = found["goal"]
        verdict = "met" if total <= goal * n else "MISSED"
        rows.append([f"({number}) {name}", f"{n:,}", *figures, *megabytes, f"<= {goal:g}", verdict])
        parts["(MLP.structure_bytes)"] = found["structure_bytes"]
        columns.append([f"{value / n:.2f}" for value in parts.values()])
    header = ["bytes per connection", "connections", "counted", "seen", "untrimmed", "all at peak"]
    header += ["activations MB", "peak MB", "goal (counted)", ""]
    numbers = [f"({number})" for number in range(1, len(rows) + 1)]
    by_part = [[part, *figures] for part, *figures in zip(parts, *columns, strict=True)]
    size, peak = result["data"]["data"], result["data"]["peak"]
    return (
        f"{align(header, rows)}\n\n"
        f"{align(('counted, by part', *numbers), by_part)}\n\n"
        f"Beside a data set of {size / 1e6:.0f} MB training takes {peak / 1e6:.1f} MB at most: "
        f"it is {'COPIED' if peak >= size / 2 else 'not copied'}."
    )


def _observe(network: Network, n_samples: int) -> dict[str, Any]:
    arguments = json.dumps([asdict(network), n_samples])
    return dict(in_new_processes("-m", "bench.memory", arguments)[0])


def _train(net: snn.MLP, X: Array, Y: Array, **options: Any) -> None:
    optimizer = snn.NesterovSGD(0.01)
    snn.train(
        net, X, Y, optimizer=optimizer, batch_size=BATCH_SIZE, epochs=1, input_scale=1 / 255,
        progress=False, **options,
    )  # fmt: skip


def _trim() -> None:
    """Make the allocator give back to the system what nobody uses, where it can be asked to."""
    gc.collect()
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _status(field: str) -> int:
    """Return a size from /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(dict(line.split(":", 1) for line in lines)[field].split()[0]) * 1024


def _activations(buffers: Execution) -> list[Array]:
    """Return the buffers that have a row for each neuron, and those that batches are made in."""
    memory = buffers._memory
    tables = [held for held in memory if isinstance(held, np.ndarray)]
    tables = [table for table in tables if table.ndim == 2 and table is not memory.scratch]
    return [*tables, *memory.space]


def _whole(array: Array) -> Array:
    """Return the array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays_below(*roots: object) -> dict[int, int]:
    """Return the bytes of each array, by its id, to which references lead from the roots."""
    found: dict[int, int] = {}
    seen, todo = set(), list(roots)
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType, FunctionType)):
            continue  # the latter lead to everything there is
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            whole = _whole(thing)
            found[id(whole)] = whole.nbytes
        else:
            todo.extend(gc.get_referents(thing))
    return found


if __name__ == "__main__":
    fields, samples = json.loads(sys.argv[1])
    print(json.dumps(observe(Network(**fields), samples)))
