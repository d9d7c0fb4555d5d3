"""Each row of the table of data sets: fetched, cached, checked, turned upright."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx
from tiny_datasets import N_TEST, N_TRAIN, Mirror, check, published, put, tiny_row

from minisnn import datasets
from minisnn.datasets import DatasetError, load
from minisnn.datasets.table import TABLE
from minisnn.experiments import Data

NAMES = [name for name, row in TABLE.items() if row.addresses]
DOCUMENT = Path(__file__).parents[2] / "docs" / "datasets.md"


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
