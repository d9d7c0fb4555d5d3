"""Files that are there complete or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from minisnn.atomic import replace_file


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replace_file(path) as file:
        file.write(b"new")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def interrupted(error: type[BaseException]) -> Iterator[bytes]:
    yield b"half of the n"
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_old_file_stays_where_writing_fails(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), replace_file(path) as file:
        file.writelines(interrupted(error))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_content_is_on_the_disk_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def noted_replace(source: Path, target: Path) -> None:
        done.append("replace")
        replace(source, target)

    def noted_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("sync folder" if is_folder else "sync file")
        fsync(descriptor)

    monkeypatch.setattr(os, "replace", noted_replace)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    with replace_file(tmp_path / "file") as file:
        file.write(b"new")
    assert done[:2] == ["sync file", "replace"]
    assert done[2:] == ["sync folder"] * (os.name != "nt")


def test_a_folder_that_cannot_be_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing_fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "a network share has no such thing")

    monkeypatch.setattr(os, "fsync", refusing_fsync)
    with replace_file(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_disk_that_cannot_take_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"), replace_file(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    path, plain = tmp_path / "file", tmp_path / "plain"
    plain.write_bytes(b"")
    for wanted in (stat.S_IMODE(plain.stat().st_mode), 0o640):
        with replace_file(path):
            pass
        assert stat.S_IMODE(path.stat().st_mode) == wanted
        path.chmod(0o640)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    link.symlink_to(path)
    with replace_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["", os.devnull])
def test_only_files_are_replaced(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(OSError, match="is not a file and cannot be replaced"),
        replace_file(tmp_path / name),
    ):
        raise AssertionError
    assert Path(os.devnull).is_char_device() or os.name == "nt"


@pytest.mark.parametrize("folder", ["nowhere", "file"])
def test_a_folder_that_is_none(tmp_path: Path, folder: str) -> None:
    """The error names the file that was asked for, not the temporary one."""
    (tmp_path / "file").write_bytes(b"old")
    with (
        pytest.raises((FileNotFoundError, NotADirectoryError), match=rf"{folder}.a'$"),
        replace_file(tmp_path / folder / "a"),
    ):
        raise AssertionError


def test_a_file_that_is_write_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    if os.access(path, os.W_OK):  # root may write into any file
        monkeypatch.setattr(os, "access", lambda name, mode: mode != os.W_OK)
    with (
        pytest.raises(PermissionError, match=r"The file is write-protected: .*file'"),
        replace_file(path),
    ):
        raise AssertionError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
