"""Small runs, and programs that train them in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import programs

import minisnn as snn
from minisnn import Epoch
from minisnn.experiments import Record, Run, Status, Store
from minisnn.experiments.records import Figures, LayerWeights, Outcome, Versions
from minisnn.experiments.training import train_run

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_sweep.py"


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


VERSIONS = Versions("0.1", "2", "0.61", "3.11", "a CPU")
N_EPOCHS = 3


def outcome_of(run: Run, *, error: str | None = None) -> Outcome:
    """Return what might have come of a run."""
    figures, epochs, layers = None, [], []
    if error is None:
        layers = [LayerWeights(n + 1, -1.5, 1.25, 0.0, 0.5) for n in range(2)]
        figures = Figures(0.5, 0.6, 0.05, 100, 400, 12.5, {"auroc": 0.75})
        epochs = [Epoch(n + 1, 0.1, 0.2, 0.5, 1.0, 0.01, 12.5) for n in range(N_EPOCHS)]
    started = "2026-01-01T00:00:00.000+00:00"
    return Outcome(run.hash, started, 1.5, VERSIONS, figures, epochs, layers, error)


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
    done = programs.run(SCRIPT, *options, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


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


KILLING, UNSENDABLE = 1, 2
"""Seeds of runs that ``train_run_or_die`` does not survive."""


def train_run_or_die(objects: Any, configuration: str) -> Any:
    """Train a run, unless it is one that kills its process, or whose result cannot be sent."""
    seed = Run.from_json(configuration).seed
    if seed == KILLING:
        os.kill(os.getpid(), signal.SIGKILL)
    return threading.Lock() if seed == UNSENDABLE else train_run(objects, configuration)


def worker_processes(besides: Collection[int] = ()) -> list[int]:
    """Return the processes that this one has started to train runs (on Linux).

    Others that joblib keeps for a while, such as those of a search, are to be named.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = folder.joinpath("cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if parent == os.getpid() and b"popen_loky" in command and int(folder.name) not in besides:
            found.append(int(folder.name))
    return found
