"""Restoration of an estimator after a call that raised an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from numpy.random import Generator, RandomState


@contextmanager
def unchanged_if_refused(model: Any) -> Iterator[None]:
    """Restore an estimator if the body raises, Ctrl-C included.

    Attributes may be replaced within. Only the weights of ``net_`` and the state of generators may
    be changed in place; parameters that belong to the user, such as callbacks, keep their state.

    Parameters
    ----------
    model : SparseMLP
        The estimator.
    """
    before = dict(vars(model))
    weights = before["net_"].parameters.copy() if "net_" in before else None
    restored: list[Callable[[], None]] = []
    for value in before.values():
        if isinstance(value, RandomState):
            restored.append(partial(value.set_state, value.get_state(legacy=False)))
        elif isinstance(value, Generator):
            source = value.bit_generator
            restored.append(partial(setattr, source, "state", source.state))
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        if weights is not None:
            model.net_.parameters[:] = weights
        for restore in restored:
            restore()
        raise
