"""Networks of a wiring as files."""

from __future__ import annotations

import contextlib
import datetime
import json
import tracemalloc
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wirings import random_network, some_network

import minisnn as snn
from minisnn._support.archive import write_archive
from minisnn._support.archived_names import pack_text
from minisnn.interchange.wiring_file import packed_network

NOT_SAVED = "net.npz is not a network saved by minisnn, or damaged: "


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.npz"


def assert_same(twin: Any, net: snn.Network) -> None:
    assert type(twin) is snn.Network
    np.testing.assert_array_equal(twin.parameters.view(np.uint8), net.parameters.view(np.uint8))
    assert repr(twin) == repr(net)
    assert twin.wiring == net.wiring
    assert list(map(type, twin.wiring.terms)) == list(map(type, net.wiring.terms))
    assert (twin.activation, twin.output_activation) == (net.activation, net.output_activation)
    assert (twin.seed, twin.dtype, twin.batch_norm) == (net.seed, net.dtype, net.batch_norm)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), dtype=st.sampled_from([np.float32, np.float64]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int, dtype: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "random.npz"
    rng = np.random.default_rng(seed)
    net = random_network(rng, dtype)
    snn.save(net, path)
    content, twin = path.read_bytes(), snn.load(path)
    assert_same(twin, net)
    X = rng.standard_normal((9, net.n_in))
    np.testing.assert_array_equal(twin.predict(X), net.predict(X))
    snn.save(twin, path)
    assert path.read_bytes() == content


def names_of_terms() -> st.SearchStrategy[Any]:
    plain = st.one_of(
        st.text(min_size=1),
        st.integers(),
        st.integers(-(2**8192) + 1, 2**8192 - 1),
        st.booleans(),
        st.floats(allow_nan=False, allow_infinity=False),
    )
    return st.recursive(plain, lambda parts: st.lists(parts, max_size=3).map(tuple), max_leaves=6)


@settings(max_examples=20)
@given(names=st.lists(names_of_terms(), min_size=3, max_size=9, unique=True))
def test_names_of_all_kinds(tmp_path_factory: pytest.TempPathFactory, names: list[Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "named.npz"
    n_inputs = len(names) // 2
    sources, targets = np.divmod(np.arange(n_inputs * (len(names) - n_inputs)), n_inputs)[::-1]
    wiring = snn.wiring.Wiring(
        names, sources, targets + n_inputs, n_inputs=n_inputs, outputs=names[:n_inputs:-1]
    )
    net = snn.Network.from_parameters(wiring, np.zeros(sources.size + len(names) - n_inputs))
    snn.save(net, path)
    assert_same(snn.load(path), net)


def test_names_of_numpy(path: Path) -> None:
    names: list[Any] = [
        np.int64(1),
        np.str_("two"),
        np.float32(0.1),
        np.bool_(False),
        (np.int8(4),),
    ]
    wiring = snn.wiring.Wiring(names, [0, 1, 2], [3, 3, 4], n_inputs=3, outputs=[(4,), False])
    snn.save(snn.Network(wiring, seed=0), path)
    twin = snn.load(path)
    assert isinstance(twin, snn.Network)
    assert twin.wiring == wiring
    assert list(map(type, twin.wiring.terms)) == [int, str, float, tuple, bool]


class Colour(IntEnum):
    RED = 1


def nested(depth: int) -> Any:
    name: Any = 1
    for _ in range(depth):
        name = (name,)
    return name


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (datetime.date(2030, 1, 1), TypeError),
        (frozenset("ab"), TypeError),
        (b"bytes", TypeError),
        (Colour.RED, TypeError),
        (1j, TypeError),
        (("p", None), TypeError),
        (("p", ("q", b"r")), TypeError),
        (nested(17), TypeError),
        (float("inf"), ValueError),
        (("p", float("nan")), ValueError),
        (2**8192, ValueError),
    ],
)
def test_names_that_a_file_cannot_hold(path: Path, name: Any, error: type[Exception]) -> None:
    net = snn.Network(snn.wiring.from_edges([("a", name), (name, "out")]), seed=0)
    path.write_bytes(b"as it was")
    with pytest.raises(error, match=r"names of terms in a file must be .*Make a wiring with such"):
        snn.save(net, path)
    assert path.read_bytes() == b"as it was"
    snn.save(
        snn.Network(snn.wiring.from_edges([("a", nested(16)), (nested(16), "out")]), seed=0), path
    )


def test_weights_of_the_wiring_and_a_seed_that_is_not_known(path: Path) -> None:
    net = some_network(weights=True)
    snn.save(net, path)
    assert_same(snn.load(path), net)
    unknown = snn.Network.from_parameters(net.wiring, net.parameters)
    unknown.parameters[:3] = np.nan, np.inf, -0.0
    snn.save(unknown, path)
    assert_same(snn.load(path), unknown)


def test_state_of_the_optimiser(path: Path, rng: np.random.Generator) -> None:
    net, adam = some_network(), snn.Adam(0.01)
    X, Y = rng.random((20, 2)), rng.random((20, 2))
    history = snn.train(net, X, Y, optimizer=adam, epochs=2, seed=0)
    snn.save(net, path)
    with pytest.raises(snn.FileFormatError, match="holds no state of an optimiser"):
        snn.load_optimizer_state(path)
    snn.save(net, path, optimizer_state=history.optimizer_state)
    twin, state = snn.load(path), snn.load_optimizer_state(path)
    assert_same(twin, net)
    for each, known in ((net, history.optimizer_state), (twin, state)):
        snn.train(each, X, Y, optimizer=adam, optimizer_state=known, epochs=2, seed=1)
    np.testing.assert_array_equal(twin.parameters, net.parameters)


def test_a_deep_wiring(path: Path) -> None:
    """As many levels as terms, each of which reads the first input, too."""
    n = 3000
    edges = [(k, k + 1) for k in range(n)] + [(0, k) for k in range(2, n + 1)]
    wiring = snn.wiring.from_edges(edges)
    net = snn.Network.from_parameters(wiring, np.linspace(-1, 1, 3 * n - 1), "tanh")
    snn.save(net, path)
    assert_same(snn.load(path), net)
    assert net.n_levels == n


def test_anything_can_read_the_file(path: Path) -> None:
    net = some_network()
    snn.save(net, path)
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["parameters"], net.parameters)
        header = json.loads(archive["header.json"])
        terms = json.loads(archive["terms"].tobytes())
        ends = (archive[name].tolist() for name in ("sources", "targets"))
        edges = [(terms[s], terms[t]) for s, t in zip(*ends, strict=True)]
    assert (header["format"], header["n_inputs"]) == (5, 2)
    assert edges == net.wiring.edges()


