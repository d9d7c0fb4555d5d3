"""Basis of all networks: their parameters, and passes through them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support import checks
from .._support.arrays import Array
from .._support.checks import check_flag, check_kind
from .._support.columns import Names
from .._support.messages import shown
from .._support.seeds import Seed, seed_of
from ..kernels.program.plan import Plan
from ..kernels.program.records import DIFFERENTIATE, PREDICT, TRAIN
from ..kernels.program.structure import Structure
from .gradients import Gradients
from .losses import check_loss
from .output_weights import OutputWeights
from .passes import Passes
from .samples import Samples, check_inputs, check_samples


class SparseNetwork(ABC):
    """A network whose wiring is fixed: `MLP` and `Network` have it in common.

    Parameters
    ----------
    structure : Structure
        Its groups of neurons, for the kernels.
    parameters : array of float32 or float64, shape (n_parameters,)
        Weights and biases, which training overwrites.
    output_activation : str
        Activation of the outputs.
    seed : int, optional
        Seed of the initial weights.
    """

    def __init__(
        self, structure: Structure, parameters: Array, output_activation: str, seed: int | None
    ) -> None:
        self._parameters, self._output_activation = parameters, output_activation
        self._passes, self._seed = Passes(structure, parameters), seed

    @property
    @abstractmethod
    def input_names(self) -> Names | None:
        """Names of its inputs."""

    @input_names.setter
    @abstractmethod
    def input_names(self, names: Sequence[str] | None) -> None:
        """Take the names of the columns that it is trained on."""

    @property
    @abstractmethod
    def output_names(self) -> Names | None:
        """Names of its outputs."""

    @output_names.setter
    @abstractmethod
    def output_names(self, names: Sequence[str] | None) -> None:
        """Take the names of the columns of its targets."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a line that tells it from others, whatever its weights: its kind and wiring."""

    @abstractmethod
    def place_of(self, group: int) -> str:
        """Return a phrase for where a group of its structure stands."""

    # Attributes

    @property
    def parameters(self) -> Array:
        """All weights and biases in one vector, layer by layer, weights before biases.

        The layers' arrays are views of it: writing into one is seen in the other.
        """
        return self._parameters[:]  # a view: its shape and flags are the caller's

    @property
    def structure(self) -> Structure:
        """Its groups of neurons and their edges, as kernels read them."""
        return self._passes.structure

    @property
    def output_activation(self) -> str:
        """Activation of the outputs."""
        return self._output_activation

    @property
    def seed(self) -> int | None:
        """Seed of its initial weights, which draws the same again. None if unknown."""
        return self._seed

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return self.structure.n_in

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.structure.n_out

    @property
    def n_levels(self) -> int:
        """Number of levels beside the inputs: of layers, where they stand in a row."""
        return len(self.structure.levels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of weights and activations."""
        return self._parameters.dtype

    @property
    def n_connections(self) -> int:
        """Number of weights: edges of all levels together."""
        return self.structure.n_edges

    @property
    def parameter_bytes(self) -> int:
        """Bytes of all weights and biases."""
        return int(self._parameters.nbytes)

    @property
    def structure_bytes(self) -> int:
        """Bytes of the index arrays held for the products: both directions once it has trained."""
        return self._passes.structure_bytes

    @property
    def runs_on_blas(self) -> bool:
        """True if BLAS does most of the products, and therefore uses the cores.

        Then results may differ in rounding between numbers of BLAS threads. If our own kernels
        do all products, they are the same bits for any number of threads.
        """
        return self.structure.uses_blas

    @property
    def plan(self) -> Plan:
        """Plan of training in batches of 128: ``print(net.plan)`` shows its choices and why."""
        return self.plan_for(128)

    def plan_for(
        self,
        batch_size: int,
        purpose: int = TRAIN,
        *,
        keeps_bytes: bool = False,
        drops: tuple[bool, ...] = (),
        logits: bool = False,
        clips: bool = False,
        gaps: bool = False,
        bounded: bool = False,
    ) -> Plan:
        """Return the plan of batches of another size.

        Parameters
        ----------
        batch_size : int
            Samples of a batch.
        purpose : int
            ``PREDICT``, ``TRAIN`` or ``DIFFERENTIATE`` of ``minisnn.kernels.program.records``.
        keeps_bytes : bool
            Whether inputs are uint8 and none is dropped.
        drops : tuple of bool
            Whether some of the inputs of each layer are dropped; by default none.
        logits : bool
            Whether outputs stay pre-activations, for a cross-entropy or for the caller.
        clips : bool
            Whether training clips gradients.
        gaps : bool
            Whether targets may be missing.
        bounded : bool
            Whether parameters have bounds.

        Returns
        -------
        Plan
            Kept, so that it is not made again for the next call.

        Raises
        ------
        ValueError, TypeError
            If the batch size is below 1, the purpose is unknown, or an option is not a bool.
        """
        batch_size = checks.check_positive_integer(batch_size, "batch_size")
        if purpose not in (PREDICT, TRAIN, DIFFERENTIATE):
            raise ValueError(
                f"purpose must be PREDICT, TRAIN or DIFFERENTIATE, got {shown(purpose)}"
            )
        options: dict[str, Any] = {
            "keeps_bytes": keeps_bytes,
            "logits": logits,
            "clips": clips,
            "gaps": gaps,
            "bounded": bounded,
        }
        options = {name: check_flag(value, name) for name, value in options.items()}
        return self._passes.plan_for(batch_size, purpose, drops=tuple(drops), **options)

    # Passes

    def predict(
        self, X: npt.ArrayLike, *, input_scale: float = 1.0, rows: npt.ArrayLike | None = None
    ) -> Array:
        """Return the outputs, computed in batches, without dropout.

        Parameters
        ----------
        X : array of numbers or bool, DataFrame, or sparse array, shape (samples, n_in)
            Inputs, read in place; see `minisnn.train`.
        input_scale : float
            The factor on the inputs that was used in training.
        rows : array of int, or of bool, shape (samples,), optional
            Rows of X to use: their numbers, in the order of the outputs, or a mask of True and
            False; all by default. ``X[rows]`` would copy them.

        Returns
        -------
        array of the network's dtype, shape (samples, n_out)

        Raises
        ------
        ValueError, TypeError
            If X has the wrong shape or dtype, holds NaN or inf, or is empty.
        """
        outputs = self._passes.predict_one(X, input_scale) if rows is None else None
        if outputs is not None:
            return outputs
        return self.predict_checked(check_inputs(self, X, input_scale, rows=rows))

    def check_values(self, samples: Samples) -> None:
        """Raise a DataError unless all values that it would read of samples are such as it can."""
        self._passes.check(samples)

    def predict_checked(self, samples: Samples, *, logits: bool = False) -> Array:
        """Return the same for samples that have been checked; or the outputs' pre-activations."""
        return self._passes.predict(samples, logits=logits)

    def loss_and_gradients(
        self,
        X: npt.ArrayLike,
        Y: npt.ArrayLike,
        *,
        loss: str | None = None,
        dropout: float | Sequence[float] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        output_weights: OutputWeights | None = None,
        missing_targets: bool = False,
        seed: Seed = None,
        input_scale: float = 1.0,
    ) -> tuple[float, Gradients]:
        """Return the loss over all samples as one batch, and its gradients.

        Parameters
        ----------
        X, Y, loss, dropout, sample_weight, output_weights, missing_targets, input_scale
            As for `minisnn.train`.
        seed : int, SeedSequence or Generator, optional
            Of the dropout masks; by default fresh, and kept in the gradients.

        Returns
        -------
        loss : float
        gradients : Gradients

        Raises
        ------
        ValueError, TypeError
            If X or Y has the wrong shape or dtype, or holds NaN or inf, or an option is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> import minisnn as snn
        >>> graph = snn.topology.constant_degree(8, 3, degree=2, seed=0)
        >>> net = snn.MLP([graph], dtype=np.float64)
        >>> loss, gradients = net.loss_and_gradients(np.ones((4, 8)), [0, 1, 2, 0])
        >>> gradients.weights[0].shape, gradients.inputs.shape
        ((16,), (4, 8))
        """
        samples = check_samples(
            self,
            X,
            Y,
            input_scale,
            weights=sample_weight,
            output_weights=output_weights,
            missing_targets=missing_targets,
        )
        known = check_loss(loss, self.output_activation, samples)
        rates = checks.check_dropout(dropout, self.n_levels)
        number = seed_of(seed)
        value, dW, dX = self._passes.differentiate(samples, loss=known, dropout=rates, seed=number)
        return value, Gradients.of(dW, dX, self.structure, number)


def check_network(net: Any) -> SparseNetwork:
    """Return the network; raise where something else is taken for one."""
    return check_kind(net, SparseNetwork, "net")
