"""Base of classifier and regressor: parameters, training, and fitted attributes."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import scipy
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._support.arrays import Array
from .._support.checks import as_list
from .._support.columns import Named, Names, labels_of
from .._support.compile_notice import compile_notice
from ..network.base import SparseNetwork
from ..network.layer import Layer
from ..network.mlp import MLP
from ..network.network import Network
from ..network.samples import Samples
from ..network.samples import check_inputs as checked_inputs
from ..topology.chains import Topologies
from ..training.callback import EpochFunction
from ..training.class_weight import ClassWeight
from ..training.loop import Course
from ..training.optimizer import Optimizer
from ..training.optimizer_state import OptimizerState
from ..training.optimizers import as_optimizer
from ..training.prepare import Options, prepare
from ..training.schedules import Schedule
from ..wiring.graph import Wiring
from .held_out import split_rows
from .inputs import NUMBERS, by_rows, readable
from .names import answers_other_names, unknown_parameter
from .networks import make_mlp, make_network
from .parameters import check_parameters
from .random_state import random_state_of
from .refusal import unchanged_if_refused
from .watch import Watch, warn_of_end
from .wirings import (
    check_inputs,
    check_order,
    in_order_of_columns,
    names_of_columns,
)

_LARGEST_SEED = 2**31 - 1
_CALLBACKS = "functions of (net, epoch)"


@dataclass(frozen=True)
class _Passes:
    """State from which the next `partial_fit` continues."""

    seed: int
    course: Course
    optimizer_state: OptimizerState | None = None


class SparseMLP(ABC, BaseEstimator):  # type: ignore[misc]
    """Base of the estimators; see `SparseMLPClassifier` for the parameters."""

    _output_activations: ClassVar[dict[str, str]]  # of the losses that there are
    net_: SparseNetwork
    _passes: _Passes | None
    _split_seed: int | None

    @answers_other_names
    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | None = None,
        *,
        wiring: Wiring | None = None,
        topology: Topologies = "biregular",
        degree: int | Sequence[int] | None = None,
        density: str | float | Sequence[float] = "auto",
        activation: str = "relu",
        loss: str | None = None,
        optimizer: str | Optimizer = "adam",
        learning_rate: float | Schedule = 0.001,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        batch_size: int = 128,
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        callbacks: Sequence[EpochFunction] = (),
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool | int = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.wiring = wiring
        self.topology = topology
        self.degree = degree
        self.density = density
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.l1 = l1
        self.dropout = dropout
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # Defined by each kind of estimator

    @abstractmethod
    def _prepare(self, y: Array, classes: Any, *, first: bool, incremental: bool) -> Array:
        """Return the targets of the network for checked y, and set the attributes learnt from y."""

    @abstractmethod
    def _usual_loss(self) -> str:
        """Return the loss for targets of the kind that `_prepare` saw."""

    def _class_weights(self, *, incremental: bool) -> ClassWeight | None:
        """Return the weight of each of the network's classes, where there are classes."""
        return None

    def _matched(self, wiring: Wiring, n_outputs: int, names: Names | None) -> Wiring:
        """Return a wiring with an output for each target, in their order.

        Parameters
        ----------
        wiring : Wiring
            As given.
        n_outputs : int
            Number of targets.
        names : tuple of str, optional
            Of the columns of y.
        """
        return in_order_of_columns(wiring, names, n_outputs)

    @abstractmethod
    def _score_of(self, outputs: Array, y: Array, weights: Array | None) -> float:
        """Return how well y is predicted by these outputs of the network; more is better."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters: all of them or, where one is unknown, none.

        Parameters
        ----------
        **parameters
            By their names, as in the constructor.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        known = self._get_param_names()
        for name in parameters:
            if name not in known:
                raise ValueError(unknown_parameter(name, type(self).__name__, known))
        super().set_params(**parameters)
        return self

    # Training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network, from scratch unless ``warm_start``.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, features)
            Inputs. float32 is trained in float32, all else in float64. Integers and sparse X are
            read in place, by batches.
        y : array-like, shape (samples,) or (samples, outputs)
            Targets.
        sample_weight : array-like, shape (samples,), optional
            Weight of each sample in the loss of its batch.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If the data or a parameter is invalid.
        FloatingPointError
            If the training diverges, as with inputs that were not scaled.

        After any of these the estimator is as it was before the call.

        Warns
        -----
        ConvergenceWarning
            If max_iter was reached before tol ended the training.
        UserWarning
            If Ctrl-C ended it; the network keeps what it has learnt.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, *, incremental: bool, classes: Any = None
    ) -> Self:
        with unchanged_if_refused(self):
            self._train(X, y, sample_weight, incremental=incremental, classes=classes)
        return self

    def _train(
        self, X: Any, y: Any, sample_weight: Any, *, incremental: bool, classes: Any
    ) -> None:
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        check_parameters(self)
        first = not hasattr(self, "net_") or not (incremental or self.warm_start)
        names = None if self.wiring is None else names_of_columns(y, self.wiring.outputs)
        labels = labels_of(X)
        X, y, weights = self._checked(X, y, sample_weight, first)
        targets = self._prepare(y, classes, first=first, incremental=incremental)
        loss = self._usual_loss() if self.loss is None else self.loss
        if first:
            self._begin(X, targets, names, self._output_activations[loss])
        elif isinstance(self.net_, Network):
            check_order(self.net_.wiring, names)
        named = self._named(X, labels)
        rows = score = None
        if self.early_stopping:
            rows, held = self._split(targets, weights)
            held_weights = None if weights is None else weights[held]
            samples = checked_inputs(self.net_, named, 1.0, rows=held)
            score = partial(self._score_on, samples, y[held], held_weights)
        passes = self._passes if incremental else None
        if passes is None:
            seed = self._random.randint(_LARGEST_SEED)
            passes = _Passes(seed, Course(self.max_iter, np.random.default_rng(seed)))
        course = replace(passes.course, epochs=self.max_iter, order=deepcopy(passes.course.order))
        watch = Watch(self, score, first=first)
        options = Options(
            optimizer=self._make_optimizer(),
            optimizer_state=passes.optimizer_state,
            loss=loss,
            batch_size=self.batch_size,
            epochs=1 if incremental else self.max_iter,
            rows=rows,
            dropout=self.dropout,
            sample_weight=weights,
            class_weight=self._class_weights(incremental=incremental),
            shuffle=self.shuffle,
            seed=passes.seed,
            callbacks=[watch, *as_list(self.callbacks, "callbacks", _CALLBACKS)],
            progress=bool(self.verbose),
        )
        with compile_notice(True):  # of a fit that is not verbose, too: it waits as long
            history = prepare(self.net_, named, targets, options, course=course).run()
        watch.finish()
        done = course.done + len(history.epochs)
        going_on = _Passes(passes.seed, replace(course, done=done), history.optimizer_state)
        self._passes = going_on if incremental else None  # what comes after a fit begins anew
        self.n_iter_ = len(history.epochs)
        self.t_ += (X.shape[0] if rows is None else len(rows)) * self.n_iter_
        self.best_loss_ = None if score is not None else min(self.loss_curve_, default=np.inf)
        warn_of_end(self, history, converged=incremental or watch.stopped)

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, first: bool
    ) -> tuple[Any, Array, Array | None]:
        X, y = validate_data(
            self, readable(X, "X"), readable(y, "y"), accept_sparse="csr",
            multi_output=True, dtype=NUMBERS, reset=first,
        )  # fmt: skip
        X, y = by_rows(X), y.toarray() if scipy.sparse.issparse(y) else y
        if sample_weight is None:
            return X, y, None
        weights = readable(sample_weight, "sample_weight")
        return X, y, _check_sample_weight(weights, X, ensure_non_negative=True)

    def _begin(self, X: Any, targets: Array, names: Names | None, output_activation: str) -> None:
        """Make the network, and discard any earlier training."""
        n_outputs = targets.shape[1] if targets.ndim == 2 else len(self.classes_)
        self._random = random_state_of(self.random_state)
        options: dict[str, Any] = {
            "activation": self.activation,
            "output_activation": output_activation,
            "dtype": np.float32 if X.dtype == np.float32 else np.float64,
        }
        if self.wiring is None:
            self.net_ = make_mlp(self, X.shape[1], n_outputs, **options)
        else:
            check_inputs(self.wiring, self._input_names, X.shape[1])
            self.net_ = make_network(self, self._matched(self.wiring, n_outputs, names), **options)
        self.n_outputs_, self.t_ = n_outputs, 0
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None
        self._passes, self._split_seed = None, None

    @property
    def _input_names(self) -> Names | None:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else tuple(names)

    def _named(self, X: Any, labels: Any) -> Any:
        """Return X with the names of its columns, by which the network matches them.

        Those of a wiring may be no texts, which scikit-learn takes for none.
        """
        names = self._input_names
        if names is None and isinstance(self.net_, Network) and self.net_.input_names is None:
            names = labels or None
        return X if names is None else Named(X, names)

    def _split(self, targets: Array, weights: Array | None) -> tuple[Array, Array]:
        """Return the rows to train on and those to hold back, the same in a warm start's fits."""
        if self._split_seed is None:
            self._split_seed = self._random.randint(_LARGEST_SEED)
        of_classes = hasattr(self, "classes_") and targets.shape[1:] in ((), (1,))
        classes = targets.reshape(-1) if of_classes else None
        return split_rows(
            len(targets), weights, classes, self.validation_fraction, self._split_seed
        )

    def _score_on(self, samples: Samples, y: Array, weights: Array | None) -> float:
        return self._score_of(self.net_.predict_checked(samples), y, weights)

    def _make_optimizer(self) -> Optimizer:
        name = self.optimizer
        if isinstance(name, str) and name == "sgd":
            warnings.warn(
                "optimizer='sgd' will be stochastic gradient descent without momentum in the next "
                "release, as it is in minisnn.train; take 'nesterov' for what it is now",
                FutureWarning,
                stacklevel=5,
            )
            name = "nesterov"
        return as_optimizer(
            name, learning_rate=self.learning_rate, weight_decay=self.weight_decay, l1=self.l1
        )

    # Attributes of a fitted estimator, by scikit-learn's names

    @property
    def n_layers_(self) -> int:
        """Layers of neurons, with the inputs."""
        return self.net_.n_levels + 1

    @property
    def out_activation_(self) -> str:
        """Activation of the outputs."""
        return self.net_.output_activation

    @property
    def coefs_(self) -> list[scipy.sparse.csc_array]:
        """Weights of each layer, shape (n_in, n_out), sparse."""
        return [layer.to_scipy() for layer in self._layers]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, shape (n_out,)."""
        return [layer.biases for layer in self._layers]

    @property
    def _layers(self) -> Sequence[Layer]:
        if not isinstance(self.net_, MLP):
            raise AttributeError(
                "a wiring has no layers; see net_.weights_frame() and net_.biases_frame()"
            )
        return self.net_.layers

    # Prediction

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self, "net_")
        labels = labels_of(X)
        X = validate_data(
            self, readable(X, "X"), accept_sparse="csr", dtype=NUMBERS, reset=False
        )  # fmt: skip
        return self.net_.predict(self._named(X, labels))
