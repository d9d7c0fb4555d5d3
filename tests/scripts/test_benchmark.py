"""The benchmark: contestants are checked before they are timed, and the output is readable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import benchmark
import numpy as np
import pytest
from bench import (
    blocks,
    constructions,
    forms,
    inputs,
    many_inputs,
    measure,
    parts,
    scaling,
    small,
    steps,
    torch_layer,
)
from bench.numpy_peers import NumPyDense, SciPyCSR
from bench.ours import Ours

from minisnn.command import full_speed
from minisnn.kernels.program import operations


def test_contestants_take_turns() -> None:
    calls: list[str] = []

    def contestant(name: str) -> Any:
        return lambda n: calls.append(name)

    @contextmanager
    def limit(name: str) -> Iterator[None]:
        calls.append(f"{name} begins")
        yield

    times = measure.interleaved(
        {name: contestant(name) for name in "ab"},
        limits={name: partial(limit, name) for name in "ab"},
        rounds=3,
        seconds=1e-7,
        pause=0.0,
    )
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}
    last = [*["a begins", "a", "a"], *["b begins", "b", "b"]] * 3  # the first of two is not timed
    assert calls[-len(last) :] == last


def test_problems_have_the_density_asked_for() -> None:
    for topology in ("", "fibonacci_rotating"):
        problem = steps.make_problem((40, 50, 5), 0.2, n_samples=10, topology=topology)
        first, last = problem.masks
        assert first.shape == (50, 40)
        assert first.nnz == 400
        assert last.nnz == 250
        assert first.has_sorted_indices


def test_gradients_that_differ_are_not_timed() -> None:
    problem = steps.make_problem((6, 5, 3), 0.5, n_samples=10)
    ours = [(np.ones(m.nnz), np.ones(m.shape[0])) for m in problem.masks]
    steps.check_gradients("twin", ours, ours)
    with pytest.raises(AssertionError, match="gradients of twin in layer 2 differ from ours"):
        steps.check_gradients("twin", ours, [ours[0], (ours[1][0] * 1.01, ours[1][1])])


@pytest.mark.slow
def test_step() -> None:
    peers = [NumPyDense, SciPyCSR]  # on bytes
    result = steps.measure_step(
        (40, 50, 5), (1.0, 0.2), (1,), peers, batch_size=16, rounds=1, report=lambda _: None
    )
    measured = [(row["density"], row["data"]) for row in result["rows"]]
    assert measured == list(product((1.0, 0.2), ("bytes", "floats")))
    for row in result["rows"]:
        others = {peer.name for peer in peers} if row["data"] == "bytes" else set()
        assert set(row["milliseconds"]) == {"minisnn, sparse", "minisnn, dense on BLAS", *others}
        assert min(row["milliseconds"].values()) > 0
    text = steps.table(json.loads(json.dumps(result)))
    assert "40-50-5, batch 16, bytes, 1 thread" in text
    assert "40-50-5, batch 16, floats, 1 thread" in text
    assert text.count("faster than the best dense") == 2
    assert text.count("faster than the best sparse") == 1
    first, second = steps.plot(result).axes
    assert first.get_xlabel() == "density of the hidden layers, %"
    assert [first.get_title(), second.get_title()] == ["bytes, 1 thread", "floats, 1 thread"]


def test_parts() -> None:
    result = parts.measure_parts(
        (40, 50, 5), (0.2,), batch_size=16, rounds=1, report=lambda _: None
    )
    on_bytes, on_floats = (row["parts"] for row in result["rows"])
    assert {"input bytes", "forward bytes", "update bytes"} == on_bytes.keys() - on_floats.keys()
    assert on_floats[parts.WHOLE] > 0
    assert min(min(row["calls"].values()) for row in result["rows"]) > 0
    text = parts.table(json.loads(json.dumps(result)))
    assert "40-50-5, batch 16, us" in text
    assert "complete gradient" in text
    assert parts.NEW in text


def test_a_part_that_is_left_out_has_no_rows() -> None:
    ours = Ours(steps.make_problem((40, 50, 5), 0.2, n_samples=30), 1, 16, blas=False)
    tables = parts.left_out(ours.plan.tables, operations.COMPLETE_UPDATE)
    kept = tables.operations["last"] > tables.operations["first"]
    np.testing.assert_array_equal(~kept, tables.operations["kind"] == operations.COMPLETE_UPDATE)
    before = ours.parameters()
    ours.plan.tables = tables
    ours.steps(np.arange(16))
    unchanged = [(a == b).all() for (a, _), (b, _) in zip(before, ours.parameters(), strict=True)]
    assert unchanged == [False, True]


@pytest.mark.slow
def test_constructions() -> None:
    result = constructions.measure_constructions(
        (36, 48, 5), (1.0, 0.25), (1,), batch_size=16, rounds=1, report=lambda _: None
    )
    on_bytes, on_floats = result["rows"]  # all wiring is the same at 100 %
    assert (on_bytes["data"], on_floats["data"]) == ("bytes", "floats")
    for row in result["rows"]:
        connections = dict(row["connections"])
        assert connections.pop(constructions.DENSE) == 1728
        assert all(abs(n - 432) <= 24 for n in connections.values()), connections
    text = constructions.table(json.loads(json.dumps(result)))
    assert "fibonacci_rotating" in text
    assert "against dense" in text
    assert text.count("1.00 x") >= 4
    on_bytes, on_floats = constructions.plot(result).axes
    assert {line.get_label() for line in on_bytes.lines} == {*connections, constructions.DENSE}
    assert on_floats.get_title() == "floats, 1 thread"


def test_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "SINGLES", {(60, 50, 3): (1.0, 0.1)})
    monkeypatch.setattr(small, "N_IMAGES", 3000)
    monkeypatch.setattr(small, "EPOCHS", 2)
    result = small.measure_small(rounds=1, report=lambda _: None)
    assert len(result["rows"]) == 1
    sides = [set(row["microseconds"]) for row in result["singles"]]
    assert sides == [{"complete", "numpy"}, {"random", "regular", "numpy"}]
    assert all(0 < row["share"] < 1 for row in result["python"])
    text = small.table(json.loads(json.dumps(result)))
    assert "a step of 64-32-10" in text
    assert len(re.findall(r"^60-50-3 .* x .* x$", text, re.MULTILINE)) == 2
    assert "10 % density, 2 epochs of 3,000 images" in text


def test_many_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = partial(measure.interleaved, seconds=0.001, pause=0.0)
    monkeypatch.setattr(many_inputs, "interleaved", at_once)
    result = many_inputs.measure_many_inputs(
        (1,), n_inputs=300, hidden=(6,), n_samples=200, rounds=1, report=lambda _: None
    )
    measured = [(row["kind"], row["what"]) for row in result["rows"]]
    assert measured == list(product(("uint8", "float32"), ("predictions", "epoch")))
    for row in result["rows"]:
        assert 20 <= row["used"] <= 120
        assert len(row["milliseconds"]) == (5 if row["what"] == "predictions" else 4)
        assert min(row["milliseconds"].values()) > 0
    text = many_inputs.table(json.loads(json.dumps(result)))
    assert "200 samples of 300 inputs, 20 edges per hidden neuron, 1 thread" in text
    assert text.count("6 hidden, float32") == 2


def test_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        forms, "interleaved", partial(measure.interleaved, seconds=0.001, pause=0.0)
    )
    result = forms.measure_forms(
        (1,), n_columns=400, n_inputs=1000, n_samples=150, rounds=1, report=lambda _: None
    )
    kinds_and_densities = [(row["kind"], row["density"]) for row in result["sparse"]]
    assert kinds_and_densities == list(product(forms.KINDS, forms.DENSITIES))
    assert [row["used"] for row in result["mapped"]] == pytest.approx([1, 0.63] * 2, abs=0.05)
    for row in result["sparse"] + result["mapped"]:
        assert min(row["milliseconds"].values()) > 0
    text = forms.table(json.loads(json.dumps(result)))
    assert "An epoch of 150 samples of 400 columns, 1 thread" in text
    assert "The same of 1,000 columns, 1 thread" in text
    assert text.count("0.1 %") == 2


def test_forms_that_end_otherwise_are_not_timed() -> None:
    expected = np.array([0.5, 1.0])
    forms.check_equal({"dense": expected, "CSR": expected.copy()})
    with pytest.raises(AssertionError, match="in the form 'CSR' differ from those of 'dense'"):
        forms.check_equal({"dense": expected, "CSR": np.nextafter(expected, 2)})


def test_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command shows the tables of both parts."""
    monkeypatch.setattr(many_inputs, "measure_many_inputs", lambda *_, **options: options["rounds"])
    monkeypatch.setattr(forms, "measure_forms", lambda threads, **_: threads)
    monkeypatch.setattr(many_inputs, "table", lambda rounds: f"{rounds} rounds")
    monkeypatch.setattr(forms, "table", lambda threads: f"{threads} threads")
    assert inputs.table(inputs.measure_inputs([2], rounds=3)) == "3 rounds\n\n[2] threads"


