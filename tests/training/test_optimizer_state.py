"""State of optimisers: kept in memory and in files, and used by later trainings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisnn as snn
from minisnn._support.archive import read_archive, write_archive
from minisnn.interchange.network_file import packed

DTYPES = [np.float32, np.float64]
OPTIMIZERS = [snn.SGD(0.3, 0.9), snn.NesterovSGD(0.3), snn.Adam(0.01, clip_norm=1.0)]


def make(dtype: Any = np.float32) -> snn.MLP:
    graphs = [snn.topology.constant_degree(12, 30, 8), snn.topology.dense(30, 2)]
    return snn.MLP(graphs, seed=1, dtype=dtype)


def train(net: snn.MLP, optimizer: Any = OPTIMIZERS[0], **options: Any) -> snn.History:
    X = np.random.default_rng(0).random((150, 12))
    Y = (X[:, 0] > X[:, 1]).astype(np.int64)
    options = {"epochs": 2, "batch_size": 40, "dropout": 0.2, "shuffle": False, **options}
    return snn.train(net, X, Y, optimizer=optimizer, **options)


def state_of(net: snn.MLP, n_states: int = 1) -> snn.OptimizerState:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((n_states, len(net.parameters))).astype(net.dtype)
    vectors[1:] **= 2
    return snn.OptimizerState(vectors, 17)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.npz"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["SGD", "Nesterov", "Adam"])
def test_two_trainings_are_one(path: Path, optimizer: Any, dtype: Any) -> None:
    """Also where a file lies between them; without the state they are not."""
    whole, half, forgetful = make(dtype), make(dtype), make(dtype)
    last = train(whole, optimizer, epochs=4).optimizer_state
    state = train(half, optimizer).optimizer_state
    assert state is not None
    assert state.vectors.shape == (optimizer.n_states, len(half.parameters))
    assert state.vectors.dtype == dtype
    snn.save(half, path, optimizer_state=state)
    loaded = snn.load(path)
    before = state.vectors.tobytes()
    for net, known in ((half, state), (loaded, snn.load_optimizer_state(path))):
        after = train(net, optimizer, optimizer_state=known).optimizer_state
        np.testing.assert_array_equal(net.parameters, whole.parameters)
        assert last is not None
        assert after is not None
        assert after.steps == last.steps == 2 * state.steps == 16
        np.testing.assert_array_equal(after.vectors, last.vectors)
    assert state.vectors.tobytes() == before, "what was passed stays as it was"
    for _ in range(2):
        train(forgetful, optimizer)
    assert (forgetful.parameters != whole.parameters).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_states", [1, 2])
def test_files_keep_every_bit(path: Path, dtype: Any, n_states: int) -> None:
    net = make(dtype)
    state = state_of(net, n_states)
    vectors = state.vectors.copy()
    vectors[0, :4] = -0.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max, 1 / 3
    state = snn.OptimizerState(vectors, 2**53)
    snn.save(net, path, optimizer_state=state)
    found = snn.load_optimizer_state(path)
    assert found.vectors.dtype == dtype
    assert found.vectors.tobytes() == vectors.tobytes()
    assert found.steps == 2**53
    assert snn.load(path).parameters.tobytes() == net.parameters.tobytes()
    content = path.read_bytes()
    snn.save(snn.load(path), path, optimizer_state=found)
    assert path.read_bytes() == content


def test_files_without_a_state_are_as_before(path: Path) -> None:
    net = make()
    snn.save(net, path)
    with read_archive(path, "network", [2]) as archive:  # which knew of no state
        assert archive.entry("format", int) == 2
        for name in ("parameters", "indptr_0", "indices_0"):
            archive.array(name, [np.float32, np.uint32, np.uint16], (None,))
    with pytest.raises(snn.FileFormatError, match=r"model.npz holds no state of an optimiser: its"):
        snn.load_optimizer_state(path)
    with pytest.raises(FileNotFoundError):
        snn.load_optimizer_state(path.with_name("none.npz"))


def nan_in(array: Any) -> Any:
    array = array.copy()
    array[-1, -1] = np.nan
    return array


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("optimizer", lambda a: a[:, :-1], r"must be float32 of shape \(any, 188\), got"),
        ("optimizer", lambda a: a[0], r"must be float32 of shape \(any, 188\), got float32 of sh"),
        ("optimizer", lambda a: a.astype("f8"), r"must be float32 .*, got float64 of shape"),
        ("optimizer", lambda a: a.astype("i4"), r"must be float32 .*, got int32 of shape"),
        ("optimizer", nan_in, "the state of the optimiser holds NaN or inf"),
        ("optimizer", lambda a: a + np.float32(np.inf), "the state of the optimiser holds NaN or"),
        ("optimizer", None, "it has no optimizer.npy"),
        ("steps", lambda a: a - 18, "steps must be between 0 and 9223372036854775807, got -1"),
        ("steps", lambda a: a + 2**53, "steps must be between 0 and 9007199254740992, got"),
        ("steps", lambda a: a[None], r"steps must be int64 of shape \(\), got int64 of shape \(1,"),
        ("steps", lambda a: a.astype("f8"), r"steps must be int64 of shape \(\), got float64"),
        ("steps", None, "it has no steps.npy"),
    ],
)
def test_bad_files(path: Path, name: str, change: Callable[[Any], Any], message: str) -> None:
    net = make()
    content, arrays = packed(net)
    arrays |= state_of(net).arrays()
    if change is None:
        del arrays[name]
    else:
        arrays[name] = np.asarray(change(arrays[name]))
    with open(path, "wb") as file:
        write_archive(file, "network", 3, content, arrays)
    for read in (snn.load, snn.load_optimizer_state):
        with pytest.raises(snn.FileFormatError, match="not a network saved by minisnn.*" + message):
            read(path)


def test_squares_below_zero(path: Path) -> None:
    """Adam's steps would be NaN; velocities may well be negative."""
    net, state = make(), state_of(make(), 2)
    vectors = state.vectors.copy()
    vectors[1, 7] = -1e-30
    bad = snn.OptimizerState(vectors, 3)
    message = "the state of Adam holds means of squared gradients, .* below 0, got -1e-30; go"
    with pytest.raises(ValueError, match=message):
        train(net, snn.Adam(), optimizer_state=bad)
    with pytest.raises(ValueError, match=message):
        snn.save(net, path, optimizer_state=bad)
    content, arrays = packed(net)
    with open(path, "wb") as file:
        write_archive(file, "network", 3, content, arrays | bad.arrays())
    for read in (snn.load, snn.load_optimizer_state):
        with pytest.raises(snn.FileFormatError, match="not a network saved by minisnn.*" + message):
            read(path)
    vectors[1, 7] = -0.0
    snn.save(net, path, optimizer_state=snn.OptimizerState(vectors, 3))


