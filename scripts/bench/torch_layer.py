"""Benchmark of sparse layers in PyTorch: full training steps with its autograd and its optimizer.

A step: forward, cross-entropy, backward, Nesterov SGD (PyTorch's fused one), on batches that are
ready in memory. All contestants are one network, hidden layers of a density and a complete last
layer, with ReLUs between them. They differ in the hidden layers alone, but for `SparseStack`, which
has the last layer, too. The hidden layer alone, forward and backward, is timed beside them, and so
is the rest of a step, which all have in common: hidden layers that do nothing, with as many weights
for the optimizer. No layer, however fast, takes a step below it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import minisnn as snn
from minisnn._support.tables import align

from .base import Pairs, Problem
from .measure import interleaved, limited, median
from .steps import check_gradients, make_problem

GOALS = {"best sparse peer": (3.0, 1.0), "nn.Linear": (1.0, 0.3)}
"""Beside whom, how many times as fast, and up to which density."""

OURS = "SparseLinear"
DENSE = ("nn.Linear", "nn.Linear * mask")
SPARSE = ("PyTorch CSR", "SparseLab", "torchsparsegradutils")
REST = "hidden layers that do nothing"
_CALL = (16, 8), 2, 8
"""Shape, degree and batch of the layer whose calls are nearly all overhead."""
_BATCHES = 8


def measure_torch_layer(
    widths: Sequence[int],
    densities: Sequence[float],
    threads: Sequence[int],
    *,
    batch_size: int = 128,
    rounds: int = 7,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the time of a training step of each contestant, in turn.

    Gradients of all contestants are compared with ours before anything is timed.

    Parameters
    ----------
    widths
        Neurons of each layer, the inputs first.
    densities, threads
        Densities and numbers of threads to measure.
    batch_size, rounds
        Samples of a step; turns of each contestant.
    report
        Told what is going on.
    """
    rows = []
    for n_threads in threads:
        for density in densities:
            report(f"{'-'.join(map(str, widths))}, {density:.0%}, {n_threads} thread(s)")
            problem = make_problem(widths, density, data="floats", n_samples=_BATCHES * batch_size)
            times, alone = _one(problem, n_threads, batch_size, rounds)
            rows.append(
                {
                    "density": density,
                    "threads": n_threads,
                    "milliseconds": {name: 1e3 * median(values) for name, values in times.items()},
                    "ratios": {name: _ratio(values, times[OURS]) for name, values in times.items()},
                    "alone": {name: 1e3 * median(values) for name, values in alone.items()},
                    "ratios_alone": {
                        name: _ratio(values, alone[OURS]) for name, values in alone.items()
                    },
                    "rounds": {name: [1e3 * v for v in values] for name, values in times.items()},
                }
            )
    report("calls of a small layer")
    calls = _calls(rounds)
    return {"widths": list(widths), "batch_size": batch_size, "rows": rows, "calls": calls}


