"""Costs of this CPU: given, kept, measured."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled import COMPILED_ONLY
from naive import random_structure

from minisnn.kernels.machine.caches import Caches
from minisnn.kernels.program import costs
from minisnn.kernels.program.blocks import choose_blocks
from minisnn.kernels.program.costs import REFERENCE, WORTH_IT, Costs, Found
from minisnn.kernels.program.reuse import Reads

MEASURED = replace(costs._THERE, near=2 * costs._THERE.near, L1=1e6, L2=-1.0)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Costs]:
    """A machine that nothing is known of; the list has what was measured."""
    made: list[Costs] = []

    def measure() -> Costs:
        made.append(MEASURED)
        return MEASURED

    monkeypatch.delenv(costs.VARIABLE)
    monkeypatch.setattr(costs, "folder", lambda: tmp_path / "kernels")
    monkeypatch.setattr(costs, "measure", measure)
    monkeypatch.setattr(costs, "_measured", [])
    monkeypatch.setattr(costs, "DISABLED", False)
    return made


def test_on_the_cpu_of_the_fit_costs_are_those_fitted() -> None:
    assert costs.scaled(costs._THERE) == REFERENCE


def test_each_cost_is_scaled_within_bounds() -> None:
    found = costs.scaled(MEASURED)
    assert found == Costs(near=72.0, far=250.0, L1=2.0, L2=1.25)


def test_a_small_product_is_not_worth_a_measurement(measured: list[Costs]) -> None:
    assert costs.costs_for(WORTH_IT - 1) == REFERENCE
    assert costs.known() is None
    assert not measured


def test_measured_once_and_kept(measured: list[Costs], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = costs.scaled(MEASURED)
    assert costs.costs_for(WORTH_IT) == expected
    monkeypatch.setattr(costs, "_measured", [])  # as in another process
    assert costs.costs_for(1) == expected
    assert costs.known() == Found(expected, "measured")
    assert len(measured) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"near": 1}', '{"near": NaN, "far": 1, "L1": 1, "L2": 1}']
)
def test_a_damaged_file_is_measured_anew(measured: list[Costs], text: str) -> None:
    costs._file().parent.mkdir()
    costs._file().write_text(text)
    assert costs.known() is None
    costs.costs_for(WORTH_IT)
    assert len(measured) == 1


def test_a_folder_that_cannot_be_written(measured: list[Costs], tmp_path: Path) -> None:
    (tmp_path / "kernels").touch()
    assert costs.costs_for(WORTH_IT) == costs.scaled(MEASURED)
    costs.costs_for(WORTH_IT)
    assert len(measured) == 1


def test_what_is_given_comes_first(measured: list[Costs], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(costs.VARIABLE, " 1, 2e1,3 ,4.5")
    assert costs.costs_for(WORTH_IT) == Costs(1.0, 20.0, 3.0, 4.5)
    assert costs.known() == Found(Costs(1.0, 20.0, 3.0, 4.5), costs.VARIABLE)
    assert not measured


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "1,2,3,0", "1,2,3,inf", "1,2,3,nan"])
def test_what_cannot_be_meant(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(costs.VARIABLE, text)
    with pytest.raises(ValueError, match=r"MINISNN_COSTS must hold four positive numbers \(near,"):
        costs.costs_for(1)


def test_cheaper_passages_make_more_blocks(rng: np.random.Generator) -> None:
    reads = Reads(*random_structure(rng, 784, 300, 0.2), 784)
    caches = Caches(L1=2**15, L2=2**20)

    def number(**changes: Any) -> int:
        return choose_blocks(reads, 512, caches, replace(REFERENCE, **changes)).number

    assert number(near=1.0) > number(near=1000.0) == 1


@COMPILED_ONLY
def test_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_TURNS", 2)
    monkeypatch.setattr(costs, "_FAR_TURNS", 1)
    assert np.isfinite(astuple(costs.measure())).all()


@pytest.mark.parametrize("n_blocks", [1, 8])
@pytest.mark.parametrize("n_columns", [32, 50])
def test_a_layer_sums_all_edges(n_columns: int, n_blocks: int) -> None:
    layer = costs._Layer(3, 64, n_columns, n_blocks)
    layer.run()
    np.testing.assert_allclose(layer._A, 64e-3, rtol=1e-5)
    assert 0 < layer.least < np.inf
