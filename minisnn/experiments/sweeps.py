"""A sweep: train the runs that are not done, and store each result as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from typing import Any

from .._support.checks import as_list_of, check_flag, check_function
from .._support.progress import progress_bar
from .records import Begun, Status
from .run import Run
from .runners import Runner, here
from .store import Store


@dataclass(frozen=True)
class Summary:
    """Outcome of a sweep.

    Parameters
    ----------
    trained : int
        Runs that this sweep finished.
    done, failed, pending : int
        How all of its runs stand now.
    interrupted : bool
        Whether Ctrl-C ended it.

    Examples
    --------
    >>> from minisnn.experiments import Summary
    >>> print(Summary(trained=3, done=4, failed=1, pending=0, interrupted=False))
    5 runs: 4 done (1 of them before), 1 failed, 0 pending
    """

    trained: int
    done: int
    failed: int
    pending: int
    interrupted: bool

    def __str__(self) -> str:
        return (
            f"{self.done + self.failed + self.pending} runs: {self.done} done "
            f"({self.done - self.trained} of them before), {self.failed} failed, "
            f"{self.pending} pending"
        )


def sweep(
    runs: Sequence[Run],
    store: str | PathLike[str],
    *,
    runner: Runner = here,
    retry_failed: bool = False,
    progress: bool | None = None,
) -> Summary:
    """Train runs and store their results.

    Runs that are done in the store are not trained again; failed ones only with ``retry_failed``. A
    run that fails is stored with its error, and the others continue. Ctrl-C ends the sweep:
    finished runs are kept, and unfinished ones are lost, as when the process is killed.

    Parameters
    ----------
    runs : sequence of Run
        Runs to train.
    store : path
        File of the store, which is made if there is none.
    runner : function of runs
        Runner of the trainings: `here`, `processes` (...) or `cluster` (...).
    retry_failed : bool
        Whether to train failed runs again.
    progress : bool, optional
        Whether to show a progress bar; by default in a notebook, and if standard error is a
        terminal and tqdm is installed.

    Returns
    -------
    Summary

    Raises
    ------
    BlockingIOError
        If another process is writing to the store.
    ValueError, TypeError, OSError
        If the file is not a store or cannot be written, or the runs are not configurations.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from minisnn import experiments
    >>> run = experiments.Run.from_dict(
    ...     {
    ...         "data": {"name": "mnist_sample", "samples": 300},
    ...         "hidden": [50],
    ...         "layers": [{"topology": "constant_degree", "degree": 5}, {"topology": "dense"}],
    ...         "optimizer": {"peak": 0.2},
    ...         "epochs": 1,
    ...     }
    ... )
    >>> path = pathlib.Path(tempfile.mkdtemp(), "runs.sqlite")
    >>> print(experiments.sweep([run], path))
    1 runs: 1 done (0 of them before), 0 failed, 0 pending
    >>> print(experiments.sweep([run], path))
    1 runs: 1 done (1 of them before), 0 failed, 0 pending
    >>> with experiments.Store(path) as store:
    ...     [record] = store.records()
    ...     len(store.history(run.hash))
    1
    >>> record.figures.weights
    4420
    """
    runs = as_list_of(Run, runs, "runs")
    check_function(runner, "runner")
    check_flag(retry_failed, "retry_failed")
    finished = {Status.DONE} if retry_failed else {Status.DONE, Status.FAILED}
    interrupted = False
    with Store(store, write=True) as file:
        file.add(runs)
        before = _count(file, runs)
        known = zip(runs, file.records(runs), strict=True)
        waiting = [run for run, record in known if record.status not in finished]
        with closing(progress_bar(progress if waiting else False, len(waiting), "run")) as bar:
            try:
                _work_off(waiting, runner, file, bar)
            except KeyboardInterrupt:
                interrupted = True
            finally:
                file.release()
        after = _count(file, runs)
    return Summary(
        trained=after[Status.DONE] - before[Status.DONE],
        done=after[Status.DONE],
        failed=after[Status.FAILED],
        pending=after[Status.PENDING],
        interrupted=interrupted,
    )


def _work_off(runs: Sequence[Run], runner: Runner, store: Store, bar: Any) -> None:
    if not runs:
        return
    n_failed = 0
    with closing(runner(runs)) as events:
        for event in events:
            if isinstance(event, Begun):
                store.begin(event.hash)
                continue
            store.finish(event)
            n_failed += event.figures is None
            bar.set_postfix_str(f"{n_failed} failed")
            bar.update(1)


def _count(store: Store, runs: Sequence[Run]) -> Counter[Status]:
    return Counter(record.status for record in store.records(runs))
