"""Damaged and malicious checkpoints are refused, and nothing is changed."""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resuming import make, train

import minisnn as snn
from minisnn._support.archive import FileFormatError, write_archive


def saved(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the arrays of a checkpoint."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if "." in name}
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("header.json"))
    arrays.pop("header.json", None)
    return header, arrays


class Payload:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def as_pickle(header: Any, arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{**arrays, "steps.parameters": np.array([Payload()], dtype=object)})
    return file.getvalue()


def with_array(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any], bytes]:
    def rebuilt(header: Any, arrays: Any) -> bytes:
        file = io.BytesIO()
        content = {"fingerprint": header["fingerprint"]}
        write_archive(file, "checkpoint", 1, content, {**arrays, name: change(arrays.get(name))})
        return file.getvalue()

    return rebuilt


def huge(header: Any, arrays: Any) -> bytes:
    """An array that says of itself that it is 8 GB, in a file of some kilobytes."""
    content = with_array("steps.parameters", lambda a: a)(header, arrays)
    shape = b"(%d,)" % len(arrays["steps.parameters"])
    return content.replace(shape + b", }     ", b"(1000000000,), }"[: len(shape) + 8])


_PCG64 = 0x2360ED051FC65DA44385DF649FCCF645  # the factor of NumPy's generator
STUCK = np.array(
    [0, 2**64 - 1, *divmod((2**64 - 1) * (1 - _PCG64) % 2**128, 2**64), 0, 0], dtype=np.uint64
)
"""A state that follows itself: all bits of its numbers are ones, and no shuffling ends."""


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda *_: b"", "File is not a zip file"),
        (lambda *_: pickle.dumps(Payload()), "File is not a zip file"),
        (as_pickle, "it has no header.json"),
        (with_array("steps.parameters", lambda a: a * np.nan), "steps.parameters is not finite"),
        (with_array("steps.optimizer", lambda a: a + np.inf), "steps.optimizer is not finite"),
        (with_array("steps.steps", lambda a: np.asarray(a - 10**6)), "steps must be between 0 and"),
        (with_array("steps.steps", lambda a: np.asarray(a + 2**60)), "steps must be between 0 and"),
        (with_array("steps.parameters", lambda a: a[:-1]), r"must be float64 of shape \(188,\)"),
        (with_array("steps.parameters", lambda a: a.astype("f4")), "must be float64 of shape"),
        (with_array("loop.place", lambda a: a + np.array([9, 0, 0])), "a training cannot stand at"),
        (with_array("loop.place", lambda a: a - np.array([9, 0, 0])), "a training cannot stand at"),
        (with_array("loop.place", lambda a: a + np.array([2**33, 0, 0])), "cannot stand at .8589"),
        (with_array("loop.place", lambda a: a + np.array([0, 4, 0])), "a training cannot stand at"),
        (with_array("loop.place", lambda a: a + np.array([0, 1, 0])), "a training cannot stand at"),
        (with_array("loop.place", lambda a: a - np.array([0, 1, 0])), "a training cannot stand at"),
        (with_array("loop.place", lambda a: a + np.array([0, 0, 7])), "a training cannot stand at"),
        (with_array("loop.history", lambda a: a[:0]), "its training has no epoch"),
        (with_array("loop.history", lambda a: a * np.nan), "a training cannot stand at"),
        (with_array("loop.history", lambda a: a[:, 1:]), r"must be float64 of shape \(any, 7\)"),
        (with_array("steps.steps", lambda a: a * 0), "a training cannot stand at"),
        (with_array("steps.steps", lambda a: -a), "steps must be between 0 and .* got -24"),
        (with_array("loop.losses", lambda a: a + np.nan), "figures of the epochs so far are not"),
        (with_array("loop.seconds", lambda a: a + np.inf), "figures of the epochs so far are not"),
        (
            with_array("loop.history", lambda a: np.where(np.arange(7) == 1, np.nan, a)),
            "figures of the epochs so far are not finite",
        ),
        (with_array("loop.generator", lambda _: STUCK), "random numbers is that of another"),
        (with_array("loop.more", lambda a: np.zeros(3)), "it also holds loop.more.npy, which"),
        (huge, "."),
    ],
)
def test_bad_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "checkpoint.npz"
    train(make(), checkpoint=path)
    content = damage(*saved(path))
    path.write_bytes(content)
    net, seen = make(), []
    tracemalloc.start()
    with pytest.raises(
        FileFormatError, match=rf"checkpoint\.npz is not a checkpoint saved .* damaged: .*{message}"
    ):
        train(net, checkpoint=path, resume=True, callbacks=[lambda *_: seen.append(1)])
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    np.testing.assert_array_equal(net.parameters, make().parameters)
    assert seen == []
    assert os.listdir(tmp_path) == ["checkpoint.npz"], "nothing was executed or written"
    assert path.read_bytes() == content


