"""IDX files: read without trust."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from idx_files import idx

from minisnn.datasets import DatasetError
from minisnn.idx import parse_idx, read_bytes


def test_idx_files(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "file"
    np.testing.assert_array_equal(parse_idx(idx(array), path), array)
    path.write_bytes(gzip.compress(idx(array)))
    assert read_bytes(path) == idx(array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file of unsigned bytes: it begins with ''"),
        (b"\x89PNG", "is not an IDX file of unsigned bytes: it begins with '89504e47'"),
        (b"\0\0\x0d\1\0\0\0\0", "is not an IDX file of unsigned bytes"),
        (b"\0\0\x08\3\0\0", "is truncated: 6 bytes, its head takes 16"),
        (b"\0\0\x08\1\0\0\0\5abc", r"promises shape \(5,\), 13 bytes in all, got 11"),
        (b"\0\0\x08\1\0\0\0\1abc", r"promises shape \(1,\), 9 bytes in all, got 11"),
        (b"\0\0\x08\3" + b"\xff" * 12, "is truncated or corrupt: its head promises"),
        (b"\0\0\x08\3" + bytes(4) + b"\xff" * 8, r"its head promises shape \(0, 4294967295,"),
        (b"\0\0\x08\0a", "has 0 dimensions; MNIST's labels have 1, its images 3"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"a", "has 255 dimensions; MNIST's labels have"),
    ],
)
def test_bad_idx_files(content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_idx(content, Path("some/file"))


def test_truncated_gzip(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    content = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, 9999)))
    for bad in (content[:3000], content[:5], content[:3000] + b"\0" * 99 + content[3099:]):
        path.write_bytes(bad)
        with pytest.raises(DatasetError, match=r"file\.gz is a truncated or corrupt gzip file"):
            read_bytes(path)


def test_files_that_are_too_large_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minisnn.idx.LARGEST", 10_000)
    path = tmp_path / "file"
    for n in (9_984, 9_985):  # with a head of 16 bytes
        content = idx(np.zeros((1, 1, n)))
        for written in (content, gzip.compress(content)):
            path.write_bytes(written)
            if len(content) <= 10_000:
                assert read_bytes(path) == content
                continue
            with pytest.raises(DatasetError, match="file holds more than 10000 bytes"):
                read_bytes(path)


def test_a_file_too_large_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with open(path, "wb") as file:
        file.truncate(2**26 + 1)
    tracemalloc.start()
    with pytest.raises(DatasetError, match="file holds more than 67108864 bytes"):
        read_bytes(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_gzip_bomb_is_not_inflated(tmp_path: Path) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(2**20)
    bomb = b"".join(deflater.compress(block) for _ in range(300)) + deflater.flush()
    path = tmp_path / "file.gz"
    path.write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"file\.gz holds more than 67108864 bytes"):
        read_bytes(path)
    assert tracemalloc.get_traced_memory()[1] < 2.5 * 2**26  # it grows by copying
    tracemalloc.stop()


def test_gzip_files_with_something_behind(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(5))) + b"more")
    with pytest.raises(DatasetError, match=r"corrupt gzip file \(something follows its end"):
        read_bytes(path)


@given(content=st.binary(max_size=40), head=st.sampled_from([b"", b"\0\0\x08\1", b"\x1f\x8b\x08"]))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any_bytes"
    path.write_bytes(head + content)
    try:
        array = parse_idx(read_bytes(path), path)
    except DatasetError:
        return
    assert idx(array) == head + content