def test_predictions_that_differ_are_not_timed() -> None:
    expected = np.array([0.5, 1.0])
    many_inputs._check("twin", "predictions", expected, expected * (1 + 1e-6))
    with pytest.raises(AssertionError, match=r"predictions of twin differ from ours by 0\.01"):
        many_inputs._check("twin", "predictions", expected, expected * 1.01)


def test_blocks() -> None:
    result = blocks.measure_blocks((40, 30), (0.5,), batch_size=16, rounds=1, seconds=0.001)
    assert [row["of_bytes"] for row in result["rows"]] == [False, True]
    for row in result["rows"]:
        assert list(row["microseconds"]) == ["1", "2", "3", "4"]  # none of fewer than 8 columns
        assert row["chosen"] >= 1
        assert row["of_chosen"] > 0
    text = blocks.table(json.loads(json.dumps(result)))
    assert "A step of 40-30-10, batch 16" in text
    assert text.count("50 %") == 2


def test_scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps = {"density, %": [2.0, 8.0], "width": [60], "hidden layers": [2], "batch": [128]}
    monkeypatch.setattr(scaling, "SWEEPS", sweeps)
    monkeypatch.setattr(scaling, "HIDDEN", 50)
    result = scaling.measure_scaling((1,), rounds=1, report=lambda _: None)
    assert len(result["rows"]) == 5
    fit = result["fits"]["1"]
    assert min(fit["microseconds"].values()) >= 0
    assert set(fit["microseconds"]) == set(scaling.TERMS)
    assert "ns for each" in scaling.table(json.loads(json.dumps(result)))
    assert len(scaling.plot(result).axes) == 4


