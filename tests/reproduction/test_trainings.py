"""Raw results: written and read to the bit, and joined from parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minisnn import topology
from minisnn._support.archive import FileFormatError
from minisnn.reproduction import PROFILES
from minisnn.reproduction.profiles import DENSE
from minisnn.reproduction.trainings import (
    MeasuredGraph,
    Training,
    measured,
    merged,
    name_of,
    read_rows,
    recipe_of,
    write_rows,
)

ROW = Training(
    profile="quick", experiments="E2", run="0123", data="mnist", order=None, judged="test",
    hidden="100", layers="dense,dense", wiring="dense", degree=None, density=1.0, fan="degree",
    dropout="0 0", epochs=3, seed=0, rate=1 / 3, weights=7, accuracy=0.1 + 0.2,
    quarter=float("nan"), loss=0.25, lowest=-1e-30, highest=1.0, deviation=0.5, seconds=1.0,
    commit="abc", version="0.1", cpu="any",
)  # fmt: skip


def test_rows_are_read_as_they_were(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = [replace(ROW, accuracy=float(x), order=k or None) for k, x in enumerate(rng.random(9))]
    write_rows(tmp_path / "rows.csv", rows, Training)
    assert repr(read_rows(tmp_path / "rows.csv", Training)) == repr(rows)
    assert read_rows(tmp_path / "none.csv", Training) == []


@pytest.mark.parametrize("change", [("epochs", "turns"), (",3,", ",many,")])
def test_other_tables_are_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "rows.csv"
    write_rows(path, [ROW], Training)
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(FileFormatError, match="is no table of Training rows"):
        read_rows(path, Training)


def test_rows_of_before_are_of_the_papers_recipe(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_rows(path, [ROW], Training)
    lines = [line.rpartition(",")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert "recipe" not in lines[0]
    assert [row.recipe for row in read_rows(path, Training)] == [
        recipe_of(PROFILES["quick"].seeded([DENSE, DENSE])[0])
    ]


def test_parts_are_joined() -> None:
    """A training that is there keeps its commit; one at another rate takes its place."""
    before = [ROW, replace(ROW, run="4567")]
    now: list[Any] = [
        replace(ROW, commit="def", experiments="E4"), replace(ROW, run="4567", rate=1.0),
        replace(ROW, run="89ab", commit="def"),
    ]  # fmt: skip
    assert repr(merged(before, now)) == repr(
        [replace(ROW, experiments="E2 E4"), replace(ROW, run="4567", rate=1.0), now[2]]
    )


def test_a_graph_has_one_name() -> None:
    regular, fibonacci = (
        topology.make(name, 28, 35, 2) for name in ("regular_rotating", "fibonacci_rotating")
    )
    assert name_of(regular) == name_of(fibonacci)
    assert name_of(regular) != name_of(topology.make("regular_rotating", 28, 35, 3))
    row = measured(regular)
    assert row.graph == name_of(regular)
    assert row.density == regular.density
    assert isinstance(row, MeasuredGraph)
