"""Tiny files that stand for data sets, and web servers on this machine that give them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import threading
import time
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from idx_files import idx

from minisnn import datasets
from minisnn.datasets.table import TABLE, Row

N_TRAIN, N_TEST = 6, 3


def tiny_row(name: str, seed: int = 0) -> tuple[Row, dict[str, bytes]]:
    """Return a row of the table with a few random samples, and its IDX files by their names."""
    row = replace(TABLE[name], n_train=N_TRAIN, n_test=N_TEST)
    rng = np.random.default_rng(seed)
    files = {}
    for file, shape in row.shapes.items():
        first, end = row.first_label, row.first_label + len(row.classes)
        files[file] = idx(
            rng.integers(0, 256, shape) if len(shape) > 1 else rng.integers(first, end, shape)
        )
    return row, files


def published(row: Row, files: dict[str, bytes], **changed: Any) -> tuple[Row, dict[str, bytes]]:
    """Return the row with the sums of these files, and the files as they are published."""
    if row.members:
        (archive,) = row.sums
        content = zipped({file: gzip.compress(files[file]) for file in files}, **changed)
        sums = {archive: hashlib.sha256(content).hexdigest()}
        return replace(row, sums=sums, archive_size=len(content)), {archive: content}
    packed = {name: gzip.compress(content) for name, content in files.items()}
    sums = {
        name: hashlib.sha256(packed[name] if name.endswith(".gz") else files[name]).hexdigest()
        for name in files
    }
    return replace(row, sums=sums), {
        name if name.endswith(".gz") else f"{name}.gz": content for name, content in packed.items()
    }


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("gzip/emnist-byclass-mapping.txt", b"48 48")  # what nobody asks for
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


class Mirror:
    """A web server on this machine that gives the files it is told to give."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.delay = 0.0  # seconds before each answer
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                mirror.requests.append(name)
                content = mirror.files.get(name)
                time.sleep(mirror.delay)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                with contextlib.suppress(OSError):  # the other side may have given up
                    self.wfile.write(content or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


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