def test_a_formula_that_holds_is_found() -> None:
    rng = np.random.default_rng(0)
    constants = np.array([5.0, 1e-3, 2e-3, 3e-3, 1e-4])
    rows = [
        {"threads": 1, "counts": list(counts), "microseconds": float(counts @ constants)}
        for counts in rng.integers(1, 10**6, (12, 5)).astype(float)
    ]
    fit = scaling._fit(rows, 1)
    assert fit["largest_error"] < 1e-6
    np.testing.assert_allclose(list(fit["microseconds"].values()), constants, rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["step", "--densities", "0"], "densities are above 0 and up to 100 %"),
        (["step", "--threads", "0"], "'0' is not positive whole numbers"),
        (["step", "--widths", "784"], "--widths needs two numbers at least"),
        (["step", "--rounds", "0"], "--batch and --rounds must be at least 1"),
        (["race"], "invalid choice: 'race'"),
    ],
)
def test_bad_options(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        benchmark.parse(arguments)
    assert message in capsys.readouterr().err


def test_the_program_prints_and_writes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in full_speed.SLOWED:
        monkeypatch.delenv(name, raising=False)
    benchmark.main(
        ["step", "--widths", "40,50,5", "--densities", "20", "--threads", "1", "--peers", "none",
         "--rounds", "1", "--output", str(tmp_path)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "minisnn, sparse" in printed
    assert "BLAS:" in printed
    document = json.loads((tmp_path / "step.json").read_text())
    assert document["command"] == "step"
    assert document["environment"]["cpu"]
    assert (tmp_path / "step.txt").read_text() == printed
    assert (tmp_path / "step.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(SystemExit):
        benchmark.main(["step", "--peers", "Abacus"])
    assert "no peer 'Abacus'; there are NumPyDense" in capsys.readouterr().err


def test_contestants_in_torch_do_the_same() -> None:
    """They have the same gradients, and all but the dense ones the same losses later, too."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    problem = steps.make_problem((40, 50, 5), 0.2, data="floats", n_samples=64)
    sides = {name: torch_layer.Side(problem, name, 16) for name in torch_layer.contestants()}
    expected = sides["SparseLinear"].gradients()
    for name, side in sides.items():
        steps.check_gradients(name, expected, side.gradients())
        side.steps(5)
        if name != "nn.Linear":
            torch.testing.assert_close(side._loss(0), sides["SparseLinear"]._loss(0))


@pytest.mark.slow
def test_torch_layer() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    before = torch.get_num_threads()
    result = torch_layer.measure_torch_layer(
        (40, 50, 5), (0.5, 0.1), (1,), batch_size=16, rounds=1, report=lambda _: None
    )
    assert torch.get_num_threads() == before
    names = torch_layer.contestants()
    assert {"SparseLinear", "SparseStack", "nn.Linear", "PyTorch CSR"} <= set(names)
    for row in result["rows"]:
        assert list(row["milliseconds"]) == [*names, torch_layer.REST]
        assert min(row["milliseconds"].values()) > 0
        assert row["ratios"]["SparseLinear"] == 1
    text = torch_layer.table(json.loads(json.dumps(result)))
    assert "40-50-5, batch 16, 1 thread" in text
    assert "best sparse peer / SparseLinear" in text
    assert "with a layer that takes no time" in text
    assert "a call of 16-8, 2 edges an input, batch 8, us" in text
