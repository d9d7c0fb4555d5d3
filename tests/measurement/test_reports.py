"""Figures, tables, pictures, timings."""

from __future__ import annotations

import csv
import itertools
import pickle
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import plots, topology
from minisnn._support.environment import describe_environment
from minisnn.measurement import machine_load
from minisnn.measurement.comparison import describe_load, figures_of, format_comparison
from minisnn.measurement.machine_load import measure_load
from minisnn.measurement.timing import StepTimes, step_times, time_steps
from minisnn.training.history import write_csv


@pytest.fixture
def histories() -> dict[str, snn.History]:
    def epochs(n: int) -> list[snn.Epoch]:
        return [snn.Epoch(k + 1, 0.1 / (k + 1), 0.1, 0.5, 1.0, 2.0 + k, 9.0) for k in range(n)]

    return {"sparse": snn.History(epochs(3), 1.5), "dense": snn.History(epochs(2))}


def test_csv(tmp_path: Path, histories: dict[str, snn.History]) -> None:
    write_csv(tmp_path / "history.csv", histories)
    with open(tmp_path / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["network"] for row in rows] == ["sparse"] * 3 + ["dense"] * 2
    assert [float(row["seconds"]) for row in rows] == [2, 3, 4, 2, 3]
    assert rows[0]["validation_accuracy"] == "0.5"


def test_figures_and_their_table(histories: dict[str, snn.History]) -> None:
    nets = [
        snn.MLP([topology.regular_rotating(50, 20, 5), topology.dense(20, 10)]),
        snn.MLP([topology.dense(50, 20), topology.dense(20, 10)]),
    ]
    wall, cpu = np.array([100.0, 300.0, 200.0]), np.array([300.0, 310.0, 305.0])
    sparse_times, dense_times = StepTimes(wall / 8, cpu / 5), StepTimes(wall, cpu)
    loads = [0.02, None]
    figures = [
        figures_of("sparse", nets[0], histories["sparse"], 0.975, sparse_times, dense_times, loads),
        figures_of("dense", nets[1], snn.History(), 0.97, dense_times),
    ]
    assert figures[0].speedup_vs_dense == 8
    assert figures[0].cpu_speedup_vs_dense == pytest.approx(5)
    assert figures[0].step_cpu_microseconds == 61
    assert (figures[0].load, figures[1].load) == (0.02, None)
    assert figures[0].step_microseconds == 25
    assert figures[0].degrees == [5, 10]
    assert figures[0].topology == "regular_rotating, dense"
    assert figures[0].seconds_per_epoch == 3
    assert figures[0].training_seconds == 9
    assert figures[0].bytes == figures[0].parameter_bytes + figures[0].structure_bytes
    assert figures[1].seconds_per_epoch is None
    assert figures[1].speedup_vs_dense is None
    lines = format_comparison(figures).splitlines()
    assert len({len(line) for line in lines}) == 1, "aligned"
    assert lines[0].split() == ["sparse", "dense"]
    assert "97.50 %" in format_comparison(figures)
    assert [line.split()[-3:] for line in lines if "speed-up" in line] == [
        ["8.00", "x", "-"],
        ["5.00", "x", "-"],
    ]
    assert lines[-1].split()[-3:] == ["2", "%", "-"]


def test_figures_of_one_network(histories: dict[str, snn.History]) -> None:
    """No step is timed for them: there is nothing to compare with."""
    net = snn.MLP([topology.dense(50, 10)], seed=0)
    figures = [figures_of("sparse", net, histories["sparse"], 0.9)]
    assert figures[0].step_microseconds == 9
    assert figures[0].speedup_vs_dense is None
    assert "speed-up" not in format_comparison(figures)
    assert figures_of("sparse", net, snn.History(), 0.9).step_microseconds is None