def test_a_state_in_the_format_without(path: Path) -> None:
    net = make()
    content, arrays = packed(net)
    with open(path, "wb") as file:
        write_archive(file, "network", 2, content, arrays | state_of(net).arrays())
    with pytest.raises(snn.FileFormatError, match=r"it also holds optimizer\.npy, which"):
        snn.load(path)


def test_states_that_do_not_fit(path: Path) -> None:
    net = make()
    other, double = snn.MLP([snn.topology.dense(12, 2)]), make(np.float64)
    broken = snn.OptimizerState(nan_in(state_of(net).vectors), 3)
    cases: list[tuple[Any, str]] = [
        (state_of(other), "needs a state of shape (1, 188) and float32 for this network, got "
         "(1, 26) and float32; pass what the same kind of optimiser left"),
        (state_of(double), "needs a state of shape (1, 188) and float32 for this network, got "
         "(1, 188) and float64"),
        (broken, "the state of the optimiser holds NaN or inf: its training has diverged"),
    ]  # fmt: skip
    before = net.parameters.copy()
    for state, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            train(net, optimizer_state=state)
        with pytest.raises(ValueError, match=re.escape(message)):
            snn.save(net, path, optimizer_state=state)
    with pytest.raises(ValueError, match=r"^Adam needs a state of shape \(2, 188\) and float32"):
        train(net, snn.Adam(), optimizer_state=state_of(net))
    with pytest.raises(ValueError, match=r"^SGD needs a state of shape \(1, 188\) and float32"):
        train(net, optimizer_state=state_of(net, 2))
    with pytest.raises(TypeError, match="optimizer_state must be an OptimizerState, such as hist"):
        train(net, optimizer_state={"steps": 3})
    np.testing.assert_array_equal(net.parameters, before)
    assert not path.exists()


@pytest.mark.parametrize(
    ("vectors", "steps", "error", "message"),
    [
        (np.zeros(5), 0, ValueError, r"vectors must be .* got float64 of shape \(5,\)"),
        (np.zeros((1, 5), int), 0, ValueError, r"vectors must be .* got int64 of shape \(1, 5\)"),
        (np.zeros((1, 5)), -1, ValueError, "steps must be between 0 and 9223372036854775807, got"),
        (np.zeros((1, 5)), 1.5, TypeError, "steps must be a whole number, got 1.5"),
    ],
)
def test_what_is_no_state(vectors: Any, steps: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        snn.OptimizerState(vectors, steps)


def test_a_state_is_read_only() -> None:
    vectors = np.zeros((1, 5))
    state = snn.OptimizerState(vectors, 0)
    assert repr(state) == "OptimizerState(1 vector of 5 float64, 0 steps)"
    with pytest.raises(ValueError, match="read-only"):
        state.vectors[0] = 1
    vectors[0] = 1  # whoever made it may
