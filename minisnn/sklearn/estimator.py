"""What classifier and regressor share: parameters, training, and when it stops."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..arguments import as_list, check_choice, check_flag, checked_sparse
from ..callbacks.callback import EpochFunction
from ..checks import check_number, check_positive_integer
from ..compile_notice import compile_notice
from ..graph import Array
from ..history import Epoch
from ..memory import check_fits
from ..mlp import MLP
from ..optimizer_state import OptimizerState
from ..optimizers import Optimizer, as_optimizer
from ..schedules import Schedule
from ..training import train
from .wiring import Topologies, make_graphs

_LARGEST_SEED = 2**31 - 1
_CALLBACKS = "functions of (net, epoch)"
_train = compile_notice(True)(train)  # of a fit that is not verbose, too: it waits as long
_ROWS = 1024  # of sparse X made dense at a time, to predict


class SparseMLP(ABC, BaseEstimator):  # type: ignore[misc]
    """Base of the estimators; see `SparseMLPClassifier` for the parameters."""

    _output_activations: ClassVar[dict[str, str]]  # of the losses that there are
    _optimizer_state: OptimizerState | None

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        *,
        topology: Topologies = "biregular",
        degree: int | Sequence[int] | None = None,
        density: str | float | Sequence[float] = "auto",
        activation: str = "relu",
        loss: str | None = None,
        optimizer: str | Optimizer = "adam",
        learning_rate: float | Schedule = 0.001,
        weight_decay: float = 0.0,
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
        self.topology = topology
        self.degree = degree
        self.density = density
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
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

    # What a kind of estimator says

    @abstractmethod
    def _prepare(self, y: Array, *, first: bool, classes: Any) -> Array:
        """Return the targets of the network for checked y; learn from it what there is to know."""

    @abstractmethod
    def _usual_loss(self) -> str:
        """Return the loss for targets of the kind that `_prepare` saw."""

    @abstractmethod
    def _score_of(self, X: Array, y: Array, weights: Array | None) -> float:
        """Return how well data is predicted; more is better."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # Training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network, anew unless ``warm_start``.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, features)
            Inputs. float32 is trained in float32, all else in float64; sparse X is made dense.
        y : array-like, shape (samples,) or (samples, outputs)
            Targets.
        sample_weight : array-like, shape (samples,), optional
            How much each sample counts in the loss of its batch.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            Where the data or a parameter is not what it must be.
        FloatingPointError
            Where weights are no longer finite, as with inputs that were not scaled.
        MemoryError
            Where sparse X is too large to be made dense.

        Warns
        -----
        ConvergenceWarning
            Where max_iter was reached before tol ended the training.
        UserWarning
            Where Ctrl-C ended it; what was learnt is there.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, *, incremental: bool, classes: Any = None
    ) -> Self:
        first = not hasattr(self, "net_") or not (incremental or self.warm_start)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        self._check_parameters()
        X, y = self._checked(X, y, first)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if first and hasattr(self, "net_"):
            del self.net_  # what fails from here on leaves none beside the classes of another
        targets = self._prepare(y, first=first, classes=classes)
        loss = self._usual_loss() if self.loss is None else self.loss
        if first:
            self._begin(X, targets, self._output_activations[loss])
        score = None
        if self.early_stopping:
            X, X_held, targets, _, y, y_held, weights, weights_held = self._split(
                X, targets, y, weights
            )
            score = partial(self._score_of, X_held, y_held, weights_held)
        watch = _Watch(self, score, first=first)
        history = _train(
            self.net_,
            X,
            targets,
            optimizer=self._make_optimizer(),
            optimizer_state=self._optimizer_state if incremental and not first else None,
            loss=loss,
            batch_size=self.batch_size,
            epochs=1 if incremental else self.max_iter,
            dropout=self.dropout,
            sample_weight=weights,
            shuffle=self.shuffle,
            seed=self._random.randint(_LARGEST_SEED),
            callbacks=[watch, *as_list(self.callbacks, "callbacks", _CALLBACKS)],
            progress=bool(self.verbose),
        )
        watch.finish()
        # for the next partial_fit; a fit begins anew
        self._optimizer_state = history.optimizer_state if incremental else None
        self.n_iter_ = len(history.epochs)
        self.t_ += len(X) * self.n_iter_
        self.best_loss_ = None if score is not None else min(self.loss_curve_, default=np.inf)
        if history.interrupted:
            warnings.warn("training was interrupted", stacklevel=3)
        elif (
            not (incremental or watch.stopped)
            and self.n_iter_ == self.max_iter
            and self.tol is not None
        ):
            warnings.warn(
                f"max_iter={self.max_iter} reached before the training converged; take more "
                "iterations, a higher learning rate, or tol=None where a schedule sets the end",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _check_parameters(self) -> None:
        """Raise where one is wrong that nobody else would look at, or under this name."""
        check_positive_integer(self.max_iter, "max_iter")
        check_positive_integer(self.n_iter_no_change, "n_iter_no_change")
        if self.tol is not None:
            check_number(self.tol, "tol", -np.inf)
        check_number(self.validation_fraction, "validation_fraction", 0, 1)
        if self.loss is not None:
            check_choice(self.loss, "loss", self._output_activations)
        for name in ("shuffle", "early_stopping", "warm_start"):
            check_flag(getattr(self, name), name)
        verbose: Any = self.verbose  # a number, too, as scikit-learn has it
        if not isinstance(verbose, Integral):
            check_flag(verbose, "verbose")

    def _checked(self, X: Any, y: Any, first: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self, _sound(X), _sound(y), accept_sparse=["csr", "csc"], multi_output=True,
            dtype=(np.float64, np.float32), reset=first,
        )  # fmt: skip
        return _dense(X, "X"), _dense(y, "y")

    def _begin(self, X: Array, targets: Array, output_activation: str) -> None:
        """Make the network, and forget what was trained before."""
        given: Any = self.hidden_layer_sizes  # a number, too, as scikit-learn has it
        sizes: list[Any] = [given]
        if not isinstance(given, Integral):
            sizes = as_list(given, "hidden_layer_sizes", "whole numbers")
        n_outputs = targets.shape[1] if targets.ndim == 2 else len(self.classes_)
        if not sizes:
            raise ValueError(
                f"hidden_layer_sizes must have one width at least, got {self.hidden_layer_sizes!r}"
            )
        if any(isinstance(size, Integral) and size < 1 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {self.hidden_layer_sizes!r}")
        sizes = [check_positive_integer(size, "hidden_layer_sizes") for size in sizes]
        self._random = check_random_state(self.random_state)
        graphs = make_graphs(
            [X.shape[1], *sizes, n_outputs], self.topology, self.degree, self.density,
            self._random.randint(_LARGEST_SEED),
        )  # fmt: skip
        self.net_ = MLP(
            graphs,
            activation=self.activation,
            output_activation=output_activation,
            seed=self._random.randint(_LARGEST_SEED),
            dtype=X.dtype,
        )
        self.n_outputs_, self.t_ = n_outputs, 0
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None
        self._optimizer_state, self._split_seed = None, None

    def _make_optimizer(self) -> Optimizer:
        name = self.optimizer
        if isinstance(name, str) and name == "sgd":
            warnings.warn(
                "optimizer='sgd' will be stochastic gradient descent without momentum in the next "
                "release, as it is in minisnn.train; take 'nesterov' for what it is now",
                FutureWarning,
                stacklevel=4,
            )
            name = "nesterov"
        return as_optimizer(name, learning_rate=self.learning_rate, weight_decay=self.weight_decay)

    def _split(self, X: Array, targets: Array, y: Array, weights: Array | None) -> tuple[Any, ...]:
        """Hold samples back: the same ones in each fit of a warm start, which has seen the others.

        Of each class alike, unless there are too few of one for that.
        """
        n_held = math.ceil(self.validation_fraction * len(X))
        if not 2 <= n_held < len(X):
            raise ValueError(
                f"early_stopping holds back {n_held} of {len(X)} samples; it needs 2 at least, and "
                "others to train on: take another validation_fraction, or more samples"
            )
        if self._split_seed is None:
            self._split_seed = self._random.randint(_LARGEST_SEED)
        classes = None
        if hasattr(self, "classes_") and targets.ndim == 1:
            counts = np.unique(targets, return_counts=True)[1]
            if counts.min() > 1 and len(counts) <= min(n_held, len(X) - n_held):
                classes = targets
        parts = train_test_split(
            X, targets, y, np.ones(len(X)) if weights is None else weights,
            test_size=n_held, random_state=self._split_seed, stratify=classes,
        )  # fmt: skip
        if weights is None:
            parts[6] = parts[7] = None
        return tuple(parts)

    # What a fitted one knows, by the names that scikit-learn's own has for it

    @property
    def n_layers_(self) -> int:
        """Layers of neurons, with the inputs."""
        return len(self.net_.widths)

    @property
    def out_activation_(self) -> str:
        """What the outputs make of their sums."""
        return self.net_.output_activation

    @property
    def coefs_(self) -> list[scipy.sparse.csc_array]:
        """Weights of each layer, shape (n_in, n_out), sparse."""
        return [layer.to_scipy() for layer in self.net_.layers]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, shape (n_out,)."""
        return [layer.biases for layer in self.net_.layers]

    # Prediction

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self, "net_")  # a fit that failed may have left others
        X = validate_data(
            self, _sound(X), accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32),
            reset=False,
        )  # fmt: skip
        if not scipy.sparse.issparse(X):
            return self.net_.predict(X)
        rows = X.tocsr()
        return np.concatenate(
            [
                self.net_.predict(rows[start : start + _ROWS].toarray())
                for start in range(0, rows.shape[0], _ROWS)
            ]
        )


class _Watch:
    """Looks at each epoch: notes loss and score, says when to stop, and keeps the best weights.

    Parameters
    ----------
    model : SparseMLP
        Where they are noted.
    score : callable, optional
        Gives the score by which the best weights are chosen; without it loss says when to stop.
    first : bool
        Whether the network is a new one: weights that go on from earlier ones may stay the best.
    """

    def __init__(self, model: SparseMLP, score: Callable[[], float] | None, *, first: bool) -> None:
        self._model, self._score = model, score
        self.stopped = False
        self._best, self._waited = -np.inf, 0
        self._weights: Array | None = None
        if score is not None:
            model.validation_scores_ = model.validation_scores_ or []
            if not first:
                self._keep(score())

    def __call__(self, net: MLP, epoch: Epoch) -> bool:
        model, value = self._model, -epoch.loss
        model.loss_ = epoch.loss
        model.loss_curve_.append(epoch.loss)
        if self._score is not None and model.validation_scores_ is not None:
            value = self._score()
            model.validation_scores_.append(value)
        better = model.tol is None or value > self._best + model.tol
        self._waited = 0 if better else self._waited + 1
        if value > self._best:
            self._keep(value)
        self.stopped = self._waited > model.n_iter_no_change
        return self.stopped

    def _keep(self, value: float) -> None:
        self._best = value
        if self._score is not None:
            self._model.best_validation_score_ = value
            self._weights = self._model.net_.parameters.copy()

    def finish(self) -> None:
        """Put the weights with the best score back."""
        if self._weights is not None:
            self._model.net_.parameters[:] = self._weights


def _dense(array: Any, name: str) -> Array:
    if not scipy.sparse.issparse(array):
        return array
    check_fits(
        math.prod(array.shape) * array.dtype.itemsize,
        f"sparse {name} of shape {array.shape}, which is made dense,",
        "take fewer columns, or train on some rows at a time by partial_fit",
    )
    return array.toarray()


def _sound(X: Any) -> Any:
    """Return what was passed, if sparse checked before scikit-learn has SciPy convert it."""
    return checked_sparse(X) if scipy.sparse.issparse(X) else X
