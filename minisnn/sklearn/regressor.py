"""A regressor for scikit-learn."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from .._support.arrays import Array
from ..network.losses import outputs_by_loss
from .estimator import SparseMLP


class SparseMLPRegressor(RegressorMixin, SparseMLP):  # type: ignore[misc]
    """A regressor whose network is wired sparsely before training.

    Outputs are linear and trained by mean squared error: scale y, as for any network. Shares from
    0 to 1 may be sigmoid outputs instead, with ``loss="binary_cross_entropy"``. Samples far off
    count less with ``loss="huber"``.

    Parameters
    ----------
    hidden_layer_sizes, wiring, topology, degree, density, activation, optimizer, learning_rate
    weight_decay, l1, dropout, batch_size, max_iter, shuffle, tol, n_iter_no_change, early_stopping
    validation_fraction, callbacks, warm_start, random_state, verbose
        As for `SparseMLPClassifier`; the score that stops a training early is R². The outputs of a
        wiring are the columns of y, by name if it is a frame of several.
    loss : str, optional
        "mse" of linear outputs, the default, or "huber" of these, or "binary_cross_entropy" of
        sigmoid outputs.

    Attributes
    ----------
    net_, n_features_in_, feature_names_in_, n_iter_, t_, loss_, loss_curve_, best_loss_
    validation_scores_, best_validation_score_, coefs_, intercepts_, n_layers_, n_outputs_
    out_activation_
        As for `SparseMLPClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from minisnn.sklearn import SparseMLPRegressor
    >>> X = np.random.default_rng(0).standard_normal((300, 8))
    >>> model = SparseMLPRegressor(random_state=0, max_iter=150, tol=None).fit(X, X[:, 0] ** 2)
    >>> model.score(X, X[:, 0] ** 2) > 0.8
    True
    """

    _one_column: bool

    _output_activations: ClassVar = outputs_by_loss(("identity", "sigmoid"))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _prepare(self, y: Array, classes: Any, *, first: bool, incremental: bool) -> Array:
        try:
            y = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y must hold real numbers, got {np.asarray(y).dtype}") from error
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not first and y.reshape(len(y), -1).shape[1] != self.n_outputs_:
            columns = () if self._one_column else (self.n_outputs_,)
            raise ValueError(
                f"y must have shape {(len(y), *columns)}, as in the first fit, got {y.shape}"
            )
        self._one_column = y.ndim == 1
        return y.reshape(len(y), -1)

    def _usual_loss(self) -> str:
        return "mse"

    def _score_of(self, outputs: Array, y: Array, weights: Array | None) -> float:
        return float(r2_score(y, self._shaped(outputs), sample_weight=weights))

    def _shaped(self, outputs: Array) -> Array:
        return outputs[:, 0] if self._one_column else outputs

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one pass over the data; see `SparseMLPClassifier.partial_fit`.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or y does not have as many columns as in the first call. The
            estimator is as it was before.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Return the outputs.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, features)
            Inputs.

        Returns
        -------
        array, shape (samples,) or (samples, outputs)
        """
        return self._shaped(self._outputs(X))
