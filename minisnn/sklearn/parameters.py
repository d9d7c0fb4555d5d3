"""Checks of an estimator's parameters."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from .._support.checks import check_choice, check_flag, check_number, check_positive_integer
from ..training.schedules import check_rate
from .wirings import check_wiring


def check_parameters(model: Any) -> None:
    """Raise if a parameter is wrong that is checked nowhere else, or under another name."""
    check_positive_integer(model.max_iter, "max_iter")
    check_positive_integer(model.n_iter_no_change, "n_iter_no_change")
    if model.tol is not None:
        check_number(model.tol, "tol", -np.inf)
    check_number(model.validation_fraction, "validation_fraction", 0, 1)
    check_wiring(model)
    if model.loss is not None:
        check_choice(model.loss, "loss", model._output_activations)
    check_rate(model.learning_rate, "learning_rate")
    for name in ("shuffle", "early_stopping", "warm_start"):
        check_flag(getattr(model, name), name)
    verbose: Any = model.verbose  # a number, too, as scikit-learn has it
    if not isinstance(verbose, Integral):
        check_flag(verbose, "verbose")
