"""Each row of the table of data sets: fetched, cached, checked, turned upright; and a new row."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import re
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from idx_files import idx
from tiny_datasets import N_TEST, N_TRAIN, Mirror, published, tiny_row, zipped

import minisnn as snn
from minisnn import datasets
from minisnn.datasets import DatasetError, load
from minisnn.datasets.table import TABLE, Row
from minisnn.datasets.zip_members import read_members
from minisnn.experiments import Data, expand
from minisnn.experiments.datasets import load as load_for_runs

NAMES = [name for name, row in TABLE.items() if row.addresses]
EMNIST = [name for name in NAMES if name.startswith("emnist")]
DOCUMENT = Path(__file__).parents[2] / "docs" / "datasets.md"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv(datasets.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "minisnn"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that MINISNN_DATA names."""
    folder = tmp_path / "data"
    monkeypatch.setenv(datasets.ENVIRONMENT_VARIABLE, str(folder))
    return folder


def put(folder: Path, row: Row, files: dict[str, bytes]) -> None:
    place = folder / row.folders[0]
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content)


def check(data: datasets.Dataset, row: Row, files: dict[str, bytes]) -> None:
    """Compare a data set with its IDX files, pixel by pixel."""
    contents = list(files.values())
    for part, images, labels in (
        (contents[:2], data.train_images, data.train_labels),
        (contents[2:], data.test_images, data.test_labels),
    ):
        stored = np.frombuffer(part[0], np.uint8, offset=16).reshape(-1, *row.shape)
        for image, found in zip(stored, images.reshape(stored.shape), strict=True):
            np.testing.assert_array_equal(found, image.T if row.transposed else image)
        assert labels.tolist() == [label - row.first_label for label in part[1][8:]]
        assert images.dtype == labels.dtype == np.uint8
        assert not images.flags.writeable
        assert not labels.flags.writeable
    assert data.classes == row.classes
    assert data.title == row.title


