"""Machine code of the kernels: speed that can be read instead of timed."""

from __future__ import annotations

import re
from typing import Any

import numba
import numpy as np
import pytest
from compiled import COMPILED_ONLY
from naive import random_structure
from numba.core.runtime import _nrt_python, rtsys

import minisnn as snn
from minisnn.kernels.functions import activations, losses
from minisnn.kernels.functions import optimizers as updates
from minisnn.kernels.functions.activations import ACTIVATIONS, IDENTITY, slopes_at, values_at
from minisnn.kernels.layers import complete
from minisnn.kernels.layers import sparse as products
from minisnn.kernels.machine.cpu import TARGET
from minisnn.kernels.machine.jit import FASTMATH
from minisnn.kernels.machine.parts import Kernel
from minisnn.kernels.program.engine import execute
from minisnn.kernels.program.graphs import BLAS, COMPLETE, EDGES, Graph
from minisnn.kernels.program.plan import Plan
from minisnn.kernels.program.records import TRAIN
from minisnn.kernels.program.structure import chain
from minisnn.network.execution import Execution
from minisnn.network.losses import LOSSES
from minisnn.network.samples import Samples
from minisnn.network.tables import Table
from minisnn.training.optimizer import updates_of

pytestmark = [
    COMPILED_ONLY,
    pytest.mark.skipif(bool(numba.config.BOUNDSCHECK), reason="checks of bounds are in the loops"),
]
TILE = (0,) * 8
PART = complete.part_of(TILE)
_X86, _AARCH64 = TARGET.architecture == "x86-64", TARGET.architecture == "aarch64"
KNOWN = pytest.mark.skipif(not (_X86 or _AARCH64), reason="names of other instructions")
REGISTER = {64: "zmm", 32: "ymm", 16: "xmm"}[TARGET.register_bytes]


def packed(real: Any, register: str = "") -> str:
    """The pattern of a multiply-add on a vector; where none is fused, of its multiplication."""
    single = real is np.float32
    if _AARCH64:  # "fmla v0.4s, ..." or, on macOS, "fmla.4s v0, ..."
        return rf"\bfml[as](?:\s+v\d+)?\.{'4s' if single else '2d'}"
    name = r"vfn?m(?:add|sub)\w+" if TARGET.fuses else "v?mul"
    return rf"\b{name}{'ps' if single else 'pd'}\b.*%{register}"


SINGLE = r"\bfn?madd\s+s" if _AARCH64 else r"\bv?(?:fn?madd\w+|mul|add)ss\b"
STORE = r"\bst[rpu]r?\s+q" if _AARCH64 else rf"\bv?mov\w+\s+%{REGISTER}\d+, .*\("


def assembly(kernel: Any, *arguments: Any) -> str:
    """The machine code of a kernel by itself, compiled anew."""
    options: Any = {"fastmath": set(FASTMATH), "error_model": "numpy", "nogil": True}
    function = numba.njit(kernel.py_func, pipeline_class=Kernel, **options)
    function(*arguments)
    (text,) = function.inspect_asm().values()
    return str(text)


def innermost_loops(text: str) -> list[str]:
    """The code between a label and the nearest jump back to it."""
    lines, loops = text.splitlines(), []
    labels = {m[1]: k for k, line in enumerate(lines) if (m := re.match(r"(\.?LBB\w+):", line))}
    for k, line in enumerate(lines):
        target = re.match(r"\s+(?:j|b|cb|tb)\S*\s+(?:\S+,\s*)*(\.?LBB\w+)", line)
        if target and target[1] in labels and labels[target[1]] < k:
            body = lines[labels[target[1]] : k]
            if not any(re.match(r"\.?LBB\w+:", inner) for inner in body[1:]):
                loops.append("\n".join(body))
    return loops


def arrays(real: Any = np.float32) -> dict[str, Any]:
    return {
        "starts": np.array([[0, 2], [2, 4]], dtype=np.uint32),
        "indices": np.array([0, 1, 0, 1], dtype=np.uint16),
        "edges": np.arange(4, dtype=np.uint32),
        "w": np.ones(4, real),
        "b": np.ones(2, real),
        "A": np.ones((2, 128), real),
        "one": real(1),
    }


def kernel_calls() -> dict[str, tuple[Any, ...]]:
    a = arrays()
    starts, indices, edges, w, b, A, one = a.values()
    W, f, slopes = w.reshape(2, 2), values_at(IDENTITY, w.dtype), slopes_at(IDENTITY, w.dtype)
    return {
        "forward": (
            products.forward, TILE, starts, indices, w, b, A, one, f, A.copy(), 0, 2,
        ),
        "weight gradient": (
            products.weight_gradient, TILE, starts, indices, A, A, w.copy(), (0, 2), (0, 1),
        ),
        "input gradient": (
            products.input_gradient,
            TILE, starts, indices, edges, w, A, A, slopes, one, A.copy(), 0, 2,
        ),
        "complete forward": (
            complete.complete_forward, PART, W, A, A.copy(), A[:0], (0, 2), (0, 64),
        ),
        "complete input gradient": (
            complete.complete_input_gradient, PART, W, A, A, slopes, one, A.copy(), 0, 2,
        ),
    }  # fmt: skip


