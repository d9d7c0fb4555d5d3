"""Optimisers, schedules, initialisers, progress bars, extras: the small parts."""

from __future__ import annotations

import builtins
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn import baselines, experiments, topology
from minisnn._support import extras
from minisnn._support.progress import progress_bar
from minisnn.measurement.timing import step_times
from minisnn.network.initializers import initial_weights


def test_warm_up_decay() -> None:
    rate = snn.WarmUpDecay(peak=8.0, warm_up=0.25)
    assert rate(0, 8) == 0
    assert rate(1, 8) == 4
    assert rate(2, 8) == 8
    assert rate(5, 8) == pytest.approx(4)
    assert rate(8, 8) == pytest.approx(0)
    assert rate(9, 8) == pytest.approx(0)
    assert snn.WarmUpDecay(2.0, warm_up=0)(0, 5) == 2


def test_cosine_decay() -> None:
    rate = snn.CosineDecay(3.0, end=1.0)
    assert [rate(epoch, 8) for epoch in (0, 4, 8, 9)] == pytest.approx([3, 2, 1, 1])
    assert rate(2, 8) == pytest.approx(2 + np.sqrt(0.5)), "no straight line"


def test_step_decay() -> None:
    rate = snn.StepDecay(2.0, every=2.5, factor=0.5)
    assert [rate(epoch, 9) for epoch in (0, 2.4, 2.5, 4.9, 5)] == [2, 2, 1, 1, 0.5]


def test_warm_up_then_anything() -> None:
    constant = snn.WarmUp(2.0, share=0.25)
    assert [constant(epoch, 8) for epoch in (0, 1, 2, 5, 8)] == [0, 1, 2, 2, 2]
    steps = snn.WarmUp(snn.StepDecay(2.0, every=3), share=0.25)
    assert [steps(epoch, 8) for epoch in (1, 2, 4.9)] == [1, 2, 2]
    assert steps(5, 8) == pytest.approx(0.2)
    assert snn.WarmUp(3.0, share=0)(0, 5) == 3
    for epoch in np.linspace(0, 7, 50):
        composed = snn.WarmUp(snn.CosineDecay(3.0), share=0.3)(epoch, 7)
        assert composed == pytest.approx(snn.WarmUpDecay(3.0, warm_up=0.3)(epoch, 7))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("nesterov", snn.SGD(0.01, 0.9, nesterov=True)),
        ("sgd", snn.SGD(0.01)),
        ("adam", snn.Adam(0.001)),
    ],
)
def test_names_stand_for_optimizers_with_their_defaults(name: str, meant: Any) -> None:
    X, Y = np.random.default_rng(0).random((20, 4)), [0, 1] * 10
    nets = [snn.MLP([topology.dense(4, 2)], seed=0) for _ in range(2)]
    folded = [baselines.Reparametrised([baselines.Identity(4, 2)], seed=0) for _ in range(2)]
    for number, optimizer in enumerate((name, meant)):
        about: Any = {"optimizer": optimizer, "epochs": 2, "seed": 0}
        snn.train(nets[number], X, Y, **about)
        baselines.train_reparametrised(folded[number], X, Y, **about)
    for one, other in (nets, folded):
        assert one.parameters.tobytes() == other.parameters.tobytes()
    assert len(step_times(nets[:1], X, Y, optimizer=name, steps=1)) == 1
    described = experiments.Optimizer(name=name, peak=0.5, momentum=None).make()
    about = {"learning_rate": described.learning_rate}
    if isinstance(meant, snn.SGD):
        about["momentum"] = 0.9  # the default of descriptions, of either
    assert described == replace(meant, **about)


