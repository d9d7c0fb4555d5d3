"""Atomic writing: files are complete or absent."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minisnn._support import files as atomic
from minisnn._support.files import replace_file, replace_text


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


def test_text_is_utf8_with_its_own_ends_of_lines(tmp_path: Path) -> None:
    with replace_text(tmp_path / "file") as file:
        file.write("σ\r\n1\n")
    assert (tmp_path / "file").read_bytes() == "σ\r\n1\n".encode()
    with pytest.raises(TypeError, match="str"), replace_text(tmp_path / "file") as file:
        file.writelines(map(str.upper, ["other", 5]))  # type: ignore[arg-type, list-item]
    assert (tmp_path / "file").read_bytes() == "σ\r\n1\n".encode()
    assert os.listdir(tmp_path) == ["file"]


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither owners nor mounted files")


@posix
@pytest.mark.parametrize("allowed", ["all", "group", "nothing"])
def test_the_owner_stays_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    """Root may give files away, others may give them to a group of theirs."""
    given: dict[str, int] = {}
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o664)
    old, real = path.stat(), Path.stat

    def chown(name: Path, owner: int, group: int) -> None:
        if allowed == "nothing" or (allowed == "group" and owner != -1):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        given.update(owner=owner, group=group)

    def stat_of_another_group(name: Path, **options: Any) -> Any:
        found = real(name, **options)
        if name == path or allowed != "nothing":
            return found
        return os.stat_result([*found[:5], found.st_gid + 1, *found[6:10]])

    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(Path, "stat", stat_of_another_group)
    with replace_file(path) as file:
        file.write(b"new")
    monkeypatch.undo()
    owners = {"all": old.st_uid, "group": -1}
    expected = {} if allowed == "nothing" else {"owner": owners[allowed], "group": old.st_gid}
    assert given == expected
    # another group gets what all others have, not what was meant for the first
    assert stat.S_IMODE(path.stat().st_mode) == (0o644 if allowed == "nothing" else 0o664)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone may do so")
def test_root_keeps_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    path.chmod(0o640)
    with replace_file(path) as file:
        file.write(b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o640)


def refusing(code: int) -> Callable[[Any, Any], None]:
    def refuse(source: Any, target: Any) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@posix
@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_a_file_that_is_mounted_by_itself_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    number = path.stat().st_ino
    monkeypatch.setattr(os, "replace", refusing(code))
    with (
        pytest.warns(RuntimeWarning, match=rf"{path} cannot be replaced .*, so it is written in p"),
        replace_file(path) as file,
    ):
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_ino == number
    assert os.listdir(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("code", [errno.EBUSY, errno.EIO])
def test_a_new_file_or_a_broken_disk_is_no_such_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "replace", refusing(code))
    if code == errno.EIO:
        (tmp_path / "file").write_bytes(b"old")
    before = os.listdir(tmp_path)
    with pytest.raises(OSError, match=os.strerror(code)), replace_file(tmp_path / "file"):
        pass
    assert os.listdir(tmp_path) == before


@posix
def test_a_file_in_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file mounted into a container whose folders belong to root."""
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "file").write_bytes(b"old")
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    real = open

    def refusing_open(name: Any, mode: str = "r", *others: Any, **options: Any) -> Any:
        if "x" in mode:
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real(name, mode, *others, **options)

    monkeypatch.setattr("builtins.open", refusing_open)
    monkeypatch.setattr(os, "replace", refusing(errno.EACCES))
    with (
        pytest.warns(RuntimeWarning, match="written in place"),
        replace_file(folder / "file") as file,
    ):
        file.write(b"new")
    with (
        pytest.raises(PermissionError, match=r"Permission denied: .*other'$"),
        replace_file(folder / "other"),
    ):
        raise AssertionError
    monkeypatch.undo()
    assert (folder / "file").read_bytes() == b"new"
    assert (os.listdir(folder), os.listdir(elsewhere)) == (["file"], [])


@posix
def test_what_could_not_be_written_in_place_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", refusing(errno.EBUSY))
    flush, flushed = atomic._flush, []

    def failing_flush(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr(atomic, "_flush", failing_flush)
    with (
        pytest.raises(
            OSError, match=r"not to its end: .*No space left.* All of its new content is"
        ),
        pytest.warns(RuntimeWarning, match="written in place"),
        replace_file(path) as file,
    ):
        file.write(b"new")
    (kept,) = fnmatch.filter(os.listdir(tmp_path), ".minisnn-*.tmp")
    assert (tmp_path / kept).read_bytes() == b"new"


@posix
def test_a_warning_that_is_an_error_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", refusing(errno.EBUSY))
    with pytest.raises(RuntimeWarning, match="in place"), replace_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("refusals", [3, 10**9])
def test_windows_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """A scanner that has the file open for a moment does not end a training."""
    (tmp_path / "file").write_bytes(b"old")
    asked: list[str] = []
    replace = os.replace

    def replace_at_last(source: Path, target: Path) -> None:
        asked.append("replace")
        if len(asked) <= refusals:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_at_last)
    monkeypatch.setattr(atomic, "_IS_WINDOWS", True)
    monkeypatch.setattr(atomic, "_PATIENCE", 0.1 if refusals > 3 else 60)
    try:
        with replace_file(tmp_path / "file") as file:
            file.write(b"new")
    except PermissionError:
        assert refusals > 3
    assert (tmp_path / "file").read_bytes() == (b"old" if refusals > 3 else b"new")
    assert len(asked) == 4 or refusals > 3
    assert os.listdir(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("known", [True, False])
def test_macos_waits_for_the_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    calls: list[str] = []

    def fcntl(descriptor: int, command: int) -> int:
        calls.append(f"fcntl {command}")
        if not known:
            raise OSError(errno.ENOTSUP, "Operation not supported")
        return 0

    monkeypatch.setattr(atomic, "_FULL_FSYNC", 51)
    monkeypatch.setattr("fcntl.fcntl", fcntl)
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("fsync"))
    with replace_file(tmp_path / "file") as file:
        file.write(b"new")
    assert calls == (["fcntl 51"] if known else ["fcntl 51", "fsync"]) * 2
