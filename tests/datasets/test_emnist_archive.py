"""EMNIST's archive: one download, of which no more is read than a set needs; bad archives."""

from __future__ import annotations

import gzip
import hashlib
import logging
import re
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from idx_files import idx
from tiny_datasets import N_TRAIN, Mirror, check, put, tiny_row, zipped

from minisnn.datasets import DatasetError, load
from minisnn.datasets.table import TABLE
from minisnn.datasets.zip_members import read_members

EMNIST = [name for name in TABLE if name.startswith("emnist")]


def test_all_of_emnist_is_one_download(
    monkeypatch: pytest.MonkeyPatch, mirror: Mirror, cache: Path
) -> None:
    """Of its archive, no more is read than a set needs, and nothing is unpacked."""
    rows, members = {}, {}
    for name in EMNIST:
        rows[name], files = tiny_row(name)
        members |= {member: gzip.compress(content) for member, content in files.items()}
    content = zipped(members)
    (archive,) = rows[EMNIST[0]].sums
    mirror.files = {archive: content}
    read: list[str] = []
    opened = zipfile.ZipFile.open

    def noted(self: Any, name: Any, *arguments: Any, **options: Any) -> Any:
        read.append(name.filename)
        return opened(self, name, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", noted)
    for name, row in rows.items():
        sums = {archive: hashlib.sha256(content).hexdigest()}
        new = replace(row, sums=sums, archive_size=len(content), addresses=(mirror.url,))
        monkeypatch.setitem(TABLE, name, new)
        read.clear()
        check(load(name), new, {each: gzip.decompress(members[each]) for each in new.members})
        assert read == list(new.members)
    assert mirror.requests == [archive]
    assert [path.name for path in (cache / "emnist").iterdir()] == [archive]


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    """Return a function that puts an archive there as EMNIST's, with its right sum."""
    row, files = tiny_row("emnist-letters")

    def place(content: bytes) -> None:
        sums = {"gzip.zip": hashlib.sha256(content).hexdigest()}
        new = replace(row, sums=sums, archive_size=len(content))
        monkeypatch.setitem(TABLE, "emnist-letters", new)
        put(folder, new, {"gzip.zip": content})

    place.members = {name: gzip.compress(content) for name, content in files.items()}  # type: ignore[attr-defined]
    place.images = next(iter(files))  # type: ignore[attr-defined]
    return place


def bomb(n_bytes: int) -> bytes:
    return gzip.compress(bytes(n_bytes), 9)


def test_members_that_are_not_what_they_should_be(letters: Any) -> None:
    """The sum is right each time: as if whoever publishes the archive were not to be trusted."""
    members, images = letters.members, letters.images
    limit = TABLE["emnist-letters"]
    assert limit.members[0] == images
    without = {name: content for name, content in members.items() if name != images}
    for content, message in (
        (b"", "gzip.zip is a damaged zip archive, or another one: File is not a zip file"),
        (zipped(without), f"gzip.zip has no member {images}"),
        (zipped(members)[:-9], "gzip.zip is a damaged zip archive, or another one"),
        (zipped(members | {images: b"?" * 9999}), f"{images} has 9999 bytes, 5.* at most belong"),
        (zipped(members, zipfile.ZIP_BZIP2), f"{images} is compressed by method 12"),
        (zipped(members, zipfile.ZIP_LZMA), f"{images} is compressed by method 14"),
        (zipped(members | {images: bomb(2**21)}), f"{images} holds more than 4720 bytes"),
        (zipped(members | {images: b"GIF89a"}), f"{images} is not an IDX file of unsigned bytes"),
        (
            zipped(members | {images: gzip.compress(idx(np.zeros((6, 14, 56))))}),
            rf"{images} holds an array of shape \(6, 14, 56\), expected \(6, 28, 28\)",
        ),
        (zipped(members | {images: members[images][:-9]}), f"{images} is a truncated or corrupt"),
    ):
        letters(content)
        with pytest.raises(DatasetError, match=message):
            load("emnist-letters")
    letters(zipped(members))
    assert len(load("emnist-letters").train_images) == N_TRAIN


def test_a_member_that_lies_about_its_size(letters: Any) -> None:
    """Its head says 1,000 bytes, and 64 MiB come out: no more is inflated than was said."""
    images = letters.images
    content = bytearray(zipped(letters.members | {images: bytes(2**26)}))
    true = (2**26).to_bytes(4, "little")
    assert content.count(true) == 2
    letters(bytes(content.replace(true, (1000).to_bytes(4, "little"))))
    tracemalloc.start()
    with pytest.raises(DatasetError, match="damaged zip archive, or another one: Bad CRC-32"):
        load("emnist-letters")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@settings(max_examples=200)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 2**20) | st.none(),
)
@example(changes=[(111106, 1)], end=None)  # a member that begins before the file
def test_any_archive(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], end: int | None
) -> None:
    """Cut off or changed, with the right sum of what it then is: all, or the one error."""
    members = {"one": b"1" * 50, "two": bytes(range(200))}
    content = bytearray(zipped(members))
    for place, value in changes:
        content[place % len(content)] = value
    if end is not None:
        del content[end % len(content) :]
    path = tmp_path_factory.getbasetemp() / "any.zip"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    try:
        found = list(read_members(path, digest, 10_000, {"one": 50, "two": 200}))
    except DatasetError:
        assert changes or end is not None
        return
    assert [content for _, content in found] == list(members.values())


def test_an_encrypted_member(letters: Any) -> None:
    content = bytearray(zipped(letters.members))
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for found in re.finditer(re.escape(mark), bytes(content)):
            content[found.start() + offset] |= 1
    letters(bytes(content))
    with pytest.raises(DatasetError, match=r"damaged zip archive.*is encrypted"):
        load("emnist-letters")


def test_an_archive_that_is_too_large_is_not_read(folder: Path) -> None:
    (folder / "emnist").mkdir(parents=True)
    path = folder / "emnist" / "gzip.zip"
    with open(path, "wb") as file:
        file.truncate(561_753_747)
    tracemalloc.start()
    with pytest.raises(DatasetError, match="has 561753747 bytes, 561753746 at most belong there"):
        load("emnist-digits")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_mirror_whose_archive_does_not_end(
    monkeypatch: pytest.MonkeyPatch, mirror: Mirror, caplog: pytest.LogCaptureFixture
) -> None:
    row = replace(TABLE["emnist-digits"], addresses=(mirror.url,), archive_size=100)
    monkeypatch.setitem(TABLE, "emnist-digits", row)
    mirror.files = {"gzip.zip": bytes(101)}
    caplog.set_level(logging.DEBUG, "minisnn")
    with pytest.raises(DatasetError, match="a damaged file, or another one"):
        load("emnist-digits")
    assert "gives more than 100 bytes" in caplog.text
