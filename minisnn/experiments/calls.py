"""Calls of a function with one argument after the other: here, in processes, on a Dask cluster.

The generators yield, as it happens, the number of a call that has begun and None, and the number
of a call that has ended and its future. What all calls need, such as data, is sent to each process
once.

Processes of this machine compute on one thread. Each is a pool of its own. If one dies, killed for
lack of memory or crashed, only its call fails, and another process takes its place. Nothing is
called in this process, not even a last call: a crash would end it.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from threading import Thread
from time import sleep
from typing import Any

from .._support.console import forgiving
from .._support.extras import require

Calls = Generator[tuple[int, Any]]
"""Numbers of calls, with None or a future."""

_WATCH = 0.5  # seconds between two looks at whether the parent is alive, or has heard Ctrl-C

_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS",
    ),
    "1",
)  # fmt: skip

_shared: tuple[Any, ...] = ()
"""First arguments of all calls, in a process that was started for them."""


def here(function: Callable[..., Any], arguments: Sequence[Any], *shared: Any) -> Calls:
    """Call a function in this process, with ``*shared`` and an argument."""
    for number, argument in enumerate(arguments):
        future: Future[Any] = Future()
        yield number, None
        try:
            future.set_result(function(*shared, argument))
        except Exception as error:
            future.set_exception(error)
        yield number, future


def in_processes(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    n_processes: int,
    *shared: Any,
    purpose: str,
) -> Calls:
    """Call a function in a number of processes; at the end all processes are gone.

    Parameters
    ----------
    function : callable
        It is called with ``*shared`` and an argument.
    arguments : sequence
        One for each call.
    n_processes : int
        How many there are at most.
    *shared
        What all calls need.
    purpose : str
        For the error where joblib is missing.

    Raises
    ------
    ImportError
        If joblib (extra ``sweep``) is missing.
    KeyboardInterrupt
        If Ctrl-C is pressed.
    """
    loky = require("joblib.externals.loky", "sweep", purpose)

    def new_worker() -> Any:
        return loky.ProcessPoolExecutor(
            1, initializer=_begin, initargs=(os.getpid(), shared), env=_ONE_THREAD
        )

    def submit(worker: Any, argument: Any) -> Future[Any]:
        with forgiving():  # loky flushes standard output, and its workers need standard error
            return worker.submit(_call, function, argument)

    waiting = iter(enumerate(arguments))
    free: list[Any] = [None] * min(n_processes, len(arguments))  # to be started when used
    under_way: dict[Future[Any], tuple[int, Any]] = {}
    try:
        while True:
            while free and (call := next(waiting, None)) is not None:
                number, argument = call
                worker = free.pop() or new_worker()
                try:
                    future = submit(worker, argument)
                except BrokenExecutor:  # it died while it was idle
                    worker.shutdown(wait=True, kill_workers=True)
                    worker = new_worker()
                    future = submit(worker, argument)
                under_way[future] = number, worker
                yield number, None
            if not under_way:
                return
            ended, _ = wait(under_way, timeout=_WATCH, return_when=FIRST_COMPLETED)
            for future in ended:
                number, worker = under_way.pop(future)
                if isinstance(future.exception(), BrokenExecutor):
                    worker.shutdown(wait=True, kill_workers=True)
                    worker = None
                free.append(worker)
                yield number, future
    finally:
        workers = [worker for worker in free if worker] + [w for _, w in under_way.values()]
        for worker in workers:
            worker.shutdown(wait=True, kill_workers=True)


def on_cluster(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    address: str,
    *shared: Any,
    purpose: str,
) -> Calls:
    """Call a function on the workers of a Dask cluster.

    If a worker dies, its call is given to another one by the scheduler, a few times.

    Parameters
    ----------
    function, arguments, *shared, purpose
        As for `in_processes`.
    address : str
        Of the scheduler.

    Raises
    ------
    ImportError
        If distributed (extra ``sweep``) is missing.
    ConnectionError
        If the scheduler has lost a call.
    """
    distributed = require("distributed", "sweep", purpose)
    with distributed.Client(address) as client:
        waiting = iter(enumerate(arguments))
        under_way: dict[str, int] = {}
        futures = distributed.as_completed()
        held = client.scatter(list(shared), broadcast=True) if shared else []

        def hand_out() -> Iterator[tuple[int, None]]:
            """Give a call to each thread of the cluster; there may be more of them by now."""
            while len(under_way) < max(1, sum(client.nthreads().values())):
                call = next(waiting, None)
                if call is None:
                    return
                number, argument = call
                future = client.submit(function, *held, argument, pure=False)
                under_way[future.key] = number
                futures.add(future)
                yield number, None

        yield from hand_out()
        for future in futures:
            number = under_way.pop(future.key)
            if future.status not in ("finished", "error"):
                raise ConnectionError(
                    f"the scheduler at {address} has lost or cancelled a run; what is "
                    "finished is kept, start again for the rest"
                )
            yield number, future
            yield from hand_out()


def death(error: BrokenExecutor) -> str:
    """Return how a process died that a call was made in, in brackets, where that is known."""
    code = re.search(r"\{(.+)\}", str(error))  # such as {SIGKILL(-9)}
    return f" ({code[1]})" if code else ""


def _call(function: Callable[..., Any], argument: Any) -> Any:
    return function(*_shared, argument)


def _begin(parent: int, shared: tuple[Any, ...]) -> None:
    """Begin a worker, which ignores Ctrl-C and ends when the parent does.

    Otherwise it would train on, beside the sweep that was started again.
    """
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            sleep(_WATCH)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
