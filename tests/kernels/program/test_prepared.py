"""Contexts as words: what compiled code has in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from compiled import COMPILED_ONLY
from numba import typeof
from numba.core.registry import cpu_target

import minisnn as snn
from minisnn.kernels.program import prepared
from minisnn.kernels.program.prepared import Prepared, array_words, words_of
from minisnn.kernels.program.records import PREDICT
from minisnn.network.execution import Execution


def context() -> Any:
    net = snn.MLP([snn.topology.constant_degree(9, 7, degree=3, seed=0)], seed=0)
    return Execution(net.plan_for(4, PREDICT), net.parameters).context(4)


def test_words_and_back() -> None:
    given = context()
    found = prepared._from_words(given, words_of(given))
    assert len(list(words_of(found))) == len(list(words_of(given)))
    np.testing.assert_array_equal(found.work.samples, given.work.samples)
    np.testing.assert_array_equal(found.tables.operations, given.tables.operations)
    np.testing.assert_array_equal(found.memory.parameters, given.memory.parameters)
    assert found.work.scale == given.work.scale


@COMPILED_ONLY
def test_the_size_is_that_of_compiled_code() -> None:
    given, target = context(), cpu_target.target_context
    size = target.get_abi_sizeof(target.get_value_type(typeof(given)))
    assert size == 8 * len(list(words_of(given)))


def test_places() -> None:
    given = context()
    made = Prepared(given, {"outputs": (5, 7)})
    words = made.words()
    assert words[made.place("work", "batch_size")] == given.work.batch_size
    at = made.address_in("memory", "parameters")
    assert words[at] == given.memory.parameters.ctypes.data
    assert words[list(made.size_in("memory", "outputs"))].tolist() == [35, 5]


def test_words_of_an_array() -> None:
    array = np.zeros((3, 4), np.float32)
    words = array_words(array.ctypes.data, array.shape, 4)
    assert words == [0, 0, 12, 4, array.ctypes.data, 3, 4, 16, 4]
