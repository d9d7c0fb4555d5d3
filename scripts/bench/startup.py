"""Benchmark of start-up: the import, and the first step of training.

Every figure is from processes of its own, since what one process has loaded the next need not.
Different figures take turns, so that whatever else the machine does meanwhile falls on all.
Python's own start is not counted: a process times itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import minisnn as snn
from minisnn._support.tables import align

from .measure import median

WIDTHS, DEGREE, BATCH_SIZE = (784, 1000, 10), 40, 128

NUMBA = "import numba"
BOTH = "import numba, then minisnn"
ADDED = "  of it minisnn"
WARM = "first step, kernels in the cache"
EMPTY = "first step, empty cache"
GOALS = {ADDED: 0.2, WARM: 1.5, EMPTY: 25.0}
"""Seconds, at most."""

AT_ONCE = "two at once on one empty cache"
THIRD = "a third on that cache"
NO_FOLDER = "the cache folder cannot be made"
DISK_FULL = "disk full as the cache is written"

_DISK_FULL_OPTION = "--disk-full"
_LIMIT = 600  # seconds that a process may take; compiling takes some tens
_IMPORTS = """
import sys, time
seconds = []
for package in sys.argv[1:]:
    started = time.perf_counter()
    __import__(package)
    seconds.append(time.perf_counter() - started)
