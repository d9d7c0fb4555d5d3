"""Calls that are refused: each row of error_messages.md, and no public name without one."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import program
import pytest
from sweeping import describe

import minisnn as snn
from minisnn import command

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("error_messages.md")
LIBRARY, _, PROGRAMS = TABLE.read_text(encoding="utf-8").partition("## Programs")
ROW = re.compile(r"^\| `(.+)` \| `(.+)` \|$", re.MULTILINE)
CALLS, COMMANDS = ROW.findall(LIBRARY), ROW.findall(PROGRAMS)
SCRIPTS = sorted(
    path.name
    for path in (REPOSITORY / "scripts").glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)
COMMANDS_OF_MINISNN = [
    f"minisnn {name}" for name in command.COMMANDS if name != "mnist"
]  # run_mnist.py
PACKAGES = (
    "minisnn", "minisnn.topology", "minisnn.spectral", "minisnn.baselines", "minisnn.callbacks",
    "minisnn.experiments", "minisnn.interchange", "minisnn.reproduction", "minisnn.sklearn",
    "minisnn.datasets", "minisnn.plots", "minisnn.wiring", "minisnn.attribution",
)  # fmt: skip


def matches(shown: str, found: str) -> bool:
    """Return whether a text is what a row shows, in which … stands for anything."""
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.fullmatch(pattern, " ".join(found.split())) is not None


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Definitions of the table for its rows, which run in a folder of their own."""
    (block,) = re.findall(r"```python\n(.*?)```", LIBRARY, re.DOTALL)
    defined: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("rows"))
        exec(compile(block, TABLE.name, "exec"), defined)
        yield defined
        defined["store"].close()


@pytest.mark.parametrize(("call", "shown"), CALLS)
def test_a_call(names: dict[str, Any], call: str, shown: str) -> None:
    try:
        result = eval(call, names)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    else:
        found = f"nothing: it returned {result!r}"
    assert matches(shown, found), found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "file").touch()
    for name in ("folder", "run"):
        (folder / name).mkdir()
        (folder / name / "settings.json").write_text('{"epochs": 5}')
    (folder / "folder" / "settings.json").rename(folder / "folder" / "other")
    (folder / "sweep.json").write_text(json.dumps({"base": describe()}))
    rows = [f"{k},{k * k},n{k},{'no' if k % 3 else 'yes'}" for k in range(12)]
    (folder / "table.csv").write_text("\n".join(["a,b,name,kind", *rows]) + "\n")
    (folder / "two.csv").write_text("a,b\n1,2\n")
    snn.save(snn.MLP([snn.topology.dense(2, 2)]), folder / "net.npz")
    return folder


@pytest.mark.parametrize(("line", "shown"), COMMANDS)
def test_a_command(
    folder: Path,
    line: str,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script, *arguments = shlex.split(line)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # a program may set it
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(sys, "argv", [script])
    before = sorted(path.name for path in folder.rglob("*"))
    try:
        code = call(script, arguments)
    except SystemExit as end:  # argparse's
        code = end.code  # type: ignore[assignment]
    captured = capsys.readouterr()
    assert code in (1, 2), captured.out
    said = captured.err.splitlines()[-1]
    assert matches(shown, said[said.index("error:") :]), captured.err
    assert sorted(path.name for path in folder.rglob("*")) == before, "nothing is left behind"


def call(script: str, arguments: list[str]) -> int:
    """Return the exit code of a program, or of the command ``minisnn``."""
    if script == "minisnn":
        return command.main(arguments)
    main = importlib.import_module(script.removesuffix(".py")).main
    return program.run(main, "all", arguments)


def used_names(names: dict[str, Any]) -> set[str]:
    """Return all names in rows, those of the functions that `each` calls among them."""
    found: set[str] = set()
    for call, _ in CALLS:
        for node in ast.walk(ast.parse(call, mode="eval")):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Name):
                found.add(node.id)
                for function in names.get(node.id, ()) if node.id in GROUPS else ():
                    owner = getattr(function, "__self__", function)
                    owner = owner if isinstance(owner, type) else type(owner)
                    found |= {getattr(function, "__name__", "__call__"), owner.__name__}
    return found


GROUPS = set(re.findall(r"^(\w+) = \[", LIBRARY, re.MULTILINE))
EXEMPT = {  # what the library makes and users read; then what a training calls
    "Answer", "Attribution", "Comparison", "ConvergenceError", "DataError", "Dataset",
    "DatasetError", "DeadNeuronWarning", "Distances", "Dropped", "Epoch", "Evaluation",
    "Experiment",
    "FileFormatError", "Finding", "Gradients", "Measures", "Move", "Narrower", "NetworkMeasures",
    "NullTest", "Profile", "Record", "RepeatedGraphWarning", "Rewired", "Status", "Summary",
    "Table", "UnknownInputWarning",
    "Callback", "Training", "begin", "check_values", "coefficients", "draw", "from_arrays",
    "initial", "place_of", "predict_checked", "restore",
}  # fmt: skip


def public_things() -> dict[str, Any]:
    things = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        public = module.__all__
        things |= {
            f"{package}.{name}": getattr(module, name)
            for name in public
            if name not in EXEMPT and takes_anything(getattr(module, name))
        }
    return things


def takes_anything(thing: Any) -> bool:
    return callable(thing) and bool(inspect.signature(thing).parameters)


def methods_of(kind: type) -> list[str]:
    """Return the public methods of ours that take anything."""
    found = []
    for name, member in inspect.getmembers(kind, inspect.isroutine):
        ours = getattr(member, "__module__", None) or ""
        if name.startswith("_") or name in EXEMPT or not ours.startswith("minisnn"):
            continue
        takes = list(inspect.signature(member).parameters)
        if takes not in ([], ["self"]):
            found.append(name)
    return found


def test_every_public_function_and_method_has_a_row(names: dict[str, Any]) -> None:
    used = used_names(names)
    things = public_things()
    assert len(things) > 100
    lacking = {name for name in things if name.rpartition(".")[2] not in used}
    for name, thing in things.items():
        if isinstance(thing, type):
            lacking |= {f"{name}.{method}" for method in methods_of(thing) if method not in used}
    assert not lacking


@pytest.mark.parametrize("script", [*SCRIPTS, *COMMANDS_OF_MINISNN])
def test_every_option_of_a_program_has_a_row(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for those that take no value."""
    parsers: list[argparse.ArgumentParser] = []

    def stop(parser: argparse.ArgumentParser, *_: Any) -> None:
        parsers.append(parser)
        raise KeyboardInterrupt

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    if script in COMMANDS_OF_MINISNN:
        module = importlib.import_module(f"minisnn.command.{script.split()[1]}")
        program.run(module.main, "all", [])
    else:
        program.run(importlib.import_module(script.removesuffix(".py")).main, "all", [])
    rows = [line for line, _ in COMMANDS if f"{line} ".startswith(f"{script} ")]
    assert rows
    tried = {word.partition("=")[0] for line in rows for word in shlex.split(line)}
    for action in parsers[0]._actions:
        assert action.nargs == 0 or not action.option_strings or tried & {*action.option_strings}
