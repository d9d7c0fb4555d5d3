"""The report as a browser sees it: drawn, sortable, without errors, from a file."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from minisnn.reproduction import Answer, Experiment, Finding, Table
from minisnn.reproduction.charts import Chart, Heatmap, Series
from minisnn.reproduction.report import write_report
from minisnn.reproduction.statistics import Interval

pytest.importorskip("plotly", reason="needs the extra report")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Debian's package chromium")

PROBE = """
<script>
window.addEventListener("load", () => setTimeout(() => {
  const button = document.querySelectorAll("table")[1].querySelectorAll("th button")[1];
  const body = button.closest("table").tBodies[0];
  const column = () => [...body.rows].map(row => row.cells[0].textContent);
  const orders = [column()];
  button.click(); orders.push(column());
  button.click(); orders.push(column());
  const drawn = [...document.querySelectorAll(".chart")].map(
    node => node.querySelectorAll(".main-svg").length > 0
      && node.querySelectorAll(".point, .hm image").length);
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({orders, drawn, errors: window.failures});
  document.body.append(found);
}, 500));
</script>
"""
LISTENER = """<script>window.failures = [];
window.addEventListener("error", event => window.failures.push(String(event.message)));
</script>"""


def a_report() -> str:
    points = [Interval(90.0, 89.0, 91.0), Interval(95.0, float("-inf"), float("inf"))]
    charts = [
        Chart("lines", "Lines & <bars>", "x", "y", [Series("one", [1, 10], points)], log_x=True,
              level=("dense", Interval(93.0, 92.0, 94.0))),
        Chart("dots", "Dots", "x", "y", [Series("a", [1, 2], [3.0, 4.0], False, ["p", "q"])]),
        Heatmap("map", "Map", "x", "y", "z", ["1", "2"], ["3"], [[5.0, 6.0]]),
    ]  # fmt: skip
    rows = [
        ["b", Interval(9.5, 9.0, 10.0)], ["a", Interval(10.25, 10.0, 11.0)], ["c", float("nan")],
    ]  # fmt: skip
    finding = Finding(
        Answer.OPEN, "because </script> of <this>", charts, [Table("T", ["k", "v"], rows)]
    )
    experiment = Experiment("E0", "A <title>", "says", lambda p: [], lambda p, r: finding)
    return write_report([(experiment, finding)], "quick: 3 seeds", {"written": "now"})


def look(path: Path, *options: str) -> str:
    assert BROWSER is not None
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000",
        "--window-size=1100,2400", f"--user-data-dir={path.parent / 'profile'}", *options,
        path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def test_in_chromium(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    text = a_report().replace("<meta charset", LISTENER + "<meta charset", 1)
    page.write_text(text.replace("</body>", PROBE + "</body>"))
    dom = look(page, "--dump-dom")
    match = re.search(r'<pre id="found">(.*?)</pre>', dom, re.S)
    assert match, "the page's scripts did not run to their end"
    assert '"errors":[]' in match[1]
    assert '"orders":[["b","a","c"],["b","a","c"],["a","b","c"]]' in match[1], "numbers as numbers"
    drawn = re.search(r'"drawn":\[(.*?)\]', match[1])
    assert drawn
    assert all(int(count) > 0 for count in drawn[1].split(",")), drawn[1]
