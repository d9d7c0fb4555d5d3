"""Step times of several networks, measured side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from time import perf_counter, sleep, thread_time
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support import checks
from .._support.arrays import Array
from .._support.checks import as_list_of
from .._support.progress import progress_bar
from ..kernels.machine.threads import get_num_threads, set_num_threads
from ..network.base import SparseNetwork
from ..network.losses import check_loss
from ..network.samples import check_samples
from ..training.optimizer import Optimizer
from ..training.optimizers import as_optimizer
from ..training.trainer import Trainer

_ROUNDS = 9
_FEWER = 5  # times fewer steps on one thread
_PAUSE = 0.05  # seconds until the threads of a BLAS that was used before have stopped spinning


@dataclass(frozen=True)
class StepTimes:
    """Microseconds of a training step of one network: batch, forward, backward, update.

    Parameters
    ----------
    wall : array of float64, shape (9,)
        By the clock, the mean of each round.
    cpu : array of float64, shape (9,)
        CPU time on one thread. Threads wait for one another where other programs take their CPUs;
        one alone only stands still meanwhile, which does not count.
    """

    wall: Array
    cpu: Array


def step_times(
    networks: Sequence[SparseNetwork], X: npt.ArrayLike, Y: npt.ArrayLike, **options: Any
) -> list[Array]:
    """Return ``wall`` of each network; see `time_steps`, which takes the same arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn.measurement.timing import step_times
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> (times,) = step_times([net], np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1))
    >>> times.shape
    (9,)
    """
    return [times.wall for times in time_steps(networks, X, Y, **options)]


def time_steps(
    networks: Sequence[SparseNetwork],
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: Optimizer | str,
    loss: str | None = None,
    batch_size: int = 128,
    dropout: float | Sequence[float] | None = None,
    input_scale: float = 1.0,
    steps: int = 500,
    progress: bool | None = False,
) -> list[StepTimes]:
    """Return the time of a full training step of each network, measured in turn.

    The networks take turns in rounds of many steps each, so that whatever else the machine does
    meanwhile falls on all of them. Copies are trained; the networks themselves stay as they are.

    Parameters
    ----------
    networks : sequence of MLP or Network
        Networks to compare, all with the same inputs and outputs.
    X, Y, optimizer, loss, batch_size, dropout, input_scale
        As for `minisnn.train`. Each step takes a random batch.
    steps : int
        Steps of each network in each of nine rounds.
    progress : bool, optional
        Whether to show a progress bar, as for `minisnn.train`.

    Returns
    -------
    list of StepTimes
        In the order of the networks.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn.measurement.timing import time_steps
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> (times,) = time_steps([net], np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1))
    >>> times.wall.shape, times.cpu.shape
    ((9,), (9,))
    """
    networks = as_list_of(SparseNetwork, networks, "networks")  # type: ignore[type-abstract]
    if not networks:
        raise ValueError("networks must hold at least one network, got none")
    optimizer = as_optimizer(optimizer)
    steps = checks.check_positive_integer(steps, "steps")
    batch_size = checks.check_positive_integer(batch_size, "batch_size")
    trainers = []
    for net in networks:
        samples = check_samples(net, X, Y, input_scale)
        batch_size = min(batch_size, samples.n_samples)
        drop = checks.check_dropout(dropout, net.n_levels)
        make = partial(
            Trainer,
            deepcopy(net),
            samples,
            optimizer=optimizer,
            loss=check_loss(loss, net.output_activation, samples),
            batch_size=batch_size,
            dropout=drop,
        )
        with _one_thread():
            alone = make()
        trainers.append((make(), alone))
        for trainer in trainers[-1]:
            trainer.compile()
    rng = np.random.default_rng(0)
    wall, cpu = (np.empty((len(networks), _ROUNDS)) for _ in range(2))
    rates: Array = np.full(steps, optimizer.rate(0.5, 1))
    few = -(-steps // _FEWER)
    with closing(progress_bar(progress, _ROUNDS * len(networks), "turn")) as bar:
        for turn in range(_ROUNDS):
            chosen = rng.integers(samples.n_samples, size=steps * batch_size)
            for number, (trainer, alone) in enumerate(trainers):
                sleep(_PAUSE)
                trainer.steps(chosen[:batch_size], rates[:1])  # wakes BLAS's threads
                wall[number, turn] = _microseconds(perf_counter, trainer, chosen, rates)
                with _one_thread():
                    fewer = chosen[: few * batch_size], rates[:few]
                    cpu[number, turn] = _microseconds(thread_time, alone, *fewer)
                bar.update(1)
    return [StepTimes(*pair) for pair in zip(wall, cpu, strict=True)]


def _microseconds(
    clock: Callable[[], float], trainer: Trainer, samples: Array, rates: Array
) -> float:
    """Return the time of a step."""
    started = clock()
    trainer.steps(samples, rates)
    return 1e6 * (clock() - started) / len(rates)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(1)
    try:
        yield
    finally:
        set_num_threads(before)