# Damaged and forged files


def write_changed(path: Path, change: Callable[[Any, Any], object]) -> None:
    """Write a file whose header or arrays have been changed."""
    header, arrays = packed_network(some_network())
    header["optimizer_state"] = False
    change(header, arrays)
    with open(path, "wb") as file:
        write_archive(file, "network", 5, header, arrays)


def load_changed(path: Path, change: Callable[[Any, Any], object]) -> Any:
    write_changed(path, change)
    return snn.load(path)


BAD_HEADERS: list[tuple[dict[str, Any], str]] = [
    ({"n_inputs": 0}, "parameters must be 19 at least, one for each edge and neuron, got 17"),
    ({"n_inputs": 3}, "inputs must have no incoming edges"),
    ({"n_inputs": 5}, "n_inputs must be below the number of terms, 5, got 5"),
    ({"n_inputs": -1}, "n_inputs must be below the number of terms, 5, got -1"),
    ({"n_inputs": True}, "n_inputs in its header must be of type int, got True"),
    ({"activation": None}, "activation must be a list of names, one for each level, got None"),
    ({"activation": ["tanh"]}, "activation must be one name, or one for each of the 3 levels"),
    ({"activation": ["tanh", {}, "tanh"]}, r"activation must be one of .*, got \{\}"),
    ({"activation": "step"}, "activation must be one of .*, got 'step'"),
    ({"output_activation": ["tanh"]}, "output_activation in its header must be of type str"),
    ({"output_activation": "softmax"}, "a softmax needs all outputs in the last level, got 'p'"),
    ({"seed": 1.5}, "seed in its header must be of type int"),
    ({"seed": -1}, "seed must be"),
    ({"weights": 1}, "weights in its header must be of type bool, got 1"),
    ({"weights": True}, "it has no weights.npy"),
    ({"batch_norm": True}, "batch_norm in its header must be of type list, got True"),
    (
        {"batch_norm": [False]},
        "one flag, or one for each of the 3 levels; got 1",
    ),
    ({"batch_norm": [False, 1, False]}, "scale in its header must be of type bool, got None"),
    ({"batch_norm": [{"scale": 1, "shift": True}] * 3}, "scale in its header must be of"),
    ({"batch_norm": [{"scale": True, "shift": False}] * 3}, "vector of 26 parameters, got"),
    ({"optimizer_state": True}, "it has no optimizer.npy"),
    ({"optimizer_state": None}, "optimizer_state in its header must be of type bool"),
]


