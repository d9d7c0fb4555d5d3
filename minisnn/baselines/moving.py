"""Moving wiring: a sparse network whose edges change places while it trains (SET, RigL).

One driver, two ways to grow. Between steps of the ordinary trainer it makes a network on new edges,
by `rewire`, and goes on with that: weights, biases and the optimiser's state are carried over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import check_choice, check_kind, check_number, check_positive_integer
from .._support.messages import shown
from .._support.seeds import Seed
from ..kernels.program.records import DIFFERENTIATE
from ..network.execution import Diverged, Execution
from ..network.layer import split_parameters
from ..network.mlp import MLP, check_mlp
from ..network.passes import keeps_bytes
from ..network.samples import Samples
from ..training.callback import Callback, EpochFunction
from ..training.history import History
from ..training.optimizer import Optimizer
from ..training.prepare import Options, prepare
from ..training.trainer import Trainer
from .rewiring import check_drop, dense_twin, rewire

GROWTHS = ("random", "gradient")


@dataclass(frozen=True)
class Move:
    """One change of the wiring.

    Parameters
    ----------
    step : int
        Number of steps made before.
    n_new : int
        Edges that were not there before.
    seconds : float
        How long it took: the dense gradient if any, the new graphs, and all that is prepared for
        steps on them.
    """

    step: int
    n_new: int
    seconds: float


class Moving:
    """A multilayer perceptron, and the rule by which its edges move in training.

    Sources: SET and RigL, see `rewire`. The share of the edges that move falls along half a cosine,
    and the number of edges never changes. With drop α, in step t of a training, until step T::

        share(t) = α / 2 (1 + cos(π t / T))      every so many steps, t < T

    Parameters
    ----------
    net : MLP
        The network, on the edges that it begins with.
    grow : {"random", "gradient"}
        Where new edges come: anywhere (SET), or where the gradient of the fully connected network
        is largest in the batch of the step before (RigL).
    drop : float
        α, from 0 to below 1.
    every : int
        Steps from one change of the wiring to the next.
    until : float
        T as a share of the training, from 0 to below or equal to 1. The defaults are RigL's.

    Attributes
    ----------
    moves : list of Move
        All changes of the last training.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or all layers are fully connected: no edge could move.

    Examples
    --------
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> graphs = [snn.topology.biregular(8, 9, 3, seed=0), snn.topology.dense(9, 2)]
    >>> baselines.Moving(snn.MLP(graphs, seed=0), grow="gradient", every=50)
    Moving(MLP(8 -> 9 -> 2, 42 connections, 11 biases, float32, seed=0), grow=gradient, drop=0.3, \
every=50, until=0.75)
    """

    def __init__(
        self,
        net: MLP,
        *,
        grow: str = "random",
        drop: float = 0.3,
        every: int = 100,
        until: float = 0.75,
    ) -> None:
        self._net = check_mlp(net)
        self.grow = check_choice(grow, "grow", GROWTHS)
        self.drop = check_drop(drop)
        self.every = check_positive_integer(every, "every")
        self.until = check_number(until, "until", 0)
        if self.until > 1:
            raise ValueError(f"until is a share of the training, at most 1, got {shown(until)}")
        if all(graph.is_complete for graph in net.topologies):
            raise ValueError("all layers are fully connected: there is no place to move an edge to")
        self.moves: list[Move] = []

    @property
    def net(self) -> MLP:
        """The network; `train_moving` puts another in its place."""
        return self._net

    def share(self, step: float, end: float) -> float:
        """Return the share of the edges that move in a step; from the end on, nothing moves.

        Parameters
        ----------
        step : float
            Number of steps made before.
        end : float
            T, in steps.

        Raises
        ------
        ValueError
            If the step is below 0, or the end not above.
        """
        step = check_number(step, "step", 0)
        if check_number(end, "end", 0) == 0:
            raise ValueError("end must be above 0 steps, got 0")
        return 0.0 if step >= end else self.drop / 2 * (1 + math.cos(math.pi * step / end))

    def __repr__(self) -> str:
        return (
            f"Moving({self.net}, grow={self.grow}, drop={self.drop:g}, every={self.every}, "
            f"until={self.until:g})"
        )


class _Trainer(Trainer):
    """The ordinary steps, with a change of the wiring now and then.

    The network is a copy of the driver's own, which `Moving` gets when the training has ended.
    """

    def __init__(
        self,
        moving: Moving,
        samples: Samples,
        *,
        net: MLP,
        epochs: int,
        batch_size: int,
        seed: int,
        **options: Any,
    ) -> None:
        self._moving, self._mlp, self._moves = moving, net, list[Move]()
        self._end = moving.until * epochs * math.ceil(samples.n_samples / batch_size)
        self._options = {**options, "batch_size": batch_size, "seed": seed}
        self._rng = np.random.default_rng(seed).spawn(1)[0]  # apart from the shuffling's
        super().__init__(net, samples, **self._options)

    @property
    def moves(self) -> list[Move]:
        """All changes of the wiring so far."""
        return self._moves

    def steps(self, samples: Array, rates: Array) -> Array:
        """Train on the samples in these rows; return the losses before each update."""
        size, every = self.plan.batch_size, self._moving.every
        losses: list[Array] = []
        while True:
            n = min(len(rates), every - self._n_steps % every)
            try:
                losses.append(super().steps(samples[: n * size], rates[:n]))
            except Diverged as diverged:
                diverged.step += sum(map(len, losses))
                raise
            if n and self._n_steps % every == 0 and self._n_steps < self._end:
                self._move(samples[(n - 1) * size : n * size])
            samples, rates = samples[n * size :], rates[n:]
            if not len(rates):
                return np.concatenate(losses)

    def _move(self, batch: Array) -> None:
        """Go on with other edges; the batch is what a dense gradient is of."""
        started, state = perf_counter(), self.state()
        share = self._moving.share(self._n_steps, self._end)
        gradients = self._dense_gradients(batch) if self._moving.grow == "gradient" else None
        moved = rewire(self._mlp, share, gradients=gradients, seed=self._rng)
        # The loop holds this object: it gets the new network's edges and parameters.
        functions = self._mlp.activation, self._mlp.output_activation
        self._mlp._assemble(moved.net.topologies, moved.net.parameters, *functions, None)
        super().__init__(self._mlp, self._samples, **self._options)
        carried = {
            "parameters": self.parameters,
            "optimizer": moved.carried(state["optimizer"]),
            "steps": state["steps"],
        }
        self.restore(carried)
        n_new = int((moved.origins < 0).sum())
        self._moves.append(Move(self._n_steps, n_new, perf_counter() - started))

    def _dense_gradients(self, batch: Array) -> list[Array]:
        """Return the gradients by all possible weights, without dropout."""
        twin, loss = dense_twin(self._mlp), self._loss
        plan = twin.plan_for(
            len(batch),
            DIFFERENTIATE,
            keeps_bytes=keeps_bytes(self._samples),
            logits=loss.wants_logits,
        )
        execution = Execution(plan, twin.parameters)
        execution.run(self._samples, batch, loss=loss)
        return [weights for weights, _ in split_parameters(execution.gradients, twin.topologies)]


def train_moving(
    net: Moving,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: Optimizer | str,
    loss: str | None = None,
    batch_size: int = 128,
    epochs: int = 10,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    dropout: float | Sequence[float] | None = None,
    input_scale: float = 1.0,
    seed: Seed = None,
    callbacks: Sequence[EpochFunction] = (),
    progress: bool | None = None,
) -> History:
    """Train a network whose edges move, as `minisnn.train` trains one whose edges stay.

    Batches, schedule and dropout masks are the same. If no edge moves, so are all bits.

    Parameters
    ----------
    net : Moving
        Its ``net`` is another after the training, and its ``moves`` are those of this one. If the
        training raises, both stay as they are.
    X, Y, optimizer, loss, batch_size, epochs, validation_data, dropout, input_scale
        As in `minisnn.train`.
    seed : int, SeedSequence or Generator, optional
        Of shuffling, dropout, and of edges that are drawn.
    callbacks : sequence of functions
        Each is called as ``callback(network, epoch)`` after an epoch, and ends the training by
        returning True. Objects such as `EarlyStopping` are refused: the parameters that they put
        back would be those of other edges.
    progress
        As in `minisnn.train`.

    Returns
    -------
    History
        The seconds of its epochs are those of moves, too.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        If `minisnn.train` would raise it, or a callback is more than a function.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> X = np.random.default_rng(0).random((200, 8), dtype=np.float32)
    >>> Y = (X[:, 0] > X[:, 1]).astype(int)
    >>> graphs = [snn.topology.biregular(8, 9, 3, seed=0), snn.topology.dense(9, 2)]
    >>> net = baselines.Moving(snn.MLP(graphs, seed=0), grow="gradient", every=50)
    >>> history = baselines.train_moving(
    ...     net, X, Y, optimizer=snn.NesterovSGD(1.0), batch_size=20, epochs=30, seed=0
    ... )
    >>> snn.evaluate(net.net, X, Y).accuracy > 0.9, net.net.n_connections
    (True, 42)
    >>> [(move.step, move.n_new) for move in net.moves]
    [(50, 5), (100, 3), (150, 1), (200, 0)]
    """
    check_kind(net, Moving, "net")
    before = net.net
    functions = before.activation, before.output_activation
    mlp = MLP.from_parameters(before.topologies, before.parameters, *functions)
    options = Options(
        optimizer=optimizer,
        loss=loss,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=validation_data,
        dropout=dropout,
        input_scale=input_scale,
        seed=seed,
        callbacks=callbacks,
        progress=progress,
    )
    made: list[_Trainer] = []

    def make_trainer(moving: Moving, samples: Samples, **options: Any) -> _Trainer:
        made.append(_Trainer(moving, samples, net=mlp, epochs=epochs, **options))
        return made[-1]

    loop = prepare(mlp, X, Y, options, make_trainer=make_trainer, trained=net)
    for callback in callbacks:
        if isinstance(callback, Callback):
            raise ValueError(
                "callbacks of a network whose edges move must be functions of (net, epoch), got "
                f"{shown(callback)}"
            )
    history = loop.run()
    net._net, net.moves = mlp, made[0].moves
    return history
