"""Hardware and software of a measurement, without which its figures cannot be compared."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .._version import __version__
from ..kernels.machine.cpu import TARGET
from ..kernels.machine.threads import get_num_threads


def describe_environment() -> dict[str, Any]:
    """Return versions, CPU and threads, ready for JSON.

    ``blas`` lists the BLAS libraries that are loaded, with their kernel and threads.
    """
    return {
        "versions": {
            "minisnn": __version__,
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "numba", "scipy")},
        },
        "cpu": _cpu_name(),
        "threads": get_num_threads(),
        "blas": _blas(),
        "system": platform.platform(),
    }


def _cpu_name() -> str:
    """Return this machine's CPU, and the one that kernels are compiled for."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model} ({TARGET.name})"


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    return [
        {
            "library": pool["internal_api"],
            "kernel": pool.get("architecture"),
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
