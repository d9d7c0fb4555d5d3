"""Facts of a release that stand in several files: versions, dependencies, Pythons."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import minisnn

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
yaml: Any = pytest.importorskip("yaml", reason="needs the extra sweep")


def read(name: str) -> Any:
    return yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version() -> None:
    citation = read("CITATION.cff")
    assert citation["version"] == minisnn.__version__
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]


def test_the_page_on_the_paper_cites_this_version() -> None:
    page = (REPOSITORY / "docs" / "paper.md").read_text(encoding="utf-8")
    assert re.findall(r"version = \{(.*?)\}", page) == [minisnn.__version__]


def test_the_recipe_has_the_same_dependencies() -> None:
    recipe = read("packaging/recipe.yaml")
    assert recipe["context"]["version"] == minisnn.__version__
    assert f">={recipe['context']['python_min']}" == PROJECT["requires-python"]
    python, *others = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert [other.replace(" ", "") for other in others] == PROJECT["dependencies"]
    assert recipe["about"]["summary"] == PROJECT["description"]


def test_all_pythons_are_tried() -> None:
    of_python = "Programming Language :: Python :: 3."
    said = {text.removeprefix(of_python) for text in PROJECT["classifiers"] if of_python in text}
    matrix = read(".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    tried = {*matrix["python"], *(each["python"] for each in matrix["include"])}
    assert tried == {f"3.{minor}" for minor in said}


def test_actions_are_pinned_to_versions() -> None:
    for path in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        used = re.findall(r"uses: (\S+)@(\S+)", path.read_text(encoding="utf-8"))
        assert used
        assert all(re.fullmatch(r"v\d+|release/v\d+", version) for _, version in used), used
