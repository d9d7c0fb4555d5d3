"""Runs kernels, gradients and training as if this were another x86 CPU.

``python tests/other_cpus.py [--short] [what pytest is to run]``

Numba compiles for the CPU that NUMBA_CPU_NAME names, with what that has and no more where
NUMBA_CPU_FEATURES is empty; test_cpu.py then holds its registers to what is known of it. A CPU
whose code this machine cannot run is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import llvmlite.binding as llvm

CPUS = {"haswell": ("avx2", "fma"), "nehalem": ("sse4.2",), "generic": ("sse2",)}
FULL = ["tests/kernels", "tests/network/test_gradients.py", "tests/training/test_training.py"]
SHORT = [
    "tests/kernels/machine/test_cpu.py",
    "tests/kernels/program/test_assembly.py::test_an_edge_is_operations_on_whole_registers",
    "tests/kernels/functions/test_activations.py",
    "tests/kernels/layers/test_complete.py",
    "tests/kernels/machine/test_subnormals.py::test_means_of_gradients_that_have_become_zero_end",
]


def main(arguments: list[str]) -> int:
    """Run each CPU's tests, one after the other; return 1 if any failed."""
    short = "--short" in arguments
    tests = [a for a in arguments if a != "--short"] or (SHORT if short else FULL)
    here = llvm.get_host_cpu_features()
    outcomes = []
    for name, needs in CPUS.items():
        if not all(here.get(feature) for feature in needs):
            outcomes.append((name, 0.0, "not run: this machine cannot"))
            continue
        print(f"\n== {name}", flush=True)
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *tests],
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, "NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ""},
        )
        outcome = "FAILED" if done.returncode else "passed"
        outcomes.append((name, time.perf_counter() - begin, outcome))
    print()
    for name, seconds, outcome in outcomes:
        print(f"{name:10} {seconds:5.0f} s  {outcome}")
    return int(any(outcome == "FAILED" for *_, outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