@pytest.mark.parametrize(("change", "message"), BAD_HEADERS)
def test_bad_headers(path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + f".*({message})"):
        load_changed(path, lambda header, arrays: header.update(change))


def changed(array: Any, place: int, value: int) -> Any:
    twin = array.copy()
    twin[place] = value
    return twin


def text(value: Any) -> Callable[[Any], Any]:
    return lambda _: pack_text(value)


BAD_ARRAYS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("parameters", lambda a: a[:-1], "parameters must be 17 at least, .* got 16"),
    ("parameters", lambda a: np.append(a, a), "needs a float32 or float64 vector of 17 parameters"),
    ("parameters", lambda a: a.astype("f2"), "parameters must be float32 or float64 .* float16"),
    ("terms", lambda a: a[:-1], "Expecting|delimiter"),
    ("terms", lambda a: a.astype("u2"), "terms must be uint8 of shape .any,., got uint16"),
    ("terms", text({"a": 1}), "names must be a list, got {'a': 1}"),
    ("terms", text("abpql"), "names must be a list, got 'abpql'"),
    ("terms", text(["a", "b", "p", "q", None]), "names of terms in a file must be texts, .* None"),
    ("terms", text(["a", "b", "p", "q", {}]), "names of terms in a file must be texts, .* {}"),
    ("terms", text(["a", "b", "p", "q", nested(17)]), "up to 16 within one another"),
    ("terms", lambda _: np.frombuffer(b"[" * 10**5, np.uint8), "nested too deeply|Expecting"),
    ("terms", lambda _: np.frombuffer(b'["a","b","p","q",NaN]', np.uint8), "must be finite"),
    ("terms", lambda _: np.frombuffer(b'["a","b","p","q",1e999]', np.uint8), "must be finite"),
    ("terms", text(["a", "b", "p", "q", 10**3000]), "of 8192 bits at most"),
    ("terms", text(["a", "b", "p", "q"]), r"units must be uint32 of shape \(4,\), got"),
    ("terms", text(["a", "b", "p", "q", "a"]), "terms must differ from one another, got 'a' 2 ti"),
    ("terms", text(["a", "b", "p", "q", ""]), "terms must have names, got ''"),
    ("outputs", text([]), "outputs must name one term at least, got none"),
    ("outputs", text(["late", "late"]), "outputs must differ from one another"),
    ("outputs", text(["late", "r"]), "outputs must be terms of the wiring, got 'r'"),
    ("outputs", text(["late", "a"]), "outputs must not be inputs, got 'a'"),
    ("units", lambda a: a[:-1], r"units must be uint32 of shape \(5,\), got"),
    ("units", lambda a: a.astype("i8"), "units must be uint32 .*, got int64"),
    ("units", lambda a: changed(a, 3, 0), "units must be at least 1, got 0 for 'q'"),
    ("units", lambda a: changed(a, 0, 2), "inputs have one unit"),
    ("units", lambda a: changed(a, 3, 4), "parameters must be 21 at least, .* got 17"),
    ("units", lambda a: a + np.uint32(2**31), "inputs have one unit|neurons at most"),
    ("sources", lambda a: a[:-1], r"targets must be uint16 or uint32 of shape \(5,\), got"),
    ("sources", lambda a: a.astype("i4"), "sources must be uint16 or uint32 .*, got int32"),
    ("sources", lambda a: changed(a, 0, 5), "sources must be positions of the 5 terms, 0 to 4"),
    ("sources", lambda a: changed(a, 0, 1), "'b' -> 'p' 2 times"),
    ("sources", lambda a: changed(a, 0, 2), "leads from a term to itself: 'p'"),
    ("sources", lambda a: changed(a, 0, 4), "the edges have a cycle"),
    ("targets", lambda a: changed(a, 0, 65_535), "targets must be positions of the 5 terms"),
    ("targets", lambda a: changed(a, 0, 1), "inputs must have no incoming edges, got 'a' -> 'b'"),
]


