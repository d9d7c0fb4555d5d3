"""Networks whose weight matrices are functions of fewer parameters, and their training.

The network that computes is a fully connected `MLP`; before each batch its matrices are computed
from the parameters θ, and after it dW, from the same kernels, is mapped to dθ. So the comparison
with a sparse network differs in f alone: batches, loss, schedule, optimiser and dropout masks are
the same. The time of a step is that of the dense network and of f; kernels made for one f
might need less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import topology
from .._support.arrays import Array
from .._support.checks import as_array, as_list, check_kind
from .._support.seeds import Seed, seed_of
from ..kernels.program.records import BROKEN_LOSS, DIFFERENTIATE
from ..network.execution import Diverged, Execution
from ..network.layer import check_graphs, check_precision, n_parameters, split_parameters
from ..network.losses import Loss
from ..network.mlp import MLP
from ..network.passes import drops_of, keeps_bytes
from ..network.samples import Samples
from ..training.callback import EpochFunction
from ..training.fingerprints import of_attributes
from ..training.generators import generator_state, set_generator_state
from ..training.history import History
from ..training.optimizer import Optimizer
from ..training.prepare import Options, prepare
from .weight_map import WeightMap


class Reparametrised:
    """A multilayer perceptron with weights W = f(θ).

    Parameters
    ----------
    maps : sequence of WeightMap
        One per layer, each with as many outputs as the next has inputs.
    seed : int, SeedSequence or Generator, optional
        Of the initial parameters; by default fresh, and kept in ``seed``. Biases begin at 0.
    dtype : {float32, float64}
        Precision of parameters, weights and activations.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, a layer is not a weight map, or widths do not fit.

    Examples
    --------
    >>> from minisnn import baselines
    >>> layers = [baselines.LowRank(64, 100, rank=4), baselines.Identity(100, 10)]
    >>> net = baselines.Reparametrised(layers, seed=1)
    >>> net
    Reparametrised(64 -> 100 -> 10, 1656 weights, 110 biases, float32, seed=1)
    >>> net.expanded
    MLP(64 -> 100 -> 10, 7400 connections, 110 biases, float32)
    """

    def __init__(
        self, maps: Sequence[WeightMap], *, seed: Seed = None, dtype: npt.DTypeLike = np.float32
    ) -> None:
        maps = as_list(maps, "maps", "WeightMap objects, one per layer")
        for number, layer in enumerate(maps, start=1):
            if not isinstance(layer, WeightMap):
                raise TypeError(
                    f"layer {number} must be a WeightMap, got {type(layer).__name__}; "
                    "for a fully connected one take Identity(n_in, n_out)"
                )
        self.maps = tuple(maps)
        graphs = check_graphs([topology.dense(*f.shape) for f in maps])
        zeros = np.zeros(n_parameters(graphs), check_precision(dtype))
        self._expanded = MLP.from_parameters(graphs, zeros)
        self.seed: int | None = seed_of(seed)  # None: that of a checkpoint that does not say it
        n_biases = [f.shape[1] for f in maps]
        self._parameters: Array = np.zeros(
            self.n_weights + sum(n_biases), dtype=self._expanded.dtype
        )
        generators = np.random.default_rng(self.seed).spawn(len(maps))
        for f, (theta, _), rng in zip(maps, self.split(self.parameters), generators, strict=True):
            theta[:] = f.initial(rng)
        self.expand()

    @property
    def expanded(self) -> MLP:
        """The fully connected network of the weights f(θ): for predictions, not for training."""
        return self._expanded

    @property
    def parameters(self) -> Array:
        """All θ and biases in one vector, layer by layer, to be written into."""
        return self._parameters[:]

    @property
    def n_weights(self) -> int:
        """Number of trained weights: the lengths of all θ."""
        return sum(f.n_parameters for f in self.maps)

    @property
    def n_connections(self) -> int:
        """Number of weights that a sample is multiplied by in training."""
        return sum(f.n_connections for f in self.maps)

    def split(self, parameters: Array) -> list[tuple[Array, Array]]:
        """Return each layer's (θ, biases), as views of a vector like ``parameters``.

        Raises
        ------
        ValueError
            If its length is not the number of parameters.
        """
        lengths = [length for f in self.maps for length in (f.n_parameters, f.shape[1])]
        vector = as_array(parameters, "parameters")
        if vector.shape != (sum(lengths),):
            raise ValueError(f"parameters must have shape ({sum(lengths)},), got {vector.shape}")
        views = np.split(vector, np.cumsum(lengths)[:-1])
        return list(zip(views[::2], views[1::2], strict=True))

    def expand(self, maps: Sequence[WeightMap] | None = None) -> None:
        """Write f(θ) and the biases into the expanded network.

        Parameters
        ----------
        maps : sequence of WeightMap, optional
            Those drawn for one batch; by default the network's own.

        Raises
        ------
        ValueError, TypeError
            If there is not one map for each layer, or one has another shape than the network's own.
        """
        own = self.split(self.parameters)
        for f, (theta, biases), layer in zip(
            self.maps if maps is None else self._like(maps), own, self._expanded.layers, strict=True
        ):
            layer.weights[:] = f.expand(theta).ravel()
            layer.biases[:] = biases

    def pull_back(self, maps: Sequence[WeightMap], gradients: Array) -> Array:
        """Return the gradient by ``parameters`` that follows from the expanded network's.

        Raises
        ------
        ValueError, TypeError
            If there is not one map for each layer, or the gradient has another length.
        """
        gradients = as_array(gradients, "gradients")
        if gradients.shape != self._expanded.parameters.shape:
            raise ValueError(
                f"gradients must have shape {self._expanded.parameters.shape}, those of the "
                f"expanded network, got {gradients.shape}"
            )
        dense = split_parameters(gradients, self._expanded.topologies)
        own = self.split(self.parameters)
        parts = []
        for f, (theta, _), (dW, db) in zip(self._like(maps), own, dense, strict=True):
            parts += [f.adjoint(theta, dW.reshape(f.shape[::-1])), db]
        return np.concatenate(parts)

    def _like(self, maps: Sequence[WeightMap]) -> list[WeightMap]:
        """Return maps, if there is one for each layer, of its size."""
        given = as_list(maps, "maps", "WeightMap objects, one per layer")
        if [_size(f) for f in given] != [_size(f) for f in self.maps]:
            raise ValueError(f"maps must be like {list(self.maps)}, got {given}")
        return given

    def __repr__(self) -> str:
        return f"Reparametrised({self.kind}, seed={self.seed})"

    @property
    def kind(self) -> str:
        """Widths, numbers of weights and biases, and precision, in a line."""
        widths = " -> ".join(map(str, self._expanded.widths))
        n_biases = len(self.parameters) - self.n_weights
        return f"{widths}, {self.n_weights} weights, {n_biases} biases, {self.parameters.dtype}"


def _size(f: WeightMap) -> tuple[int, ...]:
    return (*check_kind(f, WeightMap, "a map").shape, f.n_parameters)


class _Trainer:
    """Steps of a reparametrised network; in the place of `minisnn.training.trainer.Trainer`."""

    def __init__(
        self,
        net: Reparametrised,
        samples: Samples,
        *,
        optimizer: Optimizer,
        loss: Loss,
        batch_size: int,
        dropout: Sequence[float],
        seed: int,
    ) -> None:
        self._net, self._samples, self._optimizer, self._loss = net, samples, optimizer, loss
        self._dropout, self._seed = dropout, seed
        as_bytes = keeps_bytes(samples, dropout)
        self.plan = net.expanded.plan_for(
            batch_size,
            DIFFERENTIATE,
            keeps_bytes=as_bytes,
            drops=drops_of(dropout),
            logits=loss.wants_logits,
        )
        self._execution = Execution(self.plan, net.expanded.parameters)
        self._state = optimizer.initial_state(net.parameters)
        self._lengths = [len(view) for views in net.split(net.parameters) for view in views]
        self._rng = np.random.default_rng(seed).spawn(1)[0]  # apart from the shuffling's
        self._n_steps = 0
        self.chunk = 1

    @property
    def parameters(self) -> Array:
        return self._net.parameters

    @property
    def initial_seed(self) -> int | None:
        return self._net.seed

    @initial_seed.setter
    def initial_seed(self, seed: int | None) -> None:
        self._net.seed = seed

    def compile(self) -> None:
        self._differentiate(np.empty(0, dtype=np.int64))
        nothing = self._net.parameters[:0]
        self._optimizer.update(nothing, self._optimizer.initial_state(nothing), nothing, 0.0)

    def steps(self, samples: Array, rates: Array) -> Array:
        net, size = self._net, self.plan.batch_size
        losses = np.empty(len(rates))
        try:
            for k, rate in enumerate(rates.tolist()):
                maps = [f.draw(self._rng) for f in net.maps]
                net.expand(maps)
                losses[k] = self._differentiate(samples[k * size : (k + 1) * size]).sum()
                if not np.isfinite(losses[k]):
                    raise Diverged(BROKEN_LOSS)
                gradients = net.pull_back(maps, self._execution.gradients)
                about: Any = {"step": self._n_steps, "lengths": self._lengths}
                self._optimizer.update(net.parameters, self._state, gradients, rate, **about)
                self._n_steps += 1
        except Diverged as diverged:
            diverged.step = k
            raise
        finally:
            net.expand()
        return losses

    def state(self) -> dict[str, Array]:
        return {
            "parameters": self._net.parameters,
            "optimizer": self._state,
            "generator": generator_state(self._rng),
            "steps": np.array(self._n_steps),
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        self._net.parameters[:] = state["parameters"]
        self._state[:] = state["optimizer"]
        set_generator_state(self._rng, state["generator"])
        self._n_steps = int(state["steps"])
        self._net.expand()

    def activations_of(self, layer: int, n_samples: int) -> Array:
        return self._execution.activations_of(layer, n_samples)

    def fingerprint(self) -> str:
        maps = ", ".join(map(of_attributes, self._net.maps))
        return f"Reparametrised({self._net.kind}): {maps}"

    def _differentiate(self, batch: Array) -> Array:
        losses, _ = self._execution.run(
            self._samples,
            batch,
            loss=self._loss,
            dropout=self._dropout,
            seed=self._seed,
            first_step=self._n_steps,
        )
        return losses


def train_reparametrised(
    net: Reparametrised,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    optimizer: Optimizer | str,
    batch_size: int = 128,
    epochs: int = 10,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    dropout: float | Sequence[float] | None = None,
    input_scale: float = 1.0,
    seed: Seed = None,
    callbacks: Sequence[EpochFunction] = (),
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    resume: bool | str = False,
    progress: bool | None = None,
) -> History:
    """Train θ in place, as `minisnn.train` trains weights: same batches, loss, schedule, masks.

    Parameters
    ----------
    net : Reparametrised
        Its parameters are changed, and with them the weights of ``net.expanded``.
    X, Y, optimizer, batch_size, epochs, validation_data, dropout, input_scale, seed
        As in `minisnn.train`; the optimiser's steps are of θ.
    callbacks : sequence of callables
        Each is called as ``callback(net.expanded, epoch)`` after an epoch, and ends the training
        by returning True.
    checkpoint, checkpoint_every, resume, progress
        As in `minisnn.train`.

    Returns
    -------
    History

    Raises
    ------
    ValueError, TypeError, FloatingPointError, OSError
        If `minisnn.train` would raise it.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> from minisnn import baselines
    >>> X = np.random.default_rng(0).random((200, 8), dtype=np.float32)
    >>> Y = (X[:, 0] > X[:, 1]).astype(int)
    >>> layers = [baselines.LowRank(8, 9, 2), baselines.Identity(9, 2)]
    >>> net = baselines.Reparametrised(layers, seed=0)
    >>> history = baselines.train_reparametrised(
    ...     net, X, Y, optimizer=snn.NesterovSGD(1.0), batch_size=20, epochs=30, seed=0
    ... )
    >>> snn.evaluate(net.expanded, X, Y).accuracy > 0.9
    True
    """
    check_kind(net, Reparametrised, "net")
    options = Options(
        optimizer=optimizer,
        loss="mse",
        batch_size=batch_size,
        epochs=epochs,
        validation_data=validation_data,
        dropout=dropout,
        input_scale=input_scale,
        seed=seed,
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
        progress=progress,
    )
    return prepare(net.expanded, X, Y, options, make_trainer=_Trainer, trained=net).run()