@pytest.mark.parametrize("name", NAMES)
def test_from_the_web_the_cache_and_a_folder(
    name: str, monkeypatch: pytest.MonkeyPatch, mirror: Mirror, cache: Path, tmp_path: Path
) -> None:
    row, files = tiny_row(name)
    row, mirror.files = published(row, files)
    row = replace(row, addresses=(mirror.url,))
    monkeypatch.setitem(TABLE, name, row)
    check(load(name), row, files)
    assert mirror.requests == list(mirror.files)
    place = cache / row.folders[0]
    assert sorted(path.name for path in place.iterdir()) == sorted(mirror.files)
    data = load(name)
    check(data, row, files)
    assert data.source == f"full {row.title} from {place}"
    assert repr(data) == (
        f"{row.title}({N_TRAIN} images to train, {N_TEST} to test; {data.source})"
    )
    assert mirror.requests == list(mirror.files), "from the cache"
    monkeypatch.setenv(datasets.ENVIRONMENT_VARIABLE, str(tmp_path))
    put(tmp_path, row, mirror.files)
    data = load(name)
    check(data, row, files)
    assert data.source == f"full {row.title} from MINISNN_DATA={tmp_path}"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_missing(
    name: str, monkeypatch: pytest.MonkeyPatch, folder: Path, mirror: Mirror
) -> None:
    row, files = tiny_row(name)
    row, wanted = published(row, files)
    monkeypatch.setitem(TABLE, name, row)
    first, last = next(iter(wanted)), list(wanted)[-1]
    put(folder, row, {name: content for name, content in wanted.items() if name != last})
    where = re.escape(f"{last} in {folder / row.folders[0]}")
    with pytest.raises(DatasetError, match=f"{where}.*; get it from {row.addresses[0]}, or unset"):
        load(name)
    monkeypatch.delenv(datasets.ENVIRONMENT_VARIABLE)
    monkeypatch.setitem(TABLE, name, replace(row, addresses=(mirror.url,)))
    with pytest.raises(
        DatasetError,
        match=rf"^could not get {first} from 127\.0\.0\.1:\d+ \(HTTP 404\): put the files of "
        rf"{row.title} into DIR/{row.folders[0]} and set MINISNN_DATA to DIR; load\('sample'\)",
    ):
        load(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_sum(
    name: str, monkeypatch: pytest.MonkeyPatch, folder: Path, mirror: Mirror, cache: Path
) -> None:
    row, files = tiny_row(name)
    row, _ = published(row, files)
    _, others = published(row, tiny_row(name, seed=1)[1])
    if row.members:
        row = replace(row, archive_size=10_000_000)
    monkeypatch.setitem(TABLE, name, replace(row, addresses=(mirror.url,)))
    put(folder, row, others)
    with pytest.raises(DatasetError, match="is not the file it should be: SHA-256"):
        load(name)
    assert all((folder / row.folders[0] / other).exists() for other in others), "they are his"
    monkeypatch.delenv(datasets.ENVIRONMENT_VARIABLE)
    mirror.files = others
    with pytest.raises(DatasetError, match="a damaged file, or another one"):
        load(name)
    assert not list((cache / row.folders[0]).iterdir())


def test_only_the_file_that_is_published_has_a_known_sum(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    row, files = tiny_row("fashion")
    monkeypatch.setitem(TABLE, "fashion", published(row, files)[0])
    put(folder, row, {name.removesuffix(".gz"): content for name, content in files.items()})
    with pytest.raises(
        DatasetError,
        match=r"no train-images-idx3-ubyte\.gz in .*fashion \(train-images-idx3-ubyte will not do: "
        r"the SHA-256 that is known is that of train-images-idx3-ubyte\.gz\); get it from http",
    ):
        load("fashion")


def test_mnist_lies_in_the_folder_or_in_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    row, files = tiny_row("mnist")
    row, packed = published(row, files)
    monkeypatch.setitem(TABLE, "mnist", row)
    folder.mkdir()
    for name, content in packed.items():
        (folder / name).write_bytes(content)
    check(load("mnist"), row, files)
    for name in packed:
        (folder / name).write_bytes(b"not asked for")
    put(folder, row, packed)
    check(load("mnist"), row, files)


def test_labels_that_are_no_classes(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name, label in (("kmnist", 10), ("emnist-letters", 0), ("emnist-letters", 27)):
        row, files = tiny_row(name)
        labels = list(files)[1]
        files[labels] = idx(np.array([1, 2, label, 3, 4, 5]))
        row, packed = published(row, files)
        monkeypatch.setitem(TABLE, name, row)
        put(folder, row, packed)
        with pytest.raises(
            DatasetError, match=rf"{labels} has labels that are none of {row.title}"
        ):
            load(name)


# EMNIST's archive


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


# The table


def test_rows_are_complete() -> None:
    sums: dict[str, str] = {}
    for row in TABLE.values():
        for name, sha256 in row.sums.items():
            assert re.fullmatch("[0-9a-f]{64}", sha256)
            file = f"{row.folders[0]}/{name}"
            assert sums.setdefault(sha256, file) == file, "no two files have one sum"
        assert len(row.shapes) == 4
        assert len(row.sums) == (1 if row.members else 4)
        assert bool(row.members) == bool(row.archive_size)
        assert all(re.fullmatch("https?://.*/", address) for address in row.addresses)
        assert len(set(row.classes)) == len(row.classes) > 1
        assert all(each.isascii() for each in row.classes)
        assert row.n_train > row.n_test > 0
    sizes = {name: (row.n_train, row.n_test, len(row.classes)) for name, row in TABLE.items()}
    assert sizes["emnist-balanced"] == (112_800, 18_800, 47)
    assert sizes["emnist-letters"] == (124_800, 20_800, 26)
    assert sizes["emnist-digits"] == (240_000, 40_000, 10)
    assert TABLE["mnist"].largest("train-images-idx3-ubyte") < 48_000_000


def test_rows_are_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    lines = re.findall(
        r"^\| `([\w-]+)` \|.*\| ([\d,]+) \| ([\d,]+) \| (\d+) \|", text, re.MULTILINE
    )
    assert lines == [
        (name, f"{row.n_train:,}", f"{row.n_test:,}", str(len(row.classes)))
        for name, row in TABLE.items()
    ]
    for row in TABLE.values():
        assert all(address in text for address in row.addresses)
        assert row.title in text


def test_names() -> None:
    with pytest.raises(
        ValueError, match=r"one of mnist, sample, fashion, .*; did you mean 'kmnist"
    ):
        load("kmnst")
    with pytest.raises(ValueError, match=r"name must be one of mnist, sample, .*, got None"):
        load(None)  # type: ignore[arg-type]
    for name, row in TABLE.items():
        for end in ("", "_shuffled"):
            named = f"{'mnist_sample' if name == 'sample' else name}{end}"
            assert Data(name=named, samples=row.n_train) == Data(name=named)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Row:
    """A data set of three classes that is nothing but one more row."""
    row = Row(
        title="Toys",
        folders=("toys",),
        addresses=("https://example.org/toys/",),
        sums=dict.fromkeys(("a-images.gz", "a-labels.gz", "b-images.gz", "b-labels.gz"), ""),
        n_train=300,
        n_test=9,
        classes=("ball", "doll", "kite"),
        shape=(12, 13),
    )
    rng = np.random.default_rng(0)
    files = {}
    for images, labels in (("a-images.gz", "a-labels.gz"), ("b-images.gz", "b-labels.gz")):
        n = row.shapes[images][0]
        classes = np.arange(n) % 3
        pixels = rng.integers(0, 50, (n, *row.shape))
        pixels[np.arange(n), classes] += 200  # a bright line tells which
        files |= {images: idx(pixels), labels: idx(classes)}
    row, packed = published(row, files)
    monkeypatch.setitem(TABLE, "toy", row)
    put(folder, row, packed)
    return row


def test_a_new_row_is_all_that_a_data_set_takes(toy: Row) -> None:
    data = load("toy")
    assert data.train_images.shape == (300, 156)
    net = snn.MLP(
        [snn.topology.constant_degree(156, 15, 6), snn.topology.dense(15, len(data.classes))],
        activation="relu", output_activation="softmax", seed=0,
    )  # fmt: skip
    snn.train(
        net, data.train_images, data.train_labels, optimizer="adam", epochs=60, batch_size=20,
        input_scale=1 / 255, seed=0, progress=False,
    )  # fmt: skip
    found = snn.evaluate(net, data.test_images, data.test_labels, input_scale=1 / 255)
    assert found.accuracy == 1

    shuffled = load_for_runs("toy_shuffled")
    assert (shuffled.train_images != data.train_images).any()
    assert (np.sort(shuffled.train_images) == np.sort(data.train_images)).all()
    (run,) = expand(
        {
            "base": {
                "data": {"name": "toy", "samples": 30},
                "hidden": [15],
                "layers": [{"topology": "dense"}, {"topology": "dense"}],
                "optimizer": {"peak": 1.0},
                "epochs": 1,
            }
        }
    )
    assert run.shapes == [(156, 15), (15, 3)]
    with pytest.raises(ValueError, match="at most 300, the training samples of toy, got 301"):
        Data(name="toy", samples=301)


def test_a_new_row_is_an_option_of_the_scripts(
    toy: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import compare_baselines
    import compare_estimators
    import run_mnist

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the program sets it
    common = ["--data", "toy", "--epochs", "2"]
    options = ["--hidden", "15", "--degree", "6", "--output", str(tmp_path / "out")]
    assert run_mnist.main([*common, *options]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["data"].startswith("full Toys from MINISNN_DATA=")
    assert summary["networks"][1]["n_connections"] == 156 * 15 + 15 * 3
    assert "Data: full Toys from" in capsys.readouterr().out
    snn.save(snn.MLP([snn.topology.dense(156, 10)]), tmp_path / "net.npz")
    with pytest.raises(ValueError, match="a network for Toys has 156 inputs and 3 outputs, this o"):
        run_mnist.main([*common, "--load", str(tmp_path / "net.npz")])
    compare_baselines.main(common)
    assert "Toys, 300 images, at" in capsys.readouterr().out
    pytest.importorskip("sklearn")
    compare_estimators.main([*common, "--hidden", "15", "--seeds", "0"])
    assert "Toys, 156-15-3, 300 images, 2 epochs" in capsys.readouterr().out
