"""Published figures follow from the raw results, and what does not is named."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import recompute_results
from program import run

from minisnn.experiments import Run
from minisnn.experiments.records import Figures, LayerWeights, Outcome, Versions
from minisnn.reproduction import PROFILES, reproduce, select
from minisnn.reproduction.recompute import intervals_in, opposite
from minisnn.reproduction.reproduce import GRAPHS, TRAININGS
from minisnn.reproduction.trainings import Training, read_rows, write_rows
from minisnn.training.history import Epoch

pytest.importorskip("plotly", reason="needs the extra report")
KEYS = ["E5", "E11"]
EMPTY = "<!-- {0} --><!-- end of {0} -->"
PAGES = {
    "paper.md": "<!-- the paper in short -->It is.<!-- end of the paper in short -->\n",
    "paper-experiments.md": "".join(
        f"<!-- verdicts: {name} -->\n<!-- end of verdicts: {name} -->\n\n" for name in PROFILES
    ),
    "index.md": f"Seen from here: {EMPTY.format('the paper in short')} More.\n",
    "../README.md": f"{EMPTY.format('the paper in short')}\n",
}


def invented(runs: Sequence[Run]) -> Iterator[Outcome]:
    """Results by chance, the same for the same run."""
    for each in runs:
        accuracy, *spread = np.random.default_rng(zlib.crc32(each.to_json().encode())).random(3)
        epochs = tuple(
            Epoch(number, 1 / number, 0.1, accuracy, 1.0, 1.0, 1.0)
            for number in range(1, each.epochs + 1)
        )
        yield Outcome(
            hash=each.hash, started="now", seconds=1.0, versions=Versions(),
            figures=Figures(accuracy, accuracy, 0.1, 100, 1, 1.0), epochs=epochs,
            layers=[LayerWeights(1, -spread[0], spread[0], 0.0, spread[1])],
        )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a reproduction."""
    folder = tmp_path_factory.mktemp("paper")
    runner = invented
    reproduce(PROFILES["quick"], folder, select(KEYS), runner=runner, progress=False)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def docs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Documents with its results."""
    monkeypatch.setattr(recompute_results, "experiments_of", lambda profile: select(KEYS))
    folder = tmp_path / "docs"
    (folder / "results").mkdir(parents=True)
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    arguments = ["--docs", str(folder), "--add", str(made), "--write"]
    assert recompute_results.main(arguments) == 0
    return folder


def test_every_published_figure_follows(capsys: pytest.CaptureFixture[str]) -> None:
    assert recompute_results.main([]) == 0
    assert "every published figure follows" in capsys.readouterr().out


def test_tables_are_those_of_the_reproduction(made: Path, docs: Path) -> None:
    for path in (made / "tables").iterdir():
        if path.name != "all-networks.csv":
            assert (docs / "results" / "quick" / path.name).read_bytes() == path.read_bytes()
    assert "| E11 Pixels in a random order (ours) |" in (docs / "paper-experiments.md").read_text()
    assert len((docs / "results" / "quick" / "rates.csv").read_text().splitlines()) > 4
    assert recompute_results.main(["--docs", str(docs)]) == 0


def test_what_does_not_follow_is_named(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page = docs / "results" / TRAININGS, docs / "paper-experiments.md"
    rows = read_rows(path, Training)
    place = next(k for k, row in enumerate(rows) if row.experiments == "E11")
    rows[place] = replace(rows[place], accuracy=rows[place].accuracy - 0.2)
    write_rows(path, rows, Training)
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}It is 5 [4, 6].\n", encoding="utf-8")
    capsys.readouterr()
    assert recompute_results.main(["--docs", str(docs)]) == 1
    printed = capsys.readouterr().out
    assert "pixels-in-order-and-shuffled.csv" in printed
    assert "5 [4, 6] follows from no row" in printed
    assert "hidden-layer-of-300" not in printed


def test_signs_of_intervals(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A negative difference may be "so much below"; a positive one never has a minus."""
    tables = (docs / "results" / "quick").glob("*.csv")
    found = intervals_in("".join(path.read_text(encoding="utf-8") for path in tables))
    negative = next(each for each in found if each[0] == "-" and opposite(each) not in found)
    positive = next(each for each in found if each[0] != "-" and opposite(each) not in found)
    page = docs / "paper.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}It is {negative}: {opposite(negative)} below.\n", encoding="utf-8")
    assert recompute_results.main(["--docs", str(docs)]) == 0
    page.write_text(f"{text}It is {opposite(positive)}.\n", encoding="utf-8")
    assert recompute_results.main(["--docs", str(docs)]) == 1
    assert f"{opposite(positive)} follows from no row" in capsys.readouterr().out


