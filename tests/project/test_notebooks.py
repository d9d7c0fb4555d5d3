"""The notebooks in examples/ run from top to bottom, in a kernel of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))

nbformat = pytest.importorskip("nbformat", reason="needs the extra test")


def read(name: str) -> Any:
    book = nbformat.read(FOLDER / name, as_version=nbformat.NO_CONVERT)
    nbformat.validate(book)
    return book


def codes(book: Any) -> list[Any]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def displayed(book: Any, kind: str = "text/html") -> list[str]:
    outputs = [output for cell in codes(book) for output in cell.outputs]
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def test_all_are_here() -> None:
    assert NAMES == ["digits.ipynb", "pathways.ipynb", "wiring_test.ipynb"]


@pytest.mark.parametrize("name", NAMES)
def test_they_are_kept_without_outputs(name: str) -> None:
    for cell in codes(read(name)):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
    pytest.importorskip("ipykernel", reason="needs the extra test")

    def run(name: str) -> Any:
        """Return an executed notebook; a cell that raises, or an assert in it, is an error."""
        book, folder = read(name), tmp_path_factory.mktemp("notebook")
        nbclient.NotebookClient(
            book, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
        outputs = [output for cell in codes(book) for output in cell.outputs]
        warned = [output.text for output in outputs if output.get("name") == "stderr"]
        assert warned == []
        return book

    return run


@pytest.mark.slow
def test_digits(run: Any) -> None:
    shown = displayed(run("digits.ipynb"))
    bars = [text for text in shown if "epoch 40 of 40, 100 %" in text]
    assert [text.count("<svg") for text in bars] == [2, 2]
    titles = ["MLP(784 -&gt; 300 -&gt; 10", "History(40 epochs", "test accuracy"]
    assert all(any(title in text for text in shown) for title in titles)


@pytest.mark.slow
def test_pathways(run: Any) -> None:
    pytest.importorskip("pandas", reason="needs the extra pandas")
    shown = displayed(run("pathways.ipynb"))
    (terms,) = [text for text in shown if "conductance" in text]
    first = terms.split("<tbody>")[1].split("</td>")[0]
    assert first.endswith(">pathway 07")
    assert any(text.count("<svg") == 1 for text in shown)  # several outputs have no accuracy


@pytest.mark.slow
def test_wiring_test(run: Any) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    pytest.importorskip("msgspec", reason="needs the extra sweep")
    book = run("wiring_test.ipynb")
    assert sum("permutation p" in text for text in displayed(book)) == 2
    assert len(displayed(book, "image/png")) == 1