def _ratio(values: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median of the ratios of turns in the same round."""
    return median([value / own for value, own in zip(values, ours, strict=True)])


@contextmanager
def _limits(n_threads: int) -> Iterator[None]:
    torch = importlib.import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        with limited(n_threads):
            yield
    finally:
        torch.set_num_threads(before)


def _one(
    problem: Problem, n_threads: int, batch_size: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the times of steps, and those of the first layer alone, by contestant."""
    with _limits(n_threads):
        sides = {name: Side(problem, name, batch_size) for name in contestants()}
        expected = sides[OURS].gradients()
        for name, side in sides.items():
            check_gradients(name, expected, side.gradients())
        sides[REST] = Side(problem, REST, batch_size)
    works = [
        {name: side.steps for name, side in sides.items()},
        {name: side.layers for name, side in sides.items() if name in (OURS, DENSE[0], *SPARSE)},
    ]
    steps, alone = (
        interleaved(work, limits=dict.fromkeys(work, lambda: _limits(n_threads)), rounds=rounds)
        for work in works
    )
    return steps, alone


def contestants() -> list[str]:
    """Return the names of those whose packages are installed."""
    from .torch_sparse_peers import GradUtils, SparseLab

    there = {peer.name for peer in (SparseLab, GradUtils) if peer.missing() is None}
    return [OURS, "SparseStack", *DENSE, SPARSE[0], *(name for name in SPARSE[1:] if name in there)]


class Side:
    """A network of PyTorch, and its training.

    Parameters
    ----------
    problem
        Network to train; copied.
    name
        One of `contestants`, or `REST`.
    batch_size
        Samples of a batch.
    """

    def __init__(self, problem: Problem, name: str, batch_size: int) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.problem, nn = problem, self.torch.nn
        *hidden, last = zip(problem.masks, problem.biases, strict=True)
        if name == "SparseStack":
            stack = importlib.import_module("minisnn.torch").SparseStack
            self.model = stack([self._ours(*each) for each in (*hidden, last)])
            self._layers = list(self.model.layers)
        else:
            make: Any = {
                OURS: self._ours,
                DENSE[0]: self._dense,
                DENSE[1]: lambda *each: masked_linear(self.torch, self._dense(*each), each[0]),
                REST: lambda *each: nothing(self.torch, batch_size, *each),
            }.get(name, lambda *each: by_kernels(self.torch, name, problem, *each))
            self._layers = [*(make(*each) for each in hidden), self._dense(*last)]
            parts = [part for layer in self._layers for part in (layer, nn.ReLU())]
            self.model = nn.Sequential(*parts[:-1])
        self._optimizer = self.torch.optim.SGD(
            self.model.parameters(), lr=problem.rate, momentum=problem.momentum, nesterov=True,
            fused=True,
        )  # fmt: skip
        shape = -1, batch_size, problem.images.shape[1]
        self._inputs = self.torch.tensor(problem.images * np.float32(problem.scale)).view(shape)
        self._labels = self.torch.tensor(problem.labels).view(-1, batch_size)
        self._next = 0

    def _dense(self, mask: Any, bias: Any) -> Any:
        layer = self.torch.nn.Linear(mask.shape[1], mask.shape[0])
        layer.weight.data = self.torch.tensor(mask.toarray())
        layer.bias.data = self.torch.tensor(bias)
        return layer

    def _ours(self, mask: Any, bias: Any) -> Any:
        n_out, n_in = mask.shape
        graph = snn.Topology(n_in, n_out, mask.indptr, mask.indices)
        layer = importlib.import_module("minisnn.torch").SparseLinear(graph)
        layer.weight.data.copy_(self.torch.tensor(mask.data))
        layer.bias.data.copy_(self.torch.tensor(bias))
        return layer

    def _loss(self, number: int) -> Any:
        outputs = self.model(self._inputs[number])
        return self.torch.nn.functional.cross_entropy(outputs, self._labels[number])

    def steps(self, n: int) -> None:
        """Train for so many steps."""
        for _ in range(n):
            self._optimizer.zero_grad()
            self._loss(self._next).backward()
            self._optimizer.step()
            self._next = (self._next + 1) % len(self._inputs)

    def layers(self, n: int) -> None:
        """Go forward and back through the first layer alone, so many times."""
        layer, shape = self._layers[0], (self._inputs.shape[1], self.problem.masks[0].shape[0])
        given = self.torch.ones(shape)
        for _ in range(n):
            self._optimizer.zero_grad()
            self.torch.autograd.backward(layer(self._inputs[self._next]), given)
            self._next = (self._next + 1) % len(self._inputs)

    def gradients(self) -> Pairs:
        """Return each layer's gradients of the weights, edges in CSR order, and of the biases."""
        self._optimizer.zero_grad()
        self._loss(0).backward()
        found = []
        for layer, mask in zip(self._layers, self.problem.masks, strict=True):
            gradient = layer.weight.grad.numpy()
            if hasattr(layer, "on_edges"):
                gradient = layer.on_edges(layer.weight.grad)
            elif gradient.ndim == 2:
                rows = np.repeat(np.arange(mask.shape[0]), np.diff(mask.indptr))
                gradient = gradient[rows, mask.indices]
            found.append((gradient.copy(), layer.bias.grad.numpy().copy()))
        return found


def masked_linear(torch: Any, layer: Any, mask: Any) -> Any:
    """Return a dense layer whose weight is multiplied by a mask at each call."""
    layer.register_buffer("mask", torch.tensor((mask.toarray() != 0).astype(np.float32)))
    layer.forward = lambda x: torch.nn.functional.linear(x, layer.weight * layer.mask, layer.bias)
    return layer


def nothing(torch: Any, batch_size: int, mask: Any, bias: Any) -> Any:
    """Return a layer whose outputs are always the same, and gradients of its parameters zero."""
    outputs = torch.randn(batch_size, mask.shape[0])

    class Function(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, bias: Any, gradients: Any) -> Any:
            ctx.gradients = x.new_zeros(()).expand(x.shape), *gradients
            return outputs.view_as(outputs)

        @staticmethod
        def backward(ctx: Any, given: Any) -> Any:
            return *ctx.gradients, None

    class Layer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(mask.data))
            self.bias = torch.nn.Parameter(torch.tensor(bias))
            self.gradients = torch.zeros_like(self.weight), torch.zeros_like(self.bias)

        def forward(self, x: Any) -> Any:
            return Function.apply(x, self.weight, self.bias, self.gradients)

    return Layer()


