"""HTML for notebooks: tables, small charts, the bar."""

from __future__ import annotations

import math
import re
import sys
import types
from html.parser import HTMLParser
from itertools import chain
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisnn._support import html, notebook_bar, svg
from minisnn._support.tables import shortened


class Cells(HTMLParser):
    """The rows of a table, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.others: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data
        else:
            self.others.append(data)


texts = st.text(st.characters(exclude_categories=["C"]), max_size=8)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6), texts)
def test_all_text_comes_through(pairs: list[tuple[str, str]], title: str) -> None:
    """Whatever it is: a browser reads the same cells, and no tags but those of the table."""
    header, *rows = [list(pair) for pair in pairs]
    text = html.table(header, rows, title=title, notes=[title])
    read = Cells(text)
    assert read.rows == ([header] if any(header) else []) + rows
    assert "".join(read.others) == 2 * title
    tags = re.findall(r"<(\w+)", text)
    assert set(tags) <= {"div", "table", "thead", "tbody", "tr", "td", "th"}


def test_names_are_no_tags() -> None:
    text = html.table(["<b>"], [["<script>alert('1')</script>"]], title='"&', notes=["<i>"])
    assert not re.search("<(b|script|i)>", text)
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;" in text


def test_words_stand_to_the_left() -> None:
    text = html.table(["name", "number"], [["a", "1"]])
    assert re.findall(r"<(\w+) style=\"text-align: (\w+)", text) == [
        ("th", "left"), ("th", "right"), ("td", "left"), ("td", "right")
    ]  # fmt: skip


def test_long_tables_are_cut() -> None:
    rows = [[str(k)] for k in range(5000)]
    text = html.table(["k"], rows)
    assert len(text) < 5000
    read = [row[0] for row in Cells(text).rows]
    half = html.MOST_ROWS // 2
    assert read == ["k", *map(str, range(half)), "...", *map(str, range(5000 - half, 5000))]
    assert shortened(rows[:24], 24) == rows[:24]
    assert len(shortened(rows[:25], 24)) == 25


def test_a_table_may_have_no_rows() -> None:
    assert Cells(html.table(["a", "b"], [])).rows == [["a", "b"]]


def test_rows_are_as_long_as_the_header() -> None:
    with pytest.raises(ValueError, match="shorter"):
        html.table(["a", "b"], [["1"]])


finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.lists(st.one_of(st.none(), st.floats()), max_size=12)


def lines_of(text: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]  # type: ignore[misc]
        for line in ElementTree.fromstring(text).iter("polyline")
    ]


@given(values, values)
def test_lines_stay_within_the_chart(first: list[float | None], second: list[float | None]) -> None:
    text = svg.line_chart("loss", {"a": first, "b": second})
    drawn = [[v for v in one if v is not None and math.isfinite(v)] for one in (first, second)]
    assert bool(text) is any(len(one) > 1 for one in drawn)
    if text:
        lines = lines_of(text)
        assert sorted(map(len, lines)) == sorted(len(one) for one in drawn if len(one) > 1)
        for x, y in chain.from_iterable(lines):
            assert 52 <= x <= 290
            assert 24 <= y <= 110


def test_higher_values_stand_higher() -> None:
    (line,) = lines_of(svg.line_chart("loss", {"a": [1.0, 3.0, math.nan, 2.0]}))
    assert line == [(52, 110), (131.3, 24), (290, 67)]


def test_long_lines_are_thinned_and_end_at_the_last_value() -> None:
    (line,) = lines_of(svg.line_chart("loss", {"a": [*range(5001)]}))
    assert 100 < len(line) <= 200
    assert line[-1] == (290, 24)


def test_the_text_of_a_chart_is_escaped() -> None:
    text = svg.line_chart("<b>", {"<i>": [1, 2], "&": [2, 3]})
    words = [word.text for word in ElementTree.fromstring(text).iter("text")]
    assert {"<b>", "<i>", "&"} <= set(words)


def test_nothing_has_a_colour_of_its_own() -> None:
    """Pages are light or dark."""
    text = svg.line_chart("loss", {"a": [1, 2]}) + html.table(["a"], [["1"]], title="t")
    assert not re.search(r"#[0-9a-f]{3}|rgb|background(?!: none)|color: (?!inherit)", text)


def test_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    seconds = iter(range(1000))

    def show(data: dict[str, str], **_: Any) -> Any:
        shown.append(data)
        return types.SimpleNamespace(update=show)

    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=show))
    monkeypatch.setattr(notebook_bar, "perf_counter", lambda: next(seconds))
    bar = notebook_bar.NotebookBar(4000, "<step>", lambda: "<p></p>")
    bar.initial = 1000
    bar.update(1000)
    monkeypatch.setattr(notebook_bar, "perf_counter", lambda: 60)
    bar.update(1500)
    bar.set_description("one", refresh=False)
    bar.set_postfix_str("loss 0.5")
    bar.update(1500)
    bar.close()
    assert shown[0]["text/plain"] == "<step> 0 of 4,000, 0 %, 0:01"
    assert "&lt;step&gt;" in shown[0]["text/html"]
    assert shown[-2]["text/plain"] == "one, <step> 2,500 of 4,000, 62 %, 1:00, 1:00 left, loss 0.5"
    assert shown[-1]["text/plain"] == "one, <step> 4,000 of 4,000, 100 %, 1:00, loss 0.5"
    assert all("<p></p>" in data["text/html"] for data in shown)
    bar = notebook_bar.NotebookBar(10)
    bar.update(5)
    bar.close()  # nothing is left to do after an error
    assert shown[-1]["text/plain"] == "50 %, 0:00"
    bar = notebook_bar.NotebookBar(0, "B")  # of a download that does not say how long it is
    bar.update(1000)
    bar.close()
    assert shown[-1]["text/plain"] == "B 1,000, 0:00"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3725, "1:02:05")])
def test_times(seconds: float, text: str) -> None:
    assert notebook_bar._clock(seconds) == text
