"""Hooks of MkDocs: the parts of the site that are generated from the code.

- The front page has its picture as a drawing, made of the same table.
- The reference has a page for each public package, made of what its ``__all__`` names. If a
  docstring names something public, a link leads to it.
- The Python blocks of topologies.md are run. Below each stands what it printed, and a picture and
  the measures of the ``graph`` or the ``layers`` that it made. The cards of its gallery show them.
- Fences of ``math`` become MathML, which browsers show without a script.
"""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from importlib import import_module
from itertools import chain, count
from pathlib import Path
from types import ModuleType
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # the code beside these documents, not another one installed
sys.path.insert(0, str(REPOSITORY / "docs"))

import drawings  # noqa: E402

import minisnn as snn  # noqa: E402
from minisnn import plots  # noqa: E402

PACKAGES = (
    "minisnn", "minisnn.topology", "minisnn.spectral", "minisnn.baselines", "minisnn.callbacks",
    "minisnn.experiments", "minisnn.interchange", "minisnn.reproduction", "minisnn.sklearn",
    "minisnn.datasets", "minisnn.plots", "minisnn.wiring", "minisnn.attribution",
    "minisnn.torch",
)  # fmt: skip

UNSEEN = ("minisnn.torch",)
"""Of these, packages that are read and not imported: sites are built without PyTorch."""


def on_config(config: Any) -> Any:
    """Have fences of ``math`` converted."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {})
    fences["custom_fences"] = [{"name": "math", "class": "math", "format": _formula}]
    return config


def _formula(source: str, *_: Any, **__: Any) -> str:
    return f'<div class="math">{convert(source, display="block")}</div>'


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in this folder."""
    for package in PACKAGES:
        path = f"reference/{package.rpartition('.')[2]}.md"
        files.append(File.generated(config, path, content=_reference(package)))
    return files


def _reference(package: str) -> str:
    """Return a page of what the package says of itself, and of each name that it exports."""
    lines = [f"# {package}", "", f"::: {package}", "    options: { members: false }"]
    for place in _places(package).values():
        lines += ["", f"::: {place}", "    options: { show_root_heading: true }"]
    return "\n".join(lines)


def _places(package: str) -> dict[str, str]:
    """Return where what a package exports is defined, by its name.

    What imports it may have a module of the same name.
    """
    if package in UNSEEN:
        path = REPOSITORY / package.replace(".", "/") / "__init__.py"
        imports = re.findall(r"^from \.(\w+) import (\w+)", path.read_text("utf-8"), re.MULTILINE)
        return {name: f"{package}.{module}.{name}" for module, name in imports}
    module = import_module(package)
    things = {name: getattr(module, name) for name in module.__all__ if name[0] != "_"}
    return {
        name: f"{getattr(thing, '__module__', module.__name__)}.{name}"
        for name, thing in things.items()
        if not isinstance(thing, ModuleType)
    }


def on_page_content(html: str, *, page: Any, config: Any, files: Any) -> str:
    """Have public names in the text of the reference lead to what is said of them."""
    if not page.file.src_uri.startswith("reference/"):
        return html
    places: dict[str, str] = {}
    for package in PACKAGES:
        for name, place in _places(package).items():
            places[f"{package}.{name}"] = place
            if package in ("minisnn", f"minisnn.{page.title}"):  # known without their package
                places[name] = place

    def link(match: re.Match[str]) -> str:
        owner, dot, member = match[1].rpartition(".")
        if match[1] not in places and owner not in places:
            return match[0]
        target = places.get(match[1]) or places[owner] + dot + member
        return f'<autoref optional identifier="{target}">{match[0]}</autoref>'

    # not in a table's first cell, which has the name of a parameter, nor in what is a link already
    return re.sub(r"(?<!<td>)(?<!\">)<code>([\w.]+)</code>", link, html)


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Show pages by their titles, not their files, and what the blocks of topologies.md make."""
    markdown = re.sub(
        r"\[(?:docs/)?([\w-]+\.md)\]\(",
        lambda match: f"[{files.get_file_from_path(match[1]).page.title}](",
        markdown,
    )
    if page.file.src_uri == "index.md":
        return re.sub(r"!\[(.*?)\]\(images/structure.png\)", _speeds, markdown)
    if page.file.src_uri != "topologies.md":
        return markdown
    names: dict[str, Any] = {}
    made: dict[str, list[snn.Topology]] = {}

    def with_results(match: re.Match[str]) -> str:
        names.pop("graph", None)
        names.pop("layers", None)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(match[1], page.file.src_uri, "exec"), names)
        shown = match[0]
        if printed.getvalue():
            shown += f"\n\n```text\n{printed.getvalue()}```"
        if graphs := names.get("layers", [names["graph"]] if "graph" in names else []):
            made.setdefault(graphs[0].name, graphs)
        if "graph" in names:
            shown += _picture([names["graph"]], plots.plot_topologies, config, files)
            shown += "\n\n" + _measures(names["graph"])
        if "layers" in names:
            shown += _picture(names["layers"], plots.plot_adjacency, config, files)
        return shown

    def with_drawing(match: re.Match[str]) -> str:
        drawing = drawings.adjacency(made[match[1]], f"the wiring of {match[1]}")
        return f"- [{drawing} {match[1]}](#{match[1]})"

    markdown = re.sub(r"```python\n(.*?)```", with_results, markdown, flags=re.DOTALL)
    return re.sub(r"^- \[(\w+)\]\(#\1\)", with_drawing, markdown, flags=re.MULTILINE)


def _speeds(match: re.Match[str]) -> str:
    table = REPOSITORY / "docs" / "results" / "performance" / "wiring-zen4.txt"
    speeds = drawings.speeds(table.read_text(encoding="utf-8"))
    return drawings.speed_by_density(speeds, match[1])


def _picture(graphs: list[snn.Topology], plot: Any, config: Any, files: Any) -> str:
    content = io.BytesIO()
    plot(graphs).savefig(content, format="png")
    name = graphs[0].name  # another picture may have it
    paths = chain([f"images/{name}.png"], (f"images/{name}-{k}.png" for k in count(2)))
    path = next(path for path in paths if files.get_file_from_path(path) is None)
    files.append(File.generated(config, path, content=content.getvalue()))
    return f"\n\n![the wiring of {name}]({path})"


def _measures(graph: snn.Topology) -> str:
    measures = snn.spectral.measure(graph)
    parts = "one component" if measures.n_components == 1 else f"{measures.n_components} components"
    return (
        f"{graph.n_edges} edges, {parts}, algebraic connectivity "
        f"{measures.algebraic_connectivity:.3g}, σ2 {measures.sigma2:.3g}, Ramanujan gap "
        f"{measures.ramanujan_gap:.2f}, mean path {measures.mean_path_length:.3g}."
    )
