"""Export a dense network by emlearn and a sparse one by minisnn to C; print times and sizes.

Both are 784-100-10, trained by Adam for 20 epochs on the 4,000 digits that come with minisnn: the
dense one by scikit-learn, the sparse one with 10 edges for each pixel. The C programs predict the
1,000 test digits in turn, 31 times; microseconds of CPU time for one sample are medians. Bytes are
those of code, tables and static memory, compiled for a Cortex-M4 if arm-none-eabi-gcc is there,
without the C library. Needs gcc, and emlearn: pip install emlearn
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import warnings
from contextlib import chdir
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from program import Parser, run

import minisnn as snn
from minisnn._support.tables import align

_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#define TURNS 31
#define SAMPLES 1000
void dense_predict_all(const float *, float *);
void sparse_predict(const float *, float *);
void sparse8_predict(const float *, float *);
static float X[SAMPLES][784];
static unsigned char labels[SAMPLES];
static int in_order(const void *a, const void *b)
{
    return (*(clock_t *)a > *(clock_t *)b) - (*(clock_t *)a < *(clock_t *)b);
}
int main(void)
{
    void (*predict[3])(const float *, float *) = {
        dense_predict_all, sparse_predict, sparse8_predict};
    static clock_t times[3][TURNS];
    int right[3];
    FILE *file = fopen("digits", "rb");
    if (!file || fread(X, 784 * 4, SAMPLES, file) != SAMPLES
        || fread(labels, 1, SAMPLES, file) != SAMPLES)
        return 1;
    for (int turn = 0; turn < TURNS; turn++)
        for (int k = 0; k < 3; k++) {
            clock_t start = clock();
            right[k] = 0;
            for (int i = 0; i < SAMPLES; i++) {
                float out[10];
                int best = 0;
                predict[k](X[i], out);
                for (int j = 1; j < 10; j++)
                    best = out[j] > out[best] ? j : best;
                right[k] += best == labels[i];
            }
            times[k][turn] = clock() - start;
        }
    for (int k = 0; k < 3; k++) {
        qsort(times[k], TURNS, sizeof(clock_t), in_order);
        printf("%g %d\\n", 1e6 / CLOCKS_PER_SEC * times[k][TURNS / 2] / SAMPLES, right[k]);
    }
    return 0;
}
"""
_DENSE = """
#include "dense.h"
void dense_predict_all(const float *x, float *out) { eml_net_regress(&dense, x, 784, out, 10); }
"""
_CORTEX = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
_NAMES = ("dense", "sparse", "sparse8")


def write_sources(folder: Path) -> None:
    """Train both networks, and write their C code and the test digits."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    digits = snn.datasets.load_mnist("sample")
    X = np.float32(1 / 255) * digits.train_images.reshape(-1, 784)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier((100,), max_iter=20, random_state=0).fit(X, digits.train_labels)
    (folder / "dense.c").write_text(_DENSE)
    (folder / "main.c").write_text(_MAIN)

    graph = snn.topology.fibonacci_rotating(784, 100, degree=10)
    layers = [graph, snn.topology.dense(100, 10)]
    net = snn.MLP(layers, activation="relu", output_activation="softmax", seed=0)
    snn.train(net, X, digits.train_labels, optimizer=snn.Adam(0.003), epochs=20, seed=0)
    snn.export_c(net, folder / "sparse.c")
    snn.export_c(net, folder / "sparse8.c", int8=True)
    test = np.float32(1 / 255) * digits.test_images.reshape(-1, 784)
    (folder / "digits").write_bytes(test.tobytes() + digits.test_labels.astype(np.uint8).tobytes())
    with np.errstate(), chdir(folder):  # its import changes the one, and it compiles in the other
        dense = import_module("emlearn").convert(model, method="inline")
    dense.save(file=str(folder / "dense.h"), name="dense")


def measure(folder: Path, include: Path) -> list[list[str]]:
    """Compile and run; return a row of time, accuracy and bytes for each network."""
    cross = shutil.which("arm-none-eabi-gcc")
    sources = [f"{name}.c" for name in (*_NAMES, "main")]
    options = ["-std=gnu99", "-w", f"-I{include}"]

    def output(*command: str) -> str:
        return subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True
        ).stdout

    output("gcc", "-O2", *options, *sources, "-lm", "-o", "compare")
    rows = []
    for name, line in zip(_NAMES, output("./compare").splitlines(), strict=True):
        time, right = line.split()
        text = static = "-"
        if cross:
            output(cross, *_CORTEX, "-Os", *options, "-c", f"{name}.c", "-o", f"{name}.o")
            sizes = output("arm-none-eabi-size", f"{name}.o").splitlines()[1].split()
            text, static = f"{int(sizes[0]):,}", f"{int(sizes[1]) + int(sizes[2]):,}"
        rows.append([name, f"{int(right) / 10:.1f} %", f"{float(time):.1f}", text, static])
    return rows


def main(argv: list[str] | None = None) -> None:
    """Compare, and print the table."""
    Parser(description=__doc__).parse_args(argv)
    spec = find_spec("emlearn")
    if spec is None or spec.origin is None:
        sys.exit("error: emlearn is not installed; run: pip install emlearn")
    with tempfile.TemporaryDirectory() as folder:
        write_sources(Path(folder))
        rows = measure(Path(folder), Path(spec.origin).parent)
    print(align(["", "accuracy", "us a sample", "flash, bytes", "RAM, bytes"], rows))


if __name__ == "__main__":
    sys.exit(run(main, "sklearn"))
