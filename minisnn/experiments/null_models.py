"""Test of a real wiring against null models: the same training of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import closing, nullcontext
from os import PathLike
from typing import Any

import numpy as np

from .._support.checks import (
    check_choice,
    check_function,
    check_kind,
    check_number,
    check_positive_integer,
)
from .._support.messages import shown
from .._support.progress import progress_bar
from .._support.seeds import Seed, seed_of
from ..kernels.machine.cpus import count_cpus
from ..kernels.machine.threads import set_num_threads
from ..network.topology_warnings import DeadNeuronWarning
from ..topology.graph import Topology
from ..wiring.graph import Wiring
from .calls import Calls, death, here, in_processes, on_cluster
from .null_result import NullTest
from .null_store import NullStore
from .wirings import KEPT, null_model, wiring_fingerprint

Real = Topology | Wiring
Training = tuple[int, int]  # number of the wiring, 0 for the real one; number of the repetition

_WORDS = 4  # of 32 bits, in the seed of a null model
_PURPOSE = "a test against null models on many processes"


def wiring_test(
    real: Real,
    train: Callable[[Any, int], float],
    *,
    n: int = 1000,
    keep: str = "degrees",
    seeds: int = 1,
    seed: Seed = 0,
    store: str | PathLike[str] | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: bool | None = None,
) -> NullTest:
    """Train with a real wiring and with null models of it, and compare a metric.

    If the real wiring were one of the null models, its metric would be one of theirs, and the
    highest of 1 + n with a probability of 1 / (1 + n). All trainings have seeds of their own, drawn
    from ``seed``. So do null models: number 7 is the same whatever n is, and a test can be
    continued with a larger n.

    Parameters
    ----------
    real : Wiring or Topology
        The real wiring.
    train : function of a wiring and a seed
        It trains a network with the wiring, a Wiring or a Topology as ``real`` is, and returns a
        metric: higher is better, so return a loss with a minus. The seed is a whole number below
        2**32, for all that is random in the training. Judge on data that is neither trained on nor
        used to choose anything. The function is sent to each process once, with the data that it
        refers to; it may be a lambda.
    n : int
        Number of null models.
    keep : {"degrees", "in_degree", "density", "graph"}
        What they keep: see `minisnn.wiring.rewired` and `minisnn.topology.rewired`; ``"graph"`` is
        everything but which input is which, as by ``permuted``.
    seeds : int
        Trainings of each, the real one among them, whose mean is compared.
    seed : int, SeedSequence or Generator, optional
        Seed of the null models and of the trainings.
    store : path, optional
        SQLite file in which results are kept as they come; it is made if there is none. After an
        interruption, the same call continues. The file knows the wiring, ``keep`` and
        ``seed``. It does not know ``train``: with another one, name another file.
    jobs : int, optional
        Processes of this machine, each with one thread: by default one for each
        CPU. With 1 everything is trained in this process.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://host:8786``, whose workers train in the place
        of processes here.
    progress : bool, optional
        Whether to show a progress bar; by default in a notebook, and if standard error is a
        terminal and tqdm is installed.

    Returns
    -------
    NullTest

    Raises
    ------
    ValueError, TypeError
        If the metric is not a finite number; the message names the null model and its seeds. If an
        argument is wrong, or the store holds another test.
    RuntimeError
        If a process dies.
    BlockingIOError
        If another process is writing to the store.
    OSError
        If the store cannot be read or written.
    ImportError
        If joblib, or distributed, is missing (extra ``sweep``).
    Exception
        Whatever ``train`` raises, with a note that names the null model.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import experiments
    >>> X = np.random.default_rng(0).standard_normal((300, 20)).cumsum(axis=1)
    >>> real = snn.topology.correlated(X, 10, degree=2)
    >>> def train(graph, seed):  # no network: correlation of what a neuron reads
    ...     sizes = np.abs(np.corrcoef(X, rowvar=False))
    ...     read = graph.to_dense().T.astype(bool)
    ...     return np.mean([sizes[np.ix_(inputs, inputs)].mean() for inputs in read])
    >>> result = experiments.wiring_test(real, train, n=99, jobs=1)
    >>> result.p, result.n_as_good
    (0.01, 0)
    """
    if not isinstance(real, (Topology, Wiring)):
        raise TypeError(f"real must be a Wiring or a Topology, got {shown(real)}")
    check_function(train, "train")
    check_choice(keep, "keep", KEPT)
    n, seeds = check_positive_integer(n, "n"), check_positive_integer(seeds, "seeds")
    n_jobs = check_positive_integer(count_cpus() if jobs is None else jobs, "jobs")
    if scheduler is not None:
        check_kind(scheduler, str, "scheduler")
    nulls = _Nulls(real, keep, seed_of(seed))
    wanted = [(number, repetition) for repetition in range(seeds) for number in range(n + 1)]
    with nullcontext() if store is None else NullStore(store, nulls.identity) as file:
        results = file.results() if file else {}
        missing = [training for training in wanted if training not in results]
        before = len(wanted) - len(missing)
        calls = _calls(nulls, train, missing, n_jobs, scheduler)
        with closing(calls), closing(progress_bar(progress, len(wanted), "training")) as bar:
            bar.initial = before
            bar.update(before)
            for training, value in _measured(nulls, missing, calls):
                results[training] = value
                if file:
                    file.add(*training, value)
                bar.update(1)
    values = np.array([results[training] for training in wanted]).reshape(seeds, n + 1).T
    return NullTest(keep, values[0], values[1:])


class _Nulls:
    """Null models of a real wiring by their numbers; number 0 is the real one."""

    def __init__(self, real: Real, keep: str, seed: int) -> None:
        self._real, self._keep, self._seed = real, keep, seed

    @property
    def identity(self) -> Mapping[str, str]:
        """What tells this test from others."""
        return {
            "wiring": wiring_fingerprint(self._real),
            "keep": self._keep,
            "seed": str(self._seed),
        }

    def seeds_of(self, training: Training) -> tuple[int, int]:
        """Return the seeds of the null model, and of its training."""
        number, repetition = training
        sequence = np.random.SeedSequence(self._seed, spawn_key=(number,))
        words = sequence.generate_state(_WORDS + repetition + 1).tolist()
        return sum(word << 32 * place for place, word in enumerate(words[:_WORDS])), words[-1]

    def make(self, training: Training) -> Real:
        """Return the wiring of a training."""
        if training[0] == 0:
            return self._real
        return null_model(self._real, self._keep, self.seeds_of(training)[0])

    def name(self, training: Training) -> str:
        """Return what messages call it."""
        seed, training_seed = self.seeds_of(training)
        if training[0] == 0:
            return f"the real wiring, trained with seed {training_seed}"
        call = "permuted(" if self._keep == "graph" else f"rewired(keep={self._keep!r}, "
        return f"null {training[0]}, {call}seed={seed}), trained with seed {training_seed}"


def _calls(
    nulls: _Nulls,
    train: Callable[[Any, int], float],
    trainings: Sequence[Training],
    n_jobs: int,
    scheduler: str | None,
) -> Calls:
    if scheduler is not None:
        return on_cluster(_train_alone, trainings, scheduler, nulls, train, purpose=_PURPOSE)
    if n_jobs > 1:
        return in_processes(_train_alone, trainings, n_jobs, nulls, train, purpose=_PURPOSE)
    return here(_train, trainings, nulls, train)


def _train(nulls: _Nulls, train: Callable[[Any, int], float], training: Training) -> Any:
    null, (_, seed) = nulls.make(training), nulls.seeds_of(training)
    with warnings.catch_warnings():
        if training[0]:  # in a null model, neurons that nothing reads are no mistake
            warnings.simplefilter("ignore", DeadNeuronWarning)
        return train(null, seed)


def _train_alone(nulls: _Nulls, train: Callable[[Any, int], float], training: Training) -> Any:
    """The same on one thread: as many processes as cores are faster than one on all of them."""
    set_num_threads(1)
    return _train(nulls, train, training)


def _measured(
    nulls: _Nulls, trainings: Sequence[Training], calls: Calls
) -> Iterator[tuple[Training, float]]:
    """Yield each training that has ended, with its metric."""
    for number, future in calls:
        if future is None:
            continue
        training = trainings[number]
        name = nulls.name(training)
        try:
            value = future.result()
        except BrokenExecutor as error:
            raise RuntimeError(
                f"the process of {name}, died{death(error)}: it crashed, or was killed, as a "
                "system does for lack of memory; start again, with fewer jobs if memory was "
                "short. A store keeps what is finished"
            ) from None
        except Exception as error:
            error.add_note(f"train was called with {name}")
            raise
        yield training, check_number(value, f"the metric of {name},", -np.inf)
