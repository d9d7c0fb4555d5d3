"""Archives that are safe to read from untrusted input."""

from __future__ import annotations

import io
import json
import pickle
import re
import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minisnn._support.archive import TEXT_LIMIT, FileFormatError, entry, read_archive, write_archive

DTYPES = ("u1", "i2", "<u4", ">u2", "<i8", "f4", ">f8")
NOT_SAVED = "table.npz is not a table saved by minisnn, or damaged: "
Members = dict[str, bytes]


def archive_of(**arrays: Any) -> bytes:
    file = io.BytesIO()
    write_archive(file, "table", 2, {"unit": "m"}, arrays)
    return file.getvalue()


def npy(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version)
    return file.getvalue()


def rebuilt(
    content: bytes, change: Callable[[Members], object], compression: int = zipfile.ZIP_STORED
) -> bytes:
    """Return the archive with members changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return file.getvalue()


def npy_head(text: bytes) -> bytes:
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.npz"


@pytest.fixture
def good() -> bytes:
    return archive_of(a=np.arange(6, dtype="f4").reshape(3, 2))


def read(path: Path, content: bytes) -> Any:
    path.write_bytes(content)
    with read_archive(path, "table", [1, 2]) as archive:
        assert archive.entry("unit", str) == "m"
        return archive.array("a", ["f4"], (3, None))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 4), (2, 0), (2, 3, 2)])
def test_round_trip(path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    strided = np.empty((*shape, 2), dtype)[..., 0]
    strided[...] = array
    path.write_bytes(archive_of(a=array, b=strided))
    with read_archive(path, "table", [2]) as archive:
        for name in "ab":
            found = archive.array(name, ["f8", dtype], shape)
            np.testing.assert_array_equal(found, array)
            assert found.dtype == np.dtype(dtype).newbyteorder("=")
            assert not found.flags.writeable
    with np.load(path, allow_pickle=False) as plain:
        np.testing.assert_array_equal(plain["a"], array)


def test_the_same_things_give_the_same_bytes(good: bytes) -> None:
    assert good == archive_of(a=np.arange(6, dtype="f4").reshape(3, 2))


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no program sha256sum here")
def test_sha256sum_can_check_what_is_in_it(tmp_path: Path, good: bytes) -> None:
    zipfile.ZipFile(io.BytesIO(good)).extractall(tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_no_part_of_a_file_is_read_as_a_whole_one(path: Path, good: bytes) -> None:
    for length in range(len(good)):
        with pytest.raises(FileFormatError, match=NOT_SAVED):
            read(path, good[:length])


def test_what_may_be_written() -> None:
    with pytest.raises(TypeError, match="an archive holds arrays of numbers, got object"):
        archive_of(a=np.array([{}]))
    with pytest.raises(ValueError, match="Out of range float values"):
        write_archive(io.BytesIO(), "table", 1, {"unit": float("nan")}, {})
    with pytest.raises(ValueError, match=f"header of a table may have {TEXT_LIMIT} bytes, got 104"):
        write_archive(io.BytesIO(), "table", 1, {"unit": "m" * TEXT_LIMIT}, {})


def test_other_formats_and_kinds(path: Path, good: bytes) -> None:
    def header(**changes: Any) -> bytes:
        content = {"minisnn": "table", "format": 2, "unit": "m", **changes}
        return rebuilt(good, lambda m: m.update({"header.json": json.dumps(content).encode()}))

    assert read(path, header()).shape == (3, 2)
    for number in (99, -1, 10**50):
        message = f"has format {str(number)[:20]}, this version of minisnn reads format 1 and 2"
        message += "; update minisnn$" if number > 2 else "$"
        with pytest.raises(FileFormatError, match=message):
            read(path, header(format=number))
    for changes, message in [
        ({"minisnn": "chair"}, "it is a 'chair'"),
        ({"format": True}, "format in its header must be of type int, got True"),
        ({"format": "2"}, "format in its header must be of type int, got '2'"),
        ({"minisnn": None}, "minisnn in its header must be of type str, got None"),
        ({"unit": [1]}, r"unit in its header must be of type str, got \[1\]"),
    ]:
        with pytest.raises(FileFormatError, match=NOT_SAVED + message):
            read(path, header(**changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "Expecting value"),
        (b"[1]", "minisnn in its header must be of type str, got None"),
        (b'{"minisnn": "table", "format": NaN}', "its header holds NaN, which is no JSON"),
        (b"[" * 200_000, "maximum recursion depth|Expecting value"),
        (b"\xff\xfe", "codec can't decode"),
        (b" " * (TEXT_LIMIT + 1), f"header.json has {TEXT_LIMIT + 1} bytes, {TEXT_LIMIT} at most"),
        (b'{"format": ' + b"1" * 10_000 + b"}", "Exceeds the limit"),
    ],
)
def test_bad_headers(path: Path, good: bytes, text: bytes, message: str) -> None:
    with pytest.raises(FileFormatError, match=NOT_SAVED + f".*({message})"):
        read(path, rebuilt(good, lambda members: members.update({"header.json": text})))


def code_that_must_not_run() -> None:
    raise AssertionError("a file ran code")


class Payload:
    def __reduce__(self) -> Any:
        return code_that_must_not_run, ()


PLAIN = "a is not a plain array of numbers"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"", PLAIN),
        (pickle.dumps(Payload()), PLAIN),
        (npy(np.array([Payload()], dtype=object)), "a must be float32 .* got object"),
        (npy(np.zeros((3, 2), dtype="U5")), "a must be float32 .* got <U5"),
        (npy(np.zeros((3, 2), dtype="c8")), "a must be float32 .* got complex64"),
        (npy(np.zeros((3, 2), dtype="M8[s]")), "a must be float32 .* got datetime64"),
        (npy(np.zeros((3, 2), dtype=[("x", "f4")])), r"a must be float32 .* got \[\('x'"),
        (npy(np.zeros((3, 2), dtype="f4"), (2, 0)), PLAIN),
        (npy(np.zeros((3, 2), dtype="f4", order="F")), PLAIN),
        (npy(np.zeros((3, 2), "f4")).replace(b"NUMPY\1\0v", b"NUMPY\1\0u"), "a does not have the"),
        (npy(np.zeros((3, 2), "f4")).replace(b"<f4", b"<f1"), PLAIN),
        (npy(np.zeros((3, 2), "f4")).replace(b"(3, 2)", b"(3 2)"), PLAIN),
        (npy(np.zeros((3, 2), "f4")).replace(b"(3, 2)", b"(3L,2"), PLAIN),
        (npy(np.zeros((3, 2), "f4")).replace(b"(3, 2)", b"(3,-2)"), "a does not have the length"),
        (npy_head(b"{'descr': print(1)}"), PLAIN),
        (npy_head(b"(" * 60_000), PLAIN),
        (npy_head(b"-" * 1000 + b"1"), PLAIN),
        (
            npy_head(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}" + b" " * 2000),
            PLAIN,
        ),
        (npy(np.zeros((3, 2))), r"a must be float32 of shape \(3, any\), got float64 of shape"),
        (npy(np.zeros(3, "f4")), r"a must be float32 of shape \(3, any\), got .* shape \(3,\)"),
        (npy(np.zeros((4, 2), "f4")), r"a must be float32 of shape \(3, any\), got .* \(4, 2\)"),
        (npy(np.zeros((3, 2), "f4"))[:-1], r"a does not have the length that its shape \(3, 2\)"),
        (npy(np.zeros((3, 2), "f4")) + b"0", r"a does not have the length that its shape \(3, 2\)"),
        (
            npy(np.zeros((3, 2), "f4")).replace(b"2), }         ", b"4611686018), }"),
            "a does not have the length",
        ),
        (npy(np.zeros((3, 0), "f4")).replace(b"(3, 0)", b"(0, 3)"), "a must be float32 of shape"),
    ],
)
def test_bad_arrays(path: Path, good: bytes, member: bytes, message: str) -> None:
    with pytest.raises(FileFormatError, match=NOT_SAVED + message):
        read(path, rebuilt(good, lambda members: members.update({"a.npy": member})))


def test_empty_arrays_of_absurd_shapes(path: Path, good: bytes) -> None:
    zero = npy(np.zeros((3, 0), "f4"))
    shape = b"(3, 0), }" + b" " * 30
    absurd = b"(%d, 0), }" % 10**30
    member = zero.replace(shape, absurd.ljust(len(shape)))
    path.write_bytes(rebuilt(good, lambda members: members.update({"a.npy": member})))
    with pytest.raises(FileFormatError, match=NOT_SAVED), read_archive(path, "table", [2]) as found:
        found.array("a", ["f4"], (None, None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda members: members.pop("a.npy"), "it has no a.npy"),
        (lambda members: members.pop("header.json"), "it has no header.json"),
        (lambda members: members.update({"b.npy": b""}), "it also holds b.npy, which does not"),
        (lambda members: members.update({"../b": b""}), "it also holds ../b, which does not"),
    ],
)
def test_missing_and_extra_members(path: Path, good: bytes, change: Any, message: str) -> None:
    with pytest.raises(FileFormatError, match=NOT_SAVED + message):
        read(path, rebuilt(good, change))


def test_members_that_come_twice(path: Path, good: bytes) -> None:
    file = io.BytesIO(good)
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(file, "a") as archive,
    ):
        archive.writestr("a.npy", npy(np.ones((3, 2), "f4")))
    with pytest.raises(FileFormatError, match=NOT_SAVED + "a member comes twice"):
        read(path, file.getvalue())


def test_every_byte_of_an_array_is_checked(path: Path, good: bytes) -> None:
    start = good.index(b"NUMPY") - 1
    for place in range(start, start + 128 + 24):  # the header and six numbers
        changed = bytearray(good)
        changed[place] ^= 1
        with pytest.raises(FileFormatError, match=NOT_SAVED + "Bad CRC-32 for file 'a.npy'"):
            read(path, bytes(changed))


def test_numbers_of_another_byte_order_are_converted(path: Path, good: bytes) -> None:
    member = npy(np.arange(6, dtype=">f4").reshape(3, 2))
    array = read(path, rebuilt(good, lambda members: members.update({"a.npy": member})))
    np.testing.assert_array_equal(array, np.arange(6, dtype="f4").reshape(3, 2))
    assert array.dtype.isnative


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_not_inflated(path: Path, good: bytes, method: int) -> None:
    bomb = npy(np.zeros((3, 2**21), "f4"))  # 24 MiB of zeros
    content = rebuilt(good, lambda members: members.update({"a.npy": bomb}), method)
    assert len(content) < 2**16
    tracemalloc.start()
    with pytest.raises(FileFormatError, match=NOT_SAVED + "header.json is compressed or encrypted"):
        read(path, content)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def patched(content: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """Return a zip with bytes of a member's record in the central directory replaced."""
    records = [m.start() for m in re.finditer(re.escape(b"PK\1\2"), content)]
    (record,) = (start for start in records if content[start + 46 :].startswith(name))
    changed = bytearray(content)
    changed[record + offset : record + offset + len(value)] = value
    return bytes(changed)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (8, b"\1\0", "a.npy is compressed or encrypted"),
        (20, b"\xfe\xff\xff\x7f\xfe\xff\xff\x7f", "its members promise more than the"),
        (24, b"\xfe\xff\xff\x7f", "a.npy promises more than there is"),
        (42, b"\xfe\xff\xff\x7f", "a.npy promises more than there is"),
        (16, b"abcd", "Bad CRC-32 for file 'a.npy'"),
    ],
)
def test_lies_in_the_directory(
    path: Path, good: bytes, offset: int, value: bytes, message: str
) -> None:
    with pytest.raises(FileFormatError, match=NOT_SAVED + message):
        read(path, patched(good, b"a.npy", offset, value))


