"""The stamp of the kernels' code, which tells what was compiled from it from what was not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from compiled import COMPILED_ONLY

from minisnn.kernels.machine import code_cache
from minisnn.kernels.machine.code_cache import code_stamp, source_stamp

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_stamp_changes_with_any_source_in_any_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.py", "b.py", "inner/c.py"):
        (tmp_path / name).write_text("x = 1\n")
    stamps = {source_stamp(tmp_path)}
    for name in ("b.py", "inner/c.py"):
        (tmp_path / name).write_text("x = 2\n")
        stamps.add(source_stamp(tmp_path))
    (tmp_path / "inner/c.py").rename(tmp_path / "c.py")
    stamps.add(source_stamp(tmp_path))
    assert len(stamps) == 4
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"made from a.py")
    assert source_stamp(tmp_path) in stamps


def test_the_stamp_is_that_of_the_kernels() -> None:
    kernels = REPOSITORY / "kernels"
    assert code_cache._SOURCES == source_stamp(kernels) is not None
    assert len(list(kernels.rglob("*.py"))) > 20


COMPILED = """
from minisnn.kernels.functions.dropout import key_of
key_of(1, 2, 3)
print(sum(key_of.stats.cache_misses.values()))
"""


@pytest.mark.slow
@COMPILED_ONLY
def test_a_change_in_any_sub_folder_compiles_anew(tmp_path: Path) -> None:
    for name in ("minisnn", "kernels", "data"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, tmp_path / name, symlinks=True, ignore=ignored)

    def misses() -> str:
        done = subprocess.run(
            [sys.executable, "-c", COMPILED],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "c")},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    assert [misses(), misses()] == ["1", "0"]
    stamps = {source_stamp(tmp_path / "kernels")}
    for name in ("machine", "functions", "layers", "program"):
        with open(tmp_path / "kernels" / name / "__init__.py", "a", encoding="utf-8") as file:
            file.write("# changed\n")
        stamps.add(source_stamp(tmp_path / "kernels"))
    assert code_cache._SOURCES in stamps, "the copy's own, before the changes"
    assert len(stamps) == 5
    assert misses() == "1"


def test_without_sources_the_stamp_is_of_compiled_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.pyc").write_bytes(b"one")
    before = source_stamp(tmp_path)
    (tmp_path / "inner" / "a.pyc").write_bytes(b"another")
    assert None is not before != source_stamp(tmp_path) is not None


def test_without_files_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no module")
    assert source_stamp(tmp_path) is None
    assert source_stamp(tmp_path / "nothing") is None


ARCHIVED = """
import sys
sys.path.insert(0, sys.argv[1])
import package.kernels
from minisnn.kernels.machine.code_cache import code_stamp, source_stamp
from pathlib import Path
assert source_stamp(Path(package.kernels.__file__).parent) is None
print(code_stamp("package.kernels"))
"""


@pytest.mark.slow
def test_in_an_archive_the_stamp_is_of_code(tmp_path: Path) -> None:
    """As PyInstaller and the like have it; the same in each process, whatever hashes are."""

    def stamp(name: str, constant: str, hash_seed: str) -> str:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("package/__init__.py", "")
            archive.writestr("package/kernels/__init__.py", "")
            archive.writestr("package/kernels/inner/__init__.py", "")
            text = f"def f(x):\n    return x in {{'a', 'b', 'c'}}, lambda: {constant}\n"
            archive.writestr("package/kernels/inner/a.py", text)
        done = subprocess.run(
            [sys.executable, "-c", ARCHIVED, str(tmp_path / name)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    first = stamp("one.zip", "1", "1")
    assert stamp("same.zip", "1", "2") == first != "None\n"
    assert stamp("other.zip", "2", "1") not in (first, "None\n")


def test_code_that_cannot_be_had_is_no_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_stamp("minisnn.kernels") is not None
    monkeypatch.setattr(code_cache, "_codes_of", lambda package: {})
    assert code_stamp("minisnn.kernels") is None
