"""The programs in examples/ run, here in a small form, and print aligned tables."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from minisnn.kernels.program.plan import TILES

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = {
    "deploy": {"epochs": 1, "predictions": 3},
    "own_graph": {"seeds": 1, "epochs": 10, "samples": 300},
    "pathways": {"genes": 60, "samples": 800, "epochs": 2, "nulls": 3, "jobs": 1},
    "sparse_and_dense": {"seeds": 2, "epochs": 1, "hidden": 40},
    "torch_pathways": {"genes": 60, "pathways": 30, "processes": 10, "samples": 2000, "epochs": 9},
    "torch_pruned": {"hidden": 60, "density": 0.2, "epochs": 1},
}


def load(name: str) -> ModuleType:
    path = REPOSITORY / "examples" / f"{name}.py"
    specification = importlib.util.spec_from_file_location(f"example_{name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run(name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    load(name).main(**SMALL[name])
    return capsys.readouterr().out.splitlines()


@pytest.fixture(autouse=True)
def a_newcomer_compiles_once(kinds: set[tuple[int, str]]) -> Iterator[None]:
    """All examples have one precision and width of batches."""
    yield
    assert kinds <= {(max(TILES), "float32")}


def test_all_are_here() -> None:
    assert {path.stem for path in (REPOSITORY / "examples").glob("*.py")} == set(SMALL)


def test_deploy(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("deploy", capsys)
    assert {line[:11].strip() for line in lines} == {"graph", "trained", "saved", "asked", ""}
    assert re.search(r"\d microseconds per prediction \(median of 3\)", lines[-1])


def test_own_graph(capsys: pytest.CaptureFixture[str]) -> None:
    header, untrained, *rows = run("own_graph", capsys)
    assert {len(line) for line in [header, *rows]} == {52}
    errors = {row.split()[0]: float(row.split()[2]) for row in rows}
    assert errors.keys() == {"neighbours", "random", "complete"}
    assert float(untrained.split()[2]) == 0.2
    assert errors["neighbours"] < errors["random"]


@pytest.mark.slow
def test_pathways(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas", reason="needs the extra pandas")
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    monkeypatch.chdir(tmp_path)
    lines = run("pathways", capsys)
    areas = [
        re.search(r"^case.* AUROC (0\.\d+), accuracy (0\.\d+), held out", line) for line in lines
    ]
    assert len([area for area in areas if area]) == 2
    assert sum(line.startswith("pathway 18 in ") for line in lines) == 2
    assert any(re.search(r"^\d+ of the first \d+ genes are in pathway 18", line) for line in lines)
    assert any(re.search(r"^permutation p +\S+, \d of 3 nulls as good", line) for line in lines)
    pictures = {path.name for path in (tmp_path / "runs" / "pathways").iterdir()}
    assert pictures == {
        "pathways.csv", "wiring.png", "sankey.png", "terms.png", "genes.png", "nulls.png"
    }  # fmt: skip


def test_the_area_under_the_curve() -> None:
    pytest.importorskip("pandas", reason="needs the extra pandas")
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    rng = np.random.default_rng(0)
    y, scores = rng.integers(2, size=50), rng.integers(9, size=50) / 8  # with ties
    cases, controls = scores[y == 1], scores[y == 0]
    higher = (cases[:, None] > controls).mean() + (cases[:, None] == controls).mean() / 2
    assert load("pathways").auroc(y, scores) == pytest.approx(higher)


def test_sparse_and_dense(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("sparse_and_dense", capsys)
    assert len(lines) == 5
    assert len(set(map(len, lines))) == 1
    weights = [int(line[30:40].replace(",", "")) for line in lines[1:]]
    assert weights[0] == weights[1]
    assert abs(weights[2] - weights[0]) < 800  # one neuron more or less
    assert weights[3] == 794 * 40


@pytest.fixture
def one_thread_of_torch() -> Iterator[None]:
    torch = pytest.importorskip("torch", reason="needs the extra torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread_of_torch")
def test_torch_pathways(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("torch_pathways", capsys)
    assert len(set(map(len, lines))) == 1
    rows = [line.split() for line in lines[1:]]
    assert [row[0] for row in rows] == ["MaskedLinear", "SparseLinear"]
    masked, sparse = (int(row[1].replace(",", "")) for row in rows)
    assert masked == 60 * 30 + 30 * 10
    assert sparse == pytest.approx(20 * 30 + 10 * 10, rel=0.1)
    assert min(float(row[2]) for row in rows) > 0.75


@pytest.mark.usefixtures("one_thread_of_torch")
def test_torch_pruned(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("torch_pruned", capsys)
    assert len(set(map(len, lines))) == 1
    *_, masks, sparse = (float(line[24:34]) for line in lines[1:])
    assert min(masks, sparse) > 0.7
    assert masks == pytest.approx(sparse, abs=0.01)  # the same but for rounding
    assert lines[2].startswith("pruned to 20%")