def test_members_that_overlap(path: Path) -> None:
    """Many members that share one long stretch of the file, as in bombs without recursion."""
    content = archive_of(**{f"a{n}": np.zeros(1000, "f8") for n in range(10)})
    first = content.index(b"PK\3\4")
    for n in range(10):
        size = (len(content) // 2).to_bytes(4, "little")
        content = patched(content, b"a%d.npy" % n, 20, size + size)
        content = patched(content, b"a%d.npy" % n, 42, first.to_bytes(4, "little"))
    with pytest.raises(FileFormatError, match=NOT_SAVED + "its members promise more than the"):
        read(path, content)


def test_errors_of_the_block_become_errors_of_the_file(path: Path, good: bytes) -> None:
    path.write_bytes(good)
    with (
        pytest.raises(FileFormatError, match=NOT_SAVED + "'missing'"),
        read_archive(path, "table", [2]) as archive,
    ):
        archive.header["missing"]


def test_files_that_cannot_be_read(path: Path) -> None:
    with pytest.raises(FileNotFoundError), read_archive(path, "table", [2]):
        raise AssertionError
    with pytest.raises(OSError, match="directory"), read_archive(path.parent, "table", [2]):
        raise AssertionError


def test_entries() -> None:
    assert entry({"n": 3}, "n", int) == 3
    with pytest.raises(ValueError, match=r"n in its header must be of type int, got 3\.0"):
        entry({"n": 3.0}, "n", int)
