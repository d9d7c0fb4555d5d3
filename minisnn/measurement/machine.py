"""This machine as minisnn sees it, printed: what to send with a report of a slow run."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable

import numpy as np

from .._support.console import Output
from .._support.environment import cpu_model, describe_environment
from .._support.memory import memory_bytes
from .._support.messages import counted
from ..kernels.machine import code_cache
from ..kernels.machine.caches import CACHES, SOURCE
from ..kernels.machine.cgroups import cpu_quota, memory_left
from ..kernels.machine.cpu import TARGET
from ..kernels.machine.cpus import usable_cpus
from ..kernels.machine.jit import DISABLED
from ..kernels.machine.threads import get_num_threads
from ..kernels.machine.vector import lanes_of
from ..kernels.program import costs

_PREFIXES = (
    "MINISNN_COSTS", "NUMBA_", "OMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "KMP_",
    "XDG_CACHE_",
)  # fmt: skip
"""Of environment variables that change kernels, their cache, threads or BLAS."""

Rows = list[tuple[str, str]]


def show_machine() -> None:
    """Print this machine as minisnn sees it.

    The time of a run depends on the CPU that kernels are compiled for, its registers and caches,
    on threads and memory and the limits that a container sets to them, on BLAS, on versions, on the
    folder of compiled kernels, and on environment variables that change any of these. Send them
    with a report of a slow run. Nothing is measured, and nothing is written.

    Sizes of caches are the shares of one core, as blocks of columns are fitted into them; those
    that the system does not report are assumed. The third level is for readers: kernels do not
    depend on it.

    Costs of blocks are those on which the number of blocks of columns depends; the environment
    variable MINISNN_COSTS overrides them.

    Examples
    --------
    >>> import minisnn as snn
    >>> snn.show_machine()  # doctest: +ELLIPSIS
    CPU
      name ...
    """
    sections = machine_sections()
    width = max(len(name) for rows in sections.values() for name, _ in rows)
    output = Output(sys.stdout)
    for title, rows in sections.items():
        output.write(f"{title}\n")
        for name, value in rows:
            output.write(f"  {name:{width}}  {value}\n")
    output.flush()


def machine_sections() -> dict[str, Rows]:
    """Return the same as names and values, by the titles of sections that have any.

    Examples
    --------
    >>> from minisnn.measurement.machine import machine_sections
    >>> list(machine_sections())[:2]
    ['CPU', 'caches of a core']
    """
    return {title: rows for title, rows_of in SECTIONS.items() if (rows := rows_of())}


def _cpu() -> Rows:
    lanes = ", ".join(f"{lanes_of(dtype)} {np.dtype(dtype)}" for dtype in ("float32", "float64"))
    able = {"multiply-add": TARGET.fuses, "rounding": TARGET.rounds}
    return [
        ("name", cpu_model()),
        ("kernels are for", f"{TARGET.name}, {TARGET.architecture}"),
        ("vector registers", f"{TARGET.registers} of {TARGET.register_bytes} bytes: {lanes}"),
        ("in one instruction", ", ".join(name for name, has in able.items() if has) or "neither"),
    ]


def _caches() -> Rows:
    def size(name: str) -> str:
        n_bytes = getattr(CACHES, name)
        if n_bytes is None:
            return "not reported"
        return _binary(n_bytes) + " (assumed)" * (name not in CACHES.reported)

    source = SOURCE if CACHES.reported else f"{SOURCE} reports none"
    return [("L1d", size("L1")), ("L2", size("L2")), ("L3", size("L3")), ("source", source)]


def _resources() -> Rows:
    memory, left, quota = memory_bytes(), memory_left(), cpu_quota()
    limits = []
    if math.isfinite(quota):
        limits.append(f"the time of {quota:.3g} CPUs")
    if math.isfinite(left):
        limits.append(f"{_binary(left)} of memory left")
    return [
        ("threads of minisnn", str(get_num_threads())),
        ("usable CPUs", f"{len(usable_cpus())} of {os.cpu_count()}"),
        ("memory", _binary(memory) if math.isfinite(memory) else "not reported"),
        ("container or job", ", ".join(limits) or "no limits"),
    ]


def _blas() -> Rows:
    rows = []
    for pool in describe_environment()["blas"]:
        threads = counted(pool["threads"], "thread")
        about = [pool["version"], pool["kernel"], threads, pool["file"]]
        rows.append((pool["library"], ", ".join(filter(None, about))))
    return rows or [("library", "none that threadpoolctl knows")]


def _versions() -> Rows:
    environment = describe_environment()
    return [*environment["versions"].items(), ("system", environment["system"])]


def _kernels() -> Rows:
    if DISABLED:
        return [("compiled", "none: NUMBA_DISABLE_JIT=1 has them run as Python")]
    try:
        n_files, n_bytes = code_cache.size()
        return [("folder", str(code_cache.folder())), ("files", f"{n_files}, {_binary(n_bytes)}")]
    except OSError as error:
        return [("folder", f"none: {error}")]


def _costs() -> Rows:
    found = costs.known()
    if found is None:
        source = f"a Zen 4; measured here for the first layer of {costs.WORTH_IT:,} edges"
    else:
        source = found.source
    values = costs.REFERENCE if found is None else found.costs
    return [
        ("a row's passage", f"{values.near:.3g} cycles, {values.far:.3g} beyond L2"),
        ("a line not in L1", f"{values.L1:.3g} cycles, not in L2 {values.L2:.3g}"),
        ("source", source),
    ]


def _variables() -> Rows:
    return sorted((name, value) for name, value in os.environ.items() if name.startswith(_PREFIXES))


SECTIONS: dict[str, Callable[[], Rows]] = {
    "CPU": _cpu,
    "caches of a core": _caches,
    "threads and memory": _resources,
    "costs of blocks": _costs,
    "BLAS": _blas,
    "versions": _versions,
    "compiled kernels": _kernels,
    "environment variables": _variables,
}
"""Functions that make the rows of each section, in the order of printing; no section of no rows."""


def _binary(n_bytes: float) -> str:
    """Return a number of bytes in the largest unit of which there is one."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if n_bytes >= 2 ** (10 * power):
            return f"{n_bytes / 2 ** (10 * power):.4g} {unit}"
    return f"{n_bytes:.0f} bytes"
