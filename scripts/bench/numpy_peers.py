"""NumPy, and the sparse products of SciPy and MKL on NumPy's arrays."""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from scipy.linalg import blas
from threadpoolctl import ThreadpoolController

from .base import Array, LayeredPeer, Peer, Problem, edge_positions, transposed_order

HALF, ONE = np.float32(0.5), np.float32(1)
EDGES_AT_ONCE = 2048  # their rows of a batch of 128 fit a core's cache
EDGEWISE_DENSITY = 0.035  # where dot products by edges begin to beat a dense product on one thread


def product(a: Array, b: Array, out: Array, alpha: float = 1, beta: float = 0) -> None:
    """Compute alpha·a·b + beta·out in place; `out` is C-contiguous, a and b are so either way.

    SciPy's BLAS can add to `out`, and all products run in it, as NumPy's has a pool of threads of
    its own: when the two took turns, each turn cost 4 ms on 2 cores.
    """
    left, right = (x.T if x.flags.c_contiguous else x for x in (b, a))  # outᵀ = bᵀ·aᵀ
    blas.sgemm(alpha, left, right, beta, out.T, left is b, right is a, overwrite_c=True)


class _Dense:
    """A dense layer in NumPy."""

    def __init__(self, mask: Any, bias: Array, peer: Peer) -> None:
        self.bias, self.bias_velocity = bias.copy(), np.zeros_like(bias)
        self.rate, self.momentum = float(peer.problem.rate), float(peer.problem.momentum)
        self.edges = edge_positions(mask)
        self.set_weights(mask, peer.threads)

    def set_weights(self, mask: Any, threads: int) -> None:
        self.weights = mask.toarray()
        self.velocity = np.zeros_like(self.weights)

    def forward(self, inputs: Array, out: Array) -> None:
        product(self.weights, inputs, out)
        np.add(out, self.bias[:, None], out=out)

    def input_gradient(self, delta: Array, out: Array) -> None:
        product(self.weights.T, delta, out)

    def weights_gradient(self, delta: Array, inputs: Array) -> Array:
        return delta @ inputs.T

    def update(self, delta: Array, inputs: Array) -> None:
        # The gradient is added to the velocity by the product itself. As -eta·g = v - mu·v_old,
        # the new weights are w - mu·v_old + (1 + mu)·v.
        weights, velocity = self.weights.reshape(-1), self.velocity.reshape(-1)
        blas.saxpy(velocity, weights, a=-self.momentum)
        product(delta, inputs.T, self.velocity, -self.rate, self.momentum)
        blas.saxpy(velocity, weights, a=1 + self.momentum)
        self.nesterov(self.bias, self.bias_velocity, delta.sum(axis=1))

    def nesterov(self, values: Array, velocity: Array, gradient: Array) -> None:
        np.multiply(gradient, self.rate, out=gradient)
        np.multiply(velocity, self.momentum, out=velocity)
        np.subtract(velocity, gradient, out=velocity)
        np.subtract(values, gradient, out=values)
        np.multiply(velocity, self.momentum, out=gradient)
        np.add(values, gradient, out=values)

    def on_edges(self, matrix: Array) -> Array:
        return matrix.ravel()[self.edges]


class _SciPy(_Dense):
    """A CSR layer: SciPy's products, and the weights' gradient as a dense product or by edges."""

    def set_weights(self, mask: Any, threads: int) -> None:
        self.matrix = mask.copy()
        self.weights = self.matrix.data
        self.velocity, self.gradient = np.zeros_like(mask.data), np.empty_like(mask.data)
        self.edgewise = mask.nnz * threads < EDGEWISE_DENSITY * mask.shape[0] * mask.shape[1]
        if self.edgewise:
            self.rows, self.columns = np.divmod(self.edges, mask.shape[1])
            self.gathered = np.empty((2, EDGES_AT_ONCE, 0), np.float32)
        else:
            self.dense = np.empty(mask.shape, np.float32)

    def forward(self, inputs: Array, out: Array) -> None:
        np.add(self.matrix @ inputs, self.bias[:, None], out=out)

    def input_gradient(self, delta: Array, out: Array) -> None:
        out[:] = self.matrix.T @ delta  # a CSC array that shares the values

    def weights_gradient(self, delta: Array, inputs: Array) -> Array:
        # mode: by default, take fills a copy of `out`
        if not self.edgewise:
            product(delta, inputs.T, self.dense)
            return np.take(self.dense.reshape(-1), self.edges, out=self.gradient, mode="clip")
        if self.gathered.shape[2] != delta.shape[1]:
            self.gathered = np.empty((2, EDGES_AT_ONCE, delta.shape[1]), np.float32)
        for first in range(0, self.edges.size, EDGES_AT_ONCE):
            part = slice(first, min(first + EDGES_AT_ONCE, self.edges.size))
            left, right = self.gathered[:, : part.stop - first]
            np.take(delta, self.rows[part], axis=0, out=left, mode="clip")
            np.take(inputs, self.columns[part], axis=0, out=right, mode="clip")
            np.vecdot(left, right, out=self.gradient[part])
        return self.gradient

    def update(self, delta: Array, inputs: Array) -> None:
        self.nesterov(self.weights, self.velocity, self.weights_gradient(delta, inputs))
        self.nesterov(self.bias, self.bias_velocity, delta.sum(axis=1))

    def on_edges(self, matrix: Array) -> Array:
        return matrix.copy()