def test_rates_may_be_any_function() -> None:
    optimizer = snn.SGD(lambda epoch, epochs: 1 - epoch / epochs)
    assert optimizer.rate(1, 4) == 0.75
    assert snn.NesterovSGD(0.1).rate(3, 4) == 0.1
    assert snn.NesterovSGD(0.1).nesterov


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: snn.SGD(-1.0), ValueError, "learning_rate must be .* at least 0, got -1.0"),
        (lambda: snn.SGD(float("nan")), ValueError, "learning_rate must be a finite number"),
        (lambda: snn.SGD("fast"), TypeError, "learning_rate must be a number .*got 'fast'"),
        (lambda: snn.NesterovSGD(0.1, 1.0), ValueError, "momentum must be .* below 1, got 1.0"),
        (lambda: snn.SGD(0.1, weight_decay=-1), ValueError, "weight_decay must be .* got -1"),
        (lambda: snn.SGD(0.1, clip_norm=0), ValueError, "clip_norm must be above 0, .* take None"),
        (lambda: snn.Adam(clip_norm=-1.0), ValueError, "clip_norm must be a finite number"),
        (lambda: snn.Adam(-0.1), ValueError, "learning_rate must be"),
        (lambda: snn.Adam(beta_1=1.0), ValueError, "beta_1 must be .* below 1, got 1.0"),
        (lambda: snn.Adam(beta_2=-0.1), ValueError, "beta_2 must be"),
        (lambda: snn.Adam(epsilon=0), ValueError, "epsilon must be at least 1e-30, got 0; it"),
        (lambda: snn.Adam(epsilon=1e-40), ValueError, "got 1e-40; it would be 0 in float32"),
        (lambda: snn.CosineDecay(-1), ValueError, "start must be"),
        (lambda: snn.CosineDecay(1, -1), ValueError, "end must be"),
        (lambda: snn.StepDecay(-1, 1), ValueError, "start must be"),
        (lambda: snn.StepDecay(1, 0), ValueError, "every must be above 0 epochs, got 0"),
        (lambda: snn.StepDecay(1, 1, -1), ValueError, "factor must be"),
        (lambda: snn.WarmUp(-1), ValueError, "then must be"),
        (lambda: snn.WarmUp(1, 1.0), ValueError, "share must be .* below 1"),
        (lambda: snn.WarmUpDecay(-1), ValueError, "peak must be"),
        (lambda: snn.WarmUpDecay(1, 1.0), ValueError, "warm_up must be .* below 1"),
    ],
)
def test_bad_settings(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_an_update_of_unlike_vectors() -> None:
    a, b = np.zeros(5, np.float32), np.zeros(4, np.float32)
    state, wide = np.zeros((1, 5), np.float32), np.zeros((2, 5), np.float32)
    message = "must be vectors of one length and precision, and the state 1 such, got float"
    for w, v, g in (
        (a, state, b), (a, wide, a), (a, state.astype(float), a), (a.reshape(5, 1), state, a),
        (a, a, a),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            snn.SGD(0.1).update(w, v, g, 0.1)
    with pytest.raises(ValueError, match=r"lengths must be those of parts of 5 .*, got \[3, 1\]"):
        snn.SGD(0.1).update(a, state, a, 0.1, lengths=[3, 1])


@pytest.mark.parametrize("distribution", ["glorot_normal", "glorot_uniform"])
@pytest.mark.parametrize("fan", ["width", "degree"])
def test_initial_weights_have_glorots_variance(distribution: str, fan: str) -> None:
    graph = topology.constant_degree(400, 300, 30)
    weights = initial_weights(graph, distribution, fan, np.random.default_rng(0), np.float64)
    fans = 400 + 300 if fan == "width" else 30 + 400 * 30 / 300
    assert weights.shape == (12_000,)
    assert abs(weights.mean()) < 4 * np.sqrt(2 / fans / 12_000)
    assert weights.var() == pytest.approx(2 / fans, rel=0.05)
    bound = np.sqrt(6 / fans)
    if distribution == "glorot_uniform" and fan == "width":
        assert 0.99 * bound < np.abs(weights).max() <= bound
    elif distribution == "glorot_normal":
        assert np.abs(weights).max() > 1.5 * bound


@pytest.mark.parametrize("distribution", ["he_normal", "he_uniform"])
def test_initial_weights_have_hes_variance(distribution: str) -> None:
    graph = topology.constant_degree(400, 300, 30)
    for fan, fan_in in (("width", 400), ("degree", 40)):
        weights = initial_weights(graph, distribution, fan, np.random.default_rng(0), np.float64)
        assert weights.var() == pytest.approx(2 / fan_in, rel=0.05)


def test_fans_agree_where_every_edge_is_there() -> None:
    graphs = [topology.dense(20, 30), topology.regular_rotating(20, 30, 30)]
    drawn = [
        initial_weights(graph, "glorot_normal", fan, np.random.default_rng(1), np.float32)
        for graph in graphs
        for fan in ("width", "degree")
    ]
    for other in drawn[1:]:
        np.testing.assert_array_equal(drawn[0], other)


def test_fans_by_degree_are_those_of_each_edge() -> None:
    """Input 0 has 3 edges, input 1 one; output 0 has two, the others one."""
    graph = topology.from_edges(2, 3, [(0, 0), (1, 0), (0, 1), (0, 2)])
    draw = np.random.default_rng(1).standard_normal(4)
    weights = initial_weights(
        graph, "glorot_normal", "degree", np.random.default_rng(1), np.float64
    )
    np.testing.assert_allclose(weights, draw * np.sqrt(2 / np.array([5, 3, 4, 4])))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def no_tqdm(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(builtins, "__import__", no_tqdm)
    with pytest.raises(
        ImportError,
        match=r"a progress bar needs tqdm, which is not installed; get it with: "
        r"pip install 'minisnn\[progress\]'",
    ):
        progress_bar(True, 3, "step")
    with pytest.raises(ImportError, match="a plot needs nowhere"):
        extras.require("nowhere.at.all", "plot", "a plot")


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    net = snn.MLP([topology.dense(4, 2)])
    data = np.eye(4), [0, 1, 0, 1]
    snn.train(net, *data, optimizer=snn.SGD(0.1), epochs=3, batch_size=2, progress=True)
    shown = capsys.readouterr().err
    assert "epoch 3 of 3: 100%" in shown
    assert "loss 0." in shown
    for quiet in (False, None):  # None: standard error is no terminal here
        snn.train(net, *data, optimizer=snn.SGD(0.1), epochs=3, progress=quiet)
        captured = capsys.readouterr()
        assert captured.err == captured.out == ""


def test_the_bar_of_a_resumed_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Earlier work is shown, but does not count in the speed."""
    for _ in range(2):
        snn.train(
            snn.MLP([topology.dense(4, 2)]), np.eye(4), [0, 1, 0, 1], optimizer=snn.SGD(0.1),
            epochs=3, checkpoint=tmp_path / "checkpoint.npz", resume=True, progress=True,
        )  # fmt: skip
        last = capsys.readouterr().err.rpartition("\r")[2]
        assert "epoch 3 of 3: 100%" in last
        assert "loss 0." in last
    assert "<?, " in last, "no step was made, so that nothing is known of their speed"
