"""The site builds without a warning, is complete, and loads nothing from other hosts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import minisnn as snn
from minisnn.topology import registry

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(
        find_spec("mkdocs") is None, reason="needs mkdocs: pip install 'minisnn[docs]'"
    ),
]
REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "topology", "spectral", "baselines", "callbacks", "experiments", "interchange", "reproduction",
    "sklearn", "datasets", "plots", "wiring", "attribution", "torch",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    assert "DeprecationWarning" not in done.stderr
    return folder


def read(site: Path, name: str) -> str:
    return (site / name).read_text(encoding="utf-8")


class Loaded(HTMLParser):
    """Collects what a browser loads by itself when it shows a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get("href" if tag == "link" else "src")
        if address and tag != "a":
            self.addresses.append(address)


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        addresses = Loaded(page.read_text(encoding="utf-8")).addresses
        assert len(addresses) > 3
        for address in addresses:
            assert not re.match("(https?:)?//", address), f"{page.name}: {address}"
            if page.name != "404.html":  # whose addresses begin at the host, wherever it is shown
                assert (page.parent / address.partition("?")[0]).exists(), address
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text(encoding="utf-8"))


def test_formulas_are_mathml(site: Path) -> None:
    source = (REPOSITORY / "docs" / "ideas.md").read_text(encoding="utf-8")
    page = read(site, "ideas.html")
    assert page.count("<math ") == source.count("```math") > 0
    assert r"\begin" not in page
    assert "<mi>&</mi>" not in page  # what the converter makes of an environment unknown to it


def test_the_front_page_has_a_door_for_each_visitor(site: Path) -> None:
    page = read(site, "index.html")
    cards = page[page.index('<div class="grid cards">') : page.index('id="installation"')]
    doors = re.findall(r'<a href="([\w-]+\.html)">', cards)
    names = ("researchers", "tables", "biologists", "devices")
    assert doors == [f"for-{name}.html" for name in names]
    for door in doors:
        assert '<div class="highlight"' in read(site, door)


def test_the_front_page_draws_the_measured_speeds(site: Path) -> None:
    page = read(site, "index.html")
    texts = re.findall(r"<text[^>]*>([\d.]+)(×| %)</text>", page)
    table = (REPOSITORY / "docs/results/performance/wiring-zen4.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in table.splitlines() if line.startswith("as many random")]
    measured = [(f"{float(row[-2]):.2g}", row[6]) for row in rows if row[8] == "bytes"]
    assert len(measured) == 6
    drawn = [value for value, _ in texts]
    assert list(zip(drawn[::2], drawn[1::2], strict=True)) == measured


def test_the_extra_docs_is_enough_to_build_it() -> None:
    """In an environment without the other extras, building must not ask for one of them."""
    program = """
import sys
from minisnn._support import extras
asked, require = set(), extras.require
extras.require = lambda module, extra, what: asked.add(extra) or require(module, extra, what)
sys.path.insert(0, "docs")
import hooks
for package in hooks.PACKAGES:
    hooks._reference(package)
hooks.plots.plot_adjacency([hooks.snn.topology.dense(2, 2)])
print(",".join(sorted(asked)))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["docs"][0] == f"minisnn[{done.stdout.strip()}]"


def test_names_in_the_reference_are_links(site: Path) -> None:
    page = read(site, "reference/callbacks.html")
    for name, target in (
        ("Callback", "#minisnn.training.callback.Callback"),
        ("Epoch", "minisnn.html#minisnn.training.history.Epoch"),
    ):
        assert f'href="{target}"><code>{name}</code></a>' in page
    page = read(site, "reference/minisnn.html")
    assert 'href="#minisnn.network.mlp.MLP.predict"><code>MLP.predict</code></a>' in page
    for page in map(Path.read_text, (site / "reference").glob("*.html")):
        assert "<autoref" not in page


@pytest.mark.parametrize("package", ["minisnn", *PACKAGES])
def test_the_reference_has_every_public_name(site: Path, package: str) -> None:
    if package == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed")
    module = snn if package == "minisnn" else import_module(f"minisnn.{package}")
    page = read(site, f"reference/{package}.html")
    headings = set(re.findall(r'id="minisnn[\w.]*?\.?(\w+)" class="doc doc-heading"', page))
    wanted = {
        name
        for name in module.__all__
        if not (name.startswith("_") or isinstance(getattr(module, name), ModuleType))
    }
    assert wanted <= headings


def test_the_reference_has_nothing_that_is_for_other_parts_alone(site: Path) -> None:
    page = read(site, "reference/minisnn.html")
    headings = set(re.findall(r'id="(minisnn[\w.]*)" class="doc doc-heading"', page))
    members = {heading.rpartition(".")[2] for heading in headings}
    assert {"predict", "plan_for", "parameters", "update", "rate"} <= members
    hidden = {"check_values", "place_of", "predict_checked", "structure", "coefficients", "number"}
    assert not hidden & members


def test_the_gallery_has_every_construction_and_draws_it(site: Path) -> None:
    page = read(site, "topologies.html")
    for name in registry.CONSTRUCTIONS:
        assert f'<h3 id="{name}">' in page
        assert f'src="images/{name}.png"' in page
        assert (site / "images" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert f'<a href="#{name}"><svg class="adjacency"' in page
    pictures = re.findall(r'src="(images/[^"]*)"', page)
    assert len(set(pictures)) == len(pictures), "one would show another's graph"
    assert re.search(r"fibonacci_rotating +384 +1 ", page)  # what the last block printed


@pytest.mark.parametrize("name", ["small_world", "dense", "butterfly"])
def test_a_drawing_has_the_edges_of_its_graphs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "docs"))
    drawings = import_module("drawings")
    graphs = {
        "small_world": [snn.topology.small_world(9, 7, degree=3, seed=0)],
        "dense": [snn.topology.dense(2, 5)],
        "butterfly": snn.topology.butterfly(8),
    }[name]
    drawing = drawings.adjacency(graphs, name)
    paths = re.findall(r'class="edges" d="([^"]*)"', drawing)
    for graph, path in zip(graphs, paths, strict=True):
        drawn = np.zeros(graph.shape, dtype=int)
        for left, row, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", path):
            drawn[int(row), int(left) : int(left) + int(length)] += 1
        np.testing.assert_array_equal(drawn, graph.to_dense())


def test_search_works_without_a_server(site: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs chromium")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000",
        "--dump-dom", f"{(site / 'index.html').as_uri()}?q=butterfly",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    results = re.findall(r'<a href="([^"]*)" class="md-search-result__link"', done.stdout)
    assert any("topologies.html" in result for result in results), done.stdout[-2000:]
