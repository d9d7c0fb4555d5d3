"""Hardware and software of a measurement, without which its figures cannot be compared."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .._version import __version__
from ..kernels.machine.blas_threads import blas_libraries
from ..kernels.machine.cpu import TARGET
from ..kernels.machine.threads import get_num_threads


def describe_environment() -> dict[str, Any]:
    """Return versions, CPU and threads, ready for JSON.

    ``blas`` lists the BLAS libraries that are loaded: name and version, the CPU that their code is
    for, threads, and the file with the folder that it is in.
    """
    return {
        "versions": {
            "minisnn": __version__,
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "numba", "llvmlite", "scipy")},
        },
        "cpu": f"{cpu_model()} ({TARGET.name})",
        "threads": get_num_threads(),
        "blas": _blas(),
        "system": platform.platform(),
    }


def cpu_model() -> str:
    """Return the name of this machine's CPU."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return model


def _blas() -> list[dict[str, Any]]:
    return [
        {
            "library": pool["internal_api"],
            "version": pool["version"],
            "kernel": pool.get("architecture"),
            "threads": pool["num_threads"],
            "file": "/".join(Path(pool["filepath"]).parts[-2:]),
        }
        for pool in (library.info() for library in blas_libraries())
    ]
