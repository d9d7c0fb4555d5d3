"""Where runs are trained: in this process, in processes on this machine, or on a Dask cluster.

A runner takes runs and yields, as it happens, that one was begun and what came of one. It stores
nothing: only the process that iterates over it writes to the store.
"""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from threading import Thread
from time import sleep
from typing import Any

from ..arguments import as_list_of, check_kind
from ..checks import check_positive_integer
from ..extras import require
from ..kernels.team import get_num_threads, set_num_threads
from .configuration import Run
from .datasets import load
from .records import Outcome, Versions
from .work import perform

_WATCH = 0.5  # seconds between two looks at whether the parent is alive


@dataclass(frozen=True)
class Begun:
    """A run was handed to a worker that is free."""

    hash: str


Events = Generator[Begun | Outcome, None, None]
Runner = Callable[[Sequence[Run]], Events]


def here(runs: Sequence[Run]) -> Events:
    """Train runs in this process, one after the other, each on one thread.

    Parameters
    ----------
    runs : sequence of Run
        What to train.

    Yields
    ------
    Begun or Outcome
        Two for each run.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C.

    Examples
    --------
    >>> from minisnn import experiments
    >>> description = {"data": {"name": "mnist_sample", "samples": 100}, "hidden": [20],
    ...                "layers": [{"topology": "biregular", "degree": 5}, {"topology": "dense"}],
    ...                "optimizer": {"peak": 1.0}, "epochs": 1}
    >>> begun, outcome = experiments.here([experiments.Run.from_dict(description)])
    >>> begun.hash == outcome.hash, outcome.figures.weights
    (True, 4120)
    """
    with _one_thread():
        for run in as_list_of(Run, runs, "runs"):
            yield Begun(run.hash)
            yield perform(run.to_json())


def processes(jobs: int | None = None) -> Runner:
    """Return a runner on processes of this machine, each of which trains on one thread.

    Parameters
    ----------
    jobs : int, optional
        How many: by default one for each core that this process may use. 1 is `here`.

    Returns
    -------
    function of runs

    Raises
    ------
    ImportError
        Where joblib (extra ``sweep``) is missing.

    Examples
    --------
    >>> from minisnn.experiments import here, processes
    >>> processes(1) is here
    True
    """
    if jobs is None:
        jobs = int(require("joblib", "sweep", "a sweep on many processes").cpu_count())
    if check_positive_integer(jobs, "jobs") == 1:
        return here

    def run_all(runs: Sequence[Run]) -> Events:
        runs = as_list_of(Run, runs, "runs")
        if not runs:
            return
        n_jobs = min(jobs, len(runs))  # so many are started at once
        if n_jobs == 1:
            yield from here(runs)
            return
        joblib = require("joblib", "sweep", "a sweep on many processes")
        for name in sorted({run.data.name for run in runs}):
            load(name)  # so that it is downloaded once, not by all workers at once
        handed_out: SimpleQueue[Begun] = SimpleQueue()  # joblib takes tasks in another thread

        def tasks() -> Iterator[Any]:
            for run in runs:
                handed_out.put(Begun(run.hash))
                yield joblib.delayed(_perform_as_child)(run.to_json(), os.getpid())

        # no task waits at a busy worker: what was handed out has begun
        with joblib.parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
            outcomes = joblib.Parallel(
                return_as="generator_unordered", pre_dispatch=n_jobs, batch_size=1
            )(tasks())
        try:
            yield from _drain(handed_out)
            for outcome in outcomes:
                yield outcome
                yield from _drain(handed_out)
        finally:
            with warnings.catch_warnings():  # that tasks are cancelled, where that is wanted
                warnings.simplefilter("ignore", UserWarning)
                outcomes.close()

    return run_all


def cluster(address: str) -> Runner:
    """Return a runner on a Dask cluster, whose workers have this version of minisnn installed.

    A run whose worker dies is given to another one by the scheduler, a few times.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``.

    Returns
    -------
    function of runs

    Raises
    ------
    ImportError
        Where distributed (extra ``sweep``) is missing.
    """
    check_kind(address, str, "address")
    distributed = require("distributed", "sweep", "a sweep on a Dask cluster")

    def run_all(runs: Sequence[Run]) -> Events:
        with distributed.Client(address) as client:
            waiting = iter(runs)
            under_way: dict[str, Run] = {}
            futures = distributed.as_completed()

            def hand_out() -> Iterator[Begun]:
                """Give a run to each thread of the cluster; there may be more of them by now."""
                while len(under_way) < max(1, sum(client.nthreads().values())):
                    run = next(waiting, None)
                    if run is None:
                        return
                    future = client.submit(perform, run.to_json(), pure=False)
                    under_way[future.key] = run
                    futures.add(future)
                    yield Begun(run.hash)

            yield from hand_out()
            for future in futures:
                run = under_way.pop(future.key)
                if future.status not in ("finished", "error"):
                    raise ConnectionError(
                        f"the scheduler at {address} has lost or cancelled a run; what is "
                        "finished is kept, start again for the rest"
                    )
                try:
                    yield future.result()
                except Exception:  # its workers died, or cannot run this version
                    yield Outcome(run.hash, None, None, Versions(), error=traceback.format_exc())
                yield from hand_out()

    return run_all


def _perform_as_child(configuration: str, parent: int) -> Outcome:
    """Do the same in a worker process of ours, which hears Ctrl-C and ends by its parent."""
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
        _end_with(parent)
    return perform(configuration)


@cache
def _end_with(parent: int) -> None:
    """See to it that this process ends soon after its parent was killed.

    It would train on for nobody, beside the sweep that was started again, and then wait minutes
    for another run.
    """

    def watch() -> None:
        while os.getppid() == parent:
            sleep(_WATCH)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _drain(queue: SimpleQueue[Begun]) -> Iterator[Begun]:
    while not queue.empty():
        yield queue.get()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Take back, at the end, that this process computes on one thread, as `perform` has it."""
    before = get_num_threads()
    try:
        yield
    finally:
        set_num_threads(before)  # perform has set it to 1
