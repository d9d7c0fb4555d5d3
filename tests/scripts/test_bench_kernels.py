"""The benchmark of single kernels: its results and output, but never the speed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from bench import kernels, machine, sparse_layer

DENSITIES, THREADS = (1.0, 0.25), (1, 2)


@pytest.fixture(scope="module")
def result() -> Any:
    """A short measurement; the kernels are checked in it, or it raises."""
    buffers = {level: min(size, 2**20) for level, size in machine.BUFFERS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "BUFFERS", buffers)
        patch.setattr(machine, "_READ", 2**20)
        patch.setattr(machine, "_MULTIPLIED", 100)
        return kernels.measure_kernels(
            (64, 96), DENSITIES, THREADS, rounds=1, seconds=0.002, pause=0, report=lambda _: None
        )


@pytest.mark.slow
def test_a_row_for_each_density_and_number_of_threads(result: Any) -> None:
    assert (result["shape"], result["batch"]) == ([64, 96], 128)
    found = [(row["density"], row["threads"]) for row in result["rows"]]
    assert found == [(density, n) for density in DENSITIES for n in THREADS]
    assert [fields["threads"] for fields in result["machines"]] == list(THREADS)
    assert json.loads(json.dumps(result)) == result


@pytest.mark.slow
def test_all_figures_are_positive(result: Any) -> None:
    for fields in result["machines"]:
        rates = [value for name, value in fields.items() if name.endswith("_gflops")]
        assert set(fields["bandwidth"]) == set(machine.BUFFERS)
        assert len(rates) == 3
        assert all(value > 0 for value in (*rates, *fields["bandwidth"].values()))
    for row in result["rows"]:
        figures = [value for value in row.values() if isinstance(value, float)]
        assert len(figures) == 1 + 5 * 3 + 2  # density, kernels with two shares each, BLAS
        assert all(0 < value < np.inf for value in figures)
        for kernel, (_, blas) in kernels.KERNELS.items():
            share = row[f"{kernel}_gflops"] / row[f"{blas}_gflops"]
            assert row[f"{kernel}_share_of_blas"] == pytest.approx(share)


def test_a_roofline_is_the_lower_of_the_two_limits() -> None:
    limits = machine.Machine(1, 100.0, {"L1": 1000.0, "DRAM": 20.0}, 90.0, 90.0)
    assert kernels.roofline(limits, "L1", 512) == 100
    assert kernels.roofline(limits, "DRAM", 512) == pytest.approx(20 / 512 * 2 * 128)


def test_what_is_wrong_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = sparse_layer.SparseLayer((30, 20), 0.5)
    with sparse_layer.ThreadPoolExecutor(2) as pool:
        for n_threads in (1, 2, 3):
            layer.contestants(n_threads, pool)
        twin = sparse_layer.twins.input_gradient
        monkeypatch.setattr(sparse_layer.twins, "input_gradient", lambda *a: 1.1 * twin(*a))
        with pytest.raises(AssertionError, match="input_gradient: what is wrong"):
            layer.contestants(1, pool)


@pytest.mark.slow
def test_table_and_plot_show_every_density(result: Any) -> None:
    text = kernels.table(result)
    starts = [line.split("  ")[0] for line in text.splitlines()]
    assert [start for start in starts if "%" in start] == ["100 %", "25 %"] * (len(THREADS) + 1)
    assert "64 -> 96, batch 128, float32, 2 threads" in text
    figure = kernels.plot(result)
    assert [axes.get_title() for axes in figure.axes] == ["1 thread", "2 threads"]
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["100 %", "25 %"]


@pytest.mark.slow
@pytest.mark.parametrize("n_panels", [1, 2])
def test_the_legend_is_within_the_picture(result: Any, n_panels: int) -> None:
    threads = THREADS[:n_panels]
    chosen = {
        name: [item for item in result[name] if item["threads"] in threads]
        for name in ("rows", "machines")
    }
    figure = kernels.plot({**result, **chosen})
    figure.draw_without_rendering()
    (legend,) = figure.legends
    extent, picture = legend.get_window_extent(), figure.bbox
    assert picture.x0 <= extent.x0 < extent.x1 <= picture.x1
