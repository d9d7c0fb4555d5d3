"""Stopping rule of a fit, the weights that it keeps, and warnings of another end."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._support.arrays import Array
from ..network.base import SparseNetwork
from ..training.history import Epoch, History


class Watch:
    """Records loss and score of each epoch, decides when to stop, and keeps the best weights.

    Parameters
    ----------
    model : SparseMLP
        Estimator that records them.
    score : callable, optional
        Gives the score by which the best weights are chosen; without it the loss decides.
    first : bool
        Whether the network is a new one: weights that go on from earlier ones may stay the best.
    """

    def __init__(self, model: Any, score: Callable[[], float] | None, *, first: bool) -> None:
        self._model, self._score = model, score
        self.stopped = False
        self._best, self._waited = -np.inf, 0
        self._weights: Array | None = None
        model.loss_curve_ = [*model.loss_curve_]  # the lists that there were stay as they are
        if score is not None:
            model.validation_scores_ = [*(model.validation_scores_ or [])]
            if not first:
                self._keep(score())

    def __call__(self, net: SparseNetwork, epoch: Epoch) -> bool:
        """Note an epoch; return whether it is time to stop."""
        model, value = self._model, -epoch.loss
        model.loss_ = epoch.loss
        model.loss_curve_.append(epoch.loss)
        if self._score is not None:
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


def warn_of_end(model: Any, history: History, *, converged: bool) -> None:
    """Warn if the training ended otherwise than requested."""
    at_its_end = model.n_iter_ == model.max_iter and model.tol is not None
    course = model._passes and model._passes.course
    if history.interrupted:
        warnings.warn("training was interrupted", stacklevel=5)
    elif at_its_end and not converged:
        warnings.warn(
            f"max_iter={model.max_iter} reached before the training converged; take more "
            "iterations, a higher learning rate, or tol=None where a schedule sets the end",
            ConvergenceWarning,
            stacklevel=5,
        )
    elif course and course.done > course.epochs and not history.epochs[-1].learning_rate:
        warnings.warn(
            f"pass {course.done} of partial_fit learns nothing: the schedule has come to rate "
            f"0 in max_iter={model.max_iter} passes; take a higher max_iter",
            stacklevel=5,
        )
