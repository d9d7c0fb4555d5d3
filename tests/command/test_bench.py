"""``minisnn bench``: the density at which sparse and dense take the same time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commanding import Command

from minisnn.command import bench


def test_the_benchmark(command: Command) -> None:
    small = "bench", "--inputs", "30", "--hidden", "40", "--outputs", "2", "--steps", "1"
    done = command(*small, "--batch-size", "16", "--output", "bench.png")
    assert done.code == 0, done.err
    assert "training 30-40-2 is " in done.out
    assert "dense, on BLAS" in done.out
    assert Path("bench.png").read_bytes()[:4] == b"\x89PNG"
    result = json.loads(command(*small, "--batch-size", "16", "--json", "--threads", "1").out)
    assert result["density"][-1] == 1
    assert len(result["microseconds"]) == len(result["density"])
    assert result["environment"]["threads"] == 1


@pytest.mark.parametrize(
    ("sparse", "density", "said"),
    [
        ([1, 2, 4], None, "faster sparse than dense at all densities up to 80 %."),
        ([11, 12, 14], 0.0, "slower sparse than dense at all densities from 10 %."),
        ([8, 9, 11], 0.6, "faster sparse than dense below 60 % of the connections"),
    ],
)
def test_break_even(sparse: list[float], density: float | None, said: str) -> None:
    densities = np.array([0.1, 0.4, 0.8])
    found = bench.break_even(densities, np.array(sparse, float), 10.0)
    assert found == (None if density is None else pytest.approx(density))
    result: dict[str, Any] = {
        "widths": [3, 4, 2], "batch_size": 8, "break_even_density": found,
        "density": [*densities, 1.0], "microseconds": [*sparse, 10.0],
    }  # fmt: skip
    assert said in bench.sentence(result)
    assert len(bench.plot(result).axes) == 1
