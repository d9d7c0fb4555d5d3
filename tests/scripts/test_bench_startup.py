"""The benchmarks of start-up and memory. No time is asserted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench import memory, startup

from minisnn.kernels.program.records import TRAIN
from minisnn.network.execution import Execution


@pytest.mark.slow
def test_startup() -> None:
    result = startup.measure_startup(repeats=1, compilations=0)
    assert json.loads(json.dumps(result)) == result
    assert set(result["seconds"]) == {startup.NUMBA, startup.BOTH, startup.ADDED, startup.WARM}
    for seconds in result["seconds"].values():
        assert len(seconds) == 1
        assert seconds[0] > 0
    text = startup.table(result).splitlines()
    assert len(text) == 2 + len(result["seconds"])
    assert "<= 1.5 s" in text[-1]


def test_a_table_names_what_failed() -> None:
    checks = {
        startup.THIRD: {"seconds": [1.0], "error": ""},
        startup.DISK_FULL: {"seconds": [], "error": "OSError: no space"},
    }
    result = {"network": "any", "seconds": {startup.EMPTY: [99.0, 1.0]}, "checks": checks}
    *_, empty, third, full, remark = startup.table(result).splitlines()
    assert empty.split()[-1] == full.split()[-1] == "MISSED"
    assert third.split()[-1] == "met"
    assert remark == f"{startup.DISK_FULL}: OSError: no space"


def test_a_failing_process_says_why() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        startup.in_new_processes("-c", "1 / 0")


@pytest.mark.slow
def test_memory() -> None:
    network = memory.Network((300, 200, 10), 20, "constant_degree")
    result = memory.measure_memory([network], steps=1, data_bytes=1_000_000)
    assert json.loads(json.dumps(result)) == result
    (found,) = result["networks"].values()
    assert found["connections"] == 300 * 20 + 200 * 10
    assert found["data"] == 128 * 300
    assert found["peak"] >= found["resident"] > 0
    assert result["data"]["data"] == pytest.approx(1_000_000, rel=0.01)
    text = memory.table(result)
    assert "300-200-10, constant_degree 20" in text
    for part in found["parts"]:
        assert (part in text.split("counted, by part")[1]) == (part != memory.ACTIVATIONS)


def test_each_array_is_counted_once() -> None:
    net = memory.Network((300, 200, 100, 10), 20, "fibonacci_rotating").make()
    first, second, _ = net.topologies
    velocities: np.ndarray = np.zeros((1, len(net.parameters)), net.dtype)
    buffers = Execution(net.plan_for(memory.BATCH_SIZE, TRAIN), net.parameters, velocities)
    parts = memory.count(net, buffers)
    assert parts["weights"] == parts["velocities"] == net.parameter_bytes
    assert parts["topology"] == 2 * (first.n_edges + second.n_edges) + 8 * (201 + 101 + 11)
    assert parts["indices"] == 0  # they are the topologies'
    assert parts["permutation"] == 2 * parts["transposed indices"] >= 4 * second.n_edges
    assert parts[memory.ACTIVATIONS] >= 4 * memory.BATCH_SIZE * (610 + 310 + 10)
