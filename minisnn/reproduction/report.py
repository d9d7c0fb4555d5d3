"""The report: one HTML file that opens offline, with interactive charts and sortable tables."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .._support.extras import require
from .charts import to_plotly
from .findings import Answer, Experiment, Finding, Table
from .statistics import Interval

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #ddd; --soft: #f5f5f5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #161616; --line: #444; --soft: #222; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-top: 1px solid var(--line); padding-top: 1.5rem; margin-top: 2.5rem; }
blockquote { border-left: 4px solid var(--line); margin: 0; padding: .2rem 1rem; }
.verdict { display: inline-block; border-radius: .3rem; padding: .1rem .6rem; color: #fff;
           font-weight: 600; }
.holds { background: #00734f; } .fails { background: #a83c00; } .open { background: #595959; }
.shown { background: #005a8c; }
table { border-collapse: collapse; font-size: .9rem; margin: 1rem 0;
        font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th.text, td.text { text-align: left; } td:not(.text) { white-space: nowrap; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:hover, th button:focus-visible { text-decoration: underline; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
tbody tr:nth-child(even) { background: var(--soft); }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
.scope { border-left: 4px solid #005a8c; padding-left: .8rem; }
h3 { margin-bottom: 0; } .chart { height: 32rem; } img { max-width: 100%; }
@media (max-width: 40rem) {
  body { margin: 1rem auto; font-size: 15px; } .chart { height: 36rem; margin: 0 -.6rem; }
  th, td { padding: .25rem .4rem; } th { min-width: 4.5rem; }
  img { max-width: none; width: 54rem; }  /* to be scrolled: its letters are small */
}
"""

_SCRIPT = """
const narrow = matchMedia("(max-width: 40rem)").matches;
const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function draw(node) {  // in the page's colours: a black line is drawn in that of its letters
  const text = node.nextElementSibling.textContent;
  const chart = JSON.parse(text.replaceAll('"#000000"', JSON.stringify(color("--ink"))));
  const axis = {gridcolor: color("--line"), zerolinecolor: color("--line"), automargin: true};
  const {xaxis, yaxis, ...rest} = chart.layout;
  const layout = {
    ...rest, xaxis: {...xaxis, ...axis}, yaxis: {...yaxis, ...axis},
    font: {color: color("--ink")}, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    dragmode: narrow ? false : "zoom",  // a finger scrolls the page
  };
  const options = {responsive: true, displaylogo: false, displayModeBar: narrow ? false : "hover"};
  Plotly.react(node, chart.data, layout, options);
}
const drawAll = () => document.querySelectorAll(".chart").forEach(draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, body = head.closest("table").tBodies[0];
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const key = row => row.cells[head.cellIndex].dataset.sort;
    const number = row => parseFloat(key(row));
    const rows = [...body.rows];
    const numeric = rows.every(row => key(row) === "" || !isNaN(number(row)));
    rows.sort((a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      const order = numeric ? number(a) - number(b) : key(a).localeCompare(key(b));
      return ascending ? order : -order;
    });
    body.append(...rows);
  });
}
"""

_TEXT = ' class="text"'

_CLASSES = {
    Answer.HOLDS: "holds",
    Answer.FAILS: "fails",
    Answer.OPEN: "open",
    Answer.SHOWN: "shown",
}


def write_report(
    findings: Sequence[tuple[Experiment, Finding]],
    scope: str,
    facts: Mapping[str, str],
    appendix: Sequence[Table] = (),
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    findings : sequence of (Experiment, Finding)
        In the order of the report.
    scope : str
        Size of the evidence, shown above the verdicts.
    facts : mapping of str to str
        Circumstances: versions, machine, time.
    appendix : sequence of Table
        Tables at the end.

    Raises
    ------
    ImportError
        If plotly or Matplotlib (extra ``report``) is missing.
    """
    plotly = require("plotly.offline", "report", "the report")
    title = "Sparse Neural Networks Topologies, reproduced"
    made = "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in facts.items())
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style>",
        f"<script>{plotly.get_plotlyjs()}</script></head><body>",
        f"<h1>{title}</h1><p>A. Bourely, J. P. Boueri, K. Choromanski, 2017. Intervals are of "
        "95 %; the tests of an experiment share an error of 5 % (Holm).</p>",
        f'<p class="scope">{escape(scope)}</p>',
        _table(overview(findings)),
        *(_section(experiment, finding) for experiment, finding in findings),
        f"<h2>Versions, machine and time</h2><ul>{made}</ul>",
        *map(_table, appendix),
        f"<script>{_SCRIPT}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def overview(findings: Sequence[tuple[Experiment, Finding]]) -> Table:
    """Return the paper's statements and our verdicts, a row for each experiment."""
    return Table(
        "All experiments",
        ["experiment", "the paper says", "here"],
        [[f"{e.key} {e.title}", e.statement, f.answer.value] for e, f in findings],
    )


def _section(experiment: Experiment, finding: Finding) -> str:
    parts = [
        f'<h2 id="{experiment.key}">{experiment.key} {escape(experiment.title)}</h2>',
        f"<blockquote>{escape(experiment.statement)}</blockquote>",
        f'<p><span class="verdict {_CLASSES[finding.answer]}">{finding.answer}</span> '
        f"{escape(finding.reason)}</p>",
    ]
    for name, figure in finding.pictures.items():
        picture = f'<img alt="{escape(name)}" src="{_embedded(figure)}">'
        parts.append(f'<div class="wide">{picture}</div>')
    for chart in finding.charts:
        data = json.dumps(to_plotly(chart), allow_nan=False).replace("<", "\\u003c")
        parts.append(
            f"<h3>{escape(chart.title)}</h3>"
            f'<div class="chart" id="{chart.name}"></div>'
            f'<script type="application/json">{data}</script>'
        )
    parts += map(_table, finding.tables)
    return "\n".join(parts)


def _table(table: Table) -> str:
    texts = [isinstance(cell, str) for cell in (table.rows[0] if table.rows else table.head)]
    head = "".join(
        f'<th scope="col"{_TEXT * is_text}><button>{escape(cell)}</button></th>'
        for cell, is_text in zip(table.head, texts, strict=True)
    )
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return (
        f'<div class="wide"><table><caption>{escape(table.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(value: str | float | Interval) -> str:
    if isinstance(value, str):
        return f'<td data-sort="{escape(value)}"{_TEXT}>{escape(value)}</td>'
    number = value.value if isinstance(value, Interval) else value
    key = "" if number != number else repr(float(number))
    return f'<td data-sort="{key}">{escape(text_of(value))}</td>'


def text_of(value: str | float | Interval) -> str:
    """Return a cell as text, with a dash for a missing number."""
    if isinstance(value, str):
        return value
    if isinstance(value, Interval):
        if value.value != value.value:
            return "-"
        if abs(value.low) == float("inf"):
            return f"{value.value:.2f}"
        return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]"
    if isinstance(value, int):
        return f"{value:,}"
    return "-" if value != value else f"{value:,.6g}"


def _embedded(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