def test_parts_are_added(made: Path, docs: Path, tmp_path: Path) -> None:
    """Of a profile that is trained in parts, what is whole is published."""
    path, part = docs / "results" / TRAININGS, tmp_path / "part"
    part.mkdir()
    rows = read_rows(path, Training)
    write_rows(path, [row for row in rows if row.experiments != "E11"], Training)
    write_rows(part / TRAININGS, [row for row in rows if row.experiments == "E11"], Training)
    arguments = ["--docs", str(docs), "--write"]
    recompute_results.main(arguments)
    assert "E11" not in (docs / "paper-experiments.md").read_text(encoding="utf-8")
    recompute_results.main([*arguments, "--add", str(part)])
    assert "E11" in (docs / "paper-experiments.md").read_text(encoding="utf-8")
    assert {row.run for row in read_rows(path, Training)} == {row.run for row in rows}
    assert (docs / "results" / GRAPHS).exists()


def test_rows_of_a_profile_that_was_changed(
    docs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, other = docs / "results" / TRAININGS, tmp_path / "other"
    other.mkdir()
    rows = read_rows(path, Training)
    strange = replace(rows[0], run="0123456789abcdef")
    write_rows(other / TRAININGS, [strange], Training)
    arguments = ["--docs", str(docs), "--add", str(other)]
    assert run(recompute_results.main, "report", arguments) == 1
    printed = capsys.readouterr().err
    assert "1 trainings that the profile 'quick' of this version does not ask for" in printed
    assert "such as 0123456789abcdef; reproduce again" in printed
    write_rows(path, [*rows, strange], Training)
    assert recompute_results.main(["--docs", str(docs)]) == 1
    assert "1 rows that quick does not ask for" in capsys.readouterr().out
    assert run(recompute_results.main, "report", arguments) == 1
    assert "has no rows of this version's profiles" in capsys.readouterr().err
    write_rows(other / TRAININGS, [strange, *rows], Training)  # went on from published rows
    assert recompute_results.main(arguments) == 0
    assert read_rows(path, Training) == rows


def test_the_sentence_is_that_of_the_page(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ">It is.<" in (docs.parent / "README.md").read_text(encoding="utf-8")
    page = docs / "paper.md"
    page.write_text(page.read_text(encoding="utf-8").replace("is", "was"), encoding="utf-8")
    assert recompute_results.main(["--docs", str(docs)]) == 1
    assert "index.md: the paper in short" in capsys.readouterr().out
    recompute_results.main(["--docs", str(docs), "--write"])
    index = (docs / "index.md").read_text(encoding="utf-8")
    assert index.startswith("Seen from here: <!-- the paper in short -->It was.<!--")
    assert index.endswith("--> More.\n")


def test_charts_of_the_full_profile_are_drawn(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompute_results, "PICTURED", "quick")
    (docs / "images").mkdir()
    shown = docs / "images" / "E11-shuffled.png"
    shown.write_bytes(b"before")
    recompute_results.main(["--docs", str(docs), "--write"])
    assert shown.read_bytes()[:4] == b"\x89PNG"
    assert [*shown.parent.iterdir()] == [shown]


@pytest.mark.parametrize(("times", "page"), [(0, "index.md"), (2, "paper-experiments.md")])
def test_pages_have_one_place_for_each_part(
    docs: Path, times: int, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (docs / page).write_text(PAGES[page] * times, encoding="utf-8")
    capsys.readouterr()
    assert run(recompute_results.main, "report", ["--docs", str(docs)]) == 1
    printed = capsys.readouterr().err
    assert f"{page} must have <!-- " in printed
    assert f"once, where the text belongs; it has them {times} times" in printed


def test_nothing_to_add(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(recompute_results.main, "report", ["--docs", str(docs), "--add", str(docs)]) == 1
    assert (
        "trainings.csv has no rows of this version's profiles; give the output"
        in capsys.readouterr().err
    )


def test_no_mark_within_the_text_begins_a_line() -> None:
    """A comment that begins a line would end the list or the paragraph that it stands in."""
    text = (recompute_results.DOCS / "paper.md").read_text(encoding="utf-8")
    _, _, after = text.partition("## Question")
    assert not [line for line in after.splitlines() if line.lstrip().startswith("<!--")]
