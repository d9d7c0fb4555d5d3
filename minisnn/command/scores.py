"""Scores of predictions for the rows of a table, beside those of a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._support.arrays import Array
from .targets import Target


@dataclass(frozen=True, eq=False)
class Scores:
    """The quality of a target's predictions.

    Parameters
    ----------
    target : Target
        The true values.
    predicted : array, shape (rows,)
        Numbers of classes, or amounts.
    figures : dict of str to number
        Of classes: the accuracy; ``balanced_accuracy``, the mean of the classes' shares of right
        rows; ``guess``, the accuracy of the commonest class that was trained on. Of amounts:
        ``rmse``, the root of the mean squared error; ``mae``, the mean absolute error; ``r2``, the
        share of the variance that is explained; ``guess``, the rmse of the mean that was trained
        on.
    confusion : array of int, shape (classes, classes), or None
        Rows of each true class (row) by predicted class (column).
    """

    target: Target
    predicted: Array
    figures: dict[str, Any]
    confusion: Array | None = None

    def __str__(self) -> str:
        """Return the main figure, and that of a guess."""
        if self.confusion is not None:
            return (
                f"{100 * self.figures['accuracy']:.1f} % are right (the commonest class: "
                f"{100 * self.figures['guess']:.1f} %)"
            )
        r2 = self.figures["r2"]
        share = "" if r2 is None else f"; R2 {r2:.3f}"
        return (
            f"error {self.figures['rmse']:.4g} (RMSE; the mean: {self.figures['guess']:.4g}){share}"
        )


def scores_of(target: Target, outputs: Array, trained: Target) -> Scores:
    """Return the scores of a network's outputs.

    Parameters
    ----------
    target : Target
        The true values.
    outputs : array, shape (rows, outputs)
        Of the network.
    trained : Target
        What was trained on, for the guess.
    """
    if target.labels is None:
        return _of_amounts(target, outputs[:, 0].astype(np.float64), trained)
    n = len(target.labels)
    predicted = outputs.argmax(axis=1)
    confusion = np.bincount(target.values * n + predicted, minlength=n * n).reshape(n, n)
    counts = confusion.sum(axis=1)
    there = counts > 0
    commonest = np.bincount(trained.values).argmax()
    figures = {
        "accuracy": float((predicted == target.values).mean()),
        "balanced_accuracy": float((confusion.diagonal()[there] / counts[there]).mean()),
        "guess": float((target.values == commonest).mean()),
    }
    return Scores(target, predicted, figures, confusion)


def _of_amounts(target: Target, predicted: Array, trained: Target) -> Scores:
    errors = predicted - target.values
    spread = float(((target.values - target.values.mean()) ** 2).mean())
    figures = {
        "rmse": float(np.sqrt((errors**2).mean())),
        "mae": float(np.abs(errors).mean()),
        "r2": 1 - float((errors**2).mean()) / spread if spread else None,
        "guess": float(np.sqrt(((trained.values.mean() - target.values) ** 2).mean())),
    }
    return Scores(target, predicted, figures)
