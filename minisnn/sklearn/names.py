"""Errors for parameters named as in other libraries: they say the name used here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import ParamSpec

from .._support.messages import did_you_mean

P = ParamSpec("P")

_OPTIMIZER = "it is optimizer here, such as 'adam', 'nesterov' or minisnn.Adam(0.001)"
_OF_SGD = "it is an option of SGD here: optimizer=minisnn.NesterovSGD(0.001, momentum=0.9)"
_OF_ADAM = "it is an option of Adam here: optimizer=minisnn.Adam(0.001, beta_1=0.9)"
_MAX_ITER = "it is max_iter here, the most passes over the data"
_ELSEWHERE = {
    "solver": _OPTIMIZER,
    "algorithm": _OPTIMIZER,
    "alpha": "it is weight_decay here, by which weights shrink, times the learning rate",
    "learning_rate_init": "it is learning_rate here, a number or a schedule",
    "power_t": "take a schedule as learning_rate, such as minisnn.CosineDecay(0.001)",
    "momentum": _OF_SGD,
    "nesterovs_momentum": _OF_SGD,
    "beta_1": _OF_ADAM,
    "beta_2": _OF_ADAM,
    "epsilon": _OF_ADAM,
    "max_fun": "there is no L-BFGS here",
    "epochs": _MAX_ITER,
    "max_epochs": _MAX_ITER,
    "n_epochs": _MAX_ITER,
    "seed": "it is random_state here",
    "lr": "it is learning_rate here, a number or a schedule",
}
"""Parameter names of scikit-learn, past and present, and of `minisnn.train` and others."""


def unknown_parameter(name: str, estimator: str, known: Iterable[str]) -> str:
    """Return the message for an unknown parameter."""
    if name in _ELSEWHERE:
        return f"{estimator} has no parameter {name!r}: {_ELSEWHERE[name]}"
    known = [each for each in known if each != "self"]
    hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
    return f"{estimator} has no parameter {name!r}{hint}"


def answers_other_names(init: Callable[P, None]) -> Callable[P, None]:
    """Make an ``__init__`` name the right parameter for an unknown one; its signature stays."""
    known = list(signature(init).parameters)

    @wraps(init)
    def checked(*values: P.args, **named: P.kwargs) -> None:
        for name in named:
            if name not in known:
                raise TypeError(unknown_parameter(name, type(values[0]).__name__, known))
        init(*values, **named)

    return checked
