"""Runners, which train runs: in this process, in processes here, or on a Dask cluster.

A runner takes runs and yields an event when a run begins and when it ends. It stores nothing: only
the process that iterates over it writes to the store.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import closing, contextmanager

from .._support.checks import as_list_of, check_kind, check_positive_integer
from .._support.extras import require
from ..kernels.machine.cpus import count_cpus
from ..kernels.machine.threads import get_num_threads, set_num_threads
from .calls import Calls, death, in_processes, on_cluster
from .datasets import samples_of
from .records import Begun, Events, Outcome, Versions
from .run import Run
from .training import train_run

Runner = Callable[[Sequence[Run]], Events]

_ON_PROCESSES, _ON_CLUSTER = "a sweep on many processes", "a sweep on a Dask cluster"

_DEATH = (
    "the process that trained this run died{}: it crashed, or was killed, as a system does for "
    "lack of memory. The other runs went on; try this one again with retry_failed "
    "(--retry-failed), in fewer processes at once if memory was short"
)


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
        If Ctrl-C is pressed.

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
            yield train_run(run.objects, run.to_json())


def processes(jobs: int | None = None) -> Runner:
    """Return a runner with processes of this machine, each with one thread.

    If a process dies, killed for lack of memory or crashed, its run has failed, and another process
    continues with the others.

    Parameters
    ----------
    jobs : int, optional
        How many: by default one for each CPU that this process may use, by its affinity and by
        the CPU time that its container has. One is a process, too, beside the one that stores
        results.

    Returns
    -------
    function of runs

    Raises
    ------
    ImportError
        If joblib (extra ``sweep``) is missing.

    Examples
    --------
    >>> from minisnn.experiments import processes
    >>> runner = processes(2)  # for sweep(runs, "runs.sqlite", runner=runner)
    """
    require("joblib", "sweep", _ON_PROCESSES)
    n_jobs = check_positive_integer(count_cpus() if jobs is None else jobs, "jobs")

    def run_all(runs: Sequence[Run]) -> Events:
        runs = as_list_of(Run, runs, "runs")
        for name in sorted({run.data.name for run in runs if run.data.arrays is None}):
            samples_of(name)  # downloaded once; what cannot be had is an error before the first
        arguments = [run.to_json() for run in runs]
        calls = in_processes(train_run, arguments, n_jobs, _objects_of(runs), purpose=_ON_PROCESSES)
        yield from _events(runs, calls)

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
        If distributed (extra ``sweep``) is missing.
    """
    check_kind(address, str, "address")
    require("distributed", "sweep", _ON_CLUSTER)

    def run_all(runs: Sequence[Run]) -> Events:
        arguments = [run.to_json() for run in runs]
        calls = on_cluster(train_run, arguments, address, _objects_of(runs), purpose=_ON_CLUSTER)
        yield from _events(runs, calls)

    return run_all


def _objects_of(runs: Sequence[Run]) -> dict[str, object]:
    """Return the wirings and arrays of all runs, which each process gets once."""
    return {text: part for run in runs for text, part in run.objects.items()}


def _events(runs: Sequence[Run], calls: Calls) -> Events:
    """Yield which run has begun, and what came of one."""
    with closing(calls):
        for number, future in calls:
            run = runs[number]
            if future is None:
                yield Begun(run.hash)
                continue
            try:
                yield future.result()
            except BrokenExecutor as error:
                yield _failed(run, _DEATH.format(death(error)))
            except Exception:  # its results cannot be sent, or Dask's workers died
                yield _failed(run, traceback.format_exc())


def _failed(run: Run, error: str) -> Outcome:
    return Outcome(run.hash, None, None, Versions(), error=error)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Restore the number of threads of this process, which `train_run` sets to one."""
    before = get_num_threads()
    try:
        yield
    finally:
        set_num_threads(before)  # train_run has set it to 1
