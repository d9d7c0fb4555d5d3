"""Small runs, and programs that train them in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minisnn as snn
from minisnn.experiments import Record, Run, Status, Store

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "run_sweep.py"


def describe(**changes: Any) -> dict[str, Any]:
    """Return a tiny run; dotted keys are none here: this is what a user writes out in full."""
    return {
        "data": {"name": "mnist_sample", "samples": 300},
        "hidden": [30],
        "layers": [{"topology": "constant_degree", "degree": 5}, {"topology": "dense"}],
        "optimizer": {"peak": 0.2},
        "epochs": 1,
        **changes,
    }


def make_runs(count: int, **changes: Any) -> list[Run]:
    return [Run.from_dict(describe(seed=seed, **changes)) for seed in range(count)]


FAILING = Run.from_dict(
    describe(layers=[{"topology": "constant_degree", "degree": 31}, {"topology": "dense"}])
)
"""A degree above the width: valid by itself, refused by the construction."""


def start(*options: str, cwd: Path) -> subprocess.Popen[str]:
    """Start the program, with the same minisnn that is tested here, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *options],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(snn.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*options: str, cwd: Path) -> tuple[int, str, str]:
    with start(*options, cwd=cwd) as process:
        out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def records_of(path: Path) -> list[Record]:
    with Store(path) as store:
        return store.records()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def n_done(path: Path) -> int:
    """Return how many runs a store has as done; 0 while it is not there or just being made."""
    try:
        records = records_of(path)
    except (FileNotFoundError, ValueError):
        return 0
    return sum(record.status is Status.DONE for record in records)
