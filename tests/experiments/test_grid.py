"""Bases, lists and grids, from Python and from files."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeping import describe

from minisnn._support.archive import FileFormatError
from minisnn.experiments import Run, expand, read_description

YAML = """
base:
  data: {name: mnist_sample, samples: 300}
  hidden: [30]
  layers:
    - {topology: constant_degree, degree: 5}
    - {topology: dense}
  optimizer.peak: 0.2
grid:
  layers.0.degree: [5, 10]
  seed: [0, 1]
"""
TOML = """
[base]
data = {name = "mnist_sample", samples = 300}
hidden = [30]
layers = [{topology = "constant_degree", degree = 5}, {topology = "dense"}]
optimizer.peak = 0.2

[grid]
"layers.0.degree" = [5, 10]
seed = [0, 1]
"""


MERGES = "\n".join(
    ["k0: &k0 {key: value}"]
    + [f"k{n}: &k{n} {{<<: [{', '.join([f'*k{n - 1}'] * 9)}]}}" for n in range(1, 9)]
)
"""43 million pairs, which pyyaml would put into one list."""


def test_base_alone_is_one_run() -> None:
    assert expand({"base": describe()}) == [Run.from_dict(describe())]


def test_list_and_grid_are_combined_and_duplicates_go() -> None:
    description = {
        "base": describe(),
        "list": [
            {"layers.0.topology": "regular_rotating"},
            {"layers": [{"topology": "dense"}, {"topology": "dense"}], "optimizer": {"peak": 3}},
            {"layers.0.topology": "regular_rotating", "batch_size": 128},
        ],
        "grid": {"seed": [0, 1, 0], "optimizer.momentum": [0.5]},
    }
    found = [
        (r.layers[0].topology, r.layers[0].degree, r.seed, r.optimizer.peak)
        for r in expand(description)
    ]
    assert found == [
        ("regular_rotating", 5, 0, 0.2), ("regular_rotating", 5, 1, 0.2),
        ("dense", None, 0, 3.0), ("dense", None, 1, 3.0),
    ]  # fmt: skip
    assert {run.optimizer.momentum for run in expand(description)} == {0.5}


def test_an_entry_of_a_list_changes_nothing_in_the_others() -> None:
    entries = [{"layers.0.degree": 7}, {"seed": 1}]
    runs = expand({"base": describe(), "list": entries})
    assert [(run.layers[0].degree, run.seed) for run in runs] == [(7, 0), (5, 1)]


def test_numbers_of_numpy_are_numbers() -> None:
    grid = {"layers.0.degree": [np.int64(6)], "optimizer.peak": list(np.float32([0.25, 0.5]))}
    same = {"layers.0.degree": [6], "optimizer.peak": [0.25, 0.5]}
    assert expand({"base": describe(), "grid": grid}) == expand({"base": describe(), "grid": same})


def test_the_description_stays_as_it_is() -> None:
    description = {"base": describe(), "grid": {"layers.0.degree": [6], "data.samples": [200]}}
    before = json.dumps(description)
    expand(description)
    assert json.dumps(description) == before


def test_files_mean_the_same(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs the extra sweep")
    found = []
    for name, text in [("a.yaml", YAML), ("a.yml", YAML), ("a.toml", TOML)]:
        (tmp_path / name).write_text(text)
        found.append(read_description(tmp_path / name))
    (tmp_path / "a.json").write_text(json.dumps(found[0]))
    found.append(read_description(tmp_path / "a.json"))
    runs = [expand(description) for description in found]
    assert len(runs[0]) == 4
    assert all(item == runs[0] for item in runs)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["a.YAML", "a.Yml", "a.TOML", "a.Json"])
def test_what_editors_on_windows_write(tmp_path: Path, encoding: str, name: str) -> None:
    """A byte order mark before the text, and names in capitals."""
    if name[2] == "Y":
        pytest.importorskip("yaml", reason="needs the extra sweep")
    texts = {"Y": YAML, "T": TOML, "J": json.dumps({"base": describe(), "ÿ": "σ"})}
    (tmp_path / name).write_text(texts[name[2]] + "\n", encoding=encoding)
    (tmp_path / name.lower()).write_text(texts[name[2]], encoding="utf-8")
    assert read_description(tmp_path / name) == read_description(tmp_path / name.lower())


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(), min_size=1), st.data())
def test_a_key_that_stands_twice(content: dict[str, int], data: st.DataObject) -> None:
    """At any place in a mapping, at any depth."""
    pairs = [*content.items()]
    again = data.draw(st.sampled_from(pairs))
    pairs.insert(data.draw(st.integers(0, len(pairs))), (again[0], 7))
    inner = ", ".join(f'"{key}": {value}' for key, value in pairs)
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("json", "yaml"):
            path = Path(folder) / f"a.{ending}"
            path.write_text(f'{{"grid": [1, {{"x": {{{inner}}}}}]}}', encoding="utf-8")
            with pytest.raises(FileFormatError, match=f"the key '{again[0]}' stands twice in a ma"):
                read_description(path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["optimizer.peak", "optimizer"], "optimizer and {}optimizer.peak are a thing and a part"),
        (["layers", "seed", "layers.0.degree"], "layers and {}layers.0.degree are a thing and a"),
        (["layers.0.degree", "layers.00.degree"], "layers.0.degree and {}layers.00.degree are the"),
        (["a." * 99 + "b", "a"], "a and {}a.a."),
    ],
)
@pytest.mark.parametrize("place", ["grid", "base", "list"])
def test_a_thing_and_a_part_of_it(keys: list[str], message: str, place: str) -> None:
    """One value would undo the other, and the runs would be identical."""
    changes = {key: [{"peak": 1}] for key in keys}
    content: Any = [changes] if place == "list" else changes
    with pytest.raises(ValueError, match=re.escape(message.format("grid." * (place == "grid")))):
        expand({"base": describe(), place: content})


def test_a_base_a_list_and_a_grid_may_say_different_things_of_one_part() -> None:
    description = {
        "base": describe(),
        "list": [{"optimizer": {"peak": 3}, "layers.1.topology": "dense"}],
        "grid": {"optimizer.peak": [1, 2], "optimizer.momentum": [0.5], "layers.0.degree": [3, 4]},
    }
    assert len(expand(description)) == 4


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"base": describe(), "list": [3]}, "list.0 must be a mapping"),
        ({"base": describe(), "list": []}, "list must hold at least one entry"),
        ({"base": describe(), "grid": {"layers.x": [3]}}, "'x' is not an index below 2"),
        ({"base": describe(seed=0), "grid": {"seed.x": [3]}}, "seed.x leads nowhere: 0 has no 'x'"),
        ({"base": describe(), "grid": {"sed": [3]}}, "sed is unknown; the keys of Run are"),
        ({"base": {3: 4}}, "a key must be a text, got 3"),
        ({"grid": {"seed": [1]}}, "data is missing"),
        ({"base": {"x": json.loads("[" * 150 + "]" * 150)}}, "not be nested more than 100 deep"),
    ],
)  # fmt: skip
def test_what_is_no_sweep(description: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        expand(description)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: !!int ''", "a.yaml is not valid YAML: string index out of range"),
        ("a.yaml", "a: !!timestamp x", "a.yaml is not valid YAML: 'NoneType'"),
        ("a.yaml", "a: 1" + ":1" * 400 + ".5", "a.yaml is not valid YAML: int too large"),
        ("a.toml", "x = ", "a.toml is not valid TOML:"),
        ("a.yaml", "a: &a [*a]", "a.yaml is not valid YAML: an alias names what it is a part of"),
        ("a.yaml", "a:\n  x: 1\n  x: 3", "line 3, column 3"),
        ("a.yaml", MERGES, "a.yaml is not valid YAML: it holds more than 100000 values"),
        ("a.yaml", "[" * 10_000, "a.yaml is not valid YAML: maximum recursion"),
        ("a.yaml", "a: {<<: {x: 1}, <<: {y: 1}}", "the key '<<' stands twice"),
        ("a.toml", "x = 1\nx = 2", "a.toml is not valid TOML: Cannot overwrite a value"),
        ("b.yaml", "", "b.yaml must hold keys and values, got None"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str, message: str) -> None:
    if name.endswith("yaml"):
        pytest.importorskip("yaml", reason="needs the extra sweep")
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_description(tmp_path / name)


def test_merges_and_aliases_say_what_they_did(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs the extra sweep")
    text = "base: &b {x: 1, y: [2]}\nlist: [{<<: *b, x: 3}, *b]"
    (tmp_path / "a.yaml").write_text(text)
    found = read_description(tmp_path / "a.yaml")
    assert found == {"base": {"x": 1, "y": [2]}, "list": [{"x": 3, "y": [2]}, {"x": 1, "y": [2]}]}


def test_yaml_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "a.yaml").touch()
    with pytest.raises(ImportError, match=r"YAML needs yaml, .* pip install 'minisnn\[sweep\]'"):
        read_description(tmp_path / "a.yaml")
