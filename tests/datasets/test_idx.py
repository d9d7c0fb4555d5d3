"""IDX files as untrusted input."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from idx_files import idx

from minisnn.datasets import DatasetError
from minisnn.datasets.idx import idx_size, inflate, parse_idx, read_idx, read_within


def test_idx_files(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "file"
    assert len(idx(array)) == idx_size(array.shape)
    for content in (idx(array), gzip.compress(idx(array))):
        path.write_bytes(content)
        for as_it_lies in (True, False):
            sha256 = hashlib.sha256(content if as_it_lies else idx(array)).hexdigest()
            found = read_idx(path, sha256, array.shape, as_it_lies=as_it_lies)
            np.testing.assert_array_equal(found, array)
            assert not found.flags.writeable
            with pytest.raises(DatasetError, match=r"file is not the file it should be: SHA-256"):
                read_idx(path, sha256[::-1], array.shape, as_it_lies=as_it_lies)
            with pytest.raises(DatasetError, match=r"of shape \(2, 3, 4\), expected \(3, 2, 4\)"):
                read_idx(path, sha256, (3, 2, 4), as_it_lies=as_it_lies)


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
        (b"\0\0\x08\0a", "has 0 dimensions; labels have 1, images 3"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"a", "has 255 dimensions; labels have"),
    ],
)
def test_bad_idx_files(content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_idx(content, Path("some/file"))


def test_truncated_gzip() -> None:
    content = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, 9999)))
    for bad in (content[:3000], content[:5], content[:3000] + b"\0" * 99 + content[3099:]):
        with pytest.raises(DatasetError, match=r"file\.gz is a truncated or corrupt gzip file"):
            inflate(bad, 10_007, "file.gz")


def test_files_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with open(path, "wb") as file:
        file.truncate(2**26 + 1)
    assert len(read_within(path, 2**26 + 1)) == 2**26 + 1
    tracemalloc.start()
    with pytest.raises(DatasetError, match="file has 67108865 bytes, 67108864 at most belong"):
        read_within(path, 2**26)
    with pytest.raises(DatasetError, match="file has 67108865 bytes, "):
        read_idx(path, "", (2, 3), as_it_lies=True)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_gzip_bomb_is_not_inflated() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(2**20)
    bomb = b"".join(deflater.compress(block) for _ in range(300)) + deflater.flush()
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"file\.gz holds more than 1048576 bytes"):
        inflate(bomb, 2**20, "file.gz")
    assert tracemalloc.get_traced_memory()[1] < 2.5 * 2**20  # it grows by copying
    tracemalloc.stop()


def test_as_much_as_belongs_there_is_inflated() -> None:
    content = idx(np.zeros((1, 1, 9_984)))
    assert inflate(gzip.compress(content), len(content), "file.gz") == content
    with pytest.raises(DatasetError, match="holds more than 9999 bytes"):
        inflate(gzip.compress(content), len(content) - 1, "file.gz")


def test_gzip_files_with_something_behind() -> None:
    content = gzip.compress(idx(np.zeros(5))) + b"more"
    with pytest.raises(DatasetError, match=r"corrupt gzip file \(something follows its end"):
        inflate(content, 99, "file.gz")


@given(content=st.binary(max_size=40), head=st.sampled_from([b"", b"\0\0\x08\1", b"\x1f\x8b\x08"]))
def test_any_bytes(content: bytes, head: bytes) -> None:
    try:
        array = parse_idx(inflate(head + content, 2**10, "file"), "file")
    except DatasetError:
        return
    assert idx(array) == head + content
