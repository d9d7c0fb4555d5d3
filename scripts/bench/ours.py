"""minisnn's own training step as a contestant beside the peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import minisnn as snn
from minisnn.kernels.program.graphs import BLAS, COMPLETE, EDGES, Graph
from minisnn.kernels.program.plan import Plan
from minisnn.kernels.program.records import DIFFERENTIATE, TRAIN
from minisnn.kernels.program.structure import chain
from minisnn.network.execution import Execution
from minisnn.network.samples import Samples
from minisnn.network.tables import Table
from minisnn.training.optimizer import updates_of

from .base import Array, Pairs, Problem


class Ours:
    """Training of a problem by minisnn.

    Parameters
    ----------
    problem
        Network to train; copied.
    threads
        Number of threads.
    batch_size
        Samples of a batch.
    blas
        Whether complete layers run on BLAS, or as CSR like any other.
    """

    is_sparse = True

    def __init__(self, problem: Problem, threads: int, batch_size: int, *, blas: bool) -> None:
        self.name = "minisnn, dense on BLAS" if blas else "minisnn, sparse"
        self.problem, self._threads, self._batch_size = problem, threads, batch_size
        graphs = [
            Graph(m.shape[1], m.shape[0], m.nnz, m.indptr.astype(np.int64), m.indices)
            for m in problem.masks
        ]
        # The last layer is complete and narrow, and none of the comparison's business.
        hidden = BLAS if blas else EDGES
        self._structure = chain(graphs, [*[hidden] * (len(graphs) - 1), BLAS if blas else COMPLETE])
        self._values = np.concatenate(
            [
                part
                for mask, biases in zip(problem.masks, problem.biases, strict=True)
                for part in (mask.data, biases)
            ]
        ).astype(np.float32)
        keeps_bytes = not blas and problem.images.dtype == np.uint8
        self.plan = Plan(
            self._structure, batch_size, np.float32, TRAIN, threads, keeps_bytes=keeps_bytes
        )
        self._optimizer = snn.NesterovSGD(problem.rate, problem.momentum)
        state = self._optimizer.initial_state(self._values)
        inputs, labels = Table(problem.images, "X"), Table(problem.labels, "Y")
        self._data = Samples(inputs, problem.scale, targets=labels)
        self._trainer = Execution(self.plan, self._values, state)

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Let so many threads be used: BLAS's too."""
        before = snn.get_num_threads()
        snn.set_num_threads(self._threads)
        try:
            yield
        finally:
            snn.set_num_threads(before)

    def steps(self, samples: Array) -> None:
        """Train on samples, one batch after another."""
        problem = self.problem
        n_steps = -(-len(samples) // self._batch_size)
        self._trainer.run(
            self._data,
            samples,
            updates=updates_of(self._optimizer, np.full(n_steps, problem.rate), 0),
        )

    def runner(self, rng: np.random.Generator) -> Callable[[int], None]:
        """Return a function that trains for ``n`` steps of samples chosen at random."""
        n_samples = len(self.problem.labels)
        self.steps(np.empty(0, dtype=np.int64))  # compiles

        def run(n_steps: int) -> None:
            self.steps(rng.integers(0, n_samples, n_steps * self._batch_size))

        return run

    def gradients(self, samples: Array) -> Pairs:
        """Return each layer's gradients of the weights and of the biases."""
        plan = Plan(
            self._structure,
            len(samples),
            np.float32,
            DIFFERENTIATE,
            self._threads,
            keeps_bytes=self.plan.keeps_bytes,
        )
        execution = Execution(plan, self._values)
        for chosen in (samples[:0], samples):  # compiled first
            execution.run(self._data, chosen)
        return list(self._split(execution.gradients))

    def parameters(self) -> Pairs:
        """Return copies of each layer's weights and biases."""
        return [(weights.copy(), biases.copy()) for weights, biases in self._split(self._values)]

    def _split(self, vector: Array) -> Iterator[tuple[Any, Any]]:
        begin = 0
        for graph in self._structure.graphs:
            end = begin + graph.n_edges
            yield vector[begin:end], vector[end : end + graph.n_out]
            begin = end + graph.n_out