@pytest.mark.parametrize(("name", "change", "message"), BAD_ARRAYS)
def test_bad_arrays(path: Path, name: str, change: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + f".*({message})"):
        load_changed(path, lambda header, arrays: arrays.update({name: change(arrays[name])}))


def with_weights(header: Any, arrays: Any) -> None:
    header["weights"], arrays["weights"] = True, np.zeros(6)


def test_missing_and_extra_arrays(path: Path) -> None:
    _, arrays = packed_network(some_network())
    for name in arrays:
        with pytest.raises(snn.FileFormatError, match=NOT_SAVED + f"it has no {name}"):
            load_changed(path, lambda header, arrays, name=name: arrays.pop(name))
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + r"it also holds weights\.npy"):
        load_changed(path, lambda header, arrays: arrays.update(weights=np.zeros(6)))
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + "weights go with terms of one unit"):
        load_changed(
            path,
            lambda header, arrays: (
                header.update(weights=True),
                arrays.update(weights=np.zeros(6)),
            ),
        )


@pytest.mark.parametrize("units", [[1, 1, 2**30, 2**30 - 9, 1], [1, 1, 1, 2**16, 2**16]])
def test_a_small_file_cannot_ask_for_much_memory(path: Path, units: list[int]) -> None:
    write_changed(path, lambda header, arrays: arrays.update(units=np.array(units, "u4")))
    tracemalloc.start()
    with pytest.raises(snn.FileFormatError, match=NOT_SAVED + "parameters must be"):
        snn.load(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_an_mlp_is_no_network_of_a_wiring(path: Path) -> None:
    net = some_network()
    header, arrays = packed_network(net)
    for number in (2, 3, 4):
        with open(path, "wb") as file:
            write_archive(file, "network", number, header, arrays)
        with pytest.raises(snn.FileFormatError, match=NOT_SAVED):
            snn.load(path)
    mlp = snn.MLP([snn.topology.dense(3, 2)], seed=0)
    state = snn.OptimizerState(np.ones((2, len(mlp.parameters)), mlp.dtype), 7)
    for number, options in ((2, {}), (3, {"optimizer_state": state})):
        snn.save(mlp, path, **options)
        with np.load(path) as archive:
            assert json.loads(archive["header.json"])["format"] == number
        assert type(snn.load(path)) is snn.MLP


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, snn.Network]:
    path, net = tmp_path_factory.mktemp("fuzz") / "net.npz", some_network()
    snn.save(net, path)
    return path, path.read_bytes(), net


@given(data=st.data())
def test_mutated_files(valid: tuple[Path, bytes, snn.Network], data: st.DataObject) -> None:
    """Whatever the bytes: the same network, or the one error."""
    path, content, net = valid
    mutated = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        new = data.draw(st.binary(min_size=1, max_size=12))
        end = place + data.draw(st.integers(0, 12))
        mutated[place:end] = new
    path.write_bytes(bytes(mutated))
    with contextlib.suppress(snn.FileFormatError):
        assert_same(snn.load(path), net)
