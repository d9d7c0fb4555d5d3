"""Damaged and malicious files for the readers: see README.md beside this file."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import random
import sqlite3
import sys
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

IS_LOOP = any(word.startswith("--loop") for word in sys.argv)

if IS_LOOP:
    instrumented: Any = nullcontext()
else:
    import atheris

    folder = Path(__file__).parents[2] / "kernels"
    compiled = [  # as they are
        ".".join(("minisnn", *path.relative_to(folder.parent).with_suffix("").parts))
        for path in folder.rglob("*.py")
    ]
    instrumented = atheris.instrument_imports(["minisnn", "json", "zipfile"], compiled)

with instrumented:
    import minisnn as snn
    from minisnn.datasets.idx import DatasetError, inflate, parse_idx, read_within
    from minisnn.experiments import Run, Store, expand, format_records, read_description
    from minisnn.experiments.records import Figures, LayerWeights, Outcome, Versions

MEMORY = 2**21  # bytes that reading these small files may take at its peak
FOLDER = tempfile.TemporaryDirectory()
PATH = Path(FOLDER.name, "file")


def small_net() -> snn.MLP:
    graphs = [
        snn.topology.fibonacci_rotating(6, 8, 3),
        snn.topology.constant_degree(8, 4, 2, seed=0),
        snn.topology.dense(4, 2),
    ]
    return snn.MLP(graphs, seed=0)


def small_network() -> snn.Network:
    edges = [("a", "p"), (1, "p"), (1, ("q", 2)), ("p", ("q", 2)), ("a", 0.5), (("q", 2), 0.5)]
    wiring = snn.wiring.from_edges(edges, outputs=[0.5, "p"]).with_units({("q", 2): 3})
    return snn.Network(wiring, activation=["tanh", "relu", "tanh"], seed=0)


def saved(net: snn.MLP | snn.Network) -> bytes:
    state = snn.OptimizerState(np.ones((2, len(net.parameters)), net.dtype), 7)
    snn.save(net, PATH, optimizer_state=state)
    return PATH.read_bytes()


X, Y = np.random.default_rng(0).random((30, 6)), np.arange(30) % 2


def trained(net: snn.MLP, **options: Any) -> snn.History:
    """Train for a moment, with all that a checkpoint can hold."""
    stopping = snn.callbacks.EarlyStopping(2, monitor="loss")
    return snn.train(
        net, X, Y, optimizer=snn.Adam(0.01), batch_size=8, epochs=3, callbacks=[stopping],
        seed=0, checkpoint=PATH, checkpoint_every=1e6, **options,
    )  # fmt: skip


def half_trained() -> bytes:
    """Return the checkpoint that is written when the second epoch is about to end."""
    PATH.unlink(missing_ok=True)
    contents = []
    stopping = snn.callbacks.EarlyStopping(2, monitor="loss")
    snn.train(
        small_net(), X, Y, optimizer=snn.Adam(0.01), batch_size=8, epochs=3, seed=0,
        checkpoint=PATH, checkpoint_every=0,
        callbacks=[stopping, lambda *_: contents.append(PATH.read_bytes())],
    )  # fmt: skip
    PATH.unlink()
    return contents[1]


def stored() -> bytes:
    """Return a store of one run that is done and one that is not."""
    layers = [{"topology": "biregular", "degree": 5}, {"topology": "dense"}]
    about = {"data": {"name": "mnist"}, "hidden": [30], "layers": layers, "optimizer": {"peak": 1}}
    runs = [Run.from_dict({**about, "seed": seed}) for seed in range(2)]
    epochs = [snn.Epoch(n + 1, 0.1, 0.2, 0.5, 1.0, 0.01, 12.5) for n in range(2)]
    weights = [LayerWeights(n + 1, -1.5, 1.25, 0.0, 0.5) for n in range(2)]
    figures = Figures(0.5, 0.6, 0.05, 100, 400, 12.5, {"auroc": 0.75})
    with Store(PATH, write=True) as store:
        store.add(runs)
        store.finish(Outcome(runs[0].hash, "2030", 1.5, Versions(), figures, epochs, weights))
    with closing(sqlite3.connect(PATH)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = PATH.read_bytes()
    PATH.unlink()
    return content


def columns_of(store: bytes) -> list[tuple[str, str]]:
    """Return (table, column) of all columns."""
    PATH.write_bytes(store)
    query = (
        "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c "
        "WHERE t.type = 'table'"
    )
    with closing(sqlite3.connect(PATH)) as connection:
        return list(connection.execute(query))


NET = small_net()
FILE = saved(NET)
NETWORK = small_network()
WIRED = saved(NETWORK)
CHECKPOINT = half_trained()
STORE = stored()
USED = [place for place, byte in enumerate(STORE) if byte]  # most of a page is empty
COLUMNS = columns_of(STORE)
IDX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, *range(24)])
DESCRIPTION = b"""\
base: &b {a: [1, 2.5, 0x1F, 1:30], b: true, c: 2001-01-01}
list: [{<<: *b, d: !!binary aGk=}, *b, {<<: [*b, *b], e: !!timestamp 2001-01-01 1:00:00}]
grid: {e.f: [~, .inf, !!int "3", !!float "1e3", !!bool "yes", !!set {g}, !!omap [h: 1]]}
"""


def edited(content: bytes, data: bytes) -> bytes:
    """Return the content after edits, six bytes of data each: what, where, and with what."""
    changed = bytearray(content)
    for start in range(0, len(data) - 5, 6):
        what, *new = data[start], *data[start + 3 : start + 6]
        place = int.from_bytes(data[start + 1 : start + 3], "little") % (len(changed) + 1)
        length = 1 + what // 8 % 3
        if what % 4 == 0:
            del changed[place : place + length]
        elif what % 4 == 1:
            changed[place:place] = new[:length]
        elif what % 4 == 2:
            source = int.from_bytes(bytes(new[:2]), "little") % (len(changed) + 1)
            changed[place : place + 8] = changed[source : source + 8]
        else:
            changed[place : place + length] = new[:length]
    return bytes(changed)


def try_file(data: bytes) -> bool:
    """Load a network's file, edited anywhere: the same network, or the one error."""
    PATH.write_bytes(edited(FILE, data))
    try:
        net = snn.load(PATH)
    except snn.FileFormatError:
        return False
    assert isinstance(net, snn.MLP)
    assert net.parameters.tobytes() == NET.parameters.tobytes()
    assert net.topologies == NET.topologies
    return True


