"""A classifier for scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
)
from sklearn.utils.validation import column_or_1d

from .._support.arrays import Array
from .._support.columns import Names
from .._support.messages import did_you_mean, few, shown
from ..network.layer import HIDDEN
from ..network.losses import outputs_by_loss
from ..topology.chains import Topologies
from ..training.callback import EpochFunction
from ..training.class_weight import ClassWeight, check_class_weight
from ..training.optimizer import Optimizer
from ..training.schedules import Schedule
from ..wiring.graph import Wiring
from .estimator import SparseMLP
from .names import answers_other_names
from .wirings import in_order_of_classes, in_order_of_columns, named_class


class SparseMLPClassifier(ClassifierMixin, SparseMLP):  # type: ignore[misc]
    """A classifier whose network is wired sparsely before training.

    Classes are softmax outputs trained by cross-entropy; if y is a matrix of zeros and ones, each
    column is a sigmoid output, trained by binary cross-entropy. The network of arXiv:1706.05683 has
    ``activation="sigmoid", loss="mse", optimizer="nesterov"``.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, optional
        Neurons of each hidden layer; by default those of the graphs in topology, or (100,).
    wiring : Wiring, optional
        In the place of hidden_layer_sizes, topology, degree and density: any acyclic wiring of
        `minisnn.wiring`. Columns of frames are its inputs by name, in any order. Its outputs are
        the classes, by name if they have these names; or one sigmoid for two classes.
    topology : str, Topology, or a list with one for each hidden layer, or for each layer
        Wiring: a construction of `minisnn.topology` by name, "dense", or a graph. The
        outputs are fully connected unless the list has a wiring for them, too, such as a last graph
        with as many outputs. The default,
        "biregular", is random with equal degrees: the columns of a table have no neighbours. For
        images take "fibonacci_rotating" or "regular_rotating".
    degree : int, or one for each hidden layer, optional
        Edges from each neuron to that layer.
    density : "auto", float, or one for each hidden layer
        Alternative to a degree: edges as a share of all possible ones. "auto" is a tenth, but at
        least ten inputs for each hidden neuron.
    activation : {"relu", "leaky_relu", "sigmoid", "tanh", "identity"}
        Of the hidden neurons. With a wiring, it may be a list of one for each level.
    loss : str, optional
        "cross_entropy" of softmax outputs, or "binary_cross_entropy", "mse" or "huber" of sigmoid
        outputs; see `minisnn.train`.
    optimizer : str or Optimizer
        "adam"; "nesterov", with momentum 0.9; or one of minisnn's with options of its own, which
        goes before learning_rate, weight_decay and l1. "sgd" is "nesterov" in this release, with a
        warning; in the next it will have no momentum, as in `minisnn.train`.
    learning_rate : float or schedule
        Such as 0.001, or `minisnn.CosineDecay`.
    weight_decay, l1 : float
        As the optimiser has them.
    class_weight : "balanced", or dict of labels to float, optional
        Weight of each class, a factor on the weights of its samples; 1 for those that the dict
        lacks. "balanced" gives all classes the same weight in sum: n / (k * count) for k classes
        among the n samples that are trained on. Scores are not weighted by it.
    dropout : float, or one for the inputs and each hidden layer
        Shares of neurons dropped at random in each step, of those that are no outputs.
    batch_size : int
        Samples in a step.
    max_iter : int
        Maximum number of passes over the data; also the number of passes that a schedule spans,
        over calls of `partial_fit` too.
    shuffle : bool
        Whether each pass visits the samples in a new order.
    tol : float, optional
        Training stops if the loss (with early_stopping the score) has not improved by more than
        this for n_iter_no_change passes. None: never before max_iter.
    n_iter_no_change : int
        Passes of patience.
    early_stopping : bool
        Whether to hold samples out, to stop by the score on them, and to keep the best weights.
    validation_fraction : float
        Share of the samples to hold out, above 0 and below 1; stratified by class if classes are
        large enough.
    callbacks : sequence of callables
        Called after each pass, see `minisnn.callbacks`; one that returns True ends the training.
    warm_start : bool
        Whether `fit` continues from the current weights. The network keeps its structure: changed
        widths, wiring or activations have no effect.
    random_state : int, RandomState, Generator, SeedSequence, optional
        Of random wiring, initial weights, order of samples, dropout, and held-out samples.
    verbose : bool, or int
        Whether to show a progress bar (extra ``progress``); any number but 0 does.

    Attributes
    ----------
    net_ : MLP, or Network of a wiring
        The network, with all that minisnn can do with it.
    classes_ : array, shape (classes,)
        The classes, in the order of the outputs.
    n_features_in_, feature_names_in_
        Number and names of the columns of X.
    n_iter_, t_ : int
        Passes of the last fit, and samples seen since the first.
    loss_, loss_curve_ : float, list of float
        Training loss of the last pass, and of all.
    best_loss_ : float or None
        The least of them; None with early_stopping.
    validation_scores_ : list of float, or None
        Accuracy on the held-out samples, after each pass.
    best_validation_score_ : float or None
        That of the weights that were kept.
    coefs_, intercepts_ : list of sparse array, list of array
        Weights of each layer, shape (n_in, n_out), and its biases. A wiring has none: see
        ``net_.weights_frame()``.
    n_layers_, n_outputs_, out_activation_ : int, int, str
        Number of layers including the inputs, number of outputs, and their activation.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.sklearn import SparseMLPClassifier
    >>> X = np.random.default_rng(0).standard_normal((200, 30))
    >>> y = (X[:, 0] + X[:, 1] > 0).astype(int)
    >>> model = SparseMLPClassifier(random_state=0, max_iter=100, tol=None).fit(X, y)
    >>> model.net_.topologies[0]
    Topology(biregular, 30 -> 100, degree=33, seed=209652396, n_edges=990, density=33 %)
    >>> model.predict_proba(X[:5]).shape
    (5, 2)
    """

    classes_: Array
    _yes: int | None  # number of the class that a single output stands for

    _output_activations: ClassVar = outputs_by_loss(("softmax", "sigmoid"))

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
        class_weight: ClassWeight | None = None,
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
        super().__init__(
            hidden_layer_sizes,
            wiring=wiring,
            topology=topology,
            degree=degree,
            density=density,
            activation=activation,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            l1=l1,
            dropout=dropout,
            batch_size=batch_size,
            max_iter=max_iter,
            shuffle=shuffle,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            callbacks=callbacks,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _prepare(self, y: Array, classes: Any, *, first: bool, incremental: bool) -> Array:
        if incremental:
            _check_partial_fit_first_call(self, classes)
            classes = self.classes_  # set by the line above, in the first call
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        several = y.ndim == 2
        indicator = type_of_target(y) == "multilabel-indicator" and np.isin(y, (0, 1)).all()
        if several and not indicator:
            raise ValueError(
                "y must have a class for each sample, or zeros and ones in a column for each "
                f"label, got shape {y.shape} with the values {shown(np.unique(y))}"
            )
        if first:
            self._multilabel = several
            found = np.arange(y.shape[1]) if several else y
            self.classes_ = np.unique(found if classes is None else classes)
            if len(self.classes_) < 2:
                raise ValueError(f"y must have two classes at least, got 1 class: {self.classes_}")
            self._yes = None if several else named_class(self.wiring, self.classes_)
        columns = (len(self.classes_),) if self._multilabel else ()
        if y.shape[1:] != columns:
            raise ValueError(
                f"y must have shape {(len(y), *columns)} for the classes {self.classes_}, "
                f"got {y.shape}"
            )
        if several:
            return np.ascontiguousarray(y, dtype=np.uint8)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has classes {unknown} that are not among those of the first fit, "
                f"{self.classes_}"
            )
        numbers = np.searchsorted(self.classes_, y)
        return numbers if self._yes is None else (numbers == self._yes).astype(np.uint8)[:, None]

    def _matched(self, wiring: Wiring, n_outputs: int, names: Names | None) -> Wiring:
        if self._multilabel:
            return in_order_of_columns(wiring, names, n_outputs)
        return wiring if self._yes is not None else in_order_of_classes(wiring, self.classes_)

    def _usual_loss(self) -> str:
        of_each = self._multilabel or self._yes is not None
        return "binary_cross_entropy" if of_each else "cross_entropy"

    def _class_weights(self, *, incremental: bool) -> ClassWeight | None:
        given = self.class_weight
        if given is None:
            return None
        check_class_weight(given)
        if self._multilabel:
            raise ValueError(
                "class_weight goes with one class for each sample, got a y with a column for each "
                "label; pass sample_weight"
            )
        if isinstance(given, str):
            if incremental:
                raise ValueError(
                    "partial_fit does not know how many samples of each class there will be: pass "
                    f"their weights as a dict in place of class_weight={given!r}"
                )
            return given
        numbers = {label: number for number, label in enumerate(self.classes_.tolist())}
        if self._yes == 0:  # whose target is 1
            numbers = {label: 1 - number for label, number in numbers.items()}
        unknown = [label for label in given if label not in numbers]
        if unknown and len(given) - len(unknown) < len(numbers):  # else some are just not there
            texts = [label for label in numbers if isinstance(label, str)]
            raise ValueError(
                f"class_weight must have classes as keys, got {few(unknown)} where the classes are "
                f"{few(list(numbers))}{did_you_mean(unknown[0], texts)}"
            )
        return {numbers[label]: weight for label, weight in given.items() if label in numbers}

    def _score_of(self, outputs: Array, y: Array, weights: Array | None) -> float:
        return float(accuracy_score(y, self._decide(outputs), sample_weight=weights))

    def _decide(self, outputs: Array) -> Array:
        if self._multilabel:
            return (outputs > 0.5).astype(int)
        if self._yes is not None:
            return self.classes_[np.where(outputs[:, 0] > 0.5, self._yes, 1 - self._yes)]
        return self.classes_[outputs.argmax(axis=1)]

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one pass over the data, from where the passes before it ended.

        The optimiser, the order of samples, dropout and a schedule, which counts on max_iter, go
        on: max_iter calls with the same data give what one `fit` gives with ``tol=None``.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, optional
            All classes that there will be; needed in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or classes are missing or differ from those of the first call.
            The estimator is as it was before.

        Warns
        -----
        UserWarning
            If a schedule has come to a rate of 0.
        """
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, features)
            Inputs.

        Returns
        -------
        array, shape (samples,) or (samples, classes)
        """
        return self._decide(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, features)
            Inputs.

        Returns
        -------
        array, shape (samples, classes)
            Rows have the sum 1, unless each class is a yes or no of its own. Sigmoid outputs are
            divided by their sum for that.
        """
        outputs = self._outputs(X)
        if self._multilabel or self.out_activation_ not in HIDDEN:
            return outputs
        if self._yes is not None:
            both = np.concatenate([1 - outputs, outputs], axis=1)
            return both if self._yes == 1 else both[:, ::-1]
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, features)
            Inputs.

        Returns
        -------
        array, shape (samples, classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))
