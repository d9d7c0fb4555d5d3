"""How many threads kernels run on, and how they wait."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

import minisnn as snn
from minisnn.kernels import threads as module
from minisnn.kernels.jit import DISABLED
from minisnn.kernels.threads import ENOUGH, PER_VALUE, one_thread, threads_for, threads_for_values

pytestmark = [
    pytest.mark.skipif(DISABLED, reason="kernels are plain Python here"),
    pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="there is one thread only"),
]


@pytest.fixture(autouse=True)
def two_threads() -> None:
    numba.set_num_threads(2)


def test_little_work_runs_on_one_thread() -> None:
    for work, expected in ((0, 1), (ENOUGH - 1, 1), (ENOUGH, 2), (1e15, 2)):
        with threads_for(work):
            assert numba.get_num_threads() == expected
        assert numba.get_num_threads() == 2
    for size, expected in ((10, 1), (ENOUGH // PER_VALUE, 2)):
        with threads_for_values(np.zeros(size)):
            assert numba.get_num_threads() == expected


def test_contexts_nest_and_restore_after_errors() -> None:
    with one_thread(True):
        with threads_for(ENOUGH):
            assert numba.get_num_threads() == 1, "a large kernel does not take BLAS's cores"
        with threads_for(0):
            assert numba.get_num_threads() == 1
        assert numba.get_num_threads() == 1
    with one_thread(False):
        assert numba.get_num_threads() == 2
    with pytest.raises(KeyError), threads_for(0):
        raise KeyError
    assert numba.get_num_threads() == 2


def test_the_network_leaves_the_number_of_threads_as_it_was() -> None:
    for width in (4, 50):
        net = snn.MLP([snn.topology.dense(6, width)])
        snn.train(net, np.zeros((9, 6)), np.zeros(9, int), optimizer=snn.SGD(1.0), epochs=1)
        with pytest.raises(ValueError, match="X must be finite"):
            net.predict(np.full((1, 6), np.nan))
        assert numba.get_num_threads() == 2


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "3000"),
        ({"OMP_WAIT_POLICY": "active"}, "None"),
        ({"GOMP_SPINCOUNT": "1000"}, "1000"),
    ],
)
def test_threads_are_started_with_patience(variables: dict[str, str], expected: str) -> None:
    """What OpenMP sees as it is loaded; afterwards the environment is the user's again."""
    program = (
        "import os, numba; from minisnn.kernels import threads; "
        "real = numba.get_num_threads; "
        "numba.get_num_threads = lambda: (print(os.environ.get('GOMP_SPINCOUNT')), real())[1]; "
        "threads.launch(); print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    environment = {k: v for k, v in os.environ.items() if k not in module._POLICIES}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [expected, variables.get("GOMP_SPINCOUNT", "None")]


def test_importing_starts_no_threads() -> None:
    """A process that has started GNU OpenMP must not fork; importing minisnn must not start it."""
    program = "import minisnn; from numba.np.ufunc import parallel; print(parallel._is_initialized)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