def try_wired(data: bytes) -> bool:
    """Load the file of a network of a wiring, edited anywhere: the same, or the one error."""
    PATH.write_bytes(edited(WIRED, data))
    try:
        net = snn.load(PATH)
    except snn.FileFormatError:
        return False
    assert isinstance(net, snn.Network)
    assert net.parameters.tobytes() == NETWORK.parameters.tobytes()
    assert net.wiring == NETWORK.wiring
    return True


def write_forged(content: bytes, data: bytes) -> None:
    """Write an archive, one member of which was edited, with its right checksum."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[data[0] % len(members)] if data else "header.json"
    members[name] = edited(members[name], data[1:])
    with zipfile.ZipFile(PATH, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)


def try_terms(data: bytes) -> bool:
    """Load one that was forged: of a wiring without cycles, which fits, or the one error."""
    write_forged(WIRED, data)
    try:
        net = snn.load(PATH)
    except snn.FileFormatError:
        return False
    assert isinstance(net, snn.Network)
    wiring = net.wiring
    targets = np.repeat(np.arange(wiring.n_neurons), np.diff(wiring.indptr))
    assert ((wiring.indices >= 0) & (wiring.indices < targets)).all()
    assert len(net.parameters) == wiring.n_edges + wiring.n_neurons - wiring.n_inputs
    assert net.predict(np.ones((3, net.n_in))).shape == (3, net.n_out)
    return True


def try_members(data: bytes) -> bool:
    """Load a network's file that was forged: one whose structure is sound, or the one error."""
    write_forged(FILE, data)
    try:
        net = snn.load(PATH)
    except snn.FileFormatError:
        return False
    assert isinstance(net, snn.MLP)
    for graph in net.topologies:
        edges = graph.edges()
        assert ((edges >= 0) & (edges < graph.shape)).all()
        assert len(np.unique(edges, axis=0)) == graph.n_edges == graph.indptr[-1]
        assert (edges[np.lexsort(edges.T)] == edges).all()
    if net.n_in < 1000:
        assert net.predict(np.ones((3, net.n_in))).shape == (3, net.n_out)
    return True


def try_idx(data: bytes) -> bool:
    """Read an IDX file, edited or not IDX at all: an array as the head says, or the one error."""
    PATH.write_bytes(edited(IDX, data[1:]) if data[:1] > b"\x7f" else data[1:])
    try:
        array = parse_idx(inflate(read_within(PATH, 2**26), 2**26, PATH), PATH)
    except DatasetError:
        return False
    assert array.dtype == np.uint8
    assert array.size > 0
    return True


def resumed() -> bool:
    """Go on from the checkpoint: to an end, or the network stays as it is."""
    net = small_net()
    try:
        history = trained(net, resume=True)
    except snn.FileFormatError:
        assert net.parameters.tobytes() == NET.parameters.tobytes()
        return False
    except FloatingPointError:  # weights as large as floats can be
        return True
    assert 1 <= len(history.epochs) <= 3
    assert np.isfinite(net.parameters).all()
    return True


