"""The CPU that kernels are compiled for, as the compiler reports it on any machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numba
import pytest

from minisnn.kernels.machine.cpu import CPU, TARGET, describe

REPOSITORY = Path(__file__).resolve().parents[3]
X86 = "x86_64-unknown-linux-gnu"
CPUS = {
    # architecture, bytes of a register, registers, fuses, rounds, spreads
    "skylake-avx512": ("x86-64", 64, 32, True, True, False),  # where LLVM prefers half the width
    "znver5": ("x86-64", 64, 32, True, True, True),
    "haswell": ("x86-64", 32, 16, True, True, False),
    "sandybridge": ("x86-64", 32, 16, False, True, False),
    "nehalem": ("x86-64", 16, 16, False, True, False),
    "generic": ("x86-64", 16, 16, False, False, False),
}


@pytest.mark.skipif(TARGET.architecture != "x86-64", reason="only this machine's targets are there")
@pytest.mark.parametrize("name", list(CPUS))
def test_the_compiler_tells_of_any_cpu(name: str) -> None:
    assert describe(X86, name, "") == CPU(name, *CPUS[name])


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin24"])
def test_aarch64_fuses_without_being_asked_for_features(triple: str) -> None:
    """There is no aarch64 without; on macOS the list of features is empty."""
    try:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        cpu = describe(triple, "generic", "")
    except RuntimeError:
        pytest.skip("this LLVM cannot make code for aarch64")
    assert cpu == CPU("generic", "aarch64", 16, 32, True, True, False)


@pytest.mark.skipif(TARGET.architecture != "x86-64", reason="other CPUs have all or nothing of it")
@pytest.mark.parametrize(
    ("features", "register_bytes", "fuses"),
    [("-avx512f", 32, True), ("-avx512f,-fma", 32, False), ("-avx", 16, False)],
)
def test_features_count_for_more_than_the_name(
    features: str, register_bytes: int, fuses: bool
) -> None:
    cpu = describe(X86, "skylake-avx512", features)
    assert (cpu.register_bytes, cpu.fuses) == (register_bytes, fuses)


def test_here() -> None:
    """As Numba was told, or else as the machine is."""
    asked, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    if asked in CPUS and features == "":
        assert CPU(asked, *CPUS[asked]) == TARGET
    elif asked is None and features is None and TARGET.architecture == "x86-64":
        here = llvm.get_host_cpu_features()
        assert TARGET.name == llvm.get_host_cpu_name()
        assert TARGET.fuses == here["fma"]
        widths = {64: "avx512f", 32: "avx", 16: "sse2"}
        assert TARGET.register_bytes == next(w for w, name in widths.items() if here[name])
    elif TARGET.architecture == "aarch64":
        assert (TARGET.register_bytes, TARGET.registers, TARGET.fuses) == (16, 32, True)


@pytest.mark.slow
@pytest.mark.skipif(TARGET.architecture != "x86-64", reason="the names are those of x86")
@pytest.mark.parametrize(
    ("environment", "register_bytes"),
    [
        ({"NUMBA_CPU_NAME": "generic"}, 16),
        ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}, 32),
        ({"NUMBA_CPU_FEATURES": "-avx"}, 16),
    ],
)
def test_numbas_configuration_is_heard(environment: dict[str, str], register_bytes: int) -> None:
    text = "from minisnn.kernels.machine.cpu import TARGET; print(TARGET.register_bytes)"
    found = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(found.stdout) == register_bytes


def test_nobody_else_asks_for_the_cpu() -> None:
    """`platform` reports the system's architecture, which may differ from the process's."""
    for path in (REPOSITORY / "kernels").rglob("*.py"):
        if path.name != "cpu.py":
            found = re.search(r"\bplatform\.(machine|processor)|get_host_cpu", path.read_text())
            assert found is None, f"{path} asks by itself: {found}"
