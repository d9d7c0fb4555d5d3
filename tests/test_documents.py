"""Every example in docstrings and documents runs as it stands."""

from __future__ import annotations

import doctest
import importlib.util
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import minisnn

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(minisnn.__path__, "minisnn.")
    if not info.name.startswith("minisnn.data.")
)
HAS_TORCH = importlib.util.find_spec("torch") is not None  # no dependency of the tests: too large
NEED_TORCH = ("minisnn.interchange.torch_module",)
DOCUMENTS = sorted(
    [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
)


@pytest.mark.parametrize("name", ["minisnn", *MODULES])
def test_docstrings(name: str) -> None:
    if name in NEED_TORCH and not HAS_TORCH:
        pytest.skip("PyTorch is not installed")
    results = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert results.failed == 0


def test_docstrings_have_examples() -> None:
    finder = doctest.DocTestFinder()
    for name in minisnn.__all__:
        thing: Any = getattr(minisnn, name)
        if callable(thing) and name not in {
            "DeadNeuronWarning", "Epoch", "Evaluation", "FileFormatError", "Gradients", "load",
        }:  # fmt: skip
            examples = [test for test in finder.find(thing) if test.examples]
            assert examples, f"minisnn.{name} has no example"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The blocks of one document run one after the other, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINISNN_DATA", raising=False)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        if HAS_TORCH or "import torch" not in block:
            exec(compile(block, str(path), "exec"), names)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_left_to_fill_in(path: Path) -> None:
    assert not re.search("@@|TODO|FIXME", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_name_programs_that_exist(path: Path) -> None:
    for program in re.findall(r"python ((?:scripts|examples)/\S+\.py)", path.read_text("utf-8")):
        assert (REPOSITORY / program).exists(), f"{path.name}: {program}"