def try_checkpoint(data: bytes) -> bool:
    """Resume from a checkpoint, edited anywhere."""
    PATH.write_bytes(edited(CHECKPOINT, data))
    return resumed()


def try_state(data: bytes) -> bool:
    """Resume from a checkpoint that was forged."""
    write_forged(CHECKPOINT, data)
    return resumed()


def listed() -> bool:
    """Read all that the store has, and show it."""
    try:
        with Store(PATH) as store:
            records = store.records()
            format_records(records)
            for record in records:
                epochs, layers = store.history(record.hash), store.layers(record.hash)
                assert all(type(epoch.epoch) is int for epoch in epochs)
                assert all(type(layer.mean) in (int, float) for layer in layers)
    except snn.FileFormatError:
        return False
    return True


def try_store(data: bytes) -> bool:
    """Read a store, up to eight bytes of which were changed, or that was cut off."""
    content = bytearray(STORE)
    for start in range(0, min(len(data), 24) - 2, 3):
        content[USED[int.from_bytes(data[start : start + 2], "little") % len(USED)]] = data[
            start + 2
        ]
    if data[-1:] > b"\xf0":
        del content[int.from_bytes(data[:2], "little") :]
    PATH.write_bytes(content)
    for suffix in ("-journal", "-wal", "-shm"):  # what SQLite found in an earlier one
        Path(f"{PATH}{suffix}").unlink(missing_ok=True)
    return listed()


def try_rows(data: bytes) -> bool:
    """Read a sound file, a value in which is not what it should be."""
    PATH.write_bytes(STORE)
    kind, which, rest = data[:1] or b"\0", (data[1:2] or b"\0")[0], data[2:]
    text = rest.decode("latin-1")
    value = [None, text, rest, int.from_bytes(rest[:7], "little", signed=True), len(rest) / 3][
        kind[0] % 5
    ]
    with closing(sqlite3.connect(PATH)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        try:
            if which % 4 == 0:
                query = "SELECT configuration FROM runs"
                (old,) = connection.execute(query).fetchone()
                new = edited(old.encode(), rest).decode("latin-1")
                run_hash = hashlib.sha256(new.encode()).hexdigest()
                row = (run_hash, new)
                connection.execute("INSERT INTO runs (hash, configuration) VALUES (?, ?)", row)
            else:
                table, column = COLUMNS[which % len(COLUMNS)]
                connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
            connection.commit()
        except sqlite3.IntegrityError:
            return True  # SQLite does not take such a value
    return listed()


def try_description(data: bytes) -> bool:
    """Read the description of a sweep, edited anywhere: keys and values, or the one error."""
    path = PATH.with_suffix(".yaml")
    path.write_bytes(edited(DESCRIPTION, data))
    try:
        description = read_description(path)
    except snn.FileFormatError:
        return False
    with suppress(ValueError, TypeError):
        expand(description)
    return True


TARGETS: list[Callable[[bytes], bool]] = [
    try_file, try_members, try_wired, try_terms, try_idx, try_checkpoint, try_state, try_store,
    try_rows,
]  # fmt: skip
if importlib.util.find_spec("yaml") is not None:
    TARGETS.append(try_description)


def try_one(data: bytes) -> tuple[str, bool]:
    """Run the target that the first byte names; return which it was, and whether it was read."""
    target = TARGETS[data[0] % len(TARGETS)] if data else try_file
    for _ in range(2):  # once more where a table of Python's own happened to grow
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        is_read = target(data[1:])
        peak = tracemalloc.get_traced_memory()[1] - before
        if peak < MEMORY:
            break
    else:
        raise AssertionError(f"{target.__name__} took {peak} bytes")
    return target.__name__, is_read


def loop(seconds: float, seed: int) -> dict[tuple[str, bool], int]:
    """Try random edits for some time; return how often each target read and refused its file."""
    rng, counts = random.Random(seed), dict[tuple[str, bool], int]()
    whole = [bytes([number, 0x80]) for number in range(len(TARGETS))]  # no edit: each is read
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = rng.randbytes(rng.choice([2, 8, 8, 8, 14, 20, 62]) + 1)
        data = whole.pop() if whole else data
        try:
            result = try_one(data)
        except BaseException:
            print(f"failed on bytes.fromhex({data.hex()!r})", file=sys.stderr)
            raise
        counts[result] = counts.get(result, 0) + 1
    return counts


def main() -> None:
    tracemalloc.start()
    for target in TARGETS:
        target(b"")  # compiles what is needed
    if not IS_LOOP:
        atheris.Setup(sys.argv, try_one)
        atheris.Fuzz()
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", type=float, metavar="SECONDS", required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for (name, is_read), n in sorted(loop(arguments.loop, arguments.seed).items()):
        print(f"{name}: {n} {'read' if is_read else 'refused'}")


if __name__ == "__main__":
    main()