@pytest.mark.parametrize(("place", "steps"), [([5, 4, 0], 24), ([6, 1, 0], 25)])
def test_places_between_epochs_and_after_the_last(
    tmp_path: Path, place: list[int], steps: int
) -> None:
    """An epoch of four steps ends with the fourth, and after six there is no further step."""
    path = tmp_path / "checkpoint.npz"
    train(make(), checkpoint=path)
    header, arrays = saved(path)
    arrays["steps.steps"] = np.array(steps)
    path.write_bytes(with_array("loop.place", lambda _: np.array(place))(header, arrays))
    with pytest.raises(FileFormatError, match="a training cannot stand at"):
        train(make(), checkpoint=path, resume=True)


def test_a_callback_that_refuses_its_state(tmp_path: Path) -> None:
    """It is asked last, when the others have gone on already: they go back."""

    class Picky(snn.callbacks.Callback):
        refuses = False

        def state(self) -> dict[str, Any]:
            return {"mood": np.zeros(1)}

        def restore(self, state: Any) -> None:
            if self.refuses:
                self.refuses = False
                raise ValueError("not in the mood")

    path, picky = tmp_path / "checkpoint.npz", Picky()
    train(make(), checkpoint=path, callbacks=[picky])
    picky.refuses, net = True, make()
    with pytest.raises(FileFormatError, match="or damaged: not in the mood"):
        train(net, checkpoint=path, resume=True, callbacks=[picky])
    np.testing.assert_array_equal(net.parameters, make().parameters)


@given(data=st.data())
@settings(max_examples=30)
def test_forged_states(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever the numbers, under right checksums: a training to its end, or as it was."""
    path = tmp_path_factory.getbasetemp() / "forged.npz"
    path.unlink(missing_ok=True)
    train(make(), checkpoint=path, epochs=2)
    header, arrays = saved(path)
    name = data.draw(st.sampled_from(sorted(arrays)))
    place = data.draw(st.integers(0, arrays[name].nbytes - 1))
    byte = data.draw(st.integers(0, 255))

    def change(array: Any) -> Any:
        content = bytearray(array.tobytes())
        content[place] = byte
        return np.frombuffer(bytes(content), array.dtype).reshape(array.shape)

    path.write_bytes(with_array(name, change)(header, arrays))
    net = make()
    try:
        history = train(net, checkpoint=path, resume=True, epochs=2)
    except FileFormatError:
        np.testing.assert_array_equal(net.parameters, make().parameters)
        return
    assert len(history.epochs) <= 2
    assert np.isfinite(net.parameters).all()


def test_every_byte_is_checked(tmp_path: Path) -> None:
    """Whichever byte of the arrays is changed, and wherever the file is cut off."""
    path = tmp_path / "checkpoint.npz"
    train(make(), checkpoint=path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    with np.load(path) as archive:
        arrays = [content.index(archive[name].tobytes()) for name in ("steps.parameters",)]
    for place in [*(arrays[0] + rng.integers(188 * 8, size=20))]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(FileFormatError, match="not a checkpoint saved by minisnn, or damaged"):
            train(make(), checkpoint=path, resume=True)
    for length in rng.integers(len(content), size=20):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match="not a checkpoint saved by minisnn, or damaged"):
            train(make(), checkpoint=path, resume=True)


def test_other_formats_and_kinds(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    snn.save(make(), path)
    with pytest.raises(FileFormatError, match="is not a checkpoint saved by minisnn"):
        train(make(), checkpoint=path, resume=True)
    with open(path, "wb") as file:
        write_archive(file, "checkpoint", 99, {}, {})
    with pytest.raises(FileFormatError, match=r"has format 99, this version .* reads format 1"):
        train(make(), checkpoint=path, resume=True)
