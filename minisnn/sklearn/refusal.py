"""Estimators that are as before, whatever is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numpy.random import RandomState


@contextmanager
def unchanged_if_refused(model: Any) -> Iterator[None]:
    """Put an estimator back to where it was, if what is done within raises, Ctrl-C included.

    Attributes may be replaced within. What may be changed in place are the weights of ``net_`` and
    the state of generators; parameters that are the user's own, such as callbacks, keep what they
    were told.

    Parameters
    ----------
    model : SparseMLP
        The estimator.
    """
    before = dict(vars(model))
    weights = before["net_"].parameters.copy() if "net_" in before else None
    generators = {
        id(value): (value, value.get_state())
        for value in before.values()
        if isinstance(value, RandomState)
    }
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        if weights is not None:
            model.net_.parameters[:] = weights
        for generator, state in generators.values():
            generator.set_state(state)
        raise
