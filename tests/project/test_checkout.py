"""Source trees without symbolic links: what Git on Windows makes, and a source distribution."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LINKS = "kernels", "data"
PROGRAM = """
import pickle, sys
import minisnn
from minisnn import data, kernels
from minisnn.kernels.machine import code_cache
from minisnn.kernels.program.engine import execute
print(minisnn.__file__, kernels.__file__, data.__file__, minisnn.kernels.machine.jit.__file__)
print(execute.__module__, minisnn.kernels is kernels, *({"kernels", "data"} & set(sys.modules)))
print(pickle.loads(pickle.dumps(code_cache.source_stamp)) is code_cache.source_stamp)
print(code_cache._SOURCES, code_cache.code_stamp("minisnn.kernels") is not None)
"""


@pytest.mark.parametrize("in_their_place", ["text files", "nothing"])
def test_the_folders_beside_minisnn_take_the_place_of_links(
    tmp_path: Path, in_their_place: str
) -> None:
    ignore = shutil.ignore_patterns("__pycache__", *LINKS)
    shutil.copytree(REPOSITORY / "minisnn", tmp_path / "minisnn", ignore=ignore)
    for name in LINKS:
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignore)
        if in_their_place == "text files":
            (tmp_path / "minisnn" / name).write_text(f"../{name}")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    files, modules, pickled, stamps = done.stdout.splitlines() or [done.stderr] * 4
    assert files.split() == [
        str(tmp_path / name)
        for name in ("minisnn/__init__.py", "kernels/__init__.py", "data/__init__.py",
                     "kernels/machine/jit.py")
    ]  # fmt: skip
    assert modules == "minisnn.kernels.program.engine True"
    assert pickled == "True"
    from minisnn.kernels.machine import code_cache

    assert stamps == f"{code_cache._SOURCES} True"


def test_there_are_no_other_links() -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("a tree without its history")
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    links = [line.split("\t")[1] for line in listed.splitlines() if line.startswith("120000")]
    assert links == ["minisnn/data", "minisnn/kernels"]