def by_kernels(torch: Any, name: str, problem: Problem, mask: Any, bias: Any) -> Any:
    """Return a layer of a peer's products, with the gradients of its weights by edges.

    The products are those that `torch_peers` has found to be fastest, in an autograd function. They
    take activations feature-major, so that inputs are transposed, and outputs are a transpose.
    """
    from . import torch_peers, torch_sparse_peers

    kinds: dict[str, Any] = {
        SPARSE[0]: torch_peers._TorchCSR,
        SPARSE[1]: torch_sparse_peers._SparseLab,
        SPARSE[2]: torch_sparse_peers._GradUtils,
    }

    class Function(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, kernels: Any, x: Any, weight: Any, bias: Any) -> Any:
            inputs = x.t().contiguous()
            ctx.kernels, ctx.inputs = kernels, inputs
            kernels.bias = bias.detach()
            return kernels.forward(inputs).t()

        @staticmethod
        def backward(ctx: Any, given: Any) -> Any:
            delta = given.t().contiguous()
            by_x = ctx.kernels.input_gradient(delta).t() if ctx.needs_input_grad[1] else None
            by_weight = ctx.kernels.weights_gradient(delta, ctx.inputs)
            return None, by_x, by_weight.clone(), delta.sum(1)

    class Layer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()

            class Options:  # of a peer, which its layers read
                pass

            options: Any = Options()
            options.problem = problem
            self.kernels = kinds[name](mask, bias, options)
            # The optimiser's steps are in place: the kernels see them.
            self.weight = torch.nn.Parameter(self.kernels.weights.detach())
            self.bias = torch.nn.Parameter(self.kernels.bias)

        def forward(self, x: Any) -> Any:
            return Function.apply(self.kernels, x, self.weight, self.bias)

        def on_edges(self, gradient: Any) -> Any:
            return self.kernels.on_edges(gradient)

    return Layer()


# Calls


def _calls(rounds: int) -> dict[str, dict[str, float]]:
    """Return microseconds of calls of a small layer, ours and a dense one, in turn."""
    torch: Any = importlib.import_module("torch")
    sparse_linear = importlib.import_module("minisnn.torch").SparseLinear
    (n_in, n_out), degree, size = _CALL
    x, given = torch.randn(size, n_in), torch.ones(size, n_out)
    graph = snn.topology.constant_degree(n_in, n_out, degree=degree, seed=0)

    def work(layer: Any, *, trains: bool) -> Callable[[int], None]:
        def run(n: int) -> None:
            for _ in range(n):
                if trains:
                    torch.autograd.backward(layer(x), given)
                else:
                    with torch.no_grad():
                        layer(x)

        return run

    layers = {OURS: sparse_linear(graph), DENSE[0]: torch.nn.Linear(n_in, n_out)}
    kinds = {"forward, no_grad": False, "forward and backward": True}
    found: dict[str, dict[str, float]] = {}
    for kind, trains in kinds.items():
        times = interleaved(
            {name: work(layer, trains=trains) for name, layer in layers.items()},
            limits=dict.fromkeys(layers, lambda: _limits(1)),
            rounds=rounds,
        )
        found[kind] = {name: 1e6 * median(values) for name, values in times.items()}
    return found


# Output


def table(result: dict[str, Any]) -> str:
    """Return the medians in milliseconds, and how many times as long others take as we do."""
    parts = []
    for n_threads in sorted({row["threads"] for row in result["rows"]}):
        rows = [row for row in result["rows"] if row["threads"] == n_threads]
        names = list(rows[0]["milliseconds"])
        head = ["milliseconds a step", *(f"{100 * row['density']:.3g} %" for row in rows)]
        lines = [[name, *(f"{row['milliseconds'][name]:.3f}" for row in rows)] for name in names]
        for other, (goal, densest) in GOALS.items():
            best = [_times_as_long(row, other) for row in rows]
            lines.append([f"{other} / {OURS}", *(f"{ratio:.2f} x" for ratio in best)])
            goals = [f"{goal:g} x" if row["density"] <= densest else "-" for row in rows]
            lines.append(["  goal", *goals])
            best = [_times_as_long(row, other) / row["ratios"][REST] for row in rows]
            lines.append(
                ["  with a layer that takes no time", *(f"{ratio:.2f} x" for ratio in best)]
            )
        stack = [row["ratios"]["SparseStack"] for row in rows]
        lines.append([f"SparseStack / {OURS}", *(f"{ratio:.2f} x" for ratio in stack)])
        for name in rows[0]["alone"]:
            lines.append([f"{name}, layer alone", *(f"{row['alone'][name]:.3f}" for row in rows)])
        best = [_times_as_long(row, "best sparse peer", "ratios_alone") for row in rows]
        lines.append(["best sparse peer / ours, alone", *(f"{ratio:.2f} x" for ratio in best)])
        title = f"{'-'.join(map(str, result['widths']))}, batch {result['batch_size']}, "
        title += f"{n_threads} thread{'s' * (n_threads > 1)}"
        parts.append(f"{title}\n{align(head, lines)}")
    calls = [
        [kind, *(f"{found[name]:.0f}" for name in (OURS, DENSE[0]))]
        for kind, found in result["calls"].items()
    ]
    (n_in, n_out), degree, size = _CALL
    small = f"a call of {n_in}-{n_out}, {degree} edges an input, batch {size}, us"
    return "\n\n".join([*parts, align([small, OURS, DENSE[0]], calls)])


def _times_as_long(row: dict[str, Any], other: str, of: str = "ratios") -> float:
    ratios = row[of]
    if other in ratios:
        return float(ratios[other])
    return float(min(ratios[name] for name in SPARSE if name in ratios))
