"""JAX on the CPU, without its sparse arrays: their backward pass gathers edges times batch."""

from __future__ import annotations

import importlib
import os
from typing import Any, ClassVar

import numpy as np

from .base import Array, Pairs, Peer, Problem, edge_positions


class JaxDense(Peer):
    """One jitted function for the whole step, with donated buffers.

    JAX takes its number of threads from the variable NPROC when it starts, and cannot change it.

    Raises
    ------
    RuntimeError
        If a peer with another number of threads was made in this process before.
    """

    name = "JAX dense"
    packages = ("jax",)
    started_with: ClassVar[int | None] = None

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.jax: Any = importlib.import_module("jax")
        if JaxDense.started_with not in (None, threads):
            raise RuntimeError(
                f"JAX cannot change the number of threads that it started with, "
                f"{JaxDense.started_with}; use another process for {threads}"
            )
        before = os.environ.get("NPROC")
        os.environ["NPROC"] = str(threads)
        cpu = self.jax.devices("cpu")[0]  # starts it
        JaxDense.started_with = threads
        if before is None:
            del os.environ["NPROC"]
        else:
            os.environ["NPROC"] = before

        self.compile()
        weights = [mask.toarray() for mask in problem.masks]
        parameters = list(zip(weights, (bias.copy() for bias in problem.biases), strict=True))
        velocities = self.jax.tree.map(np.zeros_like, parameters)
        self.state = self.jax.device_put((parameters, velocities), cpu)
        self.data = self.jax.device_put((problem.images, problem.labels.astype(np.int32)), cpu)

    def compile(self) -> None:
        """Write the step down for the compiler."""
        jax, take = self.jax, self.jax.numpy.take
        n_classes = self.problem.biases[-1].size
        problem = self.problem
        rate, momentum, scale = map(np.float32, (problem.rate, problem.momentum, problem.scale))

        def loss(parameters: Any, samples: Any, images: Any, labels: Any) -> Any:
            # clip: by default, indices out of bounds are looked for
            values = take(images, samples, axis=0, mode="clip").astype(np.float32) * scale
            targets = jax.nn.one_hot(take(labels, samples, mode="clip"), n_classes)
            for weights, bias in parameters:
                values = jax.nn.sigmoid(values @ weights.T + bias)
            return jax.numpy.mean((values - targets) ** 2)

        def step(parameters: Any, velocities: Any, *batch: Any) -> Any:
            gradients = jax.grad(loss)(parameters, *batch)
            velocities = jax.tree.map(lambda v, g: momentum * v - rate * g, velocities, gradients)
            parameters = jax.tree.map(
                lambda w, v, g: w + momentum * v - rate * g, parameters, velocities, gradients
            )
            return parameters, velocities

        self.train = jax.jit(step, donate_argnums=(0, 1))
        self.differentiate = jax.jit(jax.grad(loss))

    def step(self, samples: Array) -> None:
        """Train on the samples with these numbers, int64, and wait for the end."""
        self.state = self.jax.block_until_ready(self.train(*self.state, samples, *self.data))

    def gradients(self, samples: Array) -> Pairs:
        """Return each layer's gradients of the weights, edges in CSR order, and of the biases."""
        return self.on_edges(self.differentiate(self.state[0], samples, *self.data))

    def parameters(self) -> Pairs:
        """Return copies of each layer's weights, edges in CSR order, and of its biases."""
        return self.on_edges(self.state[0])

    def on_edges(self, pairs: Any) -> Pairs:
        """Return copies, of the matrices only the edges."""
        return [
            (np.asarray(matrix).ravel()[edge_positions(mask)], np.array(vector))
            for mask, (matrix, vector) in zip(self.problem.masks, pairs, strict=True)
        ]
