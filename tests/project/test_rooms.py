"""The order of the packages: a module imports only what stands on a lower floor, or beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

FLOORS = [
    {"_version", "data", "kernels.machine"},
    {"kernels.functions", "_support"},
    {"kernels.layers", "topology"},
    {"kernels.program", "datasets", "wiring"},
    {"network"},
    {"attribution", "training", "spectral"},
    {"callbacks", "experiments", "interchange", "measurement", "plots", "sklearn", "torch"},
    {"baselines", "reproduction"},
    {"command"},
]
"""From the ground up; modules that are not among these stand on the top floor."""

FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}


def modules() -> dict[str, Path]:
    """All modules by name, as they are installed."""
    found = {}
    for folder in ("minisnn", "kernels", "data"):
        prefix = () if folder == "minisnn" else ("minisnn",)
        for path in (REPOSITORY / folder).rglob("*.py"):
            relative = path.relative_to(REPOSITORY).with_suffix("")
            if relative.parts[:2] in (("minisnn", "kernels"), ("minisnn", "data")):
                continue  # links, which rglob follows in some versions of Python
            parts = (*prefix, *relative.parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[str]:
    """Yield the modules of ours that a module imports, wherever in it that stands."""
    path = MODULES[name]
    here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                target = f"{base}.{alias.name}"
                if target in MODULES or base in MODULES:
                    yield target if target in MODULES else base


def package(name: str) -> str:
    """Return the package, or the module that stands alone, without ``minisnn.``."""
    parts = name.split(".")[1:]
    return ".".join(parts[: 2 if parts[:1] == ["kernels"] else 1])


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 100
    assert set(map(package, MODULES)) >= set(FLOOR)
    assert "minisnn.kernels.machine.jit" in set(imports("minisnn.kernels.program.engine"))


def test_imports_go_down() -> None:
    top = len(FLOORS)
    for name in MODULES:
        for target in imports(name):
            above, below = package(name), package(target)
            if above == below:
                continue
            assert FLOOR.get(above, top) > FLOOR.get(below, top) or name == "minisnn", (
                f"{name} imports {target}, which does not stand on a lower floor"
            )


def test_imports_have_no_circle() -> None:
    graph = {name: {target for target in imports(name) if target != name} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def test_few_modules_stand_alone() -> None:
    alone = {path.stem for path in (REPOSITORY / "minisnn").glob("*.py")}
    assert len(alone - {"__init__", "_version"}) <= 5, alone
