"""Every example in docstrings and documents runs unchanged."""

from __future__ import annotations

import doctest
import importlib.util
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import Any

import programs
import pytest

import minisnn
from minisnn import experiments
from minisnn.kernels.program.plan import TILES

pytestmark = pytest.mark.usefixtures("fresh_seeds")  # what is shown must not hang on them

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(minisnn.__path__, "minisnn.")
    if not info.name.startswith("minisnn.data.")
)
HAS_TORCH = importlib.util.find_spec("torch") is not None  # no dependency of the tests: too large
NEED_TORCH = ("minisnn.interchange.torch_module", "minisnn.torch")
WITHOUT_EXAMPLES = {  # what the library makes and users read; a base class; what needs a cluster
    "Answer", "Comparison", "Dataset", "Distances", "Dropped", "Epoch", "Evaluation", "Experiment",
    "Finding", "Gradients", "Measures", "Move", "Narrower", "NetworkMeasures", "Profile", "Record",
    "Results", "Rewired", "Table", "Training", "WeightMap", "cluster",
}  # fmt: skip
DOCUMENTS = sorted(
    [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
)
USUAL = {(max(TILES), "float32")}
LONG = dict.fromkeys(("pathways.md", "minisnn.reproduction.reproduce"), pytest.mark.slow)
"""Documents and modules whose examples train many networks."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=LONG.get(name, ())) for name in ("minisnn", *MODULES)]
)
def test_docstrings(name: str) -> None:
    if name.startswith(NEED_TORCH) and not HAS_TORCH:
        pytest.skip("PyTorch is not installed")
    results = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert results.failed == 0


def test_docstrings_have_examples() -> None:
    finder = doctest.DocTestFinder()
    without = () if HAS_TORCH else NEED_TORCH[1:]
    names = [name for name in ("minisnn", *MODULES) if name not in without]
    for module in map(importlib.import_module, names):
        for name in set(getattr(module, "__all__", [])) - WITHOUT_EXAMPLES:
            thing: Any = getattr(module, name)
            is_error = isinstance(thing, type) and issubclass(thing, BaseException)
            if callable(thing) and not is_error:
                examples = [test for test in finder.find(thing) if test.examples]
                assert examples, f"{module.__name__}.{name} has no example"


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=LONG.get(path.name, ()), id=path.name) for path in DOCUMENTS]
)
def test_python_blocks(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    kinds: set[tuple[int, str]],
) -> None:
    """The blocks of one document run one after the other, as a reader would type them.

    All that they run is of one precision and width of batches: a newcomer compiles once.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINISNN_DATA", raising=False)
    names: dict[str, Any] = {}
    for block in fenced("python", path):
        if HAS_TORCH or "import torch" not in block:
            exec(compile(block, str(path), "exec"), names)
    assert kinds <= USUAL
    for block in fenced("c", path):  # of a file that the document writes
        assert block.rstrip(";\n") in (tmp_path / "digits.c").read_text(encoding="utf-8")


def test_descriptions_of_sweeps() -> None:
    yaml = pytest.importorskip("yaml", reason="needs the extra sweep")
    example, entries = map(yaml.safe_load, fenced("yaml", REPOSITORY / "docs" / "sweeps.md"))
    assert len(experiments.expand(example)) == 36  # as the document says
    assert len(experiments.expand({"base": example["base"], **entries})) == 2


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_name_programs_and_options_that_exist(path: Path) -> None:
    text = path.read_text("utf-8").replace("\\\n", " ")
    for program, rest in re.findall(r"python ((?:scripts|examples)/\S+\.py)([^\n`#&]*)", text):
        assert (REPOSITORY / program).exists(), f"{path.name}: {program}"
        options = re.findall(r"--[\w-]+", rest)
        assert not options or set(options) <= options_of(program), f"{path.name}: {program}{rest}"


def fenced(language: str, path: Path) -> list[str]:
    """Return the blocks of a document that are in a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@cache
def options_of(program: str) -> set[str]:
    done = programs.run(REPOSITORY / program, "--help", cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"--[\w-]+", done.stdout))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_left_to_fill_in(path: Path) -> None:
    assert not re.search(r"@@\S|TODO|FIXME", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text(encoding="utf-8"))
    for target, anchor in links:
        if target.startswith("http"):
            continue
        page = path.parent / target if target else path
        assert page.exists(), f"{path.name}: {target}"
        if anchor:
            assert anchor in anchors_of(page), f"{path.name}: {target}#{anchor}"


@cache
def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    words = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in plain]
    return {re.sub(r"[-\s]+", "-", heading) for heading in words}