class _MKL(_SciPy):
    """A CSR layer: MKL's products, and the weights' gradient as SciPy's layer computes it."""

    def set_weights(self, mask: Any, threads: int) -> None:
        super().set_weights(mask, 1)  # BLAS has one thread beside MKL, see MKLCSR.limits
        self.dot = importlib.import_module("sparse_dot_mkl").dot_product_mkl
        # a stored transpose: MKL is many times slower with a CSC array
        transposed = transposed_order(mask)
        self.order = transposed.data
        self.transposed = transposed.astype(np.float32)

    def forward(self, inputs: Array, out: Array) -> None:
        out[:] = self.bias[:, None]
        self.dot(self.matrix, inputs, out=out, out_scalar=1.0)  # adds to `out`

    def input_gradient(self, delta: Array, out: Array) -> None:
        np.take(self.weights, self.order, out=self.transposed.data, mode="clip")
        self.dot(self.transposed, delta, out=out, out_scalar=0.0)


class NumPyDense(LayeredPeer):
    """NumPy by hand, in place, in buffers that are kept; the products in SciPy's BLAS."""

    name = "NumPy dense"
    layer = dense_layer = _Dense
    batch = 0

    def allocate(self, batch: int) -> None:
        """Make the buffers."""
        self.batch, n_inputs = batch, self.problem.images.shape[1]
        self.pixels = np.empty((batch, n_inputs), self.problem.images.dtype)
        # dense products take either order, and with this one scaling need not transpose
        order: Any = "C" if self.is_sparse else "F"
        self.inputs = np.empty((n_inputs, batch), np.float32, order)
        self.outputs, self.deltas, self.slopes = (
            [np.empty((bias.size, batch), np.float32) for bias in self.problem.biases]
            for _ in range(3)
        )

    def backward(self, samples: Array) -> Iterator[tuple[Any, Any, Any]]:
        """Yield layers, last first, with the gradients of pre-activations, and the inputs."""
        if samples.size != self.batch:
            self.allocate(samples.size)
        np.take(self.problem.images, samples, axis=0, out=self.pixels, mode="clip")
        np.multiply(self.pixels.T, np.float32(self.problem.scale), out=self.inputs)
        values = self.inputs
        for layer, output in zip(self.layers, self.outputs, strict=True):
            layer.forward(values, output)
            # the sigmoid as (1 + tanh(z/2))/2, in half the time of 1/(1 + exp(-z))
            np.multiply(output, HALF, out=output)
            np.tanh(output, out=output)
            np.add(output, ONE, out=output)
            values = np.multiply(output, HALF, out=output)
        delta = self.deltas[-1]
        np.copyto(delta, values)
        delta[self.problem.labels[samples], np.arange(samples.size)] -= 1
        np.multiply(delta, np.float32(2 / delta.size), out=delta)
        for k in reversed(range(len(self.layers))):
            np.subtract(ONE, self.outputs[k], out=self.slopes[k])
            np.multiply(self.slopes[k], self.outputs[k], out=self.slopes[k])
            delta = np.multiply(self.deltas[k], self.slopes[k], out=self.deltas[k])
            if k:
                self.layers[k].input_gradient(delta, self.deltas[k - 1])
            yield self.layers[k], delta, self.outputs[k - 1] if k else self.inputs


class SciPyCSR(NumPyDense):
    """SciPy's CSR products, which run on one thread, and BLAS on all."""

    name = "SciPy CSR"
    is_sparse = keeps_edges = True
    layer = _SciPy


def mkl_library() -> str | None:
    """Return where MKL is: sparse_dot_mkl does not look where pip installs it."""
    with suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("mkl") or ():
            if "mkl_rt" in file.name:
                return os.path.realpath(str(file.locate()))
    return ctypes.util.find_library("mkl_rt")


class MKLCSR(NumPyDense):
    """MKL's CSR products through sparse_dot_mkl."""

    name = "MKL CSR"
    is_sparse = keeps_edges = True
    packages = ("sparse_dot_mkl",)
    layer = _MKL

    def __init__(self, problem: Problem, threads: int) -> None:
        if library := mkl_library():
            os.environ.setdefault("MKL_RT", library)
        super().__init__(problem, threads)

    @classmethod
    def missing(cls) -> str | None:
        """Return the name of a package that is not installed, if there is one."""
        is_found = "MKL_RT" in os.environ or mkl_library()
        return super().missing() or (None if is_found else "mkl")

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let MKL use `threads` threads, and OpenBLAS one: two pools delay each other."""
        control = ThreadpoolController()
        with super().limits(), control.select(internal_api="openblas").limit(limits=1):
            yield