def test_a_busy_machine_is_said(
    histories: dict[str, snn.History], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = snn.MLP([topology.dense(50, 10)], seed=0)
    clock, own, busy = itertools.count(0, 10), itertools.count(0, 8), itertools.count(0, 13)
    monkeypatch.setattr(machine_load, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(machine_load, "process_time", lambda: next(own))
    monkeypatch.setattr(machine_load, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(machine_load, "_cpus", lambda: {0, 1})
    with measure_load() as load:
        pass
    assert load.others == pytest.approx((13 - 8) / 10 / 2)
    for others, said in ((load.others, "took up to 25 % of the CPUs"), (0.1, ""), (None, "")):
        figures = [figures_of("sparse", net, histories["sparse"], 0.9, loads=[0.01, others])]
        assert said in describe_load(figures)
        assert bool(describe_load(figures)) is bool(said)


@pytest.mark.skipif(sys.platform != "linux", reason="another way to tell")
def test_the_system_tells_what_its_cpus_do() -> None:
    before, spent = machine_load._busy_seconds(), process_time()
    while process_time() - spent < 0.1:
        pass
    after = machine_load._busy_seconds()
    assert before is not None
    assert after is not None
    assert after - before >= 0.05


def test_a_time_too_short_tells_no_load() -> None:
    with measure_load() as load:
        pass
    assert load.others is None


def test_step_times_leave_the_networks_alone(rng: np.random.Generator) -> None:
    nets = [
        snn.MLP([topology.regular_rotating(12, 20, 9), topology.dense(20, 3)]),
        snn.MLP([topology.dense(12, 40), topology.dense(40, 3)]),
    ]
    before = [net.parameters.copy() for net in nets]
    times = step_times(
        nets, rng.random((50, 12)), rng.integers(0, 3, 50), optimizer=snn.SGD(1.0), steps=3
    )
    assert [len(values) for values in times] == [9, 9]
    assert all((values > 0).all() for values in times)
    (found,) = time_steps(nets[:1], rng.random((50, 12)), rng.integers(0, 3, 50), optimizer="sgd")
    assert found.wall.shape == found.cpu.shape == (9,)
    assert (found.cpu > 0).all()
    for net, parameters in zip(nets, before, strict=True):
        np.testing.assert_array_equal(net.parameters, parameters)


def test_step_times_check_each_network(rng: np.random.Generator) -> None:
    wide, narrow = snn.MLP([topology.dense(12, 9)]), snn.MLP([topology.dense(12, 3)])
    X, labels = rng.random((50, 12)), np.full(50, 8)
    with pytest.raises(ValueError, match="Y must hold labels from 0 to 2"):
        step_times([wide, narrow], X, labels, optimizer=snn.SGD(1.0))
    with pytest.raises(ValueError, match=r"X must have shape \(samples, 9\)"):
        step_times([wide, snn.MLP([topology.dense(9, 9)])], X, labels, optimizer=snn.SGD(1.0))
    with pytest.raises(ValueError, match="networks must hold at least one network"):
        step_times([], X, labels, optimizer=snn.SGD(1.0))
    with pytest.raises(ValueError, match="steps must be at least 1"):
        step_times([wide], X, labels, optimizer=snn.SGD(1.0), steps=0)


def test_pictures(histories: dict[str, snn.History], tmp_path: Path) -> None:
    graphs = [topology.fibonacci_rotating(784, 1000, 40), topology.dense(1000, 10)]
    pictures: dict[str, Any] = {
        "training": plots.plot_training(histories),
        "adjacency": plots.plot_adjacency(graphs),
        "step_time": plots.plot_step_times({"a": np.arange(9.0), "b": np.arange(20.0)}),
    }
    for name, figure in pictures.items():
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    left, right = pictures["training"].axes
    assert [line.get_label() for line in left.lines] == ["sparse", "dense"]
    assert list(left.lines[0].get_ydata()) == [50, 50, 50]
    assert len(right.lines) == 4
    assert len(pictures["adjacency"].axes) == 2
    small = topology.rotating(3, 4, [0, 2])
    (image,) = plots.plot_adjacency([small]).axes[0].images
    np.testing.assert_array_equal(image.get_array(), small.to_dense())
    large = topology.regular_rotating(1200, 1001, 300)
    cells = plots.plot_adjacency([large]).axes[0].images[0].get_array()
    assert cells.shape == (400, 334)
    assert 0 < cells.max() <= 1 + 1e-12
    assert cells.sum() * 9 == pytest.approx(large.n_edges)
    named = snn.Topology(3, 4, small.indptr, small.indices, name=r"$\frac$")
    for figure in (
        plots.plot_adjacency([named]),
        plots.plot_topologies([named]),
        plots.plot_training({r"$\frac$": histories["dense"]}),
        plots.plot_step_times({r"$\frac$": np.arange(9.0)}),
    ):
        figure.savefig(tmp_path / "named.png")
    without_validation = snn.History([snn.Epoch(1, 0.1, None, None, 1.0, 2.0, 9.0)])
    (axes,) = plots.plot_training(without_validation).axes
    assert axes.get_title() == "Loss"
    assert [line.get_label() for line in axes.lines] == ["training"]


@pytest.mark.parametrize("several", [None, [snn.History()], (), "history", snn.Epoch])
def test_histories_to_draw_are_one_or_have_names(several: Any) -> None:
    message = r"must be a History, or a mapping of names to some, such as \{'sparse': history, 'den"
    with pytest.raises(TypeError, match=message):
        plots.plot_training(several)
    with pytest.raises(ValueError, match="histories must hold one at least, got none"):
        plots.plot_training({})


def test_a_picture_of_one_epoch(histories: dict[str, snn.History]) -> None:
    """A line through one point shows nothing."""
    pytest.importorskip("matplotlib")
    pictures = [
        plots.plot_training(snn.History(histories["dense"].epochs[:n])).axes[1] for n in (1, 2)
    ]
    assert [axes.lines[0].get_marker() for axes in pictures] == ["o", ""]
    assert not pictures[0].get_ylabel(), "which loss it is, no history says"
    assert all(tick == int(tick) for axes in pictures for tick in axes.get_xticks())


def test_a_picture_shows_itself(histories: dict[str, snn.History]) -> None:
    """IPython shows no figure that pyplot has not made, unless it says how."""
    figure = plots.plot_training(histories["sparse"])
    assert figure._repr_png_()[:4] == b"\x89PNG"
    assert pickle.loads(pickle.dumps(figure)).axes[0].get_title() == "Test accuracy"
    matplotlib_figure = pytest.importorskip("matplotlib.figure")
    assert isinstance(figure, matplotlib_figure.Figure)


def test_environment(threads: Any) -> None:
    threads(1)
    environment = describe_environment()
    assert environment["threads"] == 1
    names = {"minisnn", "python", "numpy", "numba", "llvmlite", "scipy"}
    assert set(environment["versions"]) == names
    assert environment["versions"]["minisnn"] == snn.__version__
    assert environment["cpu"]
    assert environment["blas"][0]["threads"] >= 1
