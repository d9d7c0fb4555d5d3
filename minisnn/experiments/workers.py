"""Processes of this machine that train runs, one after the other, each on one thread.

Each is a pool of its own. If one dies, killed for lack of memory or crashed, only the run that it
trained fails, and another process takes its place. No run is trained in this process, not even the
last one: a crash would end the sweep.
"""

from __future__ import annotations

import os
import re
import signal
import traceback
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from threading import Thread
from time import sleep
from typing import Any

from .._support.console import forgiving
from .._support.extras import require
from .records import Begun, Events, Outcome, Versions
from .run import Run
from .training import train_run

_WATCH = 0.5  # seconds between two looks at whether the parent is alive, or has heard Ctrl-C

_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS",
    ),
    "1",
)  # fmt: skip


def train_in_processes(runs: Sequence[Run], n_processes: int) -> Events:
    """Train runs in a number of processes, and yield events; at the end all processes are gone.

    Raises
    ------
    ImportError
        If joblib (extra ``sweep``) is missing.
    KeyboardInterrupt
        If Ctrl-C is pressed.
    """
    loky = require("joblib.externals.loky", "sweep", "a sweep on many processes")

    def new_worker() -> Any:
        return loky.ProcessPoolExecutor(
            1, initializer=_begin, initargs=(os.getpid(),), env=_ONE_THREAD
        )

    def submit(worker: Any, run: Run) -> Future[Outcome]:
        with forgiving():  # loky flushes standard output, and its workers need standard error
            return worker.submit(train_run, run.to_json())

    waiting = iter(runs)
    free: list[Any] = [None] * min(n_processes, len(runs))  # to be started when used
    under_way: dict[Future[Outcome], tuple[Run, Any]] = {}
    try:
        while True:
            while free and (run := next(waiting, None)) is not None:
                worker = free.pop() or new_worker()
                try:
                    future = submit(worker, run)
                except BrokenExecutor:  # it died while it was idle
                    worker.shutdown(wait=True, kill_workers=True)
                    worker = new_worker()
                    future = submit(worker, run)
                under_way[future] = run, worker
                yield Begun(run.hash)
            if not under_way:
                return
            ended, _ = wait(under_way, timeout=_WATCH, return_when=FIRST_COMPLETED)
            for future in ended:
                run, worker = under_way.pop(future)
                try:
                    outcome = future.result()
                    free.append(worker)
                except BrokenExecutor as error:
                    outcome = _failed(run, _death(error))
                    worker.shutdown(wait=True, kill_workers=True)
                    free.append(None)
                except Exception:  # such as of results that cannot be sent
                    outcome = _failed(run, traceback.format_exc())
                    free.append(worker)
                yield outcome
    finally:
        workers = [worker for worker in free if worker] + [w for _, w in under_way.values()]
        for worker in workers:
            worker.shutdown(wait=True, kill_workers=True)


def _failed(run: Run, error: str) -> Outcome:
    return Outcome(run.hash, None, None, Versions(), error=error)


def _death(error: BaseException) -> str:
    """Return the error of a run whose process died, in one line."""
    code = re.search(r"\{(.+)\}", str(error))  # such as {SIGKILL(-9)}
    how = f" ({code[1]})" if code else ""
    return (
        f"the process that trained this run died{how}: it crashed, or was "
        "killed, as a system does for lack of memory. The other runs went on; try this one again "
        "with retry_failed (--retry-failed), in fewer processes at once if memory was short"
    )


def _begin(parent: int) -> None:
    """Begin a worker, which ignores Ctrl-C and ends when the parent does.

    Otherwise it would train on, beside the sweep that was started again.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            sleep(_WATCH)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