@KNOWN
@pytest.mark.parametrize(
    "name",
    ["forward", "weight gradient", "input gradient", "complete forward", "complete input gradient"],
)
def test_an_edge_is_operations_on_whole_registers(name: str) -> None:
    """Eight in a row, fused where the CPU can; the accumulators stay where they are."""
    kernel, *arguments = kernel_calls()[name]
    text = assembly(kernel, *arguments)
    whole = name == "weight gradient"  # its loop has a branch in it, and ends in sums over lanes
    loops = [text] if whole else innermost_loops(text)
    several = [loop for loop in loops if len(re.findall(packed(np.float32, REGISTER), loop)) >= 8]
    assert several, f"no loop of {name} has the operations of an edge"
    if not whole:
        several = [loop for loop in several if not re.findall(STORE, loop)]
        assert several, "the accumulators leave their registers"
        several = [loop for loop in several if not re.findall(SINGLE, loop)]
        assert several, "single numbers in the loop over the edges"


def curves(real: Any) -> dict[str, tuple[int, tuple[Any, ...]]]:
    """Kernels with curves in them: how many fused operations a value takes, and a call."""
    a = arrays(real)
    A, one = a["A"], a["one"]
    T, dZ, workspace, shares = A.copy(), A.copy(), np.ones((3, 128), real), np.ones(8)
    none = np.empty(0)  # all samples count as one
    state, row = np.ones((2, 999), real), np.ones(updates.N_COEFFICIENTS)
    weights, gradients = np.ones((2, 999), real)
    step = row, one, True, weights, state, 0, gradients, np.zeros(1, np.int64)
    return {
        "sigmoid": (8, (ACTIVATIONS["sigmoid"].values, A[0], one, one)),
        "tanh": (8, (ACTIVATIONS["tanh"].values, A[0], one, one)),
        "softmax": (8, (activations.softmax, A, workspace, 0, 128)),
        "binary cross-entropy": (
            16, (losses.binary_cross_entropy, TILE, A, T, 128, 256.0, none, shares, dZ, 0, 2),
        ),
        "cross-entropy": (
            8, (losses.cross_entropy, A, T, 128, none, workspace, shares, dZ, 0, 128),
        ),
        "sgd": (2, (updates.OPTIMIZERS["sgd"].step, *step)),
        "adam": (3, (updates.OPTIMIZERS["adam"].step, *step)),
    }  # fmt: skip


@KNOWN
@pytest.mark.parametrize("name", list(curves(np.float32)))
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_curves_are_straight_code_on_vectors(real: Any, name: str) -> None:
    """Whole registers, where LLVM can: without AVX2 there are half as many integers to a register.

    Updates' are as wide as LLVM prefers for loops that wait for memory, on some CPUs half of one.
    """
    n_fused, (kernel, *arguments) = curves(real)[name]
    text = assembly(kernel, *arguments)
    calls = r"\b(exp|log|log1p|expm1|tanh|fma|floor|sqrt)f?\b"
    assert not re.search(calls, text), "a call to libm"
    loops = innermost_loops(text)
    register = "" if name in updates.OPTIMIZERS or real is np.float64 else REGISTER
    assert any(len(re.findall(packed(real, register), loop)) >= n_fused for loop in loops)


@pytest.mark.parametrize("optimizer", [snn.NesterovSGD(1.0), snn.Adam(clip_norm=1.0)], ids=repr)
@pytest.mark.parametrize("products", [COMPLETE, BLAS])
def test_a_step_allocates_nothing(products: str, optimizer: Any) -> None:
    """BLAS's products alone are made by a function that could: the others are compiled not to."""
    rng = np.random.default_rng(0)
    indptr, indices = random_structure(rng, 20, 30, 0.3)
    graphs = [Graph(20, 30, len(indices), indptr, indices), Graph(30, 4, 120)]
    structure = chain(graphs, [EDGES, products], ["relu", "softmax"])
    parameters = np.zeros(len(indices) + 30 + 124, np.float32)
    clips = optimizer.clip_norm is not None
    plan = Plan(structure, 16, np.float32, TRAIN, 1, logits=True, clips=clips)
    trainer = Execution(plan, parameters, optimizer.initial_state(parameters))
    X, labels = rng.random((50, 20), dtype=np.float32), rng.integers(0, 4, 50)
    data = Samples(Table(X, "X"), 1.0, targets=Table(labels, "Y"))
    loss = LOSSES["cross_entropy"]

    def allocations(n_steps: int) -> int:
        samples = rng.integers(0, 50, 16 * n_steps)
        before = rtsys.get_allocation_stats()
        trainer.run(data, samples, loss=loss, updates=updates_of(optimizer, np.ones(n_steps), 0))
        after = rtsys.get_allocation_stats()
        assert after.alloc - before.alloc == after.free - before.free
        return int(after.alloc - before.alloc)

    trainer.run(data, np.empty(0, np.int64), loss=loss)
    assert execute.signatures
    _nrt_python.memsys_enable_stats()
    try:
        assert allocations(10) == allocations(1000) == 0
    finally:
        _nrt_python.memsys_disable_stats()
