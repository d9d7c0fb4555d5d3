"""Damaged and malicious files for the readers: see README.md beside this file."""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import sys
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

IS_LOOP = any(word.startswith("--loop") for word in sys.argv)

if IS_LOOP:
    instrumented: Any = nullcontext()
else:
    import atheris

    folder = Path(__file__).parents[2] / "kernels"
    compiled = [f"minisnn.kernels.{path.stem}" for path in folder.glob("*.py")]  # as they are
    instrumented = atheris.instrument_imports(["minisnn", "json", "zipfile"], compiled)

with instrumented:
    import minisnn as snn
    from minisnn.idx import DatasetError, parse_idx, read_bytes

MEMORY = 2**21  # bytes that reading these small files may take at its peak
FOLDER = tempfile.TemporaryDirectory()
PATH = Path(FOLDER.name, "file")


def small_net() -> snn.MLP:
    graphs = [
        snn.topology.fibonacci_rotating(6, 8, 3),
        snn.topology.constant_degree(8, 4, 2),
        snn.topology.dense(4, 2),
    ]
    return snn.MLP(graphs)


def saved(net: snn.MLP) -> bytes:
    state = snn.OptimizerState(np.ones((2, len(net.parameters)), net.dtype), 7)
    snn.save(net, PATH, optimizer_state=state)
    return PATH.read_bytes()


NET = small_net()
FILE = saved(NET)
IDX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, *range(24)])


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
    assert net.parameters.tobytes() == NET.parameters.tobytes()
    assert net.topologies == NET.topologies
    return True


def try_members(data: bytes) -> bool:
    """Load a file, one member of which was edited by someone who knows how to make checksums."""
    with zipfile.ZipFile(io.BytesIO(FILE)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    del members["SHA256SUMS"]
    name = list(members)[data[0] % len(members)] if data else "header.json"
    members[name] = edited(members[name], data[1:])
    sums = "".join(f"{hashlib.sha256(m).hexdigest()}  {name}\n" for name, m in members.items())
    with zipfile.ZipFile(PATH, "w") as archive:
        for name, member in {**members, "SHA256SUMS": sums.encode()}.items():
            archive.writestr(name, member)
    try:
        net = snn.load(PATH)
    except snn.FileFormatError:
        return False
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
        array = parse_idx(read_bytes(PATH), PATH)
    except DatasetError:
        return False
    assert array.dtype == np.uint8
    assert array.size > 0
    return True


TARGETS: list[Callable[[bytes], bool]] = [try_file, try_members, try_idx]


def try_one(data: bytes) -> tuple[str, bool]:
    """Run the target that the first byte names; return which it was, and whether it was read."""
    target = TARGETS[data[0] % len(TARGETS)] if data else try_file
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    is_read = target(data[1:])
    peak = tracemalloc.get_traced_memory()[1] - before
    assert peak < MEMORY, f"{target.__name__} took {peak} bytes"
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
