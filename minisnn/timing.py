"""Step times of several networks, measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from time import perf_counter, sleep

import numpy as np
import numpy.typing as npt

from . import checks
from .arguments import as_list_of
from .graph import Array
from .losses import check_loss
from .mlp import MLP
from .optimizers import Optimizer, as_optimizer
from .samples import check_samples
from .step import Stepper

_ROUNDS = 9
_PAUSE = 0.05  # seconds until the threads of a BLAS that was used before have stopped spinning


def step_times(
    networks: Sequence[MLP],
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: Optimizer | str,
    loss: str | None = None,
    batch_size: int = 128,
    dropout: float | Sequence[float] | None = None,
    input_scale: float = 1.0,
    steps: int = 500,
) -> list[Array]:
    """Return the time of a full training step of each network, measured in turn.

    The networks take turns in rounds of many steps each, so that whatever else the machine does
    meanwhile falls on all of them. Copies are trained; the networks themselves stay as they are.

    Parameters
    ----------
    networks : sequence of MLP
        What to compare, all of the same inputs and outputs.
    X, Y, optimizer, loss, batch_size, dropout, input_scale
        As for `minisnn.train`. Each step takes a random batch.
    steps : int
        Steps of each network in each of nine rounds.

    Returns
    -------
    list of arrays of float64, shape (9,)
        Microseconds of a step (batch assembly, forward, backward, update), the mean of each round.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn.timing import step_times
    >>> net = snn.MLP([snn.topology.dense(4, 2)])
    >>> (times,) = step_times([net], np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1))
    >>> times.shape
    (9,)
    """
    networks = as_list_of(MLP, networks, "networks")
    if not networks:
        raise ValueError("networks must hold at least one MLP, got none")
    optimizer = as_optimizer(optimizer)
    steps = checks.check_positive_integer(steps, "steps")
    batch_size = checks.check_positive_integer(batch_size, "batch_size")
    steppers = []
    for net in networks:
        samples = check_samples(net, X, Y, input_scale)
        batch_size = min(batch_size, samples.n_samples)
        drop = checks.check_dropout(dropout, len(net.layers))
        steppers.append(
            Stepper(
                deepcopy(net),
                samples,
                optimizer=optimizer,
                loss=check_loss(loss, net.output_activation, samples),
                batch_size=batch_size,
                dropout=drop,
            )
        )
        steppers[-1].compile()
    rng = np.random.default_rng(0)
    times = np.empty((len(networks), _ROUNDS))
    rates: Array = np.full(steps, optimizer.rate(0.5, 1))
    for turn in range(_ROUNDS):
        chosen = rng.integers(samples.n_samples, size=steps * batch_size)
        for number, stepper in enumerate(steppers):
            sleep(_PAUSE)
            stepper.run(chosen[:batch_size], rates[:1])  # wakes BLAS's threads
            started = perf_counter()
            stepper.run(chosen, rates)
            times[number, turn] = 1e6 * (perf_counter() - started) / steps
    return list(times)
