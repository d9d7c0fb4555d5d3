"""The machine as it is printed for reports of slow runs."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from compiled import COMPILED_ONLY

import minisnn as snn
from minisnn.kernels.machine import code_cache
from minisnn.kernels.machine.caches import Caches
from minisnn.kernels.machine.cpu import CPU, TARGET
from minisnn.measurement import machine


@pytest.fixture
def rows(capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, list[str]]]:
    """Return a function that prints the machine, and returns the lines of each section."""

    def printed() -> dict[str, list[str]]:
        sections: dict[str, list[str]] = {}
        snn.show_machine()
        for line in capsys.readouterr().out.splitlines():
            if line.startswith("  "):
                sections[[*sections][-1]].append(" ".join(line.split()))
            else:
                sections[line] = []
        return sections

    return printed


def test_values_stand_below_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    snn.show_machine()
    text = capsys.readouterr().out
    titles = [line for line in text.splitlines() if not line.startswith("  ")]
    assert [title for title in machine.SECTIONS if title in titles] == titles
    assert set(machine.SECTIONS) - set(titles) <= {"environment variables"}
    column = text.splitlines()[1].index(machine.cpu_model())
    for line in text.splitlines():
        if line not in titles:
            assert line[column - 2 : column] == "  "
            assert line[column] != " "


def test_the_cpu(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"kernels are for {TARGET.name}, {TARGET.architecture}" in rows()["CPU"]
    monkeypatch.setattr(machine, "TARGET", CPU("nehalem", "x86-64", 16, 16, False, True, False))
    assert rows()["CPU"][-1] == "in one instruction rounding"
    monkeypatch.setattr(machine, "TARGET", CPU("x86-64", "x86-64", 16, 16, False, False, False))
    assert rows()["CPU"][-1] == "in one instruction neither"


def test_caches(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SOURCE", "here")
    found = frozenset({"L1", "L3"})
    for caches, shown in (
        (
            Caches(48 * 2**10, L3=3 * 2**19, reported=found),
            ["L1d 48 KiB", "L2 512 KiB (assumed)", "L3 1.5 MiB", "source here"],
        ),
        (
            Caches(),
            [
                "L1d 32 KiB (assumed)",
                "L2 512 KiB (assumed)",
                "L3 not reported",
                "source here reports none",
            ],
        ),
    ):
        monkeypatch.setattr(machine, "CACHES", caches)
        assert rows()["caches of a core"] == shown


def test_threads_and_limits(rows: Any, threads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads(3)
    monkeypatch.setattr(machine, "usable_cpus", lambda: {1, 2})
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(machine, "memory_bytes", lambda: math.inf)
    monkeypatch.setattr(machine, "cpu_quota", lambda: math.inf)
    monkeypatch.setattr(machine, "memory_left", lambda: math.inf)
    shown = rows()["threads and memory"]
    assert shown[0] == f"threads of minisnn {snn.get_num_threads()}"
    assert shown[1:] == [
        "usable CPUs 2 of 8",
        "memory not reported",
        "container or job no limits",
    ]
    monkeypatch.setattr(machine, "cpu_quota", lambda: 1.25)
    monkeypatch.setattr(machine, "memory_left", lambda: 700.0)
    assert rows()["threads and memory"][-1] == (
        "container or job the time of 1.25 CPUs, 700 bytes of memory left"
    )


def test_blas_and_versions(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = rows()
    assert f"minisnn {snn.__version__}" in shown["versions"]
    assert all(" thread" in line for line in shown["BLAS"])
    environment = machine.describe_environment()
    accelerate = environment | {"blas": []}
    monkeypatch.setattr(machine, "describe_environment", lambda: accelerate)
    assert rows()["BLAS"] == ["library none that threadpoolctl knows"]


@COMPILED_ONLY
def test_the_folder_of_kernels(rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new" / "minisnn"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder.parent))
    assert rows()["compiled kernels"] == [f"folder {folder}", "files 0, 0 bytes"]
    assert not folder.parent.exists(), "to show it makes nothing"
    folder.mkdir(parents=True)
    (folder / "sum-0.kernel").write_bytes(bytes(2048))
    assert rows()["compiled kernels"][-1] == "files 1, 2 KiB"

    def fail() -> Path:
        raise FileNotFoundError("no home")

    monkeypatch.setattr(code_cache, "folder", fail)
    assert rows()["compiled kernels"] == ["folder none: no home"]


def test_kernels_that_are_not_compiled(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DISABLED", True)
    (line,) = rows()["compiled kernels"]
    assert line == "compiled none: NUMBA_DISABLE_JIT=1 has them run as Python"


def test_variables_that_change_any_of_it(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "environ", {"HOME": "/root", "PASSWORD": "secret"})
    assert "environment variables" not in rows()
    machine.os.environ.update(OMP_NUM_THREADS="1", NUMBA_CPU_NAME="haswell")
    assert rows()["environment variables"] == ["NUMBA_CPU_NAME haswell", "OMP_NUM_THREADS 1"]


def test_nobody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    snn.show_machine()