print(seconds)
"""


def in_new_processes(*arguments: str, n: int = 1, **environment: str) -> list[Any]:
    """Run new processes of this Python at the same time; return what each printed.

    Parameters
    ----------
    *arguments
        Of Python. The folder of the package `bench` is the working directory, so that
        ``-m bench.startup`` is found.
    n
        Number of processes.
    **environment
        Variables that they get beside those of this process.

    Returns
    -------
    list
        From the JSON in the last line of each one's output.

    Raises
    ------
    RuntimeError
        If a process failed; the message is what it wrote to standard error.
    """
    # As where it is installed: modules are compiled once, not by each process.
    bytecode = {"PYTHONDONTWRITEBYTECODE": ""}
    processes = [
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, **bytecode, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(n)
    ]
    results = []
    try:
        for process in processes:
            output, errors = process.communicate(timeout=_LIMIT)
            if process.returncode:
                raise RuntimeError(errors.strip() or f"ended with {process.returncode}")
            results.append(json.loads(output.splitlines()[-1]))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return results


def first_step(*, disk_full: bool = False) -> dict[str, Any]:
    """Train one step in this process; return the seconds it took and a hash of the parameters.

    If the disk is to be full, writing any file fails.
    """
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH_SIZE, WIDTHS[0]), dtype=np.uint8)
    labels = rng.integers(0, WIDTHS[-1], BATCH_SIZE)
    graph = snn.topology.fibonacci_rotating(WIDTHS[0], WIDTHS[1], DEGREE)
    net = snn.MLP([graph, snn.topology.dense(WIDTHS[1], WIDTHS[2])], seed=0)
    optimizer = snn.NesterovSGD(0.1)
    if disk_full:
        import resource  # not on every system

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    started = time.perf_counter()
    snn.train(
        net,
        images,
        labels,
        optimizer=optimizer,
        epochs=1,
        input_scale=1 / 255,
        seed=0,
        progress=False,
    )
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "sha256": hashlib.sha256(net.parameters.tobytes()).hexdigest()}


def measure_startup(repeats: int = 7, compilations: int = 3) -> dict[str, Any]:
    """Measure how long imports and first steps take, and try what may go wrong with the cache.

    Parameters
    ----------
    repeats
        Processes for each figure.
    compilations
        Processes that compile into an empty cache, which takes long. With none, nothing that
        needs an empty cache is measured or tried.

    Returns
    -------
    dict
        Ready for JSON: ``"network"``, ``"seconds"`` by what was measured, one for each process,
        and ``"checks"``, each with the ``"seconds"`` of its processes and what was the
        ``"error"``, if anything.
    """
    # Untimed, so that all files have been read, and the kernels compiled, before.
    _imports("numba", "minisnn")
    expected = _first_steps()[0]["sha256"]
    names = (NUMBA, BOTH, ADDED, WARM, *([EMPTY] if compilations else []))
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(max(repeats, compilations)):
        if turn < repeats:
            seconds[NUMBA].append(_imports("numba")[0])
            numba, added = _imports("numba", "minisnn")
            seconds[BOTH].append(numba + added)
            seconds[ADDED].append(added)
            seconds[WARM].append(_first_steps()[0]["seconds"])
        if turn < compilations:
            with TemporaryDirectory() as folder:
                seconds[EMPTY].append(_first_steps(NUMBA_CACHE_DIR=folder)[0]["seconds"])
    widths = "-".join(map(str, WIDTHS))
    return {
        "network": f"{widths}, degree {DEGREE}, batches of {BATCH_SIZE}",
        "seconds": seconds,
        "checks": _checks(expected) if compilations else {},
    }


def table(result: Mapping[str, Any]) -> str:
    """Return what `measure_startup` found as text, with the goal beside each figure."""
    rows = []
    for name, seconds in result["seconds"].items():
        limit = GOALS.get(name, float("inf"))
        goal = f"<= {limit:g} s" if name in GOALS else ""
        rows.append(_row(name, seconds, goal, median(seconds) <= limit))
    for name, check in result["checks"].items():
        goal = "loads it" if name == THIRD else "trains the same"
        rows.append(_row(name, check["seconds"], goal, not check["error"]))
    errors = [
        f"\n{name}: {check['error']}" for name, check in result["checks"].items() if check["error"]
    ]
    header = (result["network"], "median s", "lowest", "highest", "n", "goal", "")
    return align(header, rows) + "".join(errors)


def _row(name: str, seconds: list[float], goal: str, met: bool) -> list[str]:
    verdict = ("" if not goal else "met") if met else "MISSED"
    values = [f"{f(seconds):.2f}" if seconds else "" for f in (median, min, max)]
    return [name, *values, str(len(seconds)), goal, verdict]


def _imports(*packages: str) -> list[float]:
    """Return the seconds that each import takes after those before it."""
    [seconds] = in_new_processes("-c", _IMPORTS, *packages)
    return seconds


def _first_steps(*options: str, n: int = 1, **environment: str) -> list[Any]:
    return in_new_processes("-m", "bench.startup", *options, n=n, **environment)


def _checks(expected: str) -> dict[str, dict[str, Any]]:
    """Try caches that are shared, or that cannot be written."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").touch()
        nowhere = str(folder / "file" / "cache")  # below a file not even root makes a folder
        shared, full = folder / "shared", str(folder / "full")
        checks = {AT_ONCE: _try(expected, n=2, NUMBA_CACHE_DIR=str(shared))}
        files = _written(shared)
        checks[THIRD] = _try(expected, NUMBA_CACHE_DIR=str(shared))
        if not files or files != _written(shared):
            checks[THIRD]["error"] = checks[THIRD]["error"] or "it compiled again"
        checks[NO_FOLDER] = _try(expected, NUMBA_CACHE_DIR=nowhere)
        checks[DISK_FULL] = _try(expected, _DISK_FULL_OPTION, NUMBA_CACHE_DIR=full)
    return checks


def _try(expected: str, *options: str, n: int = 1, **environment: str) -> dict[str, Any]:
    """Train in new processes; return their seconds, and what was wrong."""
    try:
        results = _first_steps(*options, n=n, **environment)
    except RuntimeError as error:
        return {"seconds": [], "error": str(error).splitlines()[-1]}
    same = all(result["sha256"] == expected for result in results)
    return {
        "seconds": [result["seconds"] for result in results],
        "error": "" if same else "the parameters differ",
    }


def _written(folder: Path) -> dict[str, int]:
    """Return the files and their inodes: another one where a file is written anew."""
    return {str(path): path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    print(json.dumps(first_step(disk_full=_DISK_FULL_OPTION in sys.argv)))
