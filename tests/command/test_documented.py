"""Commands in the documentation: their options exist, and those of docs/command.md work."""

from __future__ import annotations

import re
import shlex
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from commanding import Command

import minisnn as snn
from minisnn.command import COMMANDS
from minisnn.command.program import Parser

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "command.md"
MODULES = {"train": "train_options", "mnist": "mnist_options"}
WITHOUT_FILES = "genes.parquet", "pathways.gmt"


def lines(path: Path) -> list[str]:
    """Return the commands in a document."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("minisnn ")]


@cache
def options_of(name: str) -> set[str]:
    parser = Parser()
    import_module(f"minisnn.command.{MODULES.get(name, name)}").add_arguments(parser)
    return {option for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("path", [REPOSITORY / "README.md", PAGE], ids=lambda path: path.name)
def test_options_exist(path: Path) -> None:
    found = [shlex.split(line, comments=True) for line in lines(path)]
    assert len(found) >= 4
    for _, name, *rest in found:
        assert name in COMMANDS
        assert {word for word in rest if word.startswith("--")} <= options_of(name), rest
    if path == PAGE:
        table = re.findall(
            r"^\| `minisnn (\w+)` \|", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert table == list(COMMANDS)


def test_the_page(command: Command) -> None:
    """Its commands run one after another, and print what it shows."""
    text = PAGE.read_text(encoding="utf-8")
    (program, _) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(program, PAGE.name, "exec"), {})
    printed = ""
    for line in lines(PAGE):
        name, *arguments = shlex.split(line.partition(" > ")[0])[1:]
        if not any(file in line for file in WITHOUT_FILES):
            done = command(name, *arguments)
            assert done.code == 0, done.err
            printed += done.out
    printed += Path("predictions.csv").read_text(encoding="utf-8")
    shown = "".join(re.findall(r"```text\n(.*?)```", text, re.DOTALL)).splitlines()
    figures = re.compile(r"Held-out|alba,|…| *…")  # of a training, whose digits depend on the CPU
    kept = [line for line in shown if not figures.match(line)]
    assert len(kept) >= 5
    for line in kept:
        assert line in printed, line
    net: Any = snn.load("flowers.npz")
    assert net.output_names == ("alba", "nigra", "rubra")
