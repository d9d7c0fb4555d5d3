"""Stored runs as a table, and as Parquet."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from sweeping import FAILING, describe, make_runs, records_of

from minisnn import experiments
from minisnn.experiments import Run, Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def test_a_list_shows_what_runs_differ_in(path: Path) -> None:
    wired = {"topology": "constant_degree", "degree": 5, "options": {"seed": 1}}
    adam = {"name": "adam", "peak": 0.2, "weight_decay": 0.01, "clip_norm": 1}
    other = {"activation": "relu", "output_activation": "softmax", "loss": "cross_entropy"}
    runs = [
        *make_runs(1),
        *make_runs(1, **other, optimizer=adam, layers=[wired, {"topology": "dense"}]),
        *make_runs(1, optimizer={"peak": 0.2, "decay": "step", "every": 2}, dtype="float64"),
        *make_runs(1, hidden=[30, 20], layers=[wired, *describe()["layers"]]),
    ]
    with Store(path, write=True) as store:
        store.add(runs)
        records = store.records(runs)
    head, _, *lines = experiments.format_records(records).splitlines()
    names = head.split()
    others = {
        *("activation", "output_activation", "loss", "dtype", "layers.0.options", "layer_seeds"),
        *(f"optimizer.{key}" for key in ("name", "decay", "momentum", "every", "factor")),
        *("optimizer.weight_decay", "optimizer.clip_norm"),
    }
    assert {*names[9:-3]} == others, "not what is the same in all runs that have it"
    cells = [dict(zip(names, re.split("  +", line), strict=False)) for line in lines]
    columns = {name: [row[name] for row in cells] for name in others}
    assert columns["optimizer.name"] == ["nesterov", "adam", "nesterov", "nesterov"]
    assert columns["optimizer.weight_decay"] == ["0", "0.01", "0", "0"]
    assert columns["optimizer.clip_norm"] == ["-", "1", "-", "-"]
    assert columns["optimizer.every"] == ["-", "-", "2", "-"]
    assert columns["loss"] == ["mse", "cross_entropy", "mse", "mse"]
    assert columns["layers.0.options"] == ["{}", '{"seed": 1}', "{}", '{"seed": 1}']
    assert experiments.format_records(records[:1]).split()[9] == "accuracy"


def test_parquet_holds_the_same(path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra sweep")
    layers = [{"topology": "dense"}, {"topology": "constant_degree", "density": 0.5}]
    experiments.sweep([*make_runs(1), *make_runs(1, layers=layers), FAILING], path)
    experiments.write_parquet(tmp_path / "a.parquet", records_of(path))
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert [row["layers.0.degree"] for row in rows] == [5, None, 31]
    assert [row["layers.1.density"] for row in rows] == [None, 0.5, None]
    assert isinstance(rows[0]["result.weights"], int)
    assert "constant_degree:50%" in experiments.format_records(records_of(path))


def test_seeds_of_any_length_are_exported(path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra sweep")
    runs = [Run.from_dict(describe(seed=seed)) for seed in (5, 2**100)]
    with Store(path, write=True) as store:
        store.add(runs)
    experiments.write_parquet(tmp_path / "a.parquet", records_of(path))
    table = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert table["seed"] == ["5", str(2**100)]
    assert table["epochs"] == [1, 1]
    assert [Run.from_dict(record.configuration) for record in records_of(path)] == runs


def test_parquet_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"needs pyarrow, .* pip install 'minisnn\[sweep\]'"):
        experiments.write_parquet(tmp_path / "a", [])
