"""Tables of kernels, and what chooses one of them by its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minisnn.kernels.functions.activations import ACTIVATIONS
from minisnn.kernels.functions.losses import LOSSES
from minisnn.kernels.functions.optimizers import OPTIMIZERS
from minisnn.kernels.machine.dispatch import Row, by_number, table
from minisnn.kernels.machine.jit import inlined, jit
from minisnn.network import losses
from minisnn.training import optimizers


@inlined
def _one(values, by):  # type: ignore[no-untyped-def]
    values[0] += by


@jit
def _two(values, by):  # type: ignore[no-untyped-def]
    values[1] += by


@jit
@by_number([_one, None, _two])
def _add(number, values, by):  # type: ignore[no-untyped-def]
    """Add to one of the values."""


def test_a_number_chooses_a_row_and_others_do_nothing() -> None:
    values = np.zeros(2)
    for number, expected in ((0, [2, 0]), (2, [2, 2]), (1, [2, 2]), (3, [2, 2]), (-1, [2, 2])):
        _add(number, values, 2.0)
        assert values.tolist() == expected
    assert _add.__doc__ == "Add to one of the values."


def test_rows_have_the_parameters_that_are_asked_for() -> None:
    def _bare(values: Any) -> None: ...

    with pytest.raises(TypeError, match="_bare must have the parameters of _add after the first, "):

        @by_number([_one, _bare])
        def _add(number: int, values: Any, by: float) -> None: ...


def test_numbers_are_places() -> None:
    @dataclass(frozen=True)
    class Thing(Row):
        size: int

    things = table(Thing("a", 3), Thing("b", 4))
    assert [(row.name, row.number, row.size) for row in things.values()] == [
        ("a", 0, 3), ("b", 1, 4),
    ]  # fmt: skip


def test_the_library_has_a_row_for_each_of_the_kernels() -> None:
    from minisnn.interchange import activations

    assert activations.ACTIVATIONS.keys() == ACTIVATIONS.keys()
    assert {*losses.LOSSES, losses.OUTPUT.name} == LOSSES.keys()
    assert [kind.kernel for kind in optimizers.KINDS] == list(OPTIMIZERS)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_goes_with_outputs_that_it_can_be_made_with(name: str) -> None:
    """By samples where an activation is over the whole layer, else by outputs."""
    row = LOSSES[name]
    outputs = {**losses.LOSSES, losses.OUTPUT.name: losses.OUTPUT}[name].outputs
    over_layer = {ACTIVATIONS[output].over_layer is not None for output in outputs}
    assert (True in over_layer) == (row.of_samples is not None)
    assert (False in over_layer) == (row.of_outputs is not None)
