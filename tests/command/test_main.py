"""The command itself: help, wrong arguments, completion, the machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commanding import Command

import minisnn as snn
from minisnn.command import COMMANDS


def test_the_machine(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    printed = command("machine").out
    snn.show_machine()
    assert printed == capsys.readouterr().out
    facts = json.loads(command("machine", "--json").out)
    assert facts["versions"]["minisnn"] == snn.__version__
    assert len(facts["BLAS"]) == sum(len(v) > 0 for v in facts["BLAS"].values())


def test_completion_in_bash(command: Command) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    Path("completion").write_text(command("completion", "bash").out, encoding="utf-8")
    assert command("completion", "zsh").out.startswith("autoload")

    def completed(*words: str) -> list[str]:
        typed = " ".join(f'"{word}"' for word in words)
        program = (
            f"source completion; COMP_WORDS=(minisnn {typed}); COMP_CWORD={len(words)}; _minisnn; "
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            [bash, "-c", program], capture_output=True, text=True, check=True, encoding="utf-8"
        )
        return done.stdout.split()

    assert completed("") == list(COMMANDS)
    assert completed("tr") == ["train"]
    assert completed("train", "--targ") == ["--target"]
    assert completed("train", "--activation", "le") == ["leaky_relu"]
    assert completed("mnist", "--dat") == ["--data"]
    assert completed("train", "file.") == [], "a file's name is the shell's"


@pytest.mark.parametrize("name", [None, *COMMANDS])
@pytest.mark.parametrize("columns", ["80", "120"])
def test_help(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str | None, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = command(*([] if name is None else [name]), "--help")
    assert done.code == 0, done.err
    assert done.out.startswith("usage: minisnn")
    longest = max(len(line) for line in done.out.splitlines() if not line.startswith("  minisnn"))
    assert longest <= int(columns)
    if name is None:
        assert all(f"  {each} " in done.out for each in COMMANDS)


def test_wrong_commands(command: Command) -> None:
    assert command() == (2, "", "minisnn: error: the following arguments are required: COMMAND\n")
    done = command("trane")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("minisnn: error: argument COMMAND: invalid choice: 'trane'")
    assert done.err.endswith("; did you mean 'train'?\n")
    assert command("--version").out == f"minisnn {snn.__version__}\n"


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "minisnn", "show", "nothing.npz"],
        cwd=Path(snn.__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 2] No such file or directory: 'nothing.npz'\n"
